/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP sockets, and what they receive: in batches, as long as there is something. Each datagram on a
 * wildcard address says where it was sent to. What goes out: udp_out.c; ICMP errors: udp_icmp.c.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/arena.h"
#include "event/event.h"
#include "transport/net_int.h"

enum { SLOT_BYTES = SIP_MSG_MAX + 1, BATCHES_PER_TURN = 8 };

union control { /* room for one packet info, a time stamp, a count of what was lost */
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct timespec)) +
		CMSG_SPACE(sizeof(uint32_t))];
};

struct udp_batch {
	struct mmsghdr msgs[NET_BATCH];
	struct iovec iov[NET_BATCH];
	struct addr from[NET_BATCH];
	union control control[NET_BATCH];
	char *bytes; /* NET_BATCH slots; pages that no datagram reached stay untouched */
};

struct udp_batch *udp_batch_new(void)
{
	struct udp_batch *b = mem_new(struct udp_batch);

	b->bytes = mem_alloc((size_t)NET_BATCH * SLOT_BYTES);
	return b;
}

void udp_batch_free(struct udp_batch *b)
{
	free(b->bytes);
	free(b);
}

/*
 * What comes beside the datagrams: on a wildcard address with each of them where it was sent to;
 * else only with the first when it came.
 */
static void batch_prepare(struct udp_batch *b, bool wildcard)
{
	for (int i = 0; i < NET_BATCH; i++) {
		b->iov[i] = (struct iovec){ b->bytes + (size_t)i * SLOT_BYTES, SLOT_BYTES };
		b->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1 };
		if (wildcard || i == 0) {
			b->msgs[i].msg_hdr.msg_control = &b->control[i];
			b->msgs[i].msg_hdr.msg_controllen = sizeof(b->control[i]);
		}
	}
}

/* The address that the datagram was sent to; the socket's own port. */
static void take_local(struct msghdr *h, const struct udp_socket *s, struct addr *local)
{
	*local = s->local;
	if (!s->wildcard)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local->in4.sin_addr = info.ipi_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local->in6.sin6_addr = info.ipi6_addr;
		}
	}
}

/*
 * What the kernel says about the first, the oldest, of a batch: when it came, and how many found
 * the queue full before it. Nothing: it came just now.
 */
static void take_arrival(struct udp_socket *s)
{
	struct worker *w = s->nw->transport.worker;
	struct msghdr *h = &s->nw->batch->msgs[0].msg_hdr;

	s->nw->arrived_us = w->clock.wall_us;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;

			memcpy(&t, CMSG_DATA(c), sizeof(t));
			s->nw->arrived_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t lost;

			memcpy(&lost, CMSG_DATA(c), sizeof(lost));
			if (lost != s->lost)
				overload_lost(&w->overload, lost - s->lost);
			s->lost = lost;
		}
	}
}

static void take_datagram(struct udp_socket *s, int i)
{
	struct udp_batch *b = s->nw->batch;
	struct flow flow = { .proto = TP_UDP, .listener = s->listener, .remote = b->from[i] };

	take_local(&b->msgs[i].msg_hdr, s, &flow.local);
	net_deliver(s->nw, str_make(b->iov[i].iov_base, b->msgs[i].msg_len), &flow);
}

static void on_readable(struct udp_socket *s)
{
	for (int round = 0; round < BATCHES_PER_TURN; round++) {
		int n;

		batch_prepare(s->nw->batch, s->wildcard);
		n = recvmmsg(s->fd, s->nw->batch->msgs, NET_BATCH, MSG_DONTWAIT, NULL);
		if (n < 0 && udp_take_errors(s)) /* it told of one of those */
			continue;
		if (n > 0 && round)
			clock_read(&s->nw->transport.worker->clock);
		if (n > 0)
			take_arrival(s);
		for (int i = 0; i < n; i++)
			take_datagram(s, i);
		if (n < NET_BATCH)
			break;
	}
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct udp_socket *s = p->data;

	loop_tick(s->nw->transport.worker);
	if (status < 0) { /* libuv gives up where the kernel has errors to tell */
		udp_take_errors(s);
		s->blocked = false;
		udp_poll(s);
		udp_flush(s->nw);
		on_readable(s);
		return;
	}
	if (events & UV_WRITABLE) {
		s->blocked = false;
		udp_poll(s);
		udp_flush(s->nw);
	}
	if (events & UV_READABLE)
		on_readable(s);
}

void udp_poll(struct udp_socket *s)
{
	uv_poll_start(&s->poll, s->blocked ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
}

enum err udp_open(struct net_worker *nw, uint16_t listener, int fd)
{
	struct udp_socket *s = mem_new(struct udp_socket);
	int on = 1;

	*s = (struct udp_socket){ .fd = fd,
		.listener = listener,
		.nw = nw,
		.local = nw->net->cfg.listen[listener].addr };
	s->wildcard = addr_is_any(&s->local);
	if (s->wildcard && s->local.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else if (s->wildcard)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (s->local.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	if (uv_poll_init_socket(&nw->transport.worker->loop->uv, &s->poll, fd)) {
		free(s);
		return ERR_IO;
	}
	s->poll.data = s;
	udp_poll(s);
	nw->udp[listener] = s;
	nw->udp_count++;
	return ERR_OK;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void udp_close(struct udp_socket *s)
{
	uv_poll_stop(&s->poll);
	uv_close((uv_handle_t *)&s->poll, on_closed);
}
