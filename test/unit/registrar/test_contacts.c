/* SPDX-License-Identifier: BSD-3-Clause */
/* What a REGISTER asks for (RFC 3261 10.2), read from its Contact and Expires fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "registrar/contacts.h"

struct row {
	const char *fields;
	unsigned status; /* 0: sound */
	unsigned count;
	uint32_t expires_s; /* of the first */
	unsigned q1000;
};

static struct sip_msg *request(const char *fields)
{
	char text[8192];
	struct sip_fault fault;
	struct sip_msg *m;
	int n = snprintf(text, sizeof(text),
		"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\n"
		"From: <sip:b@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: one\r\n"
		"CSeq: 1 REGISTER\r\n%sContent-Length: 0\r\n\r\n",
		fields);

	assert_true(n > 0 && (size_t)n < sizeof(text));
	assert_int_equal(sip_msg_parse(str_make(text, (size_t)n), &m, &fault), ERR_OK);
	return m;
}

static void check(const struct row *row)
{
	static const struct expiry_limits limits = { 120, 3600 };
	struct sip_msg *m = request(row->fields);
	struct refusal no = { 0 };
	struct wishes wishes;

	wishes_read(m, &limits, &wishes, &no);
	if (no.status != row->status)
		print_message("%s\n", row->fields);
	assert_int_equal(no.status, row->status);
	assert_true(!no.status || no.reason.n > 0);
	if (!no.status) {
		assert_int_equal(wishes.count, row->count);
		if (row->count && !wishes.star) {
			assert_int_equal(wishes.list[0].expires_s, row->expires_s);
			assert_int_equal(wishes.list[0].q1000, row->q1000);
		}
	}
	sip_msg_unref(m);
}

static void table(void **state)
{
	static const struct row rows[] = {
		{ "", 0, 0, 0, 0 },
		{ "Contact: <sip:b@h>\r\n", 0, 1, 3600, 1000 },
		{ "m: sip:b@h\r\n", 0, 1, 3600, 1000 },
		{ "Contact: <sip:b@h>\r\nExpires: 600\r\n", 0, 1, 600, 1000 },
		{ "Contact: <sip:b@h>;expires=300;q=0.5\r\nExpires: 600\r\n", 0, 1, 300, 500 },
		{ "Contact: <sip:b@h>;expires=0\r\n", 0, 1, 0, 1000 },
		{ "Contact: <sip:b@h>\r\nExpires: 0\r\n", 0, 1, 0, 1000 },
		{ "Contact: <sip:b@h>;expires=119\r\n", 423, 0, 0, 0 },
		{ "Contact: <sip:b@h>;expires=120\r\n", 0, 1, 120, 1000 },
		{ "Contact: <sip:b@h>;expires=99999999999\r\n", 0, 1, 3600, 1000 },
		{ "Contact: <sip:b@h>;expires=soon\r\n", 0, 1, 3600, 1000 },
		{ "Contact: <sip:b@h>\r\nExpires: soon\r\n", 0, 1, 3600, 1000 },
		{ "Contact: <sip:b@h>;q=2\r\n", 400, 0, 0, 0 },
		{ "Contact: <sip:b@h\r\n", 400, 0, 0, 0 },
		{ "Contact: <sip:b@h>, <sip:c@h>\r\nContact: <tel:1>\r\n", 0, 3, 3600, 1000 },
		{ "Contact: *\r\nExpires: 0\r\n", 0, 1, 0, 0 },
		{ "Contact: *\r\n", 400, 0, 0, 0 },
		{ "Contact: *\r\nExpires: 1\r\n", 400, 0, 0, 0 },
		{ "Contact: *, <sip:b@h>\r\nExpires: 0\r\n", 400, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(&rows[i]);
}

static void a_default_below_the_minimum_is_raised(void **state)
{
	static const struct expiry_limits limits = { 120, 60 };
	struct sip_msg *m = request("Contact: <sip:b@h>\r\n");
	struct refusal no = { 0 };
	struct wishes wishes;

	(void)state;
	wishes_read(m, &limits, &wishes, &no);
	assert_int_equal(no.status, 0);
	assert_int_equal(wishes.list[0].expires_s, 120);
	sip_msg_unref(m);
}

static void contacts_have_a_limit(void **state)
{
	char text[4096] = "";
	struct buf b = BUF_OF(text);

	(void)state;
	for (int i = 0; i < LOCATION_BINDINGS_MAX; i++)
		buf_printf(&b, "Contact: <sip:b@h%d>\r\n", i);
	buf_char(&b, '\0');
	check(&(struct row){ text, 0, LOCATION_BINDINGS_MAX, 3600, 1000 });
	b.n--;
	buf_lit(&b, "Contact: <sip:b@one-more>\r\n");
	buf_char(&b, '\0');
	check(&(struct row){ text, 403, 0, 0, 0 });
}

static void instance_and_reg_id(void **state)
{
	static const struct expiry_limits limits = { 120, 3600 };
	struct sip_msg *m =
		request("Contact: <sip:b@h>;reg-id=2;+sip.instance=\"<urn:uuid:1>\"\r\n");
	struct refusal no = { 0 };
	struct wishes wishes;

	(void)state;
	wishes_read(m, &limits, &wishes, &no);
	assert_int_equal(no.status, 0);
	assert_true(str_eq(wishes.list[0].instance, STR("<urn:uuid:1>")));
	assert_int_equal(wishes.list[0].reg_id, 2);
	sip_msg_unref(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(a_default_below_the_minimum_is_raised),
		cmocka_unit_test(contacts_have_a_limit),
		cmocka_unit_test(instance_and_reg_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
