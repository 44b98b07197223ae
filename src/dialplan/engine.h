/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dialplan engine as a call sees it: it starts a script, answers the commands that the script
 * gives, and hears how it ended. What is behind it (sandboxes, processes) is dialplan/host.h; the
 * replay harness has an engine that plays steps from the scenario.
 *
 * Commands and answers are JSON values (jansson). A command blocks its script until it is answered.
 * The call decides what a script may do; nothing that comes from a sandbox is trusted.
 *
 * All of it on the worker that owns the call. Callbacks never come within a call to the engine.
 */
#ifndef DIALPLAN_ENGINE_H
#define DIALPLAN_ENGINE_H

#include <jansson.h>

#include "directory/directory.h"
#include "loop/worker.h"

struct dialplan_engine;

enum dialplan_end {
	DIALPLAN_END_DONE, /* ran to its end, or stopped as asked */
	DIALPLAN_END_ERROR, /* an exception or syntax error: message, line */
	DIALPLAN_END_KILLED, /* a limit: message says which */
	DIALPLAN_END_REFUSED, /* could not be started: engine overloaded, not running */
};

struct dialplan_start {
	const struct dialplan *plan; /* script and name; a reference is taken */
	struct str customer;
	struct str call; /* our call id, for events */
	/*
	 * What the script sees, an object (reference is stolen):
	 *   { "direction": "in"|"out", "username": customer, "dialplan": name,
	 *     "account": { "username", "domain" } or null,
	 *     "provider": name, when one of the customer's providers calls,
	 *     "request": { "method", "uri", "headers": [[name, value] …], "body",
	 *                  "remote": "udp:1.2.3.4:5060", "local": … } }
	 */
	json_t *input;
	unsigned scripts_max; /* concurrent runs of this customer; 0: default */
};

struct dialplan_handlers {
	/*
	 * The script gave a command, e.g. "dial", {"string": …, "ring": 30}. `args` is borrowed.
	 * Answer it once with dialplan_answer, now or later.
	 */
	void (*on_command)(
		void *arg, uint64_t run, uint32_t command, const char *name, json_t *args);
	/* Last callback of the run. line 0: unknown. */
	void (*on_end)(
		void *arg, uint64_t run, enum dialplan_end end, struct str message, unsigned line);
};

struct dialplan_engine_ops {
	enum err (*start)(struct dialplan_engine *e, const struct dialplan_start *s,
		const struct dialplan_handlers *h, void *arg, uint64_t *run);
	void (*answer)(struct dialplan_engine *e, uint64_t run, uint32_t command, json_t *result);
	void (*extend)(struct dialplan_engine *e, uint64_t run, unsigned seconds);
	void (*stop)(struct dialplan_engine *e, uint64_t run);
	void (*detach)(struct dialplan_engine *e, uint64_t run);
};

struct dialplan_engine {
	const struct dialplan_engine_ops *ops;
	struct worker *worker;
};

/* ERR_LIMIT: the customer's concurrent runs, or the engine's; input is released in every case. */
MUST_USE static inline enum err dialplan_start(struct dialplan_engine *e,
	const struct dialplan_start *s, const struct dialplan_handlers *h, void *arg, uint64_t *run)
{
	return e->ops->start(e, s, h, arg, run);
}

/*
 * result is stolen: {"result": value} goes back to the script; {"stop": true} raises
 * "Thread was being aborted." in it (facts 3.5): the call was answered or is over.
 */
static inline void dialplan_answer(
	struct dialplan_engine *e, uint64_t run, uint32_t command, json_t *result)
{
	e->ops->answer(e, run, command, result);
}

/* Moves the run's deadline to now + seconds (Dial: ring time-out + 60). */
static inline void dialplan_extend(struct dialplan_engine *e, uint64_t run, unsigned seconds)
{
	e->ops->extend(e, run, seconds);
}

/* Aborts the script (caller cancelled …): its ensure blocks run, on_end comes. */
static inline void dialplan_stop(struct dialplan_engine *e, uint64_t run)
{
	e->ops->stop(e, run);
}

/* dialplan_stop, and no more callbacks. */
static inline void dialplan_detach(struct dialplan_engine *e, uint64_t run)
{
	e->ops->detach(e, run);
}

#endif
