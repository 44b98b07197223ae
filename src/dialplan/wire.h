/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What core, the zygote and the sandboxes say to each other; both ends are of one build.
 *
 * Control socket (core and zygote, SOCK_SEQPACKET): every packet is one struct wire_control.
 * WIRE_FORKED carries core's end of the sandbox's channel (SCM_RIGHTS).
 *
 * Channel (core and one sandbox, SOCK_SEQPACKET): JSON texts. A packet is one byte, WIRE_MORE or
 * WIRE_LAST, and a piece of the text; WIRE_LAST ends it.
 *   to the sandbox    {"run": {"script", "name", "input"}}      starts a run
 *                     {"answer": N, "result": …}                of command N
 *                     {"answer": N, "stop": true}               … and the run is to end
 *                     {"stop": true}                            the run is to end
 *   from the sandbox  {"command": N, "name": "dial", "args": …} waits for its answer
 *                     {"log": "text"}                           waits for nothing
 *                     {"end": "done"|"error"|"killed", "message", "line", "spent", "memory_kb"}
 */
#ifndef DIALPLAN_WIRE_H
#define DIALPLAN_WIRE_H

#include <stdint.h>

enum {
	WIRE_MORE = 'm',
	WIRE_LAST = 'l',
	WIRE_PACKET_MAX = 16384,
	WIRE_TO_SANDBOX_MAX = 4 << 20, /* a script of 256 kB, every byte escaped, and its request */
	WIRE_FROM_SANDBOX_MAX = 256 << 10, /* a command with its arguments */
	WIRE_LOG_MAX = 2000, /* bytes of a log line */
};

enum wire_kind {
	/* to the zygote */
	WIRE_FORK = 1, /* sandbox, memory_mb, cpu_s */
	WIRE_KILL, /* sandbox: SIGKILL */
	WIRE_INTERRUPT, /* sandbox: look at your channel, there is a stop */
	WIRE_CPU, /* sandbox: cpu_s more from now on */
	/* from the zygote */
	WIRE_READY,
	WIRE_FORKED, /* sandbox, pid */
	WIRE_FORK_FAILED, /* sandbox, status: errno */
	WIRE_EXITED, /* sandbox, pid, status as from wait(), cpu_us, memory_kb */
};

struct wire_control {
	uint32_t kind;
	int32_t pid;
	uint64_t sandbox;
	int32_t status;
	uint32_t memory_mb, cpu_s;
	uint32_t reserved;
	uint64_t cpu_us, memory_kb;
};

#endif
