/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows and structs: a table is a list of columns, each at an offset of its struct, so that a new
 * column is one line here and one in a migration. All SQL of the repositories is made from these.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "base/arena.h"
#include "store/driver.h"
#include "store/store.h"

enum { COLUMNS_MAX = 40 };

enum column_type {
	COLUMN_ID, /* int64_t, numbered by the database */
	COLUMN_TEXT, /* struct str */
	COLUMN_U32, /* uint32_t */
	COLUMN_I64, /* int64_t */
	COLUMN_BOOL, /* bool */
	COLUMN_TIME, /* int64_t milliseconds; ISO 8601 text, empty for 0 */
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset;
	bool key; /* part of what table_put replaces by and table_update finds by */
};

struct table {
	const char *name;
	const struct column *columns;
	unsigned count;
	size_t row_bytes;
	const char *order; /* of table_select: "ORDER BY …" or "" */
};

#define COLUMN(type, row, field)                                                                   \
	{                                                                                          \
#field, COLUMN_##type, offsetof(struct row, field), false                          \
	}
#define COLUMN_NAMED(type, row, field, name)                                                       \
	{                                                                                          \
		name, COLUMN_##type, offsetof(struct row, field), false                            \
	}
#define KEY_COLUMN(type, row, field)                                                               \
	{                                                                                          \
#field, COLUMN_##type, offsetof(struct row, field), true                           \
	}
#define KEY_COLUMN_NAMED(type, row, field, name)                                                   \
	{                                                                                          \
		name, COLUMN_##type, offsetof(struct row, field), true                             \
	}
#define TABLE(table_name, row, list, sort)                                                         \
	{                                                                                          \
		.name = table_name, .columns = list, .count = sizeof(list) / sizeof(*list),        \
		.row_bytes = sizeof(struct row), .order = sort                                     \
	}

/* A condition: columns that must equal values, joined by AND. */
struct match {
	const char *column;
	struct str value;
};

typedef void table_row_fn(const void *row, void *arg);

MUST_USE enum err table_insert(
	struct store_db *db, const struct table *t, const void *row, int64_t *id);
MUST_USE enum err table_put(struct store_db *db, const struct table *t, const void *row);
/* By the first column and those of the key. ERR_NOT_FOUND. */
MUST_USE enum err table_update(struct store_db *db, const struct table *t, const void *row);
MUST_USE enum err table_select(struct store_db *db, const struct table *t, const struct match *m,
	unsigned matches, unsigned limit, table_row_fn *fn, void *arg);
/* One row, its text copied into the arena. */
MUST_USE enum err table_get(struct store_db *db, const struct table *t, const struct match *m,
	unsigned matches, struct arena *a, void *out);
MUST_USE enum err table_delete(struct store_db *db, const struct table *t, const struct match *m,
	unsigned matches); /* ERR_NOT_FOUND when there was none */
/* A whole statement with one parameter, the key; there need not be such a row. */
MUST_USE enum err table_run_key(struct store_db *db, const char *sql, int64_t key);

/* The text in ASCII lower case, for columns that ignore case. ERR_LIMIT. */
MUST_USE enum err store_fold(struct str s, char *mem, size_t max, struct str *out);

/* Defines the typed list function of a table: `name(db, row, arg)`. */
#define LIST_OF(name, row_struct, table)                                                           \
	struct row_struct##_typed {                                                                \
		row_struct##_fn *fn;                                                               \
		void *arg;                                                                         \
	};                                                                                         \
	static void row_struct##_one(const void *row, void *arg)                                   \
	{                                                                                          \
		struct row_struct##_typed *t = arg;                                                \
		t->fn(row, t->arg);                                                                \
	}                                                                                          \
	enum err name(struct store_db *db, row_struct##_fn *row, void *arg)                        \
	{                                                                                          \
		struct row_struct##_typed t = { row, arg };                                        \
		return table_select(db, &table, NULL, 0, 0, row_struct##_one, &t);                 \
	}

/* ---- plain statements (db.c) ---- */
MUST_USE enum err store_exec(struct store_db *db, const char *sql);
/* A prepared statement from the connection's cache, reset. */
MUST_USE enum err store_prepare(struct store_db *db, const char *sql, void **stmt);
/* Statements that only a table and a verb tell apart are found without making their SQL again. */
enum table_verb { TABLE_INSERT, TABLE_PUT, TABLE_UPDATE };
void *store_usual(struct store_db *db, const struct table *t, enum table_verb verb); /* or NULL */
void store_keep_usual(struct store_db *db, const struct table *t, enum table_verb verb, void *stmt);
MUST_USE enum err store_run(struct store_db *db, void *stmt); /* to its end, no rows wanted */
const struct store_driver *store_driver_of(struct store_db *db);
void *store_conn_of(struct store_db *db);

const char *store_error(struct store_db *db); /* the last one, in the engine's words */
MUST_USE enum err store_bind(
	struct store_db *db, void *stmt, unsigned index, const struct store_value *v);
MUST_USE enum err store_rescue(struct store_db *db); /* see struct store_driver */

/* Renames a damaged database; what it is called now goes to `name`. */
MUST_USE enum err store_set_aside(struct str url, int64_t now_ms, struct buf *name);
MUST_USE enum err store_migrate(struct store_db *db, struct event_bus *events, struct buf *why);

#endif
