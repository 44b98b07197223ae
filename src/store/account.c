/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

enum { KEY_MAX = 256 };

struct account_row { /* with the user name in lower case, which is unique within the domain */
	struct store_account a;
	struct str username_key;
};

static const struct column columns[] = {
	COLUMN(ID, store_account, id),
	COLUMN(TEXT, store_account, username),
	COLUMN(TEXT, store_account, domain),
	COLUMN(TEXT, store_account, customer),
	COLUMN(TEXT, account_row, username_key),
	COLUMN(TEXT, store_account, ha1_md5),
	COLUMN(TEXT, store_account, ha1_sha256),
	COLUMN(TEXT, store_account, ha1_sha512_256),
	COLUMN(TEXT, store_account, out_dialplan),
	COLUMN(TEXT, store_account, in_dialplan),
	COLUMN(BOOL, store_account, incoming_only),
	COLUMN(BOOL, store_account, disabled),
	COLUMN(TEXT, store_account, disabled_reason),
	COLUMN(TEXT, store_account, network_id),
	COLUMN(TEXT, store_account, ip_acl),
	COLUMN(BOOL, store_account, nat_keepalive),
	COLUMN(BOOL, store_account, dont_mangle),
	COLUMN(TEXT, store_account, media),
	COLUMN(U32, store_account, bindings_max),
	COLUMN(TEXT, store_account, description),
	COLUMN_NAMED(TIME, store_account, created_ms, "created"),
};
static const struct table accounts =
	TABLE("accounts", account_row, columns, "ORDER BY domain, username_key");
static const struct table as_added = TABLE("accounts", account_row, columns, "ORDER BY id");

static enum err with_key(const struct store_account *c, struct account_row *row, char key[KEY_MAX])
{
	row->a = *c;
	return store_fold(c->username, key, KEY_MAX, &row->username_key);
}

enum err store_account_add(struct store_db *db, const struct store_account *c, int64_t *id)
{
	char key[KEY_MAX];
	struct account_row row;
	enum err e = with_key(c, &row, key);

	return e ? e : table_insert(db, &accounts, &row, id);
}

enum err store_account_set(struct store_db *db, const struct store_account *c)
{
	char key[KEY_MAX];
	struct account_row row;
	enum err e = with_key(c, &row, key);

	return e ? e : table_update(db, &accounts, &row);
}

enum err store_account_get(struct store_db *db, struct str username, struct str domain,
	struct arena *a, struct store_account *out)
{
	char key[KEY_MAX];
	struct match m[] = { { "username_key", STR_NONE }, { "domain", domain } };
	struct account_row row;
	enum err e = store_fold(username, key, KEY_MAX, &m[0].value);

	if (!e)
		e = table_get(db, &accounts, m, 2, a, &row);
	if (!e)
		*out = row.a;
	return e;
}

enum err store_account_remove(struct store_db *db, struct str username, struct str domain)
{
	char key[KEY_MAX];
	struct match m[] = { { "username_key", STR_NONE }, { "domain", domain } };
	enum err e = store_fold(username, key, KEY_MAX, &m[0].value);

	return e ? e : table_delete(db, &accounts, m, 2);
}

LIST_OF(store_account_list, store_account, accounts)

enum err store_account_each(struct store_db *db, store_account_fn *row, void *arg)
{
	struct store_account_typed t = { row, arg };

	return table_select(db, &as_added, NULL, 0, 0, store_account_one, &t);
}
