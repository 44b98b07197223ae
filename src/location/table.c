/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "location/table.h"

void shard_init(struct shard *s)
{
	*s = (struct shard){ .bindings = 0 };
	lock_init(&s->lock);
	hash_init(&s->aors, 16);
	hash_init(&s->agents, 8);
	hash_init(&s->conns, 8);
}

struct str aor_text(const struct aor *a)
{
	return str_make(a->text, a->n);
}

/* ---- user agents ---- */

static struct agent *agent_get(struct shard *s, struct str text)
{
	uint64_t h = hash_str(text);
	struct agent *a;

	if (!text.n)
		return NULL;
	for (struct hash_node *n = hash_find(&s->agents, h); n; n = hash_next(n)) {
		a = container_of(n, struct agent, node);
		if (str_eq(str_make(a->text, a->n), text)) {
			a->refs++;
			return a;
		}
	}
	a = mem_alloc(sizeof(*a) + text.n);
	a->refs = 1;
	a->n = (uint16_t)text.n;
	memcpy(a->text, text.p, text.n);
	hash_add(&s->agents, &a->node, h);
	return a;
}

static void agent_put(struct shard *s, struct agent *a)
{
	if (!a || --a->refs)
		return;
	hash_del(&s->agents, &a->node);
	free(a);
}

/* ---- bindings ---- */

void entry_view(const struct entry *e, struct binding *out)
{
	const char *p = e->text;

	*out = (struct binding){ .reg_id = e->reg_id,
		.cseq = e->cseq,
		.q1000 = e->q1000,
		.expires_ms = e->expires_ms,
		.updated_ms = e->updated_ms,
		.flow = e->flow,
		.row = e->row,
		.lost = e->lost };
	out->contact = str_make(p, e->contact_n);
	p += e->contact_n;
	out->instance = str_make(p, e->instance_n);
	p += e->instance_n;
	out->call_id = str_make(p, e->call_id_n);
	p += e->call_id_n;
	out->path = str_make(p, e->path_n);
	if (e->agent)
		out->user_agent = str_make(e->agent->text, e->agent->n);
}

static char *add_text(char *p, struct str s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

static struct entry *entry_new(struct shard *s, const struct binding *b)
{
	struct entry *e =
		mem_alloc(sizeof(*e) + b->contact.n + b->instance.n + b->call_id.n + b->path.n);

	*e = (struct entry){ .expires_ms = b->expires_ms,
		.updated_ms = b->updated_ms,
		.row = b->row,
		.flow = b->flow,
		.agent = agent_get(s, b->user_agent),
		.cseq = b->cseq,
		.reg_id = b->reg_id,
		.q1000 = (uint16_t)b->q1000,
		.contact_n = (uint16_t)b->contact.n,
		.instance_n = (uint16_t)b->instance.n,
		.call_id_n = (uint16_t)b->call_id.n,
		.path_n = (uint16_t)b->path.n };
	add_text(add_text(add_text(add_text(e->text, b->contact), b->instance), b->call_id),
		b->path);
	return e;
}

static uint64_t conn_hash(uint64_t conn)
{
	return hash_mix(conn, 0);
}

/* Into the shard and its indexes; newest first in its AOR. */
static void entry_add(struct shard *s, struct aor *a, struct entry *e)
{
	e->aor = a;
	e->next = a->entries;
	a->entries = e;
	if (e->flow.conn)
		hash_add(&s->conns, &e->conn, conn_hash(e->flow.conn));
	expiry_add(&s->expiry, e);
	s->bindings++;
}

/* `at` is what points to it. */
static void entry_drop(struct shard *s, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	if (e->flow.conn && !e->lost)
		hash_del(&s->conns, &e->conn);
	expiry_remove(&s->expiry, e);
	agent_put(s, e->agent);
	s->bindings--;
	free(e);
}

struct aor *shard_find(struct shard *s, struct str aor)
{
	for (struct hash_node *n = hash_find(&s->aors, hash_istr(aor)); n; n = hash_next(n)) {
		struct aor *a = container_of(n, struct aor, node);

		if (str_ieq(aor_text(a), aor))
			return a;
	}
	return NULL;
}

static void drop_if_empty(struct shard *s, struct aor *a)
{
	if (a->entries)
		return;
	hash_del(&s->aors, &a->node);
	free(a);
}

static struct entry **find_contact(struct aor *a, struct str contact)
{
	struct entry **at = &a->entries;

	while (*at && !str_eq(str_make((*at)->text, (*at)->contact_n), contact))
		at = &(*at)->next;
	return at;
}

int64_t aor_row_of(const struct aor *a, struct str contact)
{
	const struct entry *e = a->entries;

	while (e && !str_eq(str_make(e->text, e->contact_n), contact))
		e = e->next;
	return e ? e->row : 0;
}

void shard_remove(struct shard *s, struct str aor, struct str contact)
{
	struct aor *a = shard_find(s, aor);
	struct entry **at;

	if (!a)
		return;
	at = find_contact(a, contact);
	if (*at)
		entry_drop(s, at);
	drop_if_empty(s, a);
}

void shard_put(struct shard *s, struct str aor, const struct binding *b)
{
	struct aor *a = shard_find(s, aor);
	struct entry *e = entry_new(s, b), **at;

	if (!a) {
		a = mem_alloc(sizeof(*a) + aor.n);
		a->entries = NULL;
		a->n = (uint16_t)aor.n;
		memcpy(a->text, aor.p, aor.n);
		hash_add(&s->aors, &a->node, hash_istr(aor));
	}
	at = find_contact(a, b->contact);
	if (*at)
		entry_drop(s, at);
	entry_add(s, a, e);
}

void shard_conn_closed(struct shard *s, uint64_t conn)
{
	struct hash_node *n = hash_find(&s->conns, conn_hash(conn)), *next;

	for (; n; n = next) {
		struct entry *e = container_of(n, struct entry, conn);

		next = hash_next(n);
		if (e->flow.conn != conn)
			continue;
		e->lost = true;
		hash_del(&s->conns, n);
	}
}

/* ---- all of them ---- */

unsigned shard_sweep(struct shard *s, int64_t now_ms, unsigned max,
	void (*gone)(struct str aor, const struct binding *b, void *arg), void *arg)
{
	unsigned removed = 0;
	struct entry *e;

	for (; removed < max && (e = expiry_first(&s->expiry)) && e->expires_ms <= now_ms;
		removed++) {
		struct aor *a = e->aor;
		struct binding b;

		entry_view(e, &b);
		gone(aor_text(a), &b, arg);
		entry_drop(s, find_contact(a, b.contact));
		drop_if_empty(s, a);
	}
	return removed;
}

struct visiting {
	void (*visit)(struct aor *a, void *arg);
	void *arg;
};

static void visit_node(struct hash_node *n, void *arg)
{
	struct visiting *v = arg;

	v->visit(container_of(n, struct aor, node), v->arg);
}

void shard_each(struct shard *s, void (*visit)(struct aor *a, void *arg), void *arg)
{
	struct visiting v = { visit, arg };

	hash_each(&s->aors, visit_node, &v);
}

static void free_aor(struct hash_node *n, void *arg)
{
	struct shard *s = arg;
	struct aor *a = container_of(n, struct aor, node);

	while (a->entries)
		entry_drop(s, &a->entries);
	drop_if_empty(s, a);
}

void shard_fini(struct shard *s)
{
	hash_each(&s->aors, free_aor, s);
	hash_fini(&s->aors);
	hash_fini(&s->agents);
	hash_fini(&s->conns);
	expiry_fini(&s->expiry);
	lock_fini(&s->lock);
}
