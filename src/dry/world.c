/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry/world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- lines ---- */

/* The next word; "…" holds blanks. false: there is none. */
static bool take_word(struct str *rest, struct str *word)
{
	size_t i = 0;
	bool quoted = false;

	*rest = str_trim(*rest);
	while (i < rest->n && (quoted || (rest->p[i] != ' ' && rest->p[i] != '\t'))) {
		quoted ^= rest->p[i] == '\'';
		i++;
	}
	*word = str_first(*rest, i);
	*rest = str_from(*rest, i);
	return word->n > 0;
}

/* Without the quotes around it. */
static struct str plain(struct str v)
{
	if (v.n >= 2 && v.p[0] == '\'' && v.p[v.n - 1] == '\'')
		return str_make(v.p + 1, v.n - 2);
	return v;
}

static void cut_option(struct str word, struct str *name, struct str *value)
{
	size_t eq = str_find(word, '=');

	*name = str_first(word, eq);
	*value = plain(str_from(word, eq + 1));
}

static bool wrote(enum err e, const char *what, struct str name, struct buf *why)
{
	if (e == ERR_OK)
		return true;
	buf_printf(why, "%s %.*s: %s", what, STR_ARG(name),
		e == ERR_STATE ? "its domain or customer was not told of" : err_text(e));
	return false;
}

static bool add_customer(struct dry_world *w, struct str name, struct buf *why)
{
	struct store_customer row = { .name = name, .created_ms = 1 };
	enum err e = store_customer_add(w->db, &row, &row.id);

	return wrote(e == ERR_EXISTS ? ERR_OK : e, "customer", name, why);
}

/* Whose all is that follows. */
static bool on_customer(struct dry_world *w, struct str rest, struct buf *why)
{
	struct str name;

	if (!take_word(&rest, &name)) {
		buf_lit(why, "say which: customer NAME");
		return false;
	}
	w->customer = arena_str(&w->arena, name);
	return add_customer(w, w->customer, why);
}

static bool on_domain(struct dry_world *w, struct str rest, struct buf *why)
{
	struct store_domain row = { .created_ms = 1 };
	char text[1024];
	struct buf b = BUF_OF(text);
	struct str alias;

	if (!take_word(&rest, &row.name)) {
		buf_lit(why, "say which: domain NAME ALIAS…");
		return false;
	}
	while (take_word(&rest, &alias))
		buf_printf(&b, "%s%.*s", b.n ? "\n" : "", STR_ARG(alias));
	row.aliases = buf_str(&b);
	w->has_domain = true;
	return wrote(store_domain_add(w->db, &row, &row.id), "domain", row.name, why);
}

/* Calls without a domain have one. */
static bool need_domain(struct dry_world *w, struct buf *why)
{
	return w->has_domain || on_domain(w, STR("example.com local"), why);
}

static bool on_account(struct dry_world *w, struct str rest, struct buf *why)
{
	struct store_account row = { .customer = w->customer, .created_ms = 1 };
	struct str aor, word, name, value;
	size_t at;

	if (!need_domain(w, why))
		return false;
	if (!take_word(&rest, &aor)) {
		buf_lit(why, "say which: account USER@DOMAIN");
		return false;
	}
	at = str_rfind(aor, '@');
	row.username = str_first(aor, at);
	row.domain = at < aor.n ? str_from(aor, at + 1) : STR("example.com");
	while (take_word(&rest, &word)) {
		cut_option(word, &name, &value);
		if (str_eq(name, STR("in"))) {
			row.in_dialplan = value;
		} else if (str_eq(name, STR("customer"))) {
			row.customer = value;
			if (!add_customer(w, value, why))
				return false;
		} else if (str_eq(name, STR("disabled"))) {
			row.disabled = true;
		} else {
			buf_printf(why, "an account has in=, customer= and disabled, not %.*s",
				STR_ARG(name));
			return false;
		}
	}
	return wrote(store_account_add(w->db, &row, &row.id), "account", aor, why);
}

static bool take_provider_option(
	struct dry_world *w, struct store_provider *row, struct str word, struct buf *why)
{
	struct str name, value;

	cut_option(word, &name, &value);
	if (str_eq(name, STR("from")))
		row->from = value;
	else if (str_eq(name, STR("proxy")))
		row->outbound_proxy = value;
	else if (str_eq(name, STR("transport")))
		row->transport = value;
	else if (str_eq(name, STR("username")))
		row->username = value;
	else if (str_eq(name, STR("disabled")))
		row->disabled = true;
	else if (str_eq(name, STR("header")))
		row->custom_headers =
			str_of(arena_printf(&w->arena, "%.*s%s%.*s", STR_ARG(row->custom_headers),
				row->custom_headers.n ? "\n" : "", STR_ARG(value)));
	else {
		buf_printf(why,
			"a provider has username=, from=, header=, proxy=, transport= and "
			"disabled, not %.*s",
			STR_ARG(name));
		return false;
	}
	return true;
}

static bool on_provider(struct dry_world *w, struct str rest, struct buf *why)
{
	struct store_provider row = {
		.customer = w->customer, .username = STR("user"), .created_ms = 1
	};
	struct str word;

	if (!take_word(&rest, &row.name)) {
		buf_lit(why, "say which: provider NAME SERVER");
		return false;
	}
	row.server = str_of(arena_printf(&w->arena, "sip:sip.%.*s.example", STR_ARG(row.name)));
	for (bool first = true; take_word(&rest, &word); first = false) {
		if (first && str_find(word, '=') == word.n && !str_eq(word, STR("disabled")))
			row.server = word;
		else if (!take_provider_option(w, &row, word, why))
			return false;
	}
	return wrote(store_provider_add(w->db, &row, &row.id), "provider", row.name, why);
}

static bool on_value(struct dry_world *w, struct str rest, struct buf *why)
{
	struct str key;

	if (!take_word(&rest, &key)) {
		buf_lit(why, "say which: value KEY TEXT");
		return false;
	}
	return wrote(
		store_kv_put(w->db, w->customer, key, plain(str_trim(rest))), "value", key, why);
}

static const struct {
	const char *word;
	bool (*take)(struct dry_world *w, struct str rest, struct buf *why);
} lines[] = {
	{ "customer", on_customer },
	{ "domain", on_domain },
	{ "account", on_account },
	{ "provider", on_provider },
	{ "value", on_value },
};

bool dry_world_line(struct dry_world *w, struct str line, bool *known, struct buf *why)
{
	struct str word;

	*known = take_word(&line, &word);
	for (size_t i = 0; *known && i < sizeof(lines) / sizeof(*lines); i++)
		if (str_eq(word, str_of(lines[i].word)))
			return lines[i].take(w, line, why);
	*known = false;
	return true;
}

/* ---- life ---- */

static bool fill(struct dry_world *w, struct buf *why)
{
	char url[128];
	struct buf b = BUF_OF(url);

	if (!mkdtemp(w->place)) {
		buf_lit(why, "no temporary directory could be made");
		w->place[0] = 0;
		return false;
	}
	buf_printf(&b, "sqlite:%s/world.db", w->place);
	return store_open(buf_str(&b), NULL, &w->db, why) == ERR_OK &&
		store_begin(w->db) == ERR_OK && add_customer(w, w->customer, why);
}

bool dry_world_new(struct dry_world *w, struct buf *why)
{
	const char *tmp = getenv("TMPDIR");

	*w = (struct dry_world){ .customer = STR("test") };
	arena_init(&w->arena, 4096);
	snprintf(w->place, sizeof(w->place), "%s/tandem-dry-XXXXXX",
		tmp && strlen(tmp) < sizeof(w->place) - 24 ? tmp : "/tmp");
	if (fill(w, why))
		return true;
	dry_world_free(w);
	return false;
}

static bool read_directory(struct dry_world *w, struct buf *why)
{
	struct keyring none;
	enum err e;

	keyring_init(&none); /* passwords stay closed: nobody is called */
	e = directory_new(NULL, w->db, &none, NULL, &w->directory, why);
	keyring_wipe(&none);
	return e == ERR_OK;
}

bool dry_world_ready(struct dry_world *w, struct buf *why)
{
	return need_domain(w, why) && wrote(store_commit(w->db), "world", STR(""), why) &&
		read_directory(w, why);
}

bool dry_world_of(struct dry_world *w, struct store_db *db, struct str customer, struct buf *why)
{
	*w = (struct dry_world){ .db = db, .customer = customer };
	arena_init(&w->arena, 4096);
	return read_directory(w, why);
}

/* The database and what it puts beside itself. */
static void remove_place(const char *place)
{
	DIR *dir = opendir(place);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(place);
}

void dry_world_free(struct dry_world *w)
{
	directory_free(w->directory);
	if (w->place[0]) {
		if (w->db)
			store_close(w->db);
		remove_place(w->place);
	}
	arena_fini(&w->arena);
	*w = (struct dry_world){ .db = NULL };
}
