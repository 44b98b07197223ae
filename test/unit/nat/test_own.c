/* SPDX-License-Identifier: BSD-3-Clause */
/* Our own address as peers must call it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat/own.h"

static void check(const char *local, const char *remote, const char *public, const char *told)
{
	struct flow f = { .proto = TP_UDP };
	struct addr a = { 0 };
	char text[100];
	struct buf b = BUF_OF(text);

	assert_int_equal(addr_parse(str_of(local), &f.local), ERR_OK);
	if (remote)
		assert_int_equal(addr_parse(str_of(remote), &f.remote), ERR_OK);
	if (public)
		assert_int_equal(addr_parse_ip(str_of(public), 0, &a), ERR_OK);
	nat_print_own(&b, &f, &a);
	buf_char(&b, 0);
	assert_string_equal(text, told);
}

static void test_own(void **state)
{
	check("10.0.0.254:5070", "203.0.113.9:1", "192.0.2.1", "192.0.2.1:5070");
	check("10.0.0.254:5070", "203.0.113.9:1", NULL, "10.0.0.254:5070");
	check("10.0.0.254:5070", "10.0.0.5:1", "192.0.2.1", "10.0.0.254:5070");
	check("198.51.100.1:5070", "203.0.113.9:1", "192.0.2.1", "198.51.100.1:5070");
	check("10.0.0.254:5070", NULL, "192.0.2.1", "10.0.0.254:5070");
	check("[fd00::1]:5070", "[2001:db8::9]:1", "192.0.2.1", "[fd00::1]:5070");
	check("[fd00::1]:5070", "[2001:db8::9]:1", "2001:db8::1", "[2001:db8::1]:5070");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_own) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
