/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "call/model.h"

static void counts_per_customer(void **state)
{
	struct call_limits *l = call_limits_new();

	assert_true(call_limits_take(l, STR("ann"), 2));
	assert_true(call_limits_take(l, STR("Ann"), 2));
	assert_false(call_limits_take(l, STR("ann"), 2));
	assert_true(call_limits_take(l, STR("bea"), 2));
	call_limits_give(l, STR("ann"));
	assert_true(call_limits_take(l, STR("ann"), 2));
	call_limits_free(l);
}

static void zero_is_no_limit(void **state)
{
	struct call_limits *l = call_limits_new();

	for (int i = 0; i < 100; i++)
		assert_true(call_limits_take(l, STR("ann"), 0));
	assert_false(call_limits_take(l, STR("ann"), 100));
	call_limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_per_customer),
		cmocka_unit_test(zero_is_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
