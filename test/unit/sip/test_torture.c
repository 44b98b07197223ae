/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 4475 and RFC 5118: each message of torture.txt gets the verdict that stands beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "sip/print.h"

enum { FILE_MAX = 1 << 20, MESSAGE_MAX = 65535 };

static struct str text;

static bool escape(struct str *s, char *out)
{
	static const struct {
		struct str text;
		char c;
	} escapes[] = { { STR("\\a"), '\a' }, { STR("\\0"), '\0' }, { STR("\\1"), 1 },
		{ STR("\\2"), 2 }, { STR("\\x7f"), 0x7f } };

	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		if (str_starts(*s, escapes[i].text)) {
			*out = escapes[i].c;
			*s = str_from(*s, escapes[i].text.n);
			return true;
		}
	}
	return false;
}

/* Lines as they go over the wire. */
static void to_wire(struct str s, struct buf *b)
{
	while (s.n) {
		char c;

		if (escape(&s, &c)) {
			buf_char(b, c);
			continue;
		}
		if (s.p[0] == '\n')
			buf_char(b, '\r');
		buf_char(b, s.p[0]);
		s = str_from(s, 1);
	}
	assert_true(buf_ok(b));
}

/* A refusal must itself be a message. */
static void check_refusal(const struct sip_msg *m, const struct sip_fault *fault)
{
	static char out[2 * MESSAGE_MAX];
	struct buf b = BUF_OF(out);
	const struct sip_reply r = {
		.status = fault->status, .reason = str_of(fault->reason), .to_tag = STR("x")
	};

	sip_print_reply(&b, m, STR("192.0.2.9"), 5060, &r);
	assert_true(buf_ok(&b));
	assert_true(str_starts(buf_str(&b), STR("SIP/2.0 ")));
}

static void check(struct str name, struct str verdict, struct str message)
{
	static char wire[MESSAGE_MAX];
	struct buf b = BUF_OF(wire);
	struct sip_fault fault;
	struct sip_msg *m;
	char have[32];
	enum err e;

	to_wire(message, &b);
	e = sip_msg_parse(buf_str(&b), &m, &fault);
	snprintf(have, sizeof(have), "%u", fault.status);
	if (!e)
		snprintf(have, sizeof(have), "ok");
	else if (!m)
		snprintf(have, sizeof(have), "drop");
	if (e && m)
		check_refusal(m, &fault);
	if (!str_eq(verdict, str_of(have)))
		print_message("%.*s: expected %.*s, got %s (%s)\n", STR_ARG(name), STR_ARG(verdict),
			have, fault.reason ? fault.reason : "-");
	assert_true(str_eq(verdict, str_of(have)));
	sip_msg_unref(m);
}

static void test_all(void **state)
{
	size_t at = str_find_str(text, STR("\n@ "));
	unsigned count = 0;

	while (at < text.n) {
		struct str rest = str_from(text, at + 3), head, name;
		size_t end;

		str_cut(&rest, '\n', &head);
		str_cut(&head, ' ', &name);
		end = str_find_str(rest, STR("\n@ "));
		check(name, head, str_first(rest, end + 1));
		at = (size_t)(rest.p - text.p) + end;
		count++;
	}
	assert_true(count >= 55);
}

/* What the RFC says about wsinv beyond "it is valid". */
static void test_wsinv(void **state)
{
	struct str message = str_from(text, str_find_str(text, STR("INVITE sip:vivekg")));
	static char wire[MESSAGE_MAX];
	struct buf b = BUF_OF(wire);
	struct sip_hdr_iter it = { 0 };
	struct sip_fault fault;
	struct sip_msg *m;
	struct sip_addr contact;
	struct str v;
	unsigned vias = 0, q;

	to_wire(str_first(message, str_find_str(message, STR("\n@ ")) + 1), &b);
	assert_int_equal(sip_msg_parse(buf_str(&b), &m, &fault), ERR_OK);
	assert_true(str_eq(m->to.tag, STR("1918181833n")));
	assert_true(str_eq(m->from.tag, STR("98asjd8")));
	assert_int_equal(m->max_forwards, 68);
	assert_int_equal(m->cseq.number, 9);
	assert_true(str_eq(m->via.host, STR("192.0.2.2")));
	assert_true(str_eq(m->via.branch, STR("390skdjuw")));
	while (sip_msg_next(m, SIP_HDR_VIA, &it, &v))
		vias++;
	assert_int_equal(vias, 3);
	it = (struct sip_hdr_iter){ 0 };
	assert_true(sip_msg_next(m, SIP_HDR_CONTACT, &it, &v));
	assert_int_equal(sip_addr_parse(v, &contact), ERR_OK);
	assert_int_equal(sip_contact_q(&contact, &q), ERR_OK);
	assert_int_equal(q, 330);
	assert_true(str_eq(sip_msg_hdr(m, SIP_HDR_SUBJECT), STR("")));
	sip_msg_unref(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_wsinv),
	};
	char *mem = mem_alloc(FILE_MAX);
	FILE *f = argc > 1 ? fopen(argv[1], "re") : NULL;
	int failed;

	BUG_ON(!f);
	text = str_make(mem, fread(mem, 1, FILE_MAX, f));
	fclose(f);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(mem);
	return failed;
}
