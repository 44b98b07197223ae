/* SPDX-License-Identifier: BSD-3-Clause */
/* Following the changes that anybody made in the database. */
#include "base/arena.h"
#include "directory/directory_int.h"

enum { FULL_LOAD_FROM = 5000, CHECK_EVERY = 600 };

struct change {
	struct change *next;
	struct str kind, name;
};

struct changes {
	struct arena arena;
	struct change *first, **last;
	uint64_t expected, seq;
	unsigned count;
	bool gap; /* older changes were pruned before we saw them */
};

static void collect(uint64_t seq, struct str kind, struct str name, void *arg)
{
	struct changes *all = arg;
	struct change *c;

	if (all->count++ == 0)
		all->gap = seq != all->expected;
	all->seq = seq;
	if (all->count > FULL_LOAD_FROM)
		return;
	c = arena_new(&all->arena, struct change);
	c->kind = arena_str(&all->arena, kind);
	c->name = arena_str(&all->arena, name);
	*all->last = c;
	all->last = &c->next;
}

/* Reads one row anew; what is gone is forgotten. */
static enum err follow_customer(
	struct directory *d, struct store_db *db, struct str name, struct arena *a)
{
	struct store_customer row;
	enum err e = store_customer_get(db, name, a, &row);

	if (!e)
		directory_put_customer(&row, d);
	else if (e == ERR_NOT_FOUND)
		record_remove(&d->customers, name);
	return e;
}

static enum err follow_account(
	struct directory *d, struct store_db *db, struct str aor, struct arena *a)
{
	size_t at = str_rfind(aor, '@');
	struct store_account row;
	enum err e = store_account_get(db, str_first(aor, at), str_from(aor, at + 1), a, &row);

	if (!e)
		directory_put_account(&row, d);
	else if (e == ERR_NOT_FOUND)
		record_remove(&d->accounts, aor);
	return e;
}

static enum err follow_dialplan(
	struct directory *d, struct store_db *db, struct str key, struct arena *a)
{
	size_t slash = str_find(key, '/');
	struct store_dialplan row;
	enum err e =
		store_dialplan_get(db, str_first(key, slash), str_from(key, slash + 1), a, &row);

	if (!e)
		directory_put_dialplan(&row, d);
	else if (e == ERR_NOT_FOUND)
		record_remove(&d->dialplans, key);
	return e;
}

void directory_tell_watcher(struct directory *d, struct str customer, struct str name)
{
	if (d->watcher)
		d->watcher(customer, name, d->watcher_arg);
}

static enum err follow_provider(
	struct directory *d, struct store_db *db, struct str key, struct arena *a)
{
	size_t slash = str_find(key, '/');
	struct store_provider row;
	enum err e =
		store_provider_get(db, str_first(key, slash), str_from(key, slash + 1), a, &row);

	bool changed = e == ERR_NOT_FOUND;

	if (!e)
		changed = directory_take_provider(d, &row);
	else if (e == ERR_NOT_FOUND)
		directory_drop_provider(d, key);
	if (changed)
		directory_tell_watcher(d, str_first(key, slash), str_from(key, slash + 1));
	return e;
}

static enum err follow_domain(
	struct directory *d, struct store_db *db, struct str name, struct arena *a)
{
	(void)name;
	(void)a;
	return domains_load(&d->domains, db);
}

static enum err follow(
	struct directory *d, struct store_db *db, const struct change *c, struct arena *a)
{
	static const struct {
		struct str kind;
		enum err (*follow)(
			struct directory *, struct store_db *, struct str, struct arena *);
	} kinds[] = {
		{ { "customer", 8 }, follow_customer },
		{ { "account", 7 }, follow_account },
		{ { "dialplan", 8 }, follow_dialplan },
		{ { "provider", 8 }, follow_provider },
		{ { "domain", 6 }, follow_domain },
	};
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (str_eq(c->kind, kinds[i].kind))
			e = kinds[i].follow(d, db, c->name, a);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err follow_all(struct directory *d, struct store_db *db, const struct changes *all)
{
	struct arena rows;
	enum err e = ERR_OK;

	arena_init(&rows, 16384);
	for (const struct change *c = all->first; c && !e; c = c->next) {
		e = follow(d, db, c, &rows);
		arena_reset(&rows);
	}
	arena_fini(&rows);
	return e;
}

/* ---- a database that is not the one it was ---- */

/* Damage is reported once: what runs again is with the database that replaced it. */
static enum err run_look(struct store_job *job, struct store_db *db)
{
	struct directory *d = container_of(job, struct directory, look);

	return __atomic_exchange_n(&d->look_found, ERR_OK, __ATOMIC_ACQ_REL);
}

static void look_done(struct store_job *job)
{
	struct directory *d = container_of(job, struct directory, look);

	__atomic_store_n(&d->looking, false, __ATOMIC_RELEASE);
}

/* Every write makes the writer look after its file first; this one does nothing else. */
static void let_writer_look(struct directory *d, enum err found)
{
	if (!d->store || __atomic_load_n(&d->looking, __ATOMIC_ACQUIRE))
		return;
	d->look = (struct store_job){ .kind = STORE_WRITE, .run = run_look, .done = look_done };
	__atomic_store_n(&d->look_found, found, __ATOMIC_RELEASE);
	__atomic_store_n(&d->looking, true, __ATOMIC_RELEASE);
	if (store_post(d->store, &d->look))
		__atomic_store_n(&d->looking, false, __ATOMIC_RELEASE);
}

/* With a fresh connection, as an old one goes on from what it has read before. */
static void look_for_damage(struct directory *d, struct store_db *db)
{
	enum err e = store_reopen(db);

	if (!e)
		e = store_check(db);
	if (e == ERR_DB_CORRUPT)
		let_writer_look(d, e);
}

static enum err look_after(struct directory *d, struct store_db *db)
{
	if (!store_moved(db))
		return ERR_OK;
	let_writer_look(d, ERR_OK);
	d->reload = true;
	return store_reopen(db);
}

static bool empty(struct directory *d)
{
	struct directory_counts c;

	directory_counts(d, &c);
	return c.customers + c.domains == 0;
}

/* ---- other keys ---- */

static void collect_unopened(void *record, void *arg)
{
	const struct provider *p = record;
	struct changes *all = arg;

	if (p->password_fault.n)
		collect(++all->seq, STR("provider"), record_key(record), all);
}

/* Reads providers anew whose password could not be opened with the keys that there were. */
static enum err retry_passwords(struct directory *d, struct store_db *db)
{
	struct changes all = { 0 };
	enum err e;

	if (!__atomic_exchange_n(&d->retry_passwords, false, __ATOMIC_ACQ_REL))
		return ERR_OK;
	arena_init(&all.arena, 4096);
	all.last = &all.first;
	record_each(&d->providers, collect_unopened, &all);
	e = follow_all(d, db, &all);
	if (all.count > FULL_LOAD_FROM)
		d->reload = true;
	arena_fini(&all.arena);
	return e;
}

/* ---- refreshing ---- */

static enum err take_over(
	struct directory *d, struct store_db *db, const struct changes *all, uint64_t latest)
{
	enum err e = ERR_OK;

	if (latest == 0 && !empty(d)) /* just made: the writer fills it from memory first */
		return ERR_DB;
	if (d->reload || latest < d->seq || all->gap || all->count > FULL_LOAD_FROM) {
		e = directory_load(d, db);
		d->reload = e != ERR_OK;
		if (!e)
			directory_tell_watcher(d, STR_NONE, STR_NONE);
	} else if (all->count) {
		e = follow_all(d, db, all);
		if (!e)
			d->seq = all->seq;
	}
	return e;
}

enum err directory_refresh(struct directory *d, struct store_db *db, unsigned *changed)
{
	struct changes all = { .expected = d->seq + 1, .seq = d->seq };
	uint64_t latest;
	enum err e = look_after(d, db);

	*changed = 0;
	if (!e)
		e = retry_passwords(d, db);
	if (e)
		return e;
	arena_init(&all.arena, 4096);
	all.last = &all.first;
	e = store_change_latest(db, &latest);
	if (!e && latest > d->seq)
		e = store_changes(db, d->seq, collect, &all);
	if (!e)
		e = take_over(d, db, &all, latest);
	if (e == ERR_DB_CORRUPT || ++d->refreshes % CHECK_EVERY == 0)
		look_for_damage(d, db);
	*changed = all.count;
	directory_note_unopened(d);
	arena_fini(&all.arena);
	return e;
}
