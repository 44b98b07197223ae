/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "base/clock.h"
#include "store/table.h"

enum { SQL_MAX = 4096, TIME_BYTES = 32 };

static const void *field_of(const void *row, const struct column *c)
{
	return (const char *)row + c->offset;
}

/* ---- struct to row ---- */

static enum err bind_column(struct store_db *db, void *stmt, unsigned index, const struct column *c,
	const void *row, char time[TIME_BYTES])
{
	const void *p = field_of(row, c);
	struct store_value v = { .type = STORE_INTEGER };
	struct buf b = { .p = time, .max = TIME_BYTES };

	switch (c->type) {
	case COLUMN_ID:
	case COLUMN_I64:
		v.integer = *(const int64_t *)p;
		break;
	case COLUMN_U32:
		v.integer = *(const uint32_t *)p;
		break;
	case COLUMN_BOOL:
		v.integer = *(const bool *)p;
		break;
	case COLUMN_TEXT:
		v = (struct store_value){ .type = STORE_TEXT, .text = *(const struct str *)p };
		break;
	case COLUMN_TIME:
		if (*(const int64_t *)p)
			clock_print_iso(&b, *(const int64_t *)p);
		v = (struct store_value){ .type = STORE_TEXT, .text = buf_str(&b) };
		break;
	}
	return store_bind(db, stmt, index, &v);
}

/* All columns but the id, from parameter 1 on; *next: the next free parameter. */
static enum err bind_row(struct store_db *db, void *stmt, const struct table *t, const void *row,
	char times[COLUMNS_MAX][TIME_BYTES], unsigned *next)
{
	enum err e = ERR_OK;

	*next = 1;
	for (unsigned i = 0; i < t->count && !e; i++)
		if (t->columns[i].type != COLUMN_ID)
			e = bind_column(db, stmt, (*next)++, &t->columns[i], row, times[i]);
	return e;
}

/* Runs a statement unless binding its parameters failed. */
static enum err run_bound(struct store_db *db, void *stmt, enum err bound)
{
	if (!bound)
		return store_run(db, stmt);
	store_driver_of(db)->reset(stmt);
	return bound;
}

/* ---- row to struct ---- */

static void read_row(struct store_db *db, void *stmt, const struct table *t, void *row)
{
	const struct store_driver *d = store_driver_of(db);

	memset(row, 0, t->row_bytes);
	for (unsigned i = 0; i < t->count; i++) {
		const struct column *c = &t->columns[i];
		void *p = (char *)row + c->offset;

		switch (c->type) {
		case COLUMN_ID:
		case COLUMN_I64:
			*(int64_t *)p = d->column_integer(stmt, i);
			break;
		case COLUMN_U32:
			*(uint32_t *)p = (uint32_t)d->column_integer(stmt, i);
			break;
		case COLUMN_BOOL:
			*(bool *)p = d->column_integer(stmt, i) != 0;
			break;
		case COLUMN_TEXT:
			*(struct str *)p = d->column_text(stmt, i);
			break;
		case COLUMN_TIME:
			if (clock_parse_iso(d->column_text(stmt, i), p))
				*(int64_t *)p = 0;
			break;
		}
	}
}

/* ---- SQL ---- */

static void list_columns(struct buf *b, const struct table *t, bool with_id)
{
	const char *comma = "";

	for (unsigned i = 0; i < t->count; i++) {
		if (t->columns[i].type == COLUMN_ID && !with_id)
			continue;
		buf_printf(b, "%s%s", comma, t->columns[i].name);
		comma = ", ";
	}
}

static void insert_sql(struct buf *b, const struct table *t)
{
	const char *comma = "";

	buf_printf(b, "INSERT INTO %s (", t->name);
	list_columns(b, t, false);
	buf_lit(b, ") VALUES (");
	for (unsigned i = 0; i < t->count; i++) {
		if (t->columns[i].type == COLUMN_ID)
			continue;
		buf_printf(b, "%s?", comma);
		comma = ", ";
	}
	buf_char(b, ')');
}

static void upsert_sql(struct buf *b, const struct store_driver *d, const struct table *t)
{
	char keys[512];
	struct buf kb = { .p = keys, .max = sizeof(keys) - 1 };
	const char *comma = "";

	for (unsigned i = 0; i < t->count; i++)
		if (t->columns[i].key)
			buf_printf(&kb, "%s%s", kb.n ? ", " : "", t->columns[i].name);
	keys[kb.n] = '\0';
	insert_sql(b, t);
	buf_printf(b, d->upsert, keys);
	for (unsigned i = 0; i < t->count; i++) {
		if (t->columns[i].type == COLUMN_ID || t->columns[i].key)
			continue;
		buf_add(b, str_of(comma));
		buf_printf(b, d->excluded, t->columns[i].name, t->columns[i].name);
		comma = ", ";
	}
}

static void where_sql(struct buf *b, const struct match *m, unsigned matches)
{
	for (unsigned i = 0; i < matches; i++)
		buf_printf(b, "%s %s=?", i ? " AND" : " WHERE", m[i].column);
}

static enum err prepare(struct store_db *db, struct buf *sql, void **stmt)
{
	buf_char(sql, '\0');
	BUG_ON(!buf_ok(sql));
	return store_prepare(db, sql->p, stmt);
}

static enum err bind_matches(
	struct store_db *db, void *stmt, const struct match *m, unsigned matches)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < matches && !e; i++) {
		const struct store_value v = { .type = STORE_TEXT, .text = m[i].value };

		e = store_bind(db, stmt, i + 1, &v);
	}
	return e;
}

/* ---- statements ---- */

/* The first column always belongs to what a row is found by. */
static bool finds(const struct table *t, unsigned column)
{
	return column == 0 || t->columns[column].key;
}

static void list_assignments(struct buf *b, const struct table *t, bool finding, const char *joint)
{
	const char *before = "";

	for (unsigned i = 0; i < t->count; i++) {
		if (finds(t, i) != finding)
			continue;
		buf_printf(b, "%s%s=?", before, t->columns[i].name);
		before = joint;
	}
}

static void update_sql(struct buf *b, const struct table *t)
{
	buf_printf(b, "UPDATE %s SET ", t->name);
	list_assignments(b, t, false, ", ");
	buf_lit(b, " WHERE ");
	list_assignments(b, t, true, " AND ");
}

static enum err bind_assignments(struct store_db *db, void *stmt, const struct table *t,
	const void *row, char times[COLUMNS_MAX][TIME_BYTES])
{
	unsigned next = 1;
	enum err e = ERR_OK;

	for (int finding = 0; finding < 2; finding++)
		for (unsigned i = 0; i < t->count && !e; i++)
			if (finds(t, i) == finding)
				e = bind_column(db, stmt, next++, &t->columns[i], row, times[i]);
	return e;
}

static enum err prepare_usual(
	struct store_db *db, const struct table *t, enum table_verb verb, void **stmt)
{
	char text[SQL_MAX];
	struct buf sql = BUF_OF(text);
	enum err e;

	*stmt = store_usual(db, t, verb);
	if (*stmt)
		return ERR_OK;
	if (verb == TABLE_INSERT)
		insert_sql(&sql, t);
	else if (verb == TABLE_PUT)
		upsert_sql(&sql, store_driver_of(db), t);
	else
		update_sql(&sql, t);
	e = prepare(db, &sql, stmt);
	if (!e)
		store_keep_usual(db, t, verb, *stmt);
	return e;
}

enum err table_insert(struct store_db *db, const struct table *t, const void *row, int64_t *id)
{
	char times[COLUMNS_MAX][TIME_BYTES];
	unsigned next;
	void *stmt;
	enum err e = prepare_usual(db, t, TABLE_INSERT, &stmt);

	if (e)
		return e;
	e = run_bound(db, stmt, bind_row(db, stmt, t, row, times, &next));
	if (!e && id)
		*id = store_driver_of(db)->last_id(store_conn_of(db));
	return e;
}

enum err table_put(struct store_db *db, const struct table *t, const void *row)
{
	char times[COLUMNS_MAX][TIME_BYTES];
	unsigned next;
	void *stmt;
	enum err e = prepare_usual(db, t, TABLE_PUT, &stmt);

	return e ? e : run_bound(db, stmt, bind_row(db, stmt, t, row, times, &next));
}

static enum err affected(struct store_db *db)
{
	return store_driver_of(db)->changed(store_conn_of(db)) ? ERR_OK : ERR_NOT_FOUND;
}

enum err table_update(struct store_db *db, const struct table *t, const void *row)
{
	char times[COLUMNS_MAX][TIME_BYTES];
	void *stmt;
	enum err e = prepare_usual(db, t, TABLE_UPDATE, &stmt);

	if (e)
		return e;
	e = run_bound(db, stmt, bind_assignments(db, stmt, t, row, times));
	return e ? e : affected(db);
}

enum err table_delete(
	struct store_db *db, const struct table *t, const struct match *m, unsigned matches)
{
	char text[SQL_MAX];
	struct buf sql = BUF_OF(text);
	void *stmt;
	enum err e;

	buf_printf(&sql, "DELETE FROM %s", t->name);
	where_sql(&sql, m, matches);
	e = prepare(db, &sql, &stmt);
	if (e)
		return e;
	e = run_bound(db, stmt, bind_matches(db, stmt, m, matches));
	return e ? e : affected(db);
}

enum err table_run_key(struct store_db *db, const char *sql, int64_t key)
{
	const struct store_value v = { .type = STORE_INTEGER, .integer = key };
	void *stmt;
	enum err e = store_prepare(db, sql, &stmt);

	return e ? e : run_bound(db, stmt, store_bind(db, stmt, 1, &v));
}

enum err table_select(struct store_db *db, const struct table *t, const struct match *m,
	unsigned matches, unsigned limit, table_row_fn *fn, void *arg)
{
	_Alignas(16) char row[1024];
	char text[SQL_MAX];
	struct buf sql = BUF_OF(text);
	const struct store_driver *d = store_driver_of(db);
	void *stmt;
	bool more;
	enum err e;

	BUG_ON(t->row_bytes > sizeof(row));
	buf_lit(&sql, "SELECT ");
	list_columns(&sql, t, true);
	buf_printf(&sql, " FROM %s", t->name);
	where_sql(&sql, m, matches);
	buf_printf(&sql, " %s", t->order);
	if (limit)
		buf_printf(&sql, " LIMIT %u", limit);
	e = prepare(db, &sql, &stmt);
	if (e)
		return e;
	e = bind_matches(db, stmt, m, matches);
	while (!e && !(e = d->step(stmt, &more)) && more) {
		read_row(db, stmt, t, row);
		fn(row, arg);
	}
	d->reset(stmt);
	return e;
}

struct one_row {
	const struct table *t;
	struct arena *arena;
	void *out;
	bool found;
};

static void copy_row(const void *row, void *arg)
{
	struct one_row *one = arg;

	memcpy(one->out, row, one->t->row_bytes);
	for (unsigned i = 0; i < one->t->count; i++) {
		const struct column *c = &one->t->columns[i];
		struct str *s = (struct str *)(void *)((char *)one->out + c->offset);

		if (c->type == COLUMN_TEXT)
			*s = arena_str(one->arena, *s);
	}
	one->found = true;
}

enum err table_get(struct store_db *db, const struct table *t, const struct match *m,
	unsigned matches, struct arena *a, void *out)
{
	struct one_row one = { .t = t, .arena = a, .out = out };
	enum err e = table_select(db, t, m, matches, 1, copy_row, &one);

	return e ? e : one.found ? ERR_OK : ERR_NOT_FOUND;
}

enum err store_fold(struct str s, char *mem, size_t max, struct str *out)
{
	if (s.n > max)
		return ERR_LIMIT;
	for (size_t i = 0; i < s.n; i++)
		mem[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	*out = str_make(mem, s.n);
	return ERR_OK;
}
