/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

enum err store_changes(struct store_db *db, uint64_t after, store_change_fn *row, void *arg)
{
	const struct store_driver *d = store_driver_of(db);
	const struct store_value v = { .type = STORE_INTEGER, .integer = (int64_t)after };
	void *stmt;
	bool more;
	enum err e = store_prepare(
		db, "SELECT seq, kind, name FROM changes WHERE seq > ? ORDER BY seq", &stmt);

	if (e)
		return e;
	e = store_bind(db, stmt, 1, &v);
	while (!e && !(e = d->step(stmt, &more)) && more)
		row((uint64_t)d->column_integer(stmt, 0), d->column_text(stmt, 1),
			d->column_text(stmt, 2), arg);
	d->reset(stmt);
	return e;
}

enum err store_change_latest(struct store_db *db, uint64_t *seq)
{
	const struct store_driver *d = store_driver_of(db);
	void *stmt;
	bool row;
	enum err e = store_prepare(db, "SELECT MAX(seq) FROM changes", &stmt);

	if (e)
		return e;
	e = d->step(stmt, &row);
	*seq = !e && row ? (uint64_t)d->column_integer(stmt, 0) : 0;
	d->reset(stmt);
	return e;
}
