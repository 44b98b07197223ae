/* SPDX-License-Identifier: BSD-3-Clause */
/* The database is damaged, deleted or replaced: nobody loses an account. */
#include "world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

static enum err run_nothing(struct store_job *job, struct store_db *db)
{
	(void)job;
	(void)db;
	return ERR_OK;
}

static void done(struct store_job *job)
{
	free(job);
}

static void write_nothing(struct world *w)
{
	struct store_job *job = mem_new(struct store_job);

	*job = (struct store_job){ .kind = STORE_WRITE, .run = run_nothing, .done = done };
	assert_int_equal(store_post(w->store, job), ERR_OK);
}

/* A directory that knows nothing but what is in the database now. */
static void expect_all_stored_under(struct world *w, const struct keyring *keys)
{
	struct store_db *db = world_open(w);
	struct world other = { .d = NULL };
	char text[512];
	struct buf why = BUF_OF(text);

	assert_int_equal(directory_new(NULL, db, keys, NULL, &other.d, &why), ERR_OK);
	world_expect_all(&other);
	directory_free(other.d);
	store_close(db);
}

static void expect_all_stored(struct world *w)
{
	struct keyring keys;

	world_keys(&keys);
	expect_all_stored_under(w, &keys);
}

/* What is written back is sealed with the key of today, though it was read under another. */
static void test_damaged_after_a_rotation(void **state)
{
	struct world *w = *state;
	struct keyring keys;

	world_keys(&keys);
	assert_int_equal(keyring_add(&keys), ERR_OK);
	keys.current = 1;
	assert_int_equal(keyring_remove(&keys, str_of(keys.keys[0].id)), ERR_OK);
	directory_set_keys(w->d, &keys);
	store_inject_failure(w->store, ERR_DB_CORRUPT);
	write_nothing(w);
	store_step(w->store);
	store_inject_failure(w->store, ERR_OK);
	store_step(w->store);
	world_refresh(w);
	world_expect_all(w);
	expect_all_stored_under(w, &keys);
}

static void test_damaged(void **state)
{
	struct world *w = *state;

	store_inject_failure(w->store, ERR_DB_CORRUPT);
	write_nothing(w);
	store_step(w->store);
	store_inject_failure(w->store, ERR_OK);
	store_step(w->store);
	assert_true(store_healthy(w->store));
	assert_true(store_moved(w->own));
	world_refresh(w);
	assert_false(store_moved(w->own));
	world_expect_all(w);
	assert_int_equal(world_accounts(w), 1);
	expect_all_stored(w);
	world_refresh(w); /* and on from there */
	assert_int_equal(store_reopen(w->other), ERR_OK);
	assert_int_equal(store_account_remove(w->other, STR("alice"), STR("example.com")), ERR_OK);
	world_refresh(w);
	assert_int_equal(world_accounts(w), 0);
}

/* Nobody writes; a refresh meets the damage. warm: it does not, as all that it reads was read
 * before; only looking for damage finds it, in time. */
static void damaged_while_idle(struct world *w, bool warm)
{
	char junk[65536];
	unsigned changed;
	FILE *f;
	sqlite3 *c;

	assert_int_equal(sqlite3_open(w->path, &c), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(c, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(c);
	if (warm) {
		world_refresh(w);
		write_nothing(w);
		store_step(w->store);
	}
	memset(junk, 0xa5, sizeof(junk));
	f = fopen(w->path, "r+");
	assert_int_equal(fwrite(junk, sizeof(junk), 1, f), 1);
	fclose(f);
	for (int i = 0; i < 700 && store_healthy(w->store); i++) {
		assert_int_equal(
			directory_refresh(w->d, w->own, &changed), warm ? ERR_OK : ERR_DB_CORRUPT);
		store_step(w->store);
	}
	assert_false(store_healthy(w->store));
	store_step(w->store);
	assert_true(store_healthy(w->store));
	world_refresh(w);
	world_expect_all(w);
	expect_all_stored(w);
}

static void test_damaged_while_idle(void **state)
{
	damaged_while_idle(*state, false);
}

static void test_damage_nobody_meets(void **state)
{
	damaged_while_idle(*state, true);
}

/* Nobody writes: the refresh itself makes the writer look. */
static void test_deleted_while_idle(void **state)
{
	struct world *w = *state;
	unsigned changed;

	assert_int_equal(unlink(w->path), 0);
	assert_int_equal(directory_refresh(w->d, w->own, &changed), ERR_DB);
	world_expect_all(w);
	assert_int_equal(store_step(w->store), 1);
	assert_true(strstr(w->said, "written anew, nothing is lost"));
	world_refresh(w);
	world_expect_all(w);
	expect_all_stored(w);
}

/* Somebody's command made an empty database in its place before the writer looked. */
static void test_empty_one_in_its_place(void **state)
{
	struct world *w = *state;
	char path[128];
	unsigned changed;

	assert_int_equal(unlink(w->path), 0);
	snprintf(path, sizeof(path), "%s-wal", w->path);
	unlink(path);
	snprintf(path, sizeof(path), "%s-shm", w->path);
	unlink(path);
	store_close(world_open(w));
	assert_int_equal(directory_refresh(w->d, w->own, &changed), ERR_DB);
	world_expect_all(w);
	assert_int_equal(store_step(w->store), 1);
	world_refresh(w);
	world_expect_all(w);
	expect_all_stored(w);
}

/* A backup counts more than memory. */
static void test_backup_in_its_place(void **state)
{
	struct world *w = *state;
	char backup[128], text[512];
	struct buf why = BUF_OF(text);
	struct store_db *db;
	const struct store_customer ann = { .name = STR("ann") };
	struct directory_counts c;
	char url[160];

	snprintf(backup, sizeof(backup), "%s/backup", w->dir);
	snprintf(url, sizeof(url), "sqlite:%s", backup);
	assert_int_equal(store_open(str_of(url), NULL, &db, &why), ERR_OK);
	assert_int_equal(store_customer_add(db, &ann, NULL), ERR_OK);
	store_close(db);
	assert_int_equal(rename(backup, w->path), 0);
	snprintf(backup, sizeof(backup), "%s-wal", w->path);
	unlink(backup);
	snprintf(backup, sizeof(backup), "%s-shm", w->path);
	unlink(backup);
	world_refresh(w);
	store_step(w->store);
	directory_counts(w->d, &c);
	assert_int_equal(c.customers, 1);
	assert_int_equal(c.accounts, 0);
	assert_null(directory_customer(w->d, STR("joe")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_damaged),
		TEST(test_damaged_after_a_rotation),
		TEST(test_damaged_while_idle),
		TEST(test_damage_nobody_meets),
		TEST(test_deleted_while_idle),
		TEST(test_empty_one_in_its_place),
		TEST(test_backup_in_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
