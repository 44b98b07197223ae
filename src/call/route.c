/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is called: the domain rules (facts 3.1) and the checks before a call is taken on (facts 3.2).
 * Everything up to accept() is answered without state.
 */
#include "call/model.h"

#include "sip/print.h"

struct incoming { /* a request on its way to becoming a call */
	struct call_layer *l;
	struct sip_msg *req;
	const struct flow *flow;
	const char *direction;
	struct account *account; /* the caller's (out) or the callee's (in); a reference */
	struct provider *provider; /* that it comes from; a reference, or NULL */
	bool sure; /* by its token or address, not only by its own word */
	struct customer *customer;
	struct dialplan *plan;
	char domain[256];
};

/* Tells people why; the peer only hears what answer it is. */
static void note_refusal(const struct incoming *in, unsigned status, struct str why)
{
	struct event e = { .kind = EV_REQUEST_REFUSED };
	char text[512], to[240];
	struct buf b = BUF_OF(text), tb = BUF_OF(to);

	origin_print(&tb, str_first(in->req->request_uri, 200));
	buf_printf(&b, "%.*s from %.*s to %.*s refused: %u %.*s", STR_ARG(in->req->method_name),
		STR_ARG(str_first(in->req->from.uri.text, 120)),
		STR_ARG(str_first(buf_str(&tb), 120)), status, STR_ARG(str_first(why, 200)));
	e.text = buf_str(&b);
	if (in->provider) {
		e.customer = in->provider->customer;
		event_field(&e, "provider", in->provider->name);
	}
	if (in->account) {
		e.account = in->account->aor;
		e.customer = in->account->customer;
	}
	event_emit(in->l->env.uac.worker->events, &e);
}

static void refuse_with(
	struct incoming *in, unsigned status, struct str reason, const struct sip_extra *extra)
{
	struct sip_reply reply = {
		.status = status, .reason = reason, .extra = extra, .extra_count = extra ? 1 : 0
	};

	tx_reply_stateless(in->l->env.uac.tx, in->req, in->flow, &reply);
	note_refusal(in, status, reason);
}

static bool refuse_because(struct incoming *in, unsigned status, struct str why)
{
	struct sip_reply reply = { .status = status };

	tx_reply_stateless(in->l->env.uac.tx, in->req, in->flow, &reply);
	note_refusal(in, status, why);
	return false;
}

static bool refuse(struct incoming *in, unsigned status, struct str reason)
{
	refuse_with(in, status, reason, NULL);
	return false;
}

static bool check_customer(struct incoming *in)
{
	in->customer = directory_customer(in->l->env.directory, in->account->customer);
	if (!in->customer)
		return refuse(in, 604, STR("No matching user was found"));
	if (in->customer->suspended)
		return refuse(in, 604, STR("User account is suspended"));
	return true;
}

static bool load_plan(struct incoming *in, struct str name)
{
	char text[128];
	struct buf b = BUF_OF(text);

	if (str_empty(name))
		return true;
	in->plan = directory_dialplan(in->l->env.directory, in->account->customer, name);
	if (!in->plan) {
		buf_printf(&b, "Could not load dialplan %.*s", STR_ARG(str_first(name, 64)));
		return refuse(in, 500, buf_str(&b));
	}
	if (in->req->method != SIP_INVITE && !in->plan->accept_non_invite)
		return refuse(in, 405, STR("User has chosen not to accept request type"));
	return true;
}

/* From one of our accounts: who it is must be proven. */
static bool admit_outgoing(struct incoming *in)
{
	struct call_env *env = &in->l->env;

	in->direction = "out";
	in->account = directory_account(env->directory, in->req->from.uri.user, str_of(in->domain));
	if (!auth_request(env->auth, in->req, in->flow, in->account, str_of(in->domain)))
		return false;
	if (!in->account)
		return refuse(in, 403, STR("Forbidden"));
	if (in->account->incoming_only)
		return refuse(in, 403, STR("SIP account not permitted to make outgoing calls"));
	return check_customer(in) && load_plan(in, in->account->out_dialplan);
}

static bool admit_to_account(struct incoming *in)
{
	in->direction = "in";
	if (in->account->disabled)
		return refuse(in, 403, STR("SIP account disabled"));
	return check_customer(in) && load_plan(in, in->account->in_dialplan);
}

static bool admit_incoming(struct incoming *in)
{
	if (str_empty(in->req->uri.user))
		return refuse(in, 484, STR("No user specified"));
	in->account =
		target_account(in->l, in->req->uri.text, in->req->uri.user, str_of(in->domain));
	return in->account ? admit_to_account(in) : refuse(in, 404, STR("Not Found"));
}

/* What says that it is from a provider must come from where that one calls from. */
static bool check_source(struct incoming *in)
{
	char text[256], ip[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text), ab = BUF_OF(ip);

	if (!in->provider || directory_provider_has(in->provider, &in->flow->remote))
		return true;
	addr_print_ip(&ab, &in->flow->remote);
	buf_printf(&b,
		"it says that it is from provider %.*s of customer %.*s, but %.*s is not among "
		"that one's addresses",
		STR_ARG(in->provider->name), STR_ARG(in->provider->customer),
		STR_ARG(buf_str(&ab)));
	return refuse_because(in, 403, buf_str(&b));
}

static bool admit_from_provider(struct incoming *in)
{
	const struct provider *p = in->provider;
	char text[256];
	struct buf b = BUF_OF(text);

	in->sure = true;
	in->account = origin_account(in->l, p, &in->req->uri);
	if (in->account)
		return admit_to_account(in);
	buf_printf(&b,
		"provider %.*s calls, but its customer %.*s has no account %.*s: let the "
		"provider's contact name one",
		STR_ARG(p->name), STR_ARG(p->customer), STR_ARG(str_first(in->req->uri.user, 64)));
	return refuse_because(in, 404, buf_str(&b));
}

/* Who says so without a token: by name, which is believed as far as addresses do not forbid it,
 * or by where it comes from. */
static void find_origin(struct incoming *in)
{
	in->provider = origin_by_name(in->l, &in->req->uri);
	in->sure = in->provider && in->provider->addresses.n;
	if (in->provider)
		return;
	in->provider = origin_by_address(in->l, &in->req->uri, &in->flow->remote);
	in->sure = in->provider != NULL;
}

static bool admit_call(struct incoming *in)
{
	struct directory *d = in->l->env.directory;

	in->provider = origin_by_token(in->l, in->req);
	if (in->provider)
		return check_source(in) && admit_from_provider(in);
	if (directory_domain_of(d, &in->req->from.uri, false, in->domain, sizeof(in->domain)))
		return admit_outgoing(in);
	find_origin(in);
	if (!check_source(in))
		return false;
	if (in->sure)
		return admit_from_provider(in);
	if (directory_domain_of(d, &in->req->uri, true, in->domain, sizeof(in->domain)))
		return admit_incoming(in);
	return refuse(in, 404, STR("Domain not serviced"));
}

/* Options that we do not know and that must be understood (RFC 3261 8.2.2.3). */
static bool check_require(struct incoming *in)
{
	struct sip_hdr_iter it = { 0 };
	struct str tag;

	while (sip_msg_next(in->req, SIP_HDR_REQUIRE, &it, &tag)) {
		struct sip_extra extra = { .id = SIP_HDR_UNSUPPORTED, .value = tag };

		if (str_ieq(tag, STR("100rel")) || str_ieq(tag, STR("timer")))
			continue;
		refuse_with(in, 420, STR_NONE, &extra);
		return false;
	}
	return true;
}

static bool admit(struct incoming *in)
{
	struct call_layer *l = in->l;

	if (in->req->has_max_forwards && in->req->max_forwards == 0)
		return refuse(in, 483, STR_NONE);
	if (in->req->uri.scheme == SIP_SCHEME_SIPS && in->flow->proto != TP_TLS)
		return refuse(in, 416, STR("sips is called over TLS"));
	if (!admit_call(in))
		return false;
	if (!check_require(in))
		return false;
	return in->req->method != SIP_INVITE || session_accepts(l, in->req, in->flow);
}

static bool take_place(struct incoming *in, struct call *c)
{
	struct call_layer *l = in->l;
	unsigned max = in->customer->calls_max ? in->customer->calls_max : l->cfg.calls_max;

	if (c->method != SIP_INVITE)
		return true;
	if (!call_limits_take(l->env.limits, c->customer, max))
		return false;
	c->counted = true;
	return true;
}

static void describe(struct call *c, const struct incoming *in)
{
	struct call_record *r = &c->record;
	size_t max = in->req->request_uri.n + 1;
	struct buf b = { .p = arena_alloc(&c->arena, max), .max = max };

	r->direction = str_of(in->direction);
	r->a_call_id = arena_str(&c->arena, in->req->call_id);
	r->from = arena_str(&c->arena, in->req->from.uri.text);
	origin_print(&b, in->req->request_uri);
	r->to = buf_str(&b);
	r->request_uri = r->to;
	r->a_remote = call_flow_text(&c->arena, in->flow, true);
	if (in->plan)
		r->dialplan = arena_str(&c->arena, in->plan->name);
	c->from_provider = in->provider != NULL;
	if (in->provider)
		r->provider = arena_str(&c->arena, in->provider->name);
}

static enum err make_a_leg(struct call *c, const struct incoming *in, struct tx_server *tx)
{
	char contact[256];
	struct buf b = BUF_OF(contact);
	enum err e;

	c->a = leg_new(c, false);
	if (c->method != SIP_INVITE)
		return ERR_OK;
	contact_print(&b, c->layer, STR_NONE, in->flow, in->req->uri.scheme == SIP_SCHEME_SIPS,
		in->req->call_id, tx_server_tag(tx));
	e = dialog_init_uas(&c->a->d, in->req, in->flow, tx_server_tag(tx), buf_str(&b));
	if (e != ERR_OK)
		return e;
	c->a->d.owner = c->a;
	c->a->outside = !str_eq(str_of(in->direction), STR("out"));
	if (!c->a->outside)
		c->a->aor = arena_str(&c->arena, in->account->aor);
	if (in->sure)
		credentials_of_caller(c->a, in->provider, in->flow);
	media_of_caller(c->a, str_eq(str_of(in->direction), STR("out")) ? in->account : NULL,
		in->provider, in->req);
	dialog_table_add(&c->layer->dialogs, &c->a->d);
	return ERR_OK;
}

static void start_run(struct call *c, struct incoming *in)
{
	struct caller caller;
	struct run *r;

	caller_of_request(&caller, in->req, &c->setup->arena);
	r = run_new(c, NULL, &caller);
	r->direction = in->direction;
	r->customer = c->customer;
	r->account = account_ref(in->account);
	r->plan = in->plan ? dialplan_ref(in->plan) : NULL;
	run_start(r);
}

static void accept_call(struct incoming *in)
{
	struct call_layer *l = in->l;
	struct tx_server *tx;
	struct call *c;

	if (l->cfg.calls_total_max && l->count >= l->cfg.calls_total_max) {
		(void)refuse(in, 503, STR("Too many calls"));
		return;
	}
	c = call_new(l, STR_NONE, in->account->customer, in->account->aor);
	c->method = in->req->method;
	if (!take_place(in, c)) {
		(void)refuse(in, 480, STR("Maximum number of concurrent calls reached"));
		call_abandon(c);
		return;
	}
	if (tx_server_new(l->env.uac.tx, in->req, in->flow, &setup_tx_handlers, c, &tx) != ERR_OK) {
		call_abandon(c);
		return;
	}
	describe(c, in);
	c->setup = setup_new(c, in->req, tx);
	if (make_a_leg(c, in, tx) != ERR_OK) {
		call_reject(c, 400, STR("The request cannot make a dialog"), NULL, 0);
		return;
	}
	call_event(c, EV_CALL_START, "%.*s calls %.*s (%s%s%.*s%s%.*s)", STR_ARG(c->record.from),
		STR_ARG(c->record.to), in->direction, in->provider ? ", provider " : "",
		STR_ARG(c->record.provider), in->plan ? ", dialplan " : "",
		STR_ARG(c->record.dialplan));
	if (c->method == SIP_INVITE)
		cdr_put(c);
	if (c->method == SIP_INVITE)
		diagnosis_of_peer(c->a, in->req, in->flow);
	start_run(c, in);
}

void call_on_request(struct call_layer *l, struct sip_msg *req, const struct flow *flow)
{
	struct incoming in = { .l = l, .req = req, .flow = flow };

	if (admit(&in))
		accept_call(&in);
	provider_unref(in.provider);
	account_unref(in.account);
	customer_unref(in.customer);
	dialplan_unref(in.plan);
}

bool call_check_source(struct call_layer *l, struct sip_msg *req, const struct flow *flow)
{
	struct incoming in = { .l = l, .req = req, .flow = flow };
	bool ok;

	in.provider = origin_by_token(l, req);
	if (!in.provider)
		in.provider = origin_by_name(l, &req->uri);
	ok = check_source(&in);
	provider_unref(in.provider);
	return ok;
}
