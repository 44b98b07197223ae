/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guard-paths            lists the paths, and how often each is done
 * guard-paths NAME       does that one, for test/guard/run
 */
#include "paths.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	void (*run)(unsigned n);
	unsigned n;
} paths[] = {
	{ "parse", path_parse, 200 },
	{ "print", path_print, 200 },
	{ "options", path_options, 200 },
	{ "register-challenge", path_register_challenge, 200 },
	{ "register-refresh", path_register_refresh, 200 },
	{ "store-binding", path_store_binding, 640 },
	{ "call", path_call, 100 },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (argc < 2)
			printf("%s %u\n", paths[i].name, paths[i].n);
		else if (strcmp(argv[1], paths[i].name) == 0)
			return paths[i].run(paths[i].n), 0;
	}
	if (argc < 2)
		return 0;
	fprintf(stderr, "guard-paths: there is no path \"%s\"\n", argv[1]);
	return 2;
}
