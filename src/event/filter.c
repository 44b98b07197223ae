/* SPDX-License-Identifier: BSD-3-Clause */
#include "event/filter.h"

static bool contains_ignoring_case(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (str_ieq(str_first(str_from(s, i), needle.n), needle))
			return true;
	return false;
}

static enum err parse_categories(struct str list, struct event_filter *f, struct buf *why)
{
	struct str one;

	while (str_cut(&list, ',', &one)) {
		enum event_category c;

		if (event_category_parse(one, &c) != ERR_OK) {
			buf_printf(why, "there is no category \"%.*s\"; there are:", STR_ARG(one));
			for (unsigned i = 0; i < EVENT_CATEGORY_COUNT; i++)
				buf_printf(why, " %s", event_category_name((enum event_category)i));
			return ERR_SYNTAX;
		}
		f->categories[c] = true;
	}
	return ERR_OK;
}

static enum err parse_level(struct str value, struct event_filter *f, struct buf *why)
{
	if (event_level_parse(value, &f->level) == ERR_OK)
		return ERR_OK;
	buf_printf(why, "there is no level \"%.*s\"; there are: debug info notice warning error",
		STR_ARG(value));
	return ERR_SYNTAX;
}

static enum err parse_word(struct str word, struct event_filter *f, struct buf *why)
{
	size_t eq = str_find(word, '=');
	struct str key = str_first(word, eq), value = str_from(word, eq + 1);

	if (eq < word.n && str_eq(key, STR("level")))
		return parse_level(value, f, why);
	if (eq < word.n && str_eq(key, STR("category")))
		return parse_categories(value, f, why);
	if (eq < word.n && str_eq(key, STR("kind")))
		f->kind = value;
	else if (eq < word.n && str_eq(key, STR("call")))
		f->call = value;
	else if (eq < word.n && str_eq(key, STR("account")))
		f->account = value;
	else if (eq < word.n && str_eq(key, STR("customer")))
		f->customer = value;
	else if (f->word_count < EVENT_FILTER_WORDS_MAX)
		f->words[f->word_count++] = word;
	else {
		buf_printf(why, "a filter has at most %d words of text", EVENT_FILTER_WORDS_MAX);
		return ERR_LIMIT;
	}
	return ERR_OK;
}

enum err event_filter_parse(struct str words, struct event_filter *out, struct buf *why)
{
	struct str rest, word;
	enum err e;

	*out = (struct event_filter){ .level = EVENT_INFO };
	if (str_copy(words, out->text, sizeof(out->text)) != ERR_OK) {
		buf_printf(why, "a filter has at most %d characters", EVENT_FILTER_TEXT_MAX - 1);
		return ERR_LIMIT;
	}
	rest = str_of(out->text);
	while (str_cut(&rest, ' ', &word)) {
		if (str_empty(word))
			continue;
		e = parse_word(word, out, why);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static bool any_category(const struct event_filter *f)
{
	for (unsigned c = 0; c < EVENT_CATEGORY_COUNT; c++)
		if (f->categories[c])
			return true;
	return false;
}

void event_filter_levels(const struct event_filter *f, enum event_level min[EVENT_CATEGORY_COUNT])
{
	bool some = any_category(f);

	for (unsigned c = 0; c < EVENT_CATEGORY_COUNT; c++)
		min[c] = some && !f->categories[c] ? EVENT_LEVEL_NONE : f->level;
}

static bool word_matches(struct str w, const struct event *e)
{
	if (contains_ignoring_case(e->text, w) || contains_ignoring_case(e->call, w) ||
		contains_ignoring_case(e->account, w) || contains_ignoring_case(e->customer, w) ||
		contains_ignoring_case(str_of(event_kind_name(e->kind)), w))
		return true;
	for (unsigned i = 0; i < e->field_count; i++)
		if (contains_ignoring_case(e->fields[i].value, w))
			return true;
	return false;
}

bool event_filter_match(const struct event_filter *f, const struct event *e)
{
	if (event_kind_level(e->kind) < f->level)
		return false;
	if (any_category(f) && !f->categories[event_kind_category(e->kind)])
		return false;
	if (f->kind.n && !str_istarts(str_of(event_kind_name(e->kind)), f->kind))
		return false;
	if ((f->call.n && !str_eq(e->call, f->call)) ||
		(f->account.n && !str_ieq(e->account, f->account)) ||
		(f->customer.n && !str_ieq(e->customer, f->customer)))
		return false;
	for (unsigned i = 0; i < f->word_count; i++)
		if (!word_matches(f->words[i], e))
			return false;
	return true;
}
