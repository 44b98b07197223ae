/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, str_make(digits + at, sizeof(digits) - at));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	size_t room = b->max - b->n;
	va_list args;
	int n;

	if (b->full)
		return;
	va_start(args, fmt);
	n = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n > room) {
		b->full = true;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		buf_add(b, str_make(small, (size_t)n));
		return;
	}
	if ((size_t)n == room) { /* vsnprintf needs a byte more, for its NUL */
		b->full = true;
		return;
	}
	va_start(args, fmt);
	vsnprintf(b->p + b->n, room, fmt, args);
	va_end(args);
	b->n += (size_t)n;
}
