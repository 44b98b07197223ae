/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem help, tandem COMMAND --help: all from the rows. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static void print_options(FILE *out, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s", o->name, o->value ? " " : "",
			o->value ? o->value : "");
		fprintf(out, "  %-28s %s%s\n", left, o->help, o->repeatable ? " (repeatable)" : "");
	}
}

void cli_usage(FILE *out, const struct cli_command *c)
{
	fprintf(out, "usage: tandem %s%s%s%s\n\n%s\n\n", c->name, *c->args ? " " : "", c->args,
		c->options ? " [OPTIONS]" : "", c->help);
	print_options(out, c->options);
	print_options(out, cli_global_options);
}

static void print_overview(void)
{
	printf("Tandem, a SIP service.\n\nusage: tandem COMMAND [ARGUMENTS] [OPTIONS]\n\n");
	for (unsigned i = 0; i < cli_command_count; i++) {
		const struct cli_command *c = &cli_commands[i];
		char left[80];

		snprintf(left, sizeof(left), "%s%s%s", c->name, *c->args ? " " : "", c->args);
		printf("  %-36s %s\n", left, c->help);
	}
	printf("\n`tandem COMMAND --help` shows the options of a command; tandem(8) has it all.\n");
}

int help_show(struct cli *c)
{
	const struct cli_command *command = NULL;
	char name[64];

	if (c->arg_count == 0) {
		print_overview();
		return CLI_OK;
	}
	snprintf(name, sizeof(name), "%s%s%s", c->args[0], c->arg_count > 1 ? " " : "",
		c->arg_count > 1 ? c->args[1] : "");
	command = cli_find(name);
	if (command) {
		cli_usage(stdout, command);
		return CLI_OK;
	}
	for (unsigned i = 0; i < cli_command_count; i++) {
		if (strncmp(cli_commands[i].name, name, strlen(name)) == 0) {
			cli_usage(stdout, &cli_commands[i]);
			printf("\n");
			command = &cli_commands[i];
		}
	}
	return command ? CLI_OK : cli_fail(CLI_USAGE, "there is no command \"%s\"", name);
}
