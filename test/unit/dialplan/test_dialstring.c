/* SPDX-License-Identifier: BSD-3-Clause */
/* Dial strings, with the habits of facts 4.1 to 4.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "dialplan/dialstring.h"

static const struct dial_substitutions sub = { .dst = { "4412345", 7 },
	.from_name = { "Alice", 5 },
	.from_user = { "alice", 5 },
	.from_aor = { "alice@example.org", 17 } };

struct result {
	struct arena arena;
	struct dial_plan plan;
	char why_text[256];
	struct buf why;
	enum err err;
};

static void parse(struct result *r, const char *text)
{
	arena_init(&r->arena, 4096);
	buf_init(&r->why, r->why_text, sizeof(r->why_text));
	r->err = dial_parse(str_of(text), &sub, &r->arena, &r->plan, &r->why);
}

#define assert_str(expected, s)                                                                    \
	do {                                                                                       \
		struct str got_ = (s);                                                             \
		char text_[256];                                                                   \
		snprintf(text_, sizeof(text_), "%.*s", STR_ARG(got_));                             \
		assert_string_equal(expected, text_);                                              \
	} while (0)

/* "group:uri group:uri …", or "error: why" */
static void becomes(const char *text, const char *expected)
{
	struct result r;
	char got[1024];
	struct buf b = BUF_OF(got);

	parse(&r, text);
	if (r.err != ERR_OK)
		buf_printf(&b, "error: %.*s", STR_ARG(buf_str(&r.why)));
	for (unsigned i = 0; r.err == ERR_OK && i < r.plan.count; i++)
		buf_printf(&b, "%s%u:%.*s", i ? " " : "", r.plan.legs[i].group,
			STR_ARG(r.plan.legs[i].uri));
	buf_char(&b, 0);
	arena_fini(&r.arena);
	assert_string_equal(expected, got);
}

static void groups_and_legs(void **state)
{
	becomes("a@b", "0:sip:a@b");
	becomes("a@p1&b@p2|c@p3", "0:sip:a@p1 0:sip:b@p2 1:sip:c@p3");
	becomes("a@b||c@d", "0:sip:a@b 1:sip:c@d");
	becomes("|a@b", "0:sip:a@b");
	becomes("&a@b&&c@d&", "0:sip:a@b 0:sip:c@d");
	becomes(" a@b & c@d | e@f ", "0:sip:a@b 0:sip:c@d 1:sip:e@f");
	becomes("", "error: nobody to dial");
	becomes(" | & ", "error: nobody to dial");
}

static void equal_destinations_are_dialled_once(void **state)
{
	becomes("a@b&a@b|a@b|c@d", "0:sip:a@b 1:sip:c@d");
}

static void missing_user_is_the_requests(void **state)
{
	struct result r;

	becomes("provider", "0:sip:4412345@provider");
	becomes("provider[dt=5]&other", "0:sip:4412345@provider 0:sip:4412345@other");
	becomes("sip:host", "0:sip:host");
	becomes("SIPS:host", "0:sips:host");
	becomes("sips:a@host:5061;transport=tls", "0:sips:a@host:5061;transport=tls");
	parse(&r, "provider");
	assert_str("4412345", r.plan.legs[0].user);
	assert_str("provider", r.plan.legs[0].host);
	arena_fini(&r.arena);
	parse(&r, "sip:host");
	assert_null(r.plan.legs[0].user.p);
	arena_fini(&r.arena);
}

static void destinations(void **state)
{
	becomes("a@b:5070;lr?x=y", "0:sip:a@b:5070;lr?x=y");
	becomes("a@[::1]:5070", "0:sip:a@[::1]:5070");
	becomes("a@[::1][dt=3]", "0:sip:a@[::1]");
	becomes("100;phone-context=x@b", "0:sip:100;phone-context=x@b");
	becomes("a b@c", "error: a b@c cannot be dialled");
	becomes("a@", "error: a@ cannot be dialled");
	becomes("@b;c@d", "error: @b;c@d cannot be dialled");
	becomes("sip:", "error: sip: cannot be dialled");
	becomes("a@b\r\nX: y", "error: a@b\r\nX: y cannot be dialled");
}

static void substitutions(void **state)
{
	becomes("${dst}@p", "0:sip:4412345@p");
	becomes("${EXTEN:2}@p", "0:sip:12345@p");
	becomes("00${Dst:2}@p", "0:sip:0012345@p");
	becomes("${dst:7}@p", "0:sip:4412345@p"); /* all of it when it is too short */
	becomes("${dst:99}@p", "0:sip:4412345@p");
	becomes("${fromuriuser}@p|${fromaor}", "0:sip:alice@p 1:sip:alice@example.org");
	becomes("x${fromname}@p", "0:sip:xAlice@p");
	becomes("a@${unknown}", "0:sip:a@${unknown}");
	becomes("a@b${", "0:sip:a@b${");
}

static void options(void **state)
{
	struct result r;
	const struct dial_leg *l;

	parse(&r,
		"a@b[dt=10,cd=60,rm=N,ma=false,fd= Joe Doe ,fu=joe,fh=example.net,tr=P,zz=1]junk");
	assert_int_equal(ERR_OK, r.err);
	l = &r.plan.legs[0];
	assert_str("sip:a@b", l->uri);
	assert_int_equal(10, l->delay_s);
	assert_int_equal(60, l->duration_s);
	assert_int_equal(DIAL_REDIRECT_NEW_CALL, l->redirect);
	assert_false(l->mangle);
	assert_str("Joe Doe", l->from_display);
	assert_str("joe", l->from_user);
	assert_str("example.net", l->from_host);
	assert_int_equal('p', l->transfer);
	assert_str("dt=10,cd=60,rm=N,ma=false,fd= Joe Doe ,fu=joe,fh=example.net,tr=P,zz=1",
		l->options);
	arena_fini(&r.arena);

	parse(&r, "a@b");
	l = &r.plan.legs[0];
	assert_int_equal(0, l->delay_s);
	assert_int_equal(0, l->duration_s);
	assert_int_equal(DIAL_REDIRECT_FOLLOW, l->redirect);
	assert_true(l->mangle);
	assert_int_equal(0, l->from_display.n);
	assert_int_equal(0, l->transfer);
	arena_fini(&r.arena);
}

static void options_are_searched_anywhere(void **state)
{
	struct result r;

	parse(&r, "a@b[fd=add cd=5]"); /* facts 4.4: a key within another value is found */
	assert_int_equal(5, r.plan.legs[0].duration_s);
	assert_str("add cd=5", r.plan.legs[0].from_display);
	arena_fini(&r.arena);
	parse(&r, "a@b[DT=5,dt=999,rm=x,tr=z,cd=x]");
	assert_int_equal(DIAL_DELAY_MAX_S, r.plan.legs[0].delay_s);
	assert_int_equal(DIAL_REDIRECT_FOLLOW, r.plan.legs[0].redirect);
	assert_int_equal(0, r.plan.legs[0].transfer);
	assert_int_equal(0, r.plan.legs[0].duration_s);
	arena_fini(&r.arena);
	parse(&r, "a@b[rm=m,dt=99999999999]");
	assert_int_equal(DIAL_REDIRECT_MANUAL, r.plan.legs[0].redirect);
	assert_int_equal(DIAL_DELAY_MAX_S, r.plan.legs[0].delay_s);
	arena_fini(&r.arena);
}

static void broken_brackets(void **state)
{
	becomes("a@b[dt=5", "error: no ] after a@b[dt=5");
	becomes("a@b[dt=5|c@d]", "error: no ] after a@b[dt=5"); /* split comes first */
	becomes("a@b[]", "0:sip:a@b");
	becomes("[dt=5]", "error: nobody to dial");
}

static void too_many_legs(void **state)
{
	char text[512];
	struct buf b = BUF_OF(text);
	struct result r;

	for (int i = 0; i < DIAL_LEGS_MAX; i++)
		buf_printf(&b, "%sa%d@b", i ? "&" : "", i);
	buf_char(&b, 0);
	parse(&r, text);
	assert_int_equal(ERR_OK, r.err);
	assert_int_equal(DIAL_LEGS_MAX, r.plan.count);
	assert_int_equal(1, r.plan.groups);
	arena_fini(&r.arena);
	b.n--;
	buf_printf(&b, "|one@more");
	buf_char(&b, 0);
	parse(&r, text);
	assert_int_equal(ERR_LIMIT, r.err);
	arena_fini(&r.arena);
}

/* ---- one leg in fields (facts 4.8) ---- */

static const struct {
	const char *text, *leg; /* "user/password/uri/from/sendto", or "error" */
} fields[] = {
	{ "u,p,1@h", "u/p/sip:1@h//" },
	{ " u, p ,1@h ", "u/p/sip:1@h//" },
	{ "\"u\",'p',\"1@h\"", "u/p/sip:1@h//" },
	{ "u,p,h", "u/p/sip:4412345@h//" },
	{ "u,p,sip:h", "u/p/sip:h//" },
	{ "u,p,${dst:2}@h:5070", "u/p/sip:12345@h:5070//" },
	{ "u,,1@h", "u//sip:1@h//" },
	{ "u,${dst},1@h", "u/4412345/sip:1@h//" },
	{ "u,p|q&r,1@h", "u/p|q&r/sip:1@h//" },
	{ "u,p,1@h,Joe <sip:j@k>", "u/p/sip:1@h/Joe <sip:j@k>/" },
	{ "u,p,1@h,<sip:${fromuriuser}@k>", "u/p/sip:1@h/<sip:alice@k>/" },
	{ "u,p,1@h,,<sip:proxy;lr>", "u/p/sip:1@h//sip:proxy;lr" },
	{ "u,p,1@h,,proxy", "u/p/sip:1@h//" },
	{ "u,p,1@h,,<sip:proxy>,true", "u/p/sip:1@h//sip:proxy" },
	{ "u,p,1@h,,<sip:a b>", "error" },
	{ "u,p,1 2@h", "error" },
	{ "u,p,x@", "error" },
	{ "u,,,x", "error" },
};

static void strings_in_fields(void **state)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct result r;
		char got[512] = "error";
		const struct dial_leg *l = &r.plan.legs[0];

		parse(&r, fields[i].text);
		if (r.err == ERR_OK) {
			assert_int_equal(1, r.plan.count);
			assert_true(l->fields && l->mangle);
			snprintf(got, sizeof(got), "%.*s/%.*s/%.*s/%.*s/%.*s", STR_ARG(l->username),
				STR_ARG(l->password), STR_ARG(l->uri), STR_ARG(l->from),
				STR_ARG(l->send_to));
		}
		assert_true(r.err == ERR_OK || r.why.n > 0);
		arena_fini(&r.arena);
		assert_string_equal(fields[i].leg, got);
	}
}

/* What looks alike, and is not in fields. */
static void strings_not_in_fields(void **state)
{
	becomes("a@b[fu=x,fd=y,fh=z]", "0:sip:a@b");
	becomes("a@b,c", "0:sip:a@b,c");
	becomes("u , p , 1@h", "error: u , p , 1@h cannot be dialled");
	becomes("u,p, ", "0:sip:4412345@u,p,");
	becomes(",a,b", "0:sip:4412345@,a,b");
}

/* ---- options of which some hide in others ---- */

static const struct {
	const char *options;
	unsigned delay_s, duration_s, reinvite_s;
	char transfer;
	bool crm;
	const char *account_code, *rate_code, *line_name, *line_caller, *line_owner;
} rows[] = {
	{ "rcd=true,cd=60", 0, 60, 0, 0, true, "", "", "", "", "" },
	{ "rcd=false", 0, 0, 0, 0, false, "", "", "", "", "" },
	{ "fd=add cd=5", 0, 5, 0, 0, false, "", "", "", "", "" },
	{ "dt=121", 120, 0, 0, 0, false, "", "", "", "", "" },
	{ "dt=x,dt=7", 7, 0, 0, 0, false, "", "", "", "", "" },
	{ "tr=x,tr=c", 0, 0, 0, 'c', false, "", "", "", "", "" },
	{ "tr=N", 0, 0, 0, 'n', false, "", "", "", "", "" },
	{ "DT=5", 0, 0, 0, 0, false, "", "", "", "", "" },
	{ "dr=0", 0, 0, 0, 0, false, "", "", "", "", "" },
	{ "dr=5", 0, 0, 5, 0, false, "", "", "", "", "" },
	{ "dr=6", 0, 0, 2, 0, false, "", "", "", "", "" },
	{ "ir=yes", 0, 0, 2, 0, false, "", "", "", "", "" },
	{ "ir=yes,dr=3", 0, 0, 3, 0, false, "", "", "", "", "" },
	{ "ac=A1_b-c,rc=r2", 0, 0, 0, 0, false, "A1_b", "r2", "", "", "" },
	{ "swln= Front desk ,swcid=a@b,swo=ann", 0, 0, 0, 0, false, "", "", "Front desk", "a@b",
		"ann" },
};

static void options_hide_in_others(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result r;
		char text[128];
		const struct dial_leg *l = &r.plan.legs[0];

		snprintf(text, sizeof(text), "a@b[%s]", rows[i].options);
		parse(&r, text);
		assert_int_equal(ERR_OK, r.err);
		assert_int_equal(rows[i].delay_s, l->delay_s);
		assert_int_equal(rows[i].duration_s, l->duration_s);
		assert_int_equal(rows[i].reinvite_s, l->reinvite_s);
		assert_int_equal(rows[i].transfer, l->transfer);
		assert_int_equal(rows[i].crm, l->crm);
		assert_str(rows[i].account_code, l->account_code);
		assert_str(rows[i].rate_code, l->rate_code);
		assert_str(rows[i].line_name, l->line_name);
		assert_str(rows[i].line_caller, l->line_caller);
		assert_str(rows[i].line_owner, l->line_owner);
		arena_fini(&r.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_in_fields),
		cmocka_unit_test(strings_not_in_fields),
		cmocka_unit_test(options_hide_in_others),
		cmocka_unit_test(groups_and_legs),
		cmocka_unit_test(equal_destinations_are_dialled_once),
		cmocka_unit_test(missing_user_is_the_requests),
		cmocka_unit_test(destinations),
		cmocka_unit_test(substitutions),
		cmocka_unit_test(options),
		cmocka_unit_test(options_are_searched_anywhere),
		cmocka_unit_test(broken_brackets),
		cmocka_unit_test(too_many_legs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
