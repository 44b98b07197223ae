/* SPDX-License-Identifier: BSD-3-Clause */
/* What commands ask about their arguments and surroundings. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "conf/key.h"
#include "conf/place.h"
#include "store/store.h"

enum { PATIENCE_MS = 10000 }; /* while others are writing */

bool cli_has(const struct cli *c, const char *option)
{
	struct str unused;

	return cli_value_nth(c, option, 0, &unused);
}

bool cli_value_nth(const struct cli *c, const char *option, unsigned n, struct str *out)
{
	for (unsigned i = 0; i < c->option_count; i++) {
		if (strcmp(c->options[i].option->name, option) != 0)
			continue;
		if (n-- == 0) {
			*out = str_of(c->options[i].value);
			return true;
		}
	}
	return false;
}

struct str cli_value(const struct cli *c, const char *option)
{
	struct str value = STR_NONE;

	(void)!cli_value_nth(c, option, 0, &value);
	return value;
}

bool cli_number(const struct cli *c, const char *option, unsigned min, unsigned max, uint32_t *out)
{
	uint32_t n;

	if (!cli_has(c, option))
		return true;
	if (str_u32(cli_value(c, option), &n) != ERR_OK || n < min || n > max) {
		cli_fail(CLI_USAGE, "%s must be a number from %u to %u", option, min, max);
		return false;
	}
	*out = n;
	return true;
}

bool cli_yes_no(const struct cli *c, const char *option, bool *out)
{
	struct str v = cli_value(c, option);

	if (!cli_has(c, option))
		return true;
	if (!str_eq(v, STR("yes")) && !str_eq(v, STR("no"))) {
		cli_fail(CLI_USAGE, "%s must be yes or no", option);
		return false;
	}
	*out = str_eq(v, STR("yes"));
	return true;
}

const char *cli_conf_path(const struct cli *c)
{
	const char *env = getenv("TANDEM_CONF");

	if (c->conf_path)
		return c->conf_path;
	if (env && *env)
		return env;
	if (access("tandem.conf", F_OK) == 0)
		return "tandem.conf";
	return "/etc/tandem/tandem.conf";
}

bool cli_conf(struct cli *c)
{
	const char *path = cli_conf_path(c);
	char text[CONF_ERRORS_MAX];
	struct buf errors = BUF_OF(text);
	enum err e;

	if (c->conf)
		return true;
	if (access(path, F_OK) != 0) {
		cli_fail(CLI_FAILED,
			"there is no configuration file %s; name one with -c FILE or $TANDEM_CONF "
			"(an empty file will do)",
			path);
		return false;
	}
	e = conf_load(path, &c->conf, &errors);
	if (e != ERR_OK)
		fprintf(stderr, "%.*s", STR_ARG(buf_str(&errors)));
	return e == ERR_OK;
}

/*
 * As root, files of the database must not become root's (the service could not write them any
 * more): go on as the owner of the data directory.
 */
static bool become_owner(struct cli *c, const char *dir)
{
	struct stat st;

	if (geteuid() != 0 || stat(dir, &st) != 0 || st.st_uid == 0)
		return true;
	c->owner = st.st_uid;
	return setegid(st.st_gid) == 0 && seteuid(st.st_uid) == 0;
}

void cli_as_caller(void)
{
	BUG_ON(seteuid(getuid()) != 0);
}

void cli_as_owner(const struct cli *c)
{
	BUG_ON(c->owner && seteuid(c->owner) != 0);
}

bool cli_store(struct cli *c)
{
	char text[512];
	struct buf why = BUF_OF(text);
	struct place place;

	if (!cli_conf(c))
		return false;
	if (place_make(c->conf, &place, &why) != ERR_OK) {
		cli_fail(CLI_FAILED, "%.*s", STR_ARG(buf_str(&why)));
		return false;
	}
	if (!become_owner(c, arena_printf(&c->arena, "%.*s", STR_ARG(c->conf->data_dir)))) {
		cli_fail(CLI_FAILED, "cannot become the owner of %.*s", STR_ARG(c->conf->data_dir));
		return false;
	}
	if (store_open(c->conf->store_url, NULL, &c->db, &why) == ERR_OK) {
		store_set_patience(c->db, PATIENCE_MS);
		return true;
	}
	cli_fail(CLI_FAILED, "the database %.*s cannot be opened: %.*s",
		STR_ARG(c->conf->store_url), STR_ARG(buf_str(&why)));
	return false;
}

bool cli_keys(struct cli *c, struct keyring *out)
{
	char text[512];
	struct buf why = BUF_OF(text);
	enum err e;

	if (!cli_conf(c))
		return false;
	cli_as_caller();
	e = key_load(c->conf, out, &why);
	cli_as_owner(c);
	if (e == ERR_OK)
		return true;
	cli_fail(CLI_FAILED, "%.*s", STR_ARG(buf_str(&why)));
	return false;
}

int cli_fail(int code, const char *fmt, ...)
{
	char text[2048], safe[4096];
	struct buf b = BUF_OF(safe);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	event_print_safe(&b, str_of(text));
	fprintf(stderr, "tandem: %.*s\n", STR_ARG(buf_str(&b)));
	return code;
}

int cli_store_failed(enum err e, const char *what, struct str name)
{
	switch (e) {
	case ERR_EXISTS:
		return cli_fail(CLI_FAILED, "there is %s \"%.*s\" already", what, STR_ARG(name));
	case ERR_NOT_FOUND:
		return cli_fail(CLI_NOT_FOUND, "there is no %s \"%.*s\"", what, STR_ARG(name));
	case ERR_STATE:
		return cli_fail(CLI_FAILED,
			"%s \"%.*s\": something refers to it, or it refers to "
			"something that does not exist",
			what, STR_ARG(name));
	default:
		return cli_fail(CLI_FAILED, "%s \"%.*s\": %s", what, STR_ARG(name), err_text(e));
	}
}
