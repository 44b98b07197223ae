/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem export DIR, tandem import DIR: our own data, out and in again. */
#include "cli/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/provider.h"

const struct cli_option export_options[] = {
	{ "--customer", "NAME", "only what belongs to this one" },
	{ NULL },
};

const struct cli_option import_own_options[] = {
	{ "--update", NULL, "what is here and is other gets what the files say" },
	{ "--dry-run", NULL, "say what would be done, and change nothing" },
	{ NULL },
};

/* ---- out ---- */

/* 0600 from its first byte on, whole or not at all. */
static bool write_file(struct cli *c, const char *kind, json_t *rows)
{
	const char *path = arena_printf(&c->arena, "%s/%s.json", c->args[0], kind);
	const char *part = arena_printf(&c->arena, "%s.part", path);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd >= 0 && fchmod(fd, 0600) == 0 ? fdopen(fd, "w") : NULL;
	json_t *o =
		json_pack("{s:i,s:s,s:O}", "tandem", EXPORT_VERSION, "kind", kind, "rows", rows);
	bool ok = f && json_dumpf(o, f, JSON_INDENT(1) | JSON_PRESERVE_ORDER) == 0 &&
		fputc('\n', f) == '\n' && fflush(f) == 0 && fsync(fd) == 0;

	json_decref(o);
	if (f)
		ok = fclose(f) == 0 && ok;
	else if (fd >= 0)
		close(fd);
	ok = ok && rename(part, path) == 0;
	if (!ok) {
		cli_fail(CLI_FAILED, "%s cannot be written: %s", path, strerror(errno));
		unlink(part);
	}
	return ok;
}

static bool write_all(struct cli *c, json_t *lists[EXPORT_KINDS])
{
	bool ok = true;

	if (mkdir(c->args[0], 0700) != 0 && errno != EEXIST) {
		cli_fail(CLI_FAILED, "%s cannot be made: %s", c->args[0], strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < EXPORT_KINDS && ok; i++)
		ok = write_file(c, export_kinds[i].name, lists[i]);
	return ok;
}

/* All of it as it is at one moment. */
static enum err read_all(struct cli *c, struct str customer, json_t *lists[EXPORT_KINDS])
{
	enum err e = store_begin(c->db);

	if (e)
		return e;
	for (unsigned i = 0; i < EXPORT_KINDS && !e; i++)
		e = export_kinds[i].list(c->db, customer, lists[i]);
	store_rollback(c->db);
	return e;
}

int export_own(struct cli *c)
{
	struct store_customer customer = { .name = STR("") };
	json_t *lists[EXPORT_KINDS];
	int code = CLI_OK;
	enum err e;

	if (!cli_store(c))
		return CLI_FAILED;
	if (cli_has(c, "--customer"))
		code = find_customer_option(c, &customer);
	if (code != CLI_OK)
		return code;
	for (unsigned i = 0; i < EXPORT_KINDS; i++)
		lists[i] = json_array();
	e = read_all(c, customer.name, lists);
	cli_as_caller(); /* whose directory it is */
	if (e != ERR_OK)
		code = cli_store_failed(e, "the list of", STR("everything"));
	else if (!write_all(c, lists))
		code = CLI_FAILED;
	cli_as_owner(c);
	for (unsigned i = 0; i < EXPORT_KINDS; i++) {
		if (code == CLI_OK)
			cli_say(c, "%s.json: %zu", export_kinds[i].name, json_array_size(lists[i]));
		json_decref(lists[i]);
	}
	return code;
}

/* ---- in ---- */

struct reading {
	struct cli *cli;
	struct keyring keys;
	struct arena rows; /* of the present row */
	unsigned added, updated, unchanged, faults;
};

static json_t *load(struct cli *c, const char *path)
{
	json_error_t error;
	struct stat st;
	json_t *o;

	if (stat(path, &st) == 0 && st.st_size > EXPORT_FILE_MAX) {
		cli_fail(CLI_FAILED, "%s is too long", path);
		return NULL;
	}
	o = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!o)
		cli_fail(CLI_FAILED, "%s:%d: %s", path, error.line, error.text);
	return o;
}

/* The array of rows, borrowed from *file; NULL with a complaint. */
static json_t *load_rows(struct cli *c, const struct export_kind *k, json_t **file)
{
	const char *path = arena_printf(&c->arena, "%s/%s.json", c->args[0], k->name);
	json_t *rows;
	const char *kind;

	*file = load(c, path);
	if (!*file)
		return NULL;
	rows = json_object_get(*file, "rows");
	kind = json_string_value(json_object_get(*file, "kind"));
	if (json_integer_value(json_object_get(*file, "tandem")) == EXPORT_VERSION && kind &&
		strcmp(kind, k->name) == 0 && json_is_array(rows))
		return rows;
	cli_fail(CLI_FAILED, "%s is not what `tandem export` writes (version %d)", path,
		EXPORT_VERSION);
	return NULL;
}

static void fault(struct reading *r, const struct export_kind *k, size_t i, const char *what)
{
	if (r->faults++ < 20)
		cli_fail(CLI_FAILED, "%s.json, row %zu: %s", k->name, i + 1, what);
}

/* What cannot be opened here is no password. */
static bool can_open(struct reading *r, const struct store_provider *p)
{
	uint8_t secret[KEYRING_SECRET_MAX];
	char text[160];
	struct buf context = BUF_OF(text);
	size_t n;
	bool ok;

	if (!p->password_sealed.n)
		return true;
	store_provider_context(p, &context);
	ok = keyring_open(&r->keys, buf_str(&context), p->password_sealed, secret, &n) == ERR_OK;
	crypto_wipe(secret, sizeof(secret));
	return ok;
}

static void take_over(struct reading *r, const struct export_kind *k, size_t i,
	const struct export_row *row, const struct export_row *old)
{
	json_t *a = export_json(k, row), *b = export_json(k, old);
	struct export_row with_id = *row;
	bool same = json_equal(a, b);
	bool update = cli_has(r->cli, "--update");
	enum err e = ERR_OK;

	json_decref(a);
	json_decref(b);
	r->unchanged += same;
	if (same)
		return;
	if (!update) {
		fault(r, k, i, "it is here already, and other; --update changes it");
		return;
	}
	/* All rows that have an id begin with it. */
	memcpy(&with_id, old, sizeof(int64_t));
	if (strcmp(k->name, "values") == 0)
		with_id = *row;
	e = k->put(r->cli->db, &with_id, false);
	if (e != ERR_OK)
		fault(r, k, i, err_text(e));
	r->updated += e == ERR_OK;
}

static void take_row(struct reading *r, const struct export_kind *k, size_t i, const json_t *o)
{
	struct export_row row, old;
	char text[256];
	struct buf why = BUF_OF(text);
	enum err e;

	if (!export_row_of(k, o, &r->rows, &row, &why)) {
		fault(r, k, i, arena_printf(&r->rows, "%.*s", STR_ARG(buf_str(&why))));
		return;
	}
	if (strcmp(k->name, "providers") == 0 && !can_open(r, &row.provider)) {
		fault(r, k, i,
			"its password was sealed with a key that is not here; take the key "
			"file of the old system along");
		return;
	}
	memset(&old, 0, sizeof(old));
	e = k->get(r->cli->db, &row, &r->rows, &old);
	if (e == ERR_OK) {
		take_over(r, k, i, &row, &old);
		return;
	}
	if (e == ERR_NOT_FOUND)
		e = k->put(r->cli->db, &row, true);
	if (e != ERR_OK)
		fault(r, k, i,
			e == ERR_STATE ? "something that it refers to does not exist"
				       : err_text(e));
	r->added += e == ERR_OK;
}

static void take_kind(struct reading *r, const struct export_kind *k)
{
	json_t *file = NULL, *rows, *o;
	size_t i;

	cli_as_caller();
	rows = load_rows(r->cli, k, &file);
	cli_as_owner(r->cli);
	r->faults += rows == NULL;
	json_array_foreach(rows, i, o)
	{
		take_row(r, k, i, o);
		arena_reset(&r->rows);
	}
	json_decref(file);
}

static int finish(struct reading *r)
{
	bool dry = cli_has(r->cli, "--dry-run");
	enum err e = ERR_OK;

	if (r->faults || dry)
		store_rollback(r->cli->db);
	else
		e = store_commit(r->cli->db);
	if (r->faults)
		return cli_fail(CLI_FAILED, "nothing was imported");
	if (e != ERR_OK)
		return cli_store_failed(e, "import of", str_of(r->cli->args[0]));
	r->cli->changed = !dry;
	cli_say(r->cli, "%u rows were added, %u updated, %u were here already.%s", r->added,
		r->updated, r->unchanged, dry ? " A dry run: nothing was changed." : "");
	return CLI_OK;
}

int import_own(struct cli *c)
{
	struct reading r = { .cli = c };
	int code;
	enum err e;

	if (!cli_store(c))
		return CLI_FAILED;
	e = store_begin(c->db);
	if (e != ERR_OK)
		return cli_store_failed(e, "import of", str_of(c->args[0]));
	if (!cli_keys(c, &r.keys)) {
		store_rollback(c->db);
		return CLI_FAILED;
	}
	arena_init(&r.rows, 16384);
	for (unsigned i = 0; i < EXPORT_KINDS && !r.faults; i++)
		take_kind(&r, &export_kinds[i]);
	code = finish(&r);
	arena_fini(&r.rows);
	keyring_wipe(&r.keys);
	return code;
}
