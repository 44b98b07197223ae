/* SPDX-License-Identifier: BSD-3-Clause */
/* When a worker counts as overloaded, what it then refuses, and how it gets out again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop/loop.h"

enum { TARGET_MS = 20, TARGET_US = TARGET_MS * 1000, INTERVAL_MS = 100, TURNS = 5, EACH = 4 };

struct test {
	struct overload o;
	uint64_t now_ms;
	unsigned changes; /* begins and ends */
};

static int setup(void **state)
{
	static struct test t;

	t = (struct test){ .now_ms = 5000 };
	overload_init(&t.o, TARGET_MS);
	*state = &t;
	return 0;
}

static void turn(struct test *t, unsigned messages, uint32_t waited_us)
{
	for (unsigned i = 0; i < messages; i++)
		overload_arrived(&t->o, waited_us);
	t->changes += overload_end_turn(&t->o, t->now_ms);
}

/* So many intervals in which messages wait that long, and the turn that ends the last of them. */
static void intervals(struct test *t, unsigned n, uint32_t waited_us)
{
	for (unsigned i = 0; i < n * TURNS; i++) {
		turn(t, EACH, waited_us);
		t->now_ms += INTERVAL_MS / TURNS;
	}
	turn(t, 0, 0);
}

static void test_short_waits_are_fine(void **state)
{
	struct test *t = *state;

	intervals(t, 20, TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_FINE);
	t->o.waited_us = 10 * TARGET_US;
	assert_false(overload_refuses(&t->o, OVERLOAD_CALL, DEMAND_EXCESS));
	assert_int_equal(t->o.counters.refused, 0);
}

static void test_a_standing_queue_begins_shedding(void **state)
{
	struct test *t = *state;

	intervals(t, 2, TARGET_US + 1000);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
	assert_int_equal(t->changes, 1);
}

/* One turn of an interval that had nothing old means that the queue was empty then. */
static void test_a_burst_is_no_standing_queue(void **state)
{
	struct test *t = *state;

	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < TURNS; k++) {
			turn(t, EACH, k == 2 ? 100 : 10 * TARGET_US);
			t->now_ms += INTERVAL_MS / TURNS;
		}
	}
	assert_int_equal(overload_level(&t->o), OVERLOAD_FINE);
}

/* The last datagram of a turn always came just now; the oldest one tells. */
static void test_the_oldest_of_a_turn_counts(void **state)
{
	struct test *t = *state;

	for (unsigned i = 0; i < 3 * TURNS; i++) {
		overload_arrived(&t->o, 4 * TARGET_US);
		turn(t, EACH, 0);
		t->now_ms += INTERVAL_MS / TURNS;
	}
	turn(t, 0, 0);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
}

/* A thread that did not get to run, on a machine that is busy with other things. */
static void test_few_messages_say_nothing(void **state)
{
	struct test *t = *state;

	for (unsigned i = 0; i < 100; i++) {
		turn(t, 1, 50 * TARGET_US);
		t->now_ms += INTERVAL_MS / TURNS;
	}
	assert_int_equal(overload_level(&t->o), OVERLOAD_FINE);
}

static void test_zero_turns_it_off(void **state)
{
	struct test *t = *state;

	overload_init(&t->o, 0);
	overload_lost(&t->o, 100);
	intervals(t, 20, 1000000);
	assert_int_equal(overload_level(&t->o), OVERLOAD_FINE);
}

static bool refused(
	struct test *t, uint32_t waited_us, enum overload_work w, enum overload_demand d)
{
	bool yes;

	t->o.waited_us = waited_us;
	yes = overload_refuses(&t->o, w, d);
	counter_add(&t->o.counters.refused, yes);
	return yes;
}

static void test_what_is_refused_depends_on_its_own_wait(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 2 * TARGET_US);
	assert_false(refused(t, TARGET_US, OVERLOAD_CALL, DEMAND_NORMAL));
	assert_true(refused(t, TARGET_US + 1, OVERLOAD_CALL, DEMAND_NORMAL));
}

static void test_work_that_was_begun_is_preferred(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 2 * TARGET_US);
	assert_true(refused(t, 2 * TARGET_US, OVERLOAD_CALL, DEMAND_NORMAL));
	assert_false(refused(t, 2 * TARGET_US, OVERLOAD_CALL_BEGUN, DEMAND_NORMAL));
	assert_false(refused(t, 2 * TARGET_US, OVERLOAD_OTHER, DEMAND_NORMAL));
	assert_true(refused(t, 3 * TARGET_US, OVERLOAD_OTHER, DEMAND_NORMAL));
	assert_false(refused(t, 3 * TARGET_US, OVERLOAD_OTHER_BEGUN, DEMAND_NORMAL));
}

static void test_who_asks_for_little_is_preferred(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 2 * TARGET_US);
	assert_true(refused(t, TARGET_US, OVERLOAD_CALL, DEMAND_EXCESS));
	assert_false(refused(t, TARGET_US, OVERLOAD_CALL, DEMAND_NORMAL));
	assert_true(refused(t, 2 * TARGET_US, OVERLOAD_CALL, DEMAND_NORMAL));
	assert_false(refused(t, 2 * TARGET_US, OVERLOAD_CALL, DEMAND_LIGHT));
}

static void test_it_ends_when_things_were_calm_for_a_while(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 2 * TARGET_US);
	intervals(t, 20, 100);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
	intervals(t, 11, 100);
	assert_int_equal(overload_level(&t->o), OVERLOAD_FINE);
	assert_int_equal(t->changes, 2);
}

static void test_it_ends_without_messages_too(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 2 * TARGET_US);
	for (unsigned i = 0; i < 40; i++) {
		t->now_ms += INTERVAL_MS;
		turn(t, 0, 0);
	}
	assert_int_equal(overload_level(&t->o), OVERLOAD_FINE);
}

/* The queue is short because somebody is refused. */
static void test_it_does_not_end_while_somebody_is_refused(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 2 * TARGET_US);
	for (unsigned i = 0; i < 100; i++) {
		intervals(t, 1, 100);
		assert_true(refused(t, TARGET_US, OVERLOAD_CALL, DEMAND_EXCESS));
	}
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
	assert_int_equal(t->changes, 1);
}

static void test_what_the_kernel_loses_is_overload(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 100);
	overload_lost(&t->o, 3);
	intervals(t, 1, 100);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
	assert_int_equal(t->o.counters.lost, 3);
}

/* The socket holds less than the delay: refusing begins before it is full. */
static void test_losses_make_refusing_begin_earlier(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 2 * TARGET_US);
	assert_false(refused(t, TARGET_US, OVERLOAD_CALL, DEMAND_NORMAL));
	overload_lost(&t->o, 1);
	intervals(t, 1, TARGET_US);
	assert_true(refused(t, TARGET_US, OVERLOAD_CALL, DEMAND_NORMAL));
	assert_true(refused(t, TARGET_US / 2 + 1000, OVERLOAD_CALL, DEMAND_NORMAL));
	for (unsigned i = 0; i < 60; i++)
		intervals(t, 1, TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
	assert_false(refused(t, TARGET_US, OVERLOAD_CALL, DEMAND_NORMAL));
}

static void test_the_ladder(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 20 * TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
	intervals(t, 2, 20 * TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_DROPPING);
	assert_true(t->o.hopeless);
	intervals(t, 2, 20 * TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_DROPPING_ALL);
	intervals(t, 10, 20 * TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_DROPPING_ALL);
	intervals(t, 6, 100);
	assert_int_equal(overload_level(&t->o), OVERLOAD_DROPPING);
	assert_false(t->o.hopeless);
	intervals(t, 5, 100);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
	intervals(t, 31, 100);
	assert_int_equal(overload_level(&t->o), OVERLOAD_FINE);
}

/* Then it is no longer worth an answer. */
static void test_much_refusing_is_a_reason_to_climb(void **state)
{
	struct test *t = *state;

	intervals(t, 2, 2 * TARGET_US);
	for (unsigned i = 0; i < OVERLOAD_REFUSED_MAX - 1; i++)
		refused(t, 2 * TARGET_US, OVERLOAD_CALL, DEMAND_EXCESS);
	assert_false(overload_refused_many(&t->o));
	intervals(t, 1, 2 * TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
	for (unsigned i = 0; i < OVERLOAD_REFUSED_MAX; i++)
		refused(t, 2 * TARGET_US, OVERLOAD_CALL, DEMAND_EXCESS);
	assert_true(overload_refused_many(&t->o));
	intervals(t, 1, 2 * TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_DROPPING);
	assert_false(overload_refused_many(&t->o));
	for (unsigned i = 0; i < OVERLOAD_REFUSED_MAX; i++)
		refused(t, 2 * TARGET_US, OVERLOAD_CALL, DEMAND_EXCESS);
	intervals(t, 1, 2 * TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_DROPPING);
}

/* Refusing that keeps the queue at a bearable length is enough. */
static void test_a_queue_that_stands_is_no_reason_to_climb(void **state)
{
	struct test *t = *state;

	intervals(t, 50, 3 * TARGET_US);
	assert_int_equal(overload_level(&t->o), OVERLOAD_SHEDDING);
}

/* Streams have no time stamps: what is read now came, on average, in the turn before. */
static void test_what_streams_waited_is_estimated(void **state)
{
	struct loop l = { .turn_began_us = 1000000, .busy_us = 60000 };
	struct worker w = { .loop = &l, .clock.wall_us = 1020000 };

	worker_arrived(&w, loop_arrival_us(&w));
	assert_int_equal(w.overload.waited_us, 50000);
}

static void test_a_clock_that_was_set_is_no_wait(void **state)
{
	struct worker w = { .clock.wall_us = 1000000 };

	worker_arrived(&w, 2000000);
	assert_int_equal(w.overload.waited_us, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_short_waits_are_fine, setup),
		cmocka_unit_test_setup(test_a_standing_queue_begins_shedding, setup),
		cmocka_unit_test_setup(test_a_burst_is_no_standing_queue, setup),
		cmocka_unit_test_setup(test_the_oldest_of_a_turn_counts, setup),
		cmocka_unit_test_setup(test_few_messages_say_nothing, setup),
		cmocka_unit_test_setup(test_zero_turns_it_off, setup),
		cmocka_unit_test_setup(test_what_is_refused_depends_on_its_own_wait, setup),
		cmocka_unit_test_setup(test_work_that_was_begun_is_preferred, setup),
		cmocka_unit_test_setup(test_who_asks_for_little_is_preferred, setup),
		cmocka_unit_test_setup(test_it_ends_when_things_were_calm_for_a_while, setup),
		cmocka_unit_test_setup(test_it_ends_without_messages_too, setup),
		cmocka_unit_test_setup(test_it_does_not_end_while_somebody_is_refused, setup),
		cmocka_unit_test_setup(test_what_the_kernel_loses_is_overload, setup),
		cmocka_unit_test_setup(test_losses_make_refusing_begin_earlier, setup),
		cmocka_unit_test_setup(test_the_ladder, setup),
		cmocka_unit_test_setup(test_much_refusing_is_a_reason_to_climb, setup),
		cmocka_unit_test(test_what_streams_waited_is_estimated),
		cmocka_unit_test(test_a_clock_that_was_set_is_no_wait),
		cmocka_unit_test_setup(test_a_queue_that_stands_is_no_reason_to_climb, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
