/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which binding of a shard expires next: a binary heap. A place in it says no more than that its
 * entry does not expire before `due_ms`: a refresh, which is what mostly happens, moves nothing;
 * an entry finds its new place when its turn comes. Locked by its owner.
 */
#ifndef LOCATION_EXPIRY_H
#define LOCATION_EXPIRY_H

#include <stdint.h>

struct entry;

struct expiry_place {
	struct entry *entry;
	int64_t due_ms;
};

struct expiry {
	struct expiry_place *heap;
	uint32_t count, room;
};

void expiry_add(struct expiry *x, struct entry *e);
void expiry_remove(struct expiry *x, struct entry *e);
void expiry_changed(struct expiry *x, struct entry *e); /* its expires_ms */
/*
 * An entry that has expired by now_ms; NULL: none, or not found within *steps, each of which gives
 * one entry its new place. What is left of the steps stays in *steps.
 */
struct entry *expiry_first(struct expiry *x, int64_t now_ms, unsigned *steps);
void expiry_fini(struct expiry *x);

#endif
