/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem log [-f] [FILTER] */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/control.h"
#include "event/filter.h"

const struct cli_option log_options[] = {
	{ "-f", NULL, "go on with what happens, until interrupted" },
	{ "-n", "N", "how many of the last events; default 100, with -f 10" },
	{ NULL },
};

static void print_line(json_t *row, void *arg)
{
	const char *line = json_string_value(json_object_get(row, "line"));

	if (line) {
		puts(line);
	} else {
		json_dumpf(row, stdout, JSON_COMPACT);
		putchar('\n');
	}
	fflush(stdout);
}

int live_log(struct cli *c)
{
	uint32_t limit = cli_has(c, "-f") ? 10 : 100;
	char text[EVENT_FILTER_TEXT_MAX + 1], said[512];
	struct buf words = BUF_OF(text), why = BUF_OF(said);
	struct event_filter filter;
	json_t *request;

	if (!cli_number(c, "-n", 0, 1000000, &limit))
		return CLI_USAGE;
	for (unsigned i = 0; i < c->arg_count; i++)
		buf_printf(&words, "%s%s", i ? " " : "", c->args[i]);
	if (!buf_ok(&words))
		return cli_fail(CLI_USAGE, "the filter is too long");
	if (event_filter_parse(buf_str(&words), &filter, &why) != ERR_OK)
		return cli_fail(CLI_USAGE, "%.*s", STR_ARG(buf_str(&why)));
	request = json_pack("{s:s, s:s%, s:i, s:b, s:b}", "command", "log", "filter", words.p,
		words.n, "limit", (int)limit, "follow", cli_has(c, "-f"), "json", c->json);
	if (!request)
		return cli_fail(CLI_USAGE, "the filter is not UTF-8");
	return control_ask(c, request, print_line, NULL, false);
}
