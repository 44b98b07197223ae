/* SPDX-License-Identifier: BSD-3-Clause */
/* Who asks for how much, and which datagrams of a flood are dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "transport/guard.h"

static void init(struct fair *f)
{
	struct rng rng;

	rng_init_seed(&rng, 7);
	fair_init(f, &rng, 8);
}

static struct addr at(const char *ip)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(str_of(ip), 5060, &a), ERR_OK);
	return a;
}

static uint32_t count(struct fair *f, const char *ip, unsigned n, uint64_t now_ms)
{
	struct addr a = at(ip);
	uint32_t last = 0;

	while (n--)
		last = fair_count(f, &a, now_ms);
	return last;
}

static void test_counts_by_address(void **state)
{
	struct fair f;
	struct addr other_port = at("192.0.2.1");

	init(&f);
	assert_int_equal(count(&f, "192.0.2.1", 3, 1000), 3);
	addr_set_port(&other_port, 9);
	assert_int_equal(fair_count(&f, &other_port, 1000), 4);
	assert_int_equal(count(&f, "192.0.2.2", 1, 1000), 1);
	assert_int_equal(f.sources, 2);
}

static void test_a_window_begins_anew(void **state)
{
	struct fair f;

	init(&f);
	count(&f, "192.0.2.1", 50, 1000);
	assert_int_equal(count(&f, "192.0.2.1", 1, 1000 + FAIR_WINDOW_MS - 1), 51);
	assert_int_equal(count(&f, "192.0.2.1", 1, 1000 + FAIR_WINDOW_MS), 1);
}

static void test_ipv6_counts_by_network(void **state)
{
	struct fair f;

	init(&f);
	assert_int_equal(count(&f, "2001:db8:0:1::1", 1, 1000), 1);
	assert_int_equal(count(&f, "2001:db8:0:1:ffff::2", 1, 1000), 2);
	assert_int_equal(count(&f, "2001:db8:0:2::1", 1, 1000), 1);
	assert_int_equal(count(&f, "::ffff:192.0.2.1", 1, 1000), 1);
	assert_int_equal(count(&f, "::ffff:192.0.2.2", 1, 1000), 1);
	assert_int_equal(count(&f, "192.0.2.2", 1, 1000), 2);
}

static void test_nobody_is_limited_until_somebody_presses(void **state)
{
	struct fair f;

	init(&f);
	for (uint64_t now = 1000; now < 3000; now += FAIR_WINDOW_MS)
		assert_true(count(&f, "192.0.2.1", 100, now) <= f.share);
}

/* At once and far: whoever floods is limited before the next window. */
static void test_the_first_press_is_a_quarter_of_the_biggest(void **state)
{
	struct fair f;

	init(&f);
	count(&f, "192.0.2.1", 1000, 1000);
	count(&f, "192.0.2.2", 10, 1000);
	fair_press(&f);
	assert_int_equal(f.share, 250);
}

static void test_then_it_shrinks_by_steps(void **state)
{
	struct fair f;

	init(&f);
	count(&f, "192.0.2.1", 1000, 1000);
	fair_press(&f);
	fair_press(&f);
	fair_press(&f);
	assert_int_equal(f.share, 250);
	count(&f, "192.0.2.1", 1, 1100);
	assert_int_equal(f.share, 186);
}

static void test_the_share_has_a_bottom_and_grows_again(void **state)
{
	struct fair f;
	uint64_t now = 1000;

	init(&f);
	for (; now < 5000; now += FAIR_WINDOW_MS) {
		count(&f, "192.0.2.1", 1000, now);
		fair_press(&f);
	}
	count(&f, "192.0.2.1", 1, now);
	assert_int_equal(f.share, FAIR_SHARE_MIN);
	for (unsigned i = 0; i < 20; i++)
		count(&f, "192.0.2.1", 1, now += FAIR_WINDOW_MS);
	assert_true(f.share > 2 * FAIR_SHARE_MIN);
}

static void test_who_is_next(void **state)
{
	struct fair f;

	init(&f);
	count(&f, "192.0.2.1", 10, 1000);
	count(&f, "192.0.2.2", 30, 1000);
	count(&f, "192.0.2.3", 20, 1000);
	assert_int_equal(f.biggest, 30);
	assert_int_equal(f.second, 20);
	count(&f, "192.0.2.1", 30, 1000);
	assert_int_equal(f.biggest, 40);
	assert_int_equal(f.second, 30);
	count(&f, "192.0.2.1", 1, 1100);
	assert_int_equal(f.second_before, 30);
	assert_int_equal(f.second, 0);
}

static void test_alone(void **state)
{
	struct fair f;

	init(&f);
	count(&f, "192.0.2.1", 10, 1000);
	assert_true(fair_alone(&f));
	count(&f, "192.0.2.2", 1, 1000);
	assert_false(fair_alone(&f));
	count(&f, "192.0.2.1", 10, 1100);
	assert_false(fair_alone(&f));
	count(&f, "192.0.2.1", 10, 1200);
	assert_true(fair_alone(&f));
}

/* The table is what it is; a crowd of made-up addresses only makes it less exact. */
static void test_a_crowd_does_not_make_it_grow(void **state)
{
	struct fair f;

	init(&f);
	for (unsigned i = 0; i < 3 * FAIR_SLOTS; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "10.%u.%u.1", i / 256, i % 256);
		count(&f, ip, 1, 1000);
	}
	assert_true(count(&f, "192.0.2.1", 1, 1000) < 20);
}

/* ---- what begins something ---- */

static bool is_new(const char *text)
{
	return guard_is_new(str_of(text));
}

static void test_what_is_new(void **state)
{
	assert_true(
		is_new("INVITE sip:b@x SIP/2.0\r\nTo: <sip:b@x>\r\nFrom: <sip:a@x>;tag=1\r\n\r\n"));
	assert_true(
		is_new("INVITE sip:b@x SIP/2.0\r\nFrom: <sip:a@x>;tag=1\r\nt: <sip:b@x>\r\n\r\n"));
	assert_true(is_new("OPTIONS sip:x SIP/2.0\r\nTo: sip:x"));
	assert_true(is_new("REGISTER sip:x SIP/2.0\r\nTo: <sip:b@x>;tag=1\r\n\r\n"));
}

static void test_what_is_not_new(void **state)
{
	assert_false(is_new("INVITE sip:b@x SIP/2.0\r\nTo: <sip:b@x>;tag=9\r\n\r\n"));
	assert_false(is_new("INVITE sip:b@x SIP/2.0\r\nto: <sip:b@x> ; tag=9\r\n\r\n"));
	assert_false(is_new("BYE sip:b@x SIP/2.0\r\nTo: <sip:b@x>\r\n\r\n"));
	assert_false(is_new("ACK sip:b@x SIP/2.0\r\nTo: <sip:b@x>\r\n\r\n"));
	assert_false(is_new("CANCEL sip:b@x SIP/2.0\r\nTo: <sip:b@x>\r\n\r\n"));
	assert_false(is_new("SIP/2.0 200 OK\r\nTo: <sip:b@x>\r\n\r\n"));
	assert_false(is_new("INVITE"));
	assert_false(is_new(""));
}

/* ---- what is dropped ---- */

static const char invite[] = "INVITE sip:b@x SIP/2.0\r\nTo: <sip:b@x>\r\n\r\n";
static const char bye[] = "BYE sip:b@x SIP/2.0\r\nTo: <sip:b@x>;tag=1\r\n\r\n";

struct flood {
	struct worker worker;
	struct guard guard;
	struct addr flooder, phone;
};

static int setup(void **state)
{
	struct flood *f = mem_new(struct flood);

	worker_init(&f->worker, 0, 1, NULL);
	overload_init(&f->worker.overload, 20);
	guard_init(&f->guard, &f->worker.rng);
	f->flooder = at("192.0.2.66");
	f->phone = at("192.0.2.1");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct flood *f = *state;

	worker_fini(&f->worker);
	free(f);
	return 0;
}

static void set_level(struct flood *f, enum overload_level level, bool hopeless)
{
	f->worker.overload.level = (int)level;
	f->worker.overload.hopeless = hopeless;
}

/* Windows of a flood with two messages of a phone; of the last window, how many of whom went. */
static void windows(struct flood *f, const char *what, unsigned *flooder, unsigned *phone)
{
	struct str bytes = str_of(what);

	for (unsigned w = 0; w < 20; w++) {
		f->worker.clock.mono_ms += FAIR_WINDOW_MS;
		*flooder = *phone = 0;
		for (unsigned i = 0; i < 1000; i++) {
			*flooder += guard_drops(&f->guard, &f->worker, &f->flooder, bytes);
			if (i % 500 == 499)
				*phone += guard_drops(&f->guard, &f->worker, &f->phone, bytes);
		}
	}
}

static void test_nothing_is_dropped_while_refusing_is_enough(void **state)
{
	struct flood *f = *state;
	unsigned flooder, phone;

	set_level(f, OVERLOAD_SHEDDING, true);
	windows(f, invite, &flooder, &phone);
	assert_int_equal(flooder, 0);
	assert_int_equal(f->worker.overload.counters.dropped, 0);
}

static void test_new_requests_of_a_flood_are_dropped(void **state)
{
	struct flood *f = *state;
	unsigned flooder, phone;

	set_level(f, OVERLOAD_DROPPING, true);
	windows(f, invite, &flooder, &phone);
	assert_true(flooder > 950);
	assert_int_equal(phone, 0);
	assert_true(f->worker.overload.counters.dropped > 950);
}

static void test_what_was_begun_passes_longer(void **state)
{
	struct flood *f = *state;
	unsigned flooder, phone;

	set_level(f, OVERLOAD_DROPPING, true);
	windows(f, bye, &flooder, &phone);
	assert_int_equal(flooder, 0);
	set_level(f, OVERLOAD_DROPPING_ALL, true);
	windows(f, bye, &flooder, &phone);
	assert_true(flooder > 950);
	assert_int_equal(phone, 0);
}

/* Two that send the same: neither floods more than the other, and their dialogs are kept. */
static void test_dialogs_of_equals_are_kept(void **state)
{
	struct flood *f = *state;

	set_level(f, OVERLOAD_DROPPING_ALL, true);
	for (unsigned i = 0; i < 10000; i++) {
		bool first = i < 1000;

		f->worker.clock.mono_ms += i % 1000 == 0 ? FAIR_WINDOW_MS : 0;
		assert_true(!guard_drops(&f->guard, &f->worker, &f->flooder, str_of(bye)) || first);
		assert_true(!guard_drops(&f->guard, &f->worker, &f->phone, str_of(bye)) || first);
	}
}

/* A trunk that is the only peer takes nothing from anybody. */
static void test_a_source_that_is_alone_keeps_its_dialogs(void **state)
{
	struct flood *f = *state;

	set_level(f, OVERLOAD_DROPPING_ALL, true);
	for (unsigned i = 0; i < 10000; i++) {
		f->worker.clock.mono_ms += i % 1000 == 0 ? FAIR_WINDOW_MS : 0;
		assert_false(guard_drops(&f->guard, &f->worker, &f->flooder, str_of(bye)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_by_address),
		cmocka_unit_test(test_a_window_begins_anew),
		cmocka_unit_test(test_ipv6_counts_by_network),
		cmocka_unit_test(test_nobody_is_limited_until_somebody_presses),
		cmocka_unit_test(test_the_first_press_is_a_quarter_of_the_biggest),
		cmocka_unit_test(test_then_it_shrinks_by_steps),
		cmocka_unit_test(test_who_is_next),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_the_share_has_a_bottom_and_grows_again),
		cmocka_unit_test(test_a_crowd_does_not_make_it_grow),
		cmocka_unit_test(test_what_is_new),
		cmocka_unit_test(test_what_is_not_new),
		cmocka_unit_test_setup_teardown(
			test_nothing_is_dropped_while_refusing_is_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_new_requests_of_a_flood_are_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_begun_passes_longer, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_source_that_is_alone_keeps_its_dialogs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dialogs_of_equals_are_kept, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
