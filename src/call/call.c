/* SPDX-License-Identifier: BSD-3-Clause */
/* A call from its start to its CDR: states, answer, refusal, end. */
#include "call/model.h"

#include <stdarg.h>
#include <stdlib.h>

#include "sip/print.h"

struct worker *call_worker(const struct call *c)
{
	return c->layer->env.uac.worker;
}

struct tx_layer *call_tx(const struct call *c)
{
	return c->layer->env.uac.tx;
}

void call_event(struct call *c, enum event_kind k, const char *fmt, ...)
{
	struct event_bus *bus = call_worker(c)->events;
	struct event e = {
		.kind = k, .call = c->id, .account = c->account, .customer = c->customer
	};
	char text[512];
	va_list ap;
	int n;

	if (!event_wanted(bus, k))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e.text = str_make(text, n < 0 ? 0 : n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
	event_emit(bus, &e);
}

static void on_limit(struct timer *t)
{
	struct call *c = container_of(t, struct call, limit);

	if (c->state == CALL_ANSWERED)
		call_end(c, "limit", STR("Call duration limit reached"),
			STR("SIP;cause=200;text=\"Call duration limit reached\""));
}

/* id empty: a new one. */
struct call *call_new(struct call_layer *l, struct str id, struct str customer, struct str account)
{
	struct call *c = mem_new(struct call);
	char token[32];
	struct buf b = BUF_OF(token);

	c->layer = l;
	arena_init(&c->arena, 464);
	if (str_empty(id)) {
		worker_token(l->env.uac.worker, &b);
		id = buf_str(&b);
	}
	c->id = arena_str(&c->arena, id);
	c->customer = arena_str(&c->arena, customer);
	c->account = arena_str(&c->arena, account);
	c->method = SIP_INVITE;
	list_init(&c->relays);
	timer_init(&c->limit, on_limit);
	again_init(c);
	c->record.started_ms = l->env.uac.worker->clock.wall_ms;
	hash_add(&l->by_id, &c->node, hash_str(c->id));
	list_append(&l->calls, &c->link);
	l->count++;
	return c;
}

/* Later states only; CALL_ENDED from everywhere. */
void call_set_state(struct call *c, enum call_state s)
{
	BUG_ON(s < c->state);
	c->state = s;
}

static void free_now(struct deferred *d)
{
	struct call *c = container_of(d, struct call, deferred);

	if (c->setup)
		setup_free(c->setup);
	leg_free(c->a);
	leg_free(c->b);
	arena_fini(&c->arena);
	free(c);
}

static void forget(struct call *c)
{
	struct call_layer *l = c->layer;

	if (c->freeing)
		return;
	c->freeing = true;
	timer_stop(&call_worker(c)->wheel, &c->limit);
	timer_stop(&call_worker(c)->wheel, &c->again);
	hash_del(&l->by_id, &c->node);
	list_del(&c->link);
	l->count--;
	worker_defer(call_worker(c), &c->deferred, free_now);
}

void call_forget_if_done(struct call *c)
{
	if (c->state != CALL_ENDED || !list_empty(&c->relays))
		return;
	forget(c);
}

static void give_back(struct call *c)
{
	if (c->counted)
		call_limits_give(c->layer->env.limits, c->customer);
	c->counted = false;
}

/* The process ends: no message goes out, nothing is stored. */
void call_abandon(struct call *c)
{
	give_back(c);
	c->state = CALL_ENDED;
	list_each_safe (it, &c->relays)
		relay_end(container_of(it, struct relay, link));
	forget(c);
}

static void finish(struct call *c, const char *by, struct str why)
{
	struct call_record *r = &c->record;

	call_set_state(c, CALL_ENDED);
	timer_stop(&call_worker(c)->wheel, &c->limit);
	timer_stop(&call_worker(c)->wheel, &c->again);
	r->ended_ms = call_worker(c)->clock.wall_ms;
	r->ended_by = str_of(by);
	r->end_reason = arena_str(&c->arena, str_first(why, 200));
	give_back(c);
	if (c->b)
		relayed_end(c->b);
	if (c->method == SIP_INVITE)
		cdr_put(c);
	restore_remove(c);
}

void call_end(struct call *c, const char *by, struct str why, struct str reason_value)
{
	int64_t seconds;

	if (c->state == CALL_ENDED)
		return;
	finish(c, by, why);
	seconds = (c->record.ended_ms - c->record.answered_ms) / 1000;
	call_event(c, EV_CALL_ENDED, "call to %.*s ended after %lld s: %.*s",
		STR_ARG(c->record.destination), (long long)seconds, STR_ARG(why));
	diagnosis_of_end(c, by, seconds);
	if (c->setup)
		setup_stop(c->setup, STR_NONE, false);
	leg_bye(c->a, reason_value);
	leg_bye(c->b, reason_value);
	list_each_safe (it, &c->relays) { /* that only wait for late 2xx */
		struct relay *r = container_of(it, struct relay, link);

		if (r->method == SIP_INVITE && r->answered && r->in_acked)
			relay_end(r);
	}
	call_forget_if_done(c);
}

void call_reject(struct call *c, unsigned status, struct str reason, const struct sip_extra *extra,
	unsigned extra_count)
{
	struct sip_reply reply = {
		.status = status, .reason = reason, .extra = extra, .extra_count = extra_count
	};

	if (c->state >= CALL_ANSWERED)
		return;
	if (str_empty(reason))
		reason = sip_reason(status);
	c->record.status = status;
	c->record.reason = arena_str(&c->arena, str_first(reason, 200));
	finish(c, status == 487 ? "caller" : "refused", c->record.reason);
	call_event(c, EV_CALL_REFUSED, "call from %.*s to %.*s failed: %u %.*s",
		STR_ARG(c->record.from), STR_ARG(c->record.to), status, STR_ARG(reason));
	setup_stop(c->setup, STR_NONE, false);
	if (c->setup->tx)
		best_effort(tx_server_reply(c->setup->tx, &reply));
	c->a->ended = true;
	call_forget_if_done(c);
}

void call_cancelled(struct call *c, struct str reason)
{
	struct sip_reply reply = { .status = 487 };

	if (c->state >= CALL_ANSWERED)
		return;
	c->record.status = 487;
	c->record.reason = STR("Request Terminated");
	finish(c, "caller", STR("Client cancelled"));
	call_event(c, EV_CALL_ENDED, "%.*s gave up before %.*s answered", STR_ARG(c->record.from),
		STR_ARG(c->record.to));
	if (str_empty(reason))
		reason = STR("SIP;cause=487;text=\"Cancelled by caller\"");
	setup_stop(c->setup, reason, false);
	if (c->setup->tx)
		best_effort(tx_server_reply(c->setup->tx, &reply));
	c->a->ended = true;
	call_forget_if_done(c);
}

/* Somebody, or the dialplan, took the MESSAGE. */
void call_accept_message(struct call *c)
{
	struct sip_reply reply = { .status = 200 };

	if (c->state >= CALL_ANSWERED)
		return;
	c->record.status = 200;
	finish(c, "callee", STR("delivered"));
	call_event(c, EV_CALL_ENDED, "message from %.*s to %.*s delivered", STR_ARG(c->record.from),
		STR_ARG(c->record.to));
	setup_stop(c->setup, STR_NONE, false);
	if (c->setup->tx)
		best_effort(tx_server_reply(c->setup->tx, &reply));
	call_forget_if_done(c);
}

/* The smallest of the limits that the attempts on the way here have. */
static unsigned duration_of(const struct attempt *at)
{
	unsigned least = 0;

	for (; at; at = at->dial->run->parent) {
		unsigned s = at->leg->duration_s ? at->leg->duration_s : at->dial->limit_s;

		if (s && (!least || s < least))
			least = s;
	}
	return least;
}

void call_arm_limit(struct call *c, int64_t now_ms)
{
	int64_t left = c->limit_ms - now_ms;

	if (c->limit_ms)
		timer_start(&call_worker(c)->wheel, &c->limit, left > 0 ? (uint64_t)left : 1);
}

static void start_limit(struct call *c, const struct attempt *at)
{
	unsigned s = duration_of(at);
	unsigned max = c->layer->cfg.duration_max_s;

	if (max && (!s || s > max))
		s = max;
	if (!s)
		return;
	c->limit_ms = call_worker(c)->clock.wall_ms + (int64_t)s * 1000;
	call_arm_limit(c, call_worker(c)->clock.wall_ms);
}

struct str call_flow_text(struct arena *a, const struct flow *f, bool remote)
{
	char text[2 * ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text);

	if (remote)
		flow_print_remote(&b, f);
	else
		flow_print_local(&b, f);
	return arena_str(a, buf_str(&b));
}

static void record_answer(struct call *c, struct attempt *at, struct leg *b)
{
	struct call_record *r = &c->record;

	r->answered_ms = call_worker(c)->clock.wall_ms;
	r->status = 200;
	r->reason = STR("OK");
	r->destination = arena_str(&c->arena, at->uri);
	r->b_call_id = arena_str(&c->arena, b->d.call_id);
	r->b_remote = call_flow_text(&c->arena, &b->d.flow, true);
	if (at->provider && !c->from_provider)
		r->provider = arena_str(&c->arena, at->provider->name);
}

static void reply_answer(struct call *c, struct leg *b, struct sip_msg *rsp)
{
	struct media_body body = media_pass(b, c->a, rsp);
	struct sip_extra extra[SIP_MSG_HEADERS_MAX];
	struct setup *s = c->setup;
	char timer[64];
	struct sip_reply reply = {
		.status = 200,
		.reason = rsp->reason,
		.contact = c->a->d.local_contact,
		.extra = extra,
		.content_type = fields_type(rsp),
		.body = body.text,
		.record_route = true,
	};

	reply.extra_count = fields_of_response(rsp, extra, SIP_MSG_HEADERS_MAX - 8);
	extra[reply.extra_count++] = (struct sip_extra){ .id = SIP_HDR_ALLOW, .value = CALL_ALLOW };
	extra[reply.extra_count++] = (struct sip_extra){ .id = SIP_HDR_SUPPORTED,
		.value = s->rel ? STR("timer, 100rel") : STR("timer") };
	reply.extra_count +=
		session_answer(c->a, s->req, extra + reply.extra_count, timer, sizeof(timer));
	best_effort(tx_server_reply(s->tx, &reply));
	session_keep_sdp(c->a, reply.content_type, reply.body);
	media_body_free(&body);
}

/* The first 2xx: `b` is the confirmed dialog of the attempt that won. */
void call_answered(struct call *c, struct attempt *at, struct leg *b, struct sip_msg *rsp)
{
	struct setup *s = c->setup;

	s->winner = at;
	c->b = b;
	list_del(&b->link);
	b->attempt = NULL;
	record_answer(c, at, b);
	c->again_s = at->leg->reinvite_s;
	call_set_state(c, CALL_ANSWERED);
	c->a->d.state = DIALOG_CONFIRMED;
	setup_stop(s, STR("SIP;cause=200;text=\"Call completed elsewhere\""), true);
	reply_answer(c, b, rsp);
	session_on_answer(b, rsp);
	session_keep_sdp(b, at->dial->run->caller.type, at->body);
	relay_adopt(c, at, rsp);
	start_limit(c, at);
	again_arm(c);
	restore_put(c);
	call_event(c, EV_CALL_ANSWERED, "%.*s answered the call from %.*s", STR_ARG(at->uri),
		STR_ARG(c->record.from));
	diagnosis_of_peer(b, rsp, &b->d.flow);
	media_answered(c, at);
}
