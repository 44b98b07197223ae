/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Providers by the addresses that they say their calls come from. Single addresses are found by
 * hash; wider ranges are looked at one by one: they are few.
 */
#ifndef DIRECTORY_PINNED_H
#define DIRECTORY_PINNED_H

#include "base/hash.h"
#include "base/list.h"
#include "base/lock.h"
#include "directory/directory.h"
#include "directory/record.h"

struct pinned {
	struct rwlock lock;
	struct hash single;
	struct list wide;
};

void pinned_init(struct pinned *t);
void pinned_fini(struct pinned *t);
void pinned_add(struct pinned *t, struct provider *p); /* keeps references */
void pinned_remove(struct pinned *t, struct provider *p);
/* Forgets those that are not in the table any more. */
void pinned_sweep(struct pinned *t, struct record_table *providers);
void pinned_each(struct pinned *t, const struct addr *a,
	void (*visit)(struct provider *p, void *arg), void *arg);

#endif
