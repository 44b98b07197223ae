/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem domain add|set|show|list|remove */
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/names.h"
#include "cli/output.h"

const struct cli_option domain_options[] = {
	{ "--alias", "NAME",
		"another name of it: a host, HOST:PORT, \"local\" or \"*\" (all others)", true },
	{ "--remove-alias", "NAME", "a name that it shall not have any more", true },
	{ "--owner", "CUSTOMER", "only this customer's accounts; \"\": everybody's" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "name", "NAME" },
	{ "aliases", "ALIASES" },
	{ "owner", "OWNER" },
	{ "created", "CREATED" },
};

static json_t *domain_json(const struct store_domain *row)
{
	json_t *o = json_object();

	cli_put(o, "name", row->name);
	cli_put_lines(o, "aliases", row->aliases);
	cli_put(o, "owner", row->owner);
	cli_put_time(o, "created", row->created_ms);
	return o;
}

static bool has_alias(struct str aliases, struct str name)
{
	struct str one;

	while (str_cut(&aliases, '\n', &one))
		if (str_eq(one, name))
			return true;
	return false;
}

static bool add_aliases(struct cli *c, struct store_domain *row)
{
	struct str name;

	for (unsigned i = 0; cli_value_nth(c, "--alias", i, &name); i++) {
		const char *fault;

		name = name_lower(&c->arena, name);
		fault = name_alias_fault(name);
		if (fault) {
			cli_fail(CLI_USAGE, "alias \"%.*s\": %s", STR_ARG(name), fault);
			return false;
		}
		if (has_alias(row->aliases, name) || str_eq(name, row->name))
			continue;
		row->aliases = str_of(arena_printf(&c->arena, "%.*s%s%.*s", STR_ARG(row->aliases),
			row->aliases.n ? "\n" : "", STR_ARG(name)));
	}
	return true;
}

static bool remove_aliases(struct cli *c, struct store_domain *row)
{
	struct str name;

	for (unsigned i = 0; cli_value_nth(c, "--remove-alias", i, &name); i++) {
		struct str rest = row->aliases, kept = STR(""), one;

		name = name_lower(&c->arena, name);
		if (!has_alias(rest, name)) {
			cli_fail(CLI_NOT_FOUND, "domain %.*s has no alias \"%.*s\"",
				STR_ARG(row->name), STR_ARG(name));
			return false;
		}
		while (str_cut(&rest, '\n', &one))
			if (!str_eq(one, name))
				kept = str_of(arena_printf(&c->arena, "%.*s%s%.*s", STR_ARG(kept),
					kept.n ? "\n" : "", STR_ARG(one)));
		row->aliases = kept;
	}
	return true;
}

static int take_options(struct cli *c, struct store_domain *row)
{
	struct str owner = cli_value(c, "--owner");
	struct store_customer customer;
	int code;

	if (owner.n) {
		code = find_customer(c, owner, &customer);
		if (code != CLI_OK)
			return code;
		row->owner = customer.name;
	} else if (cli_has(c, "--owner")) {
		row->owner = STR("");
	}
	return remove_aliases(c, row) && add_aliases(c, row) ? CLI_OK : CLI_USAGE;
}

int domain_add(struct cli *c)
{
	struct store_domain row = { .name = name_lower(&c->arena, cli_arg(c, 0)),
		.aliases = STR("") };
	const char *fault = name_domain_fault(row.name);
	struct clock now;
	enum err e;
	int code;

	if (fault)
		return cli_fail(CLI_USAGE, "%s", fault);
	if (!cli_store(c))
		return CLI_FAILED;
	code = take_options(c, &row);
	if (code != CLI_OK)
		return code;
	clock_read(&now);
	row.created_ms = now.wall_ms;
	e = store_domain_add(c->db, &row, &row.id);
	if (e != ERR_OK)
		return cli_store_failed(e, "domain", row.name);
	c->changed = true;
	cli_say(c, "Domain %.*s was added.", STR_ARG(row.name));
	return CLI_OK;
}

int domain_set(struct cli *c)
{
	struct store_domain row;
	enum err e;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_domain(c, cli_arg(c, 0), &row);
	if (code == CLI_OK)
		code = take_options(c, &row);
	if (code != CLI_OK)
		return code;
	e = store_domain_set(c->db, &row);
	if (e != ERR_OK)
		return cli_store_failed(e, "domain", row.name);
	c->changed = true;
	cli_say(c, "Domain %.*s was changed.", STR_ARG(row.name));
	return CLI_OK;
}

int domain_show(struct cli *c)
{
	struct store_domain row;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_domain(c, cli_arg(c, 0), &row);
	if (code != CLI_OK)
		return code;
	return cli_print_object(c, domain_json(&row), columns, 4);
}

static void add_row(const struct store_domain *row, void *arg)
{
	json_array_append_new(arg, domain_json(row));
}

int domain_list(struct cli *c)
{
	json_t *rows = json_array();

	if (!cli_store(c) || store_domain_list(c->db, add_row, rows) != ERR_OK) {
		json_decref(rows);
		return c->db ? cli_store_failed(ERR_DB, "the list of", STR("domains")) : CLI_FAILED;
	}
	return cli_print_rows(c, rows, columns, 3,
		"There is no domain yet; make one with `tandem domain add NAME`.");
}

int domain_remove(struct cli *c)
{
	struct store_domain row;
	enum err e;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_domain(c, cli_arg(c, 0), &row);
	if (code != CLI_OK)
		return code;
	e = store_domain_remove(c->db, row.name);
	if (e == ERR_STATE)
		return cli_fail(CLI_FAILED, "domain %.*s still has accounts; remove them first",
			STR_ARG(row.name));
	if (e != ERR_OK)
		return cli_store_failed(e, "domain", row.name);
	c->changed = true;
	cli_say(c, "Domain %.*s was removed.", STR_ARG(row.name));
	return CLI_OK;
}
