/* SPDX-License-Identifier: BSD-3-Clause */
/* What a REGISTER does to the bindings of its AOR: all or nothing (RFC 3261 10.3 step 7). */
#include "registrar/registration.h"

static struct binding_key wish_key(const struct wish *w)
{
	return (struct binding_key){ w->addr.uri.text, w->instance, w->reg_id };
}

/* The binding that a wish means, however its contact is written. */
static bool same(const struct binding_key *k, const struct wish *w)
{
	struct binding_key wanted = wish_key(w);
	struct sip_uri uri;

	if (binding_key_eq(k, &wanted))
		return true;
	return !(k->reg_id && w->reg_id) && !sip_uri_parse(k->contact, &uri) &&
		sip_uri_equal(&uri, &w->addr.uri);
}

/* The same phone from somewhere else: what it registered there leads nowhere any more. */
static bool left_behind(const struct registration *g, const struct binding *b, const struct wish *w)
{
	const struct wishes *all = &g->r->wishes;
	struct binding_key k = binding_key(b);

	if (!w->instance.n || w->reg_id || k.reg_id || !str_eq(b->instance, w->instance))
		return false;
	for (unsigned i = 0; i < all->count; i++)
		if (same(&k, &all->list[i]))
			return false;
	return true;
}

/* 10.3 step 7: from the same Call-ID only a higher CSeq counts. */
static bool out_of_order(const struct registration *g, const struct binding *b)
{
	return str_eq(b->call_id, g->req->call_id) && g->req->cseq.number <= b->cseq;
}

static enum err out_of_order_refusal(struct registration *g)
{
	g->no = (struct refusal){ 500, STR("CSeq is not higher than that of the last REGISTER") };
	return ERR_STATE;
}

static void put_wish(struct registration *g, const struct wish *w, const struct binding *before,
	struct binding *to)
{
	int64_t now = g->r->env.worker->clock.wall_ms;

	*to = (struct binding){ .contact = w->addr.uri.text,
		.instance = w->instance,
		.reg_id = w->reg_id,
		.call_id = g->req->call_id,
		.cseq = g->req->cseq.number,
		.q1000 = w->q1000,
		.expires_ms = now + (int64_t)w->expires_s * 1000,
		.updated_ms = now,
		.user_agent = sip_msg_hdr(g->req, SIP_HDR_USER_AGENT),
		.path = g->path,
		.flow = g->flow };
	to->user_agent = str_first(to->user_agent, 128);
	to->keepalive_s = keepalive_for(g, to, before);
}

/* Once each: two wishes may match the same binding, as 19.1.4 is not transitive. */
static void drop(struct location_change *out, const struct binding *b)
{
	struct binding_key k = binding_key(b);

	for (unsigned i = 0; i < out->remove_count; i++)
		if (binding_key_eq(&out->remove[i], &k))
			return;
	out->remove[out->remove_count++] = k;
}

/* The same contact twice in a request: the last one counts. */
static void forget_earlier_wish(struct location_change *out, const struct wish *w)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < out->put_count; i++) {
		struct binding_key k = binding_key(&out->put[i]);

		if (!same(&k, w))
			out->put[kept++] = out->put[i];
	}
	out->put_count = kept;
}

/* A wish against what there is: the old binding goes if it is written differently or removed. */
static enum err apply_wish(struct registration *g, const struct wish *w,
	const struct binding *present, unsigned count, struct location_change *out)
{
	const struct binding *before = NULL;
	bool known = false;

	for (unsigned i = 0; i < count; i++) {
		struct binding_key k = binding_key(&present[i]), wanted = wish_key(w);
		bool left = w->expires_s && left_behind(g, &present[i], w);

		if (!left && !same(&k, w))
			continue;
		if (out_of_order(g, &present[i]))
			return out_of_order_refusal(g);
		known = true;
		before = &present[i];
		if (!w->expires_s || !binding_key_eq(&k, &wanted))
			drop(out, &present[i]);
	}
	forget_earlier_wish(out, w);
	if (!w->expires_s) {
		g->removed += known;
		return ERR_OK;
	}
	put_wish(g, w, before, &out->put[out->put_count++]);
	g->added += !known;
	g->refreshed += known;
	return ERR_OK;
}

static bool touched(const struct location_change *c, const struct binding *b)
{
	struct binding_key k = binding_key(b);

	for (unsigned i = 0; i < c->put_count; i++) {
		struct binding_key put = binding_key(&c->put[i]);

		if (binding_key_eq(&put, &k))
			return true;
	}
	for (unsigned i = 0; i < c->remove_count; i++)
		if (binding_key_eq(&c->remove[i], &k))
			return true;
	return false;
}

/* Beyond the account's limit the oldest bindings make room (facts 5.3, as it was meant). */
static enum err make_room(struct registration *g, const struct binding *present, unsigned count,
	struct location_change *out)
{
	unsigned limit =
		g->account->bindings_max ? g->account->bindings_max : g->r->cfg.bindings_max;
	unsigned kept = 0;

	if (out->put_count > limit) {
		g->no = (struct refusal){ 403,
			STR("More contacts than this account may register") };
		return ERR_LIMIT;
	}
	for (unsigned i = 0; i < count; i++)
		kept += !touched(out, &present[i]);
	for (; kept + out->put_count > limit; kept--) {
		const struct binding *oldest = NULL;

		for (unsigned i = 0; i < count; i++)
			if (!touched(out, &present[i]) &&
				(!oldest || present[i].updated_ms < oldest->updated_ms))
				oldest = &present[i];
		out->remove[out->remove_count++] = binding_key(oldest);
	}
	return ERR_OK;
}

enum err registration_change(
	void *arg, const struct binding *present, unsigned count, struct location_change *out)
{
	struct registration *g = arg;
	enum err e = ERR_OK;

	const struct wishes *wishes = &g->r->wishes;

	if (wishes->star) {
		for (unsigned i = 0; i < count; i++) {
			if (out_of_order(g, &present[i]))
				return out_of_order_refusal(g);
			out->remove[out->remove_count++] = binding_key(&present[i]);
		}
		g->removed = count;
		return ERR_OK;
	}
	for (unsigned i = 0; i < wishes->count && !e; i++)
		e = apply_wish(g, &wishes->list[i], present, count, out);
	return e ? e : make_room(g, present, count, out);
}
