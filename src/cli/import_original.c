/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tandem import sipsorcery DIR | --sql FILE: reads everything, then takes customer after customer,
 * each in a transaction of its own: all of it or nothing. What belongs to nobody (public domains)
 * comes first.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/move.h"
#include "cli/names.h"
#include "cli/output.h"

const struct cli_option import_original_options[] = {
	{ "--sql", "FILE|URL", "a dump of the original's tables", true },
	{ "--dry-run", NULL, "say what would be done, and change nothing" },
	{ "--update", NULL, "what is here already gets what the original says" },
	{ NULL },
};

static const char *const result_names[MOVE_RESULTS] = { "taken", "changed", "updated", "unchanged",
	"kept", "left out", "refused" };
static const char *const kind_names[MOVE_KINDS] = { "customer", "domain", "dialplan", "rule",
	"provider", "account", "value", "call", "record" };
static move_take_fn *const takers[MOVE_KINDS] = { move_customer, move_domain, move_dialplan,
	move_rule, move_provider, move_account, move_pair, move_cdr, move_other };

static const struct cli_column columns[] = {
	{ "customer", "CUSTOMER" },
	{ "kind", "KIND" },
	{ "name", "NAME" },
	{ "result", "RESULT" },
	{ "why", "WHY" },
};

struct import {
	struct move m;
	struct move_source source;
	bool dry_run;
	json_t *rows;
	unsigned counts[MOVE_RESULTS];
	unsigned customers_refused;
};

/* ---- reading ---- */

static const char *const files[] = { "customers", "sipdomains", "sipdialplans", "sipproviders",
	"sipaccounts", "sipcdrs" };

static bool read_dir(struct import *im, const char *dir)
{
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		const char *path = arena_printf(&im->source.arena, "%s/%s.xml", dir, files[i]);
		struct stat st;

		if (stat(path, &st) != 0)
			continue;
		found++;
		if (!move_xml(&im->source, path))
			return false;
	}
	if (!found)
		snprintf(im->source.why, sizeof(im->source.why),
			"%s has none of the original's files (customers.xml, sipaccounts.xml …)",
			dir);
	return found > 0;
}

static bool read_all(struct import *im)
{
	struct cli *c = im->m.cli;
	struct str sql;

	if (c->arg_count && !read_dir(im, c->args[0]))
		return false;
	for (unsigned i = 0; cli_value_nth(c, "--sql", i, &sql); i++) {
		if (str_find_str(sql, STR("://")) < sql.n) {
			snprintf(im->source.why, sizeof(im->source.why),
				"databases are read from dumps: `pg_dump --data-only --inserts DB "
				">FILE` or `mysqldump --no-create-info DB >FILE`, then --sql FILE");
			return false;
		}
		if (!move_sql(&im->source, sql.p))
			return false;
	}
	return true;
}

/* By customer, then in the order in which they refer to each other. */
static int by_owner(const void *a, const void *b)
{
	const struct move_record *x = a, *y = b;
	int d = str_cmp(x->owner, y->owner);

	if (!d)
		d = (x->kind > y->kind) - (x->kind < y->kind);
	return d ? d : (x->number > y->number) - (x->number < y->number);
}

/* ---- taking ---- */

static void report(
	struct import *im, const struct move_record *r, struct str name, enum move_result result)
{
	json_t *o = json_object();

	cli_put(o, "customer", r->owner);
	cli_put(o, "kind", str_of(kind_names[r->kind]));
	cli_put(o, "name", name);
	cli_put(o, "result", str_of(result_names[result]));
	cli_put(o, "why", buf_str(&im->m.flaws));
	cli_put(o, "file", str_of(r->file));
	cli_put_number(o, "line", r->line);
	json_array_append_new(im->rows, o);
}

static enum move_result take(struct import *im, const struct move_record *r, bool say)
{
	struct str name = STR_NONE;
	enum move_result result;

	im->m.flaws = (struct buf)BUF_OF(im->m.flaw_text);
	result = takers[r->kind](&im->m, r, &name);
	/* A million calls that were taken are a number; rules are in their dialplan. */
	if (say && ((r->kind != MOVE_CDR && r->kind != MOVE_RULE) || result != MOVE_TAKEN))
		report(im, r, name, result);
	if (say && (r->kind != MOVE_RULE || result != MOVE_TAKEN))
		im->counts[result]++;
	arena_reset(&im->m.rows);
	return result;
}

/* All of one owner's; false: one was refused. */
static bool take_all(struct import *im, size_t from, size_t to, bool say)
{
	bool ok = true;

	im->m.siblings = im->source.records + from;
	im->m.sibling_count = to - from;
	for (size_t i = from; i < to; i++)
		ok = take(im, &im->source.records[i], say) != MOVE_REFUSED && ok;
	return ok;
}

/* So that the domains are there for what follows; they were reported before. */
static size_t public_count(const struct import *im)
{
	size_t n = 0;

	while (n < im->source.count && !im->source.records[n].owner.n)
		n++;
	return n;
}

static void say_refused(struct import *im, struct str owner, size_t from)
{
	json_t *row;
	size_t i;

	im->customers_refused++;
	for (i = from; i < json_array_size(im->rows); i++) {
		row = json_array_get(im->rows, i);
		if (strcmp(json_string_value(json_object_get(row, "result")), "refused") == 0)
			continue;
		if (json_string_length(json_object_get(row, "why")) == 0)
			json_object_set_new(row, "why",
				json_string(owner.n ? "with its customer" : "with the others"));
		json_object_set_new(row, "result", json_string("not taken"));
	}
}

static bool begin(struct import *im, struct str owner)
{
	enum err e = store_begin(im->m.cli->db);

	if (e == ERR_OK)
		return true;
	cli_store_failed(e, "customer", owner);
	return false;
}

/* One transaction. false: the database does not do its work. */
static bool take_owner(struct import *im, size_t from, size_t to)
{
	struct str owner = im->source.records[from].owner;
	size_t first_row = json_array_size(im->rows);
	unsigned before[MOVE_RESULTS];
	enum err e;
	bool ok;

	memcpy(before, im->counts, sizeof(before));
	if (!begin(im, owner))
		return false;
	if (im->dry_run && owner.n)
		take_all(im, 0, public_count(im), false);
	ok = take_all(im, from, to, true);
	if (!ok) {
		unsigned refused = im->counts[MOVE_REFUSED];

		memcpy(im->counts, before, sizeof(before));
		im->counts[MOVE_REFUSED] = refused;
		say_refused(im, owner, first_row);
	}
	if (!ok || im->dry_run) {
		store_rollback(im->m.cli->db);
		return true;
	}
	e = store_commit(im->m.cli->db);
	if (e != ERR_OK)
		cli_store_failed(e, "customer", owner);
	return e == ERR_OK;
}

static bool take_everything(struct import *im)
{
	struct move_source *s = &im->source;
	size_t to;

	if (s->count)
		qsort(s->records, s->count, sizeof(*s->records), by_owner);
	for (size_t from = 0; from < s->count; from = to) {
		to = from;
		while (to < s->count && str_eq(s->records[to].owner, s->records[from].owner))
			to++;
		if (!take_owner(im, from, to))
			return false;
	}
	return true;
}

/* ---- the command ---- */

static int print(struct import *im)
{
	const struct cli *c = im->m.cli;
	int code = cli_print_rows(c, im->rows, columns, 5, "There was nothing to take.");

	im->rows = NULL;
	for (unsigned i = 0; i < MOVE_RESULTS; i++)
		if (im->counts[i] && !c->json)
			fprintf(stderr, "%s%s %u", i ? "" : "", result_names[i], im->counts[i]);
	if (!c->json)
		fprintf(stderr, "%s\n", im->dry_run ? " (a dry run: nothing was changed)" : "");
	if (im->customers_refused)
		return cli_fail(CLI_FAILED,
			"%u customers were not taken; what was refused says why; put it right and "
			"run this again",
			im->customers_refused);
	return code;
}

static int run(struct import *im)
{
	struct clock now;

	if (!read_all(im))
		return cli_fail(CLI_FAILED, "%s; nothing was imported", im->source.why);
	if (!cli_store(im->m.cli) || !cli_keys(im->m.cli, &im->m.keys))
		return CLI_FAILED;
	clock_read(&now);
	im->m.now_ms = now.wall_ms;
	im->m.cli->changed = !im->dry_run;
	if (!take_everything(im))
		return CLI_FAILED;
	return print(im);
}

int import_original(struct cli *c)
{
	struct import *im = mem_new(struct import);
	int code;

	if (!c->arg_count && !cli_has(c, "--sql")) {
		free(im);
		return cli_fail(CLI_USAGE, "say where the data is: a directory, or --sql FILE");
	}
	im->m.cli = c;
	im->m.update = cli_has(c, "--update");
	im->dry_run = cli_has(c, "--dry-run");
	im->rows = json_array();
	arena_init(&im->m.rows, 16384);
	move_source_init(&im->source);
	code = run(im);
	keyring_wipe(&im->m.keys);
	json_decref(im->rows);
	move_source_fini(&im->source);
	arena_fini(&im->m.rows);
	free(im);
	return code;
}
