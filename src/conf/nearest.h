/* SPDX-License-Identifier: BSD-3-Clause */
/* "Did you mean …?": how far apart two names are. */
#ifndef CONF_NEAREST_H
#define CONF_NEAREST_H

#include "base/str.h"

/* Insertions, deletions, replacements and swaps of neighbours that make a of b, ignoring case;
 * names longer than 64 characters are only equal (0) or far (64). */
unsigned name_distance(struct str a, struct str b);

/* Keeps the nearest of the names it is shown. Start with { .wanted = name }. */
struct nearest {
	struct str wanted, best;
	unsigned distance;
	bool found; /* best is near enough to be suggested */
};
void nearest_offer(struct nearest *n, struct str name);

#endif
