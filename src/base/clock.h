/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time. Code never asks the system for the time: it reads the struct clock of its worker, which
 * the loop sets at the start of every turn and which tests move by hand.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

struct clock {
	uint64_t mono_ms; /* never goes back, goes on while the machine sleeps; for timers */
	int64_t wall_ms; /* UTC, milliseconds since 1970; for people and the store */
	int64_t wall_us; /* the same, finer; for how long messages wait */
};

void clock_read(struct clock *c); /* from the system; for loops and one-shot commands only */

/* "Sun, 08 Nov 2009 12:12:21 GMT" (RFC 3261 20.17), 29 characters. */
void clock_print_rfc1123(struct buf *b, int64_t wall_ms);
/* "2009-11-08T12:12:21.000Z" (ISO 8601, UTC), 24 characters: the store's format. */
void clock_print_iso(struct buf *b, int64_t wall_ms);
/* Accepts what clock_print_iso prints, and the same without milliseconds or with +00:00. */
MUST_USE enum err clock_parse_iso(struct str s, int64_t *wall_ms);

#endif
