/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

static const struct column columns[] = {
	COLUMN(ID, store_domain, id),
	COLUMN(TEXT, store_domain, name),
	COLUMN(TEXT, store_domain, aliases),
	COLUMN(TEXT, store_domain, owner),
	COLUMN_NAMED(TIME, store_domain, created_ms, "created"),
};
static const struct table domains = TABLE("domains", store_domain, columns, "ORDER BY id");

enum err store_domain_add(struct store_db *db, const struct store_domain *d, int64_t *id)
{
	return table_insert(db, &domains, d, id);
}

enum err store_domain_set(struct store_db *db, const struct store_domain *d)
{
	return table_update(db, &domains, d);
}

enum err store_domain_get(
	struct store_db *db, struct str name, struct arena *a, struct store_domain *out)
{
	const struct match m = { "name", name };

	return table_get(db, &domains, &m, 1, a, out);
}

enum err store_domain_remove(struct store_db *db, struct str name)
{
	const struct match m = { "name", name };

	return table_delete(db, &domains, &m, 1);
}

LIST_OF(store_domain_list, store_domain, domains)
