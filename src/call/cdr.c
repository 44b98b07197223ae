/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CDR of a call: one row under the call's id, put when the call starts (so that a crash leaves
 * a row) and completed when it ends. Nobody waits for it; a store that is away takes it later.
 */
#include "call/model.h"

#include <stdlib.h>

struct cdr_job {
	struct store_job job;
	struct arena arena;
	struct store_cdr row;
};

static enum err run(struct store_job *job, struct store_db *db)
{
	struct cdr_job *j = container_of(job, struct cdr_job, job);

	return j->row.ended_ms ? store_cdr_finish(db, &j->row) : store_cdr_put(db, &j->row);
}

static void done(struct store_job *job)
{
	struct cdr_job *j = container_of(job, struct cdr_job, job);

	arena_fini(&j->arena);
	free(j);
}

static void fill(struct cdr_job *j, const struct call *c)
{
	const struct call_record *r = &c->record;
	struct arena *a = &j->arena;

	j->row = (struct store_cdr){
		.call = arena_str(a, c->id),
		.customer = arena_str(a, c->customer),
		.account = arena_str(a, c->account),
		.direction = arena_str(a, r->direction),
		.a_call_id = arena_str(a, r->a_call_id),
		.b_call_id = arena_str(a, r->b_call_id),
		.from = arena_str(a, r->from),
		.to = arena_str(a, r->to),
		.request_uri = arena_str(a, r->request_uri),
		.destination = arena_str(a, r->destination),
		.provider = arena_str(a, r->provider),
		.dialplan = arena_str(a, r->dialplan),
		.a_remote = arena_str(a, r->a_remote),
		.b_remote = arena_str(a, r->b_remote),
		.started_ms = r->started_ms,
		.ringing_ms = r->ringing_ms,
		.answered_ms = r->answered_ms,
		.ended_ms = r->ended_ms,
		.status = r->status,
		.reason = arena_str(a, r->reason),
		.ended_by = arena_str(a, r->ended_by),
		.end_reason = arena_str(a, r->end_reason),
		.legs = r->legs,
	};
}

void cdr_put(struct call *c)
{
	struct cdr_job *j = mem_new(struct cdr_job);

	arena_init(&j->arena, 1024);
	j->job.kind = STORE_WRITE;
	j->job.run = run;
	j->job.done = done;
	fill(j, c);
	if (store_post(c->layer->env.store, &j->job) == ERR_OK)
		return;
	call_event(
		c, EV_STORE_TROUBLE, "the CDR of a call was lost: too much waits for the database");
	done(&j->job);
}

/* ---- after a restart ---- */

struct stale {
	struct arena arena;
	const struct hash *alive; /* call ids that go on: struct cdr_alive */
	struct store_cdr *rows;
	unsigned count, max;
};

struct cdr_alive {
	struct hash_node node;
	struct str id;
};

static void note_alive(const struct store_dialog *d, void *arg)
{
	struct stale *s = arg;
	struct cdr_alive *a = arena_new(&s->arena, struct cdr_alive);

	a->id = arena_str(&s->arena, d->call);
	hash_add((struct hash *)s->alive, &a->node, hash_str(a->id));
}

static bool is_alive(const struct stale *s, struct str id)
{
	for (struct hash_node *n = hash_find(s->alive, hash_str(id)); n; n = hash_next(n))
		if (str_eq(container_of(n, struct cdr_alive, node)->id, id))
			return true;
	return false;
}

static void copy_row(struct arena *a, struct store_cdr *to, const struct store_cdr *from)
{
	*to = *from;
	to->call = arena_str(a, from->call);
	to->customer = arena_str(a, from->customer);
	to->account = arena_str(a, from->account);
	to->direction = arena_str(a, from->direction);
	to->a_call_id = arena_str(a, from->a_call_id);
	to->b_call_id = arena_str(a, from->b_call_id);
	to->from = arena_str(a, from->from);
	to->to = arena_str(a, from->to);
	to->request_uri = arena_str(a, from->request_uri);
	to->destination = arena_str(a, from->destination);
	to->provider = arena_str(a, from->provider);
	to->dialplan = arena_str(a, from->dialplan);
	to->a_remote = arena_str(a, from->a_remote);
	to->b_remote = arena_str(a, from->b_remote);
	to->reason = arena_str(a, from->reason);
}

static void collect(const struct store_cdr *row, void *arg)
{
	struct stale *s = arg;

	if (row->ended_ms || is_alive(s, row->call))
		return;
	if (s->count == s->max) {
		s->max = s->max ? 2 * s->max : 64;
		s->rows = mem_grow(s->rows, s->max * sizeof(*s->rows));
	}
	copy_row(&s->arena, &s->rows[s->count++], row);
}

enum { STALE_LOOK_BACK = 100000 };

static void drop_node(struct hash_node *n, void *arg)
{
	hash_del(arg, n);
}

/* Closes what a crash left open: calls that were begun, and are not in the dialogs table. */
enum err call_close_stale(struct store_db *db, int64_t now_ms, unsigned *closed)
{
	struct hash alive;
	struct stale s = { .alive = &alive };
	enum err e;

	*closed = 0;
	hash_init(&alive, 64);
	arena_init(&s.arena, 16384);
	e = store_dialog_list(db, note_alive, &s);
	if (e == ERR_OK)
		e = store_cdr_list(db, STR_NONE, STALE_LOOK_BACK, collect, &s);
	for (unsigned i = 0; e == ERR_OK && i < s.count; i++) {
		s.rows[i].ended_ms = now_ms;
		s.rows[i].ended_by = STR("restart");
		s.rows[i].end_reason = STR("the service stopped during the call");
		e = store_cdr_put(db, &s.rows[i]);
		*closed += e == ERR_OK;
	}
	hash_each(&alive, drop_node, &alive);
	hash_fini(&alive);
	arena_fini(&s.arena);
	free(s.rows);
	return e;
}
