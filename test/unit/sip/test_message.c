/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages: limits, faults, lists, framing, and what printing never lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "sip/print.h"

#define HEAD                                                                                       \
	"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "                  \
	"<sip:c@d>;tag=1\r\n"                                                                      \
	"To: <sip:a@b>\r\nCall-ID: x\r\n"

static struct sip_msg *parse(const char *text, unsigned status)
{
	struct sip_fault fault;
	struct sip_msg *m;
	enum err e = sip_msg_parse(str_of(text), &m, &fault);

	assert_int_equal(fault.status, status);
	assert_int_equal(e == ERR_OK, status == 0);
	return m;
}

static void expect_fault(const char *text, unsigned status)
{
	sip_msg_unref(parse(text, status));
}

static void test_faults(void **state)
{
	expect_fault(HEAD "CSeq: 1 OPTIONS\r\n\r\n", 0);
	expect_fault(HEAD "CSeq: 1 INVITE\r\n\r\n", 400);
	expect_fault(HEAD "CSeq: 2147483648 OPTIONS\r\n\r\n", 400);
	expect_fault(HEAD "CSeq: 1 OPTIONS\r\n", 400); /* no end of the head */
	expect_fault(HEAD "\r\n", 400);
	expect_fault(HEAD "CSeq: 1 OPTIONS\r\nMax-Forwards: many\r\n\r\n", 400);
	expect_fault(HEAD "CSeq: 1 OPTIONS\r\nContent-Length: 5\r\n\r\nab", 400);
	expect_fault(HEAD "CSeq: 1 OPTIONS\r\nNo colon here\r\n\r\n", 400);
	expect_fault(
		"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;rport=<x;y=1,<,;branch=z\r\n"
		"From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n",
		400);
	expect_fault(HEAD "CSeq: 1 OPTIONS\r\nNo name: here\r\n\r\n", 400);
	expect_fault(HEAD "CSeq: 1 OPTIONS\r\nFrom: <sip:e@f>;tag=2\r\n\r\n", 400);
}

static void test_bytes_beyond_the_length_are_dropped(void **state)
{
	struct sip_msg *m = parse(HEAD "CSeq: 1 OPTIONS\r\nContent-Length: 2\r\n\r\nabcdef", 0);

	assert_true(str_eq(m->body, STR("ab")));
	sip_msg_unref(m);
}

static char *many_headers(unsigned n)
{
	char *text = mem_zero(512 + n * 16), *at = text + sprintf(text, HEAD "CSeq: 1 OPTIONS\r\n");

	for (unsigned i = 5; i < n; i++)
		at += sprintf(at, "X: %u\r\n", i);
	sprintf(at, "\r\n");
	return text;
}

static void test_header_limit(void **state)
{
	char *text = many_headers(SIP_MSG_HEADERS_MAX);
	struct sip_msg *m = parse(text, 0);

	assert_int_equal(m->hdr_count, SIP_MSG_HEADERS_MAX);
	sip_msg_unref(m);
	free(text);
	text = many_headers(SIP_MSG_HEADERS_MAX + 1);
	expect_fault(text, 400);
	free(text);
}

static void test_size_limit(void **state)
{
	char *text = mem_alloc(SIP_MSG_MAX + 1);
	struct sip_fault fault;
	struct sip_msg *m;

	memset(text, 'x', SIP_MSG_MAX + 1);
	assert_int_equal(sip_msg_parse(str_make(text, SIP_MSG_MAX + 1), &m, &fault), ERR_LIMIT);
	assert_null(m);
	free(text);
}

static void test_lists(void **state)
{
	struct sip_msg *m = parse(HEAD
		"CSeq: 1 OPTIONS\r\nRoute: <sip:p1;lr>, \"x, y\" <sip:p2>\r\nk: timer, 100rel\r\n"
		"Route: <sip:p3?a=b,c>\r\n\r\n",
		0);
	struct sip_hdr_iter it = { 0 };
	struct str v;

	assert_true(sip_msg_next(m, SIP_HDR_ROUTE, &it, &v));
	assert_true(str_eq(v, STR("<sip:p1;lr>")));
	assert_true(sip_msg_next(m, SIP_HDR_ROUTE, &it, &v));
	assert_true(str_eq(v, STR("\"x, y\" <sip:p2>")));
	assert_true(sip_msg_next(m, SIP_HDR_ROUTE, &it, &v));
	assert_true(str_eq(v, STR("<sip:p3?a=b,c>")));
	assert_false(sip_msg_next(m, SIP_HDR_ROUTE, &it, &v));
	assert_true(sip_msg_list_has(m, SIP_HDR_SUPPORTED, STR("100REL")));
	assert_false(sip_msg_list_has(m, SIP_HDR_SUPPORTED, STR("100")));
	assert_true(str_eq(sip_msg_hdr_named(m, STR("Supported")), STR("timer, 100rel")));
	sip_msg_unref(m);
}

static void test_names(void **state)
{
	char shouted[64];

	for (unsigned id = 1; id < SIP_HDR_COUNT; id++) {
		struct str name = sip_hdr_name(id);

		assert_int_equal(sip_hdr_id(name), id);
		for (size_t i = 0; i < name.n; i++)
			shouted[i] = (char)toupper(name.p[i]);
		assert_int_equal(sip_hdr_id(str_make(shouted, name.n)), id);
		if (name.n > 2) /* "T" is a compact form */
			assert_int_equal(sip_hdr_id(str_first(name, name.n - 1)), SIP_HDR_OTHER);
	}
	assert_int_equal(sip_hdr_id(STR("M")), SIP_HDR_CONTACT);
	assert_int_equal(sip_hdr_id(STR("\0")), SIP_HDR_OTHER);
	assert_int_equal(sip_hdr_id(STR("X-Via")), SIP_HDR_OTHER);
	assert_int_equal(sip_hdr_id(STR("-Via")), SIP_HDR_OTHER);
}

static void test_framing_at_every_byte(void **state)
{
	static const char text[] = "\r\n" HEAD "CSeq: 1 OPTIONS\r\nl: 3\r\n\r\nabc";
	size_t n = sizeof(text) - 1, length;
	struct sip_framing f = { 0 };

	for (size_t i = 0; i <= n + 20; i++) {
		char more[sizeof(text) + 20];

		memset(more, 'z', sizeof(more));
		memcpy(more, text, i < n ? i : n);
		assert_int_equal(sip_msg_frame(str_make(more, i), &length), ERR_OK);
		assert_int_equal(length, i < n ? 0 : n);
	}
	for (size_t i = 0; i <= n; i++) { /* byte by byte, and it does not begin again */
		assert_int_equal(sip_msg_frame_more(&f, str_make(text, i), &length), ERR_OK);
		assert_int_equal(length, i < n ? 0 : n);
		assert_true(f.length || f.looked + 2 >= i);
	}
	assert_int_equal(sip_msg_frame(STR(HEAD "CSeq: 1 OPTIONS\r\n\r\n"), &length), ERR_SYNTAX);
	assert_int_equal(
		sip_msg_frame(STR(HEAD "Content-Length: 99999999\r\n\r\n"), &length), ERR_LIMIT);
	assert_int_equal(sip_msg_frame(STR(HEAD "l: 1\r\nl: 2\r\n\r\n"), &length), ERR_SYNTAX);
}

static void test_no_line_breaks_get_through(void **state)
{
	char text[256];
	struct buf b = BUF_OF(text);

	sip_print_hdr(&b, SIP_HDR_SUBJECT, STR("hi\r\nX-Evil: yes"));
	assert_true(str_eq(buf_str(&b), STR("Subject: hi  X-Evil: yes\r\n")));
	b = BUF_OF(text);
	sip_print_hdr_named(&b, STR("X\r\nY"), STR("a"));
	assert_true(str_eq(buf_str(&b), STR("X  Y: a\r\n")));
}

static void test_reply(void **state)
{
	struct sip_msg *m = parse(
		"INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP "
		"h:9;rport;branch=z9hG4bK1;received=6.6.6.6"
		", SIP/2.0/TCP i\r\nVia: SIP/2.0/TLS j\r\nf: <sip:c@d>;tag=1\r\nt: <sip:a@b>\r\n"
		"i: x\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:p;lr>\r\n\r\n",
		0);
	const struct sip_reply r = {
		.status = 180, .to_tag = STR("t"), .contact = STR("<sip:me>"), .record_route = true
	};
	char text[1024];
	struct buf b = BUF_OF(text);

	sip_print_reply(&b, m, STR("2001:db8::5"), 77, &r);
	assert_true(str_eq(buf_str(&b),
		STR("SIP/2.0 180 Ringing\r\n"
		    "Via: SIP/2.0/UDP h:9;branch=z9hG4bK1;received=2001:db8::5;rport=77, "
		    "SIP/2.0/TCP i\r\n"
		    "Via: SIP/2.0/TLS j\r\nRecord-Route: <sip:p;lr>\r\nFrom: <sip:c@d>;tag=1\r\n"
		    "To: <sip:a@b>;tag=t\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:me>\r\n"
		    "Content-Length: 0\r\n\r\n")));
	sip_msg_unref(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_bytes_beyond_the_length_are_dropped),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_framing_at_every_byte),
		cmocka_unit_test(test_no_line_breaks_get_through),
		cmocka_unit_test(test_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
