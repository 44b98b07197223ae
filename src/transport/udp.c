/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP in batches: recvmmsg as long as there is something, sendmmsg at the end of the turn. The
 * local address of a datagram is taken and given per message, so that a socket on a wildcard
 * address answers from the address that was asked.
 */
#include <errno.h>
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
	if (status < 0)
		return;
	if (events & UV_WRITABLE) {
		s->blocked = false;
		uv_poll_start(&s->poll, UV_READABLE, on_poll);
		udp_flush(s->nw);
	}
	if (events & UV_READABLE)
		on_readable(s);
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
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	if (uv_poll_init_socket(&nw->transport.worker->loop->uv, &s->poll, fd)) {
		free(s);
		return ERR_IO;
	}
	s->poll.data = s;
	uv_poll_start(&s->poll, UV_READABLE, on_poll);
	nw->udp[listener] = s;
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

/* ---- sending ---- */

enum err udp_send(struct net_worker *nw, const struct flow *flow, struct str bytes, uint64_t id)
{
	struct udp_socket *s = flow->listener < NET_LISTEN_MAX ? nw->udp[flow->listener] : NULL;
	struct udp_datagram *d;

	if (!s)
		return ERR_UNSUPPORTED;
	if (nw->send_count == NET_SEND_MAX || bytes.n > NET_SEND_BYTES - nw->send_used)
		udp_flush(nw);
	if (nw->send_count == NET_SEND_MAX || bytes.n > NET_SEND_BYTES - nw->send_used) {
		counter_add(&nw->counters.send_failed, 1);
		return ERR_LIMIT;
	}
	d = &nw->send[nw->send_count++];
	*d = (struct udp_datagram){ .socket = s,
		.local = flow->local,
		.remote = flow->remote,
		.at = nw->send_used,
		.length = bytes.n,
		.id = id };
	memcpy(nw->send_bytes + d->at, bytes.p, bytes.n);
	nw->send_used += bytes.n;
	return ERR_OK;
}

static void give_local(struct msghdr *h, union control *c, const struct addr *local)
{
	struct cmsghdr *head = &c->align;

	h->msg_control = c;
	if (local->sa.sa_family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_addr = local->in6.sin6_addr };

		*head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(info)),
			.cmsg_level = IPPROTO_IPV6,
			.cmsg_type = IPV6_PKTINFO };
		memcpy(CMSG_DATA(head), &info, sizeof(info));
		h->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in_pktinfo info = { .ipi_spec_dst = local->in4.sin_addr };

		*head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(info)),
			.cmsg_level = IPPROTO_IP,
			.cmsg_type = IP_PKTINFO };
		memcpy(CMSG_DATA(head), &info, sizeof(info));
		h->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

/* Sends up to a batch of consecutive datagrams of one socket; returns how many are dealt with. */
static unsigned send_batch(struct net_worker *nw, unsigned first, int *error)
{
	struct mmsghdr msgs[NET_BATCH];
	struct iovec iov[NET_BATCH];
	union control control[NET_BATCH];
	struct udp_socket *s = nw->send[first].socket;
	unsigned n = 0;
	int sent;

	for (; n < NET_BATCH && first + n < nw->send_count; n++) {
		struct udp_datagram *d = &nw->send[first + n];

		if (d->socket != s)
			break;
		iov[n] = (struct iovec){ nw->send_bytes + d->at, d->length };
		msgs[n].msg_hdr = (struct msghdr){ .msg_name = &d->remote,
			.msg_namelen = addr_len(&d->remote),
			.msg_iov = &iov[n],
			.msg_iovlen = 1 };
		if (s->wildcard && addr_set(&d->local) && !addr_is_any(&d->local))
			give_local(&msgs[n].msg_hdr, &control[n], &d->local);
	}
	do
		sent = sendmmsg(s->fd, msgs, n, MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	*error = sent < 0 ? errno : 0;
	return sent < 0 ? 0 : (unsigned)sent;
}

static void report_failure(struct net_worker *nw, const struct udp_datagram *d, int error)
{
	struct transport *t = &nw->transport;
	char peer[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(peer);

	counter_add(&nw->counters.send_failed, 1);
	if (event_wanted(t->worker->events, EV_SIP_SEND_FAILED)) {
		addr_print(&b, &d->remote);
		event_note(t->worker->events, EV_SIP_SEND_FAILED, STR_NONE, STR_NONE,
			"could not send to udp:%.*s: %s", STR_ARG(buf_str(&b)), strerror(error));
	}
	if (d->id)
		t->handlers.on_send_failed(
			t->arg, d->id, error == EMSGSIZE ? ERR_LIMIT : ERR_NETWORK);
}

static void keep_from(struct net_worker *nw, unsigned first)
{
	size_t at = first < nw->send_count ? nw->send[first].at : nw->send_used;

	memmove(nw->send_bytes, nw->send_bytes + at, nw->send_used - at);
	nw->send_used -= at;
	nw->send_count -= first;
	memmove(nw->send, nw->send + first, nw->send_count * sizeof(*nw->send));
	for (unsigned i = 0; i < nw->send_count; i++)
		nw->send[i].at -= at;
}

void udp_flush(struct net_worker *nw)
{
	unsigned done = 0;

	/* report_failure may add to the queue while we walk it */
	while (done < nw->send_count) {
		struct udp_socket *s = nw->send[done].socket;
		int error;
		unsigned n = s->blocked ? 0 : send_batch(nw, done, &error);

		if (s->blocked || (n == 0 && (error == EAGAIN || error == ENOBUFS))) {
			if (!s->blocked)
				uv_poll_start(&s->poll, UV_READABLE | UV_WRITABLE, on_poll);
			s->blocked = true;
			break;
		}
		counter_add(&nw->counters.sent, n);
		if (n == 0) {
			struct udp_datagram failed = nw->send[done];

			done++;
			keep_from(nw, done);
			done = 0;
			report_failure(nw, &failed, error);
			continue;
		}
		done += n;
	}
	keep_from(nw, done);
}
