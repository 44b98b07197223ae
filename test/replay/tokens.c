/* SPDX-License-Identifier: BSD-3-Clause */
/* Providers' tokens in the text of a scenario: nobody could write them by hand. */
#include "scenario.h"

#include "base/arena.h"
#include "world.h"

/* What stands in front of the next "{token C/N}", and C/N; false: none is left. */
static bool next_token(struct str *rest, struct str *before, struct str *provider)
{
	const struct str mark = STR("{token ");
	size_t at = str_find_str(*rest, mark);
	struct str tail = str_from(*rest, at < rest->n ? at + mark.n : rest->n);
	size_t end = str_find(tail, '}');

	*before = str_first(*rest, at);
	if (end == tail.n)
		return false;
	*provider = str_first(tail, end);
	*rest = str_from(tail, end + 1);
	return true;
}

char *scenario_with_tokens(struct str text, size_t *n)
{
	size_t max = 2 * text.n + 64;
	char *mem = mem_alloc(max), token[DIRECTORY_TOKEN_CHARS + 1];
	struct buf b = { .p = mem, .max = max };
	struct str rest = text, before, provider;

	while (next_token(&rest, &before, &provider)) {
		size_t slash = str_find(provider, '/');

		directory_provider_token(world_key, str_first(provider, slash),
			str_from(provider, slash + 1), token);
		buf_add(&b, before);
		buf_add(&b, str_of(token));
	}
	buf_add(&b, rest);
	BUG_ON(!buf_ok(&b));
	*n = b.n;
	return mem;
}
