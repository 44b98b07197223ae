/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client transactions: what both kinds share, and the non-INVITE machine (RFC 3261 17.1.2).
 *
 *   CALLING --1xx--> PROCEEDING --final--> COMPLETED --timer K--> gone
 *      timer E: once more        timer F: the user is told
 */
#include <stdlib.h>

#include "transaction/tx_int.h"

void client_print_via(struct buf *b, const struct flow *flow, struct str branch)
{
	buf_lit(b, "Via: SIP/2.0/");
	buf_add(b, tp_proto_via(flow->proto));
	buf_char(b, ' ');
	addr_print(b, &flow->local);
	buf_lit(b, ";branch=");
	buf_add(b, branch);
	if (tp_proto_reliable(flow->proto))
		buf_lit(b, ";alias"); /* RFC 5923: requests back to us may take the connection */
	buf_lit(b, ";rport\r\n");
}

static void print_request(
	struct buf *b, const struct tx_request *r, struct str method, struct str branch)
{
	sip_print_request_line(b, method, r->uri);
	client_print_via(b, &r->flow, branch);
	buf_add(b, r->rest);
}

static struct str method_of(const struct tx_request *r)
{
	return r->method == SIP_UNKNOWN ? r->method_name : sip_method_name(r->method);
}

static struct str new_branch(struct tx_layer *l, char *out, size_t max)
{
	struct buf b = { .p = out, .max = max - 1 };

	buf_add(&b, SIP_BRANCH_COOKIE);
	worker_token(l->worker, &b);
	out[b.n] = '\0';
	return buf_str(&b);
}

/* A branch and a transaction for it; the bytes are not sent yet. */
static struct tx_client *make_client(struct tx_layer *l, const struct flow *flow,
	enum sip_method method, struct str branch, const struct tx_client_handlers *h, void *arg)
{
	struct tx_client *c = mem_new(struct tx_client);

	tx_init(&c->tx, l, flow, false, true, client_on_retransmit, client_on_timeout);
	c->method = method;
	c->handlers = h;
	c->arg = arg;
	BUG_ON(str_copy(branch, c->branch, sizeof(c->branch)) != ERR_OK);
	hash_add(&l->clients, &c->by_branch, hash_mix(hash_str(branch), method));
	return c;
}

static enum err send_first(struct tx_client *c, struct str bytes)
{
	enum err e;

	tx_set_bytes(&c->tx, bytes);
	e = tx_transmit(&c->tx);
	if (!e) {
		client_started(c);
	} else if (large_goes_by_udp(c)) {
		e = ERR_OK;
	} else {
		c->handlers = NULL;
		client_end(c);
	}
	return e;
}

enum err tx_client_new(struct tx_layer *l, const struct tx_request *r,
	const struct tx_client_handlers *h, void *arg, struct tx_client **out)
{
	char branch[TX_TOKEN_MAX + 8];
	struct tx_request by_tcp = *r;
	struct tx_client *c;
	struct buf b;

	BUG_ON(r->method == SIP_ACK || r->method == SIP_CANCEL);
	if (l->clients.count >= l->max)
		return ERR_LIMIT;
	new_branch(l, branch, sizeof(branch));
	buf_init(&b, l->scratch, TX_MESSAGE_MAX);
	print_request(&b, r, method_of(r), str_of(branch));
	if (!buf_ok(&b))
		return ERR_LIMIT;
	if (large_goes_by_tcp(l, r, b.n, &by_tcp.flow)) {
		buf_init(&b, l->scratch, TX_MESSAGE_MAX);
		print_request(&b, &by_tcp, method_of(r), str_of(branch));
		c = make_client(l, &by_tcp.flow, r->method, str_of(branch), h, arg);
		c->by_udp = mem_new(struct flow);
		*c->by_udp = r->flow;
	} else {
		c = make_client(l, &r->flow, r->method, str_of(branch), h, arg);
	}
	*out = c;
	return send_first(c, buf_str(&b));
}

enum err tx_send_ack(struct tx_layer *l, const struct tx_request *r)
{
	char branch[TX_TOKEN_MAX + 8];
	struct buf b;

	new_branch(l, branch, sizeof(branch));
	buf_init(&b, l->scratch, TX_MESSAGE_MAX);
	print_request(&b, r, STR("ACK"), str_of(branch));
	return buf_ok(&b) ? transport_send(l->transport, &r->flow, buf_str(&b), 0) : ERR_LIMIT;
}

void client_started(struct tx_client *c)
{
	struct tx_layer *l = c->tx.layer;

	if (c->method == SIP_INVITE) {
		invite_client_started(c);
		return;
	}
	tx_start_timeout(&c->tx, tx_64_t1(l)); /* F */
	if (!tx_reliable(&c->tx))
		tx_start_retransmit(&c->tx, l->timing.t1_ms); /* E */
}

void client_on_retransmit(struct timer *t)
{
	struct tx_client *c =
		container_of(container_of(t, struct tx, retransmit), struct tx_client, tx);
	/* A doubles without end, E up to T2 */
	unsigned cap = c->method == SIP_INVITE ? UINT32_MAX / 2 : c->tx.layer->timing.t2_ms;

	tx_retransmit(&c->tx, cap);
}

void client_on_timeout(struct timer *t)
{
	struct tx_client *c =
		container_of(container_of(t, struct tx, timeout), struct tx_client, tx);

	if (c->method == SIP_INVITE)
		invite_client_on_timeout(c);
	else if (c->state == CLIENT_COMPLETED)
		client_end(c); /* K */
	else
		client_fail(c, ERR_TIMEOUT); /* F */
}

void client_tell(struct tx_client *c, struct sip_msg *rsp, const struct flow *flow)
{
	if (c->handlers && c->handlers->on_response)
		c->handlers->on_response(c->arg, c, rsp, c->by_udp ? c->by_udp : flow);
}

void client_on_response(struct tx_client *c, struct sip_msg *rsp, const struct flow *flow)
{
	struct tx_layer *l = c->tx.layer;

	if (c->method == SIP_INVITE) {
		invite_client_on_response(c, rsp, flow);
		return;
	}
	if (c->state == CLIENT_COMPLETED)
		return; /* a copy */
	if (rsp->status < 200) {
		c->state = CLIENT_PROCEEDING;
		if (timer_armed(&c->tx.retransmit))
			tx_start_retransmit(&c->tx, l->timing.t2_ms);
	} else {
		c->state = CLIENT_COMPLETED;
		tx_stop_timers(&c->tx);
		tx_start_timeout(&c->tx, tx_reliable(&c->tx) ? 0 : l->timing.t4_ms); /* K */
	}
	client_tell(c, rsp, flow);
}

/* ---- end ---- */

static void free_client(struct deferred *d)
{
	struct tx_client *c =
		container_of(container_of(d, struct tx, deferred), struct tx_client, tx);

	if (c->handlers && c->handlers->on_done)
		c->handlers->on_done(c->arg, c);
	free((char *)c->cancel_reason.p);
	free(c->by_udp);
	free(c->tx.bytes);
	free(c);
}

void client_end(struct tx_client *c)
{
	struct tx_layer *l = c->tx.layer;

	if (c->tx.dead)
		return;
	c->tx.dead = true;
	tx_stop_timers(&c->tx);
	hash_del(&l->clients, &c->by_branch);
	hash_del(&l->ids, &c->tx.by_id);
	worker_defer(l->worker, &c->tx.deferred, free_client);
}

void client_fail(struct tx_client *c, enum err why)
{
	bool waiting = c->state == CLIENT_CALLING || c->state == CLIENT_PROCEEDING;

	if (c->tx.dead)
		return;
	if (waiting && c->handlers && c->handlers->on_failed)
		c->handlers->on_failed(c->arg, c, why);
	client_end(c);
}

void tx_client_detach(struct tx_client *c)
{
	c->handlers = NULL;
}

void tx_client_abandon(struct tx_client *c)
{
	c->handlers = NULL;
	client_end(c);
}

struct str tx_client_branch(const struct tx_client *c)
{
	return str_of(c->branch);
}

const struct flow *tx_client_flow(const struct tx_client *c)
{
	return &c->tx.flow;
}

/* ---- CANCEL (9.1): same branch, same CSeq number, a transaction of its own ---- */

static void print_cancel(struct buf *b, const struct tx_client *c, const struct sip_msg *invite)
{
	sip_print_request_line(b, STR("CANCEL"), invite->request_uri);
	client_print_via(b, &c->tx.flow, str_of(c->branch));
	sip_print_copy(b, invite, SIP_HDR_ROUTE);
	sip_print_hdr_u32(b, SIP_HDR_MAX_FORWARDS, 70);
	sip_print_copy(b, invite, SIP_HDR_FROM);
	sip_print_copy(b, invite, SIP_HDR_TO);
	sip_print_copy(b, invite, SIP_HDR_CALL_ID);
	sip_print_hdr_fmt(b, SIP_HDR_CSEQ, "%u CANCEL", invite->cseq.number);
	if (c->cancel_reason.n)
		sip_print_hdr(b, SIP_HDR_REASON, c->cancel_reason);
	sip_print_body(b, STR_NONE, STR_NONE);
}

static void send_cancel(struct tx_client *c)
{
	struct tx_layer *l = c->tx.layer;
	struct sip_msg *invite;
	struct sip_fault fault;
	struct buf b;

	c->cancel_sent = true;
	tx_start_timeout(&c->tx, tx_64_t1(l)); /* 9.1: then as if there were no answer */
	BUG_ON(sip_msg_parse(str_make(c->tx.bytes, c->tx.length), &invite, &fault) != ERR_OK);
	buf_init(&b, l->scratch, TX_MESSAGE_MAX);
	print_cancel(&b, c, invite);
	sip_msg_unref(invite);
	if (buf_ok(&b) && l->clients.count < l->max &&
		send_first(make_client(l, &c->tx.flow, SIP_CANCEL, str_of(c->branch), NULL, NULL),
			buf_str(&b)))
		client_fail(c, ERR_NETWORK);
}

void tx_client_cancel(struct tx_client *c, struct str reason)
{
	BUG_ON(c->method != SIP_INVITE);
	if (c->tx.dead || c->cancel_wanted)
		return;
	c->cancel_wanted = true;
	c->cancel_reason = str_make(str_dup(reason), reason.n);
	if (c->state == CLIENT_PROCEEDING)
		send_cancel(c);
}

void client_cancel_if_wanted(struct tx_client *c)
{
	if (c->cancel_wanted && !c->cancel_sent)
		send_cancel(c);
}
