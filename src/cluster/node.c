/* SPDX-License-Identifier: BSD-3-Clause */
#include "cluster/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/random.h"

enum {
	PERIOD_MS = 1000,
	LEASE_MS = 8000,
	DEAD_MS = 10000,
	ALONE_MS = 86400000, /* nobody else was seen for so long: there is nobody */
	NODES_MAX = 64,
	WANTS_MAX = 64, /* with more, all are looked at */
	KEY_MAX = 256,
	SESSION_CHARS = 8,
};

struct other {
	char session[NODE_SESSION_MAX], name[NODE_NAME_MAX + 1];
	int64_t beat;
	uint64_t seen_ms; /* when the count was seen to change */
	bool present; /* in this look */
};

struct want {
	char customer[KEY_MAX], name[KEY_MAX];
};

struct node {
	struct node_config cfg;
	char name[NODE_NAME_MAX + 1];
	uint64_t valid_until_ms, lease; /* atomic; the lease is written first */
	struct lock lock; /* the next four */
	char session[NODE_SESSION_MAX];
	struct want wants[WANTS_MAX];
	unsigned want_count;
	bool want_all;
	/* of the stepping thread */
	struct rng rng;
	struct other others[NODES_MAX];
	unsigned other_count;
	uint64_t company_ms; /* when another was last seen alive; 0: never */
	uint64_t well_ms; /* when it was last written, or first tried; 0: never */
	bool joined, told;
	bool orphans; /* there may be work that nobody has */
	bool retake; /* our own, too: our lease ended in between */
	pthread_t thread;
	pthread_cond_t woken; /* with lock */
	bool running, stopping;
	struct store_db *db;
};

/* ---- names ---- */

static void new_session(struct node *n)
{
	char text[NODE_SESSION_MAX];
	struct buf b = BUF_OF(text);

	buf_printf(&b, "%s-", n->name);
	rng_token(&n->rng, &b, SESSION_CHARS);
	lock_take(&n->lock);
	BUG_ON(str_copy(buf_str(&b), n->session, sizeof(n->session)) != ERR_OK);
	lock_give(&n->lock);
}

void node_session(struct node *n, char out[NODE_SESSION_MAX])
{
	lock_take(&n->lock);
	memcpy(out, n->session, NODE_SESSION_MAX);
	lock_give(&n->lock);
}

struct node *node_new(const struct node_config *cfg)
{
	struct node *n = mem_new(struct node);

	n->cfg = *cfg;
	n->cfg.lease_ms = cfg->lease_ms ? cfg->lease_ms : LEASE_MS;
	n->cfg.dead_ms = cfg->dead_ms ? cfg->dead_ms : DEAD_MS;
	(void)!str_copy(str_first(cfg->name, NODE_NAME_MAX), n->name, sizeof(n->name));
	rng_init(&n->rng);
	lock_init(&n->lock);
	lock_cond_init(&n->woken);
	if (!cfg->session.n || str_copy(cfg->session, n->session, sizeof(n->session)))
		new_session(n);
	n->want_all = true;
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	pthread_cond_destroy(&n->woken);
	lock_fini(&n->lock);
	free(n);
}

/* ---- what is wanted ---- */

static bool remember(struct want *w, struct str customer, struct str name)
{
	return !str_copy(customer, w->customer, KEY_MAX) && !str_copy(name, w->name, KEY_MAX);
}

void node_want(struct node *n, struct str customer, struct str name)
{
	lock_take(&n->lock);
	if (!name.n || n->want_count == WANTS_MAX ||
		!remember(&n->wants[n->want_count], customer, name))
		n->want_all = true;
	else
		n->want_count++;
	pthread_cond_signal(&n->woken);
	lock_give(&n->lock);
}

/* ---- the others ---- */

static struct other *find_other(struct node *n, struct str session)
{
	for (unsigned i = 0; i < n->other_count; i++)
		if (str_eq(str_of(n->others[i].session), session))
			return &n->others[i];
	return NULL;
}

struct look {
	struct node *node;
	uint64_t now_ms;
};

static void see(const struct store_node *row, void *arg)
{
	const struct look *l = arg;
	struct node *n = l->node;
	struct other *o = find_other(n, row->session);

	if (str_eq(row->session, str_of(n->session)))
		return;
	if (o) {
		o->present = true;
		if (o->beat == row->beat)
			return;
		n->company_ms = l->now_ms;
	} else {
		if (n->other_count == NODES_MAX)
			return; /* those that are known are looked after first */
		o = &n->others[n->other_count];
		*o = (struct other){ .present = true };
		if (str_copy(row->session, o->session, sizeof(o->session)))
			return; /* none of ours */
		(void)!str_copy(str_first(row->name, NODE_NAME_MAX), o->name, sizeof(o->name));
		n->other_count++;
	}
	o->beat = row->beat;
	o->seen_ms = l->now_ms;
}

static enum err look_around(struct node *n, struct store_db *db, uint64_t now_ms)
{
	struct look l = { n, now_ms };
	enum err e;

	for (unsigned i = 0; i < n->other_count; i++)
		n->others[i].present = false;
	e = store_node_list(db, see, &l);
	for (unsigned i = 0; i < n->other_count && !e;)
		if (n->others[i].present) {
			i++;
		} else { /* it left: what it had is nobody's */
			n->others[i] = n->others[--n->other_count];
			n->orphans = true;
		}
	return e;
}

/* Removes the rows of those that stand still. */
static enum err bury(struct node *n, struct store_db *db, uint64_t now_ms)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < n->other_count && !e; i++) {
		const struct other *o = &n->others[i];

		if (now_ms - o->seen_ms < n->cfg.dead_ms)
			continue;
		e = store_node_leave(db, str_of(o->session));
		n->orphans = true;
		event_note(n->cfg.events, EV_NODE_DIED, STR_NONE, STR_NONE,
			"%s (%s) has not been heard of for %u s: its work is taken over", o->name,
			o->session, n->cfg.dead_ms / 1000);
	}
	return e;
}

/* ---- taking ---- */

struct wanted { /* a copy, so that nobody waits for the database */
	struct want list[WANTS_MAX];
	unsigned count;
	bool all;
};

static void take_wants(struct node *n, struct wanted *w)
{
	lock_take(&n->lock);
	memcpy(w->list, n->wants, n->want_count * sizeof(struct want));
	w->count = n->want_count;
	w->all = n->want_all;
	n->want_count = 0;
	n->want_all = false;
	lock_give(&n->lock);
}

static void give_back(struct node *n, const struct wanted *w)
{
	if (w->all || w->count)
		node_want(n, STR_NONE, STR_NONE);
}

static enum err add_wanted(
	struct node *n, struct store_db *db, int64_t fence, const struct wanted *w)
{
	struct str session = str_of(n->session);
	enum err e = ERR_OK;

	if (w->all)
		return store_provider_binding_add(db, session, fence, STR_NONE, STR_NONE);
	for (unsigned i = 0; i < w->count && !e; i++)
		e = store_provider_binding_add(
			db, session, fence, str_of(w->list[i].customer), str_of(w->list[i].name));
	return e;
}

/* One transaction: that we live, who else does, and what is ours under which number. */
static enum err transact(struct node *n, struct store_db *db, uint64_t now_ms,
	const struct wanted *w, int64_t *fence)
{
	const struct store_node me = { .session = str_of(n->session), .name = str_of(n->name) };
	enum err e = n->joined ? store_node_beat(db, me.session) : store_node_join(db, &me);

	if (!e)
		e = look_around(n, db, now_ms);
	if (!e)
		e = bury(n, db, now_ms);
	if (e || (!n->orphans && !n->retake && !w->all && !w->count))
		return e;
	e = store_fence_next(db, fence);
	if (!e && (n->orphans || n->retake))
		e = store_provider_binding_take(db, me.session, *fence, n->retake);
	return e ? e : add_wanted(n, db, *fence, w);
}

static bool alone(const struct node *n, uint64_t now_ms)
{
	return !n->company_ms || now_ms - n->company_ms > ALONE_MS;
}

/* Somebody buried us: what we had is theirs. We come back as somebody new. */
static void lose(struct node *n)
{
	event_note(n->cfg.events, EV_NODE_LOST, STR_NONE, STR_NONE,
		"others took this node (%s) for dead and took its work over", n->session);
	new_session(n);
	n->joined = false;
	n->retake = true;
}

static void extend(struct node *n, uint64_t now_ms)
{
	n->told = false;
	n->well_ms = now_ms;
	__atomic_store_n(&n->valid_until_ms, now_ms + n->cfg.lease_ms, __ATOMIC_RELEASE);
}

uint64_t node_lease(const struct node *n, uint64_t now_ms)
{
	if (now_ms >= __atomic_load_n(&n->valid_until_ms, __ATOMIC_ACQUIRE))
		return 0;
	return __atomic_load_n(&n->lease, __ATOMIC_RELAXED);
}

static void failed(struct node *n, uint64_t now_ms, enum err why)
{
	n->well_ms = n->well_ms ? n->well_ms : now_ms;
	if (alone(n, now_ms) && n->joined) {
		extend(n, now_ms);
	} else if (now_ms - n->well_ms >= n->cfg.lease_ms && !n->told) {
		n->told = true;
		event_note(n->cfg.events, EV_NODE_LOST, STR_NONE, STR_NONE,
			"the database could not be written for %u s (%s): registrations at "
			"providers rest here, so that another node can take them",
			n->cfg.lease_ms / 1000, err_text(why));
	}
}

static enum err within(struct node *n, struct store_db *db, uint64_t now_ms, const struct wanted *w,
	int64_t *fence)
{
	enum err e = store_moved(db) ? store_reopen(db) : ERR_OK;

	if (!e)
		e = store_begin(db);
	if (e)
		return e;
	e = transact(n, db, now_ms, w, fence);
	if (!e)
		e = store_commit(db);
	if (e)
		store_rollback(db);
	return e;
}

enum err node_step(struct node *n, struct store_db *db, uint64_t now_ms)
{
	struct wanted w;
	int64_t fence = 0;
	enum err e;

	if (!node_lease(n, now_ms))
		n->retake = true;
	take_wants(n, &w);
	e = within(n, db, now_ms, &w, &fence);
	if (e == ERR_NOT_FOUND && n->joined) {
		lose(n);
		fence = 0;
		e = within(n, db, now_ms, &w, &fence);
	}
	if (e) {
		give_back(n, &w);
		failed(n, now_ms, e);
		return e;
	}
	if (n->retake)
		__atomic_store_n(&n->lease, n->lease + 1, __ATOMIC_RELAXED);
	n->joined = true;
	n->retake = n->orphans = false;
	extend(n, now_ms);
	return fence ? store_provider_binding_taken(db, fence, n->cfg.taken, n->cfg.arg) : ERR_OK;
}

/* ---- the thread ---- */

static bool wait_turn(struct node *n)
{
	bool go_on;

	lock_take(&n->lock);
	if (!n->want_count && !n->want_all && !n->stopping)
		lock_cond_wait_ms(&n->woken, &n->lock, PERIOD_MS);
	go_on = !n->stopping;
	lock_give(&n->lock);
	return go_on;
}

static void *node_main(void *arg)
{
	struct node *n = arg;
	struct clock now;

	do {
		clock_read(&now);
		if (node_step(n, n->db, now.mono_ms)) {
			struct timespec pause = { .tv_nsec = 200000000 };

			nanosleep(&pause, NULL); /* what is wanted stays so: no haste */
		}
	} while (wait_turn(n));
	if (n->joined && store_node_leave(n->db, str_of(n->session)))
		event_note(n->cfg.events, EV_NODE_LOST, STR_NONE, STR_NONE,
			"leaving could not be written: others wait for %u s",
			n->cfg.dead_ms / 1000);
	return NULL;
}

void node_run(struct node *n, struct store_db *db)
{
	n->db = db;
	n->running = true;
	BUG_ON(pthread_create(&n->thread, NULL, node_main, n) != 0);
}

void node_stop(struct node *n)
{
	if (!n || !n->running)
		return;
	lock_take(&n->lock);
	n->stopping = true;
	pthread_cond_signal(&n->woken);
	lock_give(&n->lock);
	pthread_join(n->thread, NULL);
	n->running = false;
	store_close(n->db);
}
