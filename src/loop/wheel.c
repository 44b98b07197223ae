/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Level 0 has a slot a millisecond for the next 256 ms, level 1 a slot for 256 ms each, and so on:
 * 2^40 ms in all. A timer sits in the level of the highest byte in which its time differs from
 * now; when time reaches the start of a slot of a higher level, its timers move down.
 */
#include "loop/wheel.h"
#include "base/err.h"

enum { BITS = 8, MASK = WHEEL_SLOTS - 1 };

#define WHEEL_REACH_MS ((1ULL << (BITS * WHEEL_LEVELS)) - 1)

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	w->now_ms = now_ms;
	w->armed = 0;
	memset(w->used, 0, sizeof(w->used));
	for (int level = 0; level < WHEEL_LEVELS; level++)
		for (int slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	list_init(&t->link);
	t->due_ms = 0;
	t->fire = fire;
}

static unsigned slot_of(uint64_t ms, int level)
{
	return (unsigned)(ms >> (BITS * level)) & MASK;
}

static void place(struct wheel *w, struct timer *t)
{
	uint64_t differs = t->due_ms ^ w->now_ms;
	unsigned slot;
	int level = 0;

	while (level + 1 < WHEEL_LEVELS && differs >> (BITS * (level + 1)))
		level++;
	slot = slot_of(t->due_ms, level);
	w->used[level][slot / 64] |= 1ULL << slot % 64;
	list_append(&w->slots[level][slot], &t->link);
}

void timer_start(struct wheel *w, struct timer *t, uint64_t after_ms)
{
	if (after_ms > WHEEL_REACH_MS / 2)
		after_ms = WHEEL_REACH_MS / 2;
	timer_stop(w, t);
	/* never within the present millisecond: it may be firing just now */
	t->due_ms = w->now_ms + (after_ms ? after_ms : 1);
	w->armed++;
	place(w, t);
}

void timer_stop(struct wheel *w, struct timer *t)
{
	if (!timer_armed(t))
		return;
	list_del(&t->link);
	w->armed--;
}

/* First slot of a level, from the present one on, that has timers; WHEEL_SLOTS when there is none.
 */
static unsigned first_used(struct wheel *w, int level)
{
	unsigned slot = slot_of(w->now_ms, level);

	while (slot < WHEEL_SLOTS) {
		uint64_t *word = &w->used[level][slot / 64];
		uint64_t from_here = *word >> slot % 64;

		if (!from_here) {
			slot = (slot / 64 + 1) * 64;
			continue;
		}
		slot += (unsigned)__builtin_ctzll(from_here);
		if (!list_empty(&w->slots[level][slot]))
			return slot;
		*word &= ~(1ULL << slot % 64); /* its timers were stopped */
	}
	return slot;
}

/* Timers that wrapped past the top level's end: they stand in slots before the present one. */
static bool wrapped(const struct wheel *w)
{
	for (unsigned slot = 0; slot < slot_of(w->now_ms, WHEEL_LEVELS - 1); slot++)
		if (!list_empty(&w->slots[WHEEL_LEVELS - 1][slot]))
			return true;
	return false;
}

static uint64_t earliest(const struct list *slot)
{
	uint64_t min = UINT64_MAX;

	list_each (it, slot) {
		const struct timer *t = container_of(it, struct timer, link);

		if (t->due_ms < min)
			min = t->due_ms;
	}
	return min;
}

uint64_t wheel_next_ms(struct wheel *w)
{
	uint64_t min = UINT64_MAX;

	if (w->armed == 0)
		return min;
	for (int level = 0; level < WHEEL_LEVELS; level++) {
		unsigned slot = first_used(w, level);

		if (slot < WHEEL_SLOTS)
			return earliest(&w->slots[level][slot]);
	}
	for (unsigned slot = 0; wrapped(w) && slot < WHEEL_SLOTS; slot++) {
		uint64_t at = earliest(&w->slots[WHEEL_LEVELS - 1][slot]);

		if (at < min)
			min = at;
	}
	return min;
}

uint64_t wheel_wake_ms(struct wheel *w)
{
	if (w->armed == 0)
		return UINT64_MAX;
	for (int level = 0; level < WHEEL_LEVELS; level++) {
		unsigned slot = first_used(w, level);
		uint64_t above = w->now_ms >> BITS * (level + 1) << BITS * (level + 1);

		if (slot < WHEEL_SLOTS)
			return above | (uint64_t)slot << BITS * level;
	}
	return wheel_next_ms(w);
}

/* Time has come to `now_ms`, and no timer was due before: what stands in the slots of the higher
 * levels that begin here moves down. */
static void move_to(struct wheel *w, uint64_t now_ms)
{
	uint64_t before = w->now_ms;

	w->now_ms = now_ms;
	for (int level = WHEEL_LEVELS - 1; level > 0; level--) {
		struct list moving;

		if ((before ^ now_ms) >> (BITS * level) == 0)
			continue;
		list_init(&moving);
		list_splice(&moving, &w->slots[level][slot_of(now_ms, level)]);
		for (struct list *it; (it = list_pop(&moving));)
			place(w, container_of(it, struct timer, link));
	}
}

static unsigned fire_due(struct wheel *w)
{
	struct list *slot = &w->slots[0][slot_of(w->now_ms, 0)];
	unsigned fired = 0;

	for (struct list *it; (it = list_pop(slot)); fired++) {
		struct timer *t = container_of(it, struct timer, link);

		BUG_ON(t->due_ms != w->now_ms);
		w->armed--;
		t->fire(t);
	}
	return fired;
}

unsigned wheel_advance(struct wheel *w, uint64_t now_ms)
{
	unsigned fired = 0;

	for (;;) {
		uint64_t next = wheel_wake_ms(w);

		if (next > now_ms)
			break;
		move_to(w, next);
		fired += fire_due(w);
	}
	if (now_ms > w->now_ms)
		move_to(w, now_ms);
	return fired;
}
