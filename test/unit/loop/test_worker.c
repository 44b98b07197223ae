/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker gives out: row ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "loop/worker.h"

/* Growing, and never another worker's: also in a full millisecond, and with a clock set back. */
static void test_row_ids(void **state)
{
	struct worker *a = mem_new(struct worker), *b = mem_new(struct worker);
	int64_t last = 0, first;

	worker_init(a, 3, 8, NULL);
	worker_init(b, 4, 8, NULL);
	a->clock.wall_ms = b->clock.wall_ms = 1257681600000;
	first = worker_row_id(a);
	last = first;
	for (int i = 0; i < 10000; i++) {
		int64_t id = worker_row_id(a);

		assert_true(id > last);
		assert_int_equal(id >> 12 & 1023, 3);
		last = id;
		if (i == 6000)
			a->clock.wall_ms -= 3600000;
	}
	assert_int_equal(first >> 22, 1257681600000);
	assert_int_equal(worker_row_id(b) >> 12 & 1023, 4);
	worker_fini(a);
	worker_fini(b);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
