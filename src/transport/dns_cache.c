/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/dns_cache.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"

enum {
	TTL_MIN_S = 5,
	TTL_MAX_S = 3600,
	NONE_MAX_S = 60,
	STALE_MS = 86400000,
	FAILED_MS = 5000,
};

struct entry {
	struct hash_node node;
	struct list link; /* oldest first */
	enum dns_type type;
	struct dns_answer *answer; /* NULL: only that it failed is known */
	uint64_t fresh_until_ms, stale_until_ms;
	uint64_t failed_until_ms;
	uint64_t failures; /* the cache's, when it failed */
	size_t n;
	char name[];
};

struct dns_cache {
	struct lock lock;
	struct hash entries;
	struct list by_age;
	unsigned max;
	uint64_t failures; /* counts on when they are forgotten */
};

struct dns_cache *dns_cache_new(unsigned entries_max)
{
	struct dns_cache *c = mem_new(struct dns_cache);

	lock_init(&c->lock);
	hash_init(&c->entries, 64);
	list_init(&c->by_age);
	c->max = entries_max;
	return c;
}

static void drop(struct dns_cache *c, struct entry *e)
{
	hash_del(&c->entries, &e->node);
	list_del(&e->link);
	dns_answer_unref(e->answer);
	free(e);
}

void dns_cache_free(struct dns_cache *c)
{
	if (!c)
		return;
	for (struct list *it; (it = list_first(&c->by_age));)
		drop(c, container_of(it, struct entry, link));
	hash_fini(&c->entries);
	lock_fini(&c->lock);
	free(c);
}

static uint64_t hash_of(enum dns_type type, struct str name)
{
	return hash_mix(hash_istr(name), type);
}

static struct entry *find(struct dns_cache *c, enum dns_type type, struct str name)
{
	struct hash_node *n = hash_find(&c->entries, hash_of(type, name));

	for (; n; n = hash_next(n)) {
		struct entry *e = container_of(n, struct entry, node);

		if (e->type == type && str_ieq(str_make(e->name, e->n), name))
			return e;
	}
	return NULL;
}

enum dns_freshness dns_cache_get(struct dns_cache *c, enum dns_type type, struct str name,
	uint64_t now_ms, struct dns_answer **out, uint32_t *left_s)
{
	enum dns_freshness f = DNS_NOTHING;
	struct entry *e;

	*out = NULL;
	*left_s = 0;
	lock_take(&c->lock);
	e = find(c, type, name);
	if (e && e->answer && now_ms < e->stale_until_ms) {
		f = now_ms < e->fresh_until_ms ? DNS_FRESH : DNS_STALE;
		*out = dns_answer_ref(e->answer);
		if (f == DNS_FRESH)
			*left_s = (uint32_t)((e->fresh_until_ms - now_ms + 999) / 1000);
	}
	lock_give(&c->lock);
	return f;
}

bool dns_cache_failed(struct dns_cache *c, enum dns_type type, struct str name, uint64_t now_ms)
{
	struct entry *e;
	bool failed;

	lock_take(&c->lock);
	e = find(c, type, name);
	failed = e && now_ms < e->failed_until_ms && e->failures == c->failures;
	lock_give(&c->lock);
	return failed;
}

void dns_cache_forget_failures(struct dns_cache *c)
{
	lock_take(&c->lock);
	c->failures++;
	lock_give(&c->lock);
}

static struct entry *add(struct dns_cache *c, enum dns_type type, struct str name)
{
	struct entry *e;

	if (c->entries.count >= c->max)
		drop(c, container_of(list_first(&c->by_age), struct entry, link));
	e = mem_zero(sizeof(*e) + name.n + 1);
	e->type = type;
	e->n = name.n;
	memcpy(e->name, name.p, name.n);
	hash_add(&c->entries, &e->node, hash_of(type, name));
	list_append(&c->by_age, &e->link);
	return e;
}

uint32_t dns_cache_keeps_s(const struct dns_answer *a)
{
	uint32_t max = a->status == DNS_FOUND ? TTL_MAX_S : NONE_MAX_S;

	return a->ttl_s < TTL_MIN_S ? TTL_MIN_S : a->ttl_s < max ? a->ttl_s : max;
}

void dns_cache_put(struct dns_cache *c, enum dns_type type, struct str name, uint64_t now_ms,
	struct dns_answer *a)
{
	struct entry *e;

	lock_take(&c->lock);
	e = find(c, type, name);
	if (!e)
		e = add(c, type, name);
	if (a->status == DNS_FAILED) {
		e->failed_until_ms = now_ms + FAILED_MS;
		e->failures = c->failures;
	} else {
		dns_answer_unref(e->answer);
		e->answer = dns_answer_ref(a);
		e->failed_until_ms = 0;
		e->fresh_until_ms = now_ms + dns_cache_keeps_s(a) * 1000ULL;
		/* "no such name" is not worth keeping when servers fail */
		e->stale_until_ms =
			a->status == DNS_FOUND ? e->fresh_until_ms + STALE_MS : e->fresh_until_ms;
		list_del(&e->link);
		list_append(&c->by_age, &e->link);
	}
	lock_give(&c->lock);
}

static uint64_t earlier(uint64_t t, uint64_t ms)
{
	return t > ms ? t - ms : 0;
}

void dns_cache_age(struct dns_cache *c, uint64_t ms)
{
	lock_take(&c->lock);
	list_each (it, &c->by_age) {
		struct entry *e = container_of(it, struct entry, link);

		e->fresh_until_ms = earlier(e->fresh_until_ms, ms);
		e->stale_until_ms = earlier(e->stale_until_ms, ms);
		e->failed_until_ms = earlier(e->failed_until_ms, ms);
	}
	lock_give(&c->lock);
}

void dns_cache_report_lock(struct dns_cache *c, lock_report_fn *report, void *arg)
{
	struct lock_report r = { .name = "names" };

	lock_report_add(&r, &c->lock.use);
	report(arg, &r);
}
