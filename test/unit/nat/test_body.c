/* SPDX-License-Identifier: BSD-3-Clause */
/* Where in a body the SDP is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat/body.h"

static void check(const char *type, const char *body, const char *sdp)
{
	struct str got = nat_body_sdp(str_of(type), str_of(body));

	if (!sdp) {
		assert_null(got.p);
		return;
	}
	assert_non_null(got.p);
	assert_true(got.p >= body && got.p + got.n <= body + strlen(body));
	assert_true(str_eq(got, str_of(sdp)));
}

static void test_whole(void **state)
{
	check("application/sdp", "v=0\r\n", "v=0\r\n");
	check("Application/SDP ;charset=x", "v=0\r\n", "v=0\r\n");
	check("application/sdpx", "v=0\r\n", NULL);
	check("text/plain", "v=0\r\n", NULL);
	check("application/sdp", "", NULL);
	check("", "v=0\r\n", NULL);
}

static void test_part(void **state)
{
	static const char body[] =
		"preamble\r\n--a b\r\nContent-Type: text/plain\r\n\r\nv=1\r\n--a b\r\n"
		"Content-ID: <1@x>\r\ncontent-type: application/sdp\r\n\r\nv=0\r\ns=-\r\n"
		"\r\n--a b\r\n\r\nlast\r\n--a b--\r\n";

	check("multipart/mixed; boundary=\"a b\"", body, "v=0\r\ns=-\r\n");
	check("multipart/mixed; boundary=c", body, NULL);
	check("multipart/mixed", body, NULL);
	check("multipart/mixed;boundary=x", "--x\nContent-Type: application/sdp\n\nv=0\n--x--\n",
		"v=0");
	check("multipart/mixed;boundary=x", "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n",
		"v=0\r\n");
	check("multipart/mixed;boundary=x", "--x\r\nContent-Type: application/sdp", "");
	check("multipart/mixed;boundary=x",
		"--x\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		"dj0w\r\n--x--\r\n",
		NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
