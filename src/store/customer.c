/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

static const struct column columns[] = {
	COLUMN(ID, store_customer, id),
	COLUMN(TEXT, store_customer, name),
	COLUMN(TEXT, store_customer, password_hash),
	COLUMN(BOOL, store_customer, suspended),
	COLUMN(TEXT, store_customer, suspended_reason),
	COLUMN(U32, store_customer, calls_max),
	COLUMN(U32, store_customer, scripts_max),
	COLUMN(TEXT, store_customer, time_zone),
	COLUMN_NAMED(TIME, store_customer, created_ms, "created"),
};
static const struct table customers = TABLE("customers", store_customer, columns, "ORDER BY name");

enum err store_customer_add(struct store_db *db, const struct store_customer *c, int64_t *id)
{
	return table_insert(db, &customers, c, id);
}

enum err store_customer_set(struct store_db *db, const struct store_customer *c)
{
	return table_update(db, &customers, c);
}

enum err store_customer_get(
	struct store_db *db, struct str name, struct arena *a, struct store_customer *out)
{
	const struct match m = { "name", name };

	return table_get(db, &customers, &m, 1, a, out);
}

enum err store_customer_remove(struct store_db *db, struct str name)
{
	const struct match m = { "name", name };

	return table_delete(db, &customers, &m, 1);
}

LIST_OF(store_customer_list, store_customer, customers)
