/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem account import FILE.csv: all or nothing, in one transaction. */
#include "cli/account.h"
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/find.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/password.h"

const struct cli_option import_options[] = {
	{ "--update", NULL,
		"accounts that exist get the password of the file instead of a complaint" },
	{ NULL },
};

enum column {
	USERNAME,
	DOMAIN,
	CUSTOMER,
	PASSWORD,
	OUT_DIALPLAN,
	IN_DIALPLAN,
	DESCRIPTION,
	NETWORK_ID,
	DONT_MANGLE,
	MEDIA,
	COLUMNS
};

static const char *const column_names[COLUMNS] = { "username", "domain", "customer", "password",
	"out_dialplan", "in_dialplan", "description", "network_id", "dont_mangle", "media" };

struct import {
	struct cli *cli;
	struct csv csv;
	unsigned added, updated;
	int64_t now_ms;
	struct arena rows; /* of the present line */
	char known_customer[64], known_domain[192]; /* found for the line before */
};

/* Most files name the same domain and customer in every line: look each up once. */
static bool known(struct import *m, struct str *domain, struct str *customer)
{
	struct store_customer c;
	struct store_domain d;

	if (!str_eq(*customer, str_of(m->known_customer))) {
		if (store_customer_get(m->cli->db, *customer, &m->rows, &c) != ERR_OK) {
			csv_fault(&m->csv, "there is no such customer", *customer);
			return false;
		}
		if (str_copy(*customer, m->known_customer, sizeof(m->known_customer)) != ERR_OK)
			return false;
	}
	if (!str_eq(*domain, str_of(m->known_domain))) {
		if (store_domain_get(m->cli->db, *domain, &m->rows, &d) != ERR_OK) {
			csv_fault(&m->csv, "there is no such domain", *domain);
			return false;
		}
		if (str_copy(*domain, m->known_domain, sizeof(m->known_domain)) != ERR_OK)
			return false;
	}
	return true;
}

static bool row_from(struct import *m, const struct str *v, struct store_account *row)
{
	const char *wrong;

	*row = (struct store_account){ .username = v[USERNAME],
		.domain = name_lower(&m->rows, v[DOMAIN]),
		.customer = name_lower(&m->rows, v[CUSTOMER]),
		.out_dialplan = v[OUT_DIALPLAN],
		.in_dialplan = v[IN_DIALPLAN],
		.description = v[DESCRIPTION],
		.network_id = v[NETWORK_ID],
		.nat_keepalive = true,
		.dont_mangle = str_ieq(v[DONT_MANGLE], STR("yes")),
		.created_ms = m->now_ms };
	wrong = name_account_fault(row->username, row->customer);
	if (!wrong && !account_take_media(v[MEDIA], row))
		wrong = "media is auto, never or always";
	if (!wrong)
		wrong = password_fault(v[PASSWORD], PASSWORD_MIN);
	if (wrong) {
		csv_fault(&m->csv, wrong, row->username);
		return false;
	}
	return known(m, &row->domain, &row->customer);
}

static enum err update(struct import *m, const struct store_account *row)
{
	struct store_account old;
	enum err e = store_account_get(m->cli->db, row->username, row->domain, &m->rows, &old);

	if (e != ERR_OK)
		return e;
	if (!str_ieq(old.customer, row->customer))
		return ERR_DENIED;
	/* HA1 is made from the name as it is stored. */
	if (!str_eq(old.username, row->username))
		return ERR_EXISTS;
	old.ha1_md5 = row->ha1_md5;
	old.ha1_sha256 = row->ha1_sha256;
	old.ha1_sha512_256 = row->ha1_sha512_256;
	return store_account_set(m->cli->db, &old);
}

static void import_line(struct import *m, struct str *v)
{
	struct account_secrets secrets;
	struct store_account row;
	int64_t id;
	enum err e;

	for (unsigned i = 0; i < COLUMNS; i++)
		v[i] = i == PASSWORD ? v[i] : str_trim(v[i]);
	if (!row_from(m, v, &row) || m->csv.faults)
		return;
	account_set_password(&row, v[PASSWORD], &secrets);
	e = store_account_add(m->cli->db, &row, &id);
	if (e == ERR_OK) {
		m->added++;
		return;
	}
	if (e == ERR_EXISTS && cli_has(m->cli, "--update")) {
		e = update(m, &row);
		m->updated += e == ERR_OK;
	}
	if (e == ERR_EXISTS)
		csv_fault(&m->csv, "there is this account already; --update sets its password",
			row.username);
	else if (e == ERR_DENIED)
		csv_fault(&m->csv, "the account belongs to another customer", row.username);
	else if (e != ERR_OK)
		csv_fault(&m->csv, err_text(e), row.username);
}

static void import_all(struct import *m)
{
	struct str values[COLUMNS];

	arena_init(&m->rows, 4096);
	while (csv_next(&m->csv, values)) {
		import_line(m, values);
		arena_reset(&m->rows);
	}
	arena_fini(&m->rows);
	csv_faults_end(&m->csv);
}

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
	import_all(m);
	if (m->csv.faults) {
		store_rollback(m->cli->db);
		return cli_fail(CLI_USAGE, "nothing was imported");
	}
	e = store_commit(m->cli->db);
	if (e != ERR_OK)
		return cli_store_failed(e, "file", str_of(m->csv.file));
	m->cli->changed = true;
	cli_say(m->cli, "%u accounts were added, %u updated.", m->added, m->updated);
	return CLI_OK;
}

int account_import(struct cli *c)
{
	struct import m = { .cli = c };
	int code = csv_open(&m.csv, c->args[0], column_names, COLUMNS, PASSWORD + 1);

	if (code != CLI_OK)
		return code;
	code = import_file(&m);
	csv_close(&m.csv);
	return code;
}
