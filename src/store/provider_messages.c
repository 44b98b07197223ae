/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

enum { KEY_MAX = 256 };

struct messages_row { /* with the name in lower case, which is unique for the customer */
	struct store_provider_messages m;
	struct str name_key;
};

static const struct column columns[] = {
	KEY_COLUMN(TEXT, store_provider_messages, customer),
	KEY_COLUMN(TEXT, messages_row, name_key),
	COLUMN(TEXT, store_provider_messages, name),
	COLUMN(BOOL, store_provider_messages, waiting),
	COLUMN(U32, store_provider_messages, voice_new),
	COLUMN(U32, store_provider_messages, voice_old),
	COLUMN(U32, store_provider_messages, urgent_new),
	COLUMN(U32, store_provider_messages, urgent_old),
	COLUMN(TEXT, store_provider_messages, account),
	COLUMN_NAMED(TIME, store_provider_messages, heard_ms, "heard"),
};
static const struct table messages =
	TABLE("provider_messages", messages_row, columns, "ORDER BY customer, name_key");

enum err store_provider_messages_put(struct store_db *db, const struct store_provider_messages *m)
{
	char key[KEY_MAX];
	struct messages_row row = { .m = *m };
	enum err e = store_fold(m->name, key, KEY_MAX, &row.name_key);

	return e ? e : table_put(db, &messages, &row);
}

enum err store_provider_messages_get(struct store_db *db, struct str customer, struct str name,
	struct arena *a, struct store_provider_messages *out)
{
	char key[KEY_MAX];
	struct match m[] = { { "customer", customer }, { "name_key", STR_NONE } };
	struct messages_row row;
	enum err e = store_fold(name, key, KEY_MAX, &m[1].value);

	if (!e)
		e = table_get(db, &messages, m, 2, a, &row);
	if (!e)
		*out = row.m;
	return e;
}

enum err store_provider_messages_remove(struct store_db *db, struct str customer, struct str name)
{
	char key[KEY_MAX];
	struct match m[] = { { "customer", customer }, { "name_key", STR_NONE } };
	enum err e = store_fold(name, key, KEY_MAX, &m[1].value);

	return e ? e : table_delete(db, &messages, m, 2);
}
