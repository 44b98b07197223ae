/* SPDX-License-Identifier: BSD-3-Clause */
/* Dialog state of RFC 3261 12: identifiers, route sets, targets, CSeq, and what a peer can grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dialog/dialog.h"

static const struct flow flow = { .proto = TP_UDP };

/* Lines end in \n here, in CRLF on the wire. */
static struct sip_msg *parse(const char *fmt, ...) PRINTF(1, 2);

static struct sip_msg *parse(const char *fmt, ...)
{
	char text[8192], wire[8192];
	struct sip_fault fault;
	struct sip_msg *m;
	size_t n = 0;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			wire[n++] = '\r';
		wire[n++] = *p;
	}
	assert_int_equal(sip_msg_parse(str_make(wire, n), &m, &fault), ERR_OK);
	return m;
}

static struct sip_msg *request(
	const char *method, const char *to_tag, unsigned cseq, const char *extra)
{
	return parse("%s sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\n"
		     "From: \"A\" <sip:alice@example.com>;tag=far;x=1\n"
		     "To: <sip:bob@example.com>%s\nCall-ID: c\nCSeq: %u %s\n%s"
		     "Content-Length: 0\n\n",
		method, to_tag, cseq, method, extra);
}

static struct sip_msg *response(unsigned status, const char *tag, const char *extra)
{
	return parse("SIP/2.0 %u X\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\n"
		     "From: <sip:bob@example.com>;tag=near\nTo: <sip:alice@example.com>;tag=%s\n"
		     "Call-ID: c\nCSeq: 1 INVITE\n%sContent-Length: 0\n\n",
		status, tag, extra);
}

static void assert_str(struct str have, const char *want)
{
	if (!str_eq(have, str_of(want)))
		fail_msg("have \"%.*s\", want \"%s\"", STR_ARG(have), want);
}

static void make_uas(struct dialog *d, const char *extra)
{
	struct sip_msg *m = request("INVITE", "", 5, extra);

	assert_int_equal(
		dialog_init_uas(d, m, &flow, STR("near"), STR("<sip:us@192.0.2.1>")), ERR_OK);
	sip_msg_unref(m);
}

static void make_uac(struct dialog *d)
{
	dialog_init_uac(d, STR("c"), STR("near"), STR("<sip:bob@example.com>"),
		STR("<sip:alice@example.com>"), STR("<sip:us@192.0.2.1>"), 1);
}

static enum err hear(struct dialog *d, unsigned status, const char *tag, const char *extra)
{
	struct sip_msg *m = response(status, tag, extra);
	enum err e = dialog_on_response(d, m, &flow);

	sip_msg_unref(m);
	return e;
}

static enum err receive(struct dialog *d, const char *method, unsigned cseq, const char *extra)
{
	struct sip_msg *m = request(method, ";tag=near", cseq, extra);
	enum err e = dialog_on_request(d, m, &flow);

	sip_msg_unref(m);
	return e;
}

static const char *print(struct dialog *d, const char *method, struct str *uri)
{
	static char text[4096];
	struct buf b = { .p = text, .max = sizeof(text) - 1 };

	dialog_print_request(d, &b, str_of(method), 0, uri);
	assert_true(buf_ok(&b));
	text[b.n] = '\0';
	return text;
}

/* ---- making ---- */

static void test_uas(void **state)
{
	struct dialog d;

	make_uas(&d,
		"Contact: <sip:a@192.0.2.9:5070>\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\n"
		"Record-Route: <sip:p3;lr>\n");
	assert_str(d.call_id, "c");
	assert_str(d.remote_tag, "far");
	assert_str(d.remote, "\"A\" <sip:alice@example.com>;x=1");
	assert_str(d.remote_target, "sip:a@192.0.2.9:5070");
	assert_str(d.routes, "<sip:p1;lr>, <sip:p2;lr>, <sip:p3;lr>");
	assert_int_equal(d.remote_cseq, 5);
	dialog_fini(&d);
}

static void test_uas_needs_a_contact(void **state)
{
	struct sip_msg *m = request("INVITE", "", 1, "");
	struct dialog d;

	assert_int_not_equal(dialog_init_uas(&d, m, &flow, STR("near"), STR("<sip:us>")), ERR_OK);
	sip_msg_unref(m);
	dialog_fini(&d);
}

static void test_uac_reverses_the_routes(void **state)
{
	struct dialog d;

	make_uac(&d);
	assert_int_equal(hear(&d, 180, "t", ""), ERR_OK);
	assert_int_equal(d.state, DIALOG_EARLY);
	assert_int_equal(hear(&d, 200, "t",
				 "Contact: <sip:a@192.0.2.9>\n"
				 "Record-Route: <sip:p1;lr>\nRecord-Route: <sip:p2;lr>\n"),
		ERR_OK);
	assert_int_equal(d.state, DIALOG_CONFIRMED);
	assert_str(d.routes, "<sip:p2;lr>, <sip:p1;lr>");
	assert_str(d.remote_target, "sip:a@192.0.2.9");
	dialog_fini(&d);
}

/* The tag of the 2xx counts, not that of another fork that rang before. */
static void test_answer_of_another_fork(void **state)
{
	struct dialog d;

	make_uac(&d);
	assert_int_equal(hear(&d, 180, "a-longer-tag", "Contact: <sip:x@192.0.2.8>\n"), ERR_OK);
	assert_int_equal(hear(&d, 200, "t", "Contact: <sip:a@192.0.2.9>\n"), ERR_OK);
	assert_str(d.remote_tag, "t");
	assert_str(d.remote_target, "sip:a@192.0.2.9");
	assert_int_equal(hear(&d, 200, "late", "Contact: <sip:y@192.0.2.7>\n"), ERR_OK);
	assert_str(d.remote_tag, "t");
	dialog_fini(&d);
}

static void test_2xx_needs_a_contact(void **state)
{
	struct dialog d;

	make_uac(&d);
	assert_int_not_equal(hear(&d, 200, "t", ""), ERR_OK);
	dialog_fini(&d);
}

/* ---- requests ---- */

static void test_loose_route(void **state)
{
	struct dialog d;
	struct str uri;
	const char *text;

	make_uas(&d, "Contact: <sip:a@192.0.2.9>\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\n");
	text = print(&d, "BYE", &uri);
	assert_str(uri, "sip:a@192.0.2.9");
	assert_non_null(strstr(text, "Route: <sip:p1;lr>, <sip:p2;lr>\r\n"));
	assert_non_null(strstr(text, "From: <sip:bob@example.com>;tag=near\r\n"));
	assert_non_null(strstr(text, "To: \"A\" <sip:alice@example.com>;x=1;tag=far\r\n"));
	assert_non_null(strstr(text, "CSeq: 1 BYE\r\n"));
	assert_non_null(strstr(print(&d, "BYE", &uri), "CSeq: 2 BYE\r\n"));
	dialog_fini(&d);
}

static void test_strict_route(void **state)
{
	struct dialog d;
	struct str uri;

	make_uas(&d, "Contact: <sip:a@192.0.2.9>\nRecord-Route: <sip:p1>, <sip:p2;lr>\n");
	assert_non_null(
		strstr(print(&d, "BYE", &uri), "Route: <sip:p2;lr>, <sip:a@192.0.2.9>\r\n"));
	assert_str(uri, "sip:p1");
	dialog_fini(&d);
}

static void test_cseq_of_the_peer(void **state)
{
	struct dialog d;

	make_uas(&d, "Contact: <sip:a@192.0.2.9>\n");
	assert_int_equal(receive(&d, "INFO", 4, ""), ERR_RANGE);
	assert_int_equal(receive(&d, "ACK", 5, ""), ERR_OK);
	assert_int_equal(receive(&d, "INFO", 9, ""), ERR_OK);
	assert_int_equal(d.remote_cseq, 9);
	dialog_fini(&d);
}

static void test_target_refresh(void **state)
{
	struct dialog d;

	make_uas(&d, "Contact: <sip:a@192.0.2.9>\n");
	assert_int_equal(receive(&d, "INFO", 6, "Contact: <sip:not@192.0.2.7>\n"), ERR_OK);
	assert_str(d.remote_target, "sip:a@192.0.2.9");
	assert_int_equal(receive(&d, "UPDATE", 7, "Contact: <sip:new@192.0.2.8:5090>\n"), ERR_OK);
	assert_str(d.remote_target, "sip:new@192.0.2.8:5090");
	assert_int_equal(receive(&d, "INVITE", 8, "Contact: *\n"), ERR_OK);
	assert_str(d.remote_target, "sip:new@192.0.2.8:5090");
	dialog_fini(&d);
}

/* ---- what a peer can make grow ---- */

static size_t chunks(const struct dialog *d)
{
	size_t n = 0;
	const void *const *c = (const void *const *)d->arena.chunks;

	for (; c; c = *c)
		n++;
	return n;
}

static void test_changes_do_not_grow_the_arena(void **state)
{
	struct dialog d;
	size_t before;

	make_uac(&d);
	for (unsigned i = 0; i < 2000; i++) {
		char tag[32], extra[256];

		snprintf(tag, sizeof(tag), "tag%u", i + 10000);
		snprintf(extra, sizeof(extra),
			"Contact: <sip:a%u@192.0.2.9>\nRecord-Route: <sip:p%u;lr>\n", i + 10000,
			i + 10000);
		assert_int_equal(hear(&d, 180, tag, extra), ERR_OK);
		if (i == 0)
			before = chunks(&d);
	}
	assert_int_equal(chunks(&d), before);
	assert_str(d.remote_tag, "tag11999");
	assert_str(d.routes, "<sip:p11999;lr>");
	dialog_fini(&d);
}

static void test_copy_is_its_own(void **state)
{
	struct dialog a, b;

	make_uac(&a);
	assert_int_equal(hear(&a, 180, "one", "Contact: <sip:one@192.0.2.9>\n"), ERR_OK);
	dialog_copy(&b, &a);
	assert_int_equal(hear(&b, 200, "two", "Contact: <sip:two@192.0.2.9>\n"), ERR_OK);
	assert_str(a.remote_tag, "one");
	assert_str(a.remote_target, "sip:one@192.0.2.9");
	dialog_fini(&a);
	assert_str(b.remote_tag, "two");
	assert_str(b.call_id, "c");
	dialog_fini(&b);
}

/* ---- table ---- */

static void test_table(void **state)
{
	struct dialog_table t;
	struct sip_msg *m = request("BYE", ";tag=near", 6, "");
	struct sip_msg *other = request("BYE", ";tag=other", 6, "");
	struct dialog d;

	dialog_table_init(&t);
	make_uas(&d, "Contact: <sip:a@192.0.2.9>\n");
	dialog_table_add(&t, &d);
	assert_ptr_equal(dialog_find(&t, m), &d);
	assert_null(dialog_find(&t, other));
	assert_null(dialog_find_ids(&t, STR("c"), STR("near"), STR("forged")));
	dialog_table_del(&t, &d);
	assert_null(dialog_find(&t, m));
	dialog_table_fini(&t);
	dialog_fini(&d);
	sip_msg_unref(m);
	sip_msg_unref(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uas),
		cmocka_unit_test(test_uas_needs_a_contact),
		cmocka_unit_test(test_uac_reverses_the_routes),
		cmocka_unit_test(test_answer_of_another_fork),
		cmocka_unit_test(test_2xx_needs_a_contact),
		cmocka_unit_test(test_loose_route),
		cmocka_unit_test(test_strict_route),
		cmocka_unit_test(test_cseq_of_the_peer),
		cmocka_unit_test(test_target_refresh),
		cmocka_unit_test(test_changes_do_not_grow_the_arena),
		cmocka_unit_test(test_copy_is_its_own),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
