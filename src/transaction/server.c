/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Server transactions: what both kinds share, and the non-INVITE machine (RFC 3261 17.2.2).
 *
 *   TRYING --1xx--> PROCEEDING --final--> COMPLETED --timer J--> gone
 */
#include <stdlib.h>

#include "transaction/tx_int.h"

static struct str dup_buf(const struct buf *b)
{
	return str_make(str_dup(buf_str(b)), b->n);
}

/* Call-ID, From tag and CSeq of a request that came over another path (8.2.2.2). */
static bool merge_key(struct buf *b, const struct sip_msg *m)
{
	if (m->to.tag.p)
		return false;
	buf_add(b, m->method_name);
	buf_char(b, '\n');
	buf_add(b, m->call_id);
	buf_char(b, '\n');
	buf_add(b, m->from.tag);
	buf_char(b, '\n');
	buf_u64(b, m->cseq.number);
	return buf_ok(b);
}

static bool is_merged(struct tx_layer *l, struct str key)
{
	for (struct hash_node *n = hash_find(&l->merged, hash_str(key)); n; n = hash_next(n))
		if (str_eq(container_of(n, struct tx_server, by_merge)->merge, key))
			return true;
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

static void index_server(struct tx_server *s, const struct buf *key, const struct buf *merge)
{
	struct tx_layer *l = s->tx.layer;

	s->key = dup_buf(key);
	hash_add(&l->servers, &s->by_key, hash_str(s->key));
	if (merge->n) {
		s->merge = dup_buf(merge);
		hash_add(&l->merged, &s->by_merge, hash_str(s->merge));
	}
}

/*
 * At the limit those make room that were answered longest ago: all they still do is to absorb
 * copies of their request, and those come early or not at all.
 */
static bool make_room(struct tx_layer *l)
{
	struct list *oldest;

	if (l->servers.count < l->max)
		return true;
	oldest = list_first(&l->answered);
	if (!oldest)
		return false;
	server_end(container_of(oldest, struct tx_server, answered));
	return true;
}

enum err tx_server_new(struct tx_layer *l, struct sip_msg *req, const struct flow *flow,
	const struct tx_server_handlers *h, void *arg, struct tx_server **out)
{
	char key_text[TX_KEY_MAX], merge_text[TX_KEY_MAX];
	struct buf key = BUF_OF(key_text), merge = BUF_OF(merge_text);
	struct buf tag;
	struct tx_server *s;
	enum err e = ERR_OK;

	if (!make_room(l) || !tx_server_key(&key, req, req->method_name))
		return refuse(l, req, flow, 503, STR("Too many transactions"));
	if (!merge_key(&merge, req))
		merge.n = 0;
	else if (is_merged(l, buf_str(&merge)))
		return refuse(l, req, flow, 482, STR("Merged Request"));
	s = mem_new(struct tx_server);
	tx_init(&s->tx, l, flow, true, server_on_retransmit, server_on_timeout);
	list_init(&s->answered);
	s->invite = req->method == SIP_INVITE;
	s->req = sip_msg_ref(req);
	s->handlers = h;
	s->arg = arg;
	buf_init(&tag, s->tag, sizeof(s->tag) - 1);
	worker_token(l->worker, &tag);
	index_server(s, &key, &merge);
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
	tx_set_bytes(&s->tx, buf_str(&b));
	if (r.status != 100)
		s->status = r.status;
	e = tx_transmit(&s->tx);
	server_sent(s);
	if (e && r.status >= 200)
		tx_layer_on_send_failed(l, s->tx.id, e);
	return ERR_OK;
}

void server_sent(struct tx_server *s)
{
	if (s->invite) {
		invite_server_sent(s);
		return;
	}
	if (s->status < 200) {
		set_state(s, SERVER_PROCEEDING);
		return;
	}
	set_state(s, SERVER_COMPLETED);
	/* copies of the request get the same bytes: the request itself is not needed any more */
	list_append(&s->tx.layer->answered, &s->answered);
	sip_msg_unref(s->req);
	s->req = NULL;
	/* timer J */
	tx_start_timeout(&s->tx, tx_reliable(&s->tx) ? 0 : tx_64_t1(s->tx.layer));
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

	if (s->invite)
		invite_server_on_timeout(s);
	else
		server_end(s);
}

/* ---- end ---- */

static void free_server(struct deferred *d)
{
	struct tx_server *s =
		container_of(container_of(d, struct tx, deferred), struct tx_server, tx);

	if (s->handlers && s->handlers->on_done)
		s->handlers->on_done(s->arg, s);
	sip_msg_unref(s->req);
	free((char *)s->key.p);
	free((char *)s->merge.p);
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
	list_del(&s->answered);
	hash_del(&l->servers, &s->by_key);
	hash_del(&l->ids, &s->tx.by_id);
	if (s->merge.n)
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

void tx_server_detach(struct tx_server *s)
{
	const struct sip_reply gone = { .status = 500, .reason = STR("Request abandoned") };

	s->handlers = NULL;
	if (!s->tx.dead && s->status < 200 && tx_server_reply(s, &gone))
		server_end(s);
}

struct sip_msg *tx_server_request(const struct tx_server *s)
{
	return s->req;
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
