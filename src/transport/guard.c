/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/guard.h"
#include "event/event.h"

enum { TELL_MS = 10000, GROWTH = 32 };

void guard_init(struct guard *g, struct rng *rng)
{
	*g = (struct guard){ 0 };
	fair_init(&g->fresh, rng, GROWTH);
	fair_init(&g->all, rng, GROWTH);
}

/* The value of the To field, as nearly everybody writes it; empty: not found. */
static struct str to_field(struct str bytes)
{
	static const char *const names[] = { "\nTo:", "\nt:", "\nTO:", "\nto:" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t at = str_find_str(bytes, str_of(names[i]));

		if (at < bytes.n) {
			struct str rest = str_from(bytes, at + 1);

			return str_first(rest, str_find(rest, '\n'));
		}
	}
	return STR_NONE;
}

bool guard_is_new(struct str bytes)
{
	static const char *const beginning[] = { "INVITE ", "OPTIONS ", "MESSAGE ", "SUBSCRIBE ",
		"PUBLISH " };
	struct str to;

	if (str_starts(bytes, STR("REGISTER ")))
		return true;
	for (unsigned i = 0; i < sizeof(beginning) / sizeof(*beginning); i++) {
		if (!str_starts(bytes, str_of(beginning[i])))
			continue;
		to = to_field(bytes);
		return to.n && str_find_str(to, STR("tag=")) == to.n;
	}
	return false;
}

static void tell(struct guard *g, struct worker *w, const struct addr *source)
{
	char text[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text);
	uint64_t now = w->clock.mono_ms;

	if (g->told_ms && now - g->told_ms < TELL_MS)
		return;
	g->told_ms = now;
	addr_print_ip(&b, source);
	event_note(w->events, EV_OVERLOAD_FLOOD, STR_NONE, STR_NONE,
		"worker %u drops what %.*s sends beyond a fair share, new requests first", w->id,
		STR_ARG(buf_str(&b)));
}

/* One more from that source: more than its share, and more than `least`. */
static bool beyond(
	struct fair *f, const struct worker *w, const struct addr *source, uint32_t least)
{
	uint32_t n = fair_count(f, source, w->clock.mono_ms);

	if (overload_level(&w->overload) < OVERLOAD_DROPPING)
		return false;
	if (w->overload.hopeless || f->share == UINT32_MAX)
		fair_press(f);
	/* a source that is alone takes nothing from anybody */
	return n > f->share && n > least && !fair_alone(f);
}

/*
 * Of what was begun only the excess of a source that towers above all others, down to the next: to
 * drop that wrongly costs calls that are up.
 */
bool guard_drops(struct guard *g, struct worker *w, const struct addr *source, struct str bytes)
{
	bool drop = guard_is_new(bytes) && beyond(&g->fresh, w, source, 0);

	if (overload_level(&w->overload) == OVERLOAD_DROPPING_ALL)
		drop = beyond(&g->all, w, source, g->all.second_before) || drop;
	if (!drop)
		return false;
	counter_add(&w->overload.counters.dropped, 1);
	tell(g, w, source);
	return true;
}
