/* SPDX-License-Identifier: BSD-3-Clause */
/* Line plans (facts 3.9): a row a line, what it is read as, and which numbers it is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dialplan/line_plan.h"

/* ---- lines ---- */

static const struct {
	const char *text, *read_as;
} lines[] = {
	{ "exten = 100,1,Dial(u,p,d)", "dial =|100|u,p,d" },
	{ "exten = 100 , 1 , Dial( u,p,d )", "dial =|100|u,p,d" },
	{ "exten == 100,1,Dial(u,p,d)", "dial =|100|u,p,d" },
	{ "exten => 100,1,Dial(u,p,d)", "dial =|100|u,p,d" },
	{ "exten=>100,1,Dial(u,p,d)", "dial =|100|u,p,d" },
	{ "EXTEN => 100,-1,Dial(u,p,d)", "dial =|100|u,p,d" },
	{ "exten => 100,99,Switch(u,p,d)", "dial =|100|u,p,d" },
	{ "exten => 100,1,SIPDialIt(u,p,d)", "dial =|100|u,p,d" },
	{ "exten => 100,1,switch(u,p,d)) trailing", "dial =|100|u,p,d" },
	{ "exten => 100,1,Dial(u,p,d", "dial =|100|u,p,d" },
	{ "exten => 100,1,Dial", "dial =|100|" },
	{ "exten => _0X.,1,Dial(u,p,${dst:1}@h)\r", "dial =|_0X.|u,p,${dst:1}@h" },
	{ "exten =~ 44,1,Dial(u,p,d)", "dial ~|44|u,p,d" },
	{ "exten =~ /4{2,3}/,1,Dial(u,p,d)", "dial ~|4{2,3}|u,p,d" },
	{ "exten =~ /^a\\/b$/ , 1,Dial(u,p,d)", "dial ~|^a\\/b$|u,p,d" },
	{ "exten =~ /a/b/,1,Dial(u,p,d)", "dial ~|a/b|u,p,d" },
	{ "exten = 1,1,SIPReply(486,Busy)", "reply 486 Busy =|1|486,Busy" },
	{ "exten = 1,1,sipreply(404)", "reply 404  =|1|404" },
	{ "exten = 1,1,SIPReply(x,y)", "reply 0 y =|1|x,y" },
	{ "exten = 1,1,SIPReply(99,y)", "reply 0 y =|1|99,y" },
	{ "exten = 1,1,SIPReply(700,y)", "reply 0 y =|1|700,y" },
	{ "exten = 1,1,Playback(x)", "Playback =|1|x" },
	{ "exten = 1,1,Hangup", "Hangup =|1|" },
	{ "; exten = 1,1,Hangup", "end" },
	{ "   ", "end" },
	{ "\r", "end" },
	{ "", "end" },
	{ "[default]", "ignored" },
	{ "include => other", "ignored" },
	{ "exten 100,1,Dial(u,p,d)", "fault" },
	{ "exten", "fault" },
	{ "exten =", "fault" },
	{ "exten = 100", "fault" },
	{ "exten = ,1,Dial(u,p,d)", "fault" },
	{ "exten = 100,Dial(u,p,d)", "fault" },
	{ "exten = 100,one,Dial(u,p,d)", "fault" },
	{ "exten = 100,1,", "fault" },
	{ "exten = 100,1,(u,p,d)", "fault" },
	{ "exten =~ /100,1,Dial(u,p,d)", "fault" },
	{ "exten =~ /", "fault" },
};

static void print_rule(struct buf *b, const struct line_rule *r)
{
	if (r->app == LINE_DIAL)
		buf_lit(b, "dial");
	else if (r->app == LINE_REPLY)
		buf_printf(b, "reply %u %.*s", r->status, STR_ARG(r->reason));
	else
		buf_add(b, r->name);
	buf_printf(b, " %s|%.*s|%.*s", r->regex ? "~" : "=", STR_ARG(r->pattern), STR_ARG(r->data));
}

static void lines_are_read(void **state)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct line_reader r = { .rest = str_of(lines[i].text) };
		char text[256] = "", why_text[512];
		struct buf b = BUF_OF(text), why = BUF_OF(why_text);
		struct line_rule rule;

		switch (line_next(&r, &rule, &why)) {
		case LINE_RULE:
			print_rule(&b, &rule);
			break;
		case LINE_IGNORED:
			buf_lit(&b, "ignored");
			break;
		case LINE_FAULT:
			buf_lit(&b, "fault");
			assert_true(why.n > 0);
			break;
		case LINE_END:
			buf_lit(&b, "end");
			break;
		}
		buf_char(&b, 0);
		if (strcmp(text, lines[i].read_as) != 0)
			fail_msg("%s is read as %s, not %s", lines[i].text, text, lines[i].read_as);
	}
}

static void lines_have_numbers(void **state)
{
	struct line_reader r = { .rest = STR("\n; x\nexten = 1,1,Dial(a,b,c)\n\nexten\n") };
	char text[512];
	struct buf why = BUF_OF(text);
	struct line_rule rule;

	assert_int_equal(LINE_RULE, line_next(&r, &rule, &why));
	assert_int_equal(3, rule.line);
	assert_int_equal(LINE_FAULT, line_next(&r, &rule, &why));
	assert_int_equal(5, rule.line);
	assert_int_equal(LINE_END, line_next(&r, &rule, &why));
}

/* ---- numbers ---- */

static const struct {
	const char *line, *number;
	int matches; /* -1: the pattern cannot be used */
} numbers[] = {
	{ "= 100", "100", 1 },
	{ "= 100", "1000", 0 },
	{ "= 100", "10", 0 },
	{ "= alice", "alice", 1 },
	{ "= alice", "Alice", 0 },
	{ "= X", "5", 0 },
	{ "= _X", "5", 1 },
	{ "= _x", "0", 1 },
	{ "= _X", "a", 0 },
	{ "= _X", "55", 0 },
	{ "= _Z", "0", 0 },
	{ "= _z", "1", 1 },
	{ "= _N", "1", 0 },
	{ "= _n", "9", 1 },
	{ "= _NXX", "205", 1 },
	{ "= _0[12]X", "015", 1 },
	{ "= _0[12]X", "035", 0 },
	{ "= _0[1-3]", "03", 1 },
	{ "= _0[^1]", "01", 0 },
	{ "= _0.", "0", 0 },
	{ "= _0.", "01", 1 },
	{ "= _0.", "0abc@", 1 },
	{ "= _.", "", 0 },
	{ "= _00XX.", "0012", 0 },
	{ "= _00XX.", "00123", 1 },
	{ "= _+1", "+1", 1 },
	{ "= _*98", "*98", 1 },
	{ "= _*98", "98", 0 },
	{ "= _1(2)", "1(2)", 1 },
	{ "= _[", "[", 1 },
	{ "= _1[9-0]", "1", -1 },
	{ "=~ 44", "0044123", 1 },
	{ "=~ ^44", "0044123", 0 },
	{ "=~ /^\\+?44\\d+$/", "+441", 1 },
	{ "=~ /^\\+?44\\d+$/", "44", 0 },
	{ "=~ /^(0|\\+44)20/", "+4420", 1 },
	{ "=~ /^(?:a|b)c?$/", "b", 1 },
	{ "=~ /^(?:a|b)c?$/", "bcc", 0 },
	{ "=~ /^.{3}$/", "123", 1 },
	{ "=~ /^.{3}$/", "1234", 0 },
	{ "=~ /^\\d{2,}$/", "1", 0 },
	{ "=~ /^\\d{2,}$/", "12345", 1 },
	{ "=~ /^(12){2,3}$/", "1212", 1 },
	{ "=~ /^(12){2,3}$/", "12121212", 0 },
	{ "=~ /^[\\w.-]+$/", "a.b-c_1", 1 },
	{ "=~ /^[^\\d]+$/", "ab1", 0 },
	{ "=~ /^(a*)*$/", "aaaa", 1 },
	{ "=~ /^(a*)*$/", "aaab", 0 },
	{ "=~ /(?i)^ALICE$/", "alice", 1 },
	{ "=~ /\\bfoo\\b/", "a foo b", 1 },
	{ "=~ /\\bfoo\\b/", "afoo", 0 },
	{ "=~ /a|/", "x", 1 },
	{ "=~ /()/", "x", 1 },
	{ "=~ /x{,3}/", "x{,3}", 1 },
	{ "=~ /^]$/", "]", 1 },
	{ "=~ /^[]]$/", "]", 1 },
	{ "=~ /(/", "x", -1 },
	{ "=~ /)/", "x", -1 },
	{ "=~ /[a/", "x", -1 },
	{ "=~ /*/", "x", -1 },
	{ "=~ /a**/", "x", -1 },
	{ "=~ /(?=a)/", "x", -1 },
	{ "=~ /\\1/", "x", -1 },
	{ "=~ /a{3,2}/", "x", -1 },
	{ "=~ /a{256}/", "x", -1 },
	{ "=~ /((a{99}){99}){99}/", "x", -1 },
	{ "=~ /((((((((((((((((((((a?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?/", "x", -1 },
	{ "=~ /((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))/", "x", -1 },
	{ "=~ /(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)y/", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0 },
};

static void numbers_match(void **state)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char line[256], why_text[512];
		struct buf why = BUF_OF(why_text);
		struct line_reader r;
		struct line_rule rule;
		bool matches;
		enum err e;

		snprintf(line, sizeof(line), "exten %s,1,Dial(u,p,d)", numbers[i].line);
		r = (struct line_reader){ .rest = str_of(line) };
		assert_int_equal(LINE_RULE, line_next(&r, &rule, &why));
		e = line_matches(&rule, str_of(numbers[i].number), &matches, &why);
		if ((e == ERR_OK ? matches : -1) != numbers[i].matches)
			fail_msg("%s and %s: %d %s", numbers[i].line, numbers[i].number,
				e == ERR_OK ? matches : -1, err_text(e));
		assert_true(e == ERR_OK || why.n > 0);
	}
}

/* ---- the check ---- */

static void collect(unsigned line, bool fault, struct str what, void *arg)
{
	buf_printf(arg, "%u%s ", line, fault ? "!" : "");
	assert_true(what.n > 10);
}

static void check_names_every_fault(void **state)
{
	static const char plan[] = "exten = _0X.,1,Dial(u,p,${dst}@x)\n"
				   "foo\n"
				   "exten 5\n"
				   "exten =~ /(ab/,1,Dial(u,p,d)\n"
				   "exten = 1,1,Play(x)\n"
				   "exten = 1,1,SIPReply(200,x)\n"
				   "exten = 1,1,SIPReply(603,No)\n"
				   "exten = 1,1,Dial(x)\n"
				   "exten = 1,1,Dial(x,y,a b@c)\n";
	char text[256];
	struct buf b = BUF_OF(text);

	assert_int_equal(6, line_plan_check(str_of(plan), collect, &b));
	buf_char(&b, 0);
	assert_string_equal("2 3! 4! 5! 6! 8! 9! ", text);
}

static void check_is_bounded(void **state)
{
	static char plan[200 * 6 + 1], text[2000];
	struct buf b = BUF_OF(text);

	for (unsigned i = 0; i < 200; i++)
		memcpy(plan + 6 * i, "exten\n", 6);
	assert_int_equal(50, line_plan_check(str_of(plan), collect, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read),
		cmocka_unit_test(lines_have_numbers),
		cmocka_unit_test(numbers_match),
		cmocka_unit_test(check_names_every_fault),
		cmocka_unit_test(check_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
