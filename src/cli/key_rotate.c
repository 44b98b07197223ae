/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem key rotate: see cli/keys.h for what holds when it is killed. */
#include <stdlib.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/keys.h"
#include "cli/output.h"

enum {
	BATCH = 100, /* passwords a transaction */
	PAUSE_MS = 20, /* between two: the service writes, and follows row by row what we change */
	TRIES = 100, /* of a transaction, each of which waits for the lock */
};

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

	if (!keys_open(keys, p, secret, &n))
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
	if (keys->current + 1 == keys->count && !keys_add(keys))
		return CLI_FAILED;
	keys->current = keys->count - 1;
	if (!keys_write(c, keys))
		return CLI_FAILED;
	cli_say(c, "Key %s is the current one from now on.", keyring_current(keys)->id);
	return CLI_OK;
}

static int rotate(struct cli *c, struct keyring *keys)
{
	struct keys_census before;
	int code = keys_census(c, keys, &before);

	if (code == CLI_OK && before.waiting)
		cli_say(c, "%u passwords still wait for key %s: going on with these.",
			before.waiting, keyring_current(keys)->id);
	else if (code == CLI_OK)
		code = advance(c, keys);
	if (code == CLI_OK)
		code = keys_tell_service(c, keys);
	return code == CLI_OK ? seal_under_current(c, keys) : code;
}

int key_rotate(struct cli *c)
{
	return keys_with(c, rotate);
}
