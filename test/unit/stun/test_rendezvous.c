/* SPDX-License-Identifier: BSD-3-Clause */
/* Tokens that are good, out of date and forged; what the table knows, and how much at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "stun/rendezvous.h"

static const uint8_t key[CRYPTO_KEY_BYTES] = { 1 }, other_key[CRYPTO_KEY_BYTES] = { 2 };

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(text), &a), ERR_OK);
	return a;
}

static uint32_t now_s(void)
{
	struct clock c;

	clock_read(&c);
	return (uint32_t)(c.wall_ms / 1000);
}

static struct str token_for(
	const struct rendezvous *r, const struct addr *a, uint32_t until_s, char *mem)
{
	struct buf b = { .p = mem, .max = RENDEZVOUS_TOKEN_MAX };

	rendezvous_print_token(r, &b, a, until_s);
	assert_true(buf_ok(&b));
	return buf_str(&b);
}

static void check_known(
	struct rendezvous *r, const char *signalling, const char *own, const char *seen)
{
	struct addr s = at(signalling), o = at(own), found, want;

	assert_int_equal(rendezvous_find(r, &s, &o, &found), seen != NULL);
	if (!seen)
		return;
	want = at(seen);
	assert_true(addr_eq(&found, &want));
}

static void test_told(void **state)
{
	struct rendezvous *r = rendezvous_new(key);
	char mem[RENDEZVOUS_TOKEN_MAX];
	struct addr phone = at("198.51.100.7:32060"), own = at("192.168.1.10:20000");
	struct addr seen = at("198.51.100.7:31000"), moved = at("198.51.100.7:31002");
	struct addr here = at("203.0.113.10:5060");
	struct str token = token_for(r, &phone, now_s() + 60, mem);

	check_known(r, "198.51.100.7:32060", "192.168.1.10:20000", NULL);
	rendezvous_saw(r, token, &own, &seen, &here);
	check_known(r, "198.51.100.7:32060", "192.168.1.10:20000", "198.51.100.7:31000");
	check_known(r, "198.51.100.7:32061", "192.168.1.10:20000", NULL); /* another phone */
	check_known(r, "198.51.100.7:32060", "192.168.1.10:20001", NULL); /* another socket */
	rendezvous_saw(r, token, &own, &moved, &here);
	check_known(r, "198.51.100.7:32060", "192.168.1.10:20000", "198.51.100.7:31002");
	assert_false(rendezvous_symmetric(r, &phone)); /* it moved, seen from one place */
	rendezvous_free(r);
}

static void test_ipv6(void **state)
{
	struct rendezvous *r = rendezvous_new(key);
	char mem[RENDEZVOUS_TOKEN_MAX];
	struct addr phone = at("[2001:db8::7]:5060"), own = at("[fd00::1]:20000");
	struct addr seen = at("[2001:db8::7]:20000"), here = at("[2001:db8::1]:5060");

	rendezvous_saw(r, token_for(r, &phone, now_s() + 60, mem), &own, &seen, &here);
	check_known(r, "[2001:db8::7]:5060", "[fd00::1]:20000", "[2001:db8::7]:20000");
	rendezvous_free(r);
}

static void test_not_good(void **state)
{
	struct rendezvous *r = rendezvous_new(key), *foreign = rendezvous_new(other_key);
	char mem[RENDEZVOUS_TOKEN_MAX];
	struct addr phone = at("198.51.100.7:32060"), own = at("192.168.1.10:20000");
	struct addr here = at("203.0.113.10:5060");
	struct str token;

	rendezvous_saw(r, token_for(r, &phone, now_s() - 1, mem), &own, &phone, &here);
	rendezvous_saw(r, token_for(foreign, &phone, now_s() + 60, mem), &own, &phone, &here);
	token = token_for(r, &phone, now_s() + 60, mem);
	for (size_t i = 0; i < token.n; i++) {
		char kept = mem[i];

		mem[i] = kept == '0' ? '1' : '0';
		rendezvous_saw(r, token, &own, &phone, &here);
		rendezvous_saw(r, str_first(token, i), &own, &phone, &here);
		mem[i] = kept;
	}
	check_known(r, "198.51.100.7:32060", "192.168.1.10:20000", NULL);
	rendezvous_free(r);
	rendezvous_free(foreign);
}

static void test_symmetric(void **state)
{
	struct rendezvous *r = rendezvous_new(key);
	char mem[RENDEZVOUS_TOKEN_MAX];
	struct addr phone = at("198.51.100.7:32060"), own = at("192.168.1.10:20000");
	struct addr one = at("198.51.100.7:31000"), two = at("198.51.100.7:40123");
	struct addr here = at("203.0.113.10:5060"), there = at("203.0.113.10:3478");
	struct str token = token_for(r, &phone, now_s() + 60, mem);

	rendezvous_saw(r, token, &own, &one, &here);
	rendezvous_saw(r, token, &own, &one, &there);
	assert_false(rendezvous_symmetric(r, &phone));
	rendezvous_saw(r, token, &own, &two, &here);
	assert_true(rendezvous_symmetric(r, &phone));
	rendezvous_saw(r, token, &own, &two, &there);
	assert_false(rendezvous_symmetric(r, &phone)); /* its router was replaced */
	rendezvous_free(r);
}

/* A phone's own oldest socket makes room for its newest; then everybody's. */
static void test_limits(void **state)
{
	struct rendezvous *r = rendezvous_new(key);
	char mem[RENDEZVOUS_TOKEN_MAX], text[64];
	struct addr here = at("203.0.113.10:5060"), phone = at("198.51.100.7:32060");
	struct str token = token_for(r, &phone, now_s() + 60, mem);

	for (unsigned i = 0; i <= RENDEZVOUS_PER_PHONE_MAX; i++) {
		struct addr own = at("192.168.1.10:20000");

		addr_set_port(&own, (uint16_t)(20000 + i));
		rendezvous_saw(r, token, &own, &phone, &here);
	}
	check_known(r, "198.51.100.7:32060", "192.168.1.10:20000", NULL);
	check_known(r, "198.51.100.7:32060", "192.168.1.10:20001", "198.51.100.7:32060");
	for (unsigned i = 0; i < RENDEZVOUS_SOCKETS_MAX; i++) {
		struct addr own = at("192.168.1.10:20000"), other;

		snprintf(text, sizeof(text), "10.%u.%u.%u:5060", 1 + i / 65536, i / 256 % 256,
			i % 256);
		other = at(text);
		token = token_for(r, &other, now_s() + 60, mem);
		rendezvous_saw(r, token, &own, &other, &here);
	}
	check_known(r, "198.51.100.7:32060", "192.168.1.10:20001", NULL);
	check_known(r, "10.1.255.255:5060", "192.168.1.10:20000", "10.1.255.255:5060");
	rendezvous_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_not_good),
		cmocka_unit_test(test_symmetric),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
