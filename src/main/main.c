/* SPDX-License-Identifier: BSD-3-Clause */
/* The tandem program: a command, or a process that `tandem serve` started. */
#include <string.h>

#include "cli/cli.h"
#include "main/core.h"
#include "main/supervisor.h"

static bool check(const struct conf *conf, struct buf *errors)
{
	struct roles_config roles;
	struct net_config net;

	return settings_net(conf, settings_workers(conf), &net, errors) == ERR_OK &&
		settings_roles(conf, &roles, errors) == ERR_OK;
}

int main(int argc, char **argv)
{
	static const struct cli_hooks hooks = { .serve = supervisor_serve, .check = check };

	if (argc > 1 && strcmp(argv[1], "--core") == 0)
		return core_main(argc, argv);
	return cli_main(argc, argv, &hooks);
}
