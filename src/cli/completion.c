/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem completion bash: a script made from the rows. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static void print_first_words(void)
{
	const char *last = "";
	size_t last_n = 0;

	for (unsigned i = 0; i < cli_command_count; i++) {
		const char *name = cli_commands[i].name;
		size_t n = strcspn(name, " ");

		if (n == last_n && strncmp(name, last, n) == 0)
			continue; /* rows with the same first word stand together */
		printf("%.*s ", (int)n, name);
		last = name;
		last_n = n;
	}
}

static void print_options(const struct cli_option *o)
{
	for (; o && o->name; o++)
		printf("%s ", o->name);
}

/* "customer|…" → second words; "customer add" → options. */
static void print_cases(void)
{
	for (unsigned i = 0; i < cli_command_count; i++) {
		const char *name = cli_commands[i].name;
		size_t n = strcspn(name, " ");
		bool first =
			name[n] && (i == 0 || strncmp(cli_commands[i - 1].name, name, n + 1) != 0);

		if (first) {
			printf("\t\t\"%.*s\") words=\"", (int)n, name);
			for (unsigned k = i; k < cli_command_count &&
				strncmp(cli_commands[k].name, name, n + 1) == 0;
				k++)
				printf("%s ", cli_commands[k].name + n + 1);
			printf("\" ;;\n");
		}
		printf("\t\t\"%s\") words=\"", name);
		print_options(cli_commands[i].options);
		print_options(cli_global_options);
		printf("\" ;;\n");
	}
}

int completion_print(struct cli *c)
{
	if (strcmp(c->args[0], "bash") != 0)
		return cli_fail(CLI_USAGE, "there is completion for bash only");
	printf("# bash completion for tandem: source <(tandem completion bash)\n"
	       "_tandem()\n{\n"
	       "\tlocal cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
	       "\tlocal words=\"\" key=\"${COMP_WORDS[1]}\"\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords=\"");
	print_first_words();
	printf("\"\n\telse\n"
	       "\t\tcase \" ${COMP_WORDS[1]} \" in\n\t\t");
	for (unsigned i = 0, first = 1; i < cli_command_count; i++) {
		const char *name = cli_commands[i].name;
		size_t n = strcspn(name, " ");

		if (name[n] && (i == 0 || strncmp(cli_commands[i - 1].name, name, n + 1) != 0)) {
			printf("%s\" %.*s \"", first ? "" : "|", (int)n, name);
			first = 0;
		}
	}
	printf(") [ \"$COMP_CWORD\" -gt 2 ] && key=\"$key ${COMP_WORDS[2]}\" ;;\n\t\tesac\n"
	       "\t\tcase \"$key\" in\n");
	print_cases();
	printf("\t\tesac\n\tfi\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	       "\tif [ ${#COMPREPLY[@]} -eq 0 ] || [ \"$prev\" = -c ]; then\n"
	       "\t\tCOMPREPLY+=($(compgen -f -- \"$cur\"))\n\tfi\n"
	       "}\n"
	       "complete -o filenames -F _tandem tandem\n");
	return CLI_OK;
}
