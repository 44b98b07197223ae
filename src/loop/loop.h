/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop of a thread (libuv). A turn: read the clock, run what is readable, the inbox,
 * due timers, then worker_end_turn().
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <uv.h>

#include "loop/worker.h"

struct loop {
	uv_loop_t uv;
	uv_timer_t wake; /* for the wheel's next timer */
	uv_async_t inbox; /* somebody posted */
	uv_prepare_t prepare;
	uv_check_t check;
	struct worker *worker;
	int64_t turn_began_us; /* wall clock; 0: it sleeps, or nothing was looked at yet */
	int64_t busy_us; /* how long the turn before took */
	bool stopping;
};

/*
 * Every libuv callback begins with it: reads the clock and fires the timers due before it, so that
 * what the callback starts is counted from now and not from when the loop went to sleep.
 */
void loop_tick(struct worker *w);
/*
 * When what is read from a stream in this turn arrived, on average: in the middle of the turn
 * before, if that had something to do. After loop_tick.
 */
int64_t loop_arrival_us(const struct worker *w);
MUST_USE enum err loop_init(struct loop *l, struct worker *w);
void loop_run(struct loop *l); /* until loop_stop */
void loop_stop(struct loop *l); /* any thread */
void loop_fini(struct loop *l);

#endif
