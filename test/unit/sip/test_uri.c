/* SPDX-License-Identifier: BSD-3-Clause */
/* URIs: RFC 3261 19.1 and its examples of equality, RFC 3966, RFC 5118. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/uri.h"

static struct sip_uri parsed(const char *text)
{
	struct sip_uri u;

	assert_int_equal(sip_uri_parse(str_of(text), &u), ERR_OK);
	return u;
}

static bool equal(const char *a, const char *b)
{
	struct sip_uri x = parsed(a), y = parsed(b);
	bool one = sip_uri_equal(&x, &y), other = sip_uri_equal(&y, &x);

	assert_int_equal(one, other);
	return one;
}

static void test_parts(void **state)
{
	struct sip_uri u =
		parsed("sips:alice:pw@[2001:db8::1]:5061;transport=tcp;lr?subject=project%20x&a=b");

	assert_int_equal(u.scheme, SIP_SCHEME_SIPS);
	assert_true(str_eq(u.user, STR("alice")));
	assert_true(str_eq(u.password, STR("pw")));
	assert_true(str_eq(u.host, STR("[2001:db8::1]")));
	assert_int_equal(u.port, 5061);
	assert_true(str_eq(sip_uri_param(&u, STR("Transport")), STR("tcp")));
	assert_true(sip_uri_param(&u, STR("lr")).p);
	assert_int_equal(sip_uri_param(&u, STR("lr")).n, 0);
	assert_null(sip_uri_param(&u, STR("maddr")).p);
	assert_true(str_eq(u.headers, STR("subject=project%20x&a=b")));
	u = parsed("tel:+1-201-555-0123;phone-context=example.com");
	assert_int_equal(u.scheme, SIP_SCHEME_TEL);
	assert_true(str_eq(u.user, STR("+1-201-555-0123")));
	u = parsed("urn:service:sos");
	assert_int_equal(u.scheme, SIP_SCHEME_OTHER);
	assert_true(str_eq(u.opaque, STR("service:sos")));
	u = parsed("sip:example.com");
	assert_null(u.user.p);
	assert_int_equal(sip_uri_port(&u), 5060);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = { "", "sip:", "alice@example.com", "sip:@example.com",
		"sip:a@", "sip:a@b:0", "sip:a@b:65536", "sip:a@b:x", "sip:a@[2001:db8::1",
		"sip:a@[nonsense]", "sip:a@2001:db8::1", "sip:a b@c", "sip:a%4@b", "sip:a@b?",
		"sip:a@b;x=<>", "tel:", "tel:hello", "1sip:a@b", "sip:a@b\"c" };
	struct sip_uri u;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (sip_uri_parse(str_of(bad[i]), &u) == ERR_OK)
			fail_msg("parsed: %s", bad[i]);
}

/* 19.1.4 */
static void test_equal(void **state)
{
	assert_true(equal(
		"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
	assert_true(equal("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
	assert_true(equal("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"));
	assert_true(equal("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
	assert_true(equal("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		"sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
	assert_true(equal("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"));
	assert_true(equal("tel:+1-201-555-0123", "tel:+12015550123"));
}

static void test_not_equal(void **state)
{
	assert_false(equal(
		"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
	assert_false(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
	assert_false(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
	assert_false(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
	assert_false(
		equal("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
	assert_false(equal("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
	assert_false(equal("sip:a@b", "sips:a@b"));
	assert_false(
		equal("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
	assert_false(equal("sip:alice@b", "sip:alice:@b"));
	assert_false(equal("tel:+12015550123", "tel:+12015550124"));
}

static void test_escapes(void **state)
{
	char text[64];
	struct buf b = BUF_OF(text);

	assert_int_equal(sip_unescape(STR("%75se%72"), &b), ERR_OK);
	assert_true(str_eq(buf_str(&b), STR("user")));
	b = BUF_OF(text);
	assert_int_equal(sip_unescape(STR("a%4"), &b), ERR_SYNTAX);
	b = BUF_OF(text);
	sip_escape_user(&b, STR("a b@c\"<"));
	assert_true(str_eq(buf_str(&b), STR("a%20b%40c%22%3C")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_not_equal),
		cmocka_unit_test(test_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
