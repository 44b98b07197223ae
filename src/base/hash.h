/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hash tables with the link embedded in the member, growing by doubling. Keys are hashed with
 * SipHash-1-3 under a secret of the process, so that no peer can choose collisions.
 * Not locked: one owner.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/list.h"
#include "base/str.h"

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
};

struct hash {
	struct hash_node **buckets;
	size_t mask, count;
};

/* 128-bit secret drawn once per process at first use (thread safe). */
uint64_t hash_str(struct str s);
uint64_t hash_istr(struct str s); /* of the lower-cased text (ASCII) */
uint64_t hash_mix(uint64_t a, uint64_t b);
/* Without the secret: the same in every process and on every node, for choosing owners. */
uint64_t hash_stable(struct str s);

void hash_init(struct hash *h, size_t buckets); /* rounded up to a power of two */
void hash_fini(struct hash *h); /* members must be gone */
void hash_add(struct hash *h, struct hash_node *n, uint64_t hash);
void hash_del(struct hash *h, struct hash_node *n);

/*
 * First node with that hash, then the next ones; the caller compares keys:
 *   for (n = hash_find(h, k); n; n = hash_next(n)) if (same(n)) ...
 */
static inline struct hash_node *hash_same(struct hash_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

static inline struct hash_node *hash_find(const struct hash *h, uint64_t hash)
{
	return hash_same(h->buckets[hash & h->mask], hash);
}

static inline struct hash_node *hash_next(const struct hash_node *n)
{
	return hash_same(n->next, n->hash);
}

/* Visits all; `visit` may delete the node it is given, nothing else. */
void hash_each(struct hash *h, void (*visit)(struct hash_node *n, void *arg), void *arg);

#endif
