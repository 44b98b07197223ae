/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver speaks one engine; repositories speak SQL that all engines accept, with the few words
 * below where they do not. One driver file an engine; store/db.c lists them.
 *
 * Everything here is used by one thread at a time.
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "base/buf.h"

struct event_bus;

enum store_type { STORE_TEXT, STORE_INTEGER };

struct store_value {
	enum store_type type;
	struct str text;
	int64_t integer;
};

struct store_driver {
	const char *scheme; /* "sqlite": what stands before the colon of a URL */

	/* ERR_DB_CORRUPT when it is not a database; `why` in words. create: if there is none. */
	enum err (*open)(struct str where, bool create, void **conn, struct buf *why);
	void (*close)(void *conn);
	void (*patience)(void *conn, unsigned ms); /* to wait for others that are writing */
	enum err (*exec)(void *conn, const char *sql); /* several statements, no results */
	enum err (*prepare)(void *conn, const char *sql, void **stmt);
	void (*finish)(void *stmt);
	enum err (*bind)(void *stmt, unsigned index, const struct store_value *v); /* from 1 */
	/* ERR_OK with *row; text of columns lives until the next step or reset. */
	enum err (*step)(void *stmt, bool *row);
	void (*reset)(void *stmt);
	struct str (*column_text)(void *stmt, unsigned index); /* from 0 */
	int64_t (*column_integer)(void *stmt, unsigned index);
	int64_t (*last_id)(void *conn);
	int64_t (*changed)(void *conn); /* rows of the last statement */
	const char *(*error)(void *conn); /* of the last failure, in the engine's words */
	enum err (*check)(void *conn, const char *table); /* ERR_DB_CORRUPT: it is damaged */
	bool (*moved)(void *conn); /* the database at its place is not the one that is open */
	/* Writes the open database, which is not at its place any more, there again. ERR_EXISTS:
	 * there is another one. */
	enum err (*rescue)(void *conn);
	/* Sets a damaged database aside under a new name, which is written to `name`. */
	enum err (*set_aside)(struct str where, int64_t now_ms, struct buf *name);

	const char *begin; /* a transaction that writes */
	const char *id_column; /* type of a self-numbering primary key */
	const char *key_column; /* type of a 64-bit primary key in whose order rows are kept */
	/* After "INSERT INTO t (…) VALUES (…)": replaces the row with the same key. %s: key
	 * columns. */
	const char *upsert;
	const char *excluded; /* "%s=excluded.%s": the new value of a column in it */
};

extern const struct store_driver store_sqlite;

#endif
