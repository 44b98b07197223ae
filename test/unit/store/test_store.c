/* SPDX-License-Identifier: BSD-3-Clause */
/* Store threads: group commit, jobs that fail alone, a database that is away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/repo.h"

struct put {
	struct store_job job;
	char key[16];
	struct str customer;
	enum err *result;
	bool *delayed;
};

static enum err run_put(struct store_job *job, struct store_db *db)
{
	struct put *p = container_of(job, struct put, job);

	return store_kv_put(db, p->customer, str_of(p->key), STR("value"));
}

static void put_done(struct store_job *job)
{
	struct put *p = container_of(job, struct put, job);

	*p->result = job->result;
	free(p);
}

static void put_delayed(struct store_job *job)
{
	*container_of(job, struct put, job)->delayed = true;
}

static void post(struct store *s, struct str customer, int n, enum err *result, bool *delayed)
{
	struct put *p = mem_new(struct put);

	p->job = (struct store_job){ .kind = STORE_WRITE,
		.run = run_put,
		.done = put_done,
		.delayed = delayed ? put_delayed : NULL };
	snprintf(p->key, sizeof(p->key), "key%d", n);
	p->customer = customer;
	p->result = result;
	p->delayed = delayed;
	*result = ERR_COUNT;
	assert_int_equal(store_post(s, &p->job), ERR_OK);
}

static void with_customer(const char *path)
{
	char url[128], why_text[256];
	struct buf why = BUF_OF(why_text);
	const struct store_customer joe = { .name = STR("joe") };
	struct store_db *db;
	int64_t id;

	unlink(path);
	snprintf(url, sizeof(url), "sqlite:%s", path);
	assert_int_equal(store_open(str_of(url), NULL, &db, &why), ERR_OK);
	assert_int_equal(store_customer_add(db, &joe, &id), ERR_OK);
	assert_int_equal(store_customer_add(db, &joe, &id), ERR_EXISTS);
	store_close(db);
}

static struct store *start(const char *path, bool stepped)
{
	char url[128], why_text[256];
	struct buf why = BUF_OF(why_text);
	struct store_config cfg = { .queue_max = 100, .retry_ms = 20 };
	struct store *s;

	snprintf(url, sizeof(url), "sqlite:%s", path);
	cfg.url = str_of(url);
	assert_int_equal(stepped ? store_start_stepped(&cfg, NULL, &s, &why)
				 : store_start(&cfg, NULL, &s, &why),
		ERR_OK);
	return s;
}

static void temp_path(char out[64])
{
	snprintf(out, 64, "/tmp/tandem-store-%d.db", getpid());
}

static void test_group_commit(void **state)
{
	enum { N = 50 };
	char path[64];
	enum err results[N + 1];
	struct store_counts c;
	struct store *s;

	temp_path(path);
	with_customer(path);
	s = start(path, true);
	for (int i = 0; i < N; i++)
		post(s, i == 7 ? STR("nobody") : STR("joe"), i, &results[i], NULL);
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
	char path[64];
	enum err result;
	bool delayed = false;
	struct store *s;

	temp_path(path);
	with_customer(path);
	s = start(path, true);
	store_inject_failure(s, ERR_DB_FULL);
	post(s, STR("joe"), 1, &result, &delayed);
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
	char path[64];
	enum err results[101];
	struct put extra = { .job = { .kind = STORE_WRITE, .run = run_put } };
	struct store *s;

	temp_path(path);
	with_customer(path);
	s = start(path, true);
	for (int i = 0; i < 100; i++)
		post(s, STR("joe"), i, &results[i], NULL);
	assert_int_equal(store_post(s, &extra.job), ERR_FULL);
	store_step(s);
	assert_int_equal(results[99], ERR_OK);
	store_stop(s);
}

static void test_locked_by_another(void **state)
{
	char path[64], url[128], why_text[256];
	struct buf why = BUF_OF(why_text);
	enum err result;
	bool delayed = false;
	struct store_db *other;
	struct store *s;

	temp_path(path);
	with_customer(path);
	snprintf(url, sizeof(url), "sqlite:%s", path);
	s = start(path, false);
	assert_int_equal(store_open(str_of(url), NULL, &other, &why), ERR_OK);
	assert_int_equal(store_begin(other), ERR_OK);
	post(s, STR("joe"), 1, &result, &delayed);
	while (store_healthy(s))
		usleep(1000);
	store_rollback(other);
	store_close(other);
	store_stop(s); /* writes what waits */
	assert_true(delayed);
	assert_int_equal(result, ERR_OK);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group_commit),
		cmocka_unit_test(test_away_and_back),
		cmocka_unit_test(test_queue_is_bounded),
		cmocka_unit_test(test_locked_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
