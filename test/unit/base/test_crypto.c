/* SPDX-License-Identifier: BSD-3-Clause */
/* Digests against their standards' examples; sealing and passwords against tampering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto.h"

static void test_digests(void **state)
{
	static const char *const abc[] = { "900150983cd24fb0d6963f7d28e17f72",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23" };
	const struct str parts[] = { STR("a"), STR(""), STR("bc") };

	for (int d = CRYPTO_MD5; d <= CRYPTO_SHA512_256; d++) {
		uint8_t raw[CRYPTO_DIGEST_MAX];
		char hex[65];

		crypto_digest(d, parts, 3, raw);
		str_hex(raw, crypto_digest_bytes(d), hex);
		assert_string_equal(hex, abc[d]);
	}
}

static void test_seal(void **state)
{
	uint8_t key[32] = { 1 }, other[32] = { 2 }, sealed[5 + CRYPTO_SEAL_EXTRA], open[5];
	struct str s = str_make((char *)sealed, sizeof(sealed));

	crypto_seal(key, STR("row 1"), STR("hello"), sealed);
	assert_int_equal(crypto_open(key, STR("row 1"), s, open), ERR_OK);
	assert_memory_equal(open, "hello", 5);
	assert_int_equal(crypto_open(key, STR("row 2"), s, open), ERR_CRYPTO);
	assert_int_equal(crypto_open(other, STR("row 1"), s, open), ERR_CRYPTO);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(crypto_open(key, STR("row 1"), s, open), ERR_CRYPTO);
		sealed[i] ^= 1;
	}
	assert_int_equal(crypto_open(key, STR("row 1"), str_first(s, 27), open), ERR_CRYPTO);
}

static void test_passwords(void **state)
{
	char a[CRYPTO_SCRYPT_MAX], b[CRYPTO_SCRYPT_MAX];

	crypto_scrypt_hash(STR("secret"), a);
	crypto_scrypt_hash(STR("secret"), b);
	assert_string_not_equal(a, b); /* salted */
	assert_true(crypto_scrypt_check(STR("secret"), str_of(a)));
	assert_false(crypto_scrypt_check(STR("Secret"), str_of(a)));
	assert_false(crypto_scrypt_check(STR("secret"), STR("scrypt$1$2$3$x$y")));
	assert_false(crypto_scrypt_check(STR("secret"), STR("")));
	a[10] = '9';
	assert_false(crypto_scrypt_check(STR("secret"), str_of(a)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_passwords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
