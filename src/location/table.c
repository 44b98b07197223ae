/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "location/table.h"

void shard_init(struct shard *s)
{
	*s = (struct shard){ .next_expiry_ms = INT64_MAX };
	pthread_mutex_init(&s->lock, NULL);
	hash_init(&s->aors, 16);
	hash_init(&s->agents, 8);
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
		.flow = e->flow };
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

static void entry_free(struct shard *s, struct entry *e)
{
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

void shard_remove(struct shard *s, struct str aor, struct str contact)
{
	struct aor *a = shard_find(s, aor);
	struct entry **at, *e;

	if (!a)
		return;
	at = find_contact(a, contact);
	e = *at;
	if (!e)
		return;
	*at = e->next;
	entry_free(s, e);
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
	if (*at) {
		struct entry *old = *at;

		*at = old->next;
		entry_free(s, old);
	}
	e->next = a->entries; /* newest first */
	a->entries = e;
	s->bindings++;
	if (e->expires_ms < s->next_expiry_ms)
		s->next_expiry_ms = e->expires_ms;
}

/* ---- sweeping ---- */

struct sweeping {
	struct shard *s;
	int64_t now_ms, next_ms;
	unsigned left, removed;
	void (*gone)(struct str aor, const struct binding *b, void *arg);
	void *arg;
};

static void sweep_aor(struct hash_node *n, void *arg)
{
	struct sweeping *w = arg;
	struct aor *a = container_of(n, struct aor, node);
	struct entry **at = &a->entries;

	while (*at) {
		struct entry *e = *at;
		struct binding b;

		if (e->expires_ms > w->now_ms || w->left == 0) {
			if (e->expires_ms < w->next_ms)
				w->next_ms = e->expires_ms;
			at = &e->next;
			continue;
		}
		entry_view(e, &b);
		w->gone(aor_text(a), &b, w->arg);
		*at = e->next;
		entry_free(w->s, e);
		w->left--;
		w->removed++;
	}
	drop_if_empty(w->s, a);
}

unsigned shard_sweep(struct shard *s, int64_t now_ms, unsigned max,
	void (*gone)(struct str aor, const struct binding *b, void *arg), void *arg)
{
	struct sweeping w = { .s = s,
		.now_ms = now_ms,
		.next_ms = INT64_MAX,
		.left = max,
		.gone = gone,
		.arg = arg };

	if (s->next_expiry_ms > now_ms)
		return 0;
	hash_each(&s->aors, sweep_aor, &w);
	s->next_expiry_ms = w.next_ms;
	return w.removed;
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

	for (struct entry *e; (e = a->entries);) {
		a->entries = e->next;
		entry_free(s, e);
	}
	drop_if_empty(s, a);
}

void shard_fini(struct shard *s)
{
	hash_each(&s->aors, free_aor, s);
	hash_fini(&s->aors);
	hash_fini(&s->agents);
	pthread_mutex_destroy(&s->lock);
}
