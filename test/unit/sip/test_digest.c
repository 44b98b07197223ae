/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest: the worked examples of RFC 2617 3.5, RFC 7616 3.9 and their relatives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/digest.h"

static struct str answer(const char *challenge, struct str user, struct str password,
	struct str uri, struct str cnonce, struct str body, struct buf *b,
	struct digest_response *r)
{
	const struct digest_credentials cred = { .username = user, .password = password };
	struct digest_challenge c;

	assert_int_equal(digest_challenge_parse(str_of(challenge), &c), ERR_OK);
	assert_int_equal(digest_answer(b, &c, &cred, STR("GET"), uri, body, cnonce, 1), ERR_OK);
	assert_int_equal(digest_response_parse(buf_str(b), r), ERR_OK);
	return r->response;
}

static void test_rfc2617(void **state)
{
	char text[1024];
	struct buf b = BUF_OF(text);
	struct digest_response r;

	assert_true(str_eq(answer("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
				  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
				  "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
				   STR("Mufasa"), STR("Circle Of Life"), STR("/dir/index.html"),
				   STR("0a4f113b"), STR(""), &b, &r),
		STR("6629fae49393a05397450978507c4ef1")));
	assert_int_equal(r.nc, 1);
	assert_int_equal(r.qop, DIGEST_QOP_AUTH);
}

static void test_rfc7616(void **state)
{
	static const char challenge[] =
		"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=%s, "
		"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
		"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
	const struct {
		const char *algorithm, *response;
	} cases[] = {
		{ "MD5", "8ca523f5e9506fed4657c9700eebdbec" },
		{ "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
	};

	for (int i = 0; i < 2; i++) {
		char line[512], text[1024];
		struct buf lb = BUF_OF(line), b = BUF_OF(text);
		struct digest_response r;

		buf_printf(&lb, challenge, cases[i].algorithm);
		buf_char(&lb, '\0');
		assert_true(str_eq(
			answer(line, STR("Mufasa"), STR("Circle of Life"), STR("/dir/index.html"),
				STR("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"), STR(""), &b,
				&r),
			str_of(cases[i].response)));
	}
}

/* SHA-512-256 against a digest computed step by step. */
static void test_sha512_256_and_auth_int(void **state)
{
	char ha1[DIGEST_HEX_MAX], got[DIGEST_HEX_MAX], want[DIGEST_HEX_MAX], ha2[DIGEST_HEX_MAX],
		hb[DIGEST_HEX_MAX];
	uint8_t raw[CRYPTO_DIGEST_MAX];
	struct str body = STR("v=0\r\n");
	struct digest_input in = { .algorithm = CRYPTO_SHA512_256,
		.method = STR("INVITE"),
		.uri = STR("sip:b@c"),
		.nonce = STR("n"),
		.cnonce = STR("c"),
		.nc_text = STR("00000001"),
		.qop = DIGEST_QOP_AUTH_INT,
		.body = body };
	struct str a2[] = { STR("INVITE:sip:b@c:"), STR_NONE }, all[5];

	digest_ha1(CRYPTO_SHA512_256, STR("a"), STR("r"), STR("p"), ha1);
	in.ha1 = str_of(ha1);
	digest_compute(&in, got);
	crypto_digest(CRYPTO_SHA512_256, &body, 1, raw);
	str_hex(raw, 32, hb);
	a2[1] = str_of(hb);
	crypto_digest(CRYPTO_SHA512_256, a2, 2, raw);
	str_hex(raw, 32, ha2);
	all[0] = str_of(ha1);
	all[1] = STR(":n:00000001:c:auth-int:");
	all[2] = str_of(ha2);
	crypto_digest(CRYPTO_SHA512_256, all, 3, raw);
	str_hex(raw, 32, want);
	assert_string_equal(got, want);
}

static void test_malformed(void **state)
{
	struct digest_challenge c;
	struct digest_response r;

	assert_int_equal(digest_challenge_parse(STR("Basic realm=\"x\""), &c), ERR_UNSUPPORTED);
	assert_int_equal(digest_challenge_parse(STR("Digest realm=\"x\""), &c), ERR_SYNTAX);
	assert_int_equal(
		digest_challenge_parse(STR("Digest realm=\"x, nonce=\"y\""), &c), ERR_SYNTAX);
	assert_int_equal(digest_challenge_parse(
				 STR("Digest realm=\"x\",nonce=\"y\",algorithm=AKAv1-MD5"), &c),
		ERR_OK);
	assert_false(c.algorithm_known);
	assert_int_equal(digest_response_parse(STR("Digest username=\"a\""), &r), ERR_SYNTAX);
	assert_int_equal(
		digest_response_parse(STR("Digest username=\"a\",realm=\"r\",nonce=\"n\",uri=\"u\","
					  "response=\"00\",qop=auth,cnonce=\"c\",nc=xyz"),
			&r),
		ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc2617),
		cmocka_unit_test(test_rfc7616),
		cmocka_unit_test(test_sha512_256_and_auth_int),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
