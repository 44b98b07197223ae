/* SPDX-License-Identifier: BSD-3-Clause */
/* A run: somebody decides what happens to the call, a script or the built-in route. */
#include "call/native.h"

#include "sip/print.h"

struct run *run_find(struct call_layer *l, struct str call, uint64_t script)
{
	struct call *c = call_find(l, call);

	if (!c || !c->setup)
		return NULL;
	list_each (it, &c->setup->runs) {
		struct run *r = container_of(it, struct run, link);

		if (r->running && r->script == script)
			return r;
	}
	return NULL;
}

struct run *run_new(struct call *c, struct attempt *parent, const struct caller *caller)
{
	struct run *r = arena_new(&c->setup->arena, struct run);

	r->call = c;
	r->parent = parent;
	r->depth = parent ? parent->dial->run->depth + 1 : 0;
	r->caller = *caller;
	r->direction = "in";
	list_append(&c->setup->runs, &r->link);
	return r;
}

void run_failed(struct run *r, unsigned status, struct str reason)
{
	if (r->over)
		return;
	r->over = true;
	if (r->parent && status < 400 && r->redirect_uri.n)
		attempt_redirected(r->parent, 480, reason, r->redirect_uri, NULL);
	else if (r->parent)
		dial_attempt_failed(r->parent, status, reason, NULL);
	else
		call_reject(r->call, status, reason, NULL, 0);
}

/* ---- the built-in route: accounts of the own domain, all bindings ---- */

static struct account *callee_of(struct run *r, struct sip_uri *uri, char *domain, size_t max)
{
	struct call_layer *l = r->call->layer;

	if (r->account && str_eq(str_of(r->direction), STR("in")))
		return account_ref(r->account);
	if (!directory_domain_of(l->env.directory, uri, true, domain, max) || str_empty(uri->user))
		return NULL;
	if (r->account && !str_ieq(str_of(domain), r->account->domain))
		return NULL;
	return target_account(l, uri->text, uri->user, str_of(domain));
}

static void route_builtin(struct run *r)
{
	struct arena *a = &r->call->setup->arena;
	struct dial_leg *leg = arena_new(a, struct dial_leg);
	struct sip_uri *uri = &r->caller.req->uri;
	char domain[256];
	struct account *callee;
	struct dial *d;

	callee = callee_of(r, uri, domain, sizeof(domain));
	if (!callee) {
		run_failed(r, 404, STR("Not Found"));
		return;
	}
	if (callee->disabled) {
		account_unref(callee);
		run_failed(r, 403, STR("SIP account disabled"));
		return;
	}
	leg->uri = arena_str(a, uri->text);
	leg->text = arena_str(a, callee->aor);
	leg->user = arena_str(a, callee->username);
	leg->host = arena_str(a, callee->domain);
	leg->mangle = true;
	d = dial_new(r);
	d->ring_s = r->call->layer->cfg.ring_s;
	d->groups = 1;
	target_add_account(d, leg, callee);
	account_unref(callee);
	dial_begin(d);
}

/* ---- scripts ---- */

static json_t *input_json(const struct run *r)
{
	json_t *account = json_null();
	json_t *in;

	if (r->account)
		account = json_pack("{s:o,s:o}", "username", call_json(r->account->username),
			"domain", call_json(r->account->domain));
	in = json_pack("{s:s,s:o,s:o,s:o,s:o}", "direction", r->direction, "username",
		call_json(r->customer), "dialplan", call_json(r->plan->name), "account", account,
		"request", caller_json(&r->caller, tx_server_flow(r->call->setup->tx)));
	if (!r->parent && r->call->from_provider)
		json_object_set_new(in, "provider", call_json(r->call->record.provider));
	if (!str_empty(r->redirect_uri))
		json_object_set_new(in, "redirect_uri", call_json(r->redirect_uri));
	return in;
}

static const char *failure_reason(struct str message)
{
	if (str_find_str(message, STR("syntax")) < message.n)
		return "Dial plan syntax error";
	if (str_find_str(message, STR("NoMethodError")) < message.n)
		return "Dial plan missing method";
	return "Dial plan exception";
}

static void on_script_error(struct run *r, enum dialplan_end end, struct str message)
{
	if (end == DIALPLAN_END_ERROR)
		run_failed(r, 500, str_of(failure_reason(message)));
	else if (end == DIALPLAN_END_KILLED)
		run_failed(r, 500, STR("Dial plan stopped: it reached a limit"));
	else
		run_failed(r, 500, STR("Dial plan script engine was overloaded"));
}

static void on_script_end(
	void *arg, uint64_t id, enum dialplan_end end, struct str message, unsigned line)
{
	struct run *r = arg;
	struct setup *s = r->call->setup;

	r->running = false;
	r->command_open = false;
	if (r->call->state >= CALL_ANSWERED) {
		setup_free_if_done(s);
		return;
	}
	if (r->dial && !r->dial->over)
		dial_cancel(r->dial, STR_NONE, NULL);
	if (r->over)
		return;
	if (end != DIALPLAN_END_DONE)
		on_script_error(r, end, message);
	else if (r->status)
		run_failed(r, r->status, r->reason);
	else
		run_failed(r, 480, STR_NONE);
}

static const struct dialplan_handlers script_handlers = {
	.on_command = script_on_command,
	.on_end = on_script_end,
};

static void start_script(struct run *r)
{
	struct call_layer *l = r->call->layer;
	struct customer *owner = directory_customer(l->env.directory, r->customer);
	struct dialplan_start start = {
		.plan = r->plan,
		.customer = r->customer,
		.call = r->call->id,
		.scripts_max = owner ? owner->scripts_max : 0,
	};
	enum err e;

	customer_unref(owner);
	if (!l->env.dialplan) {
		run_failed(r, 500, STR("Dial plan script engine is not running"));
		return;
	}
	start.input = input_json(r);
	e = dialplan_start(l->env.dialplan, &start, &script_handlers, r, &r->script);
	if (e == ERR_OK) {
		r->running = true;
		return;
	}
	call_event(r->call, EV_SCRIPT_ERROR, "dialplan %.*s could not be started: %s",
		STR_ARG(r->plan->name), err_text(e));
	if (e == ERR_LIMIT)
		run_failed(r, 480, STR("Dial plan execution exceeded maximum allowed"));
	else
		run_failed(r, 500, STR("Dial plan script engine is not running"));
}

void run_start(struct run *r)
{
	if (r->depth > CALL_RUN_DEPTH_MAX) {
		run_failed(r, 482, STR("Dialplans lead to each other in a circle"));
		return;
	}
	if (r->plan && native_kind_of(r->plan->type) != NATIVE_NONE)
		native_start(r);
	else if (r->plan)
		start_script(r);
	else
		route_builtin(r);
}

/* rm=n: the plan once more, told where the callee wants the call to go. */
void run_redirect(struct run *r, struct str uri)
{
	struct run *again = run_new(r->call, r->parent, &r->caller);

	r->redirected = true;
	r->over = true; /* its result does not count any more */
	again->direction = "redirect";
	if (native_kind_of(r->plan->type) != NATIVE_NONE)
		again->direction = r->direction; /* rules go by it */
	again->customer = r->customer;
	again->account = r->account ? account_ref(r->account) : NULL;
	again->plan = dialplan_ref(r->plan);
	again->redirect_uri = uri;
	again->redirected = true;
	again->legs = r->legs;
	if (r->parent)
		r->parent->child = again;
	run_abort(r, false);
	run_start(again);
}

/* answered: the script may use its rescue and ensure parts; else nobody listens any more. */
void run_abort(struct run *r, bool answered)
{
	struct dialplan_engine *e = r->call->layer->env.dialplan;

	wizard_run_stop(r);
	if (!r->running)
		return;
	if (r->command_open) {
		r->command_open = false;
		script_stop_command(r, r->command);
	} else {
		dialplan_stop(e, r->script);
	}
	if (answered)
		return;
	dialplan_detach(e, r->script);
	r->running = false;
}

static json_t *dial_value(struct dial *d, enum dial_result result)
{
	static const char *const names[] = { "Failed", "TimedOut", "Error", "Redirect" };
	json_t *v = json_pack("{s:s,s:O}", "result", names[result], "dialled", d->dialled);

	if (d->status) {
		json_object_set_new(v, "status", json_integer(d->status));
		json_object_set_new(v, "reason", call_json(d->reason));
	}
	json_object_set_new(v, "class", json_string(failure_name(d->failure)));
	if (result == DIAL_REDIRECT)
		json_object_set_new(v, "redirect_uri", call_json(d->redirect_uri));
	return v;
}

void run_dial_done(struct run *r, struct dial *d, enum dial_result result)
{
	uint32_t command = r->command;

	if (d->status) {
		r->status = d->status;
		r->reason = d->reason;
	}
	if (!r->plan) {
		run_failed(r, d->status ? d->status : 480, d->reason);
		return;
	}
	if (native_kind_of(r->plan->type) != NATIVE_NONE) {
		native_dial_done(r);
		return;
	}
	if (!r->running || !r->command_open)
		return;
	r->command_open = false;
	script_answer(r, command, dial_value(d, result));
}
