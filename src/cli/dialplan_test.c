/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem dialplan test DIR: runs the files of expectations in a directory, or one file. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/dry.h"
#include "cli/output.h"
#include "dry/expect.h"

const struct cli_option dialplan_test_options[] = {
	{ "--steps", NULL, "print what happened in tests that fail" },
	{ NULL },
};

struct testing {
	struct cli *cli;
	json_t *rows;
};

static void on_test(void *arg, const char *file, unsigned line, struct str title, struct str fault,
	const json_t *steps)
{
	struct testing *t = arg;
	json_t *o = json_object();

	cli_put(o, "file", str_of(file));
	cli_put_number(o, "line", line);
	cli_put(o, "test", title);
	cli_put_bool(o, "passed", fault.n == 0);
	cli_put(o, "fault", fault);
	if (fault.n && steps)
		json_object_set(o, "steps", (json_t *)(uintptr_t)steps);
	json_array_append_new(t->rows, o);
	if (!fault.n || t->cli->json)
		return;
	cli_say(t->cli, "%s:%u: %.*s: %.*s", file, line, STR_ARG(title), STR_ARG(fault));
	if (steps && cli_has(t->cli, "--steps")) {
		json_dumpf(steps, stdout, JSON_INDENT(2));
		printf("\n");
	}
}

static int is_test(const struct dirent *e)
{
	return str_ends(str_of(e->d_name), STR(".test"));
}

static int run_files(struct cli *c, struct dry_box *b, struct dry_tests *tests)
{
	const char *where = c->args[0];
	struct dirent **list;
	struct stat st;
	int n;

	if (stat(where, &st) == 0 && !S_ISDIR(st.st_mode)) {
		if (!str_ends(str_of(where), STR(".test")))
			return cli_fail(CLI_USAGE, "%s is no .test file", where);
		dry_test_file(b, where, tests);
		return CLI_OK;
	}
	n = scandir(where, &list, is_test, alphasort);
	if (n < 0)
		return cli_fail(CLI_FAILED, "%s cannot be read: %s", where, strerror(errno));
	for (int i = 0; i < n; i++) {
		dry_test_file(b, arena_printf(&c->arena, "%s/%s", where, list[i]->d_name), tests);
		free(list[i]);
	}
	free(list);
	if (!n)
		return cli_fail(CLI_FAILED, "%s has no .test file", where);
	return CLI_OK;
}

int dialplan_test(struct cli *c)
{
	struct testing t = { .cli = c, .rows = json_array() };
	struct dry_tests tests = { .on_test = on_test, .arg = &t };
	struct dry_box b;
	int code = CLI_FAILED;

	if (dry_box_open(&b)) {
		code = run_files(c, &b, &tests);
		dry_box_stop(&b);
	}
	if (c->json && code == CLI_OK) {
		json_dumpf(t.rows, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(t.rows);
	if (code != CLI_OK)
		return code;
	cli_say(c, "%u tests, %u failed", tests.passed + tests.failed, tests.failed);
	return tests.failed ? CLI_FAILED : CLI_OK;
}
