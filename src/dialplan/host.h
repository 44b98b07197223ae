/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dialplan host: runs scripts in the sandboxes of the dialplan process (tandem-dialplan), which
 * the supervisor starts and restarts. It lives on one thread's event loop, the core's main one;
 * every worker has an engine (dialplan/engine.h) that reaches it by messages.
 *
 * Sandboxes: some are forked ahead; the first run of a customer takes one of them, which then
 * belongs to that customer and waits for the next run. One is ended after runs_max runs, after
 * idle_s without work, when it has grown, when a run left something that cannot be taken away, and
 * when a run broke a limit. When there are sandboxes_max, the one unused for longest makes room:
 * for a run that waits, and ahead, so that `spare` (at most an eighth of all) are there unused.
 *
 * A run waits in a bounded queue for a sandbox, at most for queue_s; so runs also survive a restart
 * of the dialplan process that has not begun them. Those that had begun end as KILLED.
 *
 * A sandbox is never believed: what it says is bounded, checked and counted; the first wrong word
 * ends it.
 *
 * dialplan_host_stop, then let the loop run out, then dialplan_host_free; when the workers have
 * ended.
 */
#ifndef DIALPLAN_HOST_H
#define DIALPLAN_HOST_H

#include <uv.h>

#include "base/lock.h"
#include "dialplan/engine.h"

enum { DIALPLAN_SCRIPT_MAX = 256 << 10 }; /* bytes */

enum { DIALPLAN_COMMON_MAX = 64 << 10 };

struct dialplan_config {
	unsigned sandboxes_max; /* of all customers, idle ones included */
	unsigned spare; /* forked ahead */
	unsigned runs_max; /* runs of one sandbox, then it is renewed */
	unsigned runs_per_customer_max; /* at a time, unless the customer has a number */
	unsigned run_s; /* time for a script, without what Dial and Extend add */
	unsigned run_max_s; /* … with it */
	unsigned memory_mb; /* of one sandbox */
	unsigned cpu_s; /* processor time of one run */
	unsigned log_lines_max; /* of one run */
	unsigned idle_s; /* an idle sandbox is ended after that */
	unsigned queue_max, queue_s; /* runs waiting for a sandbox, and for how long */
	unsigned grace_ms; /* for ensure blocks of a script that was told to end */
	struct str common; /* text in front of every script, in UTF-8; the host takes a copy */
};

void dialplan_config_default(struct dialplan_config *cfg);

struct dialplan_host;

/* events may be NULL. */
struct dialplan_host *dialplan_host_new(
	uv_loop_t *loop, struct event_bus *events, const struct dialplan_config *cfg);
/*
 * The control socket of a started tandem-dialplan: our end of a socketpair(AF_UNIX,
 * SOCK_SEQPACKET), the other end of which it was given with --control FD. Owned from here on.
 * Whatever was attached before is given up.
 */
void dialplan_host_attach(struct dialplan_host *h, int control);
/* The worker's engine; owned by the host. Before the loop runs, or on its thread. */
struct dialplan_engine *dialplan_host_engine(struct dialplan_host *h, struct worker *w);
void dialplan_host_stop(struct dialplan_host *h);
void dialplan_host_free(struct dialplan_host *h);

struct dialplan_stats {
	bool attached;
	unsigned spare, warm, running, forking, queued;
	uint64_t runs, forks, killed, refused;
};
void dialplan_host_stats(const struct dialplan_host *h, struct dialplan_stats *out);
void dialplan_host_report_locks(struct dialplan_host *h, lock_report_fn *report, void *arg);

#endif
