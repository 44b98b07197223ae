/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who asks for how much: messages counted by source address in windows of 100 ms, against a share
 * that moves. Whoever uses it says when what is within the share is still too much (fair_press);
 * then the share shrinks, else it grows by a part of it: it settles where those who ask for little
 * get all of it, and those who ask for much get the same each.
 *
 * A fixed table: an address has a place in each of two rows, shared with others by chance, and the
 * lower of the two counts. So addresses, true or made up, never make it grow; a made-up crowd can
 * only make counts too high. IPv6 addresses count by their /64, which one customer usually has.
 */
#ifndef TRANSPORT_FAIR_H
#define TRANSPORT_FAIR_H

#include "base/addr.h"
#include "base/random.h"

enum { FAIR_SLOTS = 1024, FAIR_WINDOW_MS = 100, FAIR_SHARE_MIN = 8 };

struct fair {
	uint32_t counts[2][FAIR_SLOTS];
	uint64_t seed; /* so that nobody can choose whose place to share */
	uint64_t window_end_ms;
	uint32_t share; /* messages a window; UINT32_MAX: no limit yet */
	uint32_t biggest, second; /* counts of this window */
	uint64_t biggest_is;
	uint32_t biggest_before, second_before; /* of the one before it */
	unsigned sources, sources_before; /* about so many */
	unsigned growth; /* a window makes the share larger by that part of it */
	bool pressed;
};

void fair_init(struct fair *f, struct rng *rng, unsigned growth);
/* One more from that address: how many it sent in this window. */
uint32_t fair_count(struct fair *f, const struct addr *source, uint64_t now_ms);
/* The share is too large: at the end of the window it shrinks; the first time at once. */
void fair_press(struct fair *f);
/* Only one source in a while: what it is refused goes to nobody. */
static inline bool fair_alone(const struct fair *f)
{
	return f->sources < 2 && f->sources_before < 2;
}

#endif
