/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SQLite. WAL, so that readers and the writer do not wait for each other; synchronous=FULL, so
 * that a commit is on disk before anybody is told.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/driver.h"

enum { BUSY_MS = 250, PATH_BYTES = 4096 };

/* ERR_DB…: the database is away, and may come back; the others concern this statement alone. */
static enum err classify(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return ERR_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_DB_BUSY;
	case SQLITE_FULL:
		return ERR_DB_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_DB_CORRUPT;
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY
			? ERR_EXISTS
			: ERR_STATE;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PROTOCOL:
	case SQLITE_NOMEM:
		return ERR_DB;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	default:
		return ERR_DB_STATEMENT;
	}
}

static enum err sq_exec(void *conn, const char *sql)
{
	return classify(sqlite3_exec(conn, sql, NULL, NULL, NULL));
}

static enum err configure(sqlite3 *c)
{
	sqlite3_extended_result_codes(c, 1);
	sqlite3_busy_timeout(c, BUSY_MS);
	return sq_exec(c,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
		"PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192");
}

static void sq_patience(void *conn, unsigned ms)
{
	sqlite3_busy_timeout(conn, (int)ms);
}

static void sq_close(void *conn)
{
	sqlite3_close_v2(conn);
}

static enum err sq_open(struct str where, bool create, void **conn, struct buf *why)
{
	char path[PATH_BYTES];
	sqlite3 *c = NULL;
	mode_t mask = umask(027);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
	int rc;
	enum err e;

	if (str_copy(where, path, sizeof(path)))
		return ERR_LIMIT;
	rc = sqlite3_open_v2(path, &c, flags | (create ? SQLITE_OPEN_CREATE : 0), NULL);
	e = rc == SQLITE_OK ? configure(c) : classify(rc);
	umask(mask);
	if (e) {
		buf_printf(why, "%s: %s", path, c ? sqlite3_errmsg(c) : "out of memory");
		sqlite3_close_v2(c);
		return e;
	}
	*conn = c;
	return ERR_OK;
}

static enum err sq_prepare(void *conn, const char *sql, void **stmt)
{
	return classify(sqlite3_prepare_v3(
		conn, sql, -1, SQLITE_PREPARE_PERSISTENT, (sqlite3_stmt **)stmt, NULL));
}

static void sq_finish(void *stmt)
{
	sqlite3_finalize(stmt);
}

static enum err sq_bind(void *stmt, unsigned index, const struct store_value *v)
{
	if (v->type == STORE_INTEGER)
		return classify(sqlite3_bind_int64(stmt, (int)index, v->integer));
	return classify(sqlite3_bind_text64(stmt, (int)index, v->text.n ? v->text.p : "", v->text.n,
		SQLITE_STATIC, SQLITE_UTF8));
}

static enum err sq_step(void *stmt, bool *row)
{
	int rc = sqlite3_step(stmt);

	*row = rc == SQLITE_ROW;
	return classify(rc);
}

static void sq_reset(void *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

static struct str sq_text(void *stmt, unsigned index)
{
	const char *p = (const char *)sqlite3_column_text(stmt, (int)index);

	return str_make(p ? p : "", p ? (size_t)sqlite3_column_bytes(stmt, (int)index) : 0);
}

static int64_t sq_integer(void *stmt, unsigned index)
{
	return sqlite3_column_int64(stmt, (int)index);
}

static int64_t sq_last_id(void *conn)
{
	return sqlite3_last_insert_rowid(conn);
}

static int64_t sq_changed(void *conn)
{
	return sqlite3_changes64(conn);
}

static const char *sq_error(void *conn)
{
	return sqlite3_errmsg(conn);
}

static enum err sq_check(void *conn, const char *table)
{
	char sql[128];
	void *stmt;
	bool row;
	enum err e;

	snprintf(sql, sizeof(sql), "PRAGMA quick_check(%s)", table);
	e = sq_prepare(conn, sql, &stmt);
	if (e)
		return e;
	e = sq_step(stmt, &row);
	if (!e && row && !str_eq(sq_text(stmt, 0), STR("ok")))
		e = ERR_DB_CORRUPT;
	sq_finish(stmt);
	return e;
}

static bool sq_moved(void *conn)
{
	int moved = 0;

	return !sqlite3_file_control(conn, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) && moved;
}

static enum err vacuum_into(sqlite3 *conn, const char *path)
{
	const struct store_value v = { .type = STORE_TEXT, .text = str_of(path) };
	void *stmt;
	bool row;
	enum err e = sq_prepare(conn, "VACUUM INTO ?", &stmt);

	if (e)
		return e;
	e = sq_bind(stmt, 1, &v);
	if (!e)
		e = sq_step(stmt, &row);
	sq_finish(stmt);
	return e;
}

static enum err sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok ? ERR_OK : ERR_IO;
}

/*
 * Into a file beside it, then renamed, so that a crash leaves no half database. Log and index of
 * the deleted one go: their content is in the copy, and they do not fit it.
 */
static enum err sq_rescue(void *conn)
{
	static const char *const extra[] = { "-wal", "-shm" };
	const char *path = sqlite3_db_filename(conn, NULL);
	char copy[PATH_BYTES + 8], part[PATH_BYTES + 8];
	mode_t mask;
	enum err e;

	if (access(path, F_OK) == 0)
		return ERR_EXISTS;
	snprintf(copy, sizeof(copy), "%s.rescue", path);
	unlink(copy);
	mask = umask(027);
	e = vacuum_into(conn, copy);
	umask(mask);
	if (!e)
		e = sync_file(copy);
	for (int i = 0; i < 2; i++) {
		snprintf(part, sizeof(part), "%s%s", path, extra[i]);
		unlink(part);
	}
	if (!e && rename(copy, path))
		e = ERR_IO;
	if (e)
		unlink(copy);
	return e;
}

static enum err sq_set_aside(struct str where, int64_t now_ms, struct buf *name)
{
	static const char *const extra[] = { "-wal", "-shm" };
	char from[PATH_BYTES], to[PATH_BYTES], part_from[PATH_BYTES + 8], part_to[PATH_BYTES + 8];
	struct buf b = { .p = to, .max = sizeof(to) - 1 };

	if (str_copy(where, from, sizeof(from)))
		return ERR_LIMIT;
	buf_add(&b, where);
	buf_lit(&b, ".damaged-");
	clock_print_iso(&b, now_ms);
	if (!buf_ok(&b))
		return ERR_LIMIT;
	to[b.n] = '\0';
	if (rename(from, to))
		return ERR_IO;
	for (int i = 0; i < 2; i++) {
		snprintf(part_from, sizeof(part_from), "%s%s", from, extra[i]);
		snprintf(part_to, sizeof(part_to), "%s%s", to, extra[i]);
		if (rename(part_from, part_to))
			continue; /* not every database has them */
	}
	buf_add(name, buf_str(&b));
	return ERR_OK;
}

const struct store_driver store_sqlite = {
	.scheme = "sqlite",
	.open = sq_open,
	.close = sq_close,
	.patience = sq_patience,
	.exec = sq_exec,
	.prepare = sq_prepare,
	.finish = sq_finish,
	.bind = sq_bind,
	.step = sq_step,
	.reset = sq_reset,
	.column_text = sq_text,
	.column_integer = sq_integer,
	.last_id = sq_last_id,
	.changed = sq_changed,
	.error = sq_error,
	.check = sq_check,
	.moved = sq_moved,
	.rescue = sq_rescue,
	.set_aside = sq_set_aside,
	.begin = "BEGIN IMMEDIATE",
	.id_column = "INTEGER PRIMARY KEY AUTOINCREMENT",
	.key_column = "INTEGER PRIMARY KEY",
	.upsert = " ON CONFLICT (%s) DO UPDATE SET ",
	.excluded = "%s=excluded.%s",
};
