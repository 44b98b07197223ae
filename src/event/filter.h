/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filters over events, as written after `tandem log`: words, all of which must hold.
 *
 *   level=info           this level and above (default: info)
 *   category=sip,call    one of these
 *   kind=register        kinds that start so
 *   call=ID  account=alice@example.com  customer=demo    exactly; account and customer ignore case
 *   anything else        appears somewhere in the event, ignoring case
 */
#ifndef EVENT_FILTER_H
#define EVENT_FILTER_H

#include "event/event.h"

enum { EVENT_FILTER_WORDS_MAX = 8, EVENT_FILTER_TEXT_MAX = 512 };

struct event_filter {
	enum event_level level;
	bool categories[EVENT_CATEGORY_COUNT]; /* all false: all of them */
	struct str kind, call, account, customer;
	struct str words[EVENT_FILTER_WORDS_MAX];
	unsigned word_count;
	char text[EVENT_FILTER_TEXT_MAX]; /* what the slices borrow from: do not copy the struct */
};

/* `words` separated by blanks. ERR_SYNTAX, ERR_LIMIT with a sentence in `why`. */
MUST_USE enum err event_filter_parse(struct str words, struct event_filter *out, struct buf *why);
bool event_filter_match(const struct event_filter *f, const struct event *e);
/* The levels that a sink with this filter needs. */
void event_filter_levels(const struct event_filter *f, enum event_level min[EVENT_CATEGORY_COUNT]);

#endif
