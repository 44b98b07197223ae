/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/bencode.h"

enum { DEPTH_MAX = 16 };

void bencode_text(struct buf *b, struct str s)
{
	buf_u64(b, s.n);
	buf_char(b, ':');
	buf_add(b, s);
}

static bool take_text(struct str *rest, struct str *out)
{
	size_t colon = str_find(*rest, ':');
	uint32_t n;

	if (colon == rest->n || colon > 9 || str_u32(str_first(*rest, colon), &n) != ERR_OK ||
		n > rest->n - colon - 1)
		return false;
	*out = str_make(rest->p + colon + 1, n);
	*rest = str_from(*rest, colon + 1 + n);
	return true;
}

/* One value of any kind. */
static bool skip(struct str *rest, unsigned depth)
{
	struct str text;
	char c = rest->n ? rest->p[0] : '\0';

	if (c >= '0' && c <= '9')
		return take_text(rest, &text);
	if (c == 'i') {
		size_t end = str_find(*rest, 'e');

		*rest = str_from(*rest, end < rest->n ? end + 1 : rest->n);
		return true;
	}
	if ((c != 'l' && c != 'd') || depth == DEPTH_MAX)
		return false;
	*rest = str_from(*rest, 1);
	while (rest->n && rest->p[0] != 'e')
		if (!skip(rest, depth + 1))
			return false;
	if (!rest->n)
		return false;
	*rest = str_from(*rest, 1);
	return true;
}

struct str bencode_find(struct str dictionary, struct str key)
{
	struct str rest = str_from(dictionary, 1), name, value;

	if (!str_starts(dictionary, STR("d")))
		return STR_NONE;
	while (take_text(&rest, &name)) {
		struct str from = rest;

		if (!skip(&rest, 0))
			return STR_NONE;
		if (!str_eq(name, key))
			continue;
		return from.p[0] >= '0' && from.p[0] <= '9' && take_text(&from, &value) ? value
											: STR_NONE;
	}
	return STR_NONE;
}
