/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages as RFC 5769 writes them, and as they come back; what is no STUN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stun/stun.h"

#define BYTES(lit) ((struct str){ lit, sizeof(lit) - 1 })

/* RFC 5769 section 2.1: SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, integrity, FINGERPRINT */
static const char request[] =
	"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
	"\x80\x22\x00\x10\x53\x54\x55\x4e\x20\x74\x65\x73\x74\x20\x63\x6c\x69\x65\x6e\x74"
	"\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
	"\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\x00\x08\x00\x14"
	"\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
	"\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

/* 2.2: XOR-MAPPED-ADDRESS 192.0.2.1:32853 */
static const char response4[] =
	"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
	"\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20"
	"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14"
	"\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7"
	"\x80\x28\x00\x04\xc0\x7d\x4c\x96";

/* 2.3: [2001:db8:1234:5678:11:2233:4455:6677]:32853 */
static const char response6[] =
	"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
	"\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20"
	"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5"
	"\xbe\xd2\xb9\xd9\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c"
	"\x82\x92\xc2\x75\xbf\xe3\xed\x41\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(text), &a), ERR_OK);
	return a;
}

static void test_vectors(void **state)
{
	struct stun_msg m;
	struct addr a4 = at("192.0.2.1:32853");
	struct addr a6 = at("[2001:db8:1234:5678:11:2233:4455:6677]:32853");

	assert_int_equal(stun_parse(BYTES(request), &m), ERR_OK);
	assert_int_equal(m.class, STUN_REQUEST);
	assert_int_equal(m.method, STUN_BINDING);
	assert_true(m.cookie && m.fingerprint);
	assert_true(str_eq(m.software, STR("STUN test client")));
	assert_int_equal(m.unknown_count, 1); /* PRIORITY is ICE's */
	assert_int_equal(m.unknown[0], 0x24);
	assert_int_equal(stun_parse(BYTES(response4), &m), ERR_OK);
	assert_int_equal(m.class, STUN_SUCCESS);
	assert_true(addr_eq(&m.mapped, &a4));
	assert_int_equal(stun_parse(BYTES(response6), &m), ERR_OK);
	assert_true(addr_eq(&m.mapped, &a6));
}

static void test_answer(void **state)
{
	static const uint8_t tid[12] = "transaction1";
	char ask[256], say[256];
	struct buf ab = BUF_OF(ask), sb = BUF_OF(say);
	struct addr own = at("192.168.1.5:4000"), seen = at("203.0.113.9:61000");
	struct stun_msg m, back;

	stun_print_request(&ab, tid, STR("abcde"), &own);
	assert_int_equal(stun_parse(buf_str(&ab), &m), ERR_OK);
	assert_true(m.cookie && m.fingerprint && str_eq(m.token, STR("abcde")));
	assert_true(addr_eq(&m.own, &own));
	stun_print_success(&sb, &m, &seen);
	assert_int_equal(stun_parse(buf_str(&sb), &back), ERR_OK);
	assert_int_equal(back.class, STUN_SUCCESS);
	assert_memory_equal(back.transaction, m.transaction, 16);
	assert_true(addr_eq(&back.mapped, &seen));
	assert_true(sb.n <= 2 * ab.n);
}

/* RFC 3489: no cookie, sixteen bytes of transaction, MAPPED-ADDRESS. */
static void test_old_client(void **state)
{
	struct stun_msg m, back;
	struct addr seen = at("203.0.113.9:61000");
	char say[256];
	struct buf b = BUF_OF(say);

	assert_int_equal(stun_parse(BYTES("\x00\x01\x00\x00"
					  "0123456789abcdef"),
				 &m),
		ERR_OK);
	assert_false(m.cookie);
	stun_print_success(&b, &m, &seen);
	assert_memory_equal(say + 4, "0123456789abcdef", 16);
	assert_memory_equal(say + 20, "\x00\x01\x00\x08\x00\x01\xee\x48\xcb\x00\x71\x09", 12);
	assert_int_equal(stun_parse(buf_str(&b), &back), ERR_OK);
	assert_true(addr_eq(&back.mapped, &seen));
}

static void test_not_understood(void **state)
{
	struct stun_msg m, back;
	char say[256];
	struct buf b = BUF_OF(say);

	assert_int_equal(stun_parse(BYTES("\x00\x01\x00\x08\x21\x12\xa4\x42"
					  "0123456789ab"
					  "\x00\x03\x00\x04\x00\x00\x00\x06"),
				 &m),
		ERR_OK);
	assert_int_equal(m.unknown_count, 1);
	stun_print_error(&b, &m, 420);
	assert_int_equal(stun_parse(buf_str(&b), &back), ERR_OK);
	assert_int_equal(back.class, STUN_ERROR);
	assert_int_equal(back.error, 420);
	assert_memory_equal(say + 28, "\x00\x0a\x00\x02\x00\x03\x00\x00", 8);
}

static void test_unsound(void **state)
{
	struct stun_msg m;
	char bytes[sizeof(request)];

	assert_false(stun_is(STR("OPTIONS sip:example.com SIP/2.0")));
	assert_int_equal(stun_parse(STR(""), &m), ERR_SYNTAX);
	for (size_t n = 0; n < sizeof(request) - 1; n++)
		assert_int_equal(stun_parse(str_make(request, n), &m), ERR_SYNTAX);
	memcpy(bytes, request, sizeof(bytes));
	bytes[30] ^= 1; /* the fingerprint tells */
	assert_int_equal(stun_parse(str_make(bytes, sizeof(bytes) - 1), &m), ERR_SYNTAX);
	/* an attribute that is longer than the message */
	assert_int_equal(stun_parse(BYTES("\x00\x01\x00\x04\x21\x12\xa4\x42"
					  "0123456789ab"
					  "\x80\x22\x00\x08"),
				 &m),
		ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_old_client),
		cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_unsound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
