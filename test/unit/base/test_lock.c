/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks that count: what is taken, what had to be waited for, and their sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lock.h"

static void test_counts_what_is_taken(void **state)
{
	struct lock l;

	lock_init(&l);
	for (int i = 0; i < 3; i++) {
		lock_take(&l);
		lock_give(&l);
	}
	assert_int_equal(l.use.taken, 3);
	assert_int_equal(l.use.contended, 0);
	assert_int_equal(l.use.waited_ns, 0);
	lock_fini(&l);
}

static void test_counts_what_was_waited_for(void **state)
{
	struct lock l;

	lock_init(&l);
	lock_wait(&l); /* as lock_take does when somebody else holds it */
	assert_int_not_equal(pthread_mutex_trylock(&l.mutex), 0);
	assert_int_equal(l.use.contended, 1);
	lock_give(&l);
	lock_fini(&l);
}

static void *reader(void *arg)
{
	rwlock_read(arg);
	rwlock_give(arg);
	return NULL;
}

static void test_readers_do_not_wait_for_each_other(void **state)
{
	struct rwlock l;
	pthread_t other;

	rwlock_init(&l);
	rwlock_read(&l);
	assert_int_equal(pthread_create(&other, NULL, reader, &l), 0);
	pthread_join(other, NULL); /* would hang if it had to */
	rwlock_give(&l);
	assert_int_equal(l.use.taken, 2);
	assert_int_equal(l.use.contended, 0);
	rwlock_write(&l);
	assert_int_not_equal(pthread_rwlock_tryrdlock(&l.lock), 0);
	rwlock_give(&l);
	rwlock_wait(&l, 1);
	assert_int_not_equal(pthread_rwlock_tryrdlock(&l.lock), 0);
	rwlock_give(&l);
	rwlock_wait(&l, 0);
	assert_int_equal(pthread_rwlock_tryrdlock(&l.lock), 0);
	rwlock_give(&l);
	rwlock_give(&l);
	assert_int_equal(l.use.contended, 2);
	rwlock_fini(&l);
}

static void test_reports_are_sums(void **state)
{
	const struct lock_use one = { .taken = 10, .contended = 1, .waited_ns = 100 },
			      two = { .taken = 30, .contended = 2, .waited_ns = 50 };
	struct lock_report r = { .name = "both" };

	lock_report_add(&r, &two);
	lock_report_add(&r, &one);
	assert_int_equal(r.locks, 2);
	assert_int_equal(r.sum.taken, 40);
	assert_int_equal(r.sum.contended, 3);
	assert_int_equal(r.sum.waited_ns, 150);
	assert_int_equal(r.busiest, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_what_is_taken),
		cmocka_unit_test(test_counts_what_was_waited_for),
		cmocka_unit_test(test_readers_do_not_wait_for_each_other),
		cmocka_unit_test(test_reports_are_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
