/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ICMP says about datagrams that we sent (RFC 3261 18.4): "unreachable" and "bad parameter"
 * are failures, anything else passes. The kernel gives an error to one of the sockets on that
 * address, whichever worker's; the branch that the error quotes names the owner.
 */
#include <errno.h>
#include <stdlib.h>

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "base/arena.h"
#include "event/event.h"
#include "sip/field.h"
#include "transport/net_int.h"
#include "transport/quoted.h"

enum { QUOTE_MAX = 1024, ERRORS_PER_TURN = 64 };

struct unreachable { /* on its way to the worker whose request it was */
	struct inbox_item item;
	struct net_worker *to;
	struct addr remote;
	int error;
	size_t length;
	char quote[];
};

static void tell(
	struct net_worker *nw, const struct addr *remote, const struct quoted *q, int error)
{
	struct transport *t = &nw->transport;
	char peer[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(peer);

	if (!t->handlers.on_unreachable ||
		!t->handlers.on_unreachable(t->arg, remote, q->method, q->branch))
		return;
	counter_add(&nw->counters.send_failed, 1);
	addr_print(&b, remote);
	event_note(t->worker->events, EV_SIP_SEND_FAILED, STR_NONE, STR_NONE,
		"udp:%.*s cannot be reached: %s", STR_ARG(buf_str(&b)), strerror(error));
}

static void on_unreachable(struct inbox_item *item)
{
	struct unreachable *u = container_of(item, struct unreachable, item);
	struct quoted q;

	if (!u->to->stopped && !quoted_parse(str_make(u->quote, u->length), &q))
		tell(u->to, &u->remote, &q, u->error);
	free(u);
}

static void hand_over(struct net_worker *to, const struct addr *remote, struct str quote, int error)
{
	struct unreachable *u = mem_alloc(sizeof(*u) + quote.n);

	*u = (struct unreachable){ .item.run = on_unreachable,
		.to = to,
		.remote = *remote,
		.error = error,
		.length = quote.n };
	memcpy(u->quote, quote.p, quote.n);
	if (worker_post(to->transport.worker, &u->item))
		free(u); /* the transaction finds out by itself, later */
}

static bool counts(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP)
		return (e->ee_type == ICMP_DEST_UNREACH && e->ee_code != ICMP_FRAG_NEEDED) ||
			e->ee_type == ICMP_PARAMETERPROB;
	return e->ee_origin == SO_EE_ORIGIN_ICMP6 &&
		(e->ee_type == ICMP6_DST_UNREACH || e->ee_type == ICMP6_PARAM_PROB);
}

static void take_error(struct net_worker *nw, const struct sock_extended_err *e,
	const struct addr *remote, struct str quote)
{
	struct net_worker *to;
	struct quoted q;
	unsigned owner;

	if (!counts(e) || quoted_parse(quote, &q) || !str_starts(q.branch, SIP_BRANCH_COOKIE) ||
		!worker_of_token(
			str_from(q.branch, SIP_BRANCH_COOKIE.n), nw->net->cfg.workers, &owner))
		return;
	to = nw->net->workers[owner];
	if (to == nw)
		tell(nw, remote, &q, (int)e->ee_errno);
	else if (to)
		hand_over(to, remote, quote, (int)e->ee_errno);
}

static bool find_error(struct msghdr *h, struct sock_extended_err *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			memcpy(out, CMSG_DATA(c), sizeof(*out));
			return true;
		}
	}
	return false;
}

/* An error is marked on the socket as well, maybe after it was read from the queue. */
static bool take_mark(const struct udp_socket *s)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error;
}

bool udp_take_errors(struct udp_socket *s)
{
	bool any = false;

	for (int i = 0; i < ERRORS_PER_TURN; i++) {
		char quote[QUOTE_MAX], control[512];
		struct addr remote = { 0 };
		struct iovec iov = { quote, sizeof(quote) };
		struct msghdr h = { .msg_name = &remote,
			.msg_namelen = sizeof(remote),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(s->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);
		struct sock_extended_err e;

		if (n < 0)
			break;
		if (!find_error(&h, &e) || e.ee_origin == SO_EE_ORIGIN_LOCAL)
			continue;
		any = true;
		take_error(s->nw, &e, &remote, str_make(quote, (size_t)n));
	}
	return take_mark(s) || any;
}
