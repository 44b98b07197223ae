/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/pinned.h"

#include <stdlib.h>

#include "base/arena.h"

enum { WHOLE_BITS = 128 };

struct pin { /* one range of one provider */
	struct hash_node node; /* single */
	struct list link; /* wide */
	struct addr_range range;
	struct provider *provider; /* a reference */
};

/* Ports do not count. */
static uint64_t hash_of(const struct addr *a)
{
	struct addr ip = *a;

	addr_set_port(&ip, 0);
	return addr_hash(&ip);
}

void pinned_init(struct pinned *t)
{
	rwlock_init(&t->lock);
	hash_init(&t->single, 16);
	list_init(&t->wide);
}

static void drop(struct pinned *t, struct pin *p)
{
	if (p->range.bits == WHOLE_BITS)
		hash_del(&t->single, &p->node);
	list_del(&p->link);
	provider_unref(p->provider);
	free(p);
}

static void drop_node(struct hash_node *n, void *arg)
{
	drop(arg, container_of(n, struct pin, node));
}

void pinned_fini(struct pinned *t)
{
	hash_each(&t->single, drop_node, t);
	list_each_safe (it, &t->wide)
		drop(t, container_of(it, struct pin, link));
	hash_fini(&t->single);
	rwlock_fini(&t->lock);
}

/* ---- filling ---- */

static void add(struct pinned *t, struct provider *p, const struct addr_range *range)
{
	struct pin *pin = mem_new(struct pin);

	pin->range = *range;
	pin->provider = provider_ref(p);
	list_init(&pin->link);
	if (range->bits == WHOLE_BITS)
		hash_add(&t->single, &pin->node, hash_of(&range->base));
	else
		list_append(&t->wide, &pin->link);
}

static void remove_single(struct pinned *t, struct provider *p, const struct addr_range *range)
{
	struct hash_node *n = hash_find(&t->single, hash_of(&range->base)), *next;

	for (; n; n = next) {
		struct pin *pin = container_of(n, struct pin, node);

		next = hash_next(n);
		if (pin->provider == p)
			drop(t, pin);
	}
}

static void remove_wide(struct pinned *t, struct provider *p)
{
	list_each_safe (it, &t->wide) {
		struct pin *pin = container_of(it, struct pin, link);

		if (pin->provider == p)
			drop(t, pin);
	}
}

static void remove_range(struct pinned *t, struct provider *p, const struct addr_range *range)
{
	if (range->bits == WHOLE_BITS)
		remove_single(t, p, range);
	else
		remove_wide(t, p);
}

static void each_range(struct pinned *t, struct provider *p,
	void (*what)(struct pinned *t, struct provider *p, const struct addr_range *range))
{
	struct str rest = p->addresses, one;
	struct addr_range range;

	if (!rest.n)
		return;
	rwlock_write(&t->lock);
	while (str_cut(&rest, ',', &one))
		if (!addr_range_parse(str_trim(one), &range))
			what(t, p, &range);
	rwlock_give(&t->lock);
}

void pinned_add(struct pinned *t, struct provider *p)
{
	each_range(t, p, add);
}

void pinned_remove(struct pinned *t, struct provider *p)
{
	each_range(t, p, remove_range);
}

struct sweep {
	struct pinned *t;
	struct record_table *providers;
};

static void sweep_one(const struct sweep *s, struct pin *pin)
{
	struct provider *now = record_get(s->providers, record_key(pin->provider));

	if (now != pin->provider)
		drop(s->t, pin);
	record_unref(now);
}

static void sweep_node(struct hash_node *n, void *arg)
{
	sweep_one(arg, container_of(n, struct pin, node));
}

void pinned_sweep(struct pinned *t, struct record_table *providers)
{
	struct sweep s = { t, providers };

	rwlock_write(&t->lock);
	hash_each(&t->single, sweep_node, &s);
	list_each_safe (it, &t->wide)
		sweep_one(&s, container_of(it, struct pin, link));
	rwlock_give(&t->lock);
}

/* ---- looking ---- */

void pinned_each(struct pinned *t, const struct addr *a,
	void (*visit)(struct provider *p, void *arg), void *arg)
{
	rwlock_read(&t->lock);
	for (struct hash_node *n = hash_find(&t->single, hash_of(a)); n; n = hash_next(n)) {
		struct pin *pin = container_of(n, struct pin, node);

		if (addr_in_range(a, &pin->range))
			visit(pin->provider, arg);
	}
	list_each (it, &t->wide) {
		struct pin *pin = container_of(it, struct pin, link);

		if (addr_in_range(a, &pin->range))
			visit(pin->provider, arg);
	}
	rwlock_give(&t->lock);
}
