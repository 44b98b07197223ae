/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regular expressions of line plans and wizard rules, as people wrote them for the original: \d \w
 * \s \b, classes, groups, alternatives, counts. A match takes time proportional to pattern times
 * text, whatever the pattern is, and no memory. Nothing is captured; look-around and
 * back-references are refused, in words.
 */
#ifndef DIALPLAN_PATTERN_H
#define DIALPLAN_PATTERN_H

#include "base/buf.h"
#include "base/err.h"

enum { PATTERN_TEXT_MAX = 1024, PATTERN_STEPS_MAX = 512, PATTERN_DEPTH_MAX = 32 };

struct pattern_step {
	uint8_t op;
	uint16_t x, y; /* where to go on */
	uint8_t set[32]; /* bytes that match */
};

struct pattern {
	struct pattern_step steps[PATTERN_STEPS_MAX];
	unsigned count;
};

/* ERR_SYNTAX, ERR_LIMIT; `why`: what is wrong, and what would be right. */
MUST_USE enum err pattern_compile(struct pattern *p, struct str text, struct buf *why);
/* Whether it is found anywhere in the text. */
bool pattern_found(const struct pattern *p, struct str text);

/*
 * The regular expression that digits with classes stand for: X any digit, Z 1-9, N 2-9.
 * Of lines ("_0[12]XX."; without the "_"): either case, "[...]", a final "." the rest, all of it.
 * Of wizard prefixes: capitals; "*" and "+" are themselves; from the start only.
 */
void pattern_of_line(struct buf *b, struct str text);
void pattern_of_prefix(struct buf *b, struct str text);

#endif
