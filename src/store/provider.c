/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

enum { KEY_MAX = 256 };

struct provider_row { /* with the name in lower case, which is unique for the customer */
	struct store_provider p;
	struct str name_key;
};

static const struct column columns[] = {
	COLUMN(ID, store_provider, id),
	COLUMN(TEXT, store_provider, customer),
	COLUMN(TEXT, store_provider, name),
	COLUMN(TEXT, provider_row, name_key),
	COLUMN(TEXT, store_provider, username),
	COLUMN(TEXT, store_provider, auth_username),
	COLUMN(TEXT, store_provider, password_sealed),
	COLUMN(TEXT, store_provider, server),
	COLUMN(TEXT, store_provider, outbound_proxy),
	COLUMN_NAMED(TEXT, store_provider, from, "from_header"),
	COLUMN(TEXT, store_provider, custom_headers),
	COLUMN(TEXT, store_provider, register_contact),
	COLUMN(TEXT, store_provider, register_server),
	COLUMN(TEXT, store_provider, register_realm),
	COLUMN(U32, store_provider, register_expiry_s),
	COLUMN(BOOL, store_provider, register_enabled),
	COLUMN(BOOL, store_provider, disabled),
	COLUMN(TEXT, store_provider, disabled_reason),
	COLUMN(TEXT, store_provider, transport),
	COLUMN(U32, store_provider, rate_per_minute),
	COLUMN(BOOL, store_provider, mwi),
	COLUMN(TEXT, store_provider, addresses),
	COLUMN(TEXT, store_provider, media),
	COLUMN_NAMED(TIME, store_provider, created_ms, "created"),
	COLUMN_NAMED(TIME, store_provider, updated_ms, "updated"),
};
static const struct table providers =
	TABLE("providers", provider_row, columns, "ORDER BY customer, name_key");

static enum err with_key(
	const struct store_provider *p, struct provider_row *row, char key[KEY_MAX])
{
	row->p = *p;
	return store_fold(p->name, key, KEY_MAX, &row->name_key);
}

enum err store_provider_add(struct store_db *db, const struct store_provider *p, int64_t *id)
{
	char key[KEY_MAX];
	struct provider_row row;
	enum err e = with_key(p, &row, key);

	return e ? e : table_insert(db, &providers, &row, id);
}

enum err store_provider_set(struct store_db *db, const struct store_provider *p)
{
	char key[KEY_MAX];
	struct provider_row row;
	enum err e = with_key(p, &row, key);

	return e ? e : table_update(db, &providers, &row);
}

enum err store_provider_get(struct store_db *db, struct str customer, struct str name,
	struct arena *a, struct store_provider *out)
{
	char key[KEY_MAX];
	struct match m[] = { { "customer", customer }, { "name_key", STR_NONE } };
	struct provider_row row;
	enum err e = store_fold(name, key, KEY_MAX, &m[1].value);

	if (!e)
		e = table_get(db, &providers, m, 2, a, &row);
	if (!e)
		*out = row.p;
	return e;
}

enum err store_provider_remove(struct store_db *db, struct str customer, struct str name)
{
	char key[KEY_MAX];
	struct match m[] = { { "customer", customer }, { "name_key", STR_NONE } };
	enum err e = store_fold(name, key, KEY_MAX, &m[1].value);

	if (!e)
		e = table_delete(db, &providers, m, 2);
	if (!e)
		e = store_provider_messages_remove(db, customer, name);
	else
		return e;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void store_provider_context(const struct store_provider *p, struct buf *out)
{
	buf_printf(out, "provider:%.*s:%.*s:password", STR_ARG(p->customer), STR_ARG(p->name));
}

LIST_OF(store_provider_list, store_provider, providers)
