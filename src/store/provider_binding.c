/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

enum { KEY_MAX = 256 };

struct binding_row { /* with the name in lower case, which is unique for the customer */
	struct store_provider_binding b;
	struct str name_key;
};

#define STATE_COLUMNS                                                                              \
	COLUMN(TEXT, store_provider_binding, name), COLUMN(TEXT, store_provider_binding, state),   \
		COLUMN(TEXT, store_provider_binding, reason),                                      \
		COLUMN_NAMED(TIME, store_provider_binding, since_ms, "since"),                     \
		COLUMN_NAMED(TIME, store_provider_binding, next_ms, "next_try"),                   \
		COLUMN_NAMED(TIME, store_provider_binding, expires_ms, "expires"),                 \
		COLUMN(U32, store_provider_binding, expiry_s),                                     \
		COLUMN(TEXT, store_provider_binding, settings),                                    \
		COLUMN(TEXT, store_provider_binding, registrar),                                   \
		COLUMN(TEXT, store_provider_binding, contact),                                     \
		COLUMN(TEXT, store_provider_binding, call_id),                                     \
		COLUMN(U32, store_provider_binding, cseq),                                         \
		COLUMN(TEXT, store_provider_binding, challenge),                                   \
		COLUMN(U32, store_provider_binding, challenge_status),                             \
		COLUMN(U32, store_provider_binding, nc)

#define NAME_COLUMNS                                                                               \
	KEY_COLUMN(TEXT, store_provider_binding, customer), KEY_COLUMN(TEXT, binding_row, name_key)

static const struct column columns[] = { NAME_COLUMNS, STATE_COLUMNS,
	COLUMN(TEXT, store_provider_binding, node), COLUMN(I64, store_provider_binding, fence) };
static const struct table bindings =
	TABLE("provider_bindings", binding_row, columns, "ORDER BY customer, name_key");

/* What its holder writes. */
static const struct column held_columns[] = { NAME_COLUMNS, STATE_COLUMNS,
	KEY_COLUMN(I64, store_provider_binding, fence) };
static const struct table held = TABLE("provider_bindings", binding_row, held_columns, "");

enum err store_provider_binding_update(struct store_db *db, const struct store_provider_binding *b)
{
	char key[KEY_MAX];
	struct binding_row row = { .b = *b };
	enum err e = store_fold(b->name, key, KEY_MAX, &row.name_key);

	return e ? e : table_update(db, &held, &row);
}

/* ---- plain statements ---- */

static struct store_value text(struct str s)
{
	return (struct store_value){ .type = STORE_TEXT, .text = s };
}

static struct store_value number(int64_t n)
{
	return (struct store_value){ .type = STORE_INTEGER, .integer = n };
}

static enum err run(
	struct store_db *db, const char *sql, const struct store_value *values, unsigned count)
{
	void *stmt;
	enum err e = store_prepare(db, sql, &stmt);

	for (unsigned i = 0; i < count && !e; i++)
		e = store_bind(db, stmt, i + 1, &values[i]);
	return e ? e : store_run(db, stmt);
}

enum err store_provider_binding_remove(struct store_db *db, const struct store_provider_binding *b)
{
	char key[KEY_MAX];
	struct str name_key;
	enum err e = store_fold(b->name, key, KEY_MAX, &name_key);
	const struct store_value values[] = { text(b->customer), text(name_key), number(b->fence) };

	if (!e)
		e = run(db,
			"DELETE FROM provider_bindings WHERE customer=? AND name_key=? AND fence=?",
			values, 3);
	return !e && !store_driver_of(db)->changed(store_conn_of(db)) ? ERR_NOT_FOUND : e;
}

enum err store_provider_binding_get(struct store_db *db, struct str customer, struct str name,
	struct arena *a, struct store_provider_binding *out)
{
	char key[KEY_MAX];
	struct match m[] = { { "customer", customer }, { "name_key", STR_NONE } };
	struct binding_row row;
	enum err e = store_fold(name, key, KEY_MAX, &m[1].value);

	if (!e)
		e = table_get(db, &bindings, m, 2, a, &row);
	if (!e)
		*out = row.b;
	return e;
}

LIST_OF(store_provider_binding_list, store_provider_binding, bindings)

/* ---- taking ---- */

enum err store_fence_next(struct store_db *db, int64_t *fence)
{
	const struct store_driver *d = store_driver_of(db);
	void *stmt;
	bool row;
	enum err e = store_exec(db, "UPDATE fences SET last = last + 1");

	if (!e)
		e = store_prepare(db, "SELECT MAX(last) FROM fences", &stmt);
	if (e)
		return e;
	e = d->step(stmt, &row);
	*fence = !e && row ? d->column_integer(stmt, 0) : 0;
	d->reset(stmt);
	return e;
}

enum err store_provider_binding_take(
	struct store_db *db, struct str session, int64_t fence, bool own)
{
	const struct store_value values[] = { text(session), number(fence),
		text(own ? session : STR_NONE) };

	return run(db,
		"UPDATE provider_bindings SET node=?, fence=? WHERE node=? OR node NOT IN"
		" (SELECT session FROM nodes)",
		values, 3);
}

#define ADD_SQL                                                                                    \
	"INSERT INTO provider_bindings (customer, name_key, name, state, reason, since, next_try," \
	" expires, expiry_s, settings, registrar, contact, call_id, cseq, challenge,"              \
	" challenge_status, nc, node, fence) SELECT p.customer, p.name_key, p.name, 'waiting', "   \
	"'',"                                                                                      \
	" '', '', '', 0, '', '', '', '', 0, '', 0, 0, ?, ? FROM providers p"                       \
	" WHERE p.register_enabled = 1 AND NOT EXISTS (SELECT 1 FROM provider_bindings b"          \
	" WHERE b.customer = p.customer AND b.name_key = p.name_key)"

enum err store_provider_binding_add(struct store_db *db, struct str session, int64_t fence,
	struct str customer, struct str name)
{
	char key[KEY_MAX];
	struct str name_key;
	enum err e = store_fold(name, key, KEY_MAX, &name_key);
	const struct store_value values[] = { text(session), number(fence), text(customer),
		text(name_key) };

	if (e || !name.n)
		return e ? e : run(db, ADD_SQL, values, 2);
	return run(db, ADD_SQL " AND p.customer = ? AND p.name_key = ?", values, 4);
}

struct taken {
	store_provider_binding_fn *row;
	void *arg;
};

static void one_taken(const void *row, void *arg)
{
	const struct taken *t = arg;

	t->row(row, t->arg);
}

enum err store_provider_binding_taken(
	struct store_db *db, int64_t fence, store_provider_binding_fn *row, void *arg)
{
	char digits[32];
	struct buf b = BUF_OF(digits);
	struct taken t = { row, arg };
	struct match m = { .column = "fence" };

	buf_printf(&b, "%lld", (long long)fence);
	m.value = buf_str(&b);
	return table_select(db, &bindings, &m, 1, 0, one_taken, &t);
}
