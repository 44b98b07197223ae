/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP: where media goes, and that rewriting leaves every other byte as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/sdp.h"

static struct str replace(struct str address, const struct sdp_media *media, void *arg)
{
	(void)media;
	return str_eq(address, STR("10.0.0.1")) ? *(struct str *)arg : STR_NONE;
}

static void check(const char *before, struct str now, const char *after)
{
	char text[2048];
	struct buf b = BUF_OF(text);
	struct sdp sdp;

	assert_int_equal(sdp_parse(str_of(before), &sdp), ERR_OK);
	sdp_rewrite(&b, &sdp, replace, &now);
	assert_true(buf_ok(&b));
	assert_true(str_eq(buf_str(&b), str_of(after)));
}

static void test_read(void **state)
{
	struct sdp s;

	assert_int_equal(
		sdp_parse(STR("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n"
			      "c=IN IP4 10.0.0.1\r\nt=0 0\r\na=sendonly\r\n"
			      "m=audio 49170/2 RTP/AVP 0\r\na=rtcp:53020 IN IP4 10.0.0.2\r\n"
			      "m=video 0 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n"
			      "m=image 5000 udptl t38\r\na=candidate:1 1 UDP 1 1.2.3.4 5 typ "
			      "host\r\n"),
			&s),
		ERR_OK);
	assert_int_equal(s.media_count, 3);
	assert_int_equal(s.media[0].port, 49170);
	assert_true(str_eq(s.media[0].connection, STR("10.0.0.1")));
	assert_true(str_eq(s.media[0].rtcp_address, STR("10.0.0.2")));
	assert_int_equal(s.media[0].rtcp_port, 53020);
	assert_int_equal(s.media[0].direction, SDP_SENDONLY);
	assert_false(s.media[0].ice);
	assert_int_equal(s.media[1].port, 0);
	assert_true(str_eq(s.media[1].connection, STR("2001:db8::1")));
	assert_int_equal(s.media[1].direction, SDP_INACTIVE);
	assert_true(s.media[2].ice);
	assert_true(s.ice);
}

static void test_rewrite_every_media_line(void **state)
{
	check("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=audio 1 RTP/AVP 0\r\n"
	      "a=rtcp:2 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=video 3 RTP/AVP 31\r\n"
	      "c=IN IP4 192.0.2.7\r\nb=AS:1\r\n",
		STR("203.0.113.250"),
		"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 203.0.113.250\r\nm=audio 1 RTP/AVP "
		"0\r\n"
		"a=rtcp:2 IN IP4 203.0.113.250\r\nc=IN IP4 203.0.113.250\r\nm=video 3 RTP/AVP "
		"31\r\n"
		"c=IN IP4 192.0.2.7\r\nb=AS:1\r\n");
}

static void test_families_and_line_ends(void **state)
{
	check("v=0\nc=IN IP4 10.0.0.1\nm=audio 1 RTP/AVP 0\nx-unknown", STR("2001:db8::9"),
		"v=0\nc=IN IP6 2001:db8::9\nm=audio 1 RTP/AVP 0\nx-unknown");
	check("v=0\r\nm=audio 1 RTP/AVP 0\r\n", STR("1.1.1.1"), "v=0\r\nm=audio 1 RTP/AVP 0\r\n");
	check("v=0\r\nc=IN IP4 10.0.0.1/127\r\n", STR("1.1.1.1"),
		"v=0\r\nc=IN IP4 1.1.1.1/127\r\n");
}

static void test_limits(void **state)
{
	char text[2048] = "v=0\n";
	struct sdp s;

	for (int i = 0; i < SDP_MEDIA_MAX; i++)
		strcat(text, "m=audio 1 RTP/AVP 0\n");
	assert_int_equal(sdp_parse(str_of(text), &s), ERR_OK);
	strcat(text, "m=audio 1 RTP/AVP 0\n");
	assert_int_equal(sdp_parse(str_of(text), &s), ERR_LIMIT);
	assert_int_equal(sdp_parse(STR("m=audio 1 RTP/AVP 0\n"), &s), ERR_SYNTAX);
	assert_int_equal(sdp_parse(STR("v=0\nm=audio x RTP/AVP 0\n"), &s), ERR_SYNTAX);
	assert_int_equal(sdp_parse(STR(""), &s), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_rewrite_every_media_line),
		cmocka_unit_test(test_families_and_line_ends),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
