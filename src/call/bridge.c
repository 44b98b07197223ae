/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests within the dialogs of a call: what is relayed, what is answered here. */
#include "call/model.h"

#include <stdio.h>

#include "sip/print.h"

static void on_cancel(void *arg, struct tx_server *tx, struct sip_msg *cancel)
{
	struct relay *r = arg;

	if (r->out && !r->out_done)
		uac_cancel(r->out, sip_msg_hdr(cancel, SIP_HDR_REASON));
}

static void on_done(void *arg, struct tx_server *tx)
{
	struct relay *r = arg;

	r->in = NULL;
}

static const struct tx_server_handlers relay_tx = { .on_cancel = on_cancel, .on_done = on_done };
static const struct tx_server_handlers nobody = { 0 };

static void reply_with(
	struct call *c, struct sip_msg *req, const struct flow *flow, const struct sip_reply *reply)
{
	struct tx_server *tx;

	if (tx_server_new(call_tx(c), req, flow, &nobody, NULL, &tx) != ERR_OK)
		return;
	best_effort(tx_server_reply(tx, reply));
	tx_server_detach(tx);
}

void bridge_reply(struct call *c, struct sip_msg *req, const struct flow *flow, unsigned status,
	struct str reason)
{
	struct sip_reply reply = { .status = status, .reason = reason };

	reply_with(c, req, flow, &reply);
}

/* Something else is under way: again in up to ten seconds (RFC 3261 14.2). */
static void reply_later(struct call *c, struct sip_msg *req, const struct flow *flow)
{
	char seconds[16];
	struct sip_extra extra = { .id = SIP_HDR_RETRY_AFTER };
	struct sip_reply reply = { .status = 500, .extra = &extra, .extra_count = 1 };

	snprintf(seconds, sizeof(seconds), "%u", rng_below(&call_worker(c)->rng, 11));
	extra.value = str_of(seconds);
	reply_with(c, req, flow, &reply);
}

static unsigned under_way(const struct call *c)
{
	unsigned n = 0;

	list_each (it, (struct list *)&c->relays)
		n++;
	return n;
}

/* A relay that has accepted the request and is to be sent; NULL: it was answered. */
struct relay *bridge_accept(
	struct leg *from, struct leg *to, struct sip_msg *req, const struct flow *flow)
{
	struct relay *r;

	if (under_way(from->call) >= CALL_RELAYS_MAX) {
		bridge_reply(from->call, req, flow, 503, STR("Too many requests at once"));
		return NULL;
	}
	r = relay_new(from, to, req->method, req->method_name);
	if (tx_server_new(call_tx(from->call), req, flow, &relay_tx, r, &r->in) != ERR_OK) {
		r->in = NULL;
		relay_end(r);
		return NULL;
	}
	r->req = sip_msg_ref(req);
	r->in_cseq = req->cseq.number;
	return r;
}

static void pass(struct leg *l, struct sip_msg *req, const struct flow *flow)
{
	struct leg *peer = leg_peer(l);
	struct relay *r;

	if (!peer) {
		reply_later(l->call, req, flow);
		return;
	}
	r = bridge_accept(l, peer, req, flow);
	if (r && relay_send(r) != ERR_OK)
		relay_fail(r, 503);
}

static struct str hang_up_cause(struct sip_msg *bye)
{
	struct str reason = sip_msg_hdr(bye, SIP_HDR_REASON);

	return str_empty(reason) ? sip_msg_hdr_named(bye, STR("X-Asterisk-HangupCause")) : reason;
}

static void on_bye(struct leg *l, struct sip_msg *req, const struct flow *flow)
{
	struct call *c = l->call;
	struct str cause = hang_up_cause(req);
	char text[256];
	struct buf b = BUF_OF(text);

	if (c->state < CALL_ANSWERED && l != c->a) {
		bridge_reply(c, req, flow, 481, STR_NONE);
		return;
	}
	bridge_reply(c, req, flow, 200, STR_NONE);
	l->ended = true;
	session_stop(l);
	if (c->state < CALL_ANSWERED) {
		call_cancelled(c, sip_msg_hdr(req, SIP_HDR_REASON));
		return;
	}
	if (l != c->a && l != c->b)
		return; /* a fork that came too late */
	buf_printf(&b, "the %s hung up", l->b_side ? "callee" : "caller");
	if (!str_empty(cause))
		buf_printf(&b, " (%.*s)", STR_ARG(str_first(cause, 150)));
	call_end(c, l->b_side ? "callee" : "caller", buf_str(&b), sip_msg_hdr(req, SIP_HDR_REASON));
}

/* A second INVITE meets one that is under way: RFC 3261 14.1 and 14.2. */
static void on_invite(struct leg *l, struct sip_msg *req, const struct flow *flow)
{
	struct leg *peer = leg_peer(l);

	if (l->call->state != CALL_ANSWERED || (l->invite && l->invite->from == l))
		reply_later(l->call, req, flow);
	else if (l->invite || (peer && peer->invite))
		bridge_reply(l->call, req, flow, 491, STR_NONE);
	else if (session_accepts(l->call->layer, req, flow))
		pass(l, req, flow);
}

/* Without a body it only refreshes the session, which is between us and the peer. */
static void on_update(struct leg *l, struct sip_msg *req, const struct flow *flow)
{
	struct sip_extra extra[3];
	struct sip_reply reply = { .status = 200, .contact = l->d.local_contact, .extra = extra };
	char text[64];

	if (!session_accepts(l->call->layer, req, flow))
		return;
	if (req->body.n) {
		pass(l, req, flow);
		return;
	}
	extra[reply.extra_count++] = (struct sip_extra){ .id = SIP_HDR_ALLOW, .value = CALL_ALLOW };
	if (l->call->state == CALL_ANSWERED)
		reply.extra_count += session_answer(l, req, extra + 1, text, sizeof(text));
	reply_with(l->call, req, flow, &reply);
}

void bridge_on_request(struct leg *l, struct sip_msg *req, const struct flow *flow)
{
	struct call *c = l->call;

	if (!contact_check(l, req, flow)) {
		bridge_reply(c, req, flow, 403, STR("Not with the Contact that was given"));
		return;
	}
	if (req->method == SIP_BYE && (l->ended || c->state == CALL_ENDED)) {
		bridge_reply(c, req, flow, 200, STR_NONE); /* both hung up at once */
		return;
	}
	if (l->ended || c->state == CALL_ENDED) {
		bridge_reply(c, req, flow, 481, STR_NONE);
		return;
	}
	if (dialog_on_request(&l->d, req, flow) != ERR_OK) {
		bridge_reply(c, req, flow, 500, STR("CSeq is lower than the last one"));
		return;
	}
	restore_put_if_changed(c, l);
	switch (req->method) {
	case SIP_BYE:
		on_bye(l, req, flow);
		break;
	case SIP_INVITE:
		on_invite(l, req, flow);
		break;
	case SIP_UPDATE:
		on_update(l, req, flow);
		break;
	case SIP_PRACK:
		progress_on_prack(l, req, flow);
		break;
	case SIP_REFER:
		bridge_reply(c, req, flow, 603, STR("Call transfer is not available"));
		break;
	default:
		pass(l, req, flow);
		break;
	}
}
