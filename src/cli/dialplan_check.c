/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tandem dialplan check FILE: what is found in a script without running it. The reading is done in
 * the sandbox (dialplan/prelude/check.rb); here what it found is put beside what the customer has.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/script.h"

const struct cli_option dialplan_check_options[] = {
	{ "--customer", "NAME", "look the providers of its dial strings up, too" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "line", "LINE" },
	{ "level", "LEVEL" },
	{ "message", "WHAT" },
	{ "remedy", "WHAT TO DO" },
};

/* The reader is not trusted: no more than that is read, and it must be an object. */
static json_t *report(struct cli *c, const char *file, struct str script)
{
	char *text = arena_alloc(&c->arena, SCRIPT_REPORT_MAX);
	FILE *out = tmpfile();
	json_t *all = NULL;
	size_t n;

	if (!out) {
		cli_fail(CLI_FAILED, "there is no room for a temporary file");
		return NULL;
	}
	if (script_ask("--report", script_name(file), script, fileno(out)) >= 0) {
		rewind(out);
		n = fread(text, 1, SCRIPT_REPORT_MAX, out);
		all = json_loadb(text, n, 0, NULL);
		if (!json_is_array(json_object_get(all, "findings"))) {
			json_decref(all);
			all = NULL;
			cli_fail(CLI_FAILED, "%s: too much for the checker", script_name(file));
		}
	}
	fclose(out);
	return all;
}

struct search {
	struct str customer, name;
	struct buf known;
	bool found;
};

static void look(const struct store_provider *p, void *arg)
{
	struct search *s = arg;

	if (!str_ieq(p->customer, s->customer))
		return;
	s->found |= str_ieq(p->name, s->name);
	buf_printf(&s->known, "%s%.*s", s->known.n ? ", " : "", STR_ARG(p->name));
}

static bool is_domain(struct cli *c, struct str name)
{
	struct store_domain domain;

	return store_domain_get(c->db, name, &c->arena, &domain) == ERR_OK;
}

static void add_unknown(json_t *findings, json_t *line, const struct search *s)
{
	json_t *finding = json_object();
	char text[1200];

	json_object_set(finding, "line", line);
	json_object_set_new(finding, "level", json_string("error"));
	snprintf(text, sizeof(text), "%.*s has no provider %.*s", STR_ARG(s->customer),
		STR_ARG(s->name));
	cli_put(finding, "message", str_of(text));
	if (s->known.n)
		snprintf(text, sizeof(text), "there are: %.*s", (int)s->known.n, s->known.p);
	else
		snprintf(text, sizeof(text), "there is none yet: tandem provider add %.*s",
			STR_ARG(s->name));
	cli_put(finding, "remedy", str_of(text));
	json_array_append_new(findings, finding);
}

static bool check_providers(
	struct cli *c, struct str customer, const json_t *names, json_t *findings)
{
	size_t i;
	json_t *at;

	json_array_foreach(names, i, at)
	{
		char known[1000];
		struct search s = { .customer = customer };
		const char *name = json_string_value(json_array_get(at, 1));

		if (!name)
			continue;
		s.name = str_of(name);
		buf_init(&s.known, known, sizeof(known));
		if (store_provider_list(c->db, look, &s) != ERR_OK)
			return false;
		if (!s.found && !is_domain(c, s.name))
			add_unknown(findings, json_array_get(at, 0), &s);
	}
	return true;
}

static bool any_error(const json_t *findings)
{
	size_t i;
	json_t *finding;

	json_array_foreach(findings, i, finding)
	{
		const char *level = json_string_value(json_object_get(finding, "level"));

		if (level && strcmp(level, "error") == 0)
			return true;
	}
	return false;
}

int dialplan_check(struct cli *c)
{
	struct store_customer customer;
	struct str script;
	json_t *all, *findings;
	int code = CLI_OK;

	if (!script_read(c, c->args[0], &script) || !(all = report(c, c->args[0], script)))
		return CLI_FAILED;
	findings = json_incref(json_object_get(all, "findings"));
	if (cli_has(c, "--customer")) {
		code = cli_store(c) ? find_customer_option(c, &customer) : CLI_FAILED;
		if (code == CLI_OK &&
			!check_providers(
				c, customer.name, json_object_get(all, "providers"), findings))
			code = cli_store_failed(ERR_DB, "the list of", STR("providers"));
	}
	json_decref(all);
	if (code != CLI_OK) {
		json_decref(findings);
		return code;
	}
	code = any_error(findings) ? CLI_FAILED : CLI_OK;
	if (json_array_size(findings) || c->json)
		cli_print_rows(c, findings, columns, 4, "");
	else
		json_decref(findings), cli_say(c, "Nothing was found.");
	return code;
}
