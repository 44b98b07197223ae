/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

static const struct column columns[] = {
	COLUMN(ID, store_dialplan, id),
	KEY_COLUMN(TEXT, store_dialplan, customer),
	KEY_COLUMN(TEXT, store_dialplan, name),
	COLUMN(TEXT, store_dialplan, type),
	COLUMN(TEXT, store_dialplan, script),
	COLUMN(BOOL, store_dialplan, accept_non_invite),
	COLUMN_NAMED(TIME, store_dialplan, created_ms, "created"),
	COLUMN_NAMED(TIME, store_dialplan, updated_ms, "updated"),
};
static const struct table dialplans =
	TABLE("dialplans", store_dialplan, columns, "ORDER BY customer, name");

enum err store_dialplan_put(struct store_db *db, const struct store_dialplan *d, int64_t *id)
{
	const struct match m[] = { { "customer", d->customer }, { "name", d->name } };
	struct store_dialplan now;
	struct arena a;
	enum err e = table_put(db, &dialplans, d);

	if (e || !id)
		return e;
	arena_init(&a, 4096);
	e = table_get(db, &dialplans, m, 2, &a, &now);
	*id = now.id;
	arena_fini(&a);
	return e;
}

enum err store_dialplan_get(struct store_db *db, struct str customer, struct str name,
	struct arena *a, struct store_dialplan *out)
{
	const struct match m[] = { { "customer", customer }, { "name", name } };

	return table_get(db, &dialplans, m, 2, a, out);
}

enum err store_dialplan_remove(struct store_db *db, struct str customer, struct str name)
{
	const struct match m[] = { { "customer", customer }, { "name", name } };

	return table_delete(db, &dialplans, m, 2);
}

LIST_OF(store_dialplan_list, store_dialplan, dialplans)
