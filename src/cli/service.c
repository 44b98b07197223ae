/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem serve|check|version */
#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/output.h"

int service_serve(struct cli *c)
{
	return c->hooks->serve(cli_conf_path(c));
}

int service_check(struct cli *c)
{
	const char *path = cli_conf_path(c);
	char text[CONF_ERRORS_MAX];
	struct buf errors = BUF_OF(text);

	if (!cli_conf(c))
		return CLI_FAILED;
	if (!c->hooks->check(c->conf, &errors)) {
		fprintf(stderr, "%.*s", STR_ARG(buf_str(&errors)));
		return CLI_FAILED;
	}
	cli_say(c, "%s is fine.", path);
	return CLI_OK;
}

int service_version(struct cli *c)
{
	printf("tandem %s\n", TANDEM_VERSION);
	return CLI_OK;
}
