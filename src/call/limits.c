/* SPDX-License-Identifier: BSD-3-Clause */
/* How many calls each customer has, over all workers: one small table behind a lock. */
#include "call/model.h"

#include <stdlib.h>

#include "base/lock.h"

struct call_limits {
	struct lock lock;
	struct hash by_name;
};

struct usage {
	struct hash_node node;
	unsigned calls;
	size_t n;
	char name[];
};

struct call_limits *call_limits_new(void)
{
	struct call_limits *l = mem_new(struct call_limits);

	lock_init(&l->lock);
	hash_init(&l->by_name, 16);
	return l;
}

static void drop(struct hash_node *n, void *arg)
{
	struct call_limits *l = arg;

	hash_del(&l->by_name, n);
	free(container_of(n, struct usage, node));
}

void call_limits_free(struct call_limits *l)
{
	if (!l)
		return;
	hash_each(&l->by_name, drop, l);
	hash_fini(&l->by_name);
	lock_fini(&l->lock);
	free(l);
}

static struct usage *find(struct call_limits *l, struct str customer)
{
	for (struct hash_node *n = hash_find(&l->by_name, hash_istr(customer)); n;
		n = hash_next(n)) {
		struct usage *u = container_of(n, struct usage, node);

		if (str_ieq(str_make(u->name, u->n), customer))
			return u;
	}
	return NULL;
}

static struct usage *add(struct call_limits *l, struct str customer)
{
	struct usage *u = mem_zero(sizeof(*u) + customer.n + 1);

	u->n = customer.n;
	if (customer.n)
		memcpy(u->name, customer.p, customer.n);
	hash_add(&l->by_name, &u->node, hash_istr(customer));
	return u;
}

/* max 0: no limit. */
bool call_limits_take(struct call_limits *l, struct str customer, unsigned max)
{
	struct usage *u;
	bool room;

	lock_take(&l->lock);
	u = find(l, customer);
	room = !max || !u || u->calls < max;
	if (room) {
		if (!u)
			u = add(l, customer);
		u->calls++;
	}
	lock_give(&l->lock);
	return room;
}

void call_limits_give(struct call_limits *l, struct str customer)
{
	struct usage *u;

	lock_take(&l->lock);
	u = find(l, customer);
	BUG_ON(!u || !u->calls);
	if (--u->calls == 0)
		drop(&u->node, l);
	lock_give(&l->lock);
}

void call_limits_report_locks(struct call_limits *l, lock_report_fn *report, void *arg)
{
	struct lock_report r = { .name = "customers' calls" };

	lock_report_add(&r, &l->lock.use);
	report(arg, &r);
}
