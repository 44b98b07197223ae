/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "event/event.h"
#include "location/journal.h"
#include "location/old_rows.h"
#include "location/table.h"
#include "store/repo.h"

enum {
	SWEEP_SHARD_MAX = 32, /* while its lock is held */
};

struct location {
	struct store *store;
	struct event_bus *events;
	struct old_rows *old; /* NULL without a store */
	struct shard shards[LOCATION_SHARDS];
};

/* h: hash_istr of the AOR */
static struct shard *shard_of(struct location *l, uint64_t h)
{
	return &l->shards[h >> 58];
}

/* ---- life ---- */

static enum err write_back(void *arg, struct store_db *db);

enum err location_new(
	struct store *s, struct event_bus *events, unsigned workers, struct location **out)
{
	struct location *l = mem_new(struct location);

	(void)workers;
	l->store = s;
	l->events = events;
	for (int i = 0; i < LOCATION_SHARDS; i++)
		shard_init(&l->shards[i]);
	if (s) {
		l->old = old_rows_new(s);
		store_on_recreated(s, write_back, l);
	}
	*out = l;
	return ERR_OK;
}

void location_free(struct location *l)
{
	if (!l)
		return;
	for (int i = 0; i < LOCATION_SHARDS; i++)
		shard_fini(&l->shards[i]);
	if (l->old)
		old_rows_free(l->old);
	free(l);
}

/* Under the lock of `s`, which holds about as many bindings as each of the others. */
static void forget_rows(
	struct location *l, const struct shard *s, const int64_t *rows, unsigned count)
{
	if (l->old && count)
		old_rows_add(l->old, rows, count, LOCATION_SHARDS * s->bindings);
}

struct loading {
	struct location *l;
	int64_t now_ms;
};

/* Of several rows of one binding the last one counts; they come in order. */
static void load_row(const struct store_binding *row, void *arg)
{
	struct loading *load = arg;
	struct location *l = load->l;
	uint64_t h = hash_istr(row->aor);
	struct shard *s = shard_of(l, h);
	struct aor *a = shard_get(s, row->aor, h);
	struct binding_key key = { row->contact, row->instance, row->instance.n ? row->reg_id : 0 };
	int64_t older = aor_row_of(a, &key);
	struct binding b;

	if (row->id > s->last_row)
		s->last_row = row->id;
	forget_rows(l, s, &older, older != 0);
	if (row->expires_ms > load->now_ms && !journal_from_row(row, &b)) {
		aor_put(s, a, &b);
		return;
	}
	aor_remove(s, a, &key);
	shard_tidy(s, a);
	forget_rows(l, s, &row->id, 1);
}

enum err location_load(struct location *l, struct store_db *db, int64_t now_ms, size_t *count)
{
	struct loading load = { .l = l, .now_ms = now_ms };
	enum err e = store_binding_list(db, load_row, &load);

	*count = location_count(l);
	return e;
}

struct writing {
	struct store_db *db;
	enum err err;
};

static void write_aor(struct aor *a, void *arg)
{
	struct writing *w = arg;

	for (const struct entry *e = a->entries; e && !w->err; e = e->next) {
		struct journal_text text;
		struct store_binding row;
		struct binding b;

		entry_view(e, &b);
		journal_to_row(aor_text(a), &b, &row, &text);
		w->err = store_binding_put(w->db, &row);
	}
}

/* The database was replaced by an empty one: all that we know goes into it. */
static enum err write_back(void *arg, struct store_db *db)
{
	struct location *l = arg;
	struct writing w = { .db = db };

	for (int i = 0; i < LOCATION_SHARDS && !w.err; i++) {
		lock_take(&l->shards[i].lock);
		shard_each(&l->shards[i], write_aor, &w);
		lock_give(&l->shards[i].lock);
	}
	return w.err;
}

/* ---- reading ---- */

enum which { REACHABLE, ALL };

/* The bindings that count, in `out`; best q first, among equals the newest. */
static unsigned present(
	const struct aor *a, int64_t now_ms, enum which which, struct binding *out, unsigned max)
{
	unsigned n = 0;

	for (const struct entry *e = a->entries; e && n < max; e = e->next) {
		unsigned at = n;

		if (e->expires_ms <= now_ms || (e->lost && which == REACHABLE))
			continue;
		while (at > 0 &&
			(out[at - 1].q1000 < e->q1000 ||
				(out[at - 1].q1000 == e->q1000 &&
					out[at - 1].updated_ms < e->updated_ms)))
			at--;
		memmove(&out[at + 1], &out[at], (n - at) * sizeof(*out));
		entry_view(e, &out[at]);
		n++;
	}
	return n;
}

unsigned location_each(struct location *l, struct str aor, int64_t now_ms,
	void (*visit)(const struct binding *b, void *arg), void *arg)
{
	struct binding list[LOCATION_BINDINGS_MAX];
	uint64_t h = hash_istr(aor);
	struct shard *s = shard_of(l, h);
	const struct aor *a;
	unsigned n;

	lock_take(&s->lock);
	a = shard_find(s, aor, h);
	n = a ? present(a, now_ms, REACHABLE, list, LOCATION_BINDINGS_MAX) : 0;
	for (unsigned i = 0; i < n; i++)
		visit(&list[i], arg);
	lock_give(&s->lock);
	return n;
}

bool location_lost(struct location *l, struct str aor, int64_t now_ms)
{
	uint64_t h = hash_istr(aor);
	struct shard *s = shard_of(l, h);
	const struct aor *a;
	bool lost = false;

	lock_take(&s->lock);
	a = shard_find(s, aor, h);
	for (const struct entry *e = a ? a->entries : NULL; e; e = e->next)
		lost = lost || (e->lost && e->expires_ms > now_ms);
	lock_give(&s->lock);
	return lost;
}

struct wanted_flow {
	struct str contact;
	struct flow *out;
	bool found;
};

static void take_flow(const struct binding *b, void *arg)
{
	struct wanted_flow *w = arg;

	if (w->found || !str_eq(b->contact, w->contact))
		return;
	*w->out = b->flow;
	w->found = true;
}

bool location_flow(
	struct location *l, struct str aor, struct str contact, int64_t now_ms, struct flow *out)
{
	struct wanted_flow w = { contact, out, false };

	location_each(l, aor, now_ms, take_flow, &w);
	return w.found;
}

struct listing {
	int64_t now_ms;
	void (*visit)(struct str aor, const struct binding *b, void *arg);
	void *arg;
};

static void list_aor(struct aor *a, void *arg)
{
	struct binding list[LOCATION_BINDINGS_MAX];
	struct listing *w = arg;
	unsigned n = present(a, w->now_ms, ALL, list, LOCATION_BINDINGS_MAX);

	for (unsigned i = 0; i < n; i++)
		w->visit(aor_text(a), &list[i], w->arg);
}

void location_list(struct location *l, int64_t now_ms,
	void (*visit)(struct str aor, const struct binding *b, void *arg), void *arg)
{
	struct listing w = { now_ms, visit, arg };

	for (int i = 0; i < LOCATION_SHARDS; i++) {
		lock_take(&l->shards[i].lock);
		shard_each(&l->shards[i], list_aor, &w);
		lock_give(&l->shards[i].lock);
	}
}

size_t location_count(struct location *l)
{
	size_t n = 0;

	for (int i = 0; i < LOCATION_SHARDS; i++) {
		lock_take(&l->shards[i].lock);
		n += l->shards[i].bindings;
		lock_give(&l->shards[i].lock);
	}
	return n;
}

void location_report_locks(struct location *l, lock_report_fn *report, void *arg)
{
	struct lock_report r = { .name = "bindings" };

	for (int i = 0; i < LOCATION_SHARDS; i++)
		lock_report_add(&r, &l->shards[i].lock.use);
	report(arg, &r);
}

/* ---- changing ---- */

static void apply(struct shard *s, struct aor *a, const struct location_change *c)
{
	for (unsigned i = 0; i < c->remove_count; i++)
		aor_remove(s, a, &c->remove[i]);
	for (unsigned i = 0; i < c->put_count; i++)
		aor_put(s, a, &c->put[i]);
}

static bool fits(struct str aor, const struct location_change *c, unsigned count)
{
	if (aor.n > UINT16_MAX || count + c->put_count > LOCATION_BINDINGS_MAX + c->remove_count)
		return false;
	for (unsigned i = 0; i < c->put_count; i++) {
		const struct binding *b = &c->put[i];

		if (b->contact.n > UINT16_MAX || b->instance.n > UINT16_MAX ||
			b->call_id.n > UINT16_MAX || b->path.n > UINT16_MAX ||
			b->user_agent.n > UINT16_MAX)
			return false;
	}
	return true;
}

/* Numbers the new rows; what is in the way of them goes to `old`. Returns how many. */
static unsigned in_rows(struct worker *w, struct shard *s, struct str aor, const struct aor *a,
	struct location_change *c, struct journal_change *out,
	int64_t old[2 * LOCATION_BINDINGS_MAX])
{
	unsigned n = 0;

	*out = (struct journal_change){ .aor = aor, .put = c->put, .put_count = c->put_count };
	for (unsigned i = 0; i < c->remove_count; i++) {
		int64_t row = aor_row_of(a, &c->remove[i]);

		if (row)
			old[n++] = out->gone[out->gone_count++] = row;
	}
	for (unsigned i = 0; i < c->put_count; i++) {
		struct binding_key key = binding_key(&c->put[i]);
		int64_t row = aor_row_of(a, &key);

		c->put[i].row = s->last_row = worker_row_id_after(w, s->last_row);
		if (row)
			old[n++] = row;
	}
	return n;
}

/*
 * The journal's order is posted before memory changes and under the AOR's lock: what cannot be
 * journaled does not happen, and the store sees the changes of one AOR in order.
 */
enum err location_update(struct location *l, struct worker *w, struct str aor,
	location_change_fn *change, void *change_arg, location_done *done, void *done_arg)
{
	struct location_change c;
	struct journal_change rows;
	int64_t old[2 * LOCATION_BINDINGS_MAX];
	unsigned old_count = 0;
	struct binding list[LOCATION_BINDINGS_MAX];
	uint64_t h = hash_istr(aor);
	struct shard *s = shard_of(l, h);
	struct aor *a;
	unsigned n;
	enum err e;

	c.put_count = c.remove_count = 0;
	lock_take(&s->lock);
	a = shard_get(s, aor, h);
	n = present(a, w->clock.wall_ms, ALL, list, LOCATION_BINDINGS_MAX);
	e = change(change_arg, list, n, &c);
	if (!e && !fits(aor, &c, n))
		e = ERR_LIMIT;
	if (!e) {
		old_count = in_rows(w, s, aor, a, &c, &rows, old);
		e = journal_post(l->store, w, &rows, done, done_arg);
	}
	if (!e) {
		apply(s, a, &c);
		forget_rows(l, s, old, old_count);
	}
	shard_tidy(s, a);
	lock_give(&s->lock);
	return e;
}

/* ---- expiry ---- */

static void tell_gone(struct str aor, const struct binding *b, void *arg)
{
	struct location *l = arg;
	struct event ev = { .kind = EV_EXPIRED,
		.account = aor,
		.text = STR("the phone did not refresh its registration in time") };

	forget_rows(l, shard_of(l, hash_istr(aor)), &b->row, 1);
	event_field(&ev, "contact", b->contact);
	event_field(&ev, "user_agent", b->user_agent);
	event_emit(l->events, &ev);
}

unsigned location_sweep(struct location *l, int64_t now_ms)
{
	unsigned removed = 0;

	for (int i = 0; i < LOCATION_SHARDS; i++) {
		lock_take(&l->shards[i].lock);
		removed += shard_sweep(&l->shards[i], now_ms, SWEEP_SHARD_MAX, tell_gone, l);
		lock_give(&l->shards[i].lock);
	}
	return removed;
}

void location_conn_closed(struct location *l, uint64_t conn)
{
	for (int i = 0; i < LOCATION_SHARDS; i++) {
		lock_take(&l->shards[i].lock);
		shard_conn_closed(&l->shards[i], conn);
		lock_give(&l->shards[i].lock);
	}
}

/* ---- keep-alives ---- */

unsigned location_keepalive(
	struct location *l, unsigned shard, uint64_t second, struct flow *out, unsigned max)
{
	struct shard *s = &l->shards[shard];
	unsigned n;

	lock_take(&s->lock);
	n = shard_keep(s, second, out, max);
	lock_give(&s->lock);
	return n;
}

size_t location_kept(struct location *l)
{
	size_t n = 0;

	for (int i = 0; i < LOCATION_SHARDS; i++) {
		lock_take(&l->shards[i].lock);
		n += l->shards[i].kept;
		lock_give(&l->shards[i].lock);
	}
	return n;
}

struct keeping {
	struct shard *shard;
	uint8_t (*seconds)(struct str aor, const struct binding *b, void *arg);
	void *arg;
};

static void keep_aor(struct aor *a, void *arg)
{
	const struct keeping *k = arg;
	struct binding list[LOCATION_BINDINGS_MAX];
	unsigned n = present(a, 0, ALL, list, LOCATION_BINDINGS_MAX);

	/* what is put again is another entry: worst first, so that the order stays */
	while (n--) {
		struct binding b = list[n];

		b.keepalive_s = b.flow.proto == TP_UDP ? k->seconds(aor_text(a), &b, k->arg) : 0;
		if (b.keepalive_s)
			aor_put(k->shard, a, &b);
	}
}

void location_keepalive_all(struct location *l,
	uint8_t (*seconds)(struct str aor, const struct binding *b, void *arg), void *arg)
{
	for (int i = 0; i < LOCATION_SHARDS; i++) {
		struct keeping k = { &l->shards[i], seconds, arg };

		lock_take(&l->shards[i].lock);
		shard_each(&l->shards[i], keep_aor, &k);
		lock_give(&l->shards[i].lock);
	}
}
