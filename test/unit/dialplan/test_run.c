/* SPDX-License-Identifier: BSD-3-Clause */
/* Scripts from start to end: what they log, command and return. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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

static void monkeys(void **state)
{
	struct dp *d = *state;

	assert_string_equal("The monkeys are on the way.\n",
		dp_logged(d,
			"if req.URI.User =~ /300/\n"
			"  sys.Log(\"The monkeys are on the way.\")\n"
			"end\n"));
}

static void provider_that_calls(void **state)
{
	assert_string_equal("trunk trunk\n",
		dp_logged(*state, "sys.Log(sys.FromProvider + ' ' + sys.from_provider)\n"));
}

static json_t *busy(struct dp_run *r, uint32_t command, const char *name, json_t *args)
{
	assert_string_equal("dial", name);
	assert_string_equal("bob@local", json_string_value(json_object_get(args, "string")));
	assert_int_equal(20, json_integer_value(json_object_get(args, "ring")));
	return dp_result(json_pack("{s:s,s:s,s:i,s:s,s:[{s:s,s:i,s:s}]}", "result", "Failed",
		"class", "Refused", "status", 486, "reason", "Busy Here", "dialled", "uri",
		"sip:bob@example.org", "status", 486, "reason", "Busy Here"));
}

static void dial_that_fails_goes_on(void **state)
{
	struct dp *d = *state;
	struct dp_run r = { .answer = busy };

	d->log_n = 0;
	dp_run(d, &r, "alice",
		"result = sys.Dial('bob@local', 20)\n"
		"sys.Log(\"#{result} #{result == 'Failed'} #{result == :Failed}\")\n"
		"sys.Log(sys.LastFailureStatus.to_s + ' ' + sys.LastFailureReason)\n"
		"sys.Log(sys.LastFailureClass + ' ' + sys.last_failure_class)\n"
		"sys.Log sys.LastDialled[0].TransactionFinalResponse.StatusCode\n");
	assert_string_equal("", r.message);
	assert_int_equal(DIALPLAN_END_DONE, r.end);
	assert_string_equal("Failed true true\nBusyHere Busy Here\nRefused Refused\n486\n", d->log);
}

static json_t *answered(struct dp_run *r, uint32_t command, const char *name, json_t *args)
{
	return json_pack("{s:b}", "stop", 1);
}

static void dial_that_is_answered_stops(void **state)
{
	struct dp *d = *state;
	struct dp_run r = { .answer = answered };

	d->log_n = 0;
	dp_run(d, &r, "alice",
		"begin\n"
		"  sys.Dial('bob@local')\n"
		"  sys.Log('not reached')\n"
		"rescue\n"
		"  sys.Log('rescued: ' + $!)\n"
		"  begin; sys.Dial('again'); rescue; sys.Log('no more'); end\n"
		"ensure\n"
		"  sys.Log('ensured')\n"
		"end\n"
		"sys.Log('not reached either')\n");
	assert_int_equal(DIALPLAN_END_DONE, r.end);
	assert_int_equal(1, r.commands);
	assert_string_equal("rescued: Thread was being aborted.\nno more\nensured\n", d->log);
}

/* tandem-dialplan --check */
static void check(const char *script, int status, const char *expected)
{
	char command[1024], got[512];
	FILE *p;
	size_t n;

	snprintf(command, sizeof(command), "printf '%s' | %s --check demo", script, dp_executable);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(got, 1, sizeof(got) - 1, p);
	got[n] = 0;
	assert_int_equal(status, WEXITSTATUS(pclose(p)));
	if (strncmp(expected, got, strlen(expected)) != 0)
		fail_msg("%s", got);
}

static void syntax_is_checked(void **state)
{
	check("sys.Log(1)\n", 0, "");
	check("", 0, "");
	check("x = 1\nif x\n", 1, "demo:2: unexpected end-of-input");
	check("\n\n foo(]\n", 1, "demo:3: unexpected");
	check("BEGIN { exit 0 }\n)", 1, "demo:2: unexpected"); /* nothing of it is run */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(monkeys),
		cmocka_unit_test(provider_that_calls),
		cmocka_unit_test(dial_that_fails_goes_on),
		cmocka_unit_test(dial_that_is_answered_stops),
		cmocka_unit_test(syntax_is_checked),
	};

	dp_executable = argv[1];
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, open_all, close_all);
}
