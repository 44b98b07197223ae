/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: framing, deadlines, limits, who sends on them. */
#include "node.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "transport/net_int.h"

static struct flow last_flow(struct node *n)
{
	struct flow f;

	pthread_mutex_lock(&n->lock);
	f = n->last_flow;
	pthread_mutex_unlock(&n->lock);
	return f;
}

/* Whether one could not be sent; if so, for that reason. */
static bool failed(struct node *n, enum err why)
{
	bool yes;

	pthread_mutex_lock(&n->lock);
	yes = n->failed_id != 0;
	if (yes)
		assert_int_equal(n->failed_why, why);
	pthread_mutex_unlock(&n->lock);
	return yes;
}

/* ---- what comes in ---- */

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

static void one_a_worker(struct net_limits *l)
{
	l->connections_max = 1;
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

/* Of so many phones that many get an answer; the others find their connection closed. */
static void expect_served(struct node *n, unsigned phones, unsigned served)
{
	unsigned heard = 0;
	struct net_counters c;
	int fds[16];

	for (unsigned i = 0; i < phones; i++)
		fds[i] = phone(n, SOCK_STREAM, 0, NULL);
	for (unsigned i = 0; i < phones; i++) {
		char text[REPLY_MAX], id[16];

		snprintf(id, sizeof(id), "limit%u", i);
		options(text, sizeof(text), id, 1);
		if (send(fds[i], text, strlen(text), MSG_NOSIGNAL) > 0 && hear(fds[i], text).n)
			heard++;
	}
	assert_int_equal(heard, served);
	net_counters(n->net, &c);
	assert_int_equal(c.refused, phones - served);
	for (unsigned i = 0; i < phones; i++)
		close(fds[i]);
}

/* Limits count over all workers: it does not matter where the kernel puts a connection. */
static void test_limits(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_with(lines, two_each);

	node_start(n);
	expect_served(n, 9, 2);
	node_free(n);
	n = node_with(lines, one_a_worker);
	node_start(n);
	expect_served(n, 9, WORKERS);
	node_free(n);
}

/* Who may open few files serves few phones, and goes on. */
static void test_limit_of_descriptors(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct rlimit before, few;
	struct node *n;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = NET_FDS_KEPT + WORKERS + 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	n = node_new(lines);
	node_start(n);
	expect_served(n, 9, 3);
	node_free(n);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void two_seconds_dead(struct net_limits *l)
{
	l->dead_s = 2;
}

/* A peer that takes nothing: what waits for it is limited, and so is how long it waits. */
static void test_peer_that_hears_nothing(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_with(lines, two_seconds_dead);
	char text[REPLY_MAX];
	struct flow flow;
	int fd;

	node_start(n);
	fd = phone(n, SOCK_STREAM, 0, NULL);
	ask(fd, "deaf", 1);
	expect_ok(fd);
	flow = last_flow(n);
	memset(text, 'x', 2000);
	for (uint64_t id = 1; !failed(n, ERR_LIMIT); id++)
		send_text_on(n, id % WORKERS, &flow, id, text, 2000);
	for (unsigned i = 0; i < WORKERS; i++)
		wait_for(n, &n->closed[i], 1);
	close(fd);
	node_free(n);
}

static void one_second_to_connect(struct net_limits *l)
{
	l->connect_s = 1;
}

static void test_connect_takes_too_long(void **state)
{
	enum { FILLERS = 4 };
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_with(lines, one_second_to_connect);
	struct flow flow = { .proto = TP_TCP };
	socklen_t length = sizeof(flow.remote);
	int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[FILLERS];

	assert_int_equal(addr_parse(STR("127.0.0.1:0"), &flow.remote), ERR_OK);
	assert_int_equal(bind(full, &flow.remote.sa, length), 0);
	assert_int_equal(listen(full, 0), 0);
	assert_int_equal(getsockname(full, &flow.remote.sa, &length), 0);
	for (int i = 0; i < FILLERS; i++) { /* nobody accepts: its queue is full */
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fds[i], &flow.remote.sa, length);
	}
	node_start(n);
	send_on(n, 0, &flow, 12);
	expect_failure(n, 12, ERR_TIMEOUT);
	for (int i = 0; i < FILLERS; i++)
		close(fds[i]);
	close(full);
	node_free(n);
}

/* ---- which connection leads where ---- */

struct question { /* which connection a worker would take */
	struct inbox_item item;
	struct node *node;
	unsigned worker;
	struct addr remote;
	struct flow flow;
	unsigned done;
};

static void answer_question(struct inbox_item *item)
{
	struct question *q = container_of(item, struct question, item);
	struct node *n = q->node;

	BUG_ON(transport_route(n->transports[q->worker], TP_TCP, &q->remote, STR_NONE, &q->flow));
	pthread_mutex_lock(&n->lock);
	q->done = 1;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

static uint64_t way_to(struct node *n, unsigned worker, const struct addr *remote)
{
	struct question q = {
		.item.run = answer_question, .node = n, .worker = worker, .remote = *remote
	};

	assert_int_equal(worker_post(&n->workers[worker], &q.item), ERR_OK);
	wait_for(n, &q.done, 1);
	return q.flow.conn;
}

static void ask_as(int fd, const char *sent_by)
{
	char text[1024];

	say(fd, text,
		(size_t)snprintf(text, sizeof(text),
			"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bKx;rport\r\n"
			"From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: alias\r\n"
			"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
			sent_by));
	expect_ok(fd);
}

/* Every worker takes the connection that is there, whoever has it, as long as it is there. */
static void test_every_worker_knows_it(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	struct flow flow;
	int fd;

	node_start(n);
	fd = phone(n, SOCK_STREAM, 0, NULL);
	ask(fd, "known", 1);
	expect_ok(fd);
	flow = last_flow(n);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(way_to(n, i, &flow.remote), flow.conn);
	close(fd);
	for (unsigned i = 0; i < WORKERS; i++)
		wait_for(n, &n->closed[i], 1);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(way_to(n, i, &flow.remote), 0);
	node_free(n);
}

/* RFC 5923: it leads to where its other end listens, which must be the same machine. */
static void test_alias(void **state)
{
	static const struct {
		const char *sent_by, *at;
		bool leads;
	} cases[] = {
		{ "127.0.0.1:5077;alias", "127.0.0.1:5077", true },
		{ "127.0.0.1;alias", "127.0.0.1:5060", true },
		{ "127.0.0.1:5077", "127.0.0.1:5077", false },
		{ "127.0.0.2:5077;alias", "127.0.0.2:5077", false },
		{ "127.0.0.2:5077;alias", "127.0.0.1:5077", false },
		{ "localhost:5077;alias", "127.0.0.1:5077", false },
	};
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);

	node_start(n);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = phone(n, SOCK_STREAM, 0, NULL);
		struct addr at;

		assert_int_equal(addr_parse(str_of(cases[i].at), &at), ERR_OK);
		ask_as(fd, cases[i].sent_by);
		for (unsigned w = 0; w < WORKERS; w++)
			assert_int_equal(way_to(n, w, &at), cases[i].leads ? last_flow(n).conn : 0);
		close(fd);
		for (unsigned w = 0; w < WORKERS; w++) {
			wait_for(n, &n->closed[w], i + 1);
			assert_int_equal(way_to(n, w, &at), 0);
		}
	}
	node_free(n);
}

/* Who took a connection takes TCP, until one fails. */
static void test_who_takes_tcp(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	struct flow flow = { .proto = TP_TCP };
	socklen_t length = sizeof(flow.remote);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), conn;
	char c;

	assert_int_equal(addr_parse(STR("127.0.0.1:0"), &flow.remote), ERR_OK);
	assert_int_equal(bind(fd, &flow.remote.sa, length), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, &flow.remote.sa, &length), 0);
	node_start(n);
	assert_false(transport_takes_tcp(n->transports[1], &flow.remote));
	send_on(n, 0, &flow, 1);
	conn = accept(fd, NULL, NULL);
	assert_true(conn >= 0);
	assert_int_equal(recv(conn, &c, 1, 0), 1);
	close(conn);
	for (unsigned i = 0; i < WORKERS; i++)
		wait_for(n, &n->closed[i], 1);
	assert_true(transport_takes_tcp(n->transports[1], &flow.remote));
	close(fd);
	send_on(n, 1, &flow, 2);
	expect_failure(n, 2, ERR_NETWORK);
	assert_false(transport_takes_tcp(n->transports[0], &flow.remote));
	node_free(n);
}

static void test_peers_are_bounded(void **state)
{
	struct tcp_peers *p = tcp_peers_new();
	struct addr first, a;

	assert_int_equal(addr_parse(STR("192.0.2.1:1"), &first), ERR_OK);
	a = first;
	for (unsigned i = 0; i < TCP_PEERS_MAX; i++) {
		addr_set_port(&a, (uint16_t)(1 + i));
		tcp_peers_learn(p, &a, true);
		tcp_peers_learn(p, &a, true);
	}
	assert_true(tcp_peers_takes(p, &first));
	addr_set_port(&a, TCP_PEERS_MAX + 1);
	tcp_peers_learn(p, &a, true);
	assert_true(tcp_peers_takes(p, &a));
	assert_false(tcp_peers_takes(p, &first));
	tcp_peers_free(p);
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
	flow = last_flow(n);
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
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limit_of_descriptors),
		cmocka_unit_test(test_peer_that_hears_nothing),
		cmocka_unit_test(test_connect_takes_too_long),
		cmocka_unit_test(test_every_worker_knows_it),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_who_takes_tcp),
		cmocka_unit_test(test_peers_are_bounded),
		cmocka_unit_test(test_every_worker_sends_on_a_connection),
		cmocka_unit_test(test_connection_refused),
		cmocka_unit_test(test_reopening_at_the_limit),
		cmocka_unit_test(test_tcp_busy_stream_lives),
		cmocka_unit_test(test_what_is_posted_at_the_end),
	};

	signal(SIGPIPE, SIG_IGN); /* as the core does: a peer that is gone shows as an error */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
