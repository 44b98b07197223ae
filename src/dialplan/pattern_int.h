/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of a pattern: what pattern.c writes and pattern_match.c follows. */
#ifndef DIALPLAN_PATTERN_INT_H
#define DIALPLAN_PATTERN_INT_H

#include "dialplan/pattern.h"

enum { OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_WORD, OP_NOT_WORD, OP_MATCH };

static inline bool pattern_has(const uint8_t *set, unsigned char ch)
{
	return set[ch / 8] >> (ch % 8) & 1;
}

static inline bool pattern_is_word(unsigned char ch)
{
	return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || ch == '_';
}

#endif
