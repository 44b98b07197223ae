/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What commands print. Everything is a JSON object or an array of them first: --json prints that,
 * people get the columns as a table. Text for people is made harmless for terminals.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "cli/cli.h"

struct cli_column {
	const char *key; /* in the objects */
	const char *title; /* over the column */
};

/* Prints and releases `rows`. `nothing`: what to say to people when there are none. */
int cli_print_rows(const struct cli *c, json_t *rows, const struct cli_column *columns,
	unsigned count, const char *nothing);
/* "title: value" lines; prints and releases `object`. Empty values are left out. */
int cli_print_object(
	const struct cli *c, json_t *object, const struct cli_column *columns, unsigned count);
/* A sentence for people on stdout; nothing with --json. */
void cli_say(const struct cli *c, const char *fmt, ...) PRINTF(2, 3);

/* Adds to an object. Text that is not UTF-8 is escaped. */
void cli_put(json_t *object, const char *key, struct str value);
void cli_put_number(json_t *object, const char *key, int64_t value);
void cli_put_bool(json_t *object, const char *key, bool value);
void cli_put_time(json_t *object, const char *key, int64_t wall_ms); /* 0: left out */
/* Lines of `value` as an array. */
void cli_put_lines(json_t *object, const char *key, struct str value);

#endif
