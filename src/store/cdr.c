/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

/* What is known only when a call ends; nothing of it is in an index. */
#define LATE_COLUMNS                                                                               \
	COLUMN(TEXT, store_cdr, b_call_id), COLUMN(TEXT, store_cdr, destination),                  \
		COLUMN(TEXT, store_cdr, provider), COLUMN(TEXT, store_cdr, b_remote),              \
		COLUMN_NAMED(TIME, store_cdr, ringing_ms, "ringing"),                              \
		COLUMN_NAMED(TIME, store_cdr, answered_ms, "answered"),                            \
		COLUMN_NAMED(TIME, store_cdr, ended_ms, "ended"), COLUMN(U32, store_cdr, status),  \
		COLUMN(TEXT, store_cdr, reason), COLUMN(TEXT, store_cdr, ended_by),                \
		COLUMN(TEXT, store_cdr, end_reason), COLUMN(U32, store_cdr, legs)

static const struct column columns[] = {
	KEY_COLUMN(TEXT, store_cdr, call),
	COLUMN(TEXT, store_cdr, customer),
	COLUMN(TEXT, store_cdr, account),
	COLUMN(TEXT, store_cdr, direction),
	COLUMN(TEXT, store_cdr, a_call_id),
	COLUMN_NAMED(TEXT, store_cdr, from, "from_header"),
	COLUMN_NAMED(TEXT, store_cdr, to, "to_header"),
	COLUMN(TEXT, store_cdr, request_uri),
	COLUMN(TEXT, store_cdr, dialplan),
	COLUMN(TEXT, store_cdr, a_remote),
	COLUMN_NAMED(TIME, store_cdr, started_ms, "started"),
	LATE_COLUMNS,
};
static const struct table cdrs = TABLE("cdrs", store_cdr, columns, "ORDER BY started DESC, call");

static const struct column late_columns[] = { KEY_COLUMN(TEXT, store_cdr, call), LATE_COLUMNS };
static const struct table late = TABLE("cdrs", store_cdr, late_columns, "");

enum err store_cdr_put(struct store_db *db, const struct store_cdr *c)
{
	return table_put(db, &cdrs, c);
}

enum err store_cdr_finish(struct store_db *db, const struct store_cdr *c)
{
	enum err e = table_update(db, &late, c);

	return e == ERR_NOT_FOUND ? store_cdr_put(db, c) : e;
}

struct typed {
	store_cdr_fn *fn;
	void *arg;
};

static void one(const void *row, void *arg)
{
	struct typed *t = arg;

	t->fn(row, t->arg);
}

enum err store_cdr_list(
	struct store_db *db, struct str customer, unsigned limit, store_cdr_fn *row, void *arg)
{
	const struct match m = { "customer", customer };
	struct typed t = { row, arg };

	return table_select(db, &cdrs, &m, customer.n ? 1 : 0, limit, one, &t);
}
