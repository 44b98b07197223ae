/* SPDX-License-Identifier: BSD-3-Clause */
/* The timing wheel against a plain list: every timer fires once, in order, in its millisecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/random.h"
#include "loop/wheel.h"

enum { TIMERS = 2000 };

struct probe {
	struct timer timer;
	uint64_t want_ms; /* 0: stopped */
	struct world *world;
	unsigned fired;
};

struct world {
	struct wheel wheel;
	struct rng rng;
	struct probe probes[TIMERS];
	uint64_t last_ms;
};

static uint64_t some_delay(struct rng *r)
{
	static const unsigned bits[] = { 3, 8, 9, 12, 16, 17, 24, 30, 33, 38 };

	return rng_u64(r) & ((1ULL << bits[rng_below(r, 10)]) - 1);
}

static void start(struct world *w, struct probe *p, uint64_t delay)
{
	timer_start(&w->wheel, &p->timer, delay);
	p->want_ms = w->wheel.now_ms + (delay ? delay : 1);
}

static void on_fire(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);
	struct world *w = p->world;

	assert_int_equal(p->want_ms, w->wheel.now_ms);
	assert_true(w->wheel.now_ms >= w->last_ms);
	w->last_ms = w->wheel.now_ms;
	p->want_ms = 0;
	p->fired++;
	if (rng_below(&w->rng, 4) == 0)
		start(w, p, some_delay(&w->rng));
	if (rng_below(&w->rng, 4) == 0) {
		struct probe *other = &w->probes[rng_below(&w->rng, TIMERS)];

		timer_stop(&w->wheel, &other->timer);
		other->want_ms = 0;
	}
}

static uint64_t next_wanted(struct world *w)
{
	uint64_t min = UINT64_MAX;

	for (int i = 0; i < TIMERS; i++)
		if (w->probes[i].want_ms && w->probes[i].want_ms < min)
			min = w->probes[i].want_ms;
	return min;
}

static void run(uint64_t seed, uint64_t begin_ms)
{
	struct world *w = mem_new(struct world);

	rng_init_seed(&w->rng, seed);
	wheel_init(&w->wheel, begin_ms);
	for (int i = 0; i < TIMERS; i++) {
		w->probes[i].world = w;
		timer_init(&w->probes[i].timer, on_fire);
		start(w, &w->probes[i], some_delay(&w->rng));
	}
	for (int step = 0; step < 3000; step++) {
		uint64_t to = w->wheel.now_ms + some_delay(&w->rng);

		assert_int_equal(next_wanted(w), wheel_next_ms(&w->wheel));
		assert_true(wheel_wake_ms(&w->wheel) <= next_wanted(w));
		assert_true(wheel_wake_ms(&w->wheel) > w->wheel.now_ms);
		if (rng_below(&w->rng, 2) && wheel_next_ms(&w->wheel) != UINT64_MAX)
			to = wheel_next_ms(&w->wheel);
		wheel_advance(&w->wheel, to);
		assert_int_equal(w->wheel.now_ms, to);
		assert_true(next_wanted(w) > to);
		start(w, &w->probes[rng_below(&w->rng, TIMERS)], some_delay(&w->rng));
	}
	free(w);
}

static void test_against_list(void **state)
{
	run(1, 0);
	run(2, 1234567890123ULL);
	run(3, (1ULL << 40) - 77);
	run(4, (1ULL << 32) - 1);
}

static void count_fire(struct timer *t)
{
	(*(unsigned *)(t + 1))++;
}

static void test_far_away_is_clamped(void **state)
{
	struct {
		struct timer t;
		unsigned fired;
	} far = { .fired = 0 };
	struct wheel *w = mem_new(struct wheel);

	wheel_init(w, 500);
	timer_init(&far.t, count_fire);
	timer_start(w, &far.t, UINT64_MAX);
	assert_int_equal(wheel_advance(w, 1ULL << 38), 0);
	assert_true(timer_armed(&far.t));
	timer_stop(w, &far.t);
	timer_stop(w, &far.t);
	assert_int_equal(wheel_next_ms(w), UINT64_MAX);
	assert_int_equal(far.fired, 0);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_list),
		cmocka_unit_test(test_far_away_is_clamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
