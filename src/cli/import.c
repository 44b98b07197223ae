/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tandem account import FILE.csv: RFC 4180, a header row that names the columns in any order.
 * All or nothing, in one transaction; every fault is told with its line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "cli/account.h"
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/password.h"

const struct cli_option import_options[] = {
	{ "--update", NULL,
		"accounts that exist get the password of the file instead of a complaint" },
	{ NULL },
};

enum { CSV_COLUMNS_MAX = 16, CSV_LINE_MAX = 8192, FAULTS_SHOWN = 20 };

enum column {
	USERNAME,
	DOMAIN,
	CUSTOMER,
	PASSWORD,
	OUT_DIALPLAN,
	IN_DIALPLAN,
	DESCRIPTION,
	COLUMNS
};

static const char *const column_names[COLUMNS] = { "username", "domain", "customer", "password",
	"out_dialplan", "in_dialplan", "description" };

struct import {
	struct cli *cli;
	const char *file;
	FILE *in;
	unsigned line;
	unsigned faults, added, updated;
	int column_of[CSV_COLUMNS_MAX]; /* field → column; -1: not ours */
	unsigned fields;
	int64_t now_ms;
	struct arena rows; /* of the present line */
	char known_customer[64], known_domain[192]; /* found for the line before */
};

static void fault(struct import *m, const char *what, struct str value)
{
	if (m->faults++ < FAULTS_SHOWN)
		cli_fail(CLI_USAGE, "%s:%u: %s%s%.*s%s", m->file, m->line, what,
			value.n ? " (" : "", STR_ARG(value), value.n ? ")" : "");
}

/*
 * Splits a line in place. Quotes around a field go, doubled ones inside become one. Returns the
 * number of fields, -1 when a quote is not closed or there are too many.
 */
static int split(char *line, struct str *fields)
{
	char *in = line, *out;
	int n = 0;

	for (;;) {
		bool quoted = *in == '"';

		if (n == CSV_COLUMNS_MAX)
			return -1;
		out = in;
		fields[n].p = out;
		in += quoted;
		while (*in && (quoted || *in != ',')) {
			if (quoted && *in == '"' && *++in != '"') {
				quoted = false;
				continue;
			}
			*out++ = *in++;
		}
		if (quoted)
			return -1;
		fields[n].n = (size_t)(out - fields[n].p);
		n++;
		if (!*in++)
			return n;
	}
}

static bool next_line(struct import *m, char *line)
{
	size_t n;

	while (fgets(line, CSV_LINE_MAX, m->in)) {
		m->line++;
		n = strlen(line);
		if (n + 1 == CSV_LINE_MAX && line[n - 1] != '\n') {
			fault(m, "this line is too long", STR_NONE);
			return false;
		}
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = 0;
		if (n)
			return true;
	}
	return false;
}

static bool read_header(struct import *m)
{
	struct str fields[CSV_COLUMNS_MAX];
	char line[CSV_LINE_MAX];
	bool has[COLUMNS] = { false };
	char *at = line;
	int n;

	if (!next_line(m, line)) {
		fault(m, "the file is empty", STR_NONE);
		return false;
	}
	if (str_starts(str_of(line), STR("\xef\xbb\xbf")))
		at += 3;
	n = split(at, fields);
	m->fields = n > 0 ? (unsigned)n : 0;
	for (int i = 0; i < n; i++) {
		m->column_of[i] = -1;
		for (unsigned k = 0; k < COLUMNS; k++) {
			if (str_ieq(str_trim(fields[i]), str_of(column_names[k]))) {
				m->column_of[i] = (int)k;
				has[k] = true;
			}
		}
		if (m->column_of[i] < 0)
			fault(m, "a column that is not known", fields[i]);
	}
	for (unsigned k = USERNAME; k <= PASSWORD; k++)
		if (!has[k])
			fault(m, "the header lacks the column", str_of(column_names[k]));
	return m->faults == 0;
}

/* Most files name the same domain and customer in every line: look each up once. */
static bool known(struct import *m, struct str *domain, struct str *customer)
{
	struct store_customer c;
	struct store_domain d;

	if (!str_eq(*customer, str_of(m->known_customer))) {
		if (store_customer_get(m->cli->db, *customer, &m->rows, &c) != ERR_OK) {
			fault(m, "there is no such customer", *customer);
			return false;
		}
		if (str_copy(*customer, m->known_customer, sizeof(m->known_customer)) != ERR_OK)
			return false;
	}
	if (!str_eq(*domain, str_of(m->known_domain))) {
		if (store_domain_get(m->cli->db, *domain, &m->rows, &d) != ERR_OK) {
			fault(m, "there is no such domain", *domain);
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
		.nat_keepalive = true,
		.created_ms = m->now_ms };
	wrong = name_account_fault(row->username, row->customer);
	if (!wrong)
		wrong = password_fault(v[PASSWORD]);
	if (wrong) {
		fault(m, wrong, row->username);
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

static void import_line(struct import *m, char *line)
{
	struct str fields[CSV_COLUMNS_MAX], v[COLUMNS] = { 0 };
	struct account_secrets secrets;
	struct store_account row;
	int n = split(line, fields);
	int64_t id;
	enum err e;

	if (n != (int)m->fields) {
		fault(m, "not as many fields as the header has, or a quote is not closed",
			STR_NONE);
		return;
	}
	for (int i = 0; i < n; i++)
		v[m->column_of[i]] = m->column_of[i] == PASSWORD ? fields[i] : str_trim(fields[i]);
	if (!row_from(m, v, &row) || m->faults)
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
		fault(m, "there is this account already; --update sets its password", row.username);
	else if (e == ERR_DENIED)
		fault(m, "the account belongs to another customer", row.username);
	else if (e != ERR_OK)
		fault(m, err_text(e), row.username);
}

static void import_all(struct import *m)
{
	char line[CSV_LINE_MAX];

	arena_init(&m->rows, 4096);
	while (next_line(m, line)) {
		import_line(m, line);
		arena_reset(&m->rows);
	}
	crypto_wipe(line, sizeof(line));
	arena_fini(&m->rows);
	if (m->faults > FAULTS_SHOWN)
		cli_fail(CLI_USAGE, "… and %u faults more", m->faults - FAULTS_SHOWN);
}

static int import_file(struct import *m)
{
	struct clock now;
	enum err e;

	clock_read(&now);
	m->now_ms = now.wall_ms;
	if (!read_header(m))
		return CLI_USAGE;
	if (!cli_store(m->cli))
		return CLI_FAILED;
	e = store_begin(m->cli->db);
	if (e != ERR_OK)
		return cli_store_failed(e, "file", str_of(m->file));
	import_all(m);
	if (m->faults) {
		store_rollback(m->cli->db);
		return cli_fail(CLI_USAGE, "nothing was imported");
	}
	e = store_commit(m->cli->db);
	if (e != ERR_OK)
		return cli_store_failed(e, "file", str_of(m->file));
	m->cli->changed = true;
	cli_say(m->cli, "%u accounts were added, %u updated.", m->added, m->updated);
	return CLI_OK;
}

int account_import(struct cli *c)
{
	struct import m = { .cli = c, .file = c->args[0] };
	int code;

	m.in = fopen(m.file, "re");
	if (!m.in)
		return cli_fail(CLI_FAILED, "%s cannot be read: %s", m.file, strerror(errno));
	code = import_file(&m);
	fclose(m.in);
	return code;
}
