/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Server transactions: what both kinds share, and the non-INVITE machine (RFC 3261 17.2.2).
 *
 *   TRYING --1xx--> PROCEEDING --final--> gone; its answer is kept for copies (answered.h: timer J)
 */
#include <stdlib.h>

#include "transaction/tx_int.h"

/* Method, Call-ID, From tag and CSeq of a request that came over another path (8.2.2.2). */
static uint64_t merge_hash(const struct sip_msg *m)
{
	return hash_mix(hash_mix(hash_str(m->call_id), hash_str(m->from.tag)),
		(uint64_t)m->cseq.number << 8 | m->method);
}

static bool is_merged(struct tx_layer *l, const struct sip_msg *m, uint64_t hash)
{
	for (struct hash_node *n = hash_find(&l->merged, hash); n; n = hash_next(n)) {
		const struct sip_msg *other = container_of(n, struct tx_server, by_merge)->req;

		if (other && str_eq(other->call_id, m->call_id) &&
			str_eq(other->from.tag, m->from.tag) &&
			other->cseq.number == m->cseq.number &&
			str_eq(other->method_name, m->method_name))
			return true;
	}
	return false;
}

static enum err refuse(struct tx_layer *l, struct sip_msg *req, const struct flow *flow,
	unsigned status, struct str reason)
{
	const struct sip_extra later = { .id = SIP_HDR_RETRY_AFTER, .value = STR("10") };
	const struct sip_reply r = {
		.status = status, .reason = reason, .extra = &later, .extra_count = status == 503
	};

	tx_reply_stateless(l, req, flow, &r);
	return status == 503 ? ERR_LIMIT : ERR_EXISTS;
}

enum err tx_server_new(struct tx_layer *l, struct sip_msg *req, const struct flow *flow,
	const struct tx_server_handlers *h, void *arg, struct tx_server **out)
{
	char text[TX_KEY_MAX];
	struct buf key = BUF_OF(text), tag;
	uint64_t merge = merge_hash(req);
	struct tx_server *s;
	enum err e = ERR_OK;

	if (l->servers.count >= l->max || !tx_server_key(&key, req, req->method_name))
		return refuse(l, req, flow, 503, STR("Too many transactions"));
	if (!req->to.tag.p && is_merged(l, req, merge))
		return refuse(l, req, flow, 482, STR("Merged Request"));
	s = mem_zero(sizeof(*s) + key.n);
	s->key_n = (uint16_t)key.n;
	memcpy(s->key, text, key.n);
	s->invite = req->method == SIP_INVITE;
	tx_init(&s->tx, l, flow, true, s->invite, server_on_retransmit, server_on_timeout);
	s->req = sip_msg_ref(req);
	s->handlers = h;
	s->arg = arg;
	buf_init(&tag, s->tag, sizeof(s->tag) - 1);
	worker_token(l->worker, &tag);
	hash_add(&l->servers, &s->by_key, hash_str(buf_str(&key)));
	s->mergeable = !req->to.tag.p;
	if (s->mergeable)
		hash_add(&l->merged, &s->by_merge, merge);
	if (s->invite) {
		const struct sip_reply trying = { .status = 100 };

		e = tx_server_reply(s, &trying);
	}
	if (e) { /* so large that no answer has room: as if it had not been accepted */
		s->handlers = NULL;
		server_end(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

static void set_state(struct tx_server *s, enum tx_server_state state)
{
	BUG_ON(state < s->state);
	s->state = state;
}

/* A response that the transaction may have to send again. */
static enum err send_kept(struct tx_server *s, struct str bytes)
{
	enum err e;

	tx_set_bytes(&s->tx, bytes);
	e = tx_transmit(&s->tx);
	if (s->invite)
		invite_server_sent(s);
	else
		set_state(s, SERVER_PROCEEDING);
	return e;
}

/* The final response to another request: what is left to do is not worth a transaction. */
static enum err send_last(struct tx_server *s, struct str bytes)
{
	struct tx_layer *l = s->tx.layer;
	enum err e = transport_send(l->transport, &s->tx.flow, bytes, 0);

	if (e)
		return e;
	if (!tx_reliable(&s->tx)) /* timer J */
		tx_keep_answer(l, s->by_key.hash, &s->tx.flow, bytes);
	server_end(s);
	return ERR_OK;
}

enum err tx_server_reply(struct tx_server *s, const struct sip_reply *reply)
{
	struct tx_layer *l = s->tx.layer;
	struct sip_reply r = *reply;
	char ip[ADDR_TEXT_MAX];
	struct buf b, ipb = BUF_OF(ip);
	enum err e;

	if (s->status >= 200 || s->tx.dead)
		return ERR_STATE;
	if (r.status != 100 && !r.to_tag.n)
		r.to_tag = str_of(s->tag);
	addr_print_ip(&ipb, &s->tx.flow.remote);
	buf_init(&b, l->scratch, TX_MESSAGE_MAX);
	sip_print_reply(&b, s->req, buf_str(&ipb), addr_port(&s->tx.flow.remote), &r);
	if (!buf_ok(&b))
		return ERR_LIMIT;
	if (r.status != 100)
		s->status = r.status;
	e = s->invite || s->status < 200 ? send_kept(s, buf_str(&b)) : send_last(s, buf_str(&b));
	if (e && r.status >= 200)
		server_fail(s, e);
	return ERR_OK;
}

void tx_server_repeat(struct tx_server *s)
{
	if (s->tx.bytes && tx_transmit(&s->tx))
		server_fail(s, ERR_NETWORK);
}

void server_on_repeat(struct tx_server *s)
{
	bool answers = s->state == SERVER_PROCEEDING || s->state == SERVER_COMPLETED ||
		(s->invite && s->state == SERVER_TRYING);

	if (answers)
		tx_server_repeat(s);
}

void server_on_retransmit(struct timer *t)
{
	invite_server_on_retransmit(
		container_of(container_of(t, struct tx, retransmit), struct tx_server, tx));
}

void server_on_timeout(struct timer *t)
{
	struct tx_server *s =
		container_of(container_of(t, struct tx, timeout), struct tx_server, tx);

	invite_server_on_timeout(s); /* the other machine has no timers of its own */
}

/* ---- end ---- */

static void free_server(struct deferred *d)
{
	struct tx_server *s =
		container_of(container_of(d, struct tx, deferred), struct tx_server, tx);

	if (s->handlers && s->handlers->on_done)
		s->handlers->on_done(s->arg, s);
	sip_msg_unref(s->req);
	free(s->tx.bytes);
	free(s);
}

void server_end(struct tx_server *s)
{
	struct tx_layer *l = s->tx.layer;

	if (s->tx.dead)
		return;
	s->tx.dead = true;
	tx_stop_timers(&s->tx);
	hash_del(&l->servers, &s->by_key);
	if (s->tx.id)
		hash_del(&l->ids, &s->tx.by_id);
	if (s->mergeable)
		hash_del(&l->merged, &s->by_merge);
	worker_defer(l->worker, &s->tx.deferred, free_server);
}

void server_fail(struct tx_server *s, enum err why)
{
	if (s->tx.dead || s->status < 200) /* a lost provisional is no harm */
		return;
	if (s->handlers && s->handlers->on_failed)
		s->handlers->on_failed(s->arg, s, why);
	server_end(s);
}

void tx_server_acknowledged(struct tx_server *s)
{
	if (s->state != SERVER_ACCEPTED)
		return;
	sip_msg_unref(s->req);
	s->req = NULL;
	free(s->tx.bytes);
	s->tx.bytes = NULL;
}

void tx_server_detach(struct tx_server *s)
{
	const struct sip_reply gone = { .status = 500, .reason = STR("Request abandoned") };

	s->handlers = NULL;
	if (!s->tx.dead && s->status < 200 && tx_server_reply(s, &gone))
		server_end(s);
}

const struct flow *tx_server_flow(const struct tx_server *s)
{
	return &s->tx.flow;
}

struct str tx_server_tag(const struct tx_server *s)
{
	return str_of(s->tag);
}

unsigned tx_server_status(const struct tx_server *s)
{
	return s->status;
}

bool tx_server_final(const struct tx_server *s)
{
	return s->status >= 200;
}
