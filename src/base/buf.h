/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bounded output buffers. The memory belongs to the caller, the maximum is given at the start.
 * Writing past it keeps nothing of that piece and sets `full`, which sticks: write everything,
 * then check once with buf_ok().
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
	char *p;
	size_t n, max;
	bool full;
};

static inline void buf_init(struct buf *b, void *mem, size_t max)
{
	*b = (struct buf){ .p = mem, .max = max };
}

/* struct buf b = BUF_OF(array); */
#define BUF_OF(array) ((struct buf){ .p = (array), .max = sizeof(array) })

static inline void buf_add(struct buf *b, struct str s)
{
	if (b->full || s.n > b->max - b->n) {
		b->full = true;
		return;
	}
	if (s.n)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

#define buf_lit(b, lit) buf_add(b, STR(lit))

static inline void buf_char(struct buf *b, char c)
{
	buf_add(b, (struct str){ &c, 1 });
}

void buf_u64(struct buf *b, uint64_t v);
/* As printf; quick when there is nothing but %s, %.*s, %u and %c in it. */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) PRINTF(2, 0);

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

static inline bool buf_ok(const struct buf *b)
{
	return !b->full;
}

#endif
