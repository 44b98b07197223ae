/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers kept for copies of their requests: the Completed state of the non-INVITE server machine
 * (RFC 3261 17.2.2) once its transaction is gone. All that state does is to send the same bytes
 * again, for 32 s; so the bytes are all that is kept, one behind the other in blocks, without a
 * timer or an allocation each.
 *
 * Bounded: at the limit the oldest block makes room. Copies come early (after T1 = 500 ms) or not
 * at all; a copy of a forgotten request counts as a new one.
 */
#ifndef TRANSACTION_ANSWERED_H
#define TRANSACTION_ANSWERED_H

#include "base/hash.h"
#include "transport/transport.h"

struct answer {
	struct hash_node by_key;
	uint64_t at_ms; /* monotonic */
	struct flow flow; /* that it was sent on */
	uint32_t length;
	char bytes[];
};

struct answered {
	struct hash by_key;
	struct answer_block *oldest, *newest;
	unsigned blocks, blocks_max;
	unsigned keep_ms;
};

void answered_init(struct answered *a, size_t bytes_max, unsigned keep_ms);
void answered_fini(struct answered *a);
/* key: hash of the request's transaction key (17.2.3). */
void answered_put(struct answered *a, uint64_t key, const struct flow *flow, struct str bytes,
	uint64_t now_ms);
/* Younger than keep_ms, newest first; NULL: none. The caller compares what the hash stands for. */
const struct answer *answered_find(const struct answered *a, uint64_t key, uint64_t now_ms);
const struct answer *answered_next(
	const struct answered *a, const struct answer *before, uint64_t now_ms);
/* Frees what grew old. */
void answered_expire(struct answered *a, uint64_t now_ms);
static inline bool answered_empty(const struct answered *a)
{
	return a->by_key.count == 0;
}

#endif
