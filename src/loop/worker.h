/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one thread that owns its event loop, timers, random numbers, transactions, dialogs
 * and calls. Nothing that it owns is locked. Others reach it only through worker_post().
 *
 * In replay tests a worker has no thread and no event loop: the harness moves clock and wheel and
 * runs the inbox by hand. Code in the roles cannot tell the difference.
 */
#ifndef LOOP_WORKER_H
#define LOOP_WORKER_H

#include "base/clock.h"
#include "base/list.h"
#include "base/random.h"
#include "loop/overload.h"
#include "loop/wheel.h"

struct event_bus;
struct loop;
struct inbox;

enum { WORKERS_MAX = 64 };

/* A message to a worker. Embedded in, and freed by, what it carries. */
struct inbox_item {
	struct inbox_item *next;
	void (*run)(
		struct inbox_item *item); /* on the worker's thread; owns the item from then on */
};

/* Something to do at the end of the present turn: freeing what a callback still stands on. */
struct deferred {
	struct list link;
	void (*run)(struct deferred *d);
};

struct worker {
	unsigned id; /* 0 … count-1 */
	unsigned count; /* number of workers in this process */
	struct clock clock;
	struct wheel wheel;
	struct rng rng;
	int64_t last_row; /* worker_row_id */
	struct event_bus *events;
	struct overload overload; /* is it keeping up? */
	struct timer overload_check; /* while it is not */
	struct list deferred;
	struct list turn_begin; /* struct turn_hook: before timers of the past fire */
	struct list turn_end; /* struct turn_hook: flush batches */
	struct inbox *inbox;
	struct loop *loop; /* NULL in replay */
};

/*
 * Called at the end of every turn, after deferred work: transport flushes its batches here. Or at
 * its beginning, when the clock says how long the thread slept and nothing was done yet.
 */
struct turn_hook {
	struct list link;
	void (*run)(struct turn_hook *h);
};

void worker_init(struct worker *w, unsigned id, unsigned count, struct event_bus *events);
void worker_fini(struct worker *w); /* runs what is deferred, drops nothing silently */
void worker_defer(struct worker *w, struct deferred *d, void (*run)(struct deferred *d));
void worker_on_turn_begin(struct worker *w, struct turn_hook *h, void (*run)(struct turn_hook *h));
void worker_on_turn_end(struct worker *w, struct turn_hook *h, void (*run)(struct turn_hook *h));

/*
 * Any thread. ERR_FULL when the bounded queue is at its maximum: the caller keeps the item and
 * decides (drop and count, or answer 503). Replies to work that the worker itself ordered use
 * worker_post_reply, which is never refused, because their number is bounded by the orders.
 */
MUST_USE enum err worker_post(struct worker *w, struct inbox_item *item);
void worker_post_reply(struct worker *w, struct inbox_item *item);
/* Several, linked by next: one wake-up. */
void worker_post_replies(
	struct worker *w, struct inbox_item *first, struct inbox_item *last, unsigned count);

/*
 * The message that is handled next arrived at that time (struct clock's wall_us); before each that
 * comes from outside. What admission judges by (loop/overload.h).
 */
void worker_arrived(struct worker *w, int64_t arrived_us);

/*
 * A number for a row in the store: no other worker gives it, and a worker's numbers grow with time
 * (41 bits of milliseconds since 1970, 10 of the worker's number, 12 to count).
 */
int64_t worker_row_id(struct worker *w);
/* The same, greater than a number that may be another worker's, or of a clock that was ahead. */
int64_t worker_row_id_after(struct worker *w, int64_t other);

/* Time is what the clock says: hooks, then timers. The loop and the replay harness call it. */
void worker_begin_turn(struct worker *w);
/* Ends a turn: deferred, hooks, until nothing is left. The loop and the replay harness call it. */
void worker_end_turn(struct worker *w);
/* Runs what is in the inbox now; returns how many. The loop and the replay harness call it. */
unsigned worker_run_inbox(struct worker *w);

/*
 * Owner encoding: the first two characters of every tag, branch (after the cookie) and token that
 * we make are the worker's number in base 36, so that whoever receives it finds the owner.
 */
void worker_token(struct worker *w, struct buf *out); /* owner + 16 random characters */
/* Worker named by such a token, modulo count; false when it is not one of ours. */
bool worker_of_token(struct str token, unsigned count, unsigned *worker);

#endif
