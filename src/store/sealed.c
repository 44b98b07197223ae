/* SPDX-License-Identifier: BSD-3-Clause */
/* The sealed passwords alone. */
#include "store/repo.h"
#include "store/table.h"

enum { PATTERN_MAX = 64 };

static enum err each(struct store_db *db, void *stmt, store_provider_fn *row, void *arg)
{
	const struct store_driver *d = store_driver_of(db);
	bool more;
	enum err e;

	while (!(e = d->step(stmt, &more)) && more) {
		const struct store_provider p = { .id = d->column_integer(stmt, 0),
			.customer = d->column_text(stmt, 1),
			.name = d->column_text(stmt, 2),
			.password_sealed = d->column_text(stmt, 3) };

		row(&p, arg);
	}
	d->reset(stmt);
	return e;
}

static enum err bind_all(
	struct store_db *db, void *stmt, const struct store_value *values, unsigned count)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < count && !e; i++)
		e = store_bind(db, stmt, i + 1, &values[i]);
	if (e)
		store_driver_of(db)->reset(stmt);
	return e;
}

enum err store_sealed_list(struct store_db *db, store_provider_fn *row, void *arg)
{
	void *stmt;
	enum err e = store_prepare(db,
		"SELECT id, customer, name, password_sealed FROM providers WHERE"
		" password_sealed <> '' ORDER BY id",
		&stmt);

	return e ? e : each(db, stmt, row, arg);
}

enum err store_sealed_not_under(struct store_db *db, struct str id, int64_t after, unsigned limit,
	store_provider_fn *row, void *arg)
{
	char text[PATTERN_MAX];
	struct buf pattern = BUF_OF(text);
	struct store_value values[] = { { .type = STORE_INTEGER, .integer = after },
		{ .type = STORE_TEXT }, { .type = STORE_INTEGER, .integer = limit } };
	void *stmt;
	enum err e = store_prepare(db,
		"SELECT id, customer, name, password_sealed FROM providers WHERE id > ? AND"
		" password_sealed <> '' AND password_sealed NOT LIKE ? ORDER BY id LIMIT ?",
		&stmt);

	buf_printf(&pattern, "%.*s:%%", STR_ARG(id));
	values[1].text = buf_str(&pattern);
	if (!buf_ok(&pattern))
		return ERR_RANGE;
	if (!e)
		e = bind_all(db, stmt, values, 3);
	return e ? e : each(db, stmt, row, arg);
}

enum err store_sealed_set(struct store_db *db, int64_t id, struct str password_sealed)
{
	const struct store_value values[] = { { .type = STORE_TEXT, .text = password_sealed },
		{ .type = STORE_INTEGER, .integer = id } };
	void *stmt;
	enum err e =
		store_prepare(db, "UPDATE providers SET password_sealed = ? WHERE id = ?", &stmt);

	if (!e)
		e = bind_all(db, stmt, values, 2);
	return e ? e : store_run(db, stmt);
}
