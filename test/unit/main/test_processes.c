/* SPDX-License-Identifier: BSD-3-Clause */
/* What supervisor and core stand on: descriptors over the channel, back-off, the key. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/key.h"
#include "main/child.h"
#include "main/launch.h"

static void descriptors_travel(void **state)
{
	int pair[2], text = launch_text_fd("t", STR("hello")), fd;
	enum launch_message m;
	char *got;
	size_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_false(launch_receive(pair[1], &m, &fd));
	assert_int_equal(errno, EAGAIN);
	assert_true(launch_send(pair[0], LAUNCH_READY, -1));
	assert_true(launch_send(pair[0], LAUNCH_RELOAD, text));
	close(text);
	assert_true(launch_receive(pair[1], &m, &fd));
	assert_int_equal(m, LAUNCH_READY);
	assert_int_equal(fd, -1);
	assert_true(launch_receive(pair[1], &m, &fd));
	assert_int_equal(m, LAUNCH_RELOAD);
	assert_int_equal(launch_read_text(fd, 100, &got, &n), ERR_OK);
	assert_int_equal(n, 5);
	assert_memory_equal(got, "hello", 5);
	free(got);
	close(pair[0]);
	assert_false(launch_receive(pair[1], &m, &fd));
	assert_int_equal(errno, EPIPE);
	close(pair[1]);
}

static void too_long_texts_are_refused(void **state)
{
	char *got;
	size_t n;

	assert_int_not_equal(
		launch_read_text(launch_text_fd("t", STR("123456")), 5, &got, &n), ERR_OK);
}

static void back_off_doubles_up_to_its_maximum(void **state)
{
	struct child c = { .name = "x" };
	uint64_t now = 1000, expected = CHILD_BACKOFF_MIN_MS;

	for (unsigned i = 0; i < 12; i++) {
		c.pid = 1;
		c.started_ms = now;
		child_ended(&c, now);
		assert_int_equal(c.restart_ms - now, expected);
		expected =
			expected * 2 > CHILD_BACKOFF_MAX_MS ? CHILD_BACKOFF_MAX_MS : expected * 2;
	}
	c.pid = 1;
	child_ended(&c, now + CHILD_SETTLED_MS);
	assert_int_equal(c.restart_ms, now + CHILD_SETTLED_MS + CHILD_BACKOFF_MIN_MS);
}

/* The program finds its descriptors as 3, 4, … in order, and nothing else open. */
static void child_finds_its_descriptors(void **state)
{
	static const char *const argv[] = { "sh", "-c",
		"read a <&3; read b <&4; [ \"$a$b\" = onetwo ] || exit 1; "
		"for n in 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && exit 1; done; exit 0",
		NULL };
	int one = launch_text_fd("one", STR("one\n")), two = launch_text_fd("two", STR("two\n"));
	int fds[] = { one, two }, program = open("/bin/sh", O_RDONLY | O_CLOEXEC), status;
	struct child_start s = { .program = program, .argv = argv, .fds = fds, .fd_count = 2 };
	struct child c = { .name = "x" };
	int stray = dup(one);

	lseek(one, 0, SEEK_SET);
	lseek(two, 0, SEEK_SET);
	assert_int_equal(child_start(&c, &s, 0), ERR_OK);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_int_equal(status, 0);
	close(one);
	close(two);
	close(stray);
	close(program);
}

static void key_is_made_once_and_kept(void **state)
{
	struct keyring first, second;
	char dir[] = "/tmp/tandem-key-XXXXXX", path[64], text[200];
	struct conf c = { 0 };
	struct buf why = BUF_OF(text);
	struct stat st;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	c.key_file = str_of(path);
	assert_int_equal(key_load(&c, &first, &why), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(key_load(&c, &second, &why), ERR_OK);
	assert_memory_equal(&first, &second, sizeof(first));
	chmod(path, 0644);
	assert_int_equal(key_load(&c, &second, &why), ERR_DENIED);
	chmod(path, 0600);
	assert_int_equal(truncate(path, 20), 0);
	assert_int_equal(key_load(&c, &second, &why), ERR_SYNTAX);
	unlink(path);
	rmdir(dir);
	assert_int_equal(key_load(&c, &second, &why), ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(too_long_texts_are_refused),
		cmocka_unit_test(back_off_doubles_up_to_its_maximum),
		cmocka_unit_test(child_finds_its_descriptors),
		cmocka_unit_test(key_is_made_once_and_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
