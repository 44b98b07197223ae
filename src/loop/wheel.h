/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timing wheel: hierarchical, millisecond resolution, O(1) start and stop. Timers are embedded
 * in what they belong to; whoever frees that stops its timers first. One owner thread.
 */
#ifndef LOOP_WHEEL_H
#define LOOP_WHEEL_H

#include "base/clock.h"
#include "base/list.h"

struct timer {
	struct list link; /* list_linked() when it is armed */
	uint64_t due_ms;
	void (*fire)(
		struct timer *t); /* container_of() finds the owner; may start or stop any timer */
};

enum { WHEEL_LEVELS = 5, WHEEL_SLOTS = 256 };

struct wheel {
	uint64_t now_ms; /* all timers due up to here have fired */
	size_t armed;
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t used[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* bit of a slot: it may have timers */
};

void wheel_init(struct wheel *w, uint64_t now_ms);
void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* Re-arms an armed timer. A timer never fires within the call that starts it. */
void timer_start(struct wheel *w, struct timer *t, uint64_t after_ms);
void timer_stop(struct wheel *w, struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
	return list_linked(&t->link);
}
/* Fires everything due up to now_ms in order of time; returns how many fired. */
unsigned wheel_advance(struct wheel *w, uint64_t now_ms);
/* When the next timer is due, UINT64_MAX when none is armed; looks at many timers. */
uint64_t wheel_next_ms(struct wheel *w);
/* The same or somewhat earlier, at once: for sleeping. */
uint64_t wheel_wake_ms(struct wheel *w);

#endif
