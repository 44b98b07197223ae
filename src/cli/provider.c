/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem provider add|set|show|list|remove */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/provider.h"
#include "cli/provider_fields.h"

const struct cli_option provider_options[] = {
	{ "--customer", "NAME", "whose it is; needless when there is only one customer" },
	{ "--server", "URI", "where calls go: sip:HOST or sip:HOST:PORT" },
	{ "--username", "NAME", "our name there" },
	{ "--password-stdin", NULL, "read our password there from standard input" },
	{ "--password", NULL, "ask for a new password" },
	{ "--auth-username", "NAME", "the name for authentication, if it is another" },
	{ "--proxy", "URI", "send requests here instead of to the server" },
	{ "--transport", "NAME", "udp, tcp or tls; auto: as the server's name says" },
	{ "--from", "HEADER", "the From of calls; ${fromname} and the like may stand in it" },
	{ "--header", "HEADER", "\"Name: value\", added to requests; \"\" removes all", true },
	{ "--register", NULL, "register there, so that calls arrive" },
	{ "--no-register", NULL, "do not, any more" },
	{ "--register-server", "URI", "the registrar, if it is another server" },
	{ "--realm", "DOMAIN", "the domain to register in, if it is not the server's name" },
	{ "--contact", "URI", "the Contact to register; made by itself if there is none" },
	{ "--expires", "SECONDS", "length of a registration: 60 to 86400, 3600 if not given" },
	{ "--rate", "N", "registrations a minute at most; 0: as many as usual" },
	{ "--mwi", NULL, "ask there for messages waiting" },
	{ "--no-mwi", NULL, "do not, any more" },
	{ "--addresses", "RANGES", "where its calls come from: 192.0.2.0/24,192.0.2.9" },
	{ "--media", "auto|never|always", "replace private addresses in SDP" },
	{ "--disable", "[REASON]", "do not use it until enabled" },
	{ "--enable", NULL, "ends --disable" },
	{ NULL },
};

enum { SHORT_COLUMNS = 7, COLUMNS = 32, WHY_MAX = 512 };

/* First what a list shows, then the rest as the fields stand. */
static unsigned make_columns(struct cli_column columns[COLUMNS])
{
	static const struct cli_column first[] = { { "name", "NAME" }, { "customer", "CUSTOMER" },
		{ "server", "SERVER" }, { "username", "USERNAME" }, { "register", "REGISTER" },
		{ "disabled", "DISABLED" }, { "disabled_reason", "REASON" } };
	static const struct cli_column last[] = { { "has_password", "PASSWORD" },
		{ "password_key", "PASSWORD KEY" }, { "password_fault", "PASSWORD FAULT" },
		{ "messages_waiting", "MESSAGES WAITING" }, { "voice_messages", "VOICE MESSAGES" },
		{ "mailbox", "MAILBOX" }, { "messages_heard", "HEARD OF THEM" },
		{ "created", "CREATED" }, { "updated", "UPDATED" } };
	unsigned n = 0;

	for (size_t i = 0; i < SHORT_COLUMNS; i++)
		columns[n++] = first[i];
	for (unsigned i = 0; i < provider_field_count; i++) {
		const char *key = provider_fields[i].key;
		bool shown = false;

		for (size_t k = 0; k < SHORT_COLUMNS; k++)
			shown = shown || strcmp(key, first[k].key) == 0;
		if (!shown)
			columns[n++] = (struct cli_column){ key, provider_fields[i].title };
	}
	for (size_t i = 0; i < sizeof(last) / sizeof(*last); i++)
		columns[n++] = last[i];
	BUG_ON(n > COLUMNS);
	return n;
}

static json_t *provider_json(const struct store_provider *row)
{
	size_t colon = str_find(row->password_sealed, ':');
	json_t *o = json_object();

	cli_put(o, "name", row->name);
	cli_put(o, "customer", row->customer);
	for (unsigned i = 0; i < provider_field_count; i++)
		provider_field_put(o, &provider_fields[i], row);
	cli_put_bool(o, "has_password", row->password_sealed.n > 0);
	if (colon < row->password_sealed.n)
		cli_put(o, "password_key", str_first(row->password_sealed, colon));
	cli_put_time(o, "created", row->created_ms);
	cli_put_time(o, "updated", row->updated_ms);
	return o;
}

/* ---- options ---- */

/* One that has its value, or is given several times. */
static bool take_value(struct cli *c, const char *key, const char *option, struct str value,
	struct store_provider *row)
{
	char text[WHY_MAX];
	struct buf why = BUF_OF(text);

	if (provider_field_take(provider_field_find(str_of(key)), &c->arena, value, row, &why))
		return true;
	cli_fail(CLI_USAGE, "%s: %.*s", option, STR_ARG(buf_str(&why)));
	return false;
}

static bool take_headers(struct cli *c, struct store_provider *row)
{
	struct str all = STR(""), one;

	if (!cli_has(c, "--header"))
		return true;
	for (unsigned i = 0; cli_value_nth(c, "--header", i, &one); i++) {
		if (str_find(one, '\n') < one.n) {
			cli_fail(CLI_USAGE, "--header: one header a --header");
			return false;
		}
		all = str_of(arena_printf(&c->arena, "%.*s%.*s\n", STR_ARG(all), STR_ARG(one)));
	}
	return take_value(c, "headers", "--header", all, row);
}

static bool take_switch(struct cli *c, const char *on, const char *off, bool *to)
{
	if (cli_has(c, on) && cli_has(c, off)) {
		cli_fail(CLI_USAGE, "%s and %s: say one of them", on, off);
		return false;
	}
	*to = (*to || cli_has(c, on)) && !cli_has(c, off);
	return true;
}

static bool take_switches(struct cli *c, struct store_provider *row)
{
	if (!take_switch(c, "--register", "--no-register", &row->register_enabled) ||
		!take_switch(c, "--mwi", "--no-mwi", &row->mwi) ||
		!take_switch(c, "--disable", "--enable", &row->disabled))
		return false;
	if (cli_has(c, "--enable"))
		row->disabled_reason = STR("");
	return !cli_has(c, "--disable") ||
		take_value(c, "disabled_reason", "--disable", cli_value(c, "--disable"), row);
}

/* The option of a field, if it has one of its own: "--auth-username" of "auth_username". */
static bool option_of(const char *key, char name[40])
{
	size_t n = 2;

	memcpy(name, "--", 2);
	for (const char *p = key; *p && n < 39; p++)
		name[n++] = *p == '_' ? '-' : *p;
	name[n] = 0;
	for (const struct cli_option *o = provider_options; o->name; o++)
		if (o->value && strcmp(o->name, name) == 0)
			return true;
	return false;
}

static bool take_options(struct cli *c, struct store_provider *row)
{
	char text[WHY_MAX];
	struct buf why = BUF_OF(text);

	for (unsigned i = 0; i < provider_field_count; i++) {
		const char *key = provider_fields[i].key;
		char option[40];

		if (option_of(key, option) && cli_has(c, option) &&
			!take_value(c, key, option, cli_value(c, option), row))
			return false;
	}
	if (!take_headers(c, row) || !take_switches(c, row))
		return false;
	if (provider_check(row, &why))
		return true;
	cli_fail(CLI_USAGE, "%.*s", STR_ARG(buf_str(&why)));
	return false;
}

/* ---- commands ---- */

/* A row that exists is read again: a rotation of keys may have been at it while we asked. */
static enum err prepare(struct cli *c, struct store_provider *row, bool new)
{
	enum err e;

	if (new)
		return ERR_OK;
	e = store_provider_get(c->db, row->customer, row->name, &c->arena, row);
	if (e == ERR_OK && !take_options(c, row))
		e = ERR_STATE;
	return e;
}

/* Writes the row, with the password if there is one, which is wiped. */
static int write_row(struct cli *c, struct store_provider *row, struct password *password, bool new)
{
	struct clock now;
	enum err e = store_begin(c->db);
	bool sealed;

	if (e == ERR_OK)
		e = prepare(c, row, new);
	sealed = e == ERR_OK && (!password || provider_seal(c, password->value, row));
	if (password)
		password_wipe(password);
	clock_read(&now);
	row->updated_ms = now.wall_ms;
	if (new)
		row->created_ms = now.wall_ms;
	if (sealed)
		e = new ? store_provider_add(c->db, row, &row->id) : store_provider_set(c->db, row);
	if (sealed && e == ERR_OK)
		e = store_commit(c->db);
	c->changed = sealed && e == ERR_OK;
	if (c->changed)
		return CLI_OK;
	store_rollback(c->db);
	return e ? cli_store_failed(e, "provider", row->name) : CLI_FAILED;
}

int provider_add(struct cli *c)
{
	const char *fault = name_provider_fault(cli_arg(c, 0));
	struct store_provider row;
	struct store_customer customer;
	struct password password;
	int code;

	if (fault)
		return cli_fail(CLI_USAGE, "%s", fault);
	provider_init(&row);
	row.name = cli_arg(c, 0);
	if (!take_options(c, &row))
		return CLI_USAGE;
	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer_option(c, &customer);
	if (code != CLI_OK)
		return code;
	row.customer = customer.name;
	if (!password_read(c, "our account at the provider", PROVIDER_PASSWORD_MIN, &password))
		return CLI_USAGE;
	code = write_row(c, &row, &password, true);
	if (code != CLI_OK)
		return code;
	cli_say(c, "Provider %.*s of customer %.*s was added; dial number@%.*s.", STR_ARG(row.name),
		STR_ARG(row.customer), STR_ARG(row.name));
	return CLI_OK;
}

static int find_named(struct cli *c, struct store_provider *out)
{
	struct store_customer customer;
	int code;

	if (!c->db && !cli_store(c))
		return CLI_FAILED;
	code = find_customer_option(c, &customer);
	return code == CLI_OK ? find_provider(c, customer.name, cli_arg(c, 0), out) : code;
}

int provider_set(struct cli *c)
{
	bool new_password = cli_has(c, "--password") || cli_has(c, "--password-stdin");
	struct store_provider row;
	struct password password;
	int code = find_named(c, &row);

	if (code != CLI_OK)
		return code;
	if (!take_options(c, &row) ||
		(new_password &&
			!password_read(c, "our account at the provider", PROVIDER_PASSWORD_MIN,
				&password)))
		return CLI_USAGE;
	code = write_row(c, &row, new_password ? &password : NULL, false);
	if (code != CLI_OK)
		return code;
	cli_say(c, "Provider %.*s was changed.", STR_ARG(row.name));
	return CLI_OK;
}

/* Why the password cannot be opened, if so. */
static void put_fault(struct cli *c, json_t *o, const struct store_provider *row)
{
	char text[WHY_MAX];
	struct buf fault = BUF_OF(text);

	if (row->password_sealed.n && provider_password_fault(c, row, &fault))
		cli_put(o, "password_fault", buf_str(&fault));
}

/* What it said last of the messages that wait there, if it did. */
static void put_messages(struct cli *c, json_t *o, const struct store_provider *row)
{
	struct store_provider_messages m;
	char text[64];
	struct buf b = BUF_OF(text);

	if (store_provider_messages_get(c->db, row->customer, row->name, &c->arena, &m) != ERR_OK)
		return;
	buf_printf(&b, "%u new, %u old", m.voice_new, m.voice_old);
	cli_put_bool(o, "messages_waiting", m.waiting);
	cli_put(o, "voice_messages", buf_str(&b));
	cli_put(o, "mailbox", m.account);
	cli_put_time(o, "messages_heard", m.heard_ms);
}

int provider_show(struct cli *c)
{
	struct cli_column columns[COLUMNS];
	struct store_provider row;
	int code = find_named(c, &row);
	json_t *o;

	if (code != CLI_OK)
		return code;
	o = provider_json(&row);
	put_fault(c, o, &row);
	put_messages(c, o, &row);
	return cli_print_object(c, o, columns, make_columns(columns));
}

struct listing {
	struct str customer;
	json_t *rows;
};

static void add_row(const struct store_provider *row, void *arg)
{
	struct listing *l = arg;

	if (l->customer.n == 0 || str_ieq(l->customer, row->customer))
		json_array_append_new(l->rows, provider_json(row));
}

int provider_list(struct cli *c)
{
	struct listing l = { cli_value(c, "--customer"), json_array() };
	struct cli_column columns[COLUMNS];

	(void)make_columns(columns);

	if (!cli_store(c) || store_provider_list(c->db, add_row, &l) != ERR_OK) {
		json_decref(l.rows);
		return c->db ? cli_store_failed(ERR_DB, "the list of", STR("providers"))
			     : CLI_FAILED;
	}
	return cli_print_rows(c, l.rows, columns, SHORT_COLUMNS,
		"There is no provider yet; make one with `tandem provider add NAME`.");
}

int provider_remove(struct cli *c)
{
	struct store_provider row;
	enum err e;
	int code = find_named(c, &row);

	if (code != CLI_OK)
		return code;
	e = store_provider_remove(c->db, row.customer, row.name);
	if (e != ERR_OK)
		return cli_store_failed(e, "provider", row.name);
	c->changed = true;
	cli_say(c, "Provider %.*s was removed.", STR_ARG(row.name));
	return CLI_OK;
}
