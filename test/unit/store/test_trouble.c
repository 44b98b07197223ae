/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are damaged, deleted, replaced, from a newer program. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

struct refill {
	const char *name;
	enum err result;
	unsigned called;
	char order[8];
};

static enum err refill(void *arg, struct store_db *db)
{
	struct refill *r = arg;
	const struct store_customer c = { .name = str_of(r->name) };
	int64_t id;
	enum err e = store_customer_add(db, &c, &id);

	r->called++;
	return e == ERR_EXISTS ? ERR_OK : e ? e : r->result;
}

/* kv refers to the customer: the job that found the damage runs after memory has written back. */
static void test_damaged_while_running(void **state)
{
	struct fixture *f = *state;
	struct refill first = { .name = "joe" }, second = { .name = "ann" };
	enum err result;
	bool delayed = false;
	char path[512];
	struct store *s = fixture_start(f, true);

	store_on_recreated(s, refill, &first);
	store_on_recreated(s, refill, &second);
	store_inject_failure(s, ERR_DB_CORRUPT);
	fixture_put(s, STR("joe"), 1, &result, &delayed);
	assert_int_equal(store_step(s), 0);
	store_inject_failure(s, ERR_OK);
	assert_true(delayed);
	assert_int_equal(store_step(s), 1);
	assert_int_equal(result, ERR_OK);
	assert_int_equal(first.called, 1);
	assert_int_equal(second.called, 1);
	assert_true(fixture_find(f, ".damaged-", path));
	assert_true(fixture_said(f, "the database was damaged; it is kept as"));
	assert_true(fixture_has_key(f, 1));
	store_stop(s);
}

/* Really damaged: pages of the file overwritten under the running writer. */
static void test_pages_overwritten(void **state)
{
	struct fixture *f = *state;
	struct refill joe = { .name = "joe" };
	enum err result = ERR_COUNT;
	char path[512];
	struct store *s = fixture_start(f, true);

	store_on_recreated(s, refill, &joe);
	fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
	fixture_damage(f, 0, 65536);
	fixture_put(s, STR("joe"), 1, &result, NULL);
	for (int i = 0; i < 3; i++)
		store_step(s);
	assert_int_equal(result, ERR_OK);
	assert_true(store_healthy(s));
	assert_true(fixture_find(f, ".damaged-", path));
	assert_true(fixture_has_key(f, 1));
	store_stop(s);
}

/* A write back that fails leaves nothing behind and is tried again. */
static void test_write_back_is_repeated(void **state)
{
	struct fixture *f = *state;
	struct refill joe = { .name = "joe", .result = ERR_DB_FULL };
	enum err result = ERR_COUNT;
	struct store *s = fixture_start(f, true);

	store_on_recreated(s, refill, &joe);
	store_inject_failure(s, ERR_DB_CORRUPT);
	fixture_put(s, STR("joe"), 1, &result, NULL);
	store_step(s);
	store_inject_failure(s, ERR_OK);
	assert_int_equal(store_step(s), 0);
	assert_false(store_healthy(s));
	joe.result = ERR_OK;
	assert_int_equal(store_step(s), 1);
	assert_int_equal(joe.called, 2);
	assert_int_equal(result, ERR_OK);
	store_stop(s);
}

static void delete_files(struct fixture *f, bool all)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[128];

	for (int i = 0; i < (all ? 3 : 1); i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, ends[i]);
		assert_int_equal(unlink(path), 0);
	}
}

/* The connection still has all of it: it is written anew, with what was committed before. */
static void deleted(struct fixture *f, bool all)
{
	struct refill joe = { .name = "joe" };
	enum err before, after;
	struct store_db *other = fixture_open(f);
	struct store *s = fixture_start(f, true);

	store_on_recreated(s, refill, &joe);
	fixture_put(s, STR("joe"), 1, &before, NULL);
	store_step(s);
	assert_false(store_moved(other));
	delete_files(f, all);
	assert_true(store_moved(other));
	assert_int_equal(store_reopen(other), ERR_DB); /* creates nothing */
	fixture_put(s, STR("joe"), 2, &after, NULL);
	assert_int_equal(store_step(s), 1);
	assert_int_equal(after, ERR_OK);
	assert_true(fixture_said(f, "the database file was deleted; it was written anew"));
	assert_int_equal(store_reopen(other), ERR_OK);
	assert_false(store_moved(other));
	store_close(other);
	assert_true(fixture_has_key(f, 1));
	assert_true(fixture_has_key(f, 2));
	assert_int_equal(joe.called, 0);
	store_stop(s);
	assert_true(fixture_has_key(f, 2));
}

static void test_deleted(void **state)
{
	deleted(*state, true);
}

static void test_deleted_without_log(void **state)
{
	deleted(*state, false);
}

/* A backup put in its place is the truth from then on; memory may add to it. */
static void test_replaced_by_a_backup(void **state)
{
	struct fixture *f = *state;
	struct refill ann = { .name = "ann" };
	enum err result;
	char backup[112], sql[160];
	struct store *s = fixture_start(f, true);

	snprintf(backup, sizeof(backup), "%s/backup", f->dir);
	fixture_put(s, STR("joe"), 1, &result, NULL);
	store_step(s);
	snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", backup);
	fixture_sql(f, sql);
	store_on_recreated(s, refill, &ann);
	fixture_put(s, STR("joe"), 2, &result, NULL);
	store_step(s);
	delete_files(f, true);
	assert_int_equal(rename(backup, f->path), 0);
	fixture_put(s, STR("joe"), 3, &result, NULL);
	assert_int_equal(store_step(s), 1);
	assert_int_equal(result, ERR_OK);
	assert_int_equal(ann.called, 1);
	assert_true(fixture_said(f, "another file was put in the place of the database"));
	assert_true(fixture_has_key(f, 1));
	assert_false(fixture_has_key(f, 2));
	assert_true(fixture_has_key(f, 3));
	store_stop(s);
}

static void test_start_on_a_damaged_file(void **state)
{
	struct fixture *f = *state;
	char path[512];

	fixture_damage(f, 0, 4096);
	store_stop(fixture_start(f, false));
	assert_true(fixture_find(f, ".damaged-", path));
	assert_true(fixture_said(f, "until a backup is restored"));
	store_close(fixture_open(f));
}

/* The header is sound, the pages of accounts are not. */
static void test_start_on_damaged_pages(void **state)
{
	struct fixture *f = *state;
	char path[512];

	fixture_damage(f, 2 * 4096, 4 * 4096);
	store_stop(fixture_start(f, false));
	assert_true(fixture_find(f, ".damaged-", path));
}

static void test_sound_file_is_kept(void **state)
{
	struct fixture *f = *state;
	char path[512];

	store_stop(fixture_start(f, false));
	assert_false(fixture_find(f, ".damaged-", path));
	assert_int_equal(f->said_n, strlen(f->said));
	assert_false(fixture_said(f, "damaged"));
}

static void test_newer_schema(void **state)
{
	struct fixture *f = *state;
	char text[512] = "";
	struct buf why = BUF_OF(text);
	struct store_db *db;

	fixture_sql(f, "INSERT INTO schema_versions VALUES (99)");
	assert_int_equal(store_open(str_of(f->url), NULL, &db, &why), ERR_UNSUPPORTED);
	assert_true(strstr(text, "newer Tandem"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_damaged_while_running),
		TEST(test_pages_overwritten),
		TEST(test_write_back_is_repeated),
		TEST(test_deleted),
		TEST(test_deleted_without_log),
		TEST(test_replaced_by_a_backup),
		TEST(test_start_on_a_damaged_file),
		TEST(test_start_on_damaged_pages),
		TEST(test_sound_file_is_kept),
		TEST(test_newer_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
