/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "base/arena.h"
#include "bench.h"

enum { BATCH = 64, STREAM_MAX = 1 << 18, SOCKET_BUFFER = 8 << 20 };

struct sock {
	int fd;
	uint16_t port;
	unsigned out_count; /* UDP: messages that wait */
	char *out; /* UDP: BATCH slots of TEXT_MAX; TCP: STREAM_MAX bytes */
	size_t out_n[BATCH]; /* UDP: of each slot; TCP: [0], of all */
	char *in; /* TCP: STREAM_MAX bytes */
	size_t in_n;
};

struct net {
	struct net_config cfg;
	char local[INET_ADDRSTRLEN];
	struct sock socks[SOCKETS_MAX];
	struct pollfd polls[SOCKETS_MAX];
	struct mmsghdr msgs[BATCH], out_msgs[BATCH];
	struct iovec iov[BATCH], out_iov[BATCH];
	char *batch;
	net_on_text *on_text;
	void *arg;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void open_sock(const struct net *n, struct sock *s, unsigned i)
{
	const struct sockaddr_in *server = &n->cfg.server;
	struct sockaddr_in me = { .sin_family = AF_INET,
		.sin_addr = n->cfg.local,
		.sin_port = htons(n->cfg.port ? (uint16_t)(n->cfg.port + i) : 0) };
	socklen_t len = sizeof(me);
	int size = SOCKET_BUFFER, one = 1;

	s->fd = socket(AF_INET, n->cfg.tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (s->fd < 0)
		die("socket");
	if (n->cfg.tcp) {
		setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	} else {
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	if (bind(s->fd, (struct sockaddr *)&me, sizeof(me)))
		die("bind");
	if (connect(s->fd, (const struct sockaddr *)server, sizeof(*server)))
		die("connect");
	if (n->cfg.tcp)
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	getsockname(s->fd, (struct sockaddr *)&me, &len);
	s->port = ntohs(me.sin_port);
	s->out = mem_alloc(n->cfg.tcp ? STREAM_MAX : BATCH * TEXT_MAX);
	s->in = n->cfg.tcp ? mem_alloc(STREAM_MAX) : NULL;
}

struct net *net_new(const struct net_config *cfg, net_on_text *on_text, void *arg)
{
	struct net *n = mem_new(struct net);

	n->cfg = *cfg;
	n->on_text = on_text;
	n->arg = arg;
	n->batch = mem_alloc((size_t)BATCH * TEXT_MAX);
	inet_ntop(AF_INET, &cfg->local, n->local, sizeof(n->local));
	for (unsigned i = 0; i < cfg->sockets; i++) {
		open_sock(n, &n->socks[i], i);
		n->polls[i] = (struct pollfd){ .fd = n->socks[i].fd, .events = POLLIN };
	}
	return n;
}

void net_free(struct net *n)
{
	for (unsigned i = 0; i < n->cfg.sockets; i++) {
		close(n->socks[i].fd);
		free(n->socks[i].out);
		free(n->socks[i].in);
	}
	free(n->batch);
	free(n);
}

uint16_t net_port(const struct net *n, unsigned socket)
{
	return n->socks[socket].port;
}

const char *net_local(const struct net *n)
{
	return n->local;
}

/* ---- out ---- */

static void flush_udp(struct net *n, struct sock *s)
{
	unsigned done = 0;

	for (unsigned i = 0; i < s->out_count; i++) {
		n->out_iov[i] = (struct iovec){ s->out + (size_t)i * TEXT_MAX, s->out_n[i] };
		n->out_msgs[i].msg_hdr =
			(struct msghdr){ .msg_iov = &n->out_iov[i], .msg_iovlen = 1 };
	}
	while (done < s->out_count) {
		int k = sendmmsg(s->fd, n->out_msgs + done, s->out_count - done, 0);

		if (k < 0 && errno != EINTR && errno != ECONNREFUSED)
			die("sendmmsg");
		done += k > 0 ? (unsigned)k : 0;
	}
	s->out_count = 0;
}

static void flush_tcp(struct sock *s)
{
	size_t done = 0;

	while (done < s->out_n[0]) {
		ssize_t k = write(s->fd, s->out + done, s->out_n[0] - done);

		if (k < 0 && errno != EINTR)
			die("write");
		done += k > 0 ? (size_t)k : 0;
	}
	s->out_n[0] = 0;
}

void net_send(struct net *n, unsigned socket, struct str text)
{
	struct sock *s = &n->socks[socket];

	if (n->cfg.tcp) {
		if (s->out_n[0] + text.n > STREAM_MAX)
			flush_tcp(s);
		memcpy(s->out + s->out_n[0], text.p, text.n);
		s->out_n[0] += text.n;
		return;
	}
	if (s->out_count == BATCH)
		flush_udp(n, s);
	memcpy(s->out + (size_t)s->out_count * TEXT_MAX, text.p, text.n);
	s->out_n[s->out_count++] = text.n;
}

void net_flush(struct net *n)
{
	for (unsigned i = 0; i < n->cfg.sockets; i++) {
		if (n->cfg.tcp)
			flush_tcp(&n->socks[i]);
		else if (n->socks[i].out_count)
			flush_udp(n, &n->socks[i]);
	}
}

/* ---- in ---- */

static unsigned receive_udp(struct net *n, unsigned socket)
{
	int k;

	for (unsigned i = 0; i < BATCH; i++) {
		n->iov[i] = (struct iovec){ n->batch + (size_t)i * TEXT_MAX, TEXT_MAX };
		n->msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &n->iov[i], .msg_iovlen = 1 };
	}
	k = recvmmsg(n->socks[socket].fd, n->msgs, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < k; i++)
		n->on_text(n->arg, str_make(n->batch + (size_t)i * TEXT_MAX, n->msgs[i].msg_len));
	return k > 0 ? (unsigned)k : 0;
}

static unsigned receive_tcp(struct net *n, unsigned socket)
{
	struct sock *s = &n->socks[socket];
	ssize_t k = recv(s->fd, s->in + s->in_n, STREAM_MAX - s->in_n, MSG_DONTWAIT);
	size_t at = 0, len;
	unsigned count = 0;

	if (k == 0) {
		fprintf(stderr, "load: the server closed a connection\n");
		exit(1);
	}
	s->in_n += k > 0 ? (size_t)k : 0;
	while ((len = text_frame(str_make(s->in + at, s->in_n - at)))) {
		n->on_text(n->arg, str_make(s->in + at, len));
		at += len;
		count++;
	}
	memmove(s->in, s->in + at, s->in_n - at);
	s->in_n -= at;
	return count;
}

unsigned net_turn(struct net *n, uint64_t wait_us)
{
	const struct timespec wait = { .tv_sec = (time_t)(wait_us / 1000000),
		.tv_nsec = (long)(wait_us % 1000000) * 1000 };
	unsigned count = 0;

	net_flush(n);
	if (ppoll(n->polls, n->cfg.sockets, &wait, NULL) <= 0)
		return 0;
	for (unsigned i = 0; i < n->cfg.sockets; i++)
		if (n->polls[i].revents)
			count += n->cfg.tcp ? receive_tcp(n, i) : receive_udp(n, i);
	net_flush(n);
	return count;
}
