/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts that misbehave: each is ended or refused with a clear reason, and another customer's
 * script that runs at the same time is not touched.
 */
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
	struct dialplan_config cfg;
	struct dp *d = calloc(1, sizeof(*d));

	dialplan_config_default(&cfg);
	cfg.run_s = 2;
	cfg.run_max_s = 6;
	cfg.memory_mb = 64;
	cfg.cpu_s = 1;
	cfg.log_lines_max = 100;
	cfg.grace_ms = 500;
	cfg.runs_per_customer_max = 2;
	dp_open(d, &cfg);
	*state = d;
	return 0;
}

static int close_all(void **state)
{
	dp_close(*state);
	free(*state);
	return 0;
}

static json_t *wait_for_ever(struct dp_run *r, uint32_t command, const char *name, json_t *args)
{
	r->arg = (void *)(uintptr_t)command;
	return NULL;
}

/* Runs the bad script while a good one of somebody else waits for an answer and then ends well. */
static struct dp_run misbehave(struct dp *d, const char *script)
{
	struct dp_run bad = { 0 }, good = { .answer = wait_for_ever };

	dp_start(d, &good, "good",
		"sys.ExtendScriptTimeout(100)\nsys.Dial('b@local')\nsys.Log('fine')");
	while (!good.arg && !good.ended)
		dp_turn(d);
	assert_false(good.ended);
	dp_run(d, &bad, "bad", script);
	assert_false(good.ended);
	d->log_n = 0;
	dialplan_answer(d->engine, good.id, (uint32_t)(uintptr_t)good.arg, dp_result(json_null()));
	dp_wait(d, &good);
	assert_int_equal(DIALPLAN_END_DONE, good.end);
	assert_string_equal("fine\n", d->log);
	return bad;
}

static void killed(struct dp *d, const char *script, const char *reason)
{
	struct dp_run r = misbehave(d, script);

	if (r.end != DIALPLAN_END_KILLED || !strstr(r.message, reason))
		fail_msg("%s\nended %d: %s", script, r.end, r.message);
}

static void failed(struct dp *d, const char *script, const char *reason, unsigned line)
{
	struct dp_run r = misbehave(d, script);

	if (r.end != DIALPLAN_END_ERROR || !strstr(r.message, reason) || r.line != line)
		fail_msg("%s\nended %d in line %u: %s", script, r.end, r.line, r.message);
}

static void spins(void **state)
{
	killed(*state, "sys.ExtendScriptTimeout(100)\nx = 0\nwhile true\n  x += 1\nend",
		"processor time"); /* on a busy machine a second of it takes long */
}

static void sleeps(void **state)
{
	killed(*state, "sleep", "ran longer than 2 s");
}

static void sleeps_and_rescues(void **state)
{
	killed(*state, "begin\n  sleep\nensure\n  sys.Log('bye')\nend", "ran longer than 2 s");
}

static void catches_the_abort_in_a_loop(void **state)
{
	killed(*state, "begin\n  sleep\nrescue\n  retry\nend", "ran longer than 2 s");
}

static void catches_everything_in_a_loop(void **state)
{
	killed(*state,
		"loop do\n  begin\n    sleep 1\n    sys.Dial('x') if false\n"
		"  rescue Exception\n  end\nend",
		"ran longer than 2 s");
}

static void allocates(void **state)
{
	killed(*state, "a = []\nloop { a << ('x' * 1_000_000) }", "64 MB");
	killed(*state, "'x' * 2_000_000_000", "64 MB");
}

static void allocates_and_rescues(void **state)
{
	struct dp_run r = misbehave(*state,
		"a = []\nloop { begin; loop { a << ('x' * 1_000_000) }; rescue Exception; end }");

	assert_int_equal(DIALPLAN_END_KILLED, r.end);
}

static void recurses(void **state)
{
	failed(*state, "def f(x) = f(x + 1)\nf(0)", "stack level too deep", 1);
}

static void forks(void **state)
{
	failed(*state, "\nfork", "cannot start programs", 2);
	failed(*state, "Process.fork { }", "cannot start programs", 1);
	failed(*state, "Thread.new { }", "threads", 1);
}

static void executes(void **state)
{
	failed(*state, "system('id')", "cannot start programs", 1);
	failed(*state, "x = `id`", "cannot start programs", 1);
	failed(*state, "exec('/bin/sh')", "cannot start programs", 1);
	failed(*state, "IO.popen('id')", "cannot start programs", 1);
}

static void opens_files(void **state)
{
	failed(*state, "File.read('/etc/passwd')", "sys.DBWrite", 1);
	failed(*state, "open('/etc/passwd')", "sys.DBWrite", 1);
	failed(*state, "File.write('/tmp/x', 'y')", "sys.DBWrite", 1);
	failed(*state, "require 'socket'", "cannot load socket", 1);
	failed(*state, "load '/etc/passwd'", "cannot load", 1);
}

/* Around the prelude: the kernel refuses. */
static void goes_around_the_prelude(void **state)
{
	failed(*state,
		"IO.instance_method(:initialize).bind_call(IO.allocate, 0)\n"
		"File.instance_method(:initialize).bind_call(File.allocate, '/etc/passwd')",
		"Operation not permitted", 2);
	failed(*state,
		"class X < File\n  def self.go = allocate.send(:initialize, '/proc/self/maps')\n"
		"end\nX.go",
		"Operation not permitted", 2);
	failed(*state, "Dir.instance_method(:initialize).bind_call(Dir.allocate, '/')",
		"Operation not permitted", 1);
}

static void harms_others(void **state)
{
	failed(*state, "Process.kill(9, Process.ppid)", "signal others", 1);
	failed(*state, "trap('TERM') { }", "signal others", 1);
}

static void floods_the_log(void **state)
{
	killed(*state, "loop { sys.Log('spam') }", "more than 100 log lines");
	killed(*state, "puts \"x\\n\" * 1_000_000", "more than 100 log lines");
}

static void ends_its_process(void **state)
{
	killed(*state, "exit!", "ended its own process");
	killed(*state, "Process.exit!(3)", "ended its own process");
	assert_int_equal(DIALPLAN_END_DONE, misbehave(*state, "exit").end);
	assert_int_equal(DIALPLAN_END_DONE, misbehave(*state, "abort 'x'").end);
}

/* The channel is some descriptor between 3 and 20. */
#define RAW(text)                                                                                  \
	"(3..20).each do |fd|\n"                                                                   \
	"  io = IO.allocate\n"                                                                     \
	"  IO.instance_method(:initialize).bind_call(io, fd, 'w') rescue next\n"                   \
	"  io.autoclose = false\n"                                                                 \
	"  io.syswrite(" text ") rescue nil\n"                                                     \
	"end\n"                                                                                    \
	"sleep"

static void writes_to_the_channel(void **state)
{
	killed(*state, RAW("'garbage!'"), "rules of its channel");
	killed(*state, RAW("'l{\"a\":'"), "rules of its channel");
	killed(*state, RAW("'l{\"a\":1}'"), "rules of its channel");
	killed(*state, RAW("'l{\"command\":7,\"name\":\"shell\",\"args\":{}}'"), "does not exist");
	killed(*state, RAW("'m' + '[' * 16000"), "ran longer");
	killed(*state, RAW("'l' + '[' * 16000"), "rules of its channel");
}

static void closes_the_channel(void **state)
{
	killed(*state,
		"(3..20).each do |fd|\n"
		"  io = IO.allocate\n"
		"  IO.instance_method(:initialize).bind_call(io, fd) rescue next\n"
		"  io.close\n"
		"end\n"
		"loop { }",
		"");
}

static void sends_a_huge_message(void **state)
{
	failed(*state, "sys.Dial('x' * 300_000)", "too long", 1);
	killed(*state,
		"(3..20).each do |fd|\n"
		"  io = IO.allocate\n"
		"  IO.instance_method(:initialize).bind_call(io, fd, 'w') rescue next\n"
		"  io.autoclose = false\n"
		"  100.times { io.syswrite('m' + 'x' * 16000) } rescue nil\n"
		"end\n"
		"sleep",
		"bytes at once");
}

static void extends_for_ever(void **state)
{
	struct dp_run r = { 0 };

	dp_run(*state, &r, "bad", "loop { sys.ExtendScriptTimeout(100); sleep 0.1 }");
	assert_int_equal(DIALPLAN_END_KILLED, r.end);
	assert_string_equal("ran longer than 6 s", r.message);
}

static void too_many_at_once(void **state)
{
	struct dp *d = *state;
	struct dp_run a = { .answer = wait_for_ever }, b = a, c = a, other = { 0 };

	dp_start(d, &a, "bad", "sys.Dial('x')");
	dp_start(d, &b, "bad", "sys.Dial('x')");
	dp_run(d, &c, "bad", "sys.Dial('x')");
	assert_int_equal(DIALPLAN_END_REFUSED, c.end);
	assert_string_equal("Dial plan execution exceeded maximum allowed", c.message);
	dp_run(d, &other, "good", "sys.Log('x')");
	assert_int_equal(DIALPLAN_END_DONE, other.end);
	dialplan_stop(d->engine, a.id);
	dialplan_stop(d->engine, b.id);
	dp_wait(d, &a);
	dp_wait(d, &b);
	assert_int_equal(DIALPLAN_END_DONE, a.end);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spins),
		cmocka_unit_test(sleeps),
		cmocka_unit_test(sleeps_and_rescues),
		cmocka_unit_test(catches_the_abort_in_a_loop),
		cmocka_unit_test(catches_everything_in_a_loop),
		cmocka_unit_test(allocates),
		cmocka_unit_test(allocates_and_rescues),
		cmocka_unit_test(recurses),
		cmocka_unit_test(forks),
		cmocka_unit_test(executes),
		cmocka_unit_test(opens_files),
		cmocka_unit_test(goes_around_the_prelude),
		cmocka_unit_test(harms_others),
		cmocka_unit_test(floods_the_log),
		cmocka_unit_test(ends_its_process),
		cmocka_unit_test(writes_to_the_channel),
		cmocka_unit_test(closes_the_channel),
		cmocka_unit_test(sends_a_huge_message),
		cmocka_unit_test(extends_for_ever),
		cmocka_unit_test(too_many_at_once),
	};

	dp_executable = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, open_all, close_all);
}
