/* SPDX-License-Identifier: BSD-3-Clause */
/* An attempt to reach somebody: one INVITE with its early dialogs, or a run of their dialplan. */
#include "call/model.h"

#include "sip/print.h"

static void on_response(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow);
static void on_failed(void *arg, struct uac *u, enum err why);
static void print(void *arg, struct uac *u, struct buf *b, uint32_t cseq, const struct flow *flow);

static const struct uac_handlers handlers = {
	.on_response = on_response, .on_failed = on_failed, .print = print
};

/* NULL: the Dial has as many as it may have. */
struct attempt *attempt_new(
	struct dial *d, const struct dial_leg *leg, enum attempt_kind kind, struct str uri)
{
	struct call *c = d->run->call;
	struct arena *a = &c->setup->arena;
	struct attempt *at;
	unsigned count = 0;

	list_each (it, &d->attempts)
		count++;
	if (count >= DIAL_LEGS_MAX)
		return NULL;
	at = arena_new(a, struct attempt);
	at->dial = d;
	at->call = c;
	at->kind = kind;
	at->leg = leg;
	at->group = leg->group;
	at->delay_s = leg->delay_s;
	at->uri = arena_str(a, uri);
	at->session_s = c->layer->cfg.session_expires_s;
	list_init(&at->legs);
	list_append(&d->attempts, &at->link);
	return at;
}

static void drop_legs(struct attempt *at)
{
	list_each_safe (it, &at->legs) {
		struct leg *l = container_of(it, struct leg, link);

		if (at->call->setup->early == l)
			at->call->setup->early = NULL;
		leg_free(l);
	}
}

static void drop_uac(struct attempt *at)
{
	if (at->old_uac)
		uac_free(at->old_uac);
	at->old_uac = NULL;
	if (!at->uac)
		return;
	if (at->uac_done)
		uac_free(at->uac);
	else
		uac_detach(at->uac);
	at->uac = NULL;
}

void attempt_release(struct attempt *at)
{
	if (at->delayed)
		timer_stop(&call_worker(at->call)->wheel, &at->delay);
	at->delayed = false;
	list_del(&at->link);
	relayed_drop(at);
	drop_uac(at);
	drop_legs(at);
	account_unref(at->account);
	provider_unref(at->provider);
	at->account = NULL;
	at->provider = NULL;
}

/* ---- loopback ---- */

static void start_child(struct attempt *at)
{
	struct run *r = at->dial->run, *child;
	struct arena *a = &at->call->setup->arena;
	struct caller caller = r->caller;
	struct sip_addr from;

	caller.uri = at->uri;
	caller.user = at->leg->user;
	if (sip_addr_parse(at->from, &from) == ERR_OK) {
		char name[256];
		struct buf b = BUF_OF(name);

		sip_addr_display(&from, &b);
		caller.from_display = arena_str(a, buf_str(&b));
		caller.from_uri = from.uri.text;
		caller.from_user = from.uri.user;
		caller.from_host = from.uri.host;
	}
	child = run_new(at->call, at, &caller);
	child->customer = arena_str(a, at->account->customer);
	child->account = account_ref(at->account);
	child->plan = directory_dialplan(
		at->call->layer->env.directory, child->customer, at->account->in_dialplan);
	at->child = child;
	if (!child->plan)
		run_failed(child, 500, STR("Could not load dialplan"));
	else
		run_start(child);
}

/* ---- the INVITE ---- */

static void print_options(struct buf *b, const struct attempt *at)
{
	const struct setup *s = at->call->setup;

	if (at->call->method != SIP_INVITE)
		return;
	sip_print_hdr(b, SIP_HDR_ALLOW, CALL_ALLOW);
	sip_print_hdr(b, SIP_HDR_SUPPORTED, s->rel ? STR("timer, 100rel") : STR("timer"));
	if (s->rel_required)
		sip_print_hdr(b, SIP_HDR_REQUIRE, STR("100rel"));
	if (at->session_s)
		sip_print_hdr_u32(b, SIP_HDR_SESSION_EXPIRES, at->session_s);
	if (at->session_retried)
		sip_print_hdr_u32(b, SIP_HDR_MIN_SE, at->session_s);
}

static void print_ids(struct buf *b, struct attempt *at, uint32_t cseq, const struct flow *flow)
{
	char mem[512];
	struct buf contact = BUF_OF(mem);

	sip_print_hdr_u32(b, SIP_HDR_MAX_FORWARDS, at->call->setup->max_forwards);
	if (!str_empty(at->path))
		sip_print_hdr(b, SIP_HDR_ROUTE, at->path);
	else if (!str_empty(at->route))
		sip_print_hdr_fmt(b, SIP_HDR_ROUTE, "<%.*s%s>", STR_ARG(at->route),
			str_find_str(at->route, STR(";lr")) < at->route.n ? "" : ";lr");
	sip_print_hdr_fmt(b, SIP_HDR_FROM, "%.*s;tag=%.*s", STR_ARG(at->from), STR_ARG(at->tag));
	sip_print_hdr(b, SIP_HDR_TO, at->to);
	sip_print_hdr(b, SIP_HDR_CALL_ID, at->call_id);
	sip_print_hdr_fmt(
		b, SIP_HDR_CSEQ, "%u %.*s", cseq, STR_ARG(sip_method_name(at->call->method)));
	contact_print(&contact, at->call->layer, at->contact_user, flow,
		at->dial->run->caller.req->uri.scheme == SIP_SCHEME_SIPS ||
			str_istarts(at->uri, STR("sips:")),
		at->call_id, at->tag);
	if (!str_eq(buf_str(&contact), at->contact))
		at->contact = arena_str(&at->call->setup->arena, buf_str(&contact));
	if (at->call->method == SIP_INVITE)
		sip_print_hdr(b, SIP_HDR_CONTACT, at->contact);
}

static void print(void *arg, struct uac *u, struct buf *b, uint32_t cseq, const struct flow *flow)
{
	struct attempt *at = arg;
	const struct dial *d = at->dial;
	const struct caller *c = &d->run->caller;
	struct str agent = from_custom(at, "User-Agent"), body;

	at->cseq = cseq;
	print_ids(b, at, cseq, flow);
	print_options(b, at);
	sip_print_hdr(
		b, SIP_HDR_USER_AGENT, str_empty(agent) ? at->call->layer->cfg.user_agent : agent);
	fields_print_request(b, c->req);
	from_print_custom(b, at);
	body = media_offer(at, flow);
	uac_set_body(u, body);
	sip_print_body(b,
		d->custom.content && !str_empty(d->custom.type) ? d->custom.type : c->type, body);
}

static void new_ids(struct attempt *at)
{
	struct arena *a = &at->call->setup->arena;
	struct worker *w = call_worker(at->call);
	char tag[32], id[64];
	struct buf tb = BUF_OF(tag), ib = BUF_OF(id);

	worker_token(w, &tb);
	rng_token(&w->rng, &ib, 24);
	at->tag = arena_str(a, buf_str(&tb));
	at->call_id = arena_str(a, buf_str(&ib));
	at->cseq = 1 + rng_below(&w->rng, 1000);
}

static void send_request(struct attempt *at)
{
	struct digest_credentials cred = { 0 };
	struct uac_request r = {
		.method = at->call->method,
		.method_name = sip_method_name(at->call->method),
		.uri = at->uri,
		.next_hop = str_empty(at->hop) ? at->route : at->hop,
		.flow = at->kind == ATTEMPT_BINDING ? &at->flow : NULL,
		.cseq = at->cseq,
	};

	if (credentials_of_attempt(at, &cred)) {
		r.credentials = &cred;
		r.realm = at->provider ? at->provider->register_realm : STR_NONE;
	}
	at->uac_done = false;
	at->uac = uac_new(&at->call->layer->env.uac, &r, &handlers, at);
	if (!at->uac)
		dial_attempt_failed(at, 480, STR("Too many requests under way"), NULL);
}

void attempt_start(struct attempt *at)
{
	from_prepare(at);
	at->state = ATTEMPT_TRYING;
	at->call->record.legs++;
	call_event(at->call, EV_CALL_LEG, "calling %.*s%s%.*s", STR_ARG(at->uri),
		at->provider ? " through provider " : "",
		STR_ARG(at->provider ? at->provider->name : STR_NONE));
	if (at->kind == ATTEMPT_LOOPBACK) {
		start_child(at);
		return;
	}
	new_ids(at);
	if (!relayed_ask(at))
		send_request(at);
}

void attempt_send(struct attempt *at)
{
	if (at->state == ATTEMPT_TRYING)
		send_request(at);
}

/* Cancelled attempts are no concern of the call any more: the uac deals with what still comes. */
void attempt_cancel(struct attempt *at, struct str reason)
{
	if (at->delayed)
		timer_stop(&call_worker(at->call)->wheel, &at->delay);
	at->delayed = false;
	if (at->child && at->state == ATTEMPT_TRYING) {
		at->child->over = true;
		if (at->child->dial)
			dial_cancel(at->child->dial, reason, at->call->setup->winner);
		run_abort(at->child, at->call->setup->winner != NULL);
	}
	if (at->uac && at->state == ATTEMPT_TRYING && !at->uac_done) {
		uac_cancel(at->uac, reason);
		uac_detach(at->uac);
		at->uac = NULL;
	}
	if (at->state != ATTEMPT_ANSWERED)
		at->state = ATTEMPT_FAILED;
	relayed_drop(at);
}

/* ---- responses ---- */

/* The early or confirmed dialog that a response belongs to; NULL when it makes none. */
static struct leg *leg_of(struct attempt *at, struct sip_msg *rsp, const struct flow *flow)
{
	struct leg *l;

	list_each (it, &at->legs) {
		l = container_of(it, struct leg, link);
		if (str_eq(l->d.remote_tag, rsp->to.tag)) {
			if (dialog_on_response(&l->d, rsp, flow) != ERR_OK)
				return NULL;
			return l;
		}
	}
	if (str_empty(rsp->to.tag) || at->forks >= CALL_FORKS_MAX)
		return NULL;
	l = leg_new(at->call, true);
	l->attempt = at;
	dialog_init_uac(&l->d, at->call_id, at->tag, at->from, at->to, at->contact, at->cseq);
	if (dialog_on_response(&l->d, rsp, flow) != ERR_OK) {
		leg_free(l);
		return NULL;
	}
	at->forks++;
	l->d.owner = l;
	l->outside = at->kind != ATTEMPT_BINDING;
	if (at->kind == ATTEMPT_BINDING)
		l->aor = arena_str(&at->call->arena, at->account->aor);
	credentials_take_over(l, at);
	l->transfer = at->leg->transfer;
	media_take_over(l, at);
	dialog_table_add(&at->call->layer->dialogs, &l->d);
	list_append(&at->legs, &l->link);
	return l;
}

/* Another fork of the attempt that won answered too. */
static void end_fork(struct attempt *at, struct sip_msg *rsp, const struct flow *flow)
{
	struct call *c = at->call;
	struct leg *l;

	if (c->b && str_eq(c->b->d.remote_tag, rsp->to.tag)) {
		relay_on_2xx_again(at->relay);
		return;
	}
	l = leg_of(at, rsp, flow);
	if (!l)
		return;
	best_effort(
		leg_send_ack(l, rsp->cseq.number, uac_authorization(at->uac), STR_NONE, STR_NONE));
	leg_bye(l, STR("SIP;cause=200;text=\"Call completed elsewhere\""));
}

static void on_2xx(struct attempt *at, struct sip_msg *rsp, const struct flow *flow)
{
	struct call *c = at->call;
	struct leg *l;

	if (at->relay) {
		end_fork(at, rsp, flow);
		return;
	}
	if (at->state != ATTEMPT_TRYING || c->state >= CALL_ANSWERED) {
		if (c->method == SIP_INVITE)
			uac_end_late_2xx(&c->layer->env.uac, rsp, flow);
		return;
	}
	at->uac_done = true;
	if (c->method != SIP_INVITE) {
		at->state = ATTEMPT_ANSWERED;
		call_accept_message(c);
		return;
	}
	l = leg_of(at, rsp, flow);
	if (!l) {
		dial_attempt_failed(at, 480, STR("The answer could not be understood"), rsp);
		return;
	}
	at->state = ATTEMPT_ANSWERED;
	call_answered(c, at, l, rsp);
}

static void retry_session(struct attempt *at, struct sip_msg *rsp)
{
	uint32_t least = 0;
	struct str v = sip_msg_hdr(rsp, SIP_HDR_MIN_SE);

	if (v.p && sip_seconds_parse(v, &least) != ERR_OK)
		least = 0;
	at->session_retried = true;
	at->session_s = least > at->session_s ? least : at->session_s;
	at->old_uac = at->uac; /* it is calling us: freed with the attempt */
	at->cseq++;
	send_request(at);
}

void attempt_redirected(struct attempt *at, unsigned status, struct str reason, struct str contact,
	struct sip_msg *rsp)
{
	struct dial *d = at->dial;
	struct run *r = d->run;

	if (at->state == ATTEMPT_FAILED || d->over)
		return;
	if (str_empty(d->redirect_uri)) {
		struct sip_addr addr;

		if (sip_addr_parse(contact, &addr) == ERR_OK)
			d->redirect_uri = arena_str(&at->call->setup->arena, addr.uri.text);
	}
	if (at->leg->redirect == DIAL_REDIRECT_NEW_CALL && r->plan && !r->redirected) {
		at->state = ATTEMPT_FAILED;
		run_redirect(r, d->redirect_uri);
		return;
	}
	d->starting = true; /* what it leads to is part of this Dial before conclusions are drawn */
	dial_attempt_failed(at, status, reason, rsp);
	if (at->leg->redirect == DIAL_REDIRECT_FOLLOW)
		target_redirect(at, contact);
	dial_resume(d);
}

static void on_3xx(struct attempt *at, struct sip_msg *rsp)
{
	struct sip_hdr_iter it = { 0 };
	struct str contact;

	if (sip_msg_next(rsp, SIP_HDR_CONTACT, &it, &contact))
		attempt_redirected(at, 480, rsp->reason, contact, rsp);
	else
		dial_attempt_failed(at, 480, rsp->reason, rsp);
}

/* The flow leads nowhere; the phone may have another one (RFC 5626 section 5.3). */
static void on_flow_failed(struct attempt *at, struct str why, struct sip_msg *rsp)
{
	struct dial *d = at->dial;
	bool next = target_next_flow(at);

	d->starting = d->starting || next; /* what waits is part of this Dial */
	dial_attempt_failed(at, 480, why, rsp);
	if (next)
		dial_resume(d);
}

static void on_refusal(struct attempt *at, struct sip_msg *rsp)
{
	struct digest_credentials used;

	if (rsp->status == 430 && at->kind == ATTEMPT_BINDING)
		on_flow_failed(at, rsp->reason, rsp);
	else if (rsp->status == 422 && !at->session_retried)
		retry_session(at, rsp);
	else if (rsp->status < 400)
		on_3xx(at, rsp);
	else if (rsp->status == 401 || rsp->status == 407)
		dial_attempt_failed(at, 480,
			credentials_of_attempt(at, &used)
				? STR("Authentication with provided credentials failed")
				: STR("Authentication requested when no credentials available"),
			rsp);
	else
		dial_attempt_failed(at, rsp->status, rsp->reason, rsp);
}

static void on_response(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow)
{
	struct attempt *at = arg;

	if (rsp->status >= 200 && rsp->status < 300) {
		on_2xx(at, rsp, flow);
		return;
	}
	if (at->state != ATTEMPT_TRYING)
		return;
	if (rsp->status >= 300) {
		at->uac_done = true;
		on_refusal(at, rsp);
	} else if (rsp->status > 100 && at->call->method == SIP_INVITE) {
		progress_on_response(at, leg_of(at, rsp, flow), rsp);
	}
}

static void on_failed(void *arg, struct uac *u, enum err why)
{
	struct attempt *at = arg;
	char text[160];
	struct buf b = BUF_OF(text);

	at->uac_done = true;
	if (at->state != ATTEMPT_TRYING)
		return;
	if (why == ERR_TIMEOUT)
		buf_lit(&b, "Timeout, no response from server");
	else if (why == ERR_DNS)
		buf_printf(&b, "unresolvable destination %.*s",
			STR_ARG(str_first(at->leg->host, 100)));
	else
		buf_printf(&b, "not reachable: %s", err_text(why));
	on_flow_failed(at, buf_str(&b), NULL);
}
