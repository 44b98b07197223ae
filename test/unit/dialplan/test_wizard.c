/* SPDX-License-Identifier: BSD-3-Clause */
/* Simple wizard rules (facts 3.10): reading, matching, times, dial strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dialplan/wizard.h"

static void collect(unsigned line, bool fault, struct str what, void *arg)
{
	if (arg)
		buf_printf(arg, "%u:%.*s\n", line, STR_ARG(what));
}

/* ---- matching: settings of a rule, a call, whether it is for it ---- */

static const struct {
	const char *settings; /* ";" between */
	const char *dst;
	bool matches;
} out_rules[] = {
	{ "pattern=100", "100", true },
	{ "pattern=100", "1001", false },
	{ "pattern type=exact;pattern=100", "100", true },
	{ "pattern_type=exact;pattern=1.0", "110", false },
	{ "pattern_type=prefix;pattern=100", "1001", true },
	{ "pattern_type=prefix;pattern=100", "0100", false },
	{ "pattern_type=prefix;pattern=_0NX", "0205", true },
	{ "pattern_type=prefix;pattern=_0NX", "0105", false },
	{ "pattern_type=prefix;pattern=Z", "0", false },
	{ "pattern_type=prefix;pattern=+44", "+44207", true },
	{ "pattern_type=prefix;pattern=+44", "44207", false },
	{ "pattern_type=prefix;pattern=*97", "*97", true },
	{ "pattern_type=Regex;pattern=44", "0044", true },
	{ "pattern_type=regex;pattern=^(01|02)", "021", true },
	{ "pattern_type=regex;pattern=^(01|02)", "031", false },
	{ "direction=in;pattern=.", "1", false },
	{ "disabled=yes;pattern=100", "100", false },
	{ "IsDisabled=True;pattern=100", "100", false },
	{ "IsDisabled=False;pattern=100", "100", true },
};

static void parse_rule(struct arena *a, const char *settings, struct wizard_plan *plan)
{
	char *text = arena_alloc(a, 1024);
	enum err e;

	snprintf(text, 1024, "[rule]\n%s\n", settings);
	for (char *p = text; *p; p++)
		if (*p == ';' && p[1] != '0' && p[1] != '1' && p[1] != '2')
			*p = '\n';
	e = wizard_parse(str_of(text), a, plan, NULL, NULL);
	assert_int_equal(ERR_OK, e);
	assert_int_equal(1, plan->count);
}

static void out_rules_match(void **state)
{
	for (size_t i = 0; i < sizeof(out_rules) / sizeof(out_rules[0]); i++) {
		struct wizard_call call = { .sub = { .dst = str_of(out_rules[i].dst) } };
		struct wizard_plan plan;
		struct arena a;

		arena_init(&a, 4096);
		parse_rule(&a, out_rules[i].settings, &plan);
		if (wizard_matches(&plan.rules[0], &call) != out_rules[i].matches)
			fail_msg("%s and %s", out_rules[i].settings, out_rules[i].dst);
		arena_fini(&a);
	}
}

/* Alice at example.org is called by Bob through provider p1, on Monday at 10:00:30. */
static const struct {
	const char *settings;
	bool matches;
} in_rules[] = {
	{ "direction=in", true },
	{ "direction=out;pattern=alice", false },
	{ "direction=in;to_match_type=any;to_match=x", true },
	{ "direction=in;to_match_type=account;to_match=alice@example.org", true },
	{ "direction=in;ToMatchType=ToSIPAccount;ToMatchParameter=ALICE@example.org", true },
	{ "direction=in;to_match_type=account;to_match=lice@example.org", false },
	{ "direction=in;to_match_type=provider;to_match=p1", true },
	{ "direction=in;to_match_type=ToSIPProvider;to_match=P1", true },
	{ "direction=in;to_match_type=provider;to_match=p2", false },
	{ "direction=in;to_match_type=regex;to_match=^al.*@", true },
	{ "direction=in;to_match_type=regex;to_match=^l", false },
	{ "direction=in;pattern=Bob", true },
	{ "direction=in;pattern=bob@else", true },
	{ "direction=in;pattern=^bob", false },
	{ "direction=in;time=M", true },
	{ "direction=in;time=Tu", false },
	{ "direction=in;TimePattern=M;09:00-10:00", true },
	{ "direction=in;time=M;10:01-11:00", false },
	{ "direction=in;time=M;pattern=Eve", false },
};

static void in_rules_match(void **state)
{
	const struct wizard_call call = { .in = true,
		.sub = { .dst = STR("alice"), .from_name = STR("Bob") },
		.from_uri = STR("sip:bob@else.test"),
		.to = STR("alice@example.org"),
		.provider = STR("p1"),
		.weekday = 1,
		.second = 10 * 3600 + 30 };

	for (size_t i = 0; i < sizeof(in_rules) / sizeof(in_rules[0]); i++) {
		struct wizard_plan plan;
		struct arena a;

		arena_init(&a, 4096);
		parse_rule(&a, in_rules[i].settings, &plan);
		if (wizard_matches(&plan.rules[0], &call) != in_rules[i].matches)
			fail_msg("%s", in_rules[i].settings);
		arena_fini(&a);
	}
}

static void provider_is_a_label_of_dotted_names(void **state)
{
	struct wizard_call call = { .in = true, .to = STR("p1.joe@example.org") };
	struct wizard_plan plan;
	struct arena a;

	arena_init(&a, 4096);
	parse_rule(&a, "direction=in;to_match_type=provider;to_match=p1", &plan);
	assert_true(wizard_matches(&plan.rules[0], &call));
	call.to = STR("x.p1.joe@example.org");
	assert_true(wizard_matches(&plan.rules[0], &call));
	call.to = STR("p1@example.org");
	assert_false(wizard_matches(&plan.rules[0], &call));
	arena_fini(&a);
}

/* ---- times ---- */

#define AT(h, m, s) ((h)*3600 + (m)*60 + (s))

static const struct {
	const char *time;
	unsigned weekday, second;
	bool matches;
} times[] = {
	{ "MTuWThFSaSu", 0, 0, true },
	{ "MTuWThF", 0, 0, false },
	{ "MTuWThF", 5, 0, true },
	{ "tuth", 2, 0, true },
	{ "tuth", 4, 0, true },
	{ "tuth", 3, 0, false },
	{ "SaSu", 6, 0, true },
	{ "M;09:00-18:00", 1, AT(8, 59, 59), false },
	{ "M;09:00-18:00", 1, AT(9, 0, 0), true },
	{ "M;09:00-18:00", 1, AT(18, 0, 0), true },
	{ "M;09:00-18:00", 1, AT(18, 0, 1), true },
	{ "M;09:00-18:00", 1, AT(18, 1, 0), false },
	{ "M;09:00-18:00", 2, AT(12, 0, 0), false },
	{ "M;22:00-06:00", 1, AT(23, 0, 0), true },
	{ "M;22:00-06:00", 2, AT(5, 0, 0), true },
	{ "M;22:00-06:00", 1, AT(5, 0, 0), false },
	{ "Sa;22:00-06:00", 0, AT(1, 0, 0), true },
	{ "M;00:00-24:00", 1, AT(23, 59, 59), true },
	{ "M;", 1, AT(12, 0, 0), true },
	{ "M;x", 1, AT(12, 0, 0), false },
};

static void times_match(void **state)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (wizard_time_matches(str_of(times[i].time), times[i].weekday, times[i].second) !=
			times[i].matches)
			fail_msg("row %zu: %s", i, times[i].time);
}

/* ---- dial strings ---- */

static const struct {
	const char *settings, *string; /* NULL: no Ruby that we know */
} strings[] = {
	{ "command=dial;parameter1=${dst};parameter2=p", "${dst}@p" },
	{ "command=dial;parameter1=#{req.URI.User};parameter2=p", "0044@p" },
	{ "command=dial;parameter1=#{req.uri.user.to_s};parameter2=p", "0044@p" },
	{ "command=dial;parameter1=#{ req.URI.User[2..-1] };parameter2=p", "44@p" },
	{ "command=dial;parameter1=#{req.URI.User[0..1]};parameter2=p", "00@p" },
	{ "command=dial;parameter1=#{req.URI.User[1,2]};parameter2=p", "04@p" },
	{ "command=dial;parameter1=#{req.URI.User.Substring(3)};parameter2=p", "4@p" },
	{ "command=dial;parameter1=#{req.URI.User.slice(9..-1)};parameter2=p", "@p" },
	{ "command=dial;parameter1=#{req.Header.From.FromName};parameter2=p", "Bob@p" },
	{ "command=dial;parameter1=#{req.Header.From.FromURI.User};parameter2=p", "bob@p" },
	{ "command=dial;parameter1=1#{req.URI.User};parameter2=p", "1#{req.URI.User}@p" },
	{ "command=dial_advanced;parameter1=a@b&c@d[dt=2]|e@f", "a@b&c@d[dt=2]|e@f" },
	{ "command=dial;parameter1=#{system('x')};parameter2=p", NULL },
	{ "command=dial;parameter1=#{req.URI.User[1..};parameter2=p", NULL },
	{ "command=dial;parameter1=#{};parameter2=p", NULL },
};

static void dial_strings(void **state)
{
	const struct wizard_call call = {
		.sub = { .dst = STR("0044"), .from_name = STR("Bob"), .from_user = STR("bob") }
	};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct wizard_plan plan;
		char text[256];
		struct buf b = BUF_OF(text);
		struct arena a;
		enum err e;

		arena_init(&a, 4096);
		parse_rule(&a, strings[i].settings, &plan);
		e = wizard_dial_string(&plan.rules[0], &call, &b);
		buf_char(&b, 0);
		if (!strings[i].string)
			assert_int_equal(ERR_SYNTAX, e);
		else
			assert_string_equal(strings[i].string, text);
		arena_fini(&a);
	}
}

/* ---- whole texts ---- */

static void order_is_by_priority_then_as_written(void **state)
{
	static const char text[] = "[rule a]\npriority=2\n[rule b]\n[rule c]\npriority=1.5\n"
				   "[rule d]\npriority=1.25\n[rule e]\npriority=2\n[rule f]\n";
	struct wizard_plan plan;
	struct arena a;
	char order[16];
	struct buf b = BUF_OF(order);
	enum err e;

	arena_init(&a, 4096);
	e = wizard_parse(str_of(text), &a, &plan, NULL, NULL);
	assert_int_equal(ERR_OK, e);
	for (unsigned i = 0; i < plan.count; i++)
		buf_add(&b, plan.rules[i].description);
	buf_char(&b, 0);
	assert_string_equal("dcaebf", order);
	arena_fini(&a);
}

#define DIAL "command=dial\nparameter1=1\nparameter2=p\n"

static const struct {
	const char *text, *fault; /* a part of what is said; NULL: nothing is wrong */
} faults[] = {
	{ "", NULL },
	{ "# nothing\n; here\n", NULL },
	{ "[rule x]\npattern=1\n" DIAL, NULL },
	{ "[rule]\ndirection=in\n" DIAL, NULL },
	{ "[rule]\npattern=1\ncommand=reject\nparameter1=486", NULL },
	{ "[rule]\npattern=1\ncommand=HighriseLookup\nparameter1=u", NULL },
	{ "[rule]\r\npattern=1\r\ncommand=reject\r\nparameter1=486\r\n", NULL },
	{ "pattern=1\n", "1:a line [rule]" },
	{ "[rule\n", "1:\"[rule\" begins no rule" },
	{ "[rules]\n", "begins no rule" },
	{ "[", "begins no rule" },
	{ "[]", "begins no rule" },
	{ "[rule]\n" DIAL, "needs a pattern" },
	{ "[rule]\npattern=1\n", "no command" },
	{ "[rule]\npattern\n", "2:\"pattern\" is no setting" },
	{ "[rule]\nfoo=1\n", "there is no setting \"foo\"" },
	{ "[rule]\nparameter5=1\n", "there is no setting" },
	{ "[rule]\nparameter0=1\n", "there is no setting" },
	{ "[rule]\n=1\n", "there is no setting" },
	{ "[rule]\npriority=high\n", "no priority" },
	{ "[rule]\npriority=1.2345\n", "no priority" },
	{ "[rule]\ndirection=up\n", "none of in, out" },
	{ "[rule]\ncommand=run\n", "none of dial" },
	{ "[rule]\npattern=(\npattern_type=regex\n" DIAL, "cannot be used" },
	{ "[rule]\npattern=(\n" DIAL, NULL },
	{ "[rule]\ndirection=in\npattern=(\n" DIAL, "cannot be used" },
	{ "[rule]\ndirection=in\nto_match_type=regex\nto_match=[\n" DIAL, "cannot be used" },
	{ "[rule]\ndirection=in\nto_match_type=account\n" DIAL, "needs to_match" },
	{ "[rule]\ndirection=in\ntime=Monday\n" DIAL, "no time" },
	{ "[rule]\ndirection=in\ntime=M;9-17\n" DIAL, "no time" },
	{ "[rule]\ndirection=in\ntime=M;09:00-25:00\n" DIAL, "no time" },
	{ "[rule]\npattern=1\ncommand=reject\nparameter1=200", "300 to 699" },
	{ "[rule]\npattern=1\ncommand=dial\nparameter1=1", "parameter2" },
	{ "[rule]\npattern=1\ncommand=dial_advanced\n", "dial string" },
	{ "[rule]\npattern=1\ncommand=dial_advanced\nparameter1=a@b[x\n", "no ]" },
	{ "[rule]\npattern=1\ncommand=dial\nparameter1=#{x}\nparameter2=p", "is Ruby" },
};

static void faults_are_named(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct wizard_plan plan;
		struct arena a;
		char text[2048];
		struct buf b = BUF_OF(text);
		enum err e;

		arena_init(&a, 4096);
		e = wizard_parse(str_of(faults[i].text), &a, &plan, collect, &b);
		buf_char(&b, 0);
		if ((e == ERR_OK) != !faults[i].fault ||
			(faults[i].fault && !strstr(text, faults[i].fault)))
			fail_msg("row %zu: %s", i, text);
		arena_fini(&a);
	}
}

static void rules_are_limited(void **state)
{
	static char text[(WIZARD_RULES_MAX + 1) * 7 + 1];
	struct wizard_plan plan;
	struct arena a;
	enum err e;

	for (unsigned i = 0; i <= WIZARD_RULES_MAX; i++)
		memcpy(text + 7 * i, "[rule]\n", 7);
	arena_init(&a, 4096);
	e = wizard_parse(str_make(text, WIZARD_RULES_MAX * 7), &a, &plan, NULL, NULL);
	assert_int_equal(ERR_OK, e);
	e = wizard_parse(str_of(text), &a, &plan, NULL, NULL);
	assert_int_equal(ERR_SYNTAX, e);
	assert_int_equal(WIZARD_RULES_MAX, plan.count);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(out_rules_match),
		cmocka_unit_test(in_rules_match),
		cmocka_unit_test(provider_is_a_label_of_dotted_names),
		cmocka_unit_test(times_match),
		cmocka_unit_test(dial_strings),
		cmocka_unit_test(order_is_by_priority_then_as_written),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(rules_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
