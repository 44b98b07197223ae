/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables behind event.h: names, levels and categories of the kinds. */
#include "event/event.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name;
	enum event_category category;
	enum event_level level;
} kinds[EVENT_KIND_COUNT] = {
#define X(k, cat, lvl, text) [EV_##k] = { text, EVENT_CAT_##cat, EVENT_##lvl },
	EVENT_KINDS(X)
#undef X
};

static const char *const levels[] = { "debug", "info", "notice", "warning", "error", "none" };

static const char *const categories[EVENT_CATEGORY_COUNT] = {
	[EVENT_CAT_SERVICE] = "service",
	[EVENT_CAT_SIP] = "sip",
	[EVENT_CAT_REGISTRAR] = "registrar",
	[EVENT_CAT_PROVIDER] = "provider",
	[EVENT_CAT_CALL] = "call",
	[EVENT_CAT_DIALPLAN] = "dialplan",
	[EVENT_CAT_STORE] = "store",
	[EVENT_CAT_SECURITY] = "security",
};

static const char *const category_texts[EVENT_CATEGORY_COUNT] = {
#define X(c, text) [EVENT_CAT_##c] = text,
	EVENT_CATEGORIES(X)
#undef X
};

const char *event_kind_name(enum event_kind k)
{
	return kinds[k].name;
}

enum event_level event_kind_level(enum event_kind k)
{
	return kinds[k].level;
}

enum event_category event_kind_category(enum event_kind k)
{
	return kinds[k].category;
}

const char *event_level_name(enum event_level l)
{
	return levels[l];
}

const char *event_category_name(enum event_category c)
{
	return categories[c];
}

const char *event_category_text(enum event_category c)
{
	return category_texts[c];
}

enum err event_level_parse(struct str s, enum event_level *out)
{
	for (unsigned i = 0; i <= EVENT_LEVEL_NONE; i++) {
		if (str_ieq(s, str_of(levels[i]))) {
			*out = (enum event_level)i;
			return ERR_OK;
		}
	}
	return ERR_NOT_FOUND;
}

enum err event_category_parse(struct str s, enum event_category *out)
{
	for (unsigned i = 0; i < EVENT_CATEGORY_COUNT; i++) {
		if (str_ieq(s, str_of(categories[i]))) {
			*out = (enum event_category)i;
			return ERR_OK;
		}
	}
	return ERR_NOT_FOUND;
}

void event_note(struct event_bus *bus, enum event_kind k, struct str call, struct str account,
	const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	if (!event_wanted(bus, k))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	event_emit(bus,
		&(struct event){ .kind = k,
			.call = call,
			.account = account,
			.text = str_make(text, (size_t)n) });
}
