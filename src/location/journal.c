/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "location/journal.h"

/* ---- rows ---- */

void journal_to_row(struct str aor, const struct binding *b, struct store_binding *row,
	struct journal_text *text)
{
	struct buf received = BUF_OF(text->received), local = BUF_OF(text->local);

	flow_print_remote(&received, &b->flow);
	flow_print_local(&local, &b->flow);
	*row = (struct store_binding){ .aor = aor,
		.contact = b->contact,
		.instance = b->instance,
		.reg_id = b->reg_id,
		.call_id = b->call_id,
		.cseq = b->cseq,
		.q1000 = b->q1000,
		.expires_ms = b->expires_ms,
		.updated_ms = b->updated_ms,
		.user_agent = b->user_agent,
		.path = b->path,
		.received = buf_str(&received),
		.local = buf_str(&local),
		.listener = b->flow.listener };
}

static enum err parse_end(struct str s, enum tp_proto *proto, struct addr *a)
{
	size_t colon = str_find(s, ':');
	enum err e = tp_proto_parse(str_first(s, colon), proto);

	return e ? e : addr_parse(str_from(s, colon + 1), a);
}

enum err journal_from_row(const struct store_binding *row, struct binding *b)
{
	enum tp_proto local_proto;
	enum err e;

	*b = (struct binding){ .contact = row->contact,
		.instance = row->instance,
		.reg_id = row->reg_id,
		.call_id = row->call_id,
		.cseq = row->cseq,
		.q1000 = row->q1000,
		.expires_ms = row->expires_ms,
		.updated_ms = row->updated_ms,
		.user_agent = row->user_agent,
		.path = row->path,
		.flow.listener = (uint16_t)row->listener };
	e = parse_end(row->received, &b->flow.proto, &b->flow.remote);
	return e ? e : parse_end(row->local, &local_proto, &b->flow.local);
}

/* ---- a change as a write job ---- */

struct journal {
	struct store_job job;
	struct inbox_item told; /* for an early answer, when the database is away */
	struct worker *worker;
	location_done *done;
	void *done_arg;
	bool answered;
	struct arena arena;
	struct str aor;
	struct store_binding *put;
	unsigned put_count;
	struct str *remove;
	unsigned remove_count;
};

static enum err run_change(struct store_job *job, struct store_db *db)
{
	struct journal *j = container_of(job, struct journal, job);
	enum err e = ERR_OK;

	for (unsigned i = 0; i < j->remove_count && !e; i++) {
		e = store_binding_remove(db, j->aor, j->remove[i]);
		if (e == ERR_NOT_FOUND) /* run before, in a commit that failed */
			e = ERR_OK;
	}
	for (unsigned i = 0; i < j->put_count && !e; i++)
		e = store_binding_put(db, &j->put[i]);
	return e;
}

static void change_done(struct store_job *job)
{
	struct journal *j = container_of(job, struct journal, job);

	if (!j->answered)
		j->done(j->done_arg, job->result);
	arena_fini(&j->arena);
	free(j);
}

static void on_told(struct inbox_item *item)
{
	struct journal *j = container_of(item, struct journal, told);

	j->answered = true;
	j->done(j->done_arg, ERR_DB);
}

/* Before the job's own reply in the same inbox, so j is there when it runs. */
static void change_delayed(struct store_job *job)
{
	struct journal *j = container_of(job, struct journal, job);

	j->told.run = on_told;
	worker_post_reply(j->worker, &j->told);
}

static void copy_put(struct journal *j, unsigned i, const struct binding *b)
{
	struct journal_text text;
	struct store_binding *row = &j->put[i];
	struct arena *a = &j->arena;

	journal_to_row(j->aor, b, row, &text);
	row->contact = arena_str(a, row->contact);
	row->instance = arena_str(a, row->instance);
	row->call_id = arena_str(a, row->call_id);
	row->user_agent = arena_str(a, row->user_agent);
	row->path = arena_str(a, row->path);
	row->received = arena_str(a, row->received);
	row->local = arena_str(a, row->local);
}

enum err journal_post(struct store *s, struct worker *w, struct str aor,
	const struct location_change *c, location_done *done, void *done_arg)
{
	struct journal *j = mem_new(struct journal);
	enum err e;

	j->job = (struct store_job){ .kind = STORE_WRITE,
		.worker = w,
		.run = run_change,
		.done = change_done,
		.delayed = change_delayed };
	j->worker = w;
	j->done = done;
	j->done_arg = done_arg;
	arena_init(&j->arena, 1024);
	j->aor = arena_str(&j->arena, aor);
	j->put_count = c->put_count;
	j->put = arena_alloc(&j->arena, c->put_count * sizeof(*j->put));
	for (unsigned i = 0; i < c->put_count; i++)
		copy_put(j, i, &c->put[i]);
	j->remove_count = c->remove_count;
	j->remove = arena_alloc(&j->arena, c->remove_count * sizeof(*j->remove));
	for (unsigned i = 0; i < c->remove_count; i++)
		j->remove[i] = arena_str(&j->arena, c->remove[i]);
	e = store_post(s, &j->job);
	if (e) {
		arena_fini(&j->arena);
		free(j);
	}
	return e;
}

/* ---- expiry ---- */

struct expiry {
	struct store_job job;
	int64_t now_ms;
};

static enum err run_expiry(struct store_job *job, struct store_db *db)
{
	return store_binding_expire(db, container_of(job, struct expiry, job)->now_ms);
}

static void expiry_done(struct store_job *job)
{
	free(container_of(job, struct expiry, job));
}

void journal_expire(struct store *s, int64_t now_ms)
{
	struct expiry *x = mem_new(struct expiry);

	x->job = (struct store_job){ .kind = STORE_WRITE, .run = run_expiry, .done = expiry_done };
	x->now_ms = now_ms;
	if (store_post(s, &x->job)) /* the next sweep removes them with its own */
		free(x);
}
