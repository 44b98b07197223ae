/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection: the driver behind it, its prepared statements, transactions. */
#include <stdlib.h>

#include "base/hash.h"
#include "store/repo.h"
#include "store/table.h"

struct cached {
	struct hash_node node;
	char *sql;
	void *stmt;
};

enum { USUAL_MAX = 32 };

struct usual { /* a statement found without its SQL */
	const struct table *table;
	enum table_verb verb;
	void *stmt;
};

struct store_db {
	const struct store_driver *driver;
	char *where;
	void *conn;
	struct hash statements;
	struct usual usual[USUAL_MAX];
	unsigned usual_count;
};

static const struct store_driver *const drivers[] = { &store_sqlite };

static enum err find_driver(
	struct str url, const struct store_driver **driver, struct str *where, struct buf *why)
{
	size_t colon = str_find(url, ':');

	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		if (str_eq(str_first(url, colon), str_of(drivers[i]->scheme))) {
			*driver = drivers[i];
			*where = str_from(url, colon + 1);
			if (where->n)
				return ERR_OK;
		}
	}
	buf_printf(why, "\"%.*s\" is no database URL; write sqlite:FILE", STR_ARG(url));
	return ERR_UNSUPPORTED;
}

enum err store_open(
	struct str url, struct event_bus *events, struct store_db **out, struct buf *why)
{
	const struct store_driver *driver;
	struct store_db *db;
	struct str where;
	void *conn;
	enum err e = find_driver(url, &driver, &where, why);

	if (!e)
		e = driver->open(where, true, &conn, why);
	if (e)
		return e;
	db = mem_new(struct store_db);
	db->driver = driver;
	db->where = str_dup(where);
	db->conn = conn;
	hash_init(&db->statements, 64);
	e = store_migrate(db, events, why);
	if (e) {
		store_close(db);
		return e;
	}
	*out = db;
	return ERR_OK;
}

static void drop_statement(struct hash_node *n, void *arg)
{
	struct store_db *db = arg;
	struct cached *c = container_of(n, struct cached, node);

	hash_del(&db->statements, n);
	db->driver->finish(c->stmt);
	free(c->sql);
	free(c);
}

void store_close(struct store_db *db)
{
	if (!db)
		return;
	hash_each(&db->statements, drop_statement, db);
	hash_fini(&db->statements);
	db->driver->close(db->conn);
	free(db->where);
	free(db);
}

void store_set_patience(struct store_db *db, unsigned ms)
{
	db->driver->patience(db->conn, ms);
}

bool store_moved(struct store_db *db)
{
	return db->driver->moved(db->conn);
}

enum err store_reopen(struct store_db *db)
{
	char text[512];
	struct buf why = BUF_OF(text);
	struct store_db fresh = { .driver = db->driver };
	enum err e = db->driver->open(str_of(db->where), false, &fresh.conn, &why);

	if (e)
		return e;
	hash_init(&fresh.statements, 64);
	e = store_migrate(&fresh, NULL, &why);
	if (!e) {
		struct store_db old = *db;

		db->conn = fresh.conn;
		db->statements = fresh.statements;
		db->usual_count = 0;
		fresh = old;
	}
	hash_each(&fresh.statements, drop_statement, &fresh);
	hash_fini(&fresh.statements);
	db->driver->close(fresh.conn);
	return e;
}

/* What a service without would be none; the others are found damaged when they are used. */
enum err store_check(struct store_db *db)
{
	static const char *const tables[] = { "customers", "domains", "accounts", "dialplans",
		"providers", "bindings", "dialogs", "changes" };
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables) && e != ERR_DB_CORRUPT; i++)
		e = db->driver->check(db->conn, tables[i]);
	return e == ERR_DB_CORRUPT ? e : ERR_OK;
}

enum err store_rescue(struct store_db *db)
{
	return db->driver->rescue(db->conn);
}

const char *store_error(struct store_db *db)
{
	return db->driver->error(db->conn);
}

enum err store_bind(struct store_db *db, void *stmt, unsigned index, const struct store_value *v)
{
	return db->driver->bind(stmt, index, v);
}

enum err store_set_aside(struct str url, int64_t now_ms, struct buf *name)
{
	const struct store_driver *driver;
	struct str where;
	enum err e = find_driver(url, &driver, &where, name);

	return e ? e : driver->set_aside(where, now_ms, name);
}

const struct store_driver *store_driver_of(struct store_db *db)
{
	return db->driver;
}

void *store_conn_of(struct store_db *db)
{
	return db->conn;
}

bool store_is_away(enum err e)
{
	return e == ERR_DB || e == ERR_DB_BUSY || e == ERR_DB_FULL || e == ERR_DB_CORRUPT;
}

enum err store_exec(struct store_db *db, const char *sql)
{
	return db->driver->exec(db->conn, sql);
}

enum err store_prepare(struct store_db *db, const char *sql, void **stmt)
{
	struct str key = str_of(sql);
	uint64_t h = hash_str(key);
	struct cached *c;
	enum err e;

	for (struct hash_node *n = hash_find(&db->statements, h); n; n = hash_next(n)) {
		c = container_of(n, struct cached, node);
		if (str_eq(str_of(c->sql), key)) {
			*stmt = c->stmt;
			return ERR_OK;
		}
	}
	e = db->driver->prepare(db->conn, sql, stmt);
	if (e)
		return e;
	c = mem_new(struct cached);
	c->sql = str_dup(key);
	c->stmt = *stmt;
	hash_add(&db->statements, &c->node, h);
	return ERR_OK;
}

void *store_usual(struct store_db *db, const struct table *t, enum table_verb verb)
{
	for (unsigned i = 0; i < db->usual_count; i++)
		if (db->usual[i].table == t && db->usual[i].verb == verb)
			return db->usual[i].stmt;
	return NULL;
}

void store_keep_usual(struct store_db *db, const struct table *t, enum table_verb verb, void *stmt)
{
	if (db->usual_count < USUAL_MAX)
		db->usual[db->usual_count++] = (struct usual){ t, verb, stmt };
}

enum err store_run(struct store_db *db, void *stmt)
{
	bool row;
	enum err e;

	do
		e = db->driver->step(stmt, &row);
	while (!e && row);
	db->driver->reset(stmt);
	return e;
}

static enum err run_sql(struct store_db *db, const char *sql)
{
	void *stmt;
	enum err e = store_prepare(db, sql, &stmt);

	return e ? e : store_run(db, stmt);
}

enum err store_begin(struct store_db *db)
{
	return run_sql(db, db->driver->begin);
}

enum err store_commit(struct store_db *db)
{
	return run_sql(db, "COMMIT");
}

void store_rollback(struct store_db *db)
{
	if (run_sql(db, "ROLLBACK")) /* there is nothing to roll back: the engine did it itself */
		return;
}
