/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem key add|list|remove */
#include <unistd.h>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/keys.h"
#include "cli/output.h"
#include "conf/key.h"

/* ---- the service ---- */

static void keep(json_t *row, void *arg)
{
	json_array_append(arg, row);
}

/* What the running service has. CLI_NOT_RUNNING: it will read the file when it starts. */
static int ask_service(struct cli *c, bool reload, json_t **rows)
{
	*rows = json_array();
	return control_ask(
		c, json_pack("{s:s, s:b}", "command", "keys", "reload", reload), keep, *rows, true);
}

static const json_t *find_row(const json_t *rows, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "id"));

		if (name && strcmp(name, id) == 0)
			return row;
	}
	return NULL;
}

int keys_tell_service(struct cli *c, const struct keyring *keys)
{
	json_t *rows;
	int code = ask_service(c, true, &rows);
	bool same =
		json_is_true(json_object_get(find_row(rows, keyring_current(keys)->id), "current"));

	json_decref(rows);
	if (code == CLI_NOT_RUNNING || (code == CLI_OK && same))
		return CLI_OK;
	if (code == CLI_OK)
		return cli_fail(CLI_FAILED,
			"the running service has other keys than %.*s; if they are a credential of "
			"systemd, restart it. Then give this command again",
			STR_ARG(c->conf->key_file));
	return cli_fail(CLI_FAILED,
		"the running service did not take the keys over; its log says why. Then give this "
		"command again");
}

/* ---- the file ---- */

static bool lock_keys(struct cli *c, int *lock)
{
	char text[512];
	struct buf why = BUF_OF(text);

	if (!cli_conf(c))
		return false;
	if (key_lock(c->conf, lock, &why) == ERR_OK)
		return true;
	cli_fail(CLI_FAILED, "%.*s", STR_ARG(buf_str(&why)));
	return false;
}

bool keys_write(struct cli *c, const struct keyring *keys)
{
	char text[512];
	struct buf why = BUF_OF(text);
	enum err e;

	cli_as_caller();
	e = key_write(c->conf, keys, &why);
	cli_as_owner(c);
	if (e != ERR_OK)
		cli_fail(CLI_FAILED, "%.*s", STR_ARG(buf_str(&why)));
	return e == ERR_OK;
}

int keys_with(struct cli *c, int (*run)(struct cli *c, struct keyring *keys))
{
	struct keyring keys = { 0 };
	int lock, code = CLI_FAILED;

	if (!lock_keys(c, &lock))
		return CLI_FAILED;
	if (cli_store(c) && cli_keys(c, &keys))
		code = run(c, &keys);
	keyring_wipe(&keys);
	close(lock);
	return code;
}

/* ---- add ---- */

bool keys_add(struct keyring *keys)
{
	if (keyring_add(keys) == ERR_OK)
		return true;
	cli_fail(CLI_FAILED,
		"there are %d keys already; `tandem key remove` those that are not used",
		KEYRING_MAX);
	return false;
}

static int add(struct cli *c, struct keyring *keys)
{
	if (!keys_add(keys))
		return CLI_FAILED;
	if (!keys_write(c, keys))
		return CLI_FAILED;
	cli_say(c, "Key %s was added; `tandem key rotate` makes it the current one.",
		keys->keys[keys->count - 1].id);
	return keys_tell_service(c, keys);
}

int key_add(struct cli *c)
{
	return keys_with(c, add);
}

/* ---- remove ---- */

/* In a transaction that writes, so that nobody seals meanwhile. */
static int remove_unused(struct cli *c, struct keyring *keys, struct str id)
{
	const struct keyring_key *k = keyring_find(keys, id);
	struct keys_census s;
	unsigned used;
	int code;

	if (!k)
		return cli_fail(CLI_NOT_FOUND, "there is no key %.*s; `tandem key list` has them",
			STR_ARG(id));
	if (k == keyring_current(keys))
		return cli_fail(CLI_FAILED,
			"%s is the current key; `tandem key rotate` makes another one first",
			k->id);
	code = keys_census(c, keys, &s);
	if (code != CLI_OK)
		return code;
	used = s.under[k - keys->keys];
	if (used)
		return cli_fail(CLI_FAILED,
			"%u passwords are still sealed with key %s; `tandem key rotate` seals them "
			"with the current one",
			used, k->id);
	if (keyring_remove(keys, id) != ERR_OK || !keys_write(c, keys))
		return CLI_FAILED;
	cli_say(c, "Key %.*s was removed.", STR_ARG(id));
	return CLI_OK;
}

static int remove_key(struct cli *c, struct keyring *keys)
{
	enum err e = store_begin(c->db);
	int code;

	if (e)
		return cli_store_failed(e, "key", cli_arg(c, 0));
	code = remove_unused(c, keys, cli_arg(c, 0));
	store_rollback(c->db); /* nothing was written */
	return code == CLI_OK ? keys_tell_service(c, keys) : code;
}

int key_remove(struct cli *c)
{
	return keys_with(c, remove_key);
}

/* ---- list ---- */

static json_t *key_json(const char *id, const char *state, unsigned sealed, const json_t *service)
{
	json_t *o = json_object();

	cli_put(o, "id", str_of(id));
	cli_put(o, "state", str_of(state));
	cli_put_number(o, "passwords", sealed);
	if (service)
		cli_put_bool(o, "in_service", find_row(service, id) != NULL);
	return o;
}

static int print_keys(struct cli *c, const struct keyring *keys, const struct keys_census *s)
{
	static const struct cli_column columns[] = { { "id", "KEY" }, { "state", "STATE" },
		{ "passwords", "PASSWORDS" }, { "in_service", "SERVICE HAS IT" } };
	json_t *rows = json_array(), *service;
	bool running = ask_service(c, false, &service) == CLI_OK;

	for (unsigned i = 0; i < keys->count; i++)
		json_array_append_new(rows,
			key_json(keys->keys[i].id,
				i == keys->current          ? "current"
					: i < keys->current ? "opens"
							    : "to come",
				s->under[i], running ? service : NULL));
	for (unsigned i = 0; i < s->unknown_kinds; i++)
		json_array_append_new(rows,
			key_json(s->unknown[i], "not here", s->unknown_count[i],
				running ? service : NULL));
	json_decref(service);
	return cli_print_rows(c, rows, columns, 4, "There is no key.");
}

int key_list(struct cli *c)
{
	struct keyring keys;
	struct keys_census s;
	int code;

	if (!cli_store(c) || !cli_keys(c, &keys))
		return CLI_FAILED;
	code = keys_census(c, &keys, &s);
	if (code == CLI_OK)
		code = print_keys(c, &keys, &s);
	if (code == CLI_OK && s.broken)
		code = cli_fail(CLI_FAILED,
			"%u passwords were altered in the database; set them anew", s.broken);
	keyring_wipe(&keys);
	return code;
}
