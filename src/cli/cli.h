/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The `tandem` command. One row a command in cli/table.c; help, completion and the parsing of
 * arguments come from the rows. A command is one function: it reads its arguments from struct cli,
 * prints to stdout (tables for people, JSON with --json), complains to stderr in words that say
 * what to do, and returns an exit code.
 *
 * Commands that change data open the database directly through the repositories and then tell the
 * running service, if there is one, so that the change holds when the command returns.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/keyring.h"
#include "conf/conf.h"

enum { /* exit codes, as the manual says */
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_NOT_RUNNING = 4,
};

enum { CLI_ARGS_MAX = 64 };

struct cli;

struct cli_option {
	const char *name; /* "--customer"; a row with NULL ends the list */
	const char *value; /* what follows it, for help: "NAME", "[NAME]" if it may be left out;
			      NULL: nothing does */
	const char *help;
	bool repeatable;
};

struct cli_command {
	const char *name; /* "account add" */
	const char *args; /* positional ones, for help: "USER@DOMAIN" */
	const char *help; /* one line */
	const struct cli_option *options;
	unsigned args_min, args_max;
	int (*run)(struct cli *c);
};

/* What only the process knows: given by main. */
struct cli_hooks {
	int (*serve)(const char *conf_path);
	/* Faults that need more than the text: addresses to listen on, users, patterns. */
	bool (*check)(const struct conf *conf, struct buf *errors);
};

struct store_db;

struct cli { /* one invocation */
	const struct cli_command *command;
	const struct cli_hooks *hooks;
	const char *conf_path; /* of -c; NULL: none given */
	bool json;
	const char *args[CLI_ARGS_MAX];
	unsigned arg_count;
	struct {
		const struct cli_option *option;
		const char *value;
	} options[CLI_ARGS_MAX];
	unsigned option_count;

	struct arena arena;
	struct conf *conf; /* after cli_conf */
	struct store_db *db; /* after cli_store */
	uid_t owner; /* of the data directory; 0: we are not root */
	bool changed; /* tell the running service when the command is done */
};

extern const struct cli_command cli_commands[];
extern const unsigned cli_command_count;
extern const struct cli_option cli_global_options[];

int cli_main(int argc, char **argv, const struct cli_hooks *hooks);
const struct cli_command *cli_find(const char *name);
void cli_usage(FILE *out, const struct cli_command *c);

/* ---- arguments ---- */
static inline struct str cli_arg(const struct cli *c, unsigned i)
{
	return i < c->arg_count ? str_of(c->args[i]) : STR_NONE;
}
bool cli_has(const struct cli *c, const char *option);
/* Value of the option; of the last one if there are several; STR_NONE when it was not given. */
struct str cli_value(const struct cli *c, const char *option);
/* The nth of a repeatable option. */
bool cli_value_nth(const struct cli *c, const char *option, unsigned n, struct str *out);
/* Writes the option's number or yes/no to *out if it was given. Complains and returns false. */
bool cli_number(const struct cli *c, const char *option, unsigned min, unsigned max, uint32_t *out);
bool cli_yes_no(const struct cli *c, const char *option, bool *out);

/* ---- surroundings; they complain and return false ---- */
/* $TANDEM_CONF, ./tandem.conf, /etc/tandem/tandem.conf unless -c was given. */
const char *cli_conf_path(const struct cli *c);
bool cli_conf(struct cli *c);
bool cli_store(struct cli *c);
/* The key ring, read now. To seal, read it inside of the transaction that writes: then no command
 * that changes keys is at work meanwhile. */
bool cli_keys(struct cli *c, struct keyring *out);
/* As who called us, from here to cli_as_owner: root may have become the owner of the database. */
void cli_as_caller(void);
void cli_as_owner(const struct cli *c);

/* ---- complaints ---- */
/* "tandem: …" on stderr; returns `code`. Values from outside are made harmless. */
int cli_fail(int code, const char *fmt, ...) PRINTF(2, 3);
/* What an error of the store means for `what` ("account alice@x"). */
int cli_store_failed(enum err e, const char *what, struct str name);

#endif
