/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

struct kv_row {
	struct str customer, name, value;
};

static const struct column columns[] = {
	KEY_COLUMN(TEXT, kv_row, customer),
	KEY_COLUMN(TEXT, kv_row, name),
	COLUMN(TEXT, kv_row, value),
};
static const struct table kv = TABLE("kv", kv_row, columns, "ORDER BY name");

enum err store_kv_put(struct store_db *db, struct str customer, struct str key, struct str value)
{
	const struct kv_row row = { customer, key, value };

	return table_put(db, &kv, &row);
}

enum err store_kv_get(struct store_db *db, struct str customer, struct str key, struct arena *a,
	struct str *value)
{
	const struct match m[] = { { "customer", customer }, { "name", key } };
	struct kv_row row;
	enum err e = table_get(db, &kv, m, 2, a, &row);

	if (!e)
		*value = row.value;
	return e;
}

enum err store_kv_remove(struct store_db *db, struct str customer, struct str key)
{
	const struct match m[] = { { "customer", customer }, { "name", key } };

	return table_delete(db, &kv, m, 2);
}

struct typed {
	store_kv_fn *fn;
	void *arg;
};

static void one(const void *row, void *arg)
{
	const struct kv_row *r = row;
	struct typed *t = arg;

	t->fn(r->name, r->value, t->arg);
}

enum err store_kv_list(struct store_db *db, struct str customer, store_kv_fn *row, void *arg)
{
	const struct match m = { "customer", customer };
	struct typed t = { row, arg };

	return table_select(db, &kv, &m, 1, 0, one, &t);
}
