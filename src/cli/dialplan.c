/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem dialplan put|set|show|list|remove */
#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/script.h"
#include "dialplan/line_plan.h"
#include "dialplan/wizard.h"

const struct cli_option dialplan_options[] = {
	{ "--customer", "NAME", "whose it is; needless when there is only one customer" },
	{ "--type", "ruby|line|wizard", "a script, exten lines, or wizard rules" },
	{ "--accept-non-invite", "yes|no", "runs for other requests than calls, too" },
	{ "--unchecked", NULL, "store it without checking its syntax" },
	{ NULL },
};

const struct cli_option dialplan_name_options[] = {
	{ "--customer", "NAME", "whose it is; needless when there is only one customer" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "name", "NAME" },
	{ "customer", "CUSTOMER" },
	{ "type", "TYPE" },
	{ "lines", "LINES" },
	{ "updated", "UPDATED" },
};

static json_t *dialplan_json(const struct store_dialplan *row, bool with_script)
{
	json_t *o = json_object();
	int64_t lines = 0;

	for (size_t i = 0; i < row->script.n; i++)
		lines += row->script.p[i] == '\n' || i + 1 == row->script.n;
	cli_put(o, "name", row->name);
	cli_put(o, "customer", row->customer);
	cli_put(o, "type", row->type);
	cli_put_number(o, "lines", lines);
	cli_put_bool(o, "accept_non_invite", row->accept_non_invite);
	cli_put_time(o, "created", row->created_ms);
	cli_put_time(o, "updated", row->updated_ms);
	if (with_script)
		cli_put(o, "script", row->script);
	return o;
}

/* What is wrong is said as "FILE:LINE: what", on stderr. */
static bool check_syntax(struct cli *c, const char *file, struct str script)
{
	int code;

	if (cli_has(c, "--unchecked"))
		return true;
	code = script_ask("--check", script_name(file), script, STDERR_FILENO);
	if (code < 0)
		cli_fail(CLI_FAILED, "--unchecked stores it anyway");
	else if (code != 0)
		cli_fail(CLI_FAILED, "the dialplan was not stored");
	return code == 0;
}

struct complaints {
	const char *file;
	unsigned ignored;
};

static void complain(unsigned line, bool fault, struct str what, void *arg)
{
	struct complaints *co = arg;

	co->ignored += !fault;
	fprintf(stderr, "%s:%u: %s%.*s\n", co->file, line, fault ? "" : "note: ", STR_ARG(what));
}

/* Line plans and wizard rules are read as a call reads them. */
static bool check_native(struct cli *c, const char *file, const struct store_dialplan *row)
{
	struct complaints co = { .file = file };
	struct wizard_plan plan;
	bool ok;

	if (cli_has(c, "--unchecked"))
		return true;
	if (str_eq(row->type, STR("line")))
		ok = line_plan_check(row->script, complain, &co) == 0;
	else
		ok = wizard_parse(row->script, &c->arena, &plan, complain, &co) == ERR_OK;
	if (!ok)
		cli_fail(CLI_FAILED, "the dialplan was not stored");
	return ok;
}

static bool check_script(struct cli *c, const struct store_dialplan *row)
{
	if (str_eq(row->type, STR("ruby")))
		return check_syntax(c, c->args[1], row->script);
	return check_native(c, script_name(c->args[1]), row);
}

/* Names of the original's types and what people say are understood, too. */
static bool take_type(struct cli *c, struct str *type)
{
	static const char *const names[][2] = { { "ruby", "ruby" }, { "asterisk", "line" },
		{ "line", "line" }, { "lines", "line" }, { "wizard", "wizard" },
		{ "simplewizard", "wizard" } };
	struct str given = cli_value(c, "--type");

	if (!cli_has(c, "--type"))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_ieq(given, str_of(names[i][0]))) {
			*type = str_of(names[i][1]);
			return true;
		}
	cli_fail(CLI_USAGE, "--type is ruby, line or wizard");
	return false;
}

int dialplan_put(struct cli *c)
{
	struct store_dialplan row = { .name = cli_arg(c, 0), .type = STR("ruby") }, old;
	const char *fault = name_dialplan_fault(row.name);
	struct store_customer customer;
	struct clock now;
	enum err e;
	int code;

	if (fault)
		return cli_fail(CLI_USAGE, "%s", fault);
	if (!take_type(c, &row.type))
		return CLI_USAGE;
	if (!script_read(c, c->args[1], &row.script))
		return CLI_FAILED;
	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer_option(c, &customer);
	if (code != CLI_OK)
		return code;
	row.customer = customer.name;
	clock_read(&now);
	row.created_ms = row.updated_ms = now.wall_ms;
	if (store_dialplan_get(c->db, row.customer, row.name, &c->arena, &old) == ERR_OK) {
		row.created_ms = old.created_ms;
		row.accept_non_invite = old.accept_non_invite;
		if (!cli_has(c, "--type"))
			row.type = old.type;
	}
	if (!check_script(c, &row))
		return CLI_FAILED;
	if (!cli_yes_no(c, "--accept-non-invite", &row.accept_non_invite))
		return CLI_USAGE;
	e = store_dialplan_put(c->db, &row, &row.id);
	if (e != ERR_OK)
		return cli_store_failed(e, "dialplan", row.name);
	c->changed = true;
	cli_say(c, "Dialplan %.*s of customer %.*s was stored; it holds from the next call on.",
		STR_ARG(row.name), STR_ARG(row.customer));
	return CLI_OK;
}

int dialplan_add(struct cli *c)
{
	struct store_customer customer;
	struct store_dialplan old;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer_option(c, &customer);
	if (code != CLI_OK)
		return code;
	if (store_dialplan_get(c->db, customer.name, cli_arg(c, 0), &c->arena, &old) == ERR_OK)
		return cli_fail(CLI_FAILED,
			"there is a dialplan \"%s\" already; replace it with `tandem dialplan put`",
			c->args[0]);
	return dialplan_put(c);
}

static int find_named(struct cli *c, struct store_dialplan *out)
{
	struct store_customer customer;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer_option(c, &customer);
	return code == CLI_OK ? find_dialplan(c, customer.name, cli_arg(c, 0), out) : code;
}

int dialplan_set(struct cli *c)
{
	struct store_dialplan row;
	enum err e;
	int code = find_named(c, &row);

	if (code != CLI_OK)
		return code;
	if (!cli_yes_no(c, "--accept-non-invite", &row.accept_non_invite))
		return CLI_USAGE;
	e = store_dialplan_put(c->db, &row, &row.id);
	if (e != ERR_OK)
		return cli_store_failed(e, "dialplan", row.name);
	c->changed = true;
	cli_say(c, "Dialplan %.*s was changed.", STR_ARG(row.name));
	return CLI_OK;
}

/* As it is, so that it can be edited and put back; made harmless only for a terminal. */
static void print_script(struct str script)
{
	struct str line;

	if (!isatty(STDOUT_FILENO)) {
		fwrite(script.p, 1, script.n, stdout);
		return;
	}
	while (str_cut(&script, '\n', &line)) {
		for (size_t i = 0; i < line.n; i++)
			putchar((unsigned char)line.p[i] < ' ' && line.p[i] != '\t' ? '?'
										    : line.p[i]);
		putchar('\n');
	}
}

int dialplan_show(struct cli *c)
{
	struct store_dialplan row;
	int code = find_named(c, &row);

	if (code != CLI_OK)
		return code;
	if (c->json)
		return cli_print_object(c, dialplan_json(&row, true), columns, 5);
	print_script(row.script);
	return CLI_OK;
}

struct listing {
	struct str customer;
	json_t *rows;
};

static void add_row(const struct store_dialplan *row, void *arg)
{
	struct listing *l = arg;

	if (l->customer.n == 0 || str_ieq(l->customer, row->customer))
		json_array_append_new(l->rows, dialplan_json(row, false));
}

int dialplan_list(struct cli *c)
{
	struct listing l = { cli_value(c, "--customer"), json_array() };

	if (!cli_store(c) || store_dialplan_list(c->db, add_row, &l) != ERR_OK) {
		json_decref(l.rows);
		return c->db ? cli_store_failed(ERR_DB, "the list of", STR("dialplans"))
			     : CLI_FAILED;
	}
	return cli_print_rows(c, l.rows, columns, 5,
		"There is no dialplan yet; store one with `tandem dialplan put NAME FILE`.");
}

int dialplan_remove(struct cli *c)
{
	struct store_dialplan row;
	enum err e;
	int code = find_named(c, &row);

	if (code != CLI_OK)
		return code;
	e = store_dialplan_remove(c->db, row.customer, row.name);
	if (e == ERR_STATE)
		return cli_fail(
			CLI_FAILED, "an account still uses dialplan \"%.*s\"", STR_ARG(row.name));
	if (e != ERR_OK)
		return cli_store_failed(e, "dialplan", row.name);
	c->changed = true;
	cli_say(c, "Dialplan %.*s was removed.", STR_ARG(row.name));
	return CLI_OK;
}
