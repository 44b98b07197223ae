/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tandem key rotate|add|list|remove. The order of a rotation is what makes it safe to be killed at
 * any moment: the new key is in the file before the service is told, the service has it before the
 * first password is sealed with it, and the old one stays until nobody asks for it. Run again, it
 * finds passwords under another key than the current one and goes on with these.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/output.h"
#include "conf/key.h"
#include "store/repo.h"

enum {
	BATCH = 100, /* passwords a transaction */
	PAUSE_MS = 2, /* between two, so that the service gets its turn to write */
	TRIES = 100, /* of a transaction, each of which waits for the lock */
	UNKNOWN_MAX = 8, /* ids of keys that are not here, listed */
};

/* Who is sealed by what. */
struct census {
	const struct keyring *keys;
	unsigned under[KEYRING_MAX];
	unsigned waiting; /* not under the current key, but with one that is here */
	unsigned broken; /* no key opens them */
	char unknown[UNKNOWN_MAX][KEYRING_ID + 1];
	unsigned unknown_count[UNKNOWN_MAX], unknown_kinds, unknown_all;
};

static bool opens(const struct keyring *keys, const struct store_provider *p,
	uint8_t secret[KEYRING_SECRET_MAX], size_t *n)
{
	char text[256];
	struct buf context = BUF_OF(text);

	store_provider_context(p, &context);
	return buf_ok(&context) &&
		keyring_open(keys, buf_str(&context), p->password_sealed, secret, n) == ERR_OK;
}

static void count_unknown(struct census *s, struct str id)
{
	unsigned i = 0;

	s->unknown_all++;
	while (i < s->unknown_kinds && !str_eq(id, str_of(s->unknown[i])))
		i++;
	if (i == UNKNOWN_MAX || str_copy(id, s->unknown[i], sizeof(s->unknown[i])) != ERR_OK)
		return;
	if (i == s->unknown_kinds)
		s->unknown_kinds++;
	s->unknown_count[i]++;
}

static void count_row(const struct store_provider *p, void *arg)
{
	struct census *s = arg;
	struct str id = keyring_id_of(s->keys, p->password_sealed);
	const struct keyring_key *k = keyring_find(s->keys, id);
	uint8_t secret[KEYRING_SECRET_MAX];
	size_t n;

	if (!k) {
		count_unknown(s, id);
		return;
	}
	s->under[k - s->keys->keys]++;
	if (!opens(s->keys, p, secret, &n))
		s->broken++;
	else if (k != keyring_current(s->keys))
		s->waiting++;
	crypto_wipe(secret, sizeof(secret));
}

static int take_census(struct cli *c, const struct keyring *keys, struct census *out)
{
	enum err e;

	*out = (struct census){ .keys = keys };
	e = store_sealed_list(c->db, count_row, out);
	return e ? cli_store_failed(e, "the list of", STR("providers")) : CLI_OK;
}

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

/* Lets it read the file; CLI_OK when it seals and opens as the file says, or does not run. */
static int tell_service(struct cli *c, const struct keyring *keys)
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

static bool write_keys(struct cli *c, const struct keyring *keys)
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

/* Runs a command with the file locked, the ring read and the database open. */
static int with_keys(struct cli *c, int (*run)(struct cli *c, struct keyring *keys))
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

/* ---- rotate ---- */

struct batch {
	struct arena arena;
	struct store_provider rows[BATCH];
	unsigned count;
	int64_t last; /* row id */
	unsigned done, left; /* in all: sealed anew, not to be opened */
};

static void take_row(const struct store_provider *p, void *arg)
{
	struct batch *b = arg;
	struct store_provider *row = &b->rows[b->count++];

	*row = (struct store_provider){ .id = p->id,
		.customer = arena_str(&b->arena, p->customer),
		.name = arena_str(&b->arena, p->name),
		.password_sealed = arena_str(&b->arena, p->password_sealed) };
}

static enum err seal_anew(
	struct cli *c, const struct keyring *keys, const struct store_provider *p, unsigned *done)
{
	char text[KEYRING_SEALED_MAX], context_text[256];
	struct buf sealed = BUF_OF(text), context = BUF_OF(context_text);
	uint8_t secret[KEYRING_SECRET_MAX];
	size_t n;

	if (!opens(keys, p, secret, &n))
		return ERR_OK;
	store_provider_context(p, &context);
	keyring_seal(keys, buf_str(&context), str_make((char *)secret, n), &sealed);
	crypto_wipe(secret, sizeof(secret));
	++*done;
	return store_sealed_set(c->db, p->id, buf_str(&sealed));
}

/* One transaction. */
static enum err run_batch(struct cli *c, const struct keyring *keys, struct batch *b)
{
	unsigned done = 0;
	enum err e = store_begin(c->db);

	b->count = 0;
	arena_reset(&b->arena);
	if (!e)
		e = store_sealed_not_under(
			c->db, str_of(keyring_current(keys)->id), b->last, BATCH, take_row, b);
	for (unsigned i = 0; i < b->count && !e; i++)
		e = seal_anew(c, keys, &b->rows[i], &done);
	if (!e)
		e = store_commit(c->db);
	if (e) {
		store_rollback(c->db);
		return e;
	}
	b->done += done;
	b->left += b->count - done;
	if (b->count)
		b->last = b->rows[b->count - 1].id;
	return ERR_OK;
}

static enum err seal_all(struct cli *c, const struct keyring *keys, struct batch *b)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
	unsigned tries = 0;
	enum err e;

	do {
		e = run_batch(c, keys, b);
		tries = e == ERR_DB_BUSY ? tries + 1 : 0;
		nanosleep(&pause, NULL);
	} while (e == ERR_DB_BUSY ? tries < TRIES : !e && b->count == BATCH);
	return e;
}

static int seal_under_current(struct cli *c, const struct keyring *keys)
{
	struct batch *b = mem_new(struct batch);
	unsigned done, left;
	enum err e;

	arena_init(&b->arena, 65536);
	e = seal_all(c, keys, b);
	done = b->done;
	left = b->left;
	arena_fini(&b->arena);
	free(b);
	c->changed = done > 0;
	if (e)
		return cli_fail(CLI_FAILED,
			"%s; %u passwords were sealed anew so far. Give this command again, and it "
			"goes on",
			err_text(e), done);
	cli_say(c, "%u passwords were sealed anew with key %s.", done, keyring_current(keys)->id);
	if (left)
		return cli_fail(CLI_FAILED,
			"%u passwords cannot be opened with the keys that are here; set them anew "
			"(`tandem key list`)",
			left);
	return CLI_OK;
}

/* The next key becomes the current one: one that was added for this, or a new one. */
static int advance(struct cli *c, struct keyring *keys)
{
	if (keys->current + 1 == keys->count && keyring_add(keys) != ERR_OK)
		return cli_fail(CLI_FAILED,
			"there are %d keys already; `tandem key remove` those that are not used",
			KEYRING_MAX);
	keys->current = keys->count - 1;
	if (!write_keys(c, keys))
		return CLI_FAILED;
	cli_say(c, "Key %s is the current one from now on.", keyring_current(keys)->id);
	return CLI_OK;
}

static int rotate(struct cli *c, struct keyring *keys)
{
	struct census before;
	int code = take_census(c, keys, &before);

	if (code == CLI_OK && before.waiting)
		cli_say(c, "%u passwords still wait for key %s: going on with these.",
			before.waiting, keyring_current(keys)->id);
	else if (code == CLI_OK)
		code = advance(c, keys);
	if (code == CLI_OK)
		code = tell_service(c, keys);
	return code == CLI_OK ? seal_under_current(c, keys) : code;
}

int key_rotate(struct cli *c)
{
	return with_keys(c, rotate);
}

/* ---- add ---- */

static int add(struct cli *c, struct keyring *keys)
{
	if (keyring_add(keys) != ERR_OK)
		return cli_fail(CLI_FAILED,
			"there are %d keys already; `tandem key remove` those that are not used",
			KEYRING_MAX);
	if (!write_keys(c, keys))
		return CLI_FAILED;
	cli_say(c, "Key %s was added; `tandem key rotate` makes it the current one.",
		keys->keys[keys->count - 1].id);
	return tell_service(c, keys);
}

int key_add(struct cli *c)
{
	return with_keys(c, add);
}

/* ---- remove ---- */

/* In a transaction that writes, so that nobody seals meanwhile. */
static int remove_unused(struct cli *c, struct keyring *keys, struct str id)
{
	const struct keyring_key *k = keyring_find(keys, id);
	struct census s;
	unsigned used;
	int code;

	if (!k)
		return cli_fail(CLI_NOT_FOUND, "there is no key %.*s; `tandem key list` has them",
			STR_ARG(id));
	if (k == keyring_current(keys))
		return cli_fail(CLI_FAILED,
			"%s is the current key; `tandem key rotate` makes another one first",
			k->id);
	code = take_census(c, keys, &s);
	if (code != CLI_OK)
		return code;
	used = s.under[k - keys->keys];
	if (used)
		return cli_fail(CLI_FAILED,
			"%u passwords are still sealed with key %s; `tandem key rotate` seals them "
			"with the current one",
			used, k->id);
	if (keyring_remove(keys, id) != ERR_OK || !write_keys(c, keys))
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
	return code == CLI_OK ? tell_service(c, keys) : code;
}

int key_remove(struct cli *c)
{
	return with_keys(c, remove_key);
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

static int print_keys(struct cli *c, const struct keyring *keys, const struct census *s)
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
	struct census s;
	int code;

	if (!cli_store(c) || !cli_keys(c, &keys))
		return CLI_FAILED;
	code = take_census(c, &keys, &s);
	if (code == CLI_OK)
		code = print_keys(c, &keys, &s);
	if (code == CLI_OK && s.broken)
		code = cli_fail(CLI_FAILED,
			"%u passwords were altered in the database; set them anew", s.broken);
	keyring_wipe(&keys);
	return code;
}
