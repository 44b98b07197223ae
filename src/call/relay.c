/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request within a dialog on its way to the other side, and its answer on the way back; or a
 * request of our own (BYE, a session refresh).
 *
 * An INVITE's relay lives on after its 2xx: the 2xx is repeated until the sender's ACK is there
 * (RFC 3261 13.3.1.4). The other side gets its ACK at once, or with the answer when the offer was
 * in the 2xx; and again whenever it repeats its 2xx, for 64*T1.
 */
#include "call/model.h"

#include <stdlib.h>

#include "sip/print.h"

static void on_timer(struct timer *t);

/* from == NULL: our own. */
struct relay *relay_new(struct leg *from, struct leg *to, enum sip_method m, struct str name)
{
	struct call *c = to->call;
	struct relay *r = mem_new(struct relay);

	arena_init(&r->arena, 48);
	r->call = c;
	r->from = from;
	r->to = to;
	r->method = m;
	r->name = arena_str(&r->arena, name);
	timer_init(&r->timer, on_timer);
	list_append(&c->relays, &r->link);
	if (m == SIP_INVITE) {
		to->invite = r;
		if (from)
			from->invite = r;
	}
	return r;
}

static void free_now(struct deferred *d)
{
	struct relay *r = container_of(d, struct relay, deferred);

	if (r->out && r->out_done)
		uac_free(r->out);
	else if (r->out)
		uac_detach(r->out);
	sip_msg_unref(r->req);
	arena_fini(&r->arena);
	free(r);
}

static void forget_invite(struct relay *r)
{
	if (r->to && r->to->invite == r)
		r->to->invite = NULL;
	if (r->from && r->from->invite == r)
		r->from->invite = NULL;
}

/* Nothing comes of it any more: an unanswered request is answered 500 by its transaction. */
void relay_end(struct relay *r)
{
	struct call *c = r->call;
	bool first = r->borrowed;

	if (r->ended)
		return;
	r->ended = true;
	timer_stop(&call_worker(c)->wheel, &r->timer);
	list_del(&r->link);
	forget_invite(r);
	if (r->in && c->setup && c->setup->tx == r->in)
		r->in = NULL; /* the setup's own */
	if (r->in)
		tx_server_detach(r->in);
	r->in = NULL;
	worker_defer(call_worker(c), &r->deferred, free_now);
	if (first && c->setup)
		setup_free_if_done(c->setup);
	call_forget_if_done(c);
}

/* ---- the request on its way out ---- */

static struct str type_of(const struct relay *r)
{
	if (r->req)
		return fields_type(r->req);
	return r->with_sdp ? STR("application/sdp") : STR_NONE;
}

static struct str body_of(const struct relay *r)
{
	if (r->req)
		return r->body;
	return r->with_sdp ? str_make(r->to->sdp, r->to->sdp_n) : STR_NONE;
}

static void print(void *arg, struct uac *u, struct buf *b, uint32_t cseq, const struct flow *flow)
{
	struct relay *r = arg;
	struct call_layer *l = r->call->layer;
	struct str uri;

	r->cseq = cseq;
	if (cseq > r->to->d.local_cseq)
		r->to->d.local_cseq = cseq;
	dialog_print_request(&r->to->d, b, r->name, cseq, &uri);
	if (!str_empty(r->rack))
		sip_print_hdr(b, SIP_HDR_RACK, r->rack);
	if (!str_empty(r->reason))
		sip_print_hdr(b, SIP_HDR_REASON, r->reason);
	if (r->method == SIP_INVITE || r->method == SIP_UPDATE) {
		sip_print_hdr(b, SIP_HDR_ALLOW, CALL_ALLOW);
		sip_print_hdr(b, SIP_HDR_SUPPORTED, STR("timer"));
		session_print_offer(b, r->to);
	}
	if (r->req)
		fields_print_request(b, r->req);
	sip_print_hdr(b, SIP_HDR_USER_AGENT, l->cfg.user_agent);
	sip_print_body(b, type_of(r), body_of(r));
}

static void on_response(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow);
static void on_failed(void *arg, struct uac *u, enum err why);

static const struct uac_handlers handlers = {
	.on_response = on_response, .on_failed = on_failed, .print = print
};

static enum err send_on(struct relay *r, const struct flow *flow)
{
	struct leg *to = r->to;
	struct digest_credentials cred = { 0 };
	struct uac_request req = { .method = r->method,
		.method_name = r->name,
		.flow = flow,
		.large_by_tcp = to->outside,
		.cseq = to->d.local_cseq + 1,
		.body = body_of(r) };
	char mem[4096], hop[600];
	struct buf b = BUF_OF(mem), hb = BUF_OF(hop);
	struct sip_uri next = { 0 };

	dialog_print_request(&to->d, &b, r->name, req.cseq, &req.uri);
	if (!flow) {
		if (dialog_next_hop(&to->d, &next) != ERR_OK)
			return ERR_NETWORK;
		sip_uri_print(&hb, &next);
		req.next_hop = buf_str(&hb);
	}
	if (credentials_of_leg(to, flow, &next, &cred, &req.realm))
		req.credentials = &cred;
	r->out_done = false;
	r->out = uac_new(&r->call->layer->env.uac, &req, &handlers, r);
	return r->out ? ERR_OK : ERR_LIMIT;
}

enum err relay_send(struct relay *r)
{
	if (r->req) {
		struct media_body body = media_pass(r->from, r->to, r->req);

		r->body = body.mem ? arena_str(&r->arena, body.text) : body.text;
		media_body_free(&body);
	}
	struct flow way = leg_way(r->to);

	return send_on(r, &way);
}

/* ---- the answer on its way back ---- */

static void reply(struct relay *r, struct sip_msg *rsp)
{
	struct sip_extra extra[SIP_MSG_HEADERS_MAX];
	struct media_body body;
	struct sip_reply out = { .status = rsp->status,
		.reason = rsp->reason,
		.extra = extra,
		.content_type = fields_type(rsp) };
	bool target = r->method == SIP_INVITE || r->method == SIP_UPDATE;
	char timer[64];

	if (!r->in)
		return;
	body = media_pass(r->to, r->from, rsp);
	out.body = body.text;
	out.extra_count = fields_of_response(rsp, extra, SIP_MSG_HEADERS_MAX - 8);
	if (target) {
		out.contact = r->from->d.local_contact;
		extra[out.extra_count++] =
			(struct sip_extra){ .id = SIP_HDR_ALLOW, .value = CALL_ALLOW };
	}
	if (target && rsp->status >= 200 && rsp->status < 300)
		out.extra_count += session_answer(
			r->from, r->req, extra + out.extra_count, timer, sizeof(timer));
	best_effort(tx_server_reply(r->in, &out));
	if (r->method == SIP_INVITE && rsp->status >= 200 && rsp->status < 300)
		session_keep_sdp(r->from, out.content_type, out.body);
	if (target && rsp->status >= 200 && rsp->body.n && r->req->body.n)
		media_judge(r->call);
	media_body_free(&body);
}

void relay_fail(struct relay *r, unsigned status)
{
	struct sip_reply out = { .status = status };

	if (r->in)
		best_effort(tx_server_reply(r->in, &out));
	relay_end(r);
}

static void send_ack(struct relay *r)
{
	struct uac *u = r->borrowed && r->call->setup ? r->call->setup->winner->uac : r->out;

	r->out_acked = true;
	best_effort(leg_send_ack(
		r->to, r->cseq, u ? uac_authorization(u) : STR_NONE, r->ack_type, r->ack_body));
}

static void on_invite_2xx(struct relay *r, struct sip_msg *rsp)
{
	if (r->answered) {
		relay_on_2xx_again(r);
		return;
	}
	r->out_done = true;
	dialog_refresh_target(&r->to->d, rsp);
	session_on_answer(r->to, rsp);
	restore_put_if_changed(r->call, r->to);
	if (!r->from) { /* ours */
		r->answered = r->in_acked = true;
		send_ack(r);
		forget_invite(r);
		timer_start(&call_worker(r->call)->wheel, &r->timer, CALL_ACK_WAIT_MS);
		if (r->done)
			r->done(r, rsp->status, rsp);
		return;
	}
	r->late_offer = r->req->body.n == 0;
	r->answered = true;
	reply(r, rsp);
	session_keep_sdp(r->to, fields_type(r->req), r->body);
	if (!r->late_offer)
		send_ack(r);
	relay_wait_ack(r);
}

/* Our own request was answered; the dialog may be gone (RFC 3261 12.2.1.2). */
static void on_final(struct relay *r, struct sip_msg *rsp)
{
	struct call *c = r->call;
	bool dead = rsp->status == 481 && r->method != SIP_BYE && r->method != SIP_PRACK;

	r->out_done = true;
	if (r->method == SIP_UPDATE && rsp->status < 300) {
		dialog_refresh_target(&r->to->d, rsp);
		session_on_answer(r->to, rsp);
	}
	if (r->from)
		reply(r, rsp);
	else if (r->done)
		r->done(r, rsp->status, rsp);
	if (dead && c->state == CALL_ANSWERED) {
		r->to->ended = true;
		call_end(c, r->to->b_side ? "callee" : "caller",
			STR("the other end does not know the call any more"), STR_NONE);
	}
	relay_end(r);
}

static void on_response(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow)
{
	struct relay *r = arg;

	if (rsp->status < 200) {
		if (r->from && r->method == SIP_INVITE && rsp->status > 100 && r->in)
			reply(r, rsp);
		return;
	}
	if (r->method == SIP_INVITE && rsp->status < 300)
		on_invite_2xx(r, rsp);
	else
		on_final(r, rsp);
}

/* The connection of the dialog is gone: once more, to where its target resolves. */
static bool reroute(struct relay *r, enum err why)
{
	if (r->rerouted || why == ERR_TIMEOUT || !tp_proto_reliable(r->to->d.flow.proto))
		return false;
	r->rerouted = true;
	uac_free(r->out);
	r->out = NULL;
	return send_on(r, NULL) == ERR_OK;
}

static void on_failed(void *arg, struct uac *u, enum err why)
{
	struct relay *r = arg;
	struct call *c = r->call;

	r->out_done = true;
	if (reroute(r, why))
		return;
	if (!r->from && r->done)
		r->done(r, why == ERR_TIMEOUT ? 408 : 503, NULL);
	if (r->from && (r->method == SIP_INVITE || r->method == SIP_UPDATE) &&
		c->state == CALL_ANSWERED) {
		struct sip_reply out = { .status = why == ERR_TIMEOUT ? 408 : 503 };

		if (r->in)
			best_effort(tx_server_reply(r->in, &out));
		diagnosis_unreachable(r->to, why, r->rerouted);
		call_end(c, "error", STR("the other end does not answer any more"), STR_NONE);
	}
	relay_fail(r, why == ERR_TIMEOUT ? 408 : 503);
}

/* ---- acknowledging ---- */

struct relay *relay_find_invite(struct leg *from, uint32_t cseq)
{
	list_each (it, &from->call->relays) {
		struct relay *r = container_of(it, struct relay, link);

		if (r->from == from && r->method == SIP_INVITE && r->in_cseq == cseq)
			return r;
	}
	return NULL;
}

/* Repeats the 2xx with T1, 2*T1 … T2 until the ACK comes. */
void relay_wait_ack(struct relay *r)
{
	r->wait_ms = CALL_T1_MS;
	r->waited_ms = 0;
	timer_start(&call_worker(r->call)->wheel, &r->timer, r->wait_ms);
}

static void never_acknowledged(struct relay *r)
{
	struct call *c = r->call;

	r->in_acked = true;
	if (!r->out_acked)
		send_ack(r);
	if (c->setup && r->borrowed)
		c->setup->acked = true;
	diagnosis_no_ack(r->from);
	call_end(c, "error", STR("the ACK to the answer never came"), STR_NONE);
	if (r->from->bye_after_ack)
		leg_bye(r->from, STR_NONE);
	relay_end(r);
}

static void on_timer(struct timer *t)
{
	struct relay *r = container_of(t, struct relay, timer);

	if (r->in_acked) { /* no 2xx comes late any more */
		relay_end(r);
		return;
	}
	r->waited_ms += r->wait_ms;
	if (r->waited_ms >= CALL_ACK_WAIT_MS) {
		never_acknowledged(r);
		return;
	}
	if (r->in)
		tx_server_repeat(r->in);
	r->wait_ms = r->wait_ms * 2 < CALL_T2_MS ? r->wait_ms * 2 : CALL_T2_MS;
	if (r->wait_ms > CALL_ACK_WAIT_MS - r->waited_ms)
		r->wait_ms = CALL_ACK_WAIT_MS - r->waited_ms;
	timer_start(&call_worker(r->call)->wheel, t, r->wait_ms);
}

void relay_on_ack(struct relay *r, struct sip_msg *ack)
{
	struct leg *from = r->from;

	if (r->in_acked || !r->answered)
		return;
	r->in_acked = true;
	if (r->in)
		tx_server_acknowledged(r->in);
	if (!r->out_acked) {
		struct media_body body = media_pass(from, r->to, ack);

		r->ack_type = arena_str(&r->arena, fields_type(ack));
		r->ack_body = arena_str(&r->arena, body.text);
		media_body_free(&body);
		if (ack->body.n)
			media_judge(r->call);
		if (!r->to->ended)
			send_ack(r);
	}
	forget_invite(r);
	timer_start(&call_worker(r->call)->wheel, &r->timer, CALL_ACK_WAIT_MS);
	if (from->bye_after_ack)
		leg_bye(from, STR_NONE);
	if (r->call->setup && r->borrowed) {
		r->call->setup->acked = true;
		setup_free_if_done(r->call->setup);
	}
	if (r->call->state == CALL_ENDED)
		relay_end(r);
}

void relay_on_2xx_again(struct relay *r)
{
	r->to->answers_again++;
	if (r->out_acked)
		send_ack(r);
}

/* The first INVITE was answered: its acknowledging goes on as that of any other. */
void relay_adopt(struct call *c, struct attempt *at, struct sip_msg *rsp)
{
	struct relay *r = relay_new(c->a, c->b, SIP_INVITE, STR("INVITE"));

	r->borrowed = true;
	r->in = c->setup->tx;
	r->in_cseq = c->setup->req->cseq.number;
	r->cseq = rsp->cseq.number;
	if (r->cseq > c->b->d.local_cseq)
		c->b->d.local_cseq = r->cseq;
	r->answered = true;
	r->late_offer = c->setup->req->body.n == 0 && !at->dial->custom.content;
	at->relay = r;
	if (!r->late_offer)
		send_ack(r);
	relay_wait_ack(r);
}

/* ---- our own ---- */

void relay_own(struct leg *to, enum sip_method m, struct str reason, bool with_sdp,
	void (*done)(struct relay *r, unsigned status, struct sip_msg *rsp))
{
	struct relay *r = relay_new(NULL, to, m, sip_method_name(m));

	r->reason = arena_str(&r->arena, reason);
	r->with_sdp = with_sdp;
	r->done = done;
	if (relay_send(r) != ERR_OK)
		relay_end(r);
}
