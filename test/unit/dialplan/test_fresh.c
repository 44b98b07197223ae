/* SPDX-License-Identifier: BSD-3-Clause */
/* Nothing of one run is seen by the next, or by another customer; who owns which sandbox. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

const char *dp_executable;

static int open_all(void **state)
{
	struct dp *d = calloc(1, sizeof(*d));

	dp_open(d, NULL);
	*state = d;
	return 0;
}

static int close_all(void **state)
{
	dp_close(*state);
	free(*state);
	return 0;
}

static unsigned forks(struct dp *d)
{
	struct dialplan_stats s;

	dialplan_host_stats(d->host, &s);
	return (unsigned)s.forks;
}

/*
 * Leaves something, then looks for it. Clean ones keep the sandbox: no other is forked for the
 * second run; `renewed` ones may not.
 */
static void leaves(
	struct dp *d, const char *first, const char *look, const char *seen, bool renewed)
{
	unsigned before;

	dp_logged(d, "sys.Log('make sure that there is a warm one')");
	before = forks(d);
	dp_logged(d, first);
	if (strcmp(seen, dp_logged(d, look)) != 0)
		fail_msg("after\n%s\nthe next run saw: %s", first, d->log);
	if (renewed != (forks(d) > before))
		fail_msg("%s\n%s", first, renewed ? "was not renewed" : "cost a sandbox");
}

static void cleaned(struct dp *d, const char *first, const char *look, const char *seen)
{
	leaves(d, first, look, seen, false);
}

static void renewed(struct dp *d, const char *first, const char *look, const char *seen)
{
	leaves(d, first, look, seen, true);
}

static void the_top_level_is_fresh(void **state)
{
	struct dp *d = *state;

	cleaned(d, "x = 1", "p defined?(x)", "nil\n");
	cleaned(d, "def f = 1\ndef f = 2\nclass A; end\nf", "p defined?(f), respond_to?(:f, true)",
		"nil\nfalse\n");
	cleaned(d, "def puts(x) = sys.Log('mine')\nputs 1", "puts 1", "1\n");
	cleaned(d, "def to_s = 'mine'\ndef ==(o) = true\ndef hash = 1", "p Object.new == 1",
		"false\n");
	cleaned(d, "FOO = 1", "p defined?(FOO)", "nil\n");
	cleaned(d, "module M; X = 1; class C; Y = 2; end; end", "p defined?(M)", "nil\n");
	cleaned(d, "@a = 1", "p @a, instance_variables", "nil\n[]\n");
	cleaned(d, "$foo = 1\nsys.Log($foo)", "p $foo, defined?($foo)", "nil\nnil\n");
	cleaned(d, "'abc' =~ /b/", "p $~", "nil\n");
	cleaned(d, "at_exit { sys.Log('bye') }", "sys.Log('x')", "x\n");
	cleaned(d, "Thread.current[:x] = 1", "p Thread.current[:x]", "nil\n");
	cleaned(d, "print 'half a line'", "puts 'x'", "x\n");
	cleaned(d, "$stdout = StringIO.new", "puts 'x'", "x\n");
	cleaned(d, "$, = '-' ; $; = ','", "p [1, 2].join, 'a,b'.split", "\"12\"\n[\"a,b\"]\n");
}

static void what_cannot_be_cleaned_costs_the_sandbox(void **state)
{
	struct dp *d = *state;

	renewed(d, "class String; def shout = upcase + '!'; end", "p 'x'.respond_to?(:shout)",
		"false\n");
	renewed(d, "class String; def upcase = 'mine'; end", "p 'x'.upcase", "\"X\"\n");
	renewed(d, "class Integer; remove_method :succ; end rescue 0", "p 1.succ", "2\n");
	renewed(d, "def self.g = 1", "p respond_to?(:g)", "false\n");
	renewed(d, "def nil.g = 1", "p nil.respond_to?(:g)", "false\n");
	renewed(d,
		"class Sneak < Module; def method_added(n); end; end\n"
		"class Module; def method_added(n); end; end\n"
		"class String; def sneak; end; end",
		"p 'x'.respond_to?(:sneak)", "false\n");
	renewed(d, "Math::E2 = 1", "p defined?(Math::E2)", "nil\n");
	renewed(d, "A = 1\nObject.send(:remove_const, :A)", "p defined?(A)", "nil\n");
	renewed(d, "String.instance_variable_set(:@x, 1)", "p String.instance_variables", "[]\n");
	renewed(d, "class String; @@x = 1; end", "p String.class_variables", "[]\n");
	renewed(d, "module M; def g = 1; end\ninclude M", "p respond_to?(:g)", "false\n");
	renewed(d, "module M; def g = 1; end\nString.include(M)", "p ''.respond_to?(:g)",
		"false\n");
	renewed(d, "module M; def g = 1; end\nString.extend(M)", "p String.respond_to?(:g)",
		"false\n");
	renewed(d, "module M; def upcase = 1; end\nString.prepend(M)", "p 'a'.upcase", "\"A\"\n");
	renewed(d, "ENV['X'] = 'y'", "p ENV['X']", "nil\n");
	renewed(d, "Encoding.default_external = 'ISO-8859-1'", "p Encoding.default_external",
		"#<Encoding:UTF-8>\n");
	renewed(d, "$LOAD_PATH << 'x'", "p $LOAD_PATH.include?('x')", "false\n");
}

static void random_numbers_differ(void **state)
{
	struct dp *d = *state;
	char first[64];

	snprintf(first, sizeof(first), "%s", dp_logged(d, "srand(1)\nsrand(1)\np rand(1 << 60)"));
	assert_string_equal(first, dp_logged(d, "srand(1)\np rand(1 << 60)"));
	assert_string_not_equal(first, dp_logged(d, "p rand(1 << 60)"));
}

/* Neither sandbox may go on from what the zygote had. */
static void random_numbers_differ_between_sandboxes(void **state)
{
	static const char script[] = "p rand(1 << 60), [*1..100].shuffle, Random.seed";
	struct dp *d = *state;
	struct dp_run r = { 0 };
	char first[1024];

	d->log_n = 0;
	dp_run(d, &r, "dora", script);
	snprintf(first, sizeof(first), "%s", d->log);
	d->log_n = 0;
	dp_run(d, &r, "emil", script);
	assert_int_equal(DIALPLAN_END_DONE, r.end);
	for (char *a = first, *b = d->log; *a; a = strchr(a, '\n') + 1, b = strchr(b, '\n') + 1)
		assert_int_not_equal(0, strncmp(a, b, (size_t)(strchr(a, '\n') - a)));
}

static void other_runs_cannot_be_looked_for(void **state)
{
	struct dp *d = *state;

	dp_logged(d, "SECRET = 'hid' + 'den'\nclass Hidden < StandardError; end");
	assert_string_equal("SecurityError\nSecurityError\nSecurityError\n",
		dp_logged(d,
			"begin; ObjectSpace.each_object(String) { }; rescue SecurityError; p "
			"$!.class; end\n"
			"begin; StandardError.subclasses; rescue SecurityError; p $!.class; end\n"
			"begin; Symbol.all_symbols; rescue SecurityError; p $!.class; end\n"));
}

static void a_sandbox_belongs_to_one_customer(void **state)
{
	struct dp *d = *state;
	struct dp_run r = { 0 };
	char first[64], second[64];

	d->log_n = 0;
	dp_run(d, &r, "alice", "p Process.pid");
	snprintf(first, sizeof(first), "%s", d->log);
	d->log_n = 0;
	dp_run(d, &r, "alice", "p Process.pid");
	assert_string_equal(first, d->log);
	d->log_n = 0;
	dp_run(d, &r, "mallory", "p Process.pid");
	snprintf(second, sizeof(second), "%s", d->log);
	assert_string_not_equal(first, second);
	d->log_n = 0;
	dp_run(d, &r, "alice", "p Process.pid");
	assert_string_equal(first, d->log);
}

static void the_environment_is_empty(void **state)
{
	assert_string_equal("[\"TZ\"]\n", dp_logged(*state, "p ENV.keys"));
}

static void a_failed_run_costs_the_sandbox(void **state)
{
	struct dp *d = *state;
	struct dp_run r = { 0 };
	char first[64];

	d->log_n = 0;
	dp_run(d, &r, "bob", "p Process.pid\nraise 'x'");
	assert_int_equal(DIALPLAN_END_ERROR, r.end);
	snprintf(first, sizeof(first), "%s", d->log);
	d->log_n = 0;
	dp_run(d, &r, "bob", "p Process.pid");
	assert_string_not_equal(first, d->log);
}

static void the_zygote_may_die(void **state)
{
	struct dp *d = *state;
	struct dp_run running = { 0 }, waiting = { 0 };

	dp_start(d, &running, "alice", "sys.Log('begun')\nsleep");
	d->log_n = 0;
	while (!d->log_n)
		dp_turn(d);
	dp_kill_zygote(d);
	dp_wait(d, &running);
	assert_int_equal(DIALPLAN_END_KILLED, running.end);
	assert_string_equal("the dialplan process ended", running.message);
	dp_start(d, &waiting, "alice", "sys.Log('works again')");
	dp_turn(d);
	dp_start_zygote(d);
	dp_wait(d, &waiting);
	assert_int_equal(DIALPLAN_END_DONE, waiting.end);
	assert_string_equal("works again\n", dp_logged(d, "sys.Log('works again')"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_top_level_is_fresh),
		cmocka_unit_test(what_cannot_be_cleaned_costs_the_sandbox),
		cmocka_unit_test(random_numbers_differ),
		cmocka_unit_test(random_numbers_differ_between_sandboxes),
		cmocka_unit_test(other_runs_cannot_be_looked_for),
		cmocka_unit_test(a_sandbox_belongs_to_one_customer),
		cmocka_unit_test(the_environment_is_empty),
		cmocka_unit_test(a_failed_run_costs_the_sandbox),
		cmocka_unit_test(the_zygote_may_die),
	};

	dp_executable = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, open_all, close_all);
}
