/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding the command, reading its arguments, running it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "conf/nearest.h"
#include "store/store.h"

const struct cli_command *cli_find(const char *name)
{
	for (unsigned i = 0; i < cli_command_count; i++)
		if (strcmp(cli_commands[i].name, name) == 0)
			return &cli_commands[i];
	return NULL;
}

/* The command named by the first word or the first two; *used says how many they were. */
static const struct cli_command *find_words(const char *first, const char *second, int *used)
{
	const struct cli_command *c = NULL;
	char both[64];

	*used = 2;
	if (second && (size_t)snprintf(both, sizeof(both), "%s %s", first, second) < sizeof(both))
		c = cli_find(both);
	if (c)
		return c;
	*used = 1;
	return cli_find(first);
}

/* "customer" alone, or with a verb that it does not have: what there is. */
static int unknown_command(const char *first, const char *second)
{
	struct nearest near = { .wanted = str_of(first) };
	size_t n = strlen(first);
	unsigned shown = 0;

	for (unsigned i = 0; i < cli_command_count; i++) {
		const char *name = cli_commands[i].name;

		if (strncmp(name, first, n) == 0 && name[n] == ' ') {
			fprintf(stderr, shown++ ? ", %s" : "tandem: say what to do: %s", name);
			continue;
		}
		nearest_offer(&near, str_first(str_of(name), str_find(str_of(name), ' ')));
	}
	if (shown) {
		fprintf(stderr, "\n");
		return CLI_USAGE;
	}
	if (near.found)
		return cli_fail(CLI_USAGE, "there is no command \"%s\"; did you mean \"%.*s\"?",
			first, STR_ARG(near.best));
	return cli_fail(CLI_USAGE, "there is no command \"%s\"; `tandem help` lists them", first);
}

static const struct cli_option *find_option(const struct cli_option *o, struct str name)
{
	for (; o && o->name; o++)
		if (str_eq(str_of(o->name), name))
			return o;
	return NULL;
}

static int unknown_option(const struct cli *c, const char *name)
{
	struct nearest near = { .wanted = str_of(name) };

	for (const struct cli_option *o = c->command->options; o && o->name; o++)
		nearest_offer(&near, str_of(o->name));
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		nearest_offer(&near, str_of(o->name));
	if (near.found)
		return cli_fail(CLI_USAGE, "`tandem %s` has no option %s; did you mean %.*s?",
			c->command->name, name, STR_ARG(near.best));
	return cli_fail(CLI_USAGE, "`tandem %s` has no option %s; see `tandem %s --help`",
		c->command->name, name, c->command->name);
}

/* argv[*i] is an option; takes its value along ("--a=b" or "--a b"). */
static int take_option(struct cli *c, int argc, char **argv, int *i)
{
	struct str word = str_of(argv[*i]);
	size_t eq = str_starts(word, STR("--")) ? str_find(word, '=') : word.n;
	struct str name = str_first(word, eq);
	const struct cli_option *o = find_option(c->command->options, name);
	const char *value = NULL, *next = *i + 1 < argc ? argv[*i + 1] : NULL;

	if (!o)
		o = find_option(cli_global_options, name);
	if (!o)
		return unknown_option(c, argv[*i]);
	if (!o->value && eq < word.n)
		return cli_fail(CLI_USAGE, "%s takes no value", o->name);
	if (o->value && eq < word.n)
		value = argv[*i] + eq + 1;
	else if (o->value && o->value[0] == '[')
		value = next && next[0] != '-' ? argv[++*i] : "";
	else if (o->value && !next)
		return cli_fail(CLI_USAGE, "%s needs a value: %s %s", o->name, o->name, o->value);
	else if (o->value)
		value = argv[++*i];
	if (cli_has(c, o->name) && !o->repeatable)
		return cli_fail(CLI_USAGE, "%s was given twice", o->name);
	if (c->option_count == CLI_ARGS_MAX)
		return cli_fail(CLI_USAGE, "that are too many options");
	c->options[c->option_count].option = o;
	c->options[c->option_count++].value = value;
	return CLI_OK;
}

static int take_args(struct cli *c, int argc, char **argv)
{
	bool options_over = false;

	for (int i = 0; i < argc; i++) {
		if (!options_over && strcmp(argv[i], "--") == 0) {
			options_over = true;
		} else if (!options_over && argv[i][0] == '-' && argv[i][1]) {
			int code = take_option(c, argc, argv, &i);

			if (code != CLI_OK)
				return code;
		} else if (c->arg_count < CLI_ARGS_MAX) {
			c->args[c->arg_count++] = argv[i];
		} else {
			return cli_fail(CLI_USAGE, "that are too many arguments");
		}
	}
	return CLI_OK;
}

static int check_args(const struct cli *c)
{
	const struct cli_command *m = c->command;

	if (c->arg_count < m->args_min)
		return cli_fail(CLI_USAGE, "something is missing: tandem %s %s", m->name, m->args);
	if (c->arg_count > m->args_max)
		return cli_fail(CLI_USAGE, "\"%s\" is too much: tandem %s %s", c->args[m->args_max],
			m->name, m->args);
	return CLI_OK;
}

static int run(struct cli *c, int argc, char **argv)
{
	int code = take_args(c, argc, argv);

	if (code != CLI_OK)
		return code;
	if (cli_has(c, "--help")) {
		cli_usage(stdout, c->command);
		return CLI_OK;
	}
	code = check_args(c);
	if (code != CLI_OK)
		return code;
	c->json = cli_has(c, "--json");
	c->conf_path = cli_value(c, "-c").p;
	arena_init(&c->arena, 8192);
	code = c->command->run(c);
	if (c->db)
		store_close(c->db);
	if (c->changed)
		control_poke(c);
	conf_free(c->conf);
	arena_fini(&c->arena);
	if (fflush(stdout) != 0 && code == CLI_OK)
		code = CLI_FAILED;
	return code;
}

int cli_main(int argc, char **argv, const struct cli_hooks *hooks)
{
	struct cli c = { .hooks = hooks };
	int used = 1;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		c.command = cli_find("help");
		argc = 2;
	} else if (strcmp(argv[1], "--version") == 0) {
		c.command = cli_find("version");
	} else {
		c.command = find_words(argv[1], argc > 2 ? argv[2] : NULL, &used);
	}
	if (!c.command)
		return unknown_command(argv[1], argc > 2 ? argv[2] : NULL);
	return run(&c, argc > used + 1 ? argc - used - 1 : 0, argv + used + 1);
}
