/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of the location table on their way into the store, and bindings as rows. */
#ifndef LOCATION_JOURNAL_H
#define LOCATION_JOURNAL_H

#include "location/location.h"
#include "store/repo.h"

struct journal_text { /* what a row borrows */
	char received[ADDR_TEXT_MAX + 8], local[ADDR_TEXT_MAX + 8];
};

void journal_to_row(struct str aor, const struct binding *b, struct store_binding *row,
	struct journal_text *text);
/* ERR_SYNTAX: the row's flow is not one. Text is borrowed from the row. */
MUST_USE enum err journal_from_row(const struct store_binding *row, struct binding *b);

/* A change in terms of rows. */
struct journal_change {
	struct str aor;
	const struct binding *put;
	unsigned put_count;
	int64_t gone[LOCATION_BINDINGS_MAX]; /* rows of bindings that are removed */
	unsigned gone_count;
};

/* Posts a change; `done` follows on the worker. Everything is copied. */
MUST_USE enum err journal_post(struct store *s, struct worker *w, const struct journal_change *c,
	location_done *done, void *done_arg);
#endif
