/* SPDX-License-Identifier: BSD-3-Clause */
/* What is acknowledged survives a kill; a disk that is really full; threads meet damage. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

enum { WRITES = 20000, ENOUGH = 1500 };

struct acked {
	struct store_job job;
	int fd, n;
};

static enum err run_acked(struct store_job *job, struct store_db *db)
{
	char key[16];

	snprintf(key, sizeof(key), "key%d", container_of(job, struct acked, job)->n);
	return store_kv_put(db, STR("joe"), str_of(key), STR("value"));
}

static void ack(struct store_job *job)
{
	struct acked *a = container_of(job, struct acked, job);

	if (job->result == ERR_OK && write(a->fd, &a->n, sizeof(a->n)) != sizeof(a->n))
		_exit(1);
	free(a);
}

/* The child writes as fast as it can and says so after each commit, until it is killed. */
static void write_for_ever(struct fixture *f, int fd)
{
	struct store *s = fixture_start(f, false);

	for (int n = 0; n < WRITES;) {
		struct acked *a = mem_new(struct acked);

		*a = (struct acked){ .job = { .kind = STORE_WRITE, .run = run_acked, .done = ack },
			.fd = fd,
			.n = n };
		if (store_post(s, &a->job) == ERR_OK) {
			n++;
		} else {
			free(a);
			usleep(200);
		}
	}
	pause();
}

static unsigned count_missing(struct fixture *f, const bool acked[WRITES])
{
	struct store_db *db = fixture_open(f);
	unsigned missing = 0;
	struct arena a;
	struct str value;
	char key[16];

	arena_init(&a, 4096);
	for (int i = 0; i < WRITES; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		missing +=
			acked[i] && store_kv_get(db, STR("joe"), str_of(key), &a, &value) != ERR_OK;
	}
	arena_fini(&a);
	store_close(db);
	return missing;
}

static void test_killed(void **state)
{
	struct fixture *f = *state;
	static bool acked[WRITES];
	int ends[2], n;
	unsigned count = 0;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		write_for_ever(f, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	while (count < ENOUGH && read(ends[0], &n, sizeof(n)) == sizeof(n)) {
		acked[n] = true;
		count++;
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (read(ends[0], &n, sizeof(n)) == sizeof(n)) {
		acked[n] = true;
		count++;
	}
	close(ends[0]);
	assert_true(count >= ENOUGH);
	assert_int_equal(count_missing(f, acked), 0);
}

/* ---- a disk that is full ---- */

static void fill_disk(const char *dir, char path[128])
{
	static char block[4096];
	int fd;

	snprintf(path, 128, "%s/ballast", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) == sizeof(block))
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void test_disk_full(void **state)
{
	struct fixture *f = *state, full = *f;
	struct store_customer joe = { .name = STR("joe") };
	enum err results[50];
	bool delayed = false;
	char ballast[128];
	struct store_db *db;
	struct store *s;

	snprintf(full.dir, sizeof(full.dir), "%.50s/full", f->dir);
	snprintf(full.path, sizeof(full.path), "%s/x.db", full.dir);
	snprintf(full.url, sizeof(full.url), "sqlite:%s", full.path);
	assert_int_equal(mkdir(full.dir, 0700), 0);
	if (mount("none", full.dir, "tmpfs", 0, "size=1m")) {
		rmdir(full.dir);
		skip(); /* only root may */
	}
	db = fixture_open(&full);
	assert_int_equal(store_customer_add(db, &joe, NULL), ERR_OK);
	store_close(db);
	s = fixture_start(&full, true);
	fill_disk(full.dir, ballast);
	for (int i = 0; i < 50; i++)
		fixture_put(s, STR("joe"), i, &results[i], i ? NULL : &delayed);
	assert_int_equal(store_step(s), 0);
	assert_true(delayed);
	assert_false(store_healthy(s));
	assert_int_equal(results[0], ERR_COUNT);
	assert_true(fixture_said(f, "the database is away (disk full: database or disk is full)"));
	assert_int_equal(unlink(ballast), 0);
	assert_int_equal(store_step(s), 50);
	assert_int_equal(results[49], ERR_OK);
	assert_true(store_healthy(s));
	store_stop(s);
	assert_true(fixture_has_key(&full, 49));
}

/* Whether the test came to its end or not. */
static int unmount(void **state)
{
	const struct fixture *f = *state;
	char dir[80];

	snprintf(dir, sizeof(dir), "%s/full", f->dir);
	if (umount2(dir, MNT_DETACH) == 0)
		rmdir(dir);
	return fixture_teardown(state);
}

/* ---- with threads ---- */

struct shared {
	unsigned done, failed;
	bool found;
};

struct job {
	struct store_job job;
	struct shared *shared;
	int n;
};

static enum err run_job(struct store_job *job, struct store_db *db)
{
	struct job *j = container_of(job, struct job, job);
	struct arena a;
	struct str value;
	char key[16];
	enum err e;

	snprintf(key, sizeof(key), "key%d", j->n);
	if (job->kind == STORE_WRITE)
		return store_kv_put(db, STR("joe"), str_of(key), STR("value"));
	arena_init(&a, 256);
	e = store_kv_get(db, STR("joe"), str_of(key), &a, &value);
	arena_fini(&a);
	return e;
}

static void job_done(struct store_job *job)
{
	struct job *j = container_of(job, struct job, job);

	__atomic_add_fetch(&j->shared->failed, job->result != ERR_OK, __ATOMIC_RELAXED);
	__atomic_add_fetch(&j->shared->done, 1, __ATOMIC_RELEASE);
	free(j);
}

static void run_and_wait(struct store *s, enum store_job_kind kind, int n, struct shared *shared)
{
	struct job *j = mem_new(struct job);
	unsigned before = __atomic_load_n(&shared->done, __ATOMIC_ACQUIRE);

	*j = (struct job){
		.job = { .kind = kind, .run = run_job, .done = job_done }, .shared = shared, .n = n
	};
	assert_int_equal(store_post(s, &j->job), ERR_OK);
	while (__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE) == before)
		usleep(500);
}

/* Writer and reader each find that the file is gone, and both go on with the new one. */
static void test_deleted_under_threads(void **state)
{
	struct fixture *f = *state;
	struct shared shared = { 0 };
	struct store *s = fixture_start(f, false);

	run_and_wait(s, STORE_WRITE, 1, &shared);
	run_and_wait(s, STORE_READ, 1, &shared);
	assert_int_equal(unlink(f->path), 0);
	run_and_wait(s, STORE_WRITE, 2, &shared);
	run_and_wait(s, STORE_READ, 1, &shared);
	run_and_wait(s, STORE_READ, 2, &shared);
	assert_int_equal(shared.failed, 0);
	store_stop(s);
	assert_true(fixture_has_key(f, 1));
	assert_true(fixture_has_key(f, 2));
}

/* What cannot be written by the end is answered all the same. */
static void test_stopped_while_away(void **state)
{
	enum err result;
	struct store *s = fixture_start(*state, true);

	store_inject_failure(s, ERR_DB_FULL);
	fixture_put(s, STR("joe"), 1, &result, NULL);
	store_step(s);
	assert_int_equal(result, ERR_COUNT);
	fixture_sql(*state, "DROP TABLE kv");
	store_stop(s);
	assert_int_equal(result, ERR_DB_STATEMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed),
		cmocka_unit_test_setup_teardown(test_disk_full, fixture_setup, unmount),
		TEST(test_deleted_under_threads),
		TEST(test_stopped_while_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
