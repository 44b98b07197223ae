/* SPDX-License-Identifier: BSD-3-Clause */
/* Store threads: group commit, jobs that fail alone, a database that is away. */
#include "fixture.h"

#include <unistd.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static void test_group_commit(void **state)
{
	enum { N = 50 };
	enum err results[N + 1];
	struct store_counts c;
	struct store *s = fixture_start(*state, true);

	for (int i = 0; i < N; i++)
		fixture_put(s, i == 7 ? STR("nobody") : STR("joe"), i, &results[i], NULL);
	assert_int_equal(store_step(s), N);
	for (int i = 0; i < N; i++)
		assert_int_equal(results[i], i == 7 ? ERR_STATE : ERR_OK);
	store_counts(s, &c);
	assert_int_equal(c.commits, 1);
	assert_int_equal(c.waiting, 0);
	store_stop(s);
}

static void test_away_and_back(void **state)
{
	enum err result;
	bool delayed = false;
	struct store *s = fixture_start(*state, true);

	store_inject_failure(s, ERR_DB_FULL);
	fixture_put(s, STR("joe"), 1, &result, &delayed);
	assert_int_equal(store_step(s), 0);
	assert_true(delayed);
	assert_false(store_healthy(s));
	assert_int_equal(result, ERR_COUNT);
	delayed = false;
	assert_int_equal(store_step(s), 0);
	assert_false(delayed); /* told once */
	store_inject_failure(s, ERR_OK);
	assert_int_equal(store_step(s), 1);
	assert_int_equal(result, ERR_OK);
	assert_true(store_healthy(s));
	store_stop(s);
}

static void test_queue_is_bounded(void **state)
{
	enum err results[101];
	struct store_job extra = { .kind = STORE_WRITE };
	struct store *s = fixture_start(*state, true);

	for (int i = 0; i < 100; i++)
		fixture_put(s, STR("joe"), i, &results[i], NULL);
	assert_int_equal(store_post(s, &extra), ERR_FULL);
	store_step(s);
	assert_int_equal(results[99], ERR_OK);
	store_stop(s);
}

static void test_locked_by_another(void **state)
{
	struct fixture *f = *state;
	enum err result;
	bool delayed = false;
	struct store *s = fixture_start(f, false);
	struct store_db *other = fixture_open(f);

	assert_int_equal(store_begin(other), ERR_OK);
	fixture_put(s, STR("joe"), 1, &result, &delayed);
	while (store_healthy(s))
		usleep(1000);
	store_rollback(other);
	store_close(other);
	store_stop(s); /* writes what waits */
	assert_true(delayed);
	assert_int_equal(result, ERR_OK);
	assert_true(fixture_said(f, "database locked: database is locked"));
}

/* What one statement cannot do is no reason to hold up all others. */
static void test_unrunnable_job_fails_alone(void **state)
{
	enum err bad, good;
	struct store *s = fixture_start(*state, true);

	fixture_sql(*state,
		"CREATE TRIGGER bad BEFORE INSERT ON kv WHEN NEW.name = 'key7' "
		"BEGIN SELECT abs(-9223372036854775807 - 1); END");
	fixture_put(s, STR("joe"), 7, &bad, NULL);
	fixture_put(s, STR("joe"), 8, &good, NULL);
	assert_int_equal(store_step(s), 2);
	assert_int_equal(bad, ERR_DB_STATEMENT);
	assert_int_equal(good, ERR_OK);
	assert_true(store_healthy(s));
	assert_true(fixture_has_key(*state, 8));
	store_stop(s);
}

/* A commit that fails for a reason that waiting does not mend. */
static void test_batch_that_cannot_be_run(void **state)
{
	enum err result;
	struct store_counts c;
	struct store *s = fixture_start(*state, true);

	store_inject_failure(s, ERR_DB_STATEMENT);
	fixture_put(s, STR("joe"), 1, &result, NULL);
	assert_int_equal(store_step(s), 1);
	assert_int_equal(result, ERR_DB_STATEMENT);
	store_inject_failure(s, ERR_OK);
	store_counts(s, &c);
	assert_int_equal(c.waiting, 0);
	assert_int_equal(c.commits, 0);
	assert_true(fixture_said(*state, "1 writes are lost"));
	store_stop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_group_commit),
		TEST(test_away_and_back),
		TEST(test_queue_is_bounded),
		TEST(test_locked_by_another),
		TEST(test_unrunnable_job_fails_alone),
		TEST(test_batch_that_cannot_be_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
