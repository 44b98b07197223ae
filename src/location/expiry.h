/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which binding of a shard expires next: a binary heap of pointers, each entry knowing its place,
 * so that sweeping touches nothing but what has expired. Locked by its owner.
 */
#ifndef LOCATION_EXPIRY_H
#define LOCATION_EXPIRY_H

#include <stdint.h>

struct entry;

struct expiry {
	struct entry **heap;
	uint32_t count, room;
};

void expiry_add(struct expiry *x, struct entry *e);
void expiry_remove(struct expiry *x, struct entry *e);
struct entry *expiry_first(const struct expiry *x); /* NULL: none */
void expiry_fini(struct expiry *x);

#endif
