/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../temp_dir.h"
#include "conf/key.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

struct place {
	char dir[64], path[80], said[512];
	struct conf conf;
	struct buf why;
};

static int setup(void **state)
{
	struct place *p = mem_new(struct place);

	if (!temp_dir_make(p->dir, sizeof(p->dir), "key"))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/key", p->dir);
	p->conf.key_file = str_of(p->path);
	unsetenv("CREDENTIALS_DIRECTORY");
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unsetenv("CREDENTIALS_DIRECTORY");
	temp_dir_remove(p->dir);
	free(p);
	return 0;
}

static void put_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static enum err load(struct place *p, struct keyring *r)
{
	enum err e;

	p->why = (struct buf){ .p = p->said, .max = sizeof(p->said) - 1 };
	e = key_load(&p->conf, r, &p->why);
	p->said[p->why.n] = 0;
	return e;
}

static void expect_fault(struct place *p, enum err want, const char *fault)
{
	struct keyring r;

	assert_int_equal(load(p, &r), want);
	if (!strstr(p->said, fault))
		fail_msg("said: %s", p->said);
	assert_non_null(strstr(p->said, p->dir));
	assert_null(strstr(p->said, "0001020304"));
}

static void a_file_is_made_and_read(void **state)
{
	struct place *p = *state;
	struct keyring first, second;
	struct stat st;

	assert_int_equal(load(p, &first), ERR_OK);
	assert_string_equal(p->said, "");
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(load(p, &second), ERR_OK);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(first.count, 1);
}

static void a_file_of_one_key_is_read_as_it_was(void **state)
{
	struct place *p = *state;
	struct keyring r;
	uint8_t key[CRYPTO_KEY_BYTES];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	put_file(p->path, HEX "\n", 0600);
	assert_int_equal(load(p, &r), ERR_OK);
	assert_int_equal(r.count, 1);
	assert_memory_equal(r.keys[0].bytes, key, sizeof(key));
}

static void what_is_wrong_is_said(void **state)
{
	struct place *p = *state;
	char target[96], *text;

	put_file(p->path, "", 0600);
	expect_fault(p, ERR_SYNTAX, "there is no key in it");
	put_file(p->path, "00010203", 0600);
	expect_fault(p, ERR_SYNTAX, "line 1: a key has 64 hex digits");
	put_file(p->path, HEX, 0640);
	expect_fault(p, ERR_DENIED, "chmod 600");
	put_file(p->path, HEX, 0604);
	expect_fault(p, ERR_DENIED, "chmod 600");
	text = mem_zero(KEYRING_TEXT_MAX + 10);
	memset(text, '\n', KEYRING_TEXT_MAX + 1);
	put_file(p->path, text, 0600);
	expect_fault(p, ERR_SYNTAX, "too long");
	free(text);
	snprintf(target, sizeof(target), "%s/other", p->dir);
	put_file(target, HEX, 0600);
	unlink(p->path);
	assert_int_equal(symlink(target, p->path), 0);
	expect_fault(p, ERR_IO, "cannot be read");
	unlink(p->path);
	assert_int_equal(mkdir(p->path, 0700), 0);
	expect_fault(p, ERR_IO, "cannot be read");
	rmdir(p->path);
}

static void a_ring_replaces_the_file_whole(void **state)
{
	struct place *p = *state;
	struct keyring r, again;
	char left[96];
	struct stat before, after;
	int lock;

	assert_int_equal(load(p, &r), ERR_OK);
	assert_int_equal(stat(p->path, &before), 0);
	snprintf(left, sizeof(left), "%s.new", p->path);
	put_file(left, "half of one that was killed", 0600);
	assert_int_equal(keyring_add(&r), ERR_OK);
	r.current = 1;
	assert_int_equal(key_lock(&p->conf, &lock, &p->why), ERR_OK);
	assert_int_equal(key_write(&p->conf, &r, &p->why), ERR_OK);
	close(lock);
	assert_int_equal(stat(p->path, &after), 0);
	assert_int_equal(after.st_mode & 0777, 0600);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_true(before.st_ino != after.st_ino); /* never a file that is half written */
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(load(p, &again), ERR_OK);
	assert_memory_equal(&r, &again, sizeof(r));
}

static void one_changes_it_at_a_time(void **state)
{
	struct place *p = *state;
	struct buf why = BUF_OF(p->said);
	struct keyring r;
	int lock, other, status;
	pid_t pid;

	assert_int_equal(load(p, &r), ERR_OK);
	assert_int_equal(key_lock(&p->conf, &lock, &why), ERR_OK);
	assert_int_equal(key_lock(&p->conf, &other, &why), ERR_BUSY);
	assert_true(why.n > 0);
	close(lock);
	pid = fork();
	if (pid == 0) /* one that dies gives it back */
		_exit(key_lock(&p->conf, &other, &why) == ERR_OK ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(key_lock(&p->conf, &lock, &why), ERR_OK);
	close(lock);
}

static void a_file_that_is_gone_is_not_written(void **state)
{
	struct place *p = *state;
	struct buf why = BUF_OF(p->said);
	struct keyring r;

	keyring_init(&r);
	assert_int_equal(key_write(&p->conf, &r, &why), ERR_IO);
	assert_int_equal(access(p->path, F_OK), -1);
}

static void a_credential_comes_first_and_is_not_written(void **state)
{
	struct place *p = *state;
	struct buf why = BUF_OF(p->said);
	struct keyring r;
	char path[96];
	int lock;

	put_file(p->path, "not this one", 0600);
	snprintf(path, sizeof(path), "%s/tandem-key", p->dir);
	setenv("CREDENTIALS_DIRECTORY", p->dir, 1);
	expect_fault(p, ERR_SYNTAX, "/key:"); /* there is no such credential */
	put_file(path, HEX, 0440);
	assert_int_equal(load(p, &r), ERR_OK);
	assert_int_equal(key_lock(&p->conf, &lock, &why), ERR_STATE);
	put_file(path, HEX, 0444);
	expect_fault(p, ERR_DENIED, "tandem-key");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_made_and_read),
		TEST(a_file_of_one_key_is_read_as_it_was),
		TEST(what_is_wrong_is_said),
		TEST(a_ring_replaces_the_file_whole),
		TEST(one_changes_it_at_a_time),
		TEST(a_file_that_is_gone_is_not_written),
		TEST(a_credential_comes_first_and_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
