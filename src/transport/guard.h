/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Floods by UDP, when refusing them is too much work (loop/overload.h): datagrams of a source that
 * sends more than its fair share are dropped before they are parsed, new requests first. What a
 * datagram is, is seen from its first word and its To field; what cannot be told so passes, until
 * that does not help either.
 */
#ifndef TRANSPORT_GUARD_H
#define TRANSPORT_GUARD_H

#include "loop/worker.h"
#include "transport/fair.h"

struct guard {
	struct fair fresh; /* requests that begin something */
	struct fair all;
	uint64_t told_ms; /* when the last flood was reported */
};

void guard_init(struct guard *g, struct rng *rng);
/* True: drop it; counted. Called for each datagram while the level is above FINE. */
bool guard_drops(struct guard *g, struct worker *w, const struct addr *source, struct str bytes);
/* Whether it begins something: a request that may, without a tag in its To field. */
bool guard_is_new(struct str bytes);

#endif
