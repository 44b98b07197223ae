/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Provisional answers on their way to the caller (facts 4.7): 180 and 183 only; the first, then
 * those that bring something new. The caller sees one callee: early media of one leg at a time,
 * one To tag. With 100rel on both sides they are reliable end to end (RFC 3262): our own RSeq
 * numbers towards the caller, the caller's PRACK is passed on with the callee's.
 */
#include "call/model.h"

#include <stdio.h>

#include "sip/field.h"
#include "sip/print.h"

/* ---- towards the caller ---- */

static void on_prack_timer(struct timer *t)
{
	struct setup *s = container_of(t, struct setup, prack.timer);

	s->prack.waited_ms += s->prack.wait_ms;
	if (s->prack.waited_ms >= CALL_ACK_WAIT_MS) {
		s->prack.waiting = false;
		call_reject(s->call, 504,
			STR("The caller did not acknowledge a provisional answer"), NULL, 0);
		return;
	}
	if (s->tx)
		tx_server_repeat(s->tx);
	s->prack.wait_ms *= 2;
	if (s->prack.wait_ms > CALL_ACK_WAIT_MS - s->prack.waited_ms)
		s->prack.wait_ms = CALL_ACK_WAIT_MS - s->prack.waited_ms;
	timer_start(&call_worker(s->call)->wheel, t, s->prack.wait_ms);
}

static void wait_prack(struct setup *s, struct leg *leg, uint32_t peer_rseq, uint32_t peer_cseq)
{
	s->prack.waiting = true;
	s->prack.leg = leg;
	s->prack.peer_rseq = peer_rseq;
	s->prack.peer_cseq = peer_cseq;
	s->prack.wait_ms = CALL_T1_MS;
	s->prack.waited_ms = 0;
	timer_init(&s->prack.timer, on_prack_timer);
	timer_start(&call_worker(s->call)->wheel, &s->prack.timer, CALL_T1_MS);
}

struct progress {
	unsigned status;
	struct str reason, type, body;
	struct sip_msg *rsp; /* NULL: ours */
	bool reliable;
};

static void send_progress(struct call *c, const struct progress *p)
{
	struct sip_extra extra[SIP_MSG_HEADERS_MAX];
	struct setup *s = c->setup;
	char rseq[16];
	struct sip_reply reply = { .status = p->status,
		.reason = p->reason,
		.contact = c->a->d.local_contact,
		.extra = extra,
		.content_type = p->type,
		.body = p->body,
		.record_route = true };

	if (p->rsp)
		reply.extra_count = fields_of_response(p->rsp, extra, SIP_MSG_HEADERS_MAX - 4);
	extra[reply.extra_count++] = (struct sip_extra){ .id = SIP_HDR_ALLOW, .value = CALL_ALLOW };
	if (p->reliable) {
		if (!s->prack.rseq)
			s->prack.rseq = 1 + rng_below(&call_worker(c)->rng, 1u << 30);
		else
			s->prack.rseq++;
		snprintf(rseq, sizeof(rseq), "%u", s->prack.rseq);
		extra[reply.extra_count++] =
			(struct sip_extra){ .id = SIP_HDR_REQUIRE, .value = STR("100rel") };
		extra[reply.extra_count++] =
			(struct sip_extra){ .id = SIP_HDR_RSEQ, .value = str_of(rseq) };
	}
	if (c->state == CALL_ROUTING) {
		call_set_state(c, CALL_RINGING);
		c->record.ringing_ms = call_worker(c)->clock.wall_ms;
	}
	c->a->d.state = DIALOG_EARLY;
	best_effort(tx_server_reply(s->tx, &reply));
}

void progress_from_script(struct call *c, unsigned status, struct str reason)
{
	struct progress p = { .status = status, .reason = reason };

	if (c->state < CALL_ANSWERED && c->method == SIP_INVITE && !c->setup->prack.waiting)
		send_progress(c, &p);
}

/* ---- from the callees ---- */

/* The caller is not told of this one: acknowledged by ourselves. */
static void prack_alone(struct leg *leg, uint32_t rseq, const struct sip_msg *rsp)
{
	struct relay *r = relay_new(NULL, leg, SIP_PRACK, STR("PRACK"));

	r->rack = str_of(arena_printf(&r->arena, "%u %u INVITE", rseq, rsp->cseq.number));
	if (relay_send(r) != ERR_OK)
		relay_end(r);
}

/* Its number, 0 when it is not reliable; false: a repetition. */
static bool take_rseq(struct leg *leg, struct sip_msg *rsp, uint32_t *rseq)
{
	struct str v = sip_msg_hdr(rsp, SIP_HDR_RSEQ);

	*rseq = 0;
	if (!leg || !v.p || !sip_msg_list_has(rsp, SIP_HDR_REQUIRE, STR("100rel")))
		return true;
	if (str_u32(str_trim(v), rseq) != ERR_OK || !*rseq)
		return false;
	if (leg->rseq && *rseq <= leg->rseq)
		return false;
	leg->rseq = *rseq;
	return true;
}

/* Whether the caller hears of it: the first, and what brings a body or must be acknowledged. */
static bool is_news(
	const struct call *c, const struct leg *leg, const struct sip_msg *rsp, uint32_t rseq)
{
	const struct setup *s = c->setup;

	if (rsp->status != 180 && rsp->status != 183)
		return false;
	if (s->prack.waiting)
		return false;
	if (rsp->body.n)
		return leg && (!s->early || s->early == leg);
	return c->state == CALL_ROUTING || (rseq && (!s->early || s->early == leg));
}

static void say_ringing(struct attempt *at, unsigned status)
{
	if (at->rang)
		return;
	at->rang = true;
	call_event(at->call, EV_CALL_RINGING, "%.*s %s", STR_ARG(at->uri),
		status == 183 ? "answers with early media" : "rings");
}

/* leg: the early dialog, NULL when the response makes none. */
void progress_on_response(struct attempt *at, struct leg *leg, struct sip_msg *rsp)
{
	struct call *c = at->call;
	struct setup *s = c->setup;
	struct progress p = { .status = rsp->status, .reason = rsp->reason, .rsp = rsp };
	struct media_body body = { .text = rsp->body };
	uint32_t rseq;

	if (c->state >= CALL_ANSWERED || !take_rseq(leg, rsp, &rseq))
		return;
	if (rsp->status == 180 || rsp->status == 183)
		say_ringing(at, rsp->status);
	if (!is_news(c, leg, rsp, rseq)) {
		if (rseq)
			prack_alone(leg, rseq, rsp);
		return;
	}
	p.reliable = rseq && s->rel;
	if (leg)
		body = media_pass(leg, c->a, rsp);
	p.type = fields_type(rsp);
	p.body = body.text;
	if (leg && (rsp->body.n || rseq || !s->early))
		s->early = leg;
	send_progress(c, &p);
	media_body_free(&body);
	if (p.reliable)
		wait_prack(s, leg, rseq, rsp->cseq.number);
	else if (rseq)
		prack_alone(leg, rseq, rsp);
}

void progress_forget(struct attempt *at)
{
	struct setup *s = at->call->setup;

	if (!s->early || s->early->attempt != at)
		return;
	if (s->prack.leg == s->early)
		s->prack.leg = NULL;
	s->early = NULL;
}

/* ---- PRACK from the caller ---- */

static bool is_expected(const struct setup *s, const struct sip_msg *req)
{
	struct str v = sip_msg_hdr(req, SIP_HDR_RACK);
	struct sip_rack rack;

	return v.p && sip_rack_parse(v, &rack) == ERR_OK && s->prack.waiting && s->req &&
		rack.rseq == s->prack.rseq && rack.cseq.number == s->req->cseq.number &&
		rack.cseq.method == SIP_INVITE;
}

void progress_on_prack(struct leg *a, struct sip_msg *req, const struct flow *flow)
{
	struct call *c = a->call;
	struct setup *s = c->setup;
	struct relay *r;

	if (!s || a != c->a || !is_expected(s, req)) {
		bridge_reply(c, req, flow, 481, STR_NONE);
		return;
	}
	s->prack.waiting = false;
	timer_stop(&call_worker(c)->wheel, &s->prack.timer);
	if (s->early != s->prack.leg || !s->early) {
		bridge_reply(c, req, flow, 200, STR_NONE);
		return;
	}
	r = bridge_accept(a, s->prack.leg, req, flow);
	if (!r)
		return;
	r->rack = str_of(
		arena_printf(&r->arena, "%u %u INVITE", s->prack.peer_rseq, s->prack.peer_cseq));
	if (relay_send(r) != ERR_OK)
		relay_fail(r, 500);
}
