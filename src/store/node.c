/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

static const struct column columns[] = {
	KEY_COLUMN(TEXT, store_node, session),
	COLUMN(TEXT, store_node, name),
	COLUMN(I64, store_node, beat),
};
static const struct table nodes = TABLE("nodes", store_node, columns, "ORDER BY name, session");

enum err store_node_join(struct store_db *db, const struct store_node *n)
{
	return table_put(db, &nodes, n);
}

enum err store_node_beat(struct store_db *db, struct str session)
{
	const struct store_value v = { .type = STORE_TEXT, .text = session };
	void *stmt;
	enum err e = store_prepare(db, "UPDATE nodes SET beat = beat + 1 WHERE session = ?", &stmt);

	if (!e)
		e = store_bind(db, stmt, 1, &v);
	if (!e)
		e = store_run(db, stmt);
	return !e && !store_driver_of(db)->changed(store_conn_of(db)) ? ERR_NOT_FOUND : e;
}

enum err store_node_leave(struct store_db *db, struct str session)
{
	const struct match m = { "session", session };

	return table_delete(db, &nodes, &m, 1);
}

LIST_OF(store_node_list, store_node, nodes)
