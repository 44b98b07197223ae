/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that are too large for one datagram (RFC 3261 18.1.1): where the peer is known to take
 * TCP, such a request goes by TCP, with all that belongs to its transaction. Its user does not
 * notice: for the dialog the way is what it was. If TCP fails, it goes by UDP after all.
 */
#include <stdlib.h>

#include "transaction/tx_int.h"

enum { TX_DATAGRAM_MAX = 1300 };

static void note(struct tx_layer *l, const struct flow *f, size_t bytes, const char *why)
{
	char peer[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(peer);

	if (!event_wanted(l->worker->events, EV_SIP_FRAGMENTED))
		return;
	flow_print_remote(&b, f);
	event_note(l->worker->events, EV_SIP_FRAGMENTED, STR_NONE, STR_NONE,
		"a request of %zu bytes to %.*s goes in fragments: %s", bytes, STR_ARG(buf_str(&b)),
		why);
}

static bool takes_tcp(struct tx_layer *l, const struct tx_request *r)
{
	return r->tcp || transport_takes_tcp(l->transport, &r->flow.remote);
}

bool large_goes_by_tcp(
	struct tx_layer *l, const struct tx_request *r, size_t bytes, struct flow *out)
{
	if (r->flow.proto != TP_UDP || bytes <= TX_DATAGRAM_MAX)
		return false;
	if (!r->fixed && takes_tcp(l, r) &&
		!transport_route(
			l->transport, TP_TCP, r->tcp ? r->tcp : &r->flow.remote, STR_NONE, out))
		return true;
	note(l, &r->flow, bytes,
		r->fixed ? "it belongs to that flow" : "the other side is not known to take TCP");
	return false;
}

/* The message as it is, with a Via for the other way; the branch stays: it is the same request. */
static void print_again(struct buf *b, const struct tx_client *c)
{
	struct str rest = str_make(c->tx.bytes, c->tx.length), line;

	str_line(&rest, &line);
	buf_add(b, line);
	buf_lit(b, "\r\n");
	client_print_via(b, &c->tx.flow, str_of(c->branch));
	str_line(&rest, &line);
	buf_add(b, rest);
}

bool large_goes_by_udp(struct tx_client *c)
{
	struct tx_layer *l = c->tx.layer;
	struct buf b;

	if (!c->by_udp || c->state != CLIENT_CALLING || c->tx.dead)
		return false;
	c->tx.flow = *c->by_udp;
	free(c->by_udp);
	c->by_udp = NULL;
	tx_stop_timers(&c->tx);
	buf_init(&b, l->scratch, TX_MESSAGE_MAX);
	print_again(&b, c);
	if (!buf_ok(&b))
		return false;
	tx_set_bytes(&c->tx, buf_str(&b));
	if (tx_transmit(&c->tx))
		return false;
	note(l, &c->tx.flow, c->tx.length, "TCP failed");
	client_started(c);
	return true;
}
