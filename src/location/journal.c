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
	*row = (struct store_binding){ .id = b->row,
		.aor = aor,
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
		.row = row->id,
		.flow.listener = (uint16_t)row->listener };
	e = parse_end(row->received, &b->flow.proto, &b->flow.remote);
	return e ? e : parse_end(row->local, &local_proto, &b->flow.local);
}

/* ---- a change as a write job ---- */

struct journal { /* one allocation: puts, gone and all text stand behind it */
	struct store_job job;
	struct inbox_item told; /* for an early answer, when the database is away */
	struct worker *worker;
	location_done *done;
	void *done_arg;
	bool answered;
	unsigned put_count, gone_count;
	int64_t *gone;
	struct store_binding put[];
};

static enum err run_change(struct store_job *job, struct store_db *db)
{
	struct journal *j = container_of(job, struct journal, job);
	enum err e = ERR_OK;

	for (unsigned i = 0; i < j->gone_count && !e; i++)
		e = store_binding_end(db, j->gone[i]);
	for (unsigned i = 0; i < j->put_count && !e; i++)
		e = store_binding_put(db, &j->put[i]);
	return e;
}

static void change_done(struct store_job *job)
{
	struct journal *j = container_of(job, struct journal, job);

	if (!j->answered)
		j->done(j->done_arg, job->result);
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

static void copy(char **at, struct str *s)
{
	if (!s->n)
		return;
	memcpy(*at, s->p, s->n);
	s->p = *at;
	*at += s->n;
}

static void copy_put(struct store_binding *to, struct str aor, const struct binding *b, char **at)
{
	struct journal_text text;

	journal_to_row(aor, b, to, &text);
	copy(at, &to->contact);
	copy(at, &to->instance);
	copy(at, &to->call_id);
	copy(at, &to->user_agent);
	copy(at, &to->path);
	copy(at, &to->received);
	copy(at, &to->local);
}

static struct journal *make(const struct journal_change *c)
{
	size_t puts = c->put_count * sizeof(struct store_binding);
	size_t gone = c->gone_count * sizeof(int64_t), text = c->aor.n;
	struct journal *j;
	struct str aor = c->aor;
	char *at;

	for (unsigned i = 0; i < c->put_count; i++) {
		const struct binding *b = &c->put[i];

		text += b->contact.n + b->instance.n + b->call_id.n + b->user_agent.n + b->path.n +
			sizeof(struct journal_text);
	}
	j = mem_alloc(sizeof(*j) + puts + gone + text);
	*j = (struct journal){ .put_count = c->put_count, .gone_count = c->gone_count };
	j->gone = (int64_t *)(void *)((char *)j->put + puts);
	memcpy(j->gone, c->gone, gone);
	at = (char *)j->gone + gone;
	copy(&at, &aor);
	for (unsigned i = 0; i < c->put_count; i++)
		copy_put(&j->put[i], aor, &c->put[i], &at);
	return j;
}

enum err journal_post(struct store *s, struct worker *w, const struct journal_change *c,
	location_done *done, void *done_arg)
{
	struct journal *j = make(c);
	enum err e;

	j->job = (struct store_job){ .kind = STORE_WRITE,
		.worker = w,
		.run = run_change,
		.done = change_done,
		.delayed = change_delayed };
	j->worker = w;
	j->done = done;
	j->done_arg = done_arg;
	e = store_post(s, &j->job);
	if (e)
		free(j);
	return e;
}
