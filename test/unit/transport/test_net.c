/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real transport on loopback: worker threads that answer every request, and this thread with
 * plain sockets as the phones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "sip/print.h"
#include "transport/dispatch.h"
#include "transport/net.h"

enum { WORKERS = 2, SEEN_MAX = 4096, WAIT_S = 10, REPLY_MAX = 4096 };

struct seen { /* a message that reached a worker */
	unsigned worker;
	char call_id[64];
	uint32_t cseq;
};

struct node {
	struct net_config cfg;
	struct net *net;
	int fds[NET_LISTEN_MAX * WORKERS];
	struct worker workers[WORKERS];
	struct loop loops[WORKERS];
	struct transport *transports[WORKERS];
	pthread_t threads[WORKERS];

	pthread_mutex_t lock; /* below */
	pthread_cond_t changed;
	struct seen seen[SEEN_MAX];
	unsigned seen_count;
	struct flow last_flow;
	unsigned closed[WORKERS];
	uint64_t failed_id;
	enum err failed_why;
};

struct on_worker { /* arg of the handlers */
	struct node *node;
	unsigned id;
};

static struct on_worker args[WORKERS];

/* ---- the workers ---- */

static void reply_to(struct transport *t, struct sip_msg *m, const struct flow *flow)
{
	char text[REPLY_MAX], ip[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text), ipb = BUF_OF(ip);
	const struct sip_reply ok = { .status = 200, .to_tag = STR("t") };

	addr_print_ip(&ipb, &flow->remote);
	sip_print_reply(&b, m, buf_str(&ipb), addr_port(&flow->remote), &ok);
	BUG_ON(transport_send(t, flow, buf_str(&b), 0) != ERR_OK);
}

static void on_message(void *arg, struct sip_msg *m, const struct flow *flow)
{
	struct on_worker *w = arg;
	struct node *n = w->node;

	pthread_mutex_lock(&n->lock);
	BUG_ON(n->seen_count == SEEN_MAX);
	n->seen[n->seen_count].worker = w->id;
	n->seen[n->seen_count].cseq = m->cseq.number;
	BUG_ON(str_copy(m->call_id, n->seen[n->seen_count].call_id, 64) != ERR_OK);
	n->seen_count++;
	n->last_flow = *flow;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
	if (m->is_request && m->method == SIP_OPTIONS)
		reply_to(n->transports[w->id], m, flow);
}

static void on_send_failed(void *arg, uint64_t id, enum err why)
{
	struct node *n = ((struct on_worker *)arg)->node;

	pthread_mutex_lock(&n->lock);
	n->failed_id = id;
	n->failed_why = why;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

static void on_closed(void *arg, uint64_t conn)
{
	struct on_worker *w = arg;

	(void)conn;
	pthread_mutex_lock(&w->node->lock);
	w->node->closed[w->id]++;
	pthread_cond_broadcast(&w->node->changed);
	pthread_mutex_unlock(&w->node->lock);
}

static const struct transport_handlers handlers = {
	.on_message = on_message, .on_send_failed = on_send_failed, .on_closed = on_closed
};

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void listen_on(struct node *n, const char *line)
{
	assert_int_equal(
		net_listen_parse(str_of(line), &n->cfg.listen[n->cfg.listen_count++]), ERR_OK);
}

static struct node *node_with(const char *const *lines, void (*tweak)(struct net_limits *l))
{
	struct node *n = mem_new(struct node);
	struct worker *workers[WORKERS];
	char why_text[256];
	struct buf why = BUF_OF(why_text);

	n->cfg.workers = WORKERS;
	n->cfg.limits = (struct net_limits){ .connections_max = 100,
		.connections_per_ip_max = 50,
		.message_bytes_max = SIP_MSG_MAX,
		.idle_s = 60,
		.message_s = 60,
		.connect_s = 5,
		.queue_bytes_max = 1 << 20 };
	if (tweak)
		tweak(&n->cfg.limits);
	for (; *lines; lines++)
		listen_on(n, *lines);
	assert_int_equal(net_bind(&n->cfg, n->fds, &why), ERR_OK);
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->changed, NULL);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker_init(&n->workers[i], i, WORKERS, NULL);
		workers[i] = &n->workers[i];
		assert_int_equal(loop_init(&n->loops[i], &n->workers[i]), ERR_OK);
	}
	n->net = net_new(&n->cfg, n->fds, workers);
	for (unsigned i = 0; i < WORKERS; i++) {
		args[i] = (struct on_worker){ n, i };
		n->transports[i] = net_worker_new(n->net, &n->workers[i], &handlers, &args[i]);
	}
	return n;
}

static struct node *node_new(const char *const *lines)
{
	return node_with(lines, NULL);
}

static void node_start(struct node *n)
{
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_create(&n->threads[i], NULL, run, &n->loops[i]);
}

static void node_stop(struct node *n)
{
	for (unsigned i = 0; i < WORKERS; i++)
		loop_stop(&n->loops[i]);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(n->threads[i], NULL);
}

static void node_end(struct node *n)
{
	for (unsigned i = 0; i < WORKERS; i++)
		net_worker_free(n->transports[i]);
	for (unsigned i = 0; i < WORKERS; i++) {
		loop_fini(&n->loops[i]);
		worker_fini(&n->workers[i]);
	}
	net_free(n->net);
	pthread_cond_destroy(&n->changed);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static void node_free(struct node *n)
{
	node_stop(n);
	node_end(n);
}

/* Waits until `*at` reaches a value; fails after a generous while. */
static void wait_for(struct node *n, const unsigned *at, unsigned value)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&n->lock);
	while (*at < value && pthread_cond_timedwait(&n->changed, &n->lock, &until) == 0)
		;
	assert_true(*at >= value);
	pthread_mutex_unlock(&n->lock);
}

/* ---- the phones ---- */

static int phone(const struct node *n, int type, unsigned line, const char *to_ip)
{
	struct addr to = n->cfg.listen[line].addr;
	struct timeval limit = { .tv_sec = WAIT_S };
	int fd;

	if (to_ip)
		assert_int_equal(addr_parse_ip(str_of(to_ip), addr_port(&to), &to), ERR_OK);
	fd = socket(to.sa.sa_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, &to.sa, addr_len(&to)), 0);
	return fd;
}

static size_t options(char *out, size_t max, const char *call_id, unsigned cseq)
{
	return (size_t)snprintf(out, max,
		"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%s%u;rport\r\n"
		"From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: %s\r\nCSeq: %u OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n",
		call_id, cseq, call_id, cseq);
}

static void say(int fd, const char *text, size_t n)
{
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void ask(int fd, const char *call_id, unsigned cseq)
{
	char text[512];

	say(fd, text, options(text, sizeof(text), call_id, cseq));
}

/* Reads until the text so far ends with a whole message; returns what came. */
static struct str hear(int fd, char out[REPLY_MAX])
{
	size_t used = 0;
	ssize_t n;

	while ((n = recv(fd, out + used, REPLY_MAX - used, 0)) > 0) {
		used += (size_t)n;
		if (str_ends(str_make(out, used), STR("\r\n\r\n")))
			break;
	}
	return str_make(out, used);
}

static void expect_ok(int fd)
{
	char text[REPLY_MAX];

	assert_true(str_starts(hear(fd, text), STR("SIP/2.0 200 OK")));
}

static void expect_closed(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), 0);
}

/* ---- UDP ---- */

static void test_udp(void **state)
{
	const char *const lines[] = { "udp:127.0.0.1:0", "udp:[::1]:0", NULL };
	struct node *n = node_new(lines);

	node_start(n);
	for (unsigned line = 0; line < 2; line++) {
		int fd = phone(n, SOCK_DGRAM, line, NULL);

		ask(fd, "one", 1);
		expect_ok(fd);
		close(fd);
	}
	node_free(n);
}

/* A connected socket hears only from whom it asked. */
static void test_wildcard_answers_from_the_address_asked(void **state)
{
	const char *const lines[] = { "udp:*:0", NULL };
	struct node *n = node_new(lines);
	int fd;

	node_start(n);
	fd = phone(n, SOCK_DGRAM, 0, "127.0.0.2");
	ask(fd, "asked", 1);
	expect_ok(fd);
	assert_true(str_eq(STR("asked"), str_of(n->seen[0].call_id)));
	close(fd);
	node_free(n);
}

/* Whatever socket of whatever worker a message reaches, its owner handles it, in order. */
static void test_owner_and_order(void **state)
{
	enum { CALLS = 8, EACH = 100 };
	const char *const lines[] = { "udp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	unsigned next[CALLS] = { 0 };
	int fds[CALLS];

	node_start(n);
	for (int c = 0; c < CALLS; c++)
		fds[c] = phone(n, SOCK_DGRAM, 0, NULL);
	for (unsigned i = 1; i <= EACH; i++) {
		for (int c = 0; c < CALLS; c++) {
			char id[16];

			snprintf(id, sizeof(id), "call%d", c);
			ask(fds[c], id, i);
		}
		wait_for(n, &n->seen_count, i * CALLS);
	}
	for (unsigned i = 0; i < n->seen_count; i++) {
		const struct seen *s = &n->seen[i];
		int c = s->call_id[4] - '0';

		assert_int_equal(s->worker, dispatch_owner_of_call(str_of(s->call_id), WORKERS));
		assert_int_equal(s->cseq, ++next[c]);
	}
	for (int c = 0; c < CALLS; c++)
		close(fds[c]);
	node_free(n);
}

static void test_noise(void **state)
{
	const char *const lines[] = { "udp:127.0.0.1:0", NULL };
	static const char bad[] =
		"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n";
	static const char bad_response[] = "SIP/2.0 999 What\r\nVia: SIP/2.0/UDP h\r\n\r\n";
	static const char stun[20] = { 0, 1, 0, 0, 0x21, 0x12, (char)0xa4, 0x42 };
	struct node *n = node_new(lines);
	struct net_counters c;
	char text[REPLY_MAX];
	int fd;

	node_start(n);
	fd = phone(n, SOCK_DGRAM, 0, NULL);
	say(fd, "\r\n\r\n", 4);
	say(fd, "\0\0\0\0", 4);
	say(fd, stun, sizeof(stun));
	say(fd, bad_response, sizeof(bad_response) - 1);
	say(fd, bad, sizeof(bad) - 1);
	assert_true(str_starts(hear(fd, text), STR("SIP/2.0 400 Missing Call-ID header")));
	ask(fd, "after", 1);
	expect_ok(fd); /* and nothing else came in between */
	net_counters(n->net, &c);
	assert_int_equal(c.malformed, 2);
	assert_int_equal(c.dropped, 3);
	close(fd);
	node_free(n);
}

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

struct order { /* something to do on a worker's thread */
	struct inbox_item item;
	struct transport *t;
	struct flow flow;
	uint64_t id;
	char text[512];
	size_t length;
};

static void run_order(struct inbox_item *item)
{
	struct order *o = container_of(item, struct order, item);

	BUG_ON(transport_send(o->t, &o->flow, str_make(o->text, o->length), o->id) != ERR_OK);
	free(o);
}

static void send_on(struct node *n, unsigned worker, const struct flow *flow, uint64_t id)
{
	struct order *o = mem_new(struct order);

	o->item.run = run_order;
	o->t = n->transports[worker];
	o->flow = *flow;
	o->id = id;
	o->length = options(o->text, sizeof(o->text), "sent", 1);
	assert_int_equal(worker_post(&n->workers[worker], &o->item), ERR_OK);
}

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

static void expect_failure(struct node *n, uint64_t id)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&n->lock);
	while (n->failed_id != id && pthread_cond_timedwait(&n->changed, &n->lock, &until) == 0)
		;
	assert_int_equal(n->failed_id, id);
	assert_int_equal(n->failed_why, ERR_NETWORK);
	pthread_mutex_unlock(&n->lock);
}

static void test_connection_refused(void **state)
{
	const char *const lines[] = { "tcp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	struct flow flow = { .proto = TP_TCP };

	assert_int_equal(addr_parse(STR("127.0.0.1:1"), &flow.remote), ERR_OK);
	node_start(n);
	send_on(n, 0, &flow, 4711);
	expect_failure(n, 4711);
	/* the same over a connection that belonged to the other worker and is gone */
	for (uint64_t owner = 1; owner <= WORKERS; owner++) {
		flow.conn = owner << 56 | 99;
		send_on(n, 0, &flow, 4711 + owner);
		expect_failure(n, 4711 + owner);
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

/* ---- whose message is it ---- */

static unsigned owner(const char *text)
{
	struct sip_fault fault;
	struct sip_msg *m;
	unsigned o;

	assert_int_equal(sip_msg_parse(str_of(text), &m, &fault), ERR_OK);
	o = dispatch_owner(m, 16);
	sip_msg_unref(m);
	return o;
}

static void test_dispatch_rules(void **state)
{
#define REST "From: <sip:c@d>;tag=1\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n"
	unsigned by_call = dispatch_owner_of_call(STR("x"), 16);

	assert_int_equal(
		owner("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK05aaaaaaaaaaaaaaaa\r\n"
		      "To: <sip:a@b>;tag=07aaaaaaaaaaaaaaaa\r\n" REST),
		5);
	assert_int_equal(owner("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP "
			       "h;branch=z9hG4bK05aaaaaaaaaaaaaaaa\r\n"
			       "To: <sip:a@b>;tag=07aaaaaaaaaaaaaaaa\r\n" REST),
		7);
	assert_int_equal(owner("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			       "To: <sip:a@b>\r\n" REST),
		by_call);
	assert_int_equal(owner("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			       "To: <sip:a@b>;tag=foreign\r\n" REST),
		by_call);
	assert_int_equal(
		owner("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\nTo: <sip:a@b>\r\n" REST), by_call);
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
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_wildcard_answers_from_the_address_asked),
		cmocka_unit_test(test_owner_and_order),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_tcp_framing),
		cmocka_unit_test(test_tcp_several_in_one_segment),
		cmocka_unit_test(test_tcp_garbage_ends_the_connection),
		cmocka_unit_test(test_tcp_deadlines),
		cmocka_unit_test(test_tcp_limit_per_address),
		cmocka_unit_test(test_every_worker_sends_on_a_connection),
		cmocka_unit_test(test_connection_refused),
		cmocka_unit_test(test_reopening_at_the_limit),
		cmocka_unit_test(test_dispatch_rules),
		cmocka_unit_test(test_tcp_busy_stream_lives),
		cmocka_unit_test(test_what_is_posted_at_the_end),
	};

	signal(SIGPIPE, SIG_IGN); /* as the core does: a peer that is gone shows as an error */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
