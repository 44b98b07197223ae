/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "directory/record.h"

struct entry { /* in front of every record */
	struct hash_node node;
	const struct record_kind *kind;
	struct str key;
	unsigned generation;
	_Alignas(16) char record[];
};

static struct entry *entry_of(void *record)
{
	return container_of((char *)record, struct entry, record);
}

static struct str *text_at(void *p, size_t offset)
{
	return (struct str *)(void *)((char *)p + offset);
}

static const struct str *const_text_at(const void *p, size_t offset)
{
	return (const struct str *)(const void *)((const char *)p + offset);
}

static char *copy_text(char *to, struct str from, struct str *out)
{
	if (from.n)
		memcpy(to, from.p, from.n);
	*out = str_make(to, from.n);
	return to + from.n;
}

void *record_new(const struct record_kind *kind, struct str key, const void *row)
{
	size_t bytes = sizeof(struct entry) + kind->bytes + key.n;
	struct entry *e;
	char *at;

	for (unsigned i = 0; i < kind->count; i++)
		bytes += const_text_at(row, kind->fields[i].row)->n;
	e = mem_zero(bytes);
	e->kind = kind;
	*(unsigned *)(void *)e->record = 1;
	at = copy_text(e->record + kind->bytes, key, &e->key);
	for (unsigned i = 0; i < kind->count; i++)
		at = copy_text(at, *const_text_at(row, kind->fields[i].row),
			text_at(e->record, kind->fields[i].record));
	return e->record;
}

struct str record_key(void *record)
{
	return entry_of(record)->key;
}

void *record_ref(void *record)
{
	__atomic_add_fetch((unsigned *)record, 1, __ATOMIC_RELAXED);
	return record;
}

void record_unref(void *record)
{
	struct entry *e;

	if (!record || __atomic_sub_fetch((unsigned *)record, 1, __ATOMIC_ACQ_REL))
		return;
	e = entry_of(record);
	if (e->kind->secret) {
		struct str *s = text_at(record, e->kind->secret);

		crypto_wipe((char *)s->p, s->n);
	}
	free(e);
}

/* ---- tables ---- */

void record_table_init(struct record_table *t)
{
	t->generation = 0;
	for (int i = 0; i < RECORD_STRIPES; i++) {
		rwlock_init(&t->stripes[i].lock);
		hash_init(&t->stripes[i].hash, 16);
	}
}

static void drop(struct record_stripe *s, struct entry *e)
{
	hash_del(&s->hash, &e->node);
	record_unref(e->record);
}

static void drop_node(struct hash_node *n, void *arg)
{
	drop(arg, container_of(n, struct entry, node));
}

void record_table_fini(struct record_table *t)
{
	for (int i = 0; i < RECORD_STRIPES; i++) {
		hash_each(&t->stripes[i].hash, drop_node, &t->stripes[i]);
		hash_fini(&t->stripes[i].hash);
		rwlock_fini(&t->stripes[i].lock);
	}
}

static struct record_stripe *stripe_of(struct record_table *t, uint64_t h)
{
	return &t->stripes[h >> 58];
}

static struct entry *find(struct record_stripe *s, uint64_t h, struct str key)
{
	for (struct hash_node *n = hash_find(&s->hash, h); n; n = hash_next(n)) {
		struct entry *e = container_of(n, struct entry, node);

		if (str_ieq(e->key, key))
			return e;
	}
	return NULL;
}

void record_put(struct record_table *t, void *record)
{
	struct entry *e = entry_of(record), *old;
	uint64_t h = hash_istr(e->key);
	struct record_stripe *s = stripe_of(t, h);

	e->generation = t->generation;
	rwlock_write(&s->lock);
	old = find(s, h, e->key);
	if (old)
		drop(s, old);
	hash_add(&s->hash, &e->node, h);
	rwlock_give(&s->lock);
}

void record_remove(struct record_table *t, struct str key)
{
	uint64_t h = hash_istr(key);
	struct record_stripe *s = stripe_of(t, h);
	struct entry *e;

	rwlock_write(&s->lock);
	e = find(s, h, key);
	if (e)
		drop(s, e);
	rwlock_give(&s->lock);
}

void *record_get(struct record_table *t, struct str key)
{
	uint64_t h = hash_istr(key);
	struct record_stripe *s = stripe_of(t, h);
	struct entry *e;

	rwlock_read(&s->lock);
	e = find(s, h, key);
	if (e)
		record_ref(e->record);
	rwlock_give(&s->lock);
	return e ? e->record : NULL;
}

size_t record_count(struct record_table *t)
{
	size_t n = 0;

	for (int i = 0; i < RECORD_STRIPES; i++) {
		rwlock_read(&t->stripes[i].lock);
		n += t->stripes[i].hash.count;
		rwlock_give(&t->stripes[i].lock);
	}
	return n;
}

void record_report_locks(
	struct record_table *t, const char *name, lock_report_fn *report, void *arg)
{
	struct lock_report r = { .name = name };

	for (int i = 0; i < RECORD_STRIPES; i++)
		lock_report_add(&r, &t->stripes[i].lock.use);
	report(arg, &r);
}

void record_load_begin(struct record_table *t)
{
	t->generation++;
}

struct ending {
	struct record_table *t;
	struct record_stripe *s;
};

static void drop_if_old(struct hash_node *n, void *arg)
{
	struct ending *end = arg;
	struct entry *e = container_of(n, struct entry, node);

	if (e->generation != end->t->generation)
		drop(end->s, e);
}

void record_load_end(struct record_table *t)
{
	for (int i = 0; i < RECORD_STRIPES; i++) {
		struct ending end = { t, &t->stripes[i] };

		rwlock_write(&end.s->lock);
		hash_each(&end.s->hash, drop_if_old, &end);
		rwlock_give(&end.s->lock);
	}
}

struct visiting {
	void (*visit)(void *record, void *arg);
	void *arg;
};

static void visit_node(struct hash_node *n, void *arg)
{
	struct visiting *v = arg;

	v->visit(container_of(n, struct entry, node)->record, v->arg);
}

void record_each(struct record_table *t, void (*visit)(void *record, void *arg), void *arg)
{
	struct visiting v = { visit, arg };

	for (int i = 0; i < RECORD_STRIPES; i++) {
		rwlock_read(&t->stripes[i].lock);
		hash_each(&t->stripes[i].hash, visit_node, &v);
		rwlock_give(&t->stripes[i].lock);
	}
}
