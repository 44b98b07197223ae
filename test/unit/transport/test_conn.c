/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: framing, deadlines, limits, who sends on them. */
#include "node.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

/* ---- TCP ---- */

static void test_tcp_framing(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", "tcp:[::1]:0", NULL };
	struct node *n = node_new(lines);
	char text[2048], ping[2];
	size_t length;

	node_start(n);
	for (unsigned line = 0; line < 2; line++) {
		int fd = phone(n, SOCK_STREAM, line, NULL);

		length = options(text, sizeof(text), "bytewise", 1);
		for (size_t i = 0; i < length; i++)
			say(fd, text + i, 1);
		expect_ok(fd);
		say(fd, "\r\n", 2);
		say(fd, "\r\n", 2);
		assert_int_equal(recv(fd, ping, 2, MSG_WAITALL), 2);
		assert_memory_equal(ping, "\r\n", 2);
		close(fd);
	}
	node_free(n);
}

static void test_tcp_several_in_one_segment(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	char text[4096];
	size_t used = 0;
	int fd;

	node_start(n);
	fd = phone(n, SOCK_STREAM, 0, NULL);
	for (unsigned i = 1; i <= 5; i++)
		used += options(text + used, sizeof(text) - used, "many", i);
	say(fd, text, used);
	wait_for(n, &n->seen_count, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(n->seen[i].cseq, i + 1);
	close(fd);
	for (unsigned i = 0; i < WORKERS; i++)
		wait_for(n, &n->closed[i], 1); /* every worker is told */
	node_free(n);
}

static void test_tcp_garbage_ends_the_connection(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	static const char no_length[] = "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x\r\n\r\n";
	struct node *n = node_new(lines);
	char *flood = mem_zero(2 * SIP_MSG_MAX);
	int fd;

	node_start(n);
	fd = phone(n, SOCK_STREAM, 0, NULL);
	say(fd, no_length, sizeof(no_length) - 1);
	expect_closed(fd);
	close(fd);
	fd = phone(n, SOCK_STREAM, 0, NULL);
	memset(flood, 'x', 2 * SIP_MSG_MAX);
	for (ssize_t sent = 0; sent >= 0;)
		sent = send(fd, flood, 2 * SIP_MSG_MAX, MSG_NOSIGNAL); /* until it is closed */
	close(fd);
	free(flood);
	node_free(n);
}

static void one_second(struct net_limits *l)
{
	l->message_s = l->idle_s = 1;
}

static void two_each(struct net_limits *l)
{
	l->connections_per_ip_max = 2;
}

static void test_tcp_deadlines(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_with(lines, one_second);
	int half, idle;

	node_start(n);
	half = phone(n, SOCK_STREAM, 0, NULL);
	idle = phone(n, SOCK_STREAM, 0, NULL);
	say(half, "OPTIONS sip:", 12);
	expect_closed(half);
	expect_closed(idle);
	close(half);
	close(idle);
	node_free(n);
}

static void test_tcp_limit_per_address(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_with(lines, two_each);
	struct net_counters c;
	int fds[9], refused = 0;

	node_start(n);
	for (int i = 0; i < 9; i++)
		fds[i] = phone(n, SOCK_STREAM, 0, NULL);
	for (int i = 0; i < 9; i++) {
		char text[REPLY_MAX], id[16];

		snprintf(id, sizeof(id), "limit%d", i);
		options(text, sizeof(text), id, 1);
		if (send(fds[i], text, strlen(text), MSG_NOSIGNAL) < 0 || hear(fds[i], text).n == 0)
			refused++;
	}
	assert_true(refused >= 9 - 2 * WORKERS && refused <= 7); /* the limit is each worker's */
	net_counters(n->net, &c);
	assert_int_equal(c.refused, refused);
	for (int i = 0; i < 9; i++)
		close(fds[i]);
	node_free(n);
}

/* ---- sending ---- */

/* Any worker reaches a phone over the connection that the phone opened. */
static void test_every_worker_sends_on_a_connection(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	char text[REPLY_MAX];
	struct flow flow;
	int fd;

	node_start(n);
	fd = phone(n, SOCK_STREAM, 0, NULL);
	ask(fd, "hello", 1);
	expect_ok(fd);
	pthread_mutex_lock(&n->lock);
	flow = n->last_flow;
	pthread_mutex_unlock(&n->lock);
	assert_true(flow.conn != 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		send_on(n, i, &flow, 7);
		assert_true(str_starts(hear(fd, text), STR("OPTIONS sip:a@b")));
	}
	close(fd);
	node_free(n);
}

static void test_connection_refused(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	struct flow flow = { .proto = TP_TCP };

	assert_int_equal(addr_parse(STR("127.0.0.1:1"), &flow.remote), ERR_OK);
	node_start(n);
	send_on(n, 0, &flow, 4711);
	expect_failure(n, 4711, ERR_NETWORK);
	/* the same over a connection that belonged to the other worker and is gone */
	for (uint64_t owner = 1; owner <= WORKERS; owner++) {
		flow.conn = owner << 56 | 99;
		send_on(n, 0, &flow, 4711 + owner);
		expect_failure(n, 4711 + owner, ERR_NETWORK);
	}
	node_free(n);
}

static void none_at_all(struct net_limits *l)
{
	l->connections_per_ip_max = 0;
}

/* Reopening a lost connection at the limit fails like any other send, and nothing else happens. */
static void test_reopening_at_the_limit(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_with(lines, none_at_all);
	struct flow flow = { .proto = TP_TCP, .conn = 2ULL << 56 | 99 };
	struct timespec until;

	flow.remote = n->cfg.listen[0].addr;
	node_start(n);
	send_on(n, 0, &flow, 4711); /* the connection was the other worker's */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&n->lock);
	while (!n->failed_id && pthread_cond_timedwait(&n->changed, &n->lock, &until) == 0)
		;
	assert_int_equal(n->failed_id, 4711);
	assert_int_equal(n->failed_why, ERR_LIMIT);
	pthread_mutex_unlock(&n->lock);
	node_free(n);
}

static void one_second_a_message(struct net_limits *l)
{
	l->message_s = 1;
}

/* The deadline is each message's own: on a busy stream no read may ever end between two. */
static void test_tcp_busy_stream_lives(void **state)
{
	enum { MESSAGES = 60, PAUSE_US = 50000 };
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_with(lines, one_second_a_message);
	char text[1024];
	size_t length = options(text, sizeof(text), "busy", 1), half = length / 2;
	int fd;

	node_start(n);
	fd = phone(n, SOCK_STREAM, 0, NULL);
	memmove(text + length, text, half);
	say(fd, text, half);
	for (unsigned i = 0; i < MESSAGES; i++) {
		say(fd, text + half, length);
		usleep(PAUSE_US);
	}
	wait_for(n, &n->seen_count, MESSAGES);
	close(fd);
	node_free(n);
}

/* Orders and news that are still in an inbox when the workers end, for those that are gone. */
static void test_what_is_posted_at_the_end(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	unsigned owner;
	int fd;

	node_start(n);
	fd = phone(n, SOCK_STREAM, 0, NULL);
	ask(fd, "last", 1);
	expect_ok(fd);
	node_stop(n);
	owner = (unsigned)(n->last_flow.conn >> 56) - 1;
	assert_int_equal(
		transport_send(n->transports[1 - owner], &n->last_flow, STR("\r\n"), 77), ERR_OK);
	node_end(n); /* the owner's end closes the connection and tells everybody */
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_framing),
		cmocka_unit_test(test_tcp_several_in_one_segment),
		cmocka_unit_test(test_tcp_garbage_ends_the_connection),
		cmocka_unit_test(test_tcp_deadlines),
		cmocka_unit_test(test_tcp_limit_per_address),
		cmocka_unit_test(test_every_worker_sends_on_a_connection),
		cmocka_unit_test(test_connection_refused),
		cmocka_unit_test(test_reopening_at_the_limit),
		cmocka_unit_test(test_tcp_busy_stream_lives),
		cmocka_unit_test(test_what_is_posted_at_the_end),
	};

	signal(SIGPIPE, SIG_IGN); /* as the core does: a peer that is gone shows as an error */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
