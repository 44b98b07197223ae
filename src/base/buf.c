/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Whether a format has no other conversions than print_plain knows. */
static bool plain(const char *fmt)
{
	while ((fmt = strchr(fmt, '%'))) {
		fmt++;
		if (strncmp(fmt, ".*s", 3) == 0)
			fmt += 3;
		else if (*fmt == 's' || *fmt == 'u' || *fmt == 'c')
			fmt++;
		else
			return false;
	}
	return true;
}

/* Nearly all that we print: the C library takes some 700 instructions for it. */
static void print_plain(struct buf *b, const char *fmt, va_list args)
{
	for (;;) {
		size_t n = strcspn(fmt, "%");

		buf_add(b, str_make(fmt, n));
		if (!fmt[n])
			return;
		fmt += n + 1;
		switch (*fmt++) {
		case '.': {
			int max = va_arg(args, int);
			const char *text = va_arg(args, const char *);

			buf_add(b, str_make(text, strnlen(text, (size_t)max)));
			fmt += 2;
			break;
		}
		case 's':
			buf_add(b, str_of(va_arg(args, const char *)));
			break;
		case 'u':
			buf_u64(b, va_arg(args, unsigned));
			break;
		default:
			buf_char(b, (char)va_arg(args, int));
		}
	}
}

/* vsnprintf needs a byte more than it writes, for its NUL. */
static void print_any(struct buf *b, const char *fmt, va_list args)
{
	char small[256];
	size_t room = b->max - b->n;
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), fmt, args);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		buf_add(b, str_make(small, (size_t)n));
	} else if (n < 0 || (size_t)n >= room) {
		b->full = true;
	} else {
		vsnprintf(b->p + b->n, room, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
	size_t start = b->n;

	if (b->full)
		return;
	if (plain(fmt))
		print_plain(b, fmt, args);
	else
		print_any(b, fmt, args);
	if (b->full)
		b->n = start;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(b, fmt, args);
	va_end(args);
}
