/* SPDX-License-Identifier: BSD-3-Clause */
/* How many sandboxes there are, who gets one, who waits and for how long. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

const char *dp_executable;

static struct dialplan_stats stats(struct dp *d)
{
	struct dialplan_stats s;

	dialplan_host_stats(d->host, &s);
	return s;
}

static struct dialplan_config small(void)
{
	struct dialplan_config cfg;

	dialplan_config_default(&cfg);
	cfg.sandboxes_max = 2;
	cfg.spare = 0;
	return cfg;
}

static void the_longest_unused_makes_room(void **state)
{
	static const char *const customers[] = { "a", "b", "c", "b", "a", "c" };
	struct dialplan_config cfg = small();
	struct dp d;

	dp_open(&d, &cfg);
	for (size_t i = 0; i < 6; i++) {
		struct dp_run r = { 0 };

		dp_run(&d, &r, customers[i], "sys.Log('x')");
		assert_int_equal(DIALPLAN_END_DONE, r.end);
		assert_true(stats(&d).warm + stats(&d).running + stats(&d).spare <= 2);
	}
	assert_int_equal(5, stats(&d).forks); /* b's was still there the second time */
	dp_close(&d);
}

static void room_is_made_ahead(void **state)
{
	struct dialplan_config cfg = small();
	char customer[16];
	struct dp d;

	cfg.sandboxes_max = 16;
	cfg.spare = 5;
	dp_open(&d, &cfg);
	for (int i = 0; i < 20; i++) {
		struct dp_run r = { 0 };

		snprintf(customer, sizeof(customer), "c%d", i);
		dp_run(&d, &r, customer, "sys.Log('x')");
		assert_int_equal(DIALPLAN_END_DONE, r.end);
	}
	for (int i = 0; stats(&d).spare < 2 && i < 200; i++)
		dp_turn(&d);
	assert_int_equal(2, stats(&d).spare);
	assert_int_equal(14, stats(&d).warm); /* an eighth is unused, no more is taken away */
	dp_close(&d);
}

static void renewed_after_some_runs(void **state)
{
	struct dialplan_config cfg = small();
	struct dp d;

	cfg.runs_max = 3;
	dp_open(&d, &cfg);
	for (int i = 0; i < 7; i++) {
		struct dp_run r = { 0 };

		dp_run(&d, &r, "a", "sys.Log('x')");
		assert_int_equal(DIALPLAN_END_DONE, r.end);
	}
	assert_int_equal(3, stats(&d).forks);
	dp_close(&d);
}

static void ended_when_idle(void **state)
{
	struct dialplan_config cfg = small();
	struct dp_run r = { 0 };
	struct dp d;

	cfg.idle_s = 1;
	dp_open(&d, &cfg);
	dp_run(&d, &r, "a", "sys.Log('x')");
	assert_int_equal(1, stats(&d).warm);
	for (int turns = 0; stats(&d).warm && turns < 1000; turns++)
		dp_turn(&d);
	assert_int_equal(0, stats(&d).warm);
	dp_close(&d);
}

static json_t *keep_waiting(struct dp_run *r, uint32_t command, const char *name, json_t *args)
{
	return NULL;
}

static void who_waits_too_long_is_refused(void **state)
{
	struct dialplan_config cfg = small();
	struct dp_run a = { .answer = keep_waiting }, b = a, late = { 0 }, later = { 0 };
	struct dp d;

	cfg.queue_s = 1;
	cfg.queue_max = 1;
	dp_open(&d, &cfg);
	dp_start(&d, &a, "a", "sys.Dial('x')");
	while (!a.commands && !a.ended)
		dp_turn(&d);
	dp_start(&d, &b, "b", "sys.Dial('x')");
	while (!b.commands && !b.ended)
		dp_turn(&d);
	dp_start(&d, &late, "c", "sys.Log('x')");
	dp_run(&d, &later, "d", "sys.Log('x')");
	assert_int_equal(DIALPLAN_END_REFUSED, later.end);
	assert_false(late.ended);
	dp_wait(&d, &late);
	assert_int_equal(DIALPLAN_END_REFUSED, late.end);
	assert_string_equal("Dial plan script engine was overloaded", late.message);
	dialplan_stop(d.engine, a.id);
	dp_wait(&d, &a);
	dp_run(&d, &later, "d", "sys.Log('x')");
	assert_int_equal(DIALPLAN_END_DONE, later.end);
	dialplan_stop(d.engine, b.id);
	dp_wait(&d, &b);
	dp_close(&d);
}

static void without_a_zygote_runs_are_refused(void **state)
{
	struct dialplan_config cfg = small();
	struct dp_run r = { 0 };
	struct dp d;

	cfg.queue_s = 1;
	dp_open(&d, &cfg);
	dp_kill_zygote(&d);
	dp_run(&d, &r, "a", "sys.Log('x')");
	assert_int_equal(DIALPLAN_END_REFUSED, r.end);
	assert_string_equal("the dialplan process is not running", r.message);
	dp_close(&d);
}

static void spares_are_forked_ahead(void **state)
{
	struct dialplan_config cfg;
	struct dp d;

	dialplan_config_default(&cfg);
	cfg.spare = 3;
	dp_open(&d, &cfg);
	for (int i = 0; stats(&d).spare < 3 && i < 1000; i++)
		dp_turn(&d);
	assert_int_equal(3, stats(&d).spare);
	dp_close(&d);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_unused_makes_room),
		cmocka_unit_test(room_is_made_ahead),
		cmocka_unit_test(renewed_after_some_runs),
		cmocka_unit_test(ended_when_idle),
		cmocka_unit_test(who_waits_too_long_is_refused),
		cmocka_unit_test(without_a_zygote_runs_are_refused),
		cmocka_unit_test(spares_are_forked_ahead),
	};

	dp_executable = argv[1];
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
