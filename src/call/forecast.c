/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sys.MediaPath: whether media would find its way between the caller and a destination, before
 * anybody is called. What a phone that is not asked yet will say of its media is concluded from
 * what it says of itself in its Contact; of several phones the best one counts.
 */
#include "call/model.h"

#include "nat/body.h"

struct forecast {
	struct run *run;
	bool leave; /* ma=false */
	const struct account *account;
	bool any;
	enum nat_path best;
	char reason[300];
};

static void take(struct forecast *f, enum nat_path path, struct str reason)
{
	if (f->any && path <= f->best)
		return;
	f->any = true;
	f->best = path;
	if (str_copy(str_first(reason, sizeof(f->reason) - 1), f->reason, sizeof(f->reason)))
		f->reason[0] = '\0';
}

static struct nat_outcome of_address(const struct nat_media *m, const struct addr *own)
{
	struct nat_outcome o = { .stated = *own };

	o.reason = nat_media_address(m, own, &o.given);
	return o;
}

/* What would become of the caller's SDP; without one, of what the caller calls itself. */
static struct nat_outcome of_caller(const struct run *r, const struct nat_media *m)
{
	const struct leg *a = r->call->a;
	struct str sdp = nat_body_sdp(r->caller.type, r->caller.body);
	struct nat_rewrite rewrite;
	struct addr own;

	if (sdp.n) {
		(void)nat_media_plan(&rewrite, sdp, m);
		if (rewrite.out.reason > NAT_UNREADABLE)
			return rewrite.out;
	}
	if (addr_parse_ip(r->caller.req->via.host, 0, &own) != ERR_OK)
		own = a->d.flow.remote;
	return of_address(m, &own);
}

/* Somebody who may be called: what is known before that. */
struct prospect {
	struct nat_side side;
	struct nat_end end;
	struct addr own; /* what it calls itself; unset: not known */
};

static enum nat_path judge(const struct run *r, bool leave, struct prospect *p, struct buf *why)
{
	struct call *c = r->call;
	struct nat_side caller = media_side_of(c->a);
	struct nat_media there = media_between(c, &caller, &p->side, leave);
	struct nat_media back = media_between(c, &p->side, &caller, leave);
	struct nat_end a = media_end_of(c->a);

	a.said = of_caller(r, &there);
	p->end.said = addr_set(&p->own)
		? of_address(&back, &p->own)
		: (struct nat_outcome){ .reason = NAT_KEPT_REACHABLE, .given = a.said.given };
	return nat_path_between(&a, &p->end, why);
}

static void consider(struct forecast *f, struct prospect *p)
{
	char text[300];
	struct buf why = BUF_OF(text);
	enum nat_path path = judge(f->run, f->leave, p, &why);

	take(f, path, buf_str(&why));
}

static struct prospect phone(const struct call *c, const struct account *acc, struct str contact,
	const struct flow *flow, bool behind_proxy)
{
	struct prospect p = { .side = { .observed = flow->remote,
				      .policy = nat_policy_of(acc->media),
				      .network = acc->network_id },
		.end = { .who = "the callee" },
		.own = flow->remote };
	struct sip_uri uri;
	struct addr stated;

	if (sip_uri_parse(contact, &uri) == ERR_OK &&
		addr_parse_ip(uri.host, sip_uri_port(&uri), &stated) == ERR_OK)
		p.own = stated;
	if (!behind_proxy)
		p.end.kind = nat_kind_of_contact(contact, &flow->remote, flow->proto == TP_UDP);
	p.end.kind = media_kind(c, &flow->remote, p.end.kind);
	return p;
}

static void of_binding(const struct binding *b, void *arg)
{
	struct forecast *f = arg;
	struct prospect p = phone(f->run->call, f->account, b->contact, &b->flow, b->path.n > 0);

	consider(f, &p);
}

bool forecast_attempt(
	const struct attempt *at, enum nat_path worst, struct nat_media *m, struct buf *why)
{
	const struct run *r = at->dial->run;
	struct nat_side caller = media_side_of(at->call->a);
	struct prospect p = phone(at->call, at->account, at->uri, &at->flow, at->path.n > 0);
	bool leave = media_leaves(at);

	if (leave || caller.policy == NAT_NEVER || p.side.policy == NAT_NEVER)
		return false;
	*m = media_between(at->call, &caller, &p.side, leave);
	return judge(r, leave, &p, why) <= worst;
}

static void of_account(struct forecast *f, const struct dial_leg *leg, struct str domain)
{
	struct call_env *env = &f->run->call->layer->env;
	struct account *acc = directory_account_dotted(env->directory, leg->user, domain);

	if (!acc)
		return;
	f->account = acc;
	location_each(
		env->location, acc->aor, call_worker(f->run->call)->clock.wall_ms, of_binding, f);
	f->account = NULL;
	account_unref(acc);
}

/* Nothing is known of its address before it is called, but for a server given by number. */
static void of_outside(struct forecast *f, struct str uri_text, const struct provider *p)
{
	struct prospect o = { .side = { .policy = p ? nat_policy_of(p->media) : NAT_AUTO,
				      .provider = p },
		.end = { .who = p ? "the provider" : "the callee", .provider = p } };
	struct sip_uri uri;

	if (sip_uri_parse(uri_text, &uri) == ERR_OK && addr_parse_ip(uri.host, 0, &o.own) == ERR_OK)
		o.side.observed = o.own;
	else
		best_effort(addr_parse_ip(STR("192.0.2.1"), 0, &o.side.observed)); /* outside */
	consider(f, &o);
}

static void of_leg(struct forecast *f, const struct dial_leg *leg)
{
	struct call_layer *l = f->run->call->layer;
	struct provider *p;
	char domain[256];

	f->leave = !leg->mangle;
	if (leg->fields) {
		of_outside(f, leg->uri, NULL);
		return;
	}
	if (target_is_local(l, leg->host, domain, sizeof(domain))) {
		of_account(f, leg, str_of(domain));
		return;
	}
	p = directory_provider(l->env.directory, f->run->customer, leg->host);
	of_outside(f, p ? p->server : leg->uri, p);
	provider_unref(p);
}

static json_t *answer(const struct forecast *f)
{
	if (!f->any)
		return json_pack("{s:s,s:s}", "path", nat_path_name(NAT_PATH_NONE), "reason",
			"nobody is there to be called");
	return json_pack("{s:s,s:o}", "path", nat_path_name(f->best), "reason",
		call_json(str_of(f->reason)));
}

json_t *forecast_media(struct run *r, const struct dial_plan *plan)
{
	struct forecast f = { .run = r };

	if (r->call->method != SIP_INVITE)
		return json_null();
	for (unsigned i = 0; i < plan->count; i++)
		of_leg(&f, &plan->legs[i]);
	return answer(&f);
}
