/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/keyring.h"

#define HEX_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX_B "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define HEX_C "abababababababababababababababababababababababababababababababab"

static enum err parse(const char *text, struct keyring *r, char said[200])
{
	struct buf why = { .p = said, .max = 199 };
	enum err e = keyring_parse(str_of(text), r, &why);

	said[why.n] = 0;
	return e;
}

static void expect_ring(const char *text, unsigned count, unsigned current)
{
	struct keyring r;
	char said[200];

	assert_int_equal(parse(text, &r, said), ERR_OK);
	assert_string_equal(said, "");
	assert_int_equal(r.count, count);
	assert_int_equal(r.current, current);
}

static void expect_fault(const char *text, const char *fault)
{
	struct keyring r;
	char said[200];

	assert_int_equal(parse(text, &r, said), ERR_SYNTAX);
	assert_string_equal(said, fault);
	assert_null(strstr(said, "ff")); /* nothing of the text */
	assert_int_equal(r.count, 0);
}

static void rings_are_read(void **state)
{
	expect_ring(HEX_A, 1, 0);
	expect_ring("\n# old\n" HEX_A "\r\nkey " HEX_B "\n\n", 2, 1);
	expect_ring("key " HEX_A " current\nkey " HEX_B "\n", 2, 0);
	expect_ring("cluster " HEX_C "\nkey\t" HEX_A "\n  key " HEX_B "  current\n", 2, 1);
}

static void faults_are_told_without_the_key(void **state)
{
	char many[20 * 80] = "";
	struct keyring r;
	char said[200];

	expect_fault("", "there is no key in it");
	expect_fault("# nothing\n\n", "there is no key in it");
	expect_fault("cluster " HEX_A "\n", "there is no key in it");
	expect_fault("ffff", "line 1: a key has 64 hex digits");
	expect_fault("key " HEX_A "\nkey " HEX_B "ff", "line 2: a key has 64 hex digits");
	expect_fault("key\n", "line 1: a key has 64 hex digits");
	expect_fault("kex " HEX_B, "line 1: a line begins with \"key\" or \"cluster\"");
	expect_fault("key " HEX_B " old", "line 1: behind a key stands nothing but \"current\"");
	expect_fault("key " HEX_B " current x", "line 1: there is too much in it");
	expect_fault(HEX_B "\n" HEX_B, "line 2: this key is there already");
	expect_fault("key " HEX_A " current\nkey " HEX_B " current",
		"line 2: only one key is the current one");
	expect_fault("cluster ffff\n" HEX_B, "line 1: the cluster secret has 64 hex digits");
	expect_fault(
		"cluster " HEX_A "\ncluster " HEX_B, "line 2: there is only one cluster secret");
	for (unsigned i = 0; i < KEYRING_MAX + 1; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "key %062d%02u\n", 0, i);
	assert_int_equal(parse(many, &r, said), ERR_SYNTAX);
	assert_string_equal(said, "line 17: there are more than 16 keys");
}

static void a_ring_survives_print_and_parse(void **state)
{
	char text[KEYRING_TEXT_MAX], said[200];
	struct keyring a, b;
	struct buf out;

	keyring_init(&a);
	for (unsigned i = 1; i < KEYRING_MAX; i++)
		assert_int_equal(keyring_add(&a), ERR_OK);
	assert_int_equal(keyring_add(&a), ERR_LIMIT);
	a.current = 7;
	buf_init(&out, text, sizeof(text) - 1);
	keyring_print(&out, &a);
	assert_true(buf_ok(&out));
	text[out.n] = 0;
	assert_int_equal(parse(text, &b, said), ERR_OK);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* It must outlive every key, from the very first single-key file on. */
static void the_cluster_secret_stays(void **state)
{
	struct keyring r, again;
	uint8_t cluster[CRYPTO_KEY_BYTES];
	char text[KEYRING_TEXT_MAX], said[200];
	struct buf out = { .p = text, .max = sizeof(text) - 1 };

	assert_int_equal(parse(HEX_A, &r, said), ERR_OK);
	memcpy(cluster, r.cluster, sizeof(cluster));
	assert_memory_not_equal(cluster, r.keys[0].bytes, sizeof(cluster));
	assert_int_equal(keyring_add(&r), ERR_OK);
	r.current = 1;
	assert_int_equal(keyring_remove(&r, str_of(r.keys[0].id)), ERR_OK);
	keyring_print(&out, &r);
	text[out.n] = 0;
	assert_int_equal(parse(text, &again, said), ERR_OK);
	assert_int_equal(again.count, 1);
	assert_memory_equal(again.cluster, cluster, sizeof(cluster));
	assert_null(strstr(text, HEX_A));
}

static void keys_are_removed(void **state)
{
	struct keyring r, before;
	char said[200];

	assert_int_equal(parse(HEX_A "\n" HEX_B "\n" HEX_C, &r, said), ERR_OK);
	before = r;
	assert_int_equal(keyring_remove(&r, STR("00000000")), ERR_NOT_FOUND);
	assert_int_equal(keyring_remove(&r, str_of(keyring_current(&r)->id)), ERR_STATE);
	assert_int_equal(keyring_remove(&r, str_of(before.keys[1].id)), ERR_OK);
	assert_int_equal(r.count, 2);
	assert_string_equal(keyring_current(&r)->id, before.keys[2].id);
	assert_null(keyring_find(&r, str_of(before.keys[1].id)));
	assert_non_null(keyring_find(&r, str_of(before.keys[0].id)));
}

struct sealed {
	char text[KEYRING_SEALED_MAX];
	struct str value;
};

static void seal(
	const struct keyring *r, const char *context, const char *secret, struct sealed *out)
{
	struct buf b = BUF_OF(out->text);

	keyring_seal(r, str_of(context), str_of(secret), &b);
	assert_true(buf_ok(&b));
	out->value = buf_str(&b);
}

static void expect_open(
	const struct keyring *r, const char *context, struct str sealed, enum err want)
{
	uint8_t out[KEYRING_SECRET_MAX];
	size_t n;

	assert_int_equal(keyring_open(r, str_of(context), sealed, out, &n), want);
	if (want == ERR_OK)
		assert_true(str_eq(str_make((char *)out, n), STR("hush hush")));
}

static void what_one_key_seals_another_ring_opens(void **state)
{
	struct keyring one, two, other;
	struct sealed s;
	char said[200];

	assert_int_equal(parse(HEX_A, &one, said), ERR_OK);
	assert_int_equal(parse(HEX_A "\n" HEX_B, &two, said), ERR_OK);
	assert_int_equal(parse(HEX_C, &other, said), ERR_OK);
	seal(&one, "row 1", "hush hush", &s);
	assert_true(str_eq(keyring_id_of(&two, s.value), str_of(one.keys[0].id)));
	expect_open(&one, "row 1", s.value, ERR_OK);
	expect_open(&two, "row 1", s.value, ERR_OK);
	expect_open(&two, "row 2", s.value, ERR_CRYPTO); /* swapped rows */
	expect_open(&other, "row 1", s.value, ERR_NOT_FOUND);
	seal(&two, "row 1", "hush hush", &s);
	expect_open(&two, "row 1", s.value, ERR_OK);
	expect_open(&one, "row 1", s.value, ERR_NOT_FOUND);
	memcpy(s.text, one.keys[0].id, KEYRING_ID); /* the id of another key */
	expect_open(&two, "row 1", s.value, ERR_CRYPTO);
}

static void values_from_before_ids_are_opened_with_the_oldest_key(void **state)
{
	struct keyring two;
	struct sealed s;
	uint8_t bytes[9 + CRYPTO_SEAL_EXTRA];
	char hex[2 * sizeof(bytes) + 1], said[200];

	assert_int_equal(parse(HEX_A "\n" HEX_B, &two, said), ERR_OK);
	crypto_seal(two.keys[0].bytes, STR("row 1"), STR("hush hush"), bytes);
	str_hex(bytes, sizeof(bytes), hex);
	assert_true(str_eq(keyring_id_of(&two, str_of(hex)), str_of(two.keys[0].id)));
	expect_open(&two, "row 1", str_of(hex), ERR_OK);
	two.current = 0;
	assert_int_equal(keyring_remove(&two, str_of(two.keys[1].id)), ERR_OK);
	seal(&two, "row 1", "hush hush", &s);
	expect_open(&two, "row 1", str_of(hex), ERR_OK);
}

static void damage_is_seen(void **state)
{
	char said[200], longer[KEYRING_SEALED_MAX + 10];
	struct keyring r;
	struct sealed s;
	struct str v;

	assert_int_equal(parse(HEX_A, &r, said), ERR_OK);
	seal(&r, "row 1", "hush hush", &s);
	v = s.value;
	for (size_t n = 0; n < v.n; n++) { /* truncated anywhere */
		uint8_t out[KEYRING_SECRET_MAX];
		size_t got;

		assert_int_not_equal(
			keyring_open(&r, STR("row 1"), str_first(v, n), out, &got), ERR_OK);
	}
	for (size_t i = KEYRING_ID + 1; i < v.n; i++) { /* one digit changed */
		char was = s.text[i];

		s.text[i] = was == '0' ? '1' : '0';
		expect_open(&r, "row 1", v, ERR_CRYPTO);
		s.text[i] = was;
	}
	s.text[20] = 'x';
	expect_open(&r, "row 1", v, ERR_SYNTAX);
	memset(longer, '0', sizeof(longer));
	memcpy(longer, s.text, KEYRING_ID + 1);
	expect_open(&r, "row 1", str_make(longer, sizeof(longer)), ERR_SYNTAX);
}

static void the_longest_secret_fits(void **state)
{
	char secret[KEYRING_SECRET_MAX];
	uint8_t out[KEYRING_SECRET_MAX];
	struct keyring r;
	struct sealed s;
	struct buf b = BUF_OF(s.text);
	size_t n;

	keyring_init(&r);
	memset(secret, 's', sizeof(secret));
	keyring_seal(&r, STR("x"), str_make(secret, sizeof(secret)), &b);
	assert_true(buf_ok(&b));
	assert_int_equal(keyring_open(&r, STR("x"), buf_str(&b), out, &n), ERR_OK);
	assert_int_equal(n, sizeof(secret));
	assert_memory_equal(out, secret, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rings_are_read),
		cmocka_unit_test(faults_are_told_without_the_key),
		cmocka_unit_test(a_ring_survives_print_and_parse),
		cmocka_unit_test(the_cluster_secret_stays),
		cmocka_unit_test(keys_are_removed),
		cmocka_unit_test(what_one_key_seals_another_ring_opens),
		cmocka_unit_test(values_from_before_ids_are_opened_with_the_oldest_key),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(the_longest_secret_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
