/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tandem provider import FILE.csv: the columns are called as the fields are; all or nothing, in one
 * transaction. Passwords are sealed before they are written; without a key nothing is.
 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/provider.h"
#include "cli/provider_fields.h"

const struct cli_option provider_import_options[] = {
	{ "--update", NULL, "providers that exist get what the file says instead of a complaint" },
	{ NULL },
};

enum column { NAME, CUSTOMER, PASSWORD, FIELDS }; /* provider_fields follow */
enum { WHY_MAX = 512 };

struct import {
	struct cli *cli;
	struct csv csv;
	unsigned added, updated;
	struct keyring keys;
	int64_t now_ms;
	struct arena rows; /* of the present line */
	char known_customer[64]; /* found for the line before */
};

static bool known_customer(struct import *m, struct str customer)
{
	struct store_customer c;

	if (str_eq(customer, str_of(m->known_customer)))
		return true;
	if (store_customer_get(m->cli->db, customer, &m->rows, &c) == ERR_OK &&
		str_copy(customer, m->known_customer, sizeof(m->known_customer)) == ERR_OK)
		return true;
	csv_fault(&m->csv, "there is no such customer", customer);
	return false;
}

/* Several headers stand in one value: "A: 1|B: 2". */
static struct str lines_of(struct arena *a, struct str v)
{
	char *mem = arena_alloc(a, v.n + 1);

	for (size_t i = 0; i < v.n; i++)
		mem[i] = v.p[i] == '|' ? '\n' : v.p[i];
	return str_make(mem, v.n);
}

static bool take_field(struct import *m, const struct provider_field *f, struct str value,
	struct store_provider *row)
{
	char text[WHY_MAX], what[WHY_MAX + 64];
	struct buf why = BUF_OF(text);

	if (!value.n)
		return true; /* stays as it is */
	value = strcmp(f->key, "headers") == 0 ? lines_of(&m->rows, value)
					       : arena_str(&m->rows, value);
	if (provider_field_take(f, &m->rows, value, row, &why))
		return true;
	snprintf(what, sizeof(what), "%s: %.*s", f->key, STR_ARG(buf_str(&why)));
	csv_fault(&m->csv, what, STR_NONE);
	return false;
}

static bool take_values(struct import *m, const struct str *v, struct store_provider *row)
{
	char text[WHY_MAX];
	struct buf why = BUF_OF(text);

	for (unsigned i = 0; i < provider_field_count; i++)
		if (!take_field(m, &provider_fields[i], str_trim(v[FIELDS + i]), row))
			return false;
	if (provider_check(row, &why))
		return true;
	csv_fault(&m->csv, arena_printf(&m->rows, "%.*s", STR_ARG(buf_str(&why))), row->name);
	return false;
}

static bool take_password(
	struct import *m, struct str password, bool needed, struct store_provider *row)
{
	const char *wrong = password_fault(password, PROVIDER_PASSWORD_MIN);

	if (!password.n && !needed)
		return true;
	if (wrong) {
		csv_fault(&m->csv, wrong, row->name);
		return false;
	}
	provider_seal_with(&m->keys, &m->rows, password, row);
	return true;
}

/* The row to begin with: a new one, or with --update the one that there is. False: a fault. */
static bool begin_row(struct import *m, const struct str *v, struct store_provider *row, bool *new)
{
	struct str customer = name_lower(&m->rows, str_trim(v[CUSTOMER]));
	struct str name = arena_str(&m->rows, str_trim(v[NAME]));
	const char *wrong = name_provider_fault(name);
	enum err e;

	if (wrong) {
		csv_fault(&m->csv, wrong, name);
		return false;
	}
	if (!known_customer(m, customer))
		return false;
	e = store_provider_get(m->cli->db, customer, name, &m->rows, row);
	*new = e == ERR_NOT_FOUND;
	if (*new) {
		provider_init(row);
		row->customer = customer;
		row->name = name;
		row->created_ms = m->now_ms;
	} else if (e == ERR_OK && !cli_has(m->cli, "--update")) {
		csv_fault(&m->csv, "there is this provider already; --update changes it", name);
	}
	row->updated_ms = m->now_ms;
	return *new || (e == ERR_OK && cli_has(m->cli, "--update"));
}

static void import_line(struct import *m, const struct str *v)
{
	struct store_provider row;
	enum err e;
	bool new;

	if (!begin_row(m, v, &row, &new) || !take_values(m, v, &row) ||
		!take_password(m, v[PASSWORD], new, &row) || m->csv.faults)
		return;
	e = new ? store_provider_add(m->cli->db, &row, &row.id)
		: store_provider_set(m->cli->db, &row);
	if (e != ERR_OK)
		csv_fault(&m->csv, err_text(e), row.name);
	m->added += new;
	m->updated += !new;
}

static void import_all(struct import *m)
{
	struct str values[CSV_COLUMNS_MAX];

	arena_init(&m->rows, 4096);
	while (csv_next(&m->csv, values)) {
		import_line(m, values);
		arena_reset(&m->rows);
	}
	arena_fini(&m->rows);
	csv_faults_end(&m->csv);
}

/* The keys are read inside of the transaction: see cli_keys. */
static int import_file(struct import *m)
{
	struct clock now;
	enum err e;

	clock_read(&now);
	m->now_ms = now.wall_ms;
	if (!cli_store(m->cli))
		return CLI_FAILED;
	e = store_begin(m->cli->db);
	if (e != ERR_OK)
		return cli_store_failed(e, "file", str_of(m->csv.file));
	if (!cli_keys(m->cli, &m->keys)) {
		store_rollback(m->cli->db);
		return cli_fail(CLI_FAILED,
			"nothing was imported: without a key passwords cannot be sealed, and in "
			"the clear they are not written");
	}
	import_all(m);
	keyring_wipe(&m->keys);
	if (m->csv.faults) {
		store_rollback(m->cli->db);
		return cli_fail(CLI_USAGE, "nothing was imported");
	}
	e = store_commit(m->cli->db);
	if (e != ERR_OK)
		return cli_store_failed(e, "file", str_of(m->csv.file));
	m->cli->changed = true;
	cli_say(m->cli, "%u providers were added, %u updated.", m->added, m->updated);
	return CLI_OK;
}

int provider_import(struct cli *c)
{
	const char *names[CSV_COLUMNS_MAX] = { "name", "customer", "password" };
	struct import m = { .cli = c };
	int code;

	BUG_ON(FIELDS + provider_field_count > CSV_COLUMNS_MAX);
	for (unsigned i = 0; i < provider_field_count; i++)
		names[FIELDS + i] = provider_fields[i].key;
	code = csv_open(&m.csv, c->args[0], names, FIELDS + provider_field_count, CUSTOMER + 1);
	if (code != CLI_OK)
		return code;
	code = import_file(&m);
	csv_close(&m.csv);
	return code;
}
