/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP: where media goes, and that rewriting leaves every other byte as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/sdp.h"

/* Every 10.0.0.1 becomes `now`. */
static void check(const char *before, const char *now, const char *after)
{
	static struct sdp_edits e;
	char text[2048];
	struct buf b = BUF_OF(text);
	struct sdp sdp;
	struct addr to;

	assert_int_equal(addr_parse_ip(str_of(now), 0, &to), ERR_OK);
	assert_int_equal(sdp_parse(str_of(before), &sdp), ERR_OK);
	sdp_edits_init(&e, &sdp);
	if (str_eq(sdp.session_connection, STR("10.0.0.1")))
		sdp_set_address(&e, sdp.session_connection, &to);
	for (unsigned i = 0; i < sdp.media_count; i++) {
		if (str_eq(sdp.media[i].rtcp_address, STR("10.0.0.1")))
			sdp_set_address(&e, sdp.media[i].rtcp_address, &to);
		if (str_eq(sdp.media[i].own_connection, STR("10.0.0.1")))
			sdp_set_address(&e, sdp.media[i].own_connection, &to);
	}
	sdp_print_edited(&b, &e);
	assert_true(buf_ok(&b));
	buf_char(&b, 0);
	assert_string_equal(text, after);
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
		"203.0.113.250",
		"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 203.0.113.250\r\nm=audio 1 RTP/AVP "
		"0\r\n"
		"a=rtcp:2 IN IP4 203.0.113.250\r\nc=IN IP4 203.0.113.250\r\nm=video 3 RTP/AVP "
		"31\r\n"
		"c=IN IP4 192.0.2.7\r\nb=AS:1\r\n");
}

static void test_families_and_line_ends(void **state)
{
	check("v=0\nc=IN IP4 10.0.0.1\nm=audio 1 RTP/AVP 0\nx-unknown", "2001:db8::9",
		"v=0\nc=IN IP6 2001:db8::9\nm=audio 1 RTP/AVP 0\nx-unknown");
	check("v=0\r\nm=audio 1 RTP/AVP 0\r\n", "1.1.1.1", "v=0\r\nm=audio 1 RTP/AVP 0\r\n");
	check("v=0\r\nc=IN IP4 10.0.0.1/127\r\n", "1.1.1.1", "v=0\r\nc=IN IP4 1.1.1.1/127\r\n");
}

/* Ports, lines put in: behind m= and i=, at the end of a media description, with its line ends. */
static void test_lines_put_in(void **state)
{
	static struct sdp_edits e;
	char text[2048];
	struct buf b = BUF_OF(text);
	struct sdp s;
	struct addr to;

	assert_int_equal(addr_parse(STR("[2001:db8::9]:77"), &to), ERR_OK);
	assert_int_equal(sdp_parse(STR("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 10/2 RTP/AVP "
				       "0\r\ni=x\r\nb=AS:1\r\n"
				       "a=sendrecv\r\nm=video 20 RTP/AVP 31\r\na=rtcp:21\r\n"
				       "m=audio 30 RTP/AVP 0\na=last"),
				 &s),
		ERR_OK);
	sdp_edits_init(&e, &s);
	sdp_set_rtcp(&e, &s.media[2], &to);
	sdp_set_port(&e, s.media[2].port_text, 31);
	sdp_set_rtcp(&e, &s.media[1], &to);
	sdp_add_connection(&e, &s.media[1], &to);
	sdp_set_rtcp(&e, &s.media[0], &to);
	sdp_add_connection(&e, &s.media[0], &to);
	sdp_set_port(&e, s.media[0].port_text, 65535);
	sdp_print_edited(&b, &e);
	buf_char(&b, 0);
	assert_string_equal(text,
		"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 65535/2 RTP/AVP 0\r\ni=x\r\n"
		"c=IN IP6 2001:db8::9\r\nb=AS:1\r\na=sendrecv\r\na=rtcp:77 IN IP6 2001:db8::9\r\n"
		"m=video 20 RTP/AVP 31\r\nc=IN IP6 2001:db8::9\r\na=rtcp:77 IN IP6 2001:db8::9\r\n"
		"m=audio 31 RTP/AVP 0\na=last\na=rtcp:77 IN IP6 2001:db8::9");
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
		cmocka_unit_test(test_lines_put_in),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
