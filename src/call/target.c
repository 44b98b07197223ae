/* SPDX-License-Identifier: BSD-3-Clause */
/* What a destination means (facts 4.3): an account of ours, a provider, or any SIP URI. */
#include "call/model.h"

#include "directory/dialled.h"
#include "location/gruu.h"
#include "sip/uri.h"

static struct arena *arena_of(const struct dial *d)
{
	return &d->run->call->setup->arena;
}

/* A destination that nobody can be called at: the reason stands if nothing else fails later. */
static void drop(struct dial *d, const struct dial_leg *leg, unsigned status, const char *why)
{
	d->status = status;
	if (d->failure < FAILURE_UNREACHABLE)
		d->failure = FAILURE_UNREACHABLE;
	d->reason = str_of(
		arena_printf(arena_of(d), "%.*s %s", STR_ARG(str_first(leg->text, 100)), why));
	call_event(d->run->call, EV_CALL_LEG, "%.*s", STR_ARG(d->reason));
}

/* One URI is called once in a Dial. */
static bool known(const struct dial *d, struct str uri)
{
	list_each (it, (struct list *)&d->attempts)
		if (str_eq(container_of(it, struct attempt, link)->uri, uri))
			return true;
	return false;
}

/* ---- bindings ---- */

struct adding {
	struct dial *d;
	const struct dial_leg *leg;
	struct account *account;
	struct gruu gruu;
	unsigned count;
	bool secure; /* sips: was called: over TLS, or not at all (RFC 3261 26.2.2) */
	unsigned insecure;
};

/* Two phones may give themselves the same name, behind two routers. */
static bool binding_known(const struct dial *d, const struct binding *b)
{
	list_each (it, (struct list *)&d->attempts) {
		const struct attempt *at = container_of(it, struct attempt, link);

		if (str_eq(at->uri, b->contact) &&
			(at->kind != ATTEMPT_BINDING || flow_same_peer(&at->flow, &b->flow)))
			return true;
	}
	return false;
}

/* A phone is called over one of its flows at a time (RFC 5626 section 5.3). */
static bool rings_already(const struct adding *add, const struct binding *b)
{
	list_each (it, &add->d->attempts) {
		const struct attempt *at = container_of(it, struct attempt, link);

		if (at->leg == add->leg && at->account == add->account && b->instance.n &&
			str_eq(at->instance, b->instance))
			return true;
	}
	return false;
}

/*
 * Through the proxies that its REGISTER came through (RFC 3327 section 5.3), and over the flow that
 * it came on: what an address leads to that a proxy or a phone gave itself, nobody knows.
 */
static void add_binding(const struct binding *b, void *arg)
{
	struct adding *add = arg;
	struct call *c = add->d->run->call;
	struct attempt *at;
	bool spare;

	if (!gruu_names(c->layer->env.key, &add->gruu, b))
		return;
	add->count++;
	if (binding_known(add->d, b))
		return;
	if (add->secure && b->flow.proto != TP_TLS) {
		add->insecure++;
		return;
	}
	spare = b->reg_id && rings_already(add, b);
	at = attempt_new(add->d, add->leg, ATTEMPT_BINDING, b->contact);
	if (!at)
		return;
	at->flow = b->flow;
	at->path = arena_str(&c->setup->arena, b->path);
	at->instance = arena_str(&c->setup->arena, b->instance);
	at->spare = spare;
	at->account = account_ref(add->account);
}

bool target_next_flow(struct attempt *failed)
{
	list_each (it, &failed->dial->attempts) {
		struct attempt *at = container_of(it, struct attempt, link);

		if (!at->spare || at->leg != failed->leg || at->account != failed->account ||
			!str_eq(at->instance, failed->instance))
			continue;
		at->spare = false;
		at->delay_s = 0;
		return true;
	}
	return false;
}

static void add_bindings(struct dial *d, const struct dial_leg *leg, struct account *acc)
{
	struct adding add = { .d = d, .leg = leg, .account = acc };
	struct sip_uri uri;

	add.secure = d->run->caller.req->uri.scheme == SIP_SCHEME_SIPS;
	if (sip_uri_parse(leg->uri, &uri) == ERR_OK)
		gruu_read(d->run->call->layer->env.key, &uri, &add.gruu);
	location_each(d->run->call->layer->env.location, acc->aor,
		call_worker(d->run->call)->clock.wall_ms, add_binding, &add);
	if (add.insecure && add.insecure == add.count)
		drop(d, leg, 480, "is not registered over TLS, as a call to sips: needs");
	if (!add.count &&
		location_lost(d->run->call->layer->env.location, acc->aor,
			call_worker(d->run->call)->clock.wall_ms))
		drop(d, leg, 480, "is registered, but its connection is gone");
	else if (!add.count)
		drop(d, leg, 480,
			add.gruu.kind ? "is not registered with that phone" : "is not registered");
}

/* Whether the account's own dialplan runs: not when it is the one that dials (facts 12.1.8). */
static bool has_own_plan(const struct run *r, const struct account *acc)
{
	if (str_empty(acc->in_dialplan))
		return false;
	return !(r->plan && str_ieq(acc->customer, r->customer) &&
		str_ieq(acc->in_dialplan, r->plan->name));
}

static void add_loopback(struct dial *d, const struct dial_leg *leg, struct account *acc)
{
	struct str uri = str_of(arena_printf(
		arena_of(d), "sip:%.*s@%.*s", STR_ARG(leg->user), STR_ARG(acc->domain)));
	struct attempt *at;

	if (known(d, uri))
		return;
	at = attempt_new(d, leg, ATTEMPT_LOOPBACK, uri);
	if (at)
		at->account = account_ref(acc);
}

void target_add_account(struct dial *d, const struct dial_leg *leg, struct account *acc)
{
	const struct run *r = d->run;
	bool incoming = r->parent == NULL && !r->plan && str_eq(str_of(r->direction), STR("in"));

	if (acc->disabled)
		drop(d, leg, 403, "is disabled");
	else if (!incoming && has_own_plan(r, acc))
		add_loopback(d, leg, acc);
	else
		add_bindings(d, leg, acc);
}

/* Takes over the reference. */
static void add_provider(struct dial *d, const struct dial_leg *leg, struct provider *p)
{
	struct str uri = dialled_uri(p, leg->user, leg->uri, arena_of(d));
	const char *fault = dialled_fault(p);
	struct attempt *at;

	if (fault) {
		drop(d, leg, 480, fault);
		goto out;
	}
	if (str_empty(uri)) {
		drop(d, leg, 480, "cannot be called: the provider's server is not a SIP URI");
		goto out;
	}
	if (known(d, uri))
		goto out;
	at = attempt_new(d, leg, ATTEMPT_PROVIDER, uri);
	if (!at)
		goto out;
	at->provider = p;
	at->trusted = true;
	at->route = dialled_route(p, arena_of(d));
	at->hop = dialled_hop(p, at->uri, at->route, arena_of(d));
	return;
out:
	provider_unref(p);
}

bool target_is_local(struct call_layer *l, struct str host, char *domain, size_t max)
{
	return dialled_is_local(l->env.directory, host, domain, max);
}

/* Whom a URI with one of our domains names; NULL: nobody. A reference. */
struct account *target_account(
	struct call_layer *l, struct str text, struct str user, struct str domain)
{
	struct sip_uri uri;
	struct gruu gruu = { .kind = GRUU_NONE };

	if (sip_uri_parse(text, &uri) == ERR_OK)
		gruu_read(l->env.key, &uri, &gruu);
	if (gruu.kind == GRUU_TEMPORARY)
		user = gruu.user;
	return str_empty(user) ? NULL : directory_account_dotted(l->env.directory, user, domain);
}

static void add_local(struct dial *d, const struct dial_leg *leg, struct str domain)
{
	struct account *acc = target_account(d->run->call->layer, leg->uri, leg->user, domain);

	if (!acc) {
		drop(d, leg, 404, "does not exist");
		return;
	}
	target_add_account(d, leg, acc);
	account_unref(acc);
}

/* A leg with credentials of its own: its host is what it says, whoever it is. */
static void add_fields(struct dial *d, const struct dial_leg *leg)
{
	struct attempt *at =
		known(d, leg->uri) ? NULL : attempt_new(d, leg, ATTEMPT_DIRECT, leg->uri);

	if (!at)
		return;
	at->trusted = true;
	if (leg->send_to.n) {
		bool scheme = str_istarts(leg->send_to, STR("sip:")) ||
			str_istarts(leg->send_to, STR("sips:"));

		at->route = str_of(arena_printf(
			arena_of(d), "%s%.*s", scheme ? "" : "sip:", STR_ARG(leg->send_to)));
	}
}

void target_add(struct dial *d, const struct dial_leg *leg)
{
	struct directory *dir = d->run->call->layer->env.directory;
	struct provider *p;
	char domain[256];

	if (leg->fields) {
		add_fields(d, leg);
		return;
	}
	if (target_is_local(d->run->call->layer, leg->host, domain, sizeof(domain))) {
		d->refused = d->refused || str_empty(leg->user);
		add_local(d, leg, str_of(domain));
		return;
	}
	p = directory_provider(dir, d->run->customer, leg->host);
	if (p) {
		add_provider(d, leg, p);
		return;
	}
	if (!known(d, leg->uri))
		(void)attempt_new(d, leg, ATTEMPT_DIRECT, leg->uri);
}

/* A further reference to the attempt's provider; NULL when it was removed meanwhile. */
struct provider *target_provider(const struct attempt *at)
{
	if (!at->provider)
		return NULL;
	return directory_provider(
		at->call->layer->env.directory, at->provider->customer, at->provider->name);
}

/* ---- 3xx ---- */

/* A copy of the leg's options with another destination, tried in the same group. */
static struct dial_leg *leg_for(struct attempt *at, const struct sip_uri *uri)
{
	struct arena *a = arena_of(at->dial);
	struct dial_leg *leg = arena_new(a, struct dial_leg);

	*leg = *at->leg;
	leg->delay_s = 0;
	leg->group = at->group;
	leg->text = leg->uri = arena_str(a, uri->text);
	leg->user = arena_str(a, uri->user);
	leg->host = uri->port ? str_of(arena_printf(a, "%.*s:%u", STR_ARG(uri->host), uri->port))
			      : arena_str(a, uri->host);
	return leg;
}

static bool same_server(struct str before, const struct sip_uri *uri)
{
	struct sip_uri old;

	return sip_uri_parse(before, &old) == ERR_OK && str_ieq(old.host, uri->host) &&
		sip_uri_port(&old) == sip_uri_port(uri) && !sip_uri_param(uri, STR("maddr")).p;
}

/* The same server keeps the provider's credentials and proxy; another one does not get them. */
static void follow_outside(
	struct attempt *at, const struct dial_leg *leg, const struct sip_uri *uri)
{
	struct attempt *next;

	next = attempt_new(
		at->dial, leg, at->provider ? ATTEMPT_PROVIDER : ATTEMPT_DIRECT, leg->uri);
	if (!next)
		return;
	if (!at->provider) {
		next->trusted = at->trusted && same_server(at->uri, uri);
		return;
	}
	next->provider = target_provider(at);
	if (!next->provider)
		next->kind = ATTEMPT_DIRECT;
	else
		next->trusted = at->trusted && same_server(at->uri, uri);
	if (next->trusted) {
		next->route = at->route;
		next->hop = dialled_hop(next->provider, next->uri, next->route, arena_of(at->dial));
	}
}

/* Its phones ring; its dialplan is not asked (facts 3.7). */
static void follow_inside(struct dial *d, const struct dial_leg *leg, struct str domain)
{
	struct account *acc = target_account(d->run->call->layer, leg->uri, leg->user, domain);

	if (!acc)
		drop(d, leg, 404, "does not exist");
	else if (acc->disabled)
		drop(d, leg, 403, "is disabled");
	else
		add_bindings(d, leg, acc);
	account_unref(acc);
}

/* contact: a Contact value. What it names joins the Dial; the caller starts what waits. */
void target_redirect(struct attempt *at, struct str contact)
{
	struct dial *d = at->dial;
	struct dial_leg *leg;
	struct sip_addr addr;
	char domain[256];

	if (sip_addr_parse(contact, &addr) != ERR_OK || addr.star || str_empty(addr.uri.host))
		return;
	leg = leg_for(at, &addr.uri);
	if (known(d, leg->uri) || d->redirects >= CALL_REDIRECTS_MAX)
		return;
	d->redirects++;
	if (target_is_local(d->run->call->layer, leg->host, domain, sizeof(domain)))
		follow_inside(d, leg, str_of(domain));
	else if (d->run->plan || str_eq(str_of(d->run->direction), STR("in")))
		follow_outside(at, leg, &addr.uri);
}
