/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem customer add|set|show|list|remove */
#include "base/crypto.h"
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/password.h"

const struct cli_option customer_options[] = {
	{ "--password-stdin", NULL, "read the password from standard input" },
	{ "--password", NULL, "ask for a new password" },
	{ "--calls-max", "N", "concurrent calls; 0: as configured" },
	{ "--scripts-max", "N", "dialplans that may run at once; 0: as configured" },
	{ "--time-zone", "ZONE", "for dialplans that ask for the time" },
	{ "--suspend", "REASON", "no calls and no login until resumed" },
	{ "--resume", NULL, "ends a suspension" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "name", "NAME" },
	{ "suspended", "SUSPENDED" },
	{ "reason", "REASON" },
	{ "calls_max", "CALLS" },
	{ "scripts_max", "SCRIPTS" },
	{ "time_zone", "TIME ZONE" },
	{ "can_log_in", "LOGIN" },
	{ "created", "CREATED" },
};

static json_t *customer_json(const struct store_customer *row)
{
	json_t *o = json_object();

	cli_put(o, "name", row->name);
	cli_put_bool(o, "suspended", row->suspended);
	cli_put(o, "reason", row->suspended_reason);
	cli_put_number(o, "calls_max", row->calls_max);
	cli_put_number(o, "scripts_max", row->scripts_max);
	cli_put(o, "time_zone", row->time_zone);
	cli_put_bool(o, "can_log_in", row->password_hash.n > 0);
	cli_put_time(o, "created", row->created_ms);
	return o;
}

static bool take_password(struct cli *c, struct store_customer *row)
{
	struct password password;
	char hash[CRYPTO_SCRYPT_MAX];

	if (!password_read(c, "the customer's login", PASSWORD_MIN, &password))
		return false;
	crypto_scrypt_hash(password.value, hash);
	password_wipe(&password);
	row->password_hash = arena_str(&c->arena, str_of(hash));
	return true;
}

static bool take_options(struct cli *c, struct store_customer *row)
{
	if (!cli_number(c, "--calls-max", 0, 1000000, &row->calls_max) ||
		!cli_number(c, "--scripts-max", 0, 10000, &row->scripts_max))
		return false;
	if (cli_has(c, "--time-zone"))
		row->time_zone = cli_value(c, "--time-zone");
	if (cli_has(c, "--suspend")) {
		row->suspended = true;
		row->suspended_reason = cli_value(c, "--suspend");
	}
	if (cli_has(c, "--resume")) {
		row->suspended = false;
		row->suspended_reason = STR_NONE;
	}
	return true;
}

int customer_add(struct cli *c)
{
	struct store_customer row = { .name = name_lower(&c->arena, cli_arg(c, 0)) };
	const char *fault = name_customer_fault(row.name);
	struct clock now;
	enum err e;

	if (fault)
		return cli_fail(CLI_USAGE, "%s", fault);
	if (!take_options(c, &row) || !take_password(c, &row))
		return CLI_USAGE;
	if (!cli_store(c))
		return CLI_FAILED;
	clock_read(&now);
	row.created_ms = now.wall_ms;
	e = store_customer_add(c->db, &row, &row.id);
	if (e != ERR_OK)
		return cli_store_failed(e, "customer", row.name);
	c->changed = true;
	cli_say(c, "Customer %.*s was added.", STR_ARG(row.name));
	return CLI_OK;
}

int customer_set(struct cli *c)
{
	struct store_customer row;
	enum err e;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer(c, cli_arg(c, 0), &row);
	if (code != CLI_OK)
		return code;
	if (!take_options(c, &row))
		return CLI_USAGE;
	if ((cli_has(c, "--password") || cli_has(c, "--password-stdin")) && !take_password(c, &row))
		return CLI_USAGE;
	e = store_customer_set(c->db, &row);
	if (e != ERR_OK)
		return cli_store_failed(e, "customer", row.name);
	c->changed = true;
	cli_say(c, "Customer %.*s was changed.", STR_ARG(row.name));
	return CLI_OK;
}

int customer_show(struct cli *c)
{
	struct store_customer row;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer(c, cli_arg(c, 0), &row);
	if (code != CLI_OK)
		return code;
	return cli_print_object(c, customer_json(&row), columns, 8);
}

static void add_row(const struct store_customer *row, void *arg)
{
	json_array_append_new(arg, customer_json(row));
}

int customer_list(struct cli *c)
{
	json_t *rows = json_array();

	if (!cli_store(c) || store_customer_list(c->db, add_row, rows) != ERR_OK) {
		json_decref(rows);
		return c->db ? cli_store_failed(ERR_DB, "the list of", STR("customers"))
			     : CLI_FAILED;
	}
	return cli_print_rows(c, rows, columns, 5,
		"There is no customer yet; make one with `tandem customer add NAME`.");
}

int customer_remove(struct cli *c)
{
	struct store_customer row;
	enum err e;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer(c, cli_arg(c, 0), &row);
	if (code != CLI_OK)
		return code;
	e = store_customer_remove(c->db, row.name);
	if (e != ERR_OK)
		return cli_store_failed(e, "customer", row.name);
	c->changed = true;
	cli_say(c, "Customer %.*s and everything that belonged to it was removed.",
		STR_ARG(row.name));
	return CLI_OK;
}
