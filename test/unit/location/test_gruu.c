/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of one phone (RFC 5627): what is printed names its binding, and nobody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "location/gruu.h"

static const uint8_t key[CRYPTO_KEY_BYTES] = { 1 }, other_key[CRYPTO_KEY_BYTES] = { 2 };
static const struct binding phone = {
	.instance = { "<urn:uuid:00000000-0000-1000-8000-000A95A0E128>",
		sizeof("<urn:uuid:00000000-0000-1000-8000-000A95A0E128>") - 1 },
	.call_id = { "call-1", sizeof("call-1") - 1 }
};

static struct gruu read_with(const uint8_t *k, struct str text)
{
	static struct gruu g;
	struct sip_uri uri;

	assert_int_equal(sip_uri_parse(text, &uri), ERR_OK);
	gruu_read(k, &uri, &g);
	return g;
}

static void test_public(void **state)
{
	char mem[512];
	struct buf b = BUF_OF(mem);
	struct binding other = phone;
	struct gruu g;

	gruu_print_public(&b, STR("al ice"), STR("example.com"), &phone);
	assert_true(str_eq(buf_str(&b),
		STR("sip:al%20ice@example.com;gr=urn:uuid:00000000-0000-1000-8000-000A95A0E128")));
	g = read_with(key, buf_str(&b));
	assert_int_equal(g.kind, GRUU_PUBLIC);
	assert_true(gruu_names(key, &g, &phone));
	other.instance = STR("<urn:uuid:00000000-0000-1000-8000-000A95A0E129>");
	assert_false(gruu_names(key, &g, &other));
	other.instance = STR_NONE;
	assert_false(gruu_names(key, &g, &other));
	g = read_with(
		key, STR("sip:a@example.com;gr=urn:uuid:00000000-0000-1000-8000-000a95a0e128"));
	assert_true(gruu_names(key, &g, &phone));
}

static void test_temporary(void **state)
{
	char mem[512], again[512];
	struct buf b = BUF_OF(mem), ab = BUF_OF(again);
	struct binding other = phone;
	struct gruu g;

	gruu_print_temporary(&b, key, STR("alice"), STR("Example.com"), &phone);
	gruu_print_temporary(&ab, key, STR("alice"), STR("Example.com"), &phone);
	assert_false(str_eq(buf_str(&b), buf_str(&ab))); /* two say not that they are one's */
	assert_int_equal(str_find_str(buf_str(&b), STR("alice")), b.n);
	g = read_with(key, buf_str(&b));
	assert_int_equal(g.kind, GRUU_TEMPORARY);
	assert_true(str_eq(g.user, STR("alice")));
	assert_true(gruu_names(key, &g, &phone));
	other.call_id = STR("call-2"); /* it registered anew */
	assert_false(gruu_names(key, &g, &other));
}

static void test_forged(void **state)
{
	char mem[512];
	struct buf b = BUF_OF(mem);

	gruu_print_temporary(&b, key, STR("alice"), STR("example.com"), &phone);
	assert_int_equal(read_with(other_key, buf_str(&b)).kind, GRUU_NONE);
	mem[30] = mem[30] == '0' ? '1' : '0';
	assert_int_equal(read_with(key, buf_str(&b)).kind, GRUU_NONE);
	assert_int_equal(read_with(key, STR("sip:tgruu.@example.com;gr")).kind, GRUU_NONE);
	assert_int_equal(read_with(key, STR("sip:tgruu.00@example.com;gr")).kind, GRUU_NONE);
	assert_int_equal(read_with(key, STR("sip:tgruu.xyz@example.com;gr")).kind, GRUU_NONE);
	assert_int_equal(read_with(key, STR("sip:alice@example.com;gr")).kind, GRUU_NONE);
	assert_int_equal(read_with(key, STR("sip:alice@example.com")).kind, GRUU_NONE);
}

/* Another domain's user of the same name is somebody else. */
static void test_domain(void **state)
{
	char mem[512], moved[600];
	struct buf b = BUF_OF(mem), mb = BUF_OF(moved);
	struct str at;

	gruu_print_temporary(&b, key, STR("alice"), STR("a.example"), &phone);
	at = str_first(buf_str(&b), str_find(buf_str(&b), '@'));
	buf_add(&mb, at);
	buf_lit(&mb, "@b.example;gr");
	assert_int_equal(read_with(key, buf_str(&mb)).kind, GRUU_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_temporary),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
