/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP where something is in the way: ports that nobody listens on, sockets without room, queues
 * that are full. sendmmsg is ours here, so that a socket can be made to have no room.
 */
#include "node.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "transport/dispatch.h"
#include "transport/net_int.h"
#include "transport/quoted.h"

enum { LONGEST_DATAGRAM = 65507 };

static int full_fd = -1; /* atomic: this socket has no room */

int __real_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	if (fd == __atomic_load_n(&full_fd, __ATOMIC_ACQUIRE)) {
		errno = EAGAIN;
		return -1;
	}
	return __real_sendmmsg(fd, msgs, n, flags);
}

static void make_full(const struct node *n, unsigned line, unsigned worker)
{
	__atomic_store_n(&full_fd, n->fds[line * WORKERS + worker], __ATOMIC_RELEASE);
}

static void make_room(void)
{
	__atomic_store_n(&full_fd, -1, __ATOMIC_RELEASE);
}

/* A socket that hears, and the flow that leads to it from a listen line. */
static int listener(const char *ip, struct flow *flow)
{
	struct timeval limit = { .tv_sec = WAIT_S };
	socklen_t n = sizeof(flow->remote);
	int fd;

	*flow = (struct flow){ .proto = TP_UDP };
	assert_int_equal(addr_parse_ip(str_of(ip), 0, &flow->remote), ERR_OK);
	fd = socket(flow->remote.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(bind(fd, &flow->remote.sa, addr_len(&flow->remote)), 0);
	assert_int_equal(getsockname(fd, &flow->remote.sa, &n), 0);
	return fd;
}

/* ---- ICMP ---- */

static void test_quoted(void **state)
{
#define START "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK00abc"
	static const char *const bad[] = { "", "\r\n\r\n", "INVITE sip:a@b SIP/2.0\r\n",
		"INVITE sip:a@b SIP/2.0\r\nFrom: <sip:c@d>;branch=x;tag=1\r\n",
		"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nX: ;branch=x;\r\n", START,
		" INVITE\r\nVia: SIP/2.0/UDP h;branch=x;" };
	struct quoted q;

	assert_int_equal(quoted_parse(STR(START ";rpo"), &q), ERR_OK);
	assert_true(str_eq(q.method, STR("INVITE")));
	assert_true(str_eq(q.branch, STR("z9hG4bK00abc")));
	assert_int_equal(quoted_parse(STR(START "\r\nFrom"), &q), ERR_OK);
	assert_true(str_eq(q.branch, STR("z9hG4bK00abc")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(quoted_parse(str_of(bad[i]), &q), ERR_SYNTAX);
}

static bool told_of(struct node *n, unsigned worker, const char *branch, const struct addr *at)
{
	bool told;

	pthread_mutex_lock(&n->lock);
	told = n->unreachable[worker] && strcmp(n->unreachable_branch, branch) == 0 &&
		addr_eq(&n->unreachable_addr, at);
	pthread_mutex_unlock(&n->lock);
	return told;
}

/* Whichever worker's socket the kernel gives the error to: the one whose request it was hears. */
static void port_unreachable(const char *line, const char *ip)
{
	enum { EACH = 20, PATIENCE = 1000 }; /* the kernel makes so many errors a second, no more */
	const char *const lines[] = { line, NULL };
	struct node *n = node_new(lines);
	char text[REPLY_MAX], token[32], branch[64];
	struct flow nobody, somebody;
	int fd = listener(ip, &nobody);

	close(fd);
	fd = listener(ip, &somebody);
	node_start(n);
	for (unsigned i = 0; i < WORKERS * EACH; i++) {
		unsigned w = i % WORKERS, tries = 0;

		snprintf(token, sizeof(token), "0%u%015u", w, i);
		snprintf(branch, sizeof(branch), "z9hG4bK%s1", token);
		while (!told_of(n, w, branch, &nobody.remote)) {
			assert_true(tries++ < PATIENCE);
			send_text_on(n, w, &nobody, 5, text, options(text, sizeof(text), token, 1));
			send_on(n, w, &somebody, 6); /* not its fault */
			assert_true(str_starts(hear(fd, text), STR("OPTIONS ")));
			usleep(1000 * tries);
		}
	}
	assert_int_equal(n->failed_id, 0);
	close(fd);
	fd = phone(n, SOCK_DGRAM, 0, NULL);
	ask(fd, "still", 1);
	expect_ok(fd);
	close(fd);
	node_free(n);
}

static void test_port_unreachable(void **state)
{
	port_unreachable("udp:127.0.0.1:0", "127.0.0.1");
	port_unreachable("udp:[::1]:0", "::1");
}

/* Branches that are not ours, and what is no request, are nobody's. */
static void test_errors_that_are_nobodys(void **state)
{
	const char *const lines[] = { "udp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	struct flow nobody;
	int fd = listener("127.0.0.1", &nobody);

	close(fd);
	node_start(n);
	fd = phone(n, SOCK_DGRAM, 0, NULL);
	for (unsigned i = 0; i < 100; i++) {
		send_on(n, i % WORKERS, &nobody, 5); /* a short branch */
		send_text_on(n, i % WORKERS, &nobody, 0, "\r\n\r\n", 4);
		ask(fd, "meanwhile", i);
		expect_ok(fd);
	}
	assert_int_equal(n->unreachable[0] + n->unreachable[1], 0);
	assert_int_equal(n->failed_id, 0);
	close(fd);
	node_free(n);
}

/* ---- no room ---- */

static void test_blocked_socket_holds_up_nobody(void **state)
{
	const char *const lines[] = { "udp:127.0.0.1:0", "udp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	struct flow flow;
	char text[REPLY_MAX];
	int fd = listener("127.0.0.1", &flow);

	make_full(n, 0, 0);
	node_start(n);
	for (unsigned i = 0; i < 10; i++) {
		flow.listener = 0;
		send_text_on(n, 0, &flow, 1, "first\r\n\r\n", 9);
		flow.listener = 1;
		send_text_on(n, 0, &flow, 2, "second\r\n\r\n", 10);
	}
	for (unsigned i = 0; i < 10; i++)
		assert_true(str_starts(hear(fd, text), STR("second")));
	make_room();
	for (unsigned i = 0; i < 10; i++)
		assert_true(str_starts(hear(fd, text), STR("first")));
	assert_int_equal(n->failed_id, 0);
	close(fd);
	node_free(n);
}

struct fill { /* how much fits into a worker's queue */
	struct inbox_item item;
	struct node *node;
	struct flow flow;
	unsigned taken, other; /* under the node's lock */
	unsigned done;
};

static void fill_queue(struct inbox_item *item)
{
	struct fill *f = container_of(item, struct fill, item);
	struct transport *t = f->node->transports[0];
	unsigned taken = 0, other = 0;
	enum err e;

	for (;; taken++) {
		char text[32];

		snprintf(text, sizeof(text), "%u\r\n\r\n", taken);
		e = transport_send(t, &f->flow, str_of(text), 0);
		if (e)
			break;
	}
	BUG_ON(e != ERR_LIMIT);
	f->flow.listener = 1;
	for (; other < 2 * NET_SEND_MAX && !transport_send(t, &f->flow, STR("x\r\n\r\n"), 0);)
		other++;
	pthread_mutex_lock(&f->node->lock);
	f->taken = taken;
	f->other = other;
	f->done = 1;
	pthread_cond_broadcast(&f->node->changed);
	pthread_mutex_unlock(&f->node->lock);
}

/* One without room gets its share of the queue, in order, and the others all that they need. */
static void test_queue_full(void **state)
{
	const char *const lines[] = { "udp:127.0.0.1:0", "udp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	struct fill f = { .item.run = fill_queue, .node = n };
	struct net_counters c;
	char text[REPLY_MAX];
	unsigned next = 0;
	int fd = listener("127.0.0.1", &f.flow);
	int room = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	make_full(n, 0, 0);
	node_start(n);
	assert_int_equal(worker_post(&n->workers[0], &f.item), ERR_OK);
	wait_for(n, &f.done, 1);
	assert_int_equal(f.other, 2 * NET_SEND_MAX);
	assert_int_equal(f.taken, NET_SEND_MAX / 2);
	net_counters(n->net, &c);
	assert_int_equal(c.send_failed, 1); /* counted */
	make_room();
	while (next < f.taken) {
		char want[32];
		struct str s = hear(fd, text);

		assert_true(s.n > 0);
		snprintf(want, sizeof(want), "%u\r\n\r\n", next);
		if (s.p[0] != 'x') {
			assert_true(str_eq(s, str_of(want)));
			next++;
		}
	}
	close(fd);
	node_free(n);
}

/* However many listen lines share the queue, the longest message goes out. */
static void test_longest_of_many_lines(void **state)
{
	enum { LINES = 12 };
	const char *lines[LINES + 1] = { NULL };
	struct node *n;
	struct flow flow;
	char *big = mem_alloc(SIP_MSG_MAX);
	int fd = listener("127.0.0.1", &flow);

	for (unsigned i = 0; i < LINES; i++)
		lines[i] = "udp:127.0.0.1:0";
	n = node_new(lines);
	memset(big, 'x', SIP_MSG_MAX);
	for (flow.listener = 0; flow.listener < LINES; flow.listener++)
		assert_int_equal(
			transport_send(n->transports[0], &flow, str_make(big, LONGEST_DATAGRAM), 0),
			ERR_OK);
	node_start(n);
	node_free(n);
	close(fd);
	free(big);
}

/* ---- an inbox that is full ---- */

static void no_work(struct inbox_item *item)
{
	free(item);
}

/* A phone whose datagrams reach the socket of worker 0, the only one that runs. */
static int phone_of_first_worker(const struct node *n, const char *own_call)
{
	enum { PHONES = 32 };
	struct pollfd p[PHONES];
	int found = -1;

	for (int i = 0; i < PHONES; i++) {
		p[i] = (struct pollfd){ .fd = phone(n, SOCK_DGRAM, 0, NULL), .events = POLLIN };
		ask(p[i].fd, own_call, 1);
	}
	assert_true(poll(p, PHONES, WAIT_S * 1000) > 0);
	for (int i = 0; i < PHONES; i++) {
		if (found < 0 && p[i].revents)
			found = p[i].fd;
		else
			close(p[i].fd);
	}
	expect_ok(found);
	return found;
}

static void call_of(unsigned worker, char out[16])
{
	for (unsigned i = 0; i == 0 || dispatch_owner_of_call(str_of(out), WORKERS) != worker; i++)
		snprintf(out, 16, "call%u", i);
}

static void test_inbox_full(void **state)
{
	const char *const lines[] = { "udp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	char first[16], second[16], text[REPLY_MAX];
	struct inbox_item *item;
	struct net_counters c;
	struct str s;
	int fd;

	call_of(0, first);
	call_of(1, second);
	node_start_one(n, 0);
	fd = phone_of_first_worker(n, first);
	while (item = mem_new(struct inbox_item), item->run = no_work,
		!worker_post(&n->workers[1], item))
		;
	free(item);
	ask(fd, second, 1);
	s = hear(fd, text);
	assert_true(str_starts(s, STR("SIP/2.0 503 Overloaded")));
	assert_true(str_find_str(s, STR("\r\nRetry-After: 5\r\n")) < s.n);
	net_counters(n->net, &c);
	assert_int_equal(c.dropped, 1);
	node_start_one(n, 1); /* it works the rest off */
	for (unsigned i = 2;
		s = (ask(fd, second, i), hear(fd, text)), str_starts(s, STR("SIP/2.0 503")); i++)
		;
	assert_true(str_starts(s, STR("SIP/2.0 200")));
	close(fd);
	node_free(n);
}

/* ---- IPv6 wildcard ---- */

static void test_ipv6_wildcard(void **state)
{
	const char *const lines[] = { "udp:[::]:0", "tcp:[::]:0", NULL };
	struct node *n = node_new(lines);
	int fd;

	node_start(n);
	for (unsigned line = 0; line < 2; line++) {
		fd = phone(n, line ? SOCK_STREAM : SOCK_DGRAM, line, "::1");
		ask(fd, "six", 1);
		expect_ok(fd);
		assert_true(addr_eq(&n->last_flow.local,
			&(struct addr){
				.in6 = { .sin6_family = AF_INET6,
					.sin6_port = htons(addr_port(&n->cfg.listen[line].addr)),
					.sin6_addr = IN6ADDR_LOOPBACK_INIT } }));
		close(fd);
	}
	node_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_port_unreachable),
		cmocka_unit_test(test_errors_that_are_nobodys),
		cmocka_unit_test(test_blocked_socket_holds_up_nobody),
		cmocka_unit_test(test_queue_full),
		cmocka_unit_test(test_longest_of_many_lines),
		cmocka_unit_test(test_inbox_full),
		cmocka_unit_test(test_ipv6_wildcard),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
