/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slices: a pointer and a length, never terminated, never owning. A struct str borrows from the
 * buffer it points into and lives as long as that buffer; whoever keeps one copies it
 * (arena_str, str_dup). p may be NULL when n is 0: "absent", see STR_NONE.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_of(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){ p, n };
}

static inline bool str_empty(struct str s)
{
	return s.n == 0;
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Two texts of n bytes each, ASCII case-insensitive. */
bool str_same_folded(const char *a, const char *b, size_t n);

/* ASCII case-insensitive; no locale anywhere in this program. */
static inline bool str_ieq(struct str a, struct str b)
{
	return a.n == b.n && str_same_folded(a.p, b.p, a.n);
}

bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first c, or s.n. */
static inline size_t str_find(struct str s, char c)
{
	const char *at = s.n ? (const char *)memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

/* Index of the last c, or s.n. */
size_t str_rfind(struct str s, char c);
/* Index of the first occurrence of needle, or s.n. */
size_t str_find_str(struct str s, struct str needle);
/* The part from index i on (empty when i >= n), and the first i bytes (all when i >= n). */
static inline struct str str_from(struct str s, size_t i)
{
	if (i > s.n)
		i = s.n;
	return s.p ? str_make(s.p + i, s.n - i) : s;
}

static inline struct str str_first(struct str s, size_t i)
{
	return i < s.n ? str_make(s.p, i) : s;
}

static inline bool str_is_blank(char c) /* SP, HTAB, CR, LF */
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without the blanks at both ends. */
static inline struct str str_trim(struct str s)
{
	while (s.n && str_is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && str_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/*
 * Cuts the text up to the first sep off *rest into *head; false when *rest was empty from the
 * start. The separator is dropped; the last piece leaves *rest empty with p == NULL.
 */
bool str_cut(struct str *rest, char sep, struct str *head);
/*
 * Cuts the next line off *rest, without its end: LF or CR LF. False when *rest is empty; the last
 * line need not have an end.
 */
bool str_line(struct str *rest, struct str *line);
/* Total order, bytewise, for qsort and bsearch. */
int str_cmp(struct str a, struct str b);

/* Whole slice is a decimal number, no sign, no blanks; ERR_SYNTAX or ERR_RANGE. */
MUST_USE enum err str_u32(struct str s, uint32_t *out);
MUST_USE enum err str_u64(struct str s, uint64_t *out);

/* Heap copy with a terminating NUL; free() it. */
char *str_dup(struct str s);
/* Copies into out[max] and terminates; ERR_FULL when it does not fit (out is then ""). */
MUST_USE enum err str_copy(struct str s, char *out, size_t max);
/* Bytes of hex digits; ERR_SYNTAX, ERR_FULL. */
MUST_USE enum err str_unhex(struct str s, void *out, size_t max, size_t *n);
/* Hex digits, lower case, 2 * n characters plus NUL. */
void str_hex(const void *bytes, size_t n, char *out);

#endif
