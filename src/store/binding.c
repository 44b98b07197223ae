/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/clock.h"
#include "store/repo.h"
#include "store/table.h"

static const struct column columns[] = {
	KEY_COLUMN(TEXT, store_binding, aor),
	KEY_COLUMN(TEXT, store_binding, contact),
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
static const struct table bindings = TABLE("bindings", store_binding, columns, "ORDER BY aor");

enum err store_binding_put(struct store_db *db, const struct store_binding *b)
{
	return table_put(db, &bindings, b);
}

enum err store_binding_remove(struct store_db *db, struct str aor, struct str contact)
{
	const struct match m[] = { { "aor", aor }, { "contact", contact } };

	return table_delete(db, &bindings, m, 2);
}

enum err store_binding_remove_all(struct store_db *db, struct str aor)
{
	const struct match m = { "aor", aor };

	return table_delete(db, &bindings, &m, 1);
}

LIST_OF(store_binding_list, store_binding, bindings)

enum err store_binding_expire(struct store_db *db, int64_t now_ms)
{
	char time[32];
	struct buf b = BUF_OF(time);
	struct store_value v = { .type = STORE_TEXT };
	void *stmt;
	enum err e = store_prepare(db, "DELETE FROM bindings WHERE expires <= ?", &stmt);

	if (e)
		return e;
	clock_print_iso(&b, now_ms);
	v.text = buf_str(&b);
	e = store_bind(db, stmt, 1, &v);
	return e ? e : store_run(db, stmt);
}
