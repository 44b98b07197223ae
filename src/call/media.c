/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SDP of every offer and answer passes here on its way from one side to the other: INVITE and
 * its answers, provisional ones too, ACK, PRACK, UPDATE, in both directions and for each fork.
 * nat/media.h has the rules; here is who the two sides are, and what is said about the result.
 */
#include "call/model.h"

#include <stdlib.h>

#include "nat/body.h"
#include "nat/media_relay.h"

/* ---- who they are ---- */

static bool parse_host(struct str host, uint16_t port, struct addr *out)
{
	return host.n && addr_parse_ip(host, port, out) == ERR_OK;
}

/*
 * A request that came through proxies: the first of them wrote down where it saw the phone. Only a
 * public address says more than that of the proxy.
 */
static void look_behind_proxies(struct leg *a, struct sip_msg *req)
{
	struct sip_hdr_iter it = { 0 };
	struct sip_via via;
	struct str text, last = STR_NONE;
	unsigned count = 0;
	uint32_t port = 0;
	struct addr seen;

	while (sip_msg_next(req, SIP_HDR_VIA, &it, &text)) {
		last = text;
		count++;
	}
	if (count < 2 || sip_via_parse(last, &via) != ERR_OK)
		return;
	if (via.rport.n && (str_u32(via.rport, &port) != ERR_OK || port > UINT16_MAX))
		port = 0;
	if (parse_host(via.received, (uint16_t)port, &seen) && !addr_is_private(&seen))
		a->media.seen = seen;
}

static enum nat_kind kind_of_caller(const struct leg *a, struct sip_msg *req)
{
	struct addr stated = { 0 };

	if (addr_set(&a->media.seen) ||
		!parse_host(req->via.host, req->via.port ? req->via.port : 5060, &stated))
		return NAT_UNKNOWN;
	return nat_kind_of(&stated, &a->d.flow.remote, a->d.flow.proto == TP_UDP);
}

static void set_network(struct leg *l, struct str id)
{
	l->media.network = id.n ? str_dup(id) : NULL;
}

void media_of_caller(
	struct leg *a, const struct account *acc, const struct provider *p, struct sip_msg *req)
{
	if (p) {
		a->media.provider = true;
		a->media.policy = nat_policy_of(p->media);
		return;
	}
	look_behind_proxies(a, req);
	a->media.kind = kind_of_caller(a, req);
	if (!acc)
		return;
	a->media.policy = nat_policy_of(acc->media);
	set_network(a, acc->network_id);
}

/* ma=false holds for all that the leg leads to, through further dialplans too. */
bool media_leaves(const struct attempt *at)
{
	for (; at; at = at->dial->run->parent)
		if (!at->leg->mangle)
			return true;
	return false;
}

static enum nat_policy policy_of(const struct attempt *at)
{
	if (at->provider)
		return nat_policy_of(at->provider->media);
	return at->kind == ATTEMPT_BINDING && at->account ? nat_policy_of(at->account->media)
							  : NAT_AUTO;
}

static struct str network_of(const struct attempt *at)
{
	return at->kind == ATTEMPT_BINDING && at->account ? at->account->network_id : STR_NONE;
}

static enum nat_kind kind_of_callee(const struct attempt *at)
{
	if (at->kind != ATTEMPT_BINDING || at->path.n)
		return NAT_UNKNOWN;
	return nat_kind_of_contact(at->uri, &at->flow.remote, at->flow.proto == TP_UDP);
}

void media_take_over(struct leg *l, const struct attempt *at)
{
	l->media.provider = at->provider != NULL;
	l->media.policy = policy_of(at);
	l->media.leave = media_leaves(at);
	l->media.kind = kind_of_callee(at);
	set_network(l, network_of(at));
	relayed_take_over(l, at);
}

struct nat_side media_side_of(const struct leg *l)
{
	const struct media_peer *p = &l->media;

	return (struct nat_side){ .observed = addr_set(&p->seen) ? p->seen : l->d.flow.remote,
		.policy = p->policy,
		.network = str_of(p->network ? p->network : ""),
		.provider = p->provider };
}

/* ---- bodies ---- */

struct nat_media media_between(
	const struct call *c, const struct nat_side *from, const struct nat_side *to, bool leave)
{
	return (struct nat_media){ .from = *from,
		.to = *to,
		.leave = leave,
		.public_address = c->layer->cfg.public_address,
		.rendezvous = c->layer->env.rendezvous };
}

/* What stands around the SDP in a multipart body stays. */
static struct media_body rewrite(
	const struct nat_media *m, struct str type, struct str body, struct nat_outcome *said)
{
	struct media_body out = { .text = body };
	struct str sdp = nat_body_sdp(type, body);
	struct nat_rewrite r;
	struct buf b = { .max = body.n + NAT_MEDIA_ROOM };

	if (!sdp.n)
		return out;
	if (nat_media_plan(&r, sdp, m)) {
		out.mem = b.p = mem_alloc(b.max);
		buf_add(&b, str_make(body.p, (size_t)(sdp.p - body.p)));
		sdp_print_edited(&b, &r.edits);
		buf_add(&b, str_from(body, (size_t)(sdp.p - body.p) + sdp.n));
		BUG_ON(!buf_ok(&b));
		out.text = buf_str(&b);
	}
	*said = r.out;
	return out;
}

void media_body_free(struct media_body *b)
{
	free(b->mem);
	b->mem = NULL;
}

static void tell(struct call *c, const char *who, const struct nat_outcome *o)
{
	char text[256];
	struct buf b = BUF_OF(text);

	if (o->reason == NAT_NO_MEDIA || o->reason == NAT_KEPT_REACHABLE ||
		!event_wanted(call_worker(c)->events, EV_CALL_MEDIA))
		return;
	nat_outcome_print(&b, o);
	call_event(c, EV_CALL_MEDIA, "media of %s: %.*s", who, STR_ARG(buf_str(&b)));
}

static const char *who(const struct leg *l)
{
	return l->b_side ? "the callee" : "the caller";
}

struct str media_offer(struct attempt *at, const struct flow *flow)
{
	const struct dial *d = at->dial;
	const struct caller *caller = &d->run->caller;
	struct call *c = at->call;
	struct str body = d->custom.content ? d->custom.body : caller->body;
	struct str type = d->custom.content && d->custom.type.n ? d->custom.type : caller->type;
	struct nat_side from, to = { .observed = flow->remote };
	struct nat_media m;
	struct media_body out;

	if (c->method != SIP_INVITE || !body.n)
		return body;
	if (addr_set(&at->body_for) && addr_eq(&at->body_for, &flow->remote))
		return at->body;
	from = media_side_of(c->a);
	to.policy = policy_of(at);
	to.network = network_of(at);
	to.provider = at->provider != NULL;
	m = media_between(c, &from, &to, media_leaves(at));
	if (at->ports) {
		m.relay = at->ports->to_callee;
		m.relay_count = at->ports->count;
	}
	out = rewrite(&m, type, body, &at->said);
	at->body = out.mem ? arena_str(&c->setup->arena, out.text) : body;
	at->body_for = flow->remote;
	media_body_free(&out);
	tell(c, "the caller", &at->said);
	return at->body;
}

static bool may_carry_sdp(const struct sip_msg *m)
{
	return m->body.n &&
		(m->method == SIP_INVITE || m->method == SIP_ACK || m->method == SIP_PRACK ||
			m->method == SIP_UPDATE);
}

struct media_body media_pass(struct leg *from, struct leg *to, const struct sip_msg *msg)
{
	struct nat_outcome before = from->media.said;
	struct nat_side f = media_side_of(from), t = media_side_of(to);
	struct nat_media m =
		media_between(from->call, &f, &t, from->media.leave || to->media.leave);
	struct media_body out = { .text = msg->body };

	if (!may_carry_sdp(msg))
		return out;
	relayed_between(from, to, &m);
	out = rewrite(&m, fields_type(msg), msg->body, &from->media.said);
	if (from->media.said.reason != before.reason ||
		!addr_eq(&from->media.said.stated, &before.stated))
		tell(from->call, who(from), &from->media.said);
	return out;
}

/* ---- conclusions ---- */

enum nat_kind media_kind(const struct call *c, const struct addr *observed, enum nat_kind by_words)
{
	const struct nat_rendezvous *r = c->layer->env.rendezvous;

	if (r && r->symmetric && r->symmetric(r->arg, observed))
		return NAT_SYMMETRIC;
	return by_words;
}

struct nat_end media_end_of(const struct leg *l)
{
	struct nat_side side = media_side_of(l);

	return (struct nat_end){ .who = who(l),
		.kind = media_kind(l->call, &side.observed, l->media.kind),
		.provider = l->media.provider,
		.said = l->media.said };
}

void media_judge(struct call *c)
{
	struct nat_end a, b;
	enum nat_path path;
	char text[300];
	struct buf why = BUF_OF(text);

	if (!c->a || !c->b || c->b->media.ports)
		return;
	a = media_end_of(c->a);
	b = media_end_of(c->b);
	if (a.said.reason <= NAT_UNREADABLE || b.said.reason <= NAT_UNREADABLE)
		return; /* on hold: nothing new */
	path = nat_path_between(&a, &b, &why);
	if (c->b->media.path_told && c->b->media.path == path)
		return;
	c->b->media.path_told = true;
	c->b->media.path = path;
	if (path == NAT_PATH_NONE)
		call_event(c, EV_CALL_TROUBLE, "no path for media: %.*s", STR_ARG(buf_str(&why)));
	else if (path == NAT_PATH_DOUBTFUL)
		call_event(c, EV_CALL_TROUBLE, "media may not find its way: %.*s",
			STR_ARG(buf_str(&why)));
	else
		call_event(c, EV_CALL_MEDIA, "path for media: %s, %.*s", nat_path_name(path),
			STR_ARG(buf_str(&why)));
}

void media_answered(struct call *c, struct attempt *at)
{
	c->a->media.said = at->said;
	if (!at->relay->late_offer)
		media_judge(c);
}

/* ---- stored, as members of a row's JSON ---- */

void media_print(const struct leg *l, json_t *row)
{
	const struct media_peer *p = &l->media;

	json_t *media;

	if (!p->policy && !p->provider && !p->leave && !p->network && !p->ports)
		return;
	media = json_pack("{s:i,s:i,s:b,s:b,s:o}", "policy", (int)p->policy, "kind", (int)p->kind,
		"provider", (int)p->provider, "leave", (int)p->leave, "network",
		call_json(str_of(p->network ? p->network : "")));
	relayed_print(l, media);
	json_object_set_new(row, "media", media);
}

void media_restore(struct leg *l, const json_t *row)
{
	json_t *media = json_object_get(row, "media");
	json_int_t policy = json_integer_value(json_object_get(media, "policy"));
	json_int_t kind = json_integer_value(json_object_get(media, "kind"));

	if (policy >= NAT_AUTO && policy <= NAT_ALWAYS)
		l->media.policy = (enum nat_policy)policy;
	if (kind >= NAT_UNKNOWN && kind <= NAT_SYMMETRIC)
		l->media.kind = (enum nat_kind)kind;
	l->media.provider = json_is_true(json_object_get(media, "provider"));
	l->media.leave = json_is_true(json_object_get(media, "leave"));
	set_network(l, str_of(json_string_value(json_object_get(media, "network"))));
	relayed_restore(l, media);
}
