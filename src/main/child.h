/* SPDX-License-Identifier: BSD-3-Clause */
/* A process that the supervisor keeps running. */
#ifndef MAIN_CHILD_H
#define MAIN_CHILD_H

#include <sys/types.h>

#include "base/clock.h"

enum { CHILD_BACKOFF_MIN_MS = 100, CHILD_BACKOFF_MAX_MS = 10000, CHILD_SETTLED_MS = 30000 };

struct child {
	const char *name;
	pid_t pid; /* 0: not running */
	unsigned backoff_ms;
	uint64_t started_ms;
	uint64_t restart_ms; /* when it is due; only while it is not running */
};

struct child_start {
	int program; /* descriptor of the file to run */
	const char *const *argv;
	const char *tunables; /* of the C library (GLIBC_TUNABLES), unless it is set; or NULL */
	const int *fds; /* what it finds open as 3, 4, … */
	unsigned fd_count;
	bool drop; /* run as uid, gid */
	uid_t uid;
	gid_t gid;
};

/* The child leads a process group of its own, and dies with us. ERR_IO: it could not be started. */
MUST_USE enum err child_start(struct child *c, const struct child_start *s, uint64_t now_ms);
/* It has ended: when it is due again. */
void child_ended(struct child *c, uint64_t now_ms);

#endif
