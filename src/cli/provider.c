/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem provider add|set|show|list|remove */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/password.h"
#include "sip/uri.h"

const struct cli_option provider_options[] = {
	{ "--customer", "NAME", "whose it is; needless when there is only one customer" },
	{ "--server", "URI", "where calls go, as sip:sip.example.com" },
	{ "--username", "NAME", "our name there" },
	{ "--password-stdin", NULL, "read our password there from standard input" },
	{ "--password", NULL, "ask for a new password" },
	{ "--auth-username", "NAME", "the name for authentication, if it is another" },
	{ "--outbound-proxy", "URI", "send requests here instead of to the server" },
	{ "--from", "HEADER", "the From header field of calls" },
	{ "--custom-header", "HEADER", "\"Name: value\", added to calls; \"\" removes all", true },
	{ "--register", "yes|no", "register there" },
	{ "--register-contact", "URI", "the Contact to register" },
	{ "--register-server", "URI", "the registrar, if it is another server" },
	{ "--register-realm", "NAME", "the domain to register in, if it is another" },
	{ "--register-expiry", "SECONDS", "60 to 86400" },
	{ "--disable", "REASON", "do not use it until enabled" },
	{ "--enable", NULL, "ends --disable" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "name", "NAME" },
	{ "customer", "CUSTOMER" },
	{ "server", "SERVER" },
	{ "username", "USERNAME" },
	{ "register", "REGISTER" },
	{ "disabled", "DISABLED" },
	{ "disabled_reason", "REASON" },
	{ "auth_username", "AUTH USERNAME" },
	{ "has_password", "PASSWORD" },
	{ "outbound_proxy", "OUTBOUND PROXY" },
	{ "from", "FROM" },
	{ "custom_headers", "CUSTOM HEADERS" },
	{ "register_contact", "REGISTER CONTACT" },
	{ "register_server", "REGISTER SERVER" },
	{ "register_realm", "REGISTER REALM" },
	{ "register_expiry_s", "REGISTER EXPIRY" },
	{ "created", "CREATED" },
	{ "updated", "UPDATED" },
};

enum { SHORT_COLUMNS = 6, ALL_COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static json_t *provider_json(const struct store_provider *row)
{
	json_t *o = json_object();

	cli_put(o, "name", row->name);
	cli_put(o, "customer", row->customer);
	cli_put(o, "server", row->server);
	cli_put(o, "username", row->username);
	cli_put(o, "auth_username", row->auth_username);
	cli_put_bool(o, "has_password", row->password_sealed.n > 0);
	cli_put(o, "outbound_proxy", row->outbound_proxy);
	cli_put(o, "from", row->from);
	cli_put_lines(o, "custom_headers", row->custom_headers);
	cli_put_bool(o, "register", row->register_enabled);
	cli_put(o, "register_contact", row->register_contact);
	cli_put(o, "register_server", row->register_server);
	cli_put(o, "register_realm", row->register_realm);
	cli_put_number(o, "register_expiry_s", row->register_expiry_s);
	cli_put_bool(o, "disabled", row->disabled);
	cli_put(o, "disabled_reason", row->disabled_reason);
	cli_put_time(o, "created", row->created_ms);
	cli_put_time(o, "updated", row->updated_ms);
	return o;
}

/*
 * Sealed under the current key and bound to its row, so that it is good nowhere else. Within the
 * transaction that writes the row: no key that is needed for it can go meanwhile.
 */
static bool seal_password(struct cli *c, struct password *password, struct store_provider *row)
{
	char context_text[256], *sealed = arena_alloc(&c->arena, KEYRING_SEALED_MAX);
	struct buf context = BUF_OF(context_text), out;
	struct keyring keys;

	if (!cli_keys(c, &keys))
		return false;
	buf_init(&out, sealed, KEYRING_SEALED_MAX);
	store_provider_context(row, &context);
	keyring_seal(&keys, buf_str(&context), password->value, &out);
	keyring_wipe(&keys);
	row->password_sealed = buf_str(&out);
	return true;
}

/* Writes the row, with the password if there is one, which is wiped. */
static int write_row(struct cli *c, struct store_provider *row, struct password *password,
	enum err (*write)(struct store_db *db, struct store_provider *row))
{
	enum err e = store_begin(c->db);
	bool sealed = e == ERR_OK && (!password || seal_password(c, password, row));

	if (password)
		password_wipe(password);
	if (sealed)
		e = write(c->db, row);
	if (sealed && e == ERR_OK)
		e = store_commit(c->db);
	c->changed = sealed && e == ERR_OK;
	if (c->changed)
		return CLI_OK;
	store_rollback(c->db);
	return e ? cli_store_failed(e, "provider", row->name) : CLI_FAILED;
}

static enum err add_row_of(struct store_db *db, struct store_provider *row)
{
	return store_provider_add(db, row, &row->id);
}

static enum err set_row_of(struct store_db *db, struct store_provider *row)
{
	return store_provider_set(db, row);
}

static bool take_uri(struct cli *c, const char *option, struct str *out)
{
	struct str v = cli_value(c, option);
	struct sip_uri uri;

	if (!cli_has(c, option))
		return true;
	if (v.n && !str_istarts(v, STR("sip:")) && !str_istarts(v, STR("sips:")))
		v = str_of(arena_printf(&c->arena, "sip:%.*s", STR_ARG(v)));
	if (v.n && sip_uri_parse(v, &uri) != ERR_OK) {
		cli_fail(CLI_USAGE, "%s: \"%.*s\" is not a SIP URI", option, STR_ARG(v));
		return false;
	}
	*out = v;
	return true;
}

static bool take_text(struct cli *c, const char *option, struct str *out)
{
	struct str v = cli_value(c, option);

	if (!cli_has(c, option))
		return true;
	for (size_t i = 0; i < v.n; i++) {
		if ((unsigned char)v.p[i] < ' ' || v.p[i] == 0x7f) {
			cli_fail(CLI_USAGE, "%s: no control characters", option);
			return false;
		}
	}
	*out = v;
	return true;
}

static bool take_headers(struct cli *c, struct str *out)
{
	struct str all = STR(""), one;

	for (unsigned i = 0; cli_value_nth(c, "--custom-header", i, &one); i++) {
		size_t colon = str_find(one, ':');

		if (one.n &&
			(colon == 0 || colon == one.n || str_find(one, '\n') < one.n ||
				str_find(one, '\r') < one.n)) {
			cli_fail(CLI_USAGE, "--custom-header must be \"Name: value\"");
			return false;
		}
		if (one.n)
			all = str_of(arena_printf(&c->arena, "%.*s%s%.*s", STR_ARG(all),
				all.n ? "\n" : "", STR_ARG(one)));
		*out = all;
	}
	return true;
}

static bool take_options(struct cli *c, struct store_provider *row)
{
	if (!take_uri(c, "--server", &row->server) || !take_text(c, "--username", &row->username) ||
		!take_text(c, "--auth-username", &row->auth_username) ||
		!take_uri(c, "--outbound-proxy", &row->outbound_proxy) ||
		!take_text(c, "--from", &row->from) || !take_headers(c, &row->custom_headers) ||
		!cli_yes_no(c, "--register", &row->register_enabled) ||
		!take_uri(c, "--register-contact", &row->register_contact) ||
		!take_uri(c, "--register-server", &row->register_server) ||
		!take_text(c, "--register-realm", &row->register_realm) ||
		!cli_number(c, "--register-expiry", 60, 86400, &row->register_expiry_s))
		return false;
	if (cli_has(c, "--disable")) {
		row->disabled = true;
		row->disabled_reason = cli_value(c, "--disable");
	}
	if (cli_has(c, "--enable")) {
		row->disabled = false;
		row->disabled_reason = STR("");
	}
	if (row->server.n && row->username.n)
		return true;
	cli_fail(CLI_USAGE, "a provider needs --server URI and --username NAME");
	return false;
}

int provider_add(struct cli *c)
{
	struct store_provider row = { .name = cli_arg(c, 0), .register_expiry_s = 3600 };
	const char *fault = name_provider_fault(row.name);
	struct store_customer customer;
	struct password password;
	struct clock now;
	int code;

	if (fault)
		return cli_fail(CLI_USAGE, "%s", fault);
	if (!take_options(c, &row))
		return CLI_USAGE;
	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer_option(c, &customer);
	if (code != CLI_OK)
		return code;
	row.customer = customer.name;
	if (!password_read(c, "our account at the provider", &password))
		return CLI_USAGE;
	clock_read(&now);
	row.created_ms = row.updated_ms = now.wall_ms;
	code = write_row(c, &row, &password, add_row_of);
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
	struct clock now;
	int code = find_named(c, &row);

	if (code != CLI_OK)
		return code;
	if (!take_options(c, &row) ||
		(new_password && !password_read(c, "our account at the provider", &password)))
		return CLI_USAGE;
	clock_read(&now);
	row.updated_ms = now.wall_ms;
	code = write_row(c, &row, new_password ? &password : NULL, set_row_of);
	if (code != CLI_OK)
		return code;
	cli_say(c, "Provider %.*s was changed.", STR_ARG(row.name));
	return CLI_OK;
}

int provider_show(struct cli *c)
{
	struct store_provider row;
	int code = find_named(c, &row);

	return code == CLI_OK ? cli_print_object(c, provider_json(&row), columns, ALL_COLUMNS)
			      : code;
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
