/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdalign.h>
#include <stdlib.h>

#include "base/arena.h"
#include "transaction/answered.h"

enum { BLOCK_BYTES = 64 << 10 };

struct answer_block {
	struct answer_block *newer;
	uint64_t last_ms; /* of its newest answer */
	size_t used, room;
	alignas(struct answer) char bytes[];
};

void answered_init(struct answered *a, size_t bytes_max, unsigned keep_ms)
{
	*a = (struct answered){ .blocks_max = (unsigned)(bytes_max / BLOCK_BYTES) + 1,
		.keep_ms = keep_ms };
	hash_init(&a->by_key, 256);
}

static size_t size_of(size_t length)
{
	size_t n = sizeof(struct answer) + length, unit = alignof(struct answer);

	return (n + unit - 1) / unit * unit;
}

static void drop_oldest(struct answered *a)
{
	struct answer_block *b = a->oldest;

	for (size_t at = 0; at < b->used;) {
		struct answer *x = (struct answer *)(void *)(b->bytes + at);

		hash_del(&a->by_key, &x->by_key);
		at += size_of(x->length);
	}
	a->oldest = b->newer;
	if (!a->oldest)
		a->newest = NULL;
	a->blocks--;
	free(b);
}

void answered_fini(struct answered *a)
{
	while (a->oldest)
		drop_oldest(a);
	hash_fini(&a->by_key);
}

static bool old(const struct answered *a, uint64_t at_ms, uint64_t now_ms)
{
	return now_ms - at_ms >= a->keep_ms;
}

void answered_expire(struct answered *a, uint64_t now_ms)
{
	while (a->oldest && old(a, a->oldest->last_ms, now_ms))
		drop_oldest(a);
}

static struct answer_block *block_for(struct answered *a, size_t bytes)
{
	struct answer_block *b = a->newest;
	size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

	if (b && b->room - b->used >= bytes)
		return b;
	if (a->blocks == a->blocks_max)
		drop_oldest(a);
	b = mem_alloc(sizeof(*b) + room);
	b->newer = NULL;
	b->used = 0;
	b->room = room;
	if (a->newest)
		a->newest->newer = b;
	else
		a->oldest = b;
	a->newest = b;
	a->blocks++;
	return b;
}

void answered_put(struct answered *a, uint64_t key, const struct flow *flow, struct str bytes,
	uint64_t now_ms)
{
	size_t size = size_of(bytes.n);
	struct answer_block *b;
	struct answer *x;

	answered_expire(a, now_ms);
	b = block_for(a, size);
	x = (struct answer *)(void *)(b->bytes + b->used);
	x->at_ms = b->last_ms = now_ms;
	x->flow = *flow;
	x->length = (uint32_t)bytes.n;
	memcpy(x->bytes, bytes.p, bytes.n);
	b->used += size;
	hash_add(&a->by_key, &x->by_key, key);
}

static const struct answer *young(const struct answered *a, struct hash_node *n, uint64_t now_ms)
{
	for (; n; n = hash_next(n)) {
		const struct answer *x = container_of(n, struct answer, by_key);

		if (!old(a, x->at_ms, now_ms))
			return x;
	}
	return NULL;
}

const struct answer *answered_find(const struct answered *a, uint64_t key, uint64_t now_ms)
{
	return young(a, hash_find(&a->by_key, key), now_ms);
}

const struct answer *answered_next(
	const struct answered *a, const struct answer *before, uint64_t now_ms)
{
	return young(a, hash_next(&before->by_key), now_ms);
}
