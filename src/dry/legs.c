/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the legs of a Dial would go, and what would come of it. */
#include <string.h>

#include "dialplan/failure.h"
#include "directory/dialled.h"
#include "dry/call_int.h"
#include "sip/field.h"
#include "sip/uri.h"

enum { REDIRECTS_MAX = 5 };

enum outcome { WAITS, ANSWERS, FAILS, DROPPED };

struct leg {
	const struct dial_leg *leg;
	const char *kind; /* account, dialplan, provider, direct; NULL: dropped */
	struct provider *provider;
	struct account *account;
	struct str uri, hop;
	enum outcome outcome;
	bool tried;
	unsigned status;
	struct str reason, redirect;
};

struct dialling {
	struct dry_call *c;
	json_t *args;
	struct leg legs[DIAL_LEGS_MAX];
	unsigned count, redirects;
	const char *result;
	unsigned status;
	struct str reason, redirect;
	enum dial_failure failure; /* the most that is known */
	json_t *dialled;
};

/* ---- whom ---- */

static bool named(const struct leg *l, struct str who)
{
	struct str text = str_first(l->leg->text, str_find(l->leg->text, '['));

	return (l->provider && str_ieq(who, l->provider->name)) ||
		(l->account &&
			(str_ieq(who, l->account->username) || str_ieq(who, l->account->aor))) ||
		str_ieq(who, l->leg->host) || str_ieq(who, l->leg->user) ||
		str_ieq(who, str_trim(text)) || str_ieq(who, l->uri);
}

static bool given_again(const struct dry_call *c, unsigned i)
{
	for (unsigned k = i + 1; k < c->answer_count; k++)
		if (str_ieq(c->answers[k].who, c->answers[i].who))
			return true;
	return false;
}

/* Of several answers of one name each is given once, the last one from then on. */
static struct str answer_for(struct dry_call *c, const struct leg *l)
{
	struct str found = STR_NONE;

	for (unsigned pass = 0; pass < 2 && !found.p; pass++) {
		for (unsigned i = 0; i < c->answer_count && !found.p; i++) {
			bool any = str_eq(c->answers[i].who, STR("*"));

			if (!c->answers[i].what.n ||
				(pass ? !any : any || !named(l, c->answers[i].who)))
				continue;
			found = c->answers[i].what;
			if (given_again(c, i))
				c->answers[i].what = STR_NONE; /* used up */
		}
	}
	return found;
}

static void fails(struct leg *l, unsigned status, struct str reason)
{
	l->outcome = FAILS;
	l->status = status;
	l->reason = reason;
}

static void take_answer(struct dry_call *c, struct leg *l)
{
	struct str a = answer_for(c, l);
	uint32_t status;

	if (str_ieq(a, STR("ok")) || str_ieq(a, STR("answer")))
		l->outcome = ANSWERS;
	else if (str_ieq(a, STR("busy")))
		fails(l, 486, STR("Busy Here"));
	else if (str_ieq(a, STR("unavailable")) || str_ieq(a, STR("failed")))
		fails(l, 503, STR("Service Unavailable"));
	else if (str_u32(str_first(a, 3), &status) == ERR_OK && status >= 300 && status < 700) {
		fails(l, status, STR("as the dry run was told"));
		if (a.n > 4 && a.p[3] == ':')
			l->redirect = str_from(a, 4);
	} else if (str_eq(a, STR("200"))) {
		l->outcome = ANSWERS;
	}
}

/* ---- where ---- */

static void drop(struct leg *l, unsigned status, const char *why)
{
	l->kind = NULL;
	l->outcome = DROPPED;
	l->status = status;
	l->reason = str_of(why);
}

/* As target.c: not when the account's own dialplan is the one that dials. */
static bool has_own_plan(const struct dry_call *c, const struct account *acc)
{
	return acc->in_dialplan.n &&
		!(str_ieq(acc->customer, c->customer) && str_ieq(acc->in_dialplan, c->name));
}

static void to_account(struct dry_call *c, struct leg *l, struct str domain)
{
	struct account *acc = directory_account_dotted(c->directory, l->leg->user, domain);

	l->account = acc;
	if (!acc) {
		drop(l, 404, "does not exist");
		return;
	}
	l->uri = str_of(arena_printf(c->arena, "sip:%.*s", STR_ARG(acc->aor)));
	l->kind = has_own_plan(c, acc) ? "dialplan" : "account";
	if (acc->disabled)
		drop(l, 403, "is disabled");
	else if (!has_own_plan(c, acc) && !dry_registered(c, acc))
		drop(l, 480, "is not registered");
}

static void to_provider(struct dry_call *c, struct leg *l)
{
	const struct provider *p = l->provider;

	l->kind = "provider";
	l->uri = dialled_uri(p, l->leg->user, l->leg->uri, c->arena);
	l->hop = dialled_hop(p, l->uri, dialled_route(p, c->arena), c->arena);
	if (dialled_fault(p))
		drop(l, 480, dialled_fault(p));
	else if (!l->uri.n)
		drop(l, 480, "cannot be called: the provider's server is not a SIP URI");
}

static void find(struct dry_call *c, struct leg *l)
{
	char domain[256];

	l->uri = l->leg->uri;
	if (l->leg->fields) {
		l->kind = "direct";
	} else if (dialled_is_local(c->directory, l->leg->host, domain, sizeof(domain))) {
		to_account(c, l, arena_str(c->arena, str_of(domain)));
	} else {
		l->provider = directory_provider(c->directory, c->customer, l->leg->host);
		if (l->provider)
			to_provider(c, l);
		else
			l->kind = "direct";
	}
	if (l->kind)
		take_answer(c, l);
}

/* ---- what it says ---- */

static void put(json_t *o, const char *key, struct str value)
{
	if (value.n)
		json_object_set_new(o, key, dry_json(value));
}

static json_t *options_json(const struct dial_leg *l)
{
	static const char *const redirects[] = { NULL, "new call", "manual" };
	json_t *o = json_object();
	char transfer[2] = { l->transfer, 0 };

	if (l->delay_s)
		json_object_set_new(o, "delay_s", json_integer(l->delay_s));
	if (l->duration_s)
		json_object_set_new(o, "duration_s", json_integer(l->duration_s));
	if (redirects[l->redirect])
		json_object_set_new(o, "redirect", json_string(redirects[l->redirect]));
	if (!l->mangle)
		json_object_set_new(o, "mangle", json_false());
	put(o, "from_name", l->from_display);
	put(o, "from_user", l->from_user);
	put(o, "from_host", l->from_host);
	put(o, "transfer", str_of(transfer));
	return o;
}

/* The provider's with what they stand for, then the script's. */
static json_t *headers_json(struct dialling *d, const struct leg *l)
{
	struct dial_substitutions sub;
	struct str rest = l->provider ? l->provider->custom_headers : STR_NONE, line;
	json_t *list = json_array(), *own = json_object_get(d->args, "headers");

	dry_substitutions(d->c, &sub);
	while (str_cut(&rest, '\n', &line)) {
		char mem[2048];
		struct buf b = BUF_OF(mem);

		dial_substitute(&b, str_trim(line), &sub);
		if (b.n)
			json_array_append_new(list, dry_json(buf_str(&b)));
	}
	if (own)
		json_array_extend(list, own);
	return list;
}

static json_t *leg_json(struct dialling *d, const struct leg *l)
{
	json_t *o = json_pack("{s:i,s:o,s:s,s:o,s:b}", "group", (int)l->leg->group + 1, "to",
		dry_json(l->leg->text), "kind", l->kind ? l->kind : "nobody", "uri",
		dry_json(l->uri), "tried", l->tried);
	json_t *options = options_json(l->leg), *headers = headers_json(d, l);

	if (l->provider)
		put(o, "provider", l->provider->name);
	if (l->account)
		put(o, "account", l->account->aor);
	if (l->hop.n && !str_eq(l->hop, l->uri))
		put(o, "hop", l->hop);
	put(o, "from", l->provider ? l->provider->from : l->leg->from);
	if (json_object_size(options))
		json_object_set(o, "options", options);
	if (json_array_size(headers))
		json_object_set(o, "headers", headers);
	json_decref(options);
	json_decref(headers);
	json_object_set_new(o, "outcome",
		json_string(l->outcome == ANSWERS       ? "answers"
				: l->outcome == FAILS   ? "fails"
				: l->outcome == DROPPED ? "cannot be called"
				: l->tried              ? "does not answer"
							: "not tried"));
	if (l->status) {
		json_object_set_new(o, "status", json_integer(l->status));
		put(o, "reason", l->reason);
	}
	return o;
}

static void note_failure(struct dialling *d, enum dial_failure f)
{
	if (d->failure < f)
		d->failure = f;
}

static void note(struct dialling *d, const struct leg *l)
{
	enum dial_failure f = dial_failure_of(l->provider != NULL, l->status, true);

	note_failure(d, f);
	json_array_append_new(d->dialled,
		json_pack("{s:o,s:i,s:o,s:[],s:s,s:s,s:s}", "uri", dry_json(l->uri), "status",
			(int)l->status, "reason", dry_json(l->reason), "headers", "body", "",
			"state", "Completed", "class", failure_name(f)));
	d->status = l->status;
	d->reason = l->reason;
}

/* ---- what would follow ---- */

/* Joins the same group, as the service follows it. */
static void follow(struct dialling *d, const struct leg *from)
{
	struct dial_leg *next = arena_new(d->c->arena, struct dial_leg);
	struct leg *l = &d->legs[d->count];
	struct sip_uri uri;

	if (d->count == DIAL_LEGS_MAX || d->redirects++ >= REDIRECTS_MAX ||
		sip_uri_parse(from->redirect, &uri) != ERR_OK)
		return;
	*next = *from->leg;
	next->delay_s = 0;
	next->text = next->uri = from->redirect;
	next->user = uri.user;
	next->host = uri.host;
	*l = (struct leg){ .leg = next };
	find(d->c, l);
	d->count++;
}

static void fail_leg(struct dialling *d, struct leg *l)
{
	note(d, l);
	if (!l->redirect.n)
		return;
	if (l->leg->redirect == DIAL_REDIRECT_FOLLOW)
		follow(d, l);
	else
		d->redirect = l->redirect;
}

/* true: the Dial is over. */
static bool try_group(struct dialling *d, unsigned group)
{
	struct leg *answers = NULL;
	bool waits = false;

	for (unsigned i = 0; i < d->count; i++) {
		struct leg *l = &d->legs[i];

		if (l->leg->group != group || !l->kind || l->tried)
			continue;
		l->tried = true;
		if (l->outcome == FAILS)
			fail_leg(d, l); /* may add one behind */
		waits = waits || l->outcome == WAITS;
		if (l->outcome == ANSWERS && (!answers || l->leg->delay_s < answers->leg->delay_s))
			answers = l;
	}
	if (answers) {
		d->result = "Answered";
		d->c->over = d->c->answered = true;
		d->redirect = answers->leg->text; /* who, for the step */
	} else if (waits) {
		d->result = "TimedOut";
		d->status = 480;
		d->reason = STR("No answer");
		note_failure(d, FAILURE_NO_ANSWER);
	}
	return answers || waits;
}

static void try_all(struct dialling *d, unsigned groups)
{
	bool any = false;

	for (unsigned i = 0; i < d->count; i++) {
		any = any || d->legs[i].kind;
		if (!d->legs[i].kind) {
			note_failure(d, FAILURE_UNREACHABLE);
			d->status = d->legs[i].status;
			d->reason = str_of(arena_printf(d->c->arena, "%.*s %.*s",
				STR_ARG(str_first(d->legs[i].leg->text, 100)),
				STR_ARG(d->legs[i].reason)));
		}
	}
	d->result = any ? "Failed" : "Error";
	for (unsigned g = 0; any && g < groups; g++)
		if (try_group(d, g))
			return;
	if (d->redirect.n)
		d->result = "Redirect";
}

static void note_step(struct dialling *d, struct str string)
{
	json_t *step = json_pack(
		"{s:s,s:o,s:s}", "step", "dial", "string", dry_json(string), "result", d->result);
	json_t *legs = json_array(), *from = json_object_get(d->args, "from");

	for (unsigned i = 0; i < d->count; i++)
		json_array_append_new(legs, leg_json(d, &d->legs[i]));
	json_object_set(step, "ring_s", json_object_get(d->args, "ring"));
	json_object_set(step, "limit_s", json_object_get(d->args, "limit"));
	if (json_is_object(from))
		json_object_set(step, "from", from);
	json_object_set_new(step, "legs", legs);
	if (d->c->answered) {
		put(step, "answered_by", d->redirect);
	} else {
		json_object_set_new(step, "status", json_integer(d->status));
		put(step, "reason", d->reason);
	}
	dry_step(d->c, step);
}

static json_t *answer(struct dialling *d)
{
	json_t *o;

	if (d->c->answered)
		return json_pack("{s:b}", "stop", 1);
	o = json_pack("{s:s,s:i,s:o,s:O,s:s}", "result", d->result, "status", (int)d->status,
		"reason", dry_json(d->reason), "dialled", d->dialled, "class",
		failure_name(d->failure));
	if (d->redirect.n)
		json_object_set_new(o, "redirect_uri", dry_json(d->redirect));
	d->c->status = d->status;
	d->c->reason = arena_str(d->c->arena, d->reason);
	return json_pack("{s:o}", "result", o);
}

static json_t *malformed(struct dry_call *c, struct str string, struct str why)
{
	dry_step(c,
		json_pack("{s:s,s:o,s:s,s:o,s:[]}", "step", "dial", "string", dry_json(string),
			"result", "Error", "reason", dry_json(why), "legs"));
	return json_pack("{s:{s:s,s:[]}}", "result", "result", "Error", "dialled");
}

json_t *dry_dial_plan(struct dry_call *c, json_t *args, struct str string, struct dial_plan *plan)
{
	struct dialling *d = arena_new(c->arena, struct dialling);
	json_t *a;

	c->legs += plan->count;
	if (c->legs > DIAL_LEGS_MAX)
		return malformed(c, string, STR("more than 20 legs in one execution"));
	*d = (struct dialling){ .c = c, .args = args, .dialled = json_array() };
	for (unsigned i = 0; i < plan->count; i++) {
		d->legs[d->count] = (struct leg){ .leg = &plan->legs[i] };
		find(c, &d->legs[d->count++]);
	}
	try_all(d, plan->groups);
	note_step(d, string);
	a = answer(d);
	json_decref(d->dialled);
	for (unsigned i = 0; i < d->count; i++) {
		account_unref(d->legs[i].account);
		provider_unref(d->legs[i].provider);
	}
	return a;
}

json_t *dry_dial(struct dry_call *c, json_t *args)
{
	struct dial_plan *plan = arena_new(c->arena, struct dial_plan);
	struct str string = dry_arg(args, "string");
	struct dial_substitutions sub;
	char text[256];
	struct buf why = BUF_OF(text);

	dry_substitutions(c, &sub);
	if (dial_parse(string, &sub, c->arena, plan, &why) != ERR_OK || !plan->count)
		return malformed(c, string, buf_str(&why));
	return dry_dial_plan(c, args, string, plan);
}
