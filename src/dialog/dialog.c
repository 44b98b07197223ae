/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "dialog/dialog.h"

enum { ARENA_CHUNK = 352, ROUTES_MAX = 4096, FIELD_MAX = 2048 };

/* ---- making one ---- */

/* Replaces a text in place, so that no peer makes the arena grow by changing it again and again. */
static void put(struct dialog *d, struct str *at, size_t *room, struct str text)
{
	char *p;

	if (text.n > *room) {
		*room = 2 * text.n;
		at->p = arena_alloc(&d->arena, *room);
	}
	p = (char *)at->p;
	if (text.n)
		memcpy(p, text.p, text.n);
	at->n = text.n;
}

/* A From or To value without its tag. */
static struct str untagged(struct arena *a, const struct sip_addr *from)
{
	char text[FIELD_MAX];
	struct buf b = BUF_OF(text);
	struct str rest = from->params, name, value;
	struct sip_addr bare = *from;

	bare.params = STR_NONE;
	sip_addr_print(&b, &bare);
	while (sip_param_next(&rest, ';', &name, &value)) {
		if (str_ieq(name, STR("tag")))
			continue;
		buf_char(&b, ';');
		buf_add(&b, name);
		if (value.p) {
			buf_char(&b, '=');
			buf_add(&b, value);
		}
	}
	return buf_ok(&b) ? arena_str(a, buf_str(&b)) : arena_str(a, from->text);
}

/* Record-Route as a route set: in order for the UAS, reversed for the UAC (12.1.1, 12.1.2). */
static enum err take_routes(struct dialog *d, const struct sip_msg *m, bool reversed)
{
	struct str list[64], value;
	struct sip_hdr_iter it = { 0 };
	char text[ROUTES_MAX];
	struct buf b = BUF_OF(text);
	unsigned n = 0;

	while (sip_msg_next(m, SIP_HDR_RECORD_ROUTE, &it, &value)) {
		if (n == 64)
			return ERR_LIMIT;
		list[n++] = value;
	}
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_lit(&b, ", ");
		buf_add(&b, list[reversed ? n - 1 - i : i]);
	}
	if (!buf_ok(&b))
		return ERR_LIMIT;
	put(d, &d->routes, &d->routes_room, buf_str(&b));
	return ERR_OK;
}

static enum err take_target(struct dialog *d, const struct sip_msg *m)
{
	struct sip_hdr_iter it = { 0 };
	struct sip_addr contact;
	struct str value;

	if (!sip_msg_next(m, SIP_HDR_CONTACT, &it, &value))
		return ERR_NOT_FOUND;
	if (sip_addr_parse(value, &contact) || contact.star)
		return ERR_SYNTAX;
	if (!str_eq(d->remote_target, contact.uri.text))
		put(d, &d->remote_target, &d->target_room, contact.uri.text);
	return ERR_OK;
}

static void blank(struct dialog *d)
{
	*d = (struct dialog){ .state = DIALOG_NONE };
	arena_init(&d->arena, ARENA_CHUNK);
}

enum err dialog_init_uas(struct dialog *d, const struct sip_msg *req, const struct flow *flow,
	struct str local_tag, struct str contact)
{
	enum err e;

	blank(d);
	d->uas = true;
	d->state = DIALOG_EARLY;
	d->secure = req->uri.scheme == SIP_SCHEME_SIPS;
	d->call_id = arena_str(&d->arena, req->call_id);
	d->local_tag = arena_str(&d->arena, local_tag);
	d->remote_tag = arena_str(&d->arena, req->from.tag.p ? req->from.tag : STR(""));
	d->local = untagged(&d->arena, &req->to);
	d->remote = untagged(&d->arena, &req->from);
	d->local_contact = arena_str(&d->arena, contact);
	d->remote_cseq = req->cseq.number;
	d->remote_cseq_known = true;
	d->flow = *flow;
	e = take_target(d, req);
	return e ? e : take_routes(d, req, false);
}

void dialog_init_uac(struct dialog *d, struct str call_id, struct str local_tag, struct str local,
	struct str remote, struct str contact, uint32_t cseq)
{
	blank(d);
	d->call_id = arena_str(&d->arena, call_id);
	d->local_tag = arena_str(&d->arena, local_tag);
	d->remote_tag = STR("");
	d->local = arena_str(&d->arena, local);
	d->remote = arena_str(&d->arena, remote);
	d->local_contact = arena_str(&d->arena, contact);
	d->local_cseq = cseq;
}

enum err dialog_on_response(struct dialog *d, const struct sip_msg *rsp, const struct flow *flow)
{
	enum err e;

	if (d->state == DIALOG_CONFIRMED || d->state == DIALOG_ENDED)
		return ERR_OK;
	if (!str_eq(d->remote_tag, rsp->to.tag))
		put(d, &d->remote_tag, &d->tag_room, rsp->to.tag);
	d->flow = *flow;
	d->state = rsp->status >= 200 ? DIALOG_CONFIRMED : DIALOG_EARLY;
	e = take_target(d, rsp);
	if (e && rsp->status >= 200)
		return e; /* a 2xx needs its Contact, a provisional may go without */
	return take_routes(d, rsp, true);
}

void dialog_copy(struct dialog *to, const struct dialog *from)
{
	*to = *from;
	arena_init(&to->arena, ARENA_CHUNK);
	to->call_id = arena_str(&to->arena, from->call_id);
	to->local_tag = arena_str(&to->arena, from->local_tag);
	to->remote_tag = arena_str(&to->arena, from->remote_tag);
	to->local = arena_str(&to->arena, from->local);
	to->remote = arena_str(&to->arena, from->remote);
	to->remote_target = arena_str(&to->arena, from->remote_target);
	to->local_contact = arena_str(&to->arena, from->local_contact);
	to->routes = arena_str(&to->arena, from->routes);
	to->tag_room = to->target_room = to->routes_room = 0;
	to->node = (struct hash_node){ 0 };
}

void dialog_fini(struct dialog *d)
{
	arena_fini(&d->arena);
	d->state = DIALOG_ENDED;
}

/* ---- requests within ---- */

static bool refreshes_target(const struct sip_msg *m)
{
	return m->method == SIP_INVITE || m->method == SIP_UPDATE || m->method == SIP_SUBSCRIBE ||
		m->method == SIP_NOTIFY || m->method == SIP_REFER;
}

void dialog_refresh_target(struct dialog *d, const struct sip_msg *m)
{
	if (!refreshes_target(m))
		return;
	if (take_target(d, m)) /* none, or none that we understand: the old one stays */
		return;
}

enum err dialog_on_request(struct dialog *d, const struct sip_msg *req, const struct flow *flow)
{
	bool counts = req->method != SIP_ACK && req->method != SIP_CANCEL;

	if (counts && d->remote_cseq_known && req->cseq.number < d->remote_cseq)
		return ERR_RANGE;
	if (counts) {
		d->remote_cseq = req->cseq.number;
		d->remote_cseq_known = true;
	}
	/* the peer may have moved: a new connection, another NAT port */
	if (d->flow.proto == flow->proto)
		d->flow = *flow;
	dialog_refresh_target(d, req);
	return ERR_OK;
}

/* The first value of the route set, and what follows it. */
static bool first_route(const struct dialog *d, struct sip_addr *route, struct str *rest)
{
	struct str value;

	*rest = d->routes;
	return sip_list_next(rest, &value) && sip_addr_parse(value, route) == ERR_OK;
}

static void print_party(struct buf *b, enum sip_hdr_id id, struct str value, struct str tag)
{
	buf_add(b, sip_hdr_name(id));
	buf_lit(b, ": ");
	buf_add(b, value);
	if (tag.n) {
		buf_lit(b, ";tag=");
		buf_add(b, tag);
	}
	buf_lit(b, "\r\n");
}

/* Loose: the route set as it is. Strict (12.2.1.1): its first URI is the target, the target last.
 */
static void print_routes(const struct dialog *d, struct buf *rest, struct str *uri)
{
	struct sip_addr route;
	struct str others;

	*uri = d->remote_target;
	if (!first_route(d, &route, &others))
		return;
	if (sip_uri_param(&route.uri, STR("lr")).p) {
		sip_print_hdr(rest, SIP_HDR_ROUTE, d->routes);
		return;
	}
	*uri = route.uri.text;
	buf_lit(rest, "Route: ");
	others = str_trim(others);
	if (others.n) {
		buf_add(rest, others);
		buf_lit(rest, ", ");
	}
	buf_char(rest, '<');
	buf_add(rest, d->remote_target);
	buf_lit(rest, ">\r\n");
}

void dialog_print_request(
	struct dialog *d, struct buf *rest, struct str method, uint32_t cseq, struct str *uri)
{
	sip_print_hdr_u32(rest, SIP_HDR_MAX_FORWARDS, 70);
	print_routes(d, rest, uri);
	print_party(rest, SIP_HDR_FROM, d->local, d->local_tag);
	print_party(rest, SIP_HDR_TO, d->remote, d->remote_tag);
	sip_print_hdr(rest, SIP_HDR_CALL_ID, d->call_id);
	buf_lit(rest, "CSeq: ");
	buf_u64(rest, cseq ? cseq : ++d->local_cseq);
	buf_char(rest, ' ');
	buf_add(rest, method);
	buf_lit(rest, "\r\n");
	if (d->local_contact.n)
		sip_print_hdr(rest, SIP_HDR_CONTACT, d->local_contact);
}

enum err dialog_next_hop(const struct dialog *d, struct sip_uri *out)
{
	struct sip_addr route;
	struct str rest;

	if (first_route(d, &route, &rest)) {
		*out = route.uri;
		return ERR_OK;
	}
	return sip_uri_parse(d->remote_target, out);
}

/* ---- table ---- */

static uint64_t key_hash(struct str call_id, struct str local_tag)
{
	return hash_mix(hash_str(call_id), hash_str(local_tag));
}

void dialog_table_init(struct dialog_table *t)
{
	hash_init(&t->by_tag, 256);
}

void dialog_table_fini(struct dialog_table *t)
{
	hash_fini(&t->by_tag);
}

void dialog_table_add(struct dialog_table *t, struct dialog *d)
{
	hash_add(&t->by_tag, &d->node, key_hash(d->call_id, d->local_tag));
}

void dialog_table_del(struct dialog_table *t, struct dialog *d)
{
	hash_del(&t->by_tag, &d->node);
}

struct dialog *dialog_find_ids(const struct dialog_table *t, struct str call_id,
	struct str local_tag, struct str remote_tag)
{
	for (struct hash_node *n = hash_find(&t->by_tag, key_hash(call_id, local_tag)); n;
		n = hash_next(n)) {
		struct dialog *d = container_of(n, struct dialog, node);

		if (str_eq(d->call_id, call_id) && str_eq(d->local_tag, local_tag) &&
			str_eq(d->remote_tag, remote_tag))
			return d;
	}
	return NULL;
}

struct dialog *dialog_find(const struct dialog_table *t, const struct sip_msg *req)
{
	return dialog_find_ids(t, req->call_id, req->to.tag, req->from.tag);
}
