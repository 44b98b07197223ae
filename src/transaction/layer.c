/* SPDX-License-Identifier: BSD-3-Clause */
/* Matching messages to transactions (RFC 3261 17.1.3, 17.2.3), and answers without one. */
#include <stdlib.h>

#include "transaction/tx_int.h"

enum { FORGET_MS = 4000 };

/* Most of it is done as new answers come; this is for when none do. */
static void on_forget(struct timer *t)
{
	struct tx_layer *l = container_of(t, struct tx_layer, forget);

	answered_expire(&l->answered, l->worker->clock.mono_ms);
	if (!answered_empty(&l->answered))
		timer_start(&l->worker->wheel, t, FORGET_MS);
}

struct tx_layer *tx_layer_new(struct worker *w, struct transport *t, const struct tx_timing *timing,
	const struct tx_layer_handlers *h, void *arg)
{
	struct tx_layer *l = mem_new(struct tx_layer);

	*l = (struct tx_layer){ .worker = w,
		.transport = t,
		.timing = *timing,
		.handlers = *h,
		.arg = arg,
		.scratch = mem_alloc(TX_MESSAGE_MAX) };
	hash_init(&l->servers, 256);
	hash_init(&l->merged, 256);
	hash_init(&l->clients, 256);
	hash_init(&l->ids, 256);
	fair_init(&l->fair, &w->rng, TX_SHARE_GROWTH);
	answered_init(&l->answered, TX_ANSWERED_MAX, 64 * timing->t1_ms); /* J */
	timer_init(&l->forget, on_forget);
	l->max = TX_MAX;
	return l;
}

static void end_server(struct hash_node *n, void *arg)
{
	(void)arg;
	server_end(container_of(n, struct tx_server, by_key));
}

static void end_client(struct hash_node *n, void *arg)
{
	(void)arg;
	client_end(container_of(n, struct tx_client, by_branch));
}

void tx_layer_free(struct tx_layer *l)
{
	hash_each(&l->servers, end_server, NULL);
	hash_each(&l->clients, end_client, NULL);
	worker_end_turn(l->worker);
	timer_stop(&l->worker->wheel, &l->forget);
	answered_fini(&l->answered);
	hash_fini(&l->servers);
	hash_fini(&l->merged);
	hash_fini(&l->clients);
	hash_fini(&l->ids);
	free(l->scratch);
	free(l);
}

struct tx_counts tx_layer_counts(const struct tx_layer *l)
{
	return (struct tx_counts){ .servers = l->servers.count, .clients = l->clients.count };
}

/* ---- what both sides have ---- */

void tx_init(struct tx *tx, struct tx_layer *l, const struct flow *flow, bool server, bool failures,
	void (*on_retransmit)(struct timer *), void (*on_timeout)(struct timer *))
{
	tx->layer = l;
	tx->server = server;
	tx->flow = *flow;
	tx->id = failures ? ++l->next_id : 0;
	if (tx->id)
		hash_add(&l->ids, &tx->by_id, hash_mix(tx->id, 0));
	timer_init(&tx->retransmit, on_retransmit);
	timer_init(&tx->timeout, on_timeout);
}

void tx_set_bytes(struct tx *tx, struct str bytes)
{
	free(tx->bytes);
	tx->bytes = bytes.n ? str_dup(bytes) : NULL;
	tx->length = bytes.n;
}

enum err tx_transmit(struct tx *tx)
{
	return transport_send(
		tx->layer->transport, &tx->flow, str_make(tx->bytes, tx->length), tx->id);
}

void tx_start_timeout(struct tx *tx, unsigned ms)
{
	timer_start(&tx->layer->worker->wheel, &tx->timeout, ms);
}

void tx_start_retransmit(struct tx *tx, unsigned ms)
{
	tx->interval_ms = ms;
	timer_start(&tx->layer->worker->wheel, &tx->retransmit, ms);
}

void tx_retransmit(struct tx *tx, unsigned cap_ms)
{
	unsigned next = 2 * tx->interval_ms;

	tx_start_retransmit(tx, next > cap_ms ? cap_ms : next);
	if (tx_transmit(tx)) { /* the next repetition or the time-out decides */
		return;
	}
}

void tx_stop_timers(struct tx *tx)
{
	timer_stop(&tx->layer->worker->wheel, &tx->retransmit);
	timer_stop(&tx->layer->worker->wheel, &tx->timeout);
}

unsigned tx_64_t1(const struct tx_layer *l)
{
	return 64 * l->timing.t1_ms;
}

/* ---- keys ---- */

static void key_piece(struct buf *b, struct str s)
{
	buf_add(b, s);
	buf_char(b, '\n'); /* stands in none of the pieces */
}

bool tx_server_key(struct buf *b, const struct sip_msg *m, struct str method)
{
	const struct sip_via *via = &m->via;

	key_piece(b, method);
	if (str_starts(via->branch, SIP_BRANCH_COOKIE)) {
		key_piece(b, via->branch);
		key_piece(b, via->host);
		buf_u64(b, via->port);
	} else { /* RFC 2543: no branch to rely on */
		key_piece(b, m->request_uri);
		key_piece(b, m->from.tag);
		key_piece(b, m->call_id);
		buf_u64(b, m->cseq.number);
		buf_char(b, '\n');
		key_piece(b, via->text);
	}
	return buf_ok(b);
}

struct tx_server *tx_find_server(struct tx_layer *l, struct str key, uint64_t hash)
{
	for (struct hash_node *n = hash_find(&l->servers, hash); n; n = hash_next(n)) {
		struct tx_server *s = container_of(n, struct tx_server, by_key);

		if (str_eq(str_make(s->key, s->key_n), key))
			return s;
	}
	return NULL;
}

static struct tx_server *find_invite(struct tx_layer *l, const struct sip_msg *m)
{
	char text[TX_KEY_MAX];
	struct buf b = BUF_OF(text);

	if (!tx_server_key(&b, m, STR("INVITE")))
		return NULL;
	return tx_find_server(l, buf_str(&b), hash_str(buf_str(&b)));
}

/* The answer has the request's Via and Call-ID in it. */
static bool answers(const struct answer *a, const struct sip_msg *m)
{
	struct str text = str_make(a->bytes, a->length);

	return str_find_str(text, m->via.branch) < text.n &&
		str_find_str(text, m->call_id) < text.n;
}

static const struct answer *find_answer(struct tx_layer *l, const struct sip_msg *m, uint64_t hash)
{
	uint64_t now = l->worker->clock.mono_ms;
	const struct answer *a = answered_find(&l->answered, hash, now);

	while (a && !answers(a, m))
		a = answered_next(&l->answered, a, now);
	return a;
}

void tx_keep_answer(struct tx_layer *l, uint64_t hash, const struct flow *flow, struct str bytes)
{
	answered_put(&l->answered, hash, flow, bytes, l->worker->clock.mono_ms);
	if (!timer_armed(&l->forget))
		timer_start(&l->worker->wheel, &l->forget, FORGET_MS);
}

static struct tx_client *find_client(struct tx_layer *l, struct str branch, enum sip_method method)
{
	uint64_t h = hash_mix(hash_str(branch), method);

	for (struct hash_node *n = hash_find(&l->clients, h); n; n = hash_next(n)) {
		struct tx_client *c = container_of(n, struct tx_client, by_branch);

		if (c->method == method && str_eq(str_of(c->branch), branch))
			return c;
	}
	return NULL;
}

/* ---- messages ---- */

static void on_cancel(struct tx_layer *l, struct sip_msg *cancel, const struct flow *flow)
{
	struct tx_server *s = find_invite(l, cancel);
	struct sip_reply reply = { .status = s ? 200 : 481 };

	if (s)
		reply.to_tag = str_of(s->tag);
	else
		reply.reason = STR("No INVITE to cancel");
	tx_reply_stateless(l, cancel, flow, &reply);
	if (!s || s->cancelled || s->status >= 200)
		return;
	s->cancelled = true;
	if (s->handlers && s->handlers->on_cancel)
		s->handlers->on_cancel(s->arg, s, cancel);
}

static void on_ack(struct tx_layer *l, struct sip_msg *ack, const struct flow *flow)
{
	struct tx_server *s = find_invite(l, ack);

	if (s && s->status >= 300)
		invite_server_on_ack(s, ack);
	else
		l->handlers.on_ack(l->arg, ack, flow);
}

/* Whether it is a copy of one that we have or had. */
static bool absorbed(struct tx_layer *l, const struct sip_msg *m)
{
	char text[TX_KEY_MAX];
	struct buf key = BUF_OF(text);
	const struct answer *a;
	struct tx_server *s;
	uint64_t hash;

	if (!tx_server_key(&key, m, m->method_name))
		return false;
	hash = hash_str(buf_str(&key));
	s = tx_find_server(l, buf_str(&key), hash);
	if (s) {
		server_on_repeat(s);
		return true;
	}
	a = m->method == SIP_INVITE ? NULL : find_answer(l, m, hash);
	if (!a)
		return false;
	if (transport_send(l->transport, &a->flow, str_make(a->bytes, a->length), 0))
		event_note(l->worker->events, EV_SIP_SEND_FAILED, STR_NONE, STR_NONE,
			"an answer could not be sent again");
	return true;
}

static void on_request(struct tx_layer *l, struct sip_msg *m, const struct flow *flow)
{
	if (m->method == SIP_ACK)
		on_ack(l, m, flow);
	else if (m->method == SIP_CANCEL)
		on_cancel(l, m, flow);
	else if (!absorbed(l, m) && tx_admit(l, m, flow))
		l->handlers.on_request(l->arg, m, flow);
}

static void on_response(struct tx_layer *l, struct sip_msg *m, const struct flow *flow)
{
	struct tx_client *c = find_client(l, m->via.branch, m->cseq.method);

	if (c)
		client_on_response(c, m, flow);
	else if (m->method == SIP_INVITE && m->status >= 200 && m->status < 300 &&
		l->handlers.on_stray_2xx)
		l->handlers.on_stray_2xx(l->arg, m, flow);
}

void tx_layer_on_message(struct tx_layer *l, struct sip_msg *m, const struct flow *flow)
{
	if (m->is_request)
		on_request(l, m, flow);
	else
		on_response(l, m, flow);
}

void tx_layer_on_send_failed(struct tx_layer *l, uint64_t id, enum err why)
{
	struct hash_node *n = hash_find(&l->ids, hash_mix(id, 0));

	for (; n; n = hash_next(n)) {
		struct tx *tx = container_of(n, struct tx, by_id);

		if (tx->id != id)
			continue;
		if (tx->server)
			server_fail(container_of(tx, struct tx_server, tx), why);
		else if (!large_goes_by_udp(container_of(tx, struct tx_client, tx)))
			client_fail(container_of(tx, struct tx_client, tx), why);
		return;
	}
}

/* Whoever answered is there: then it is not that request which was lost. */
bool tx_layer_on_unreachable(
	struct tx_layer *l, const struct addr *remote, struct str method, struct str branch)
{
	struct tx_client *c = find_client(l, branch, sip_method_parse(method));

	if (!c || c->state != CLIENT_CALLING || c->tx.flow.proto != TP_UDP ||
		!addr_eq(&c->tx.flow.remote, remote))
		return false;
	client_fail(c, ERR_NETWORK);
	return true;
}

/* ---- answers without a transaction ---- */

/*
 * A token of ours (owner and 16 characters) made of the request instead of chance, so that
 * repetitions get the same one.
 */
static void derived_tag(struct tx_layer *l, const struct sip_msg *req, char out[TX_TOKEN_MAX])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	char text[TX_KEY_MAX];
	struct buf b = BUF_OF(text), to = { .p = out, .max = TX_TOKEN_MAX - 1 };
	uint64_t h;

	tx_server_key(&b, req, STR("INVITE")); /* the same for INVITE and CANCEL */
	h = hash_str(buf_str(&b));
	buf_char(&to, digits[l->worker->id / 36]);
	buf_char(&to, digits[l->worker->id % 36]);
	for (int i = 0; i < 16; i++) {
		buf_char(&to, digits[h % 36]);
		h = i == 7 ? hash_mix(hash_str(req->call_id), h) : h / 36;
	}
	out[to.n] = '\0';
}

void tx_reply_stateless(struct tx_layer *l, const struct sip_msg *req, const struct flow *flow,
	const struct sip_reply *reply)
{
	char tag[TX_TOKEN_MAX], ip[ADDR_TEXT_MAX];
	struct sip_reply r = *reply;
	struct buf b, ipb = BUF_OF(ip);

	if (req->method == SIP_ACK)
		return;
	if (!r.to_tag.n && r.status != 100) {
		derived_tag(l, req, tag);
		r.to_tag = str_of(tag);
	}
	addr_print_ip(&ipb, &flow->remote);
	buf_init(&b, l->scratch, TX_MESSAGE_MAX);
	sip_print_reply(&b, req, buf_str(&ipb), addr_port(&flow->remote), &r);
	if (!buf_ok(&b) || transport_send(l->transport, flow, buf_str(&b), 0))
		event_note(l->worker->events, EV_SIP_SEND_FAILED, STR_NONE, STR_NONE,
			"an answer %u could not be sent", r.status);
}
