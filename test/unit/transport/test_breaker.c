/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transport/breaker.h"

static struct target target(unsigned n)
{
	struct target t = { .proto = TP_UDP };

	t.addr.in4.sin_family = AF_INET;
	t.addr.in4.sin_addr.s_addr = htonl(0xc0000200 + n);
	addr_set_port(&t.addr, 5060);
	return t;
}

static struct targets three(void)
{
	return (struct targets){ .count = 3, .list = { target(1), target(2), target(3) } };
}

static void order_is(struct breaker *b, uint64_t now_ms, const unsigned *want)
{
	struct targets t = three();

	breaker_sort(b, &t, now_ms);
	assert_int_equal(t.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct target w = target(want[i]);

		assert_true(addr_eq(&t.list[i].addr, &w.addr));
	}
}

static void who_failed_is_last_for_a_while(void **state)
{
	struct breaker *b = breaker_new();
	const struct target one = target(1);
	uint32_t s;

	order_is(b, 0, (unsigned[]){ 1, 2, 3 });
	assert_true(breaker_failed(b, &one, 1000, &s));
	assert_int_equal(s, 60);
	assert_false(breaker_failed(b, &one, 1500, &s)); /* it was on its way */
	order_is(b, 2000, (unsigned[]){ 2, 3, 1 });
	order_is(b, 60999, (unsigned[]){ 2, 3, 1 });
	order_is(b, 61000, (unsigned[]){ 1, 2, 3 });
	for (unsigned want = 120; want <= 480; want *= 2) {
		assert_true(breaker_failed(b, &one, 10000000ULL * want, &s));
		assert_int_equal(s, want);
	}
	assert_true(breaker_failed(b, &one, 10000000000ULL, &s));
	assert_int_equal(s, 600);
	assert_true(breaker_answered(b, &one));
	assert_false(breaker_answered(b, &one));
	order_is(b, 10000000000ULL, (unsigned[]){ 1, 2, 3 });
	assert_true(breaker_failed(b, &one, 20000000000ULL, &s));
	assert_int_equal(s, 60);
	breaker_free(b);
}

static void protocols_count_apart(void **state)
{
	struct breaker *b = breaker_new();
	struct target tcp = target(1);
	uint32_t s;

	tcp.proto = TP_TCP;
	assert_true(breaker_failed(b, &tcp, 0, &s));
	order_is(b, 0, (unsigned[]){ 1, 2, 3 });
	breaker_free(b);
}

static void many_push_out_the_oldest(void **state)
{
	struct breaker *b = breaker_new();
	uint32_t s;

	for (unsigned i = 1; i <= 10000; i++) {
		struct target t = target(i);

		assert_true(breaker_failed(b, &t, 0, &s));
	}
	order_is(b, 0, (unsigned[]){ 1, 2, 3 }); /* forgotten: tried like any other */
	breaker_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_failed_is_last_for_a_while),
		cmocka_unit_test(protocols_count_apart),
		cmocka_unit_test(many_push_out_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
