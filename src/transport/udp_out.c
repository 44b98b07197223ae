/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP goes out in batches at the end of the turn (sendmmsg), from the local address that each
 * datagram names. A socket that has no room keeps its datagrams waiting, up to its share of the
 * queue; those of the worker's other sockets go on.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "event/event.h"
#include "transport/net_int.h"

enum { TRIES = 4 };

void udp_queue_init(struct net_worker *nw)
{
	unsigned sockets = nw->udp_count ? nw->udp_count : 1;

	nw->send_share = NET_SEND_BYTES / sockets;
	if (nw->send_share < SIP_MSG_MAX)
		nw->send_share = SIP_MSG_MAX;
	nw->send_bytes = mem_alloc(nw->send_share * sockets);
	nw->send = mem_alloc(NET_SEND_MAX * sizeof(*nw->send));
}

static bool fits(const struct net_worker *nw, const struct udp_socket *s, size_t bytes)
{
	return s->waiting < NET_SEND_MAX / nw->udp_count &&
		s->waiting_bytes + bytes <= nw->send_share;
}

enum err udp_send(struct net_worker *nw, const struct flow *flow, struct str bytes, uint64_t id)
{
	struct udp_socket *s = flow->listener < NET_LISTEN_MAX ? nw->udp[flow->listener] : NULL;
	struct udp_datagram *d;

	if (!s)
		return ERR_UNSUPPORTED;
	if (!fits(nw, s, bytes.n))
		udp_flush(nw);
	if (!fits(nw, s, bytes.n)) {
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
	s->waiting++;
	s->waiting_bytes += bytes.n;
	return ERR_OK;
}

union control { /* room for one packet info */
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

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

/* It is out, or will never be. */
static void done_with(struct net_worker *nw, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		struct udp_datagram *d = &nw->send[i];

		d->socket->waiting--;
		d->socket->waiting_bytes -= d->length;
		d->socket = NULL;
	}
}

/* Those that are still to go out move together. */
static void close_gaps(struct net_worker *nw)
{
	unsigned count = 0;
	size_t used = 0;

	for (unsigned i = 0; i < nw->send_count; i++) {
		struct udp_datagram d = nw->send[i];

		if (!d.socket)
			continue;
		memmove(nw->send_bytes + used, nw->send_bytes + d.at, d.length);
		d.at = used;
		used += d.length;
		nw->send[count++] = d;
	}
	nw->send_count = count;
	nw->send_used = used;
}

static void wait_for_room(struct udp_socket *s)
{
	s->blocked = true;
	udp_poll(s);
}

/*
 * What send_batch could not send, for that reason. An error of ICMP about an earlier datagram is
 * told by the next system call, too, even when it was read already: an error is this datagram's own
 * when it comes again and again, and there is nothing to read.
 */
static unsigned refused(struct net_worker *nw, unsigned at, int error)
{
	struct udp_datagram d = nw->send[at];

	if (error == EAGAIN || error == ENOBUFS) {
		wait_for_room(d.socket);
		return 0;
	}
	if (udp_take_errors(d.socket) || ++nw->send[at].tries < TRIES)
		return 0;
	done_with(nw, at, 1);
	report_failure(nw, &d, error);
	return 1;
}

void udp_flush(struct net_worker *nw)
{
	if (nw->flushing) /* a handler of a failure sends: it goes on at the end of the queue */
		return;
	nw->flushing = true;
	for (unsigned at = 0; at < nw->send_count;) {
		int error;
		unsigned n;

		if (nw->send[at].socket->blocked) {
			at++;
			continue;
		}
		n = send_batch(nw, at, &error);
		counter_add(&nw->counters.sent, n);
		if (n)
			done_with(nw, at, n);
		else
			n = refused(nw, at, error);
		at += n;
	}
	close_gaps(nw);
	nw->flushing = false;
}
