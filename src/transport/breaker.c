/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/breaker.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/lock.h"

enum { FIRST_MS = 60000, LONGEST_MS = 600000, ENTRIES_MAX = 4096 };

struct entry {
	struct hash_node node;
	struct list link; /* oldest first */
	struct target target;
	uint64_t until_ms, pause_ms;
};

struct breaker {
	struct lock lock;
	struct hash entries;
	struct list by_age;
	unsigned count; /* atomic: what everybody looks at first */
};

struct breaker *breaker_new(void)
{
	struct breaker *b = mem_new(struct breaker);

	lock_init(&b->lock);
	hash_init(&b->entries, 16);
	list_init(&b->by_age);
	return b;
}

static void drop(struct breaker *b, struct entry *e)
{
	hash_del(&b->entries, &e->node);
	list_del(&e->link);
	free(e);
	__atomic_sub_fetch(&b->count, 1, __ATOMIC_RELAXED);
}

void breaker_forget(struct breaker *b)
{
	lock_take(&b->lock);
	for (struct list *it; (it = list_first(&b->by_age));)
		drop(b, container_of(it, struct entry, link));
	lock_give(&b->lock);
}

void breaker_free(struct breaker *b)
{
	if (!b)
		return;
	breaker_forget(b);
	hash_fini(&b->entries);
	lock_fini(&b->lock);
	free(b);
}

static uint64_t hash_of(const struct target *t)
{
	return hash_mix(addr_hash(&t->addr), t->proto);
}

static struct entry *find(struct breaker *b, const struct target *t)
{
	for (struct hash_node *n = hash_find(&b->entries, hash_of(t)); n; n = hash_next(n)) {
		struct entry *e = container_of(n, struct entry, node);

		if (e->target.proto == t->proto && addr_eq(&e->target.addr, &t->addr))
			return e;
	}
	return NULL;
}

static struct entry *add(struct breaker *b, const struct target *t)
{
	struct entry *e = mem_new(struct entry);

	if (b->entries.count >= ENTRIES_MAX)
		drop(b, container_of(list_first(&b->by_age), struct entry, link));
	e->target = *t;
	hash_add(&b->entries, &e->node, hash_of(t));
	list_append(&b->by_age, &e->link);
	__atomic_add_fetch(&b->count, 1, __ATOMIC_RELAXED);
	return e;
}

bool breaker_failed(struct breaker *b, const struct target *t, uint64_t now_ms, uint32_t *for_s)
{
	struct entry *e;
	bool news;

	lock_take(&b->lock);
	e = find(b, t);
	if (!e)
		e = add(b, t);
	news = now_ms >= e->until_ms; /* not one of many that were on their way */
	if (news) {
		e->pause_ms = !e->pause_ms             ? FIRST_MS
			: e->pause_ms < LONGEST_MS / 2 ? 2 * e->pause_ms
						       : LONGEST_MS;
		e->until_ms = now_ms + e->pause_ms;
	}
	*for_s = (uint32_t)(e->pause_ms / 1000);
	lock_give(&b->lock);
	return news;
}

bool breaker_answered(struct breaker *b, const struct target *t)
{
	struct entry *e;

	if (!__atomic_load_n(&b->count, __ATOMIC_RELAXED))
		return false;
	lock_take(&b->lock);
	e = find(b, t);
	if (e)
		drop(b, e);
	lock_give(&b->lock);
	return e != NULL;
}

static bool is_down(struct breaker *b, const struct target *t, uint64_t now_ms)
{
	const struct entry *e = find(b, t);

	return e && now_ms < e->until_ms;
}

void breaker_sort(struct breaker *b, struct targets *t, uint64_t now_ms)
{
	struct targets sorted = { .err = t->err };

	if (!__atomic_load_n(&b->count, __ATOMIC_RELAXED))
		return;
	lock_take(&b->lock);
	for (unsigned i = 0; i < t->count; i++)
		t->list[i].down = is_down(b, &t->list[i], now_ms);
	lock_give(&b->lock);
	for (int down = 0; down < 2; down++)
		for (unsigned i = 0; i < t->count; i++)
			if (t->list[i].down == down)
				sorted.list[sorted.count++] = t->list[i];
	*t = sorted;
}
