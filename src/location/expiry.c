/* SPDX-License-Identifier: BSD-3-Clause */
#include "location/expiry.h"

#include <stdlib.h>

#include "base/arena.h"
#include "location/table.h"

static void place(struct expiry *x, struct expiry_place p, uint32_t at)
{
	x->heap[at] = p;
	p.entry->expiry_at = at;
}

static bool sooner(const struct expiry *x, uint32_t a, uint32_t b)
{
	return x->heap[a].due_ms < x->heap[b].due_ms;
}

static void swap(struct expiry *x, uint32_t a, uint32_t b)
{
	struct expiry_place p = x->heap[a];

	place(x, x->heap[b], a);
	place(x, p, b);
}

static uint32_t rise(struct expiry *x, uint32_t at)
{
	for (; at > 0 && sooner(x, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(x, at, (at - 1) / 2);
	return at;
}

static void sink(struct expiry *x, uint32_t at)
{
	for (;;) {
		uint32_t left = 2 * at + 1, least = at;

		for (uint32_t child = left; child <= left + 1 && child < x->count; child++)
			if (sooner(x, child, least))
				least = child;
		if (least == at)
			return;
		swap(x, at, least);
		at = least;
	}
}

void expiry_add(struct expiry *x, struct entry *e)
{
	if (x->count == x->room) {
		x->room = x->room ? x->room + x->room / 2 : 16;
		x->heap = mem_grow(x->heap, x->room * sizeof(*x->heap));
	}
	place(x, (struct expiry_place){ e, e->expires_ms }, x->count++);
	rise(x, e->expiry_at);
}

void expiry_remove(struct expiry *x, struct entry *e)
{
	uint32_t at = e->expiry_at, last = --x->count;

	if (at == last)
		return;
	place(x, x->heap[last], at);
	sink(x, rise(x, at));
}

void expiry_changed(struct expiry *x, struct entry *e)
{
	struct expiry_place *p = &x->heap[e->expiry_at];

	if (e->expires_ms >= p->due_ms)
		return;
	p->due_ms = e->expires_ms;
	rise(x, e->expiry_at);
}

struct entry *expiry_first(struct expiry *x, int64_t now_ms, unsigned *steps)
{
	while (x->count && x->heap[0].due_ms <= now_ms) {
		struct entry *e = x->heap[0].entry;

		if (e->expires_ms <= now_ms)
			return e;
		if (!*steps)
			return NULL;
		--*steps;
		x->heap[0].due_ms = e->expires_ms;
		sink(x, 0);
	}
	return NULL;
}

void expiry_fini(struct expiry *x)
{
	free(x->heap);
}
