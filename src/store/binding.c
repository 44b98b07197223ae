/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

static const struct column columns[] = {
	KEY_COLUMN(I64, store_binding, id),
	COLUMN(TEXT, store_binding, aor),
	COLUMN(TEXT, store_binding, contact),
	COLUMN(TEXT, store_binding, instance),
	COLUMN(U32, store_binding, reg_id),
	COLUMN(TEXT, store_binding, call_id),
	COLUMN(U32, store_binding, cseq),
	COLUMN(U32, store_binding, q1000),
	COLUMN_NAMED(TIME, store_binding, expires_ms, "expires"),
	COLUMN_NAMED(TIME, store_binding, updated_ms, "updated"),
	COLUMN(TEXT, store_binding, user_agent),
	COLUMN(TEXT, store_binding, path),
	COLUMN(TEXT, store_binding, received),
	COLUMN(TEXT, store_binding, local),
	COLUMN(U32, store_binding, listener),
};
static const struct table bindings = TABLE("bindings", store_binding, columns, "ORDER BY id");

enum err store_binding_put(struct store_db *db, const struct store_binding *b)
{
	return table_put(db, &bindings, b);
}

enum err store_binding_remove(struct store_db *db, int64_t id)
{
	return table_run_key(db, "DELETE FROM bindings WHERE id=?", id);
}

enum err store_binding_end(struct store_db *db, int64_t id)
{
	return table_run_key(db, "UPDATE bindings SET expires='' WHERE id=?", id);
}

LIST_OF(store_binding_list, store_binding, bindings)
