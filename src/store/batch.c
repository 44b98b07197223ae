/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Group commit. A batch is first run as it is; only if a job is refused by the database itself is
 * the batch run again with a savepoint around each job, so that the common case pays for no
 * savepoints.
 */
#include "event/event.h"
#include "store/store_int.h"
#include "store/table.h"

/* ---- queues ---- */

void queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	q->last = &q->first;
}

void queue_put(struct queue *q, struct store_job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
	q->waiting++;
}

void queue_move(struct queue *to, struct queue *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->waiting += from->waiting;
	queue_init(from);
}

struct store_job *queue_pop(struct queue *q)
{
	struct store_job *job = q->first;

	if (!job)
		return NULL;
	q->first = job->next;
	q->waiting--;
	if (!q->first)
		q->last = &q->first;
	return job;
}

/* ---- outcomes ---- */

static void run_done(struct inbox_item *item)
{
	struct store_job *job = container_of(item, struct store_job, reply);

	job->done(job);
}

void store_finish_job(struct store_job *job)
{
	job->reply.run = run_done;
	if (job->worker)
		worker_post_reply(job->worker, &job->reply);
	else
		job->done(job);
}

static size_t leave_queue(struct store *s, bool committed)
{
	size_t n = s->batch.waiting;

	lock_take(&s->lock);
	s->counts.commits += committed;
	s->counts.writes += committed ? n : 0;
	s->pending -= n;
	lock_give(&s->lock);
	return n;
}

/* Takes those of one worker out of the batch and gives them back to it, with one wake-up. */
static void finish_of(struct store *s, struct worker *w)
{
	struct inbox_item *first = NULL, **last = &first, *newest = NULL;
	struct queue others;
	unsigned count = 0;

	queue_init(&others);
	for (struct store_job *j; (j = queue_pop(&s->batch));) {
		if (j->worker != w) {
			queue_put(&others, j);
			continue;
		}
		j->reply.run = run_done;
		newest = *last = &j->reply;
		last = &newest->next;
		count++;
	}
	queue_move(&s->batch, &others);
	worker_post_replies(w, first, newest, count);
}

static void finish_all(struct store *s)
{
	while (s->batch.first) {
		if (s->batch.first->worker)
			finish_of(s, s->batch.first->worker);
		else
			store_finish_job(queue_pop(&s->batch));
	}
}

static void fail_all(struct store *s, enum err e)
{
	for (struct store_job *j = s->batch.first; j; j = j->next)
		j->result = e;
	leave_queue(s, false);
	finish_all(s);
}

void store_give_up(struct store *s)
{
	if (s->batch.first)
		event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"%zu writes are lost: the database stayed away until the end",
			s->batch.waiting);
	fail_all(s, ERR_DB);
}

/* ---- one batch ---- */

static enum err plain(struct store *s)
{
	for (struct store_job *j = s->batch.first; j; j = j->next) {
		j->result = j->run(j, s->write_db);
		if (j->result)
			return j->result;
	}
	return ERR_OK;
}

/* Each job under a savepoint: what the database refuses fails alone. */
static enum err careful(struct store *s)
{
	for (struct store_job *j = s->batch.first; j; j = j->next) {
		enum err e = store_exec(s->write_db, "SAVEPOINT job");

		if (e)
			return e;
		j->result = j->run(j, s->write_db);
		if (store_is_away(j->result))
			return j->result;
		if (j->result)
			e = store_exec(s->write_db, "ROLLBACK TO job");
		if (!e)
			e = store_exec(s->write_db, "RELEASE job");
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err injected(struct store *s)
{
	enum err e;

	lock_take(&s->lock);
	e = s->inject;
	lock_give(&s->lock);
	return e;
}

static enum err transaction(struct store *s, enum err (*jobs)(struct store *s))
{
	enum err e = store_begin(s->write_db);

	if (!e)
		e = jobs(s);
	if (!e)
		e = injected(s);
	if (!e)
		e = store_commit(s->write_db);
	if (e) {
		store_note_cause(s, e); /* before the engine speaks of the rollback instead */
		store_rollback(s->write_db);
	}
	return e;
}

static enum err commit_batch(struct store *s)
{
	enum err e = store_make_ready(s);

	if (e)
		return e;
	e = transaction(s, plain);
	if (e && !store_is_away(e))
		e = transaction(s, careful);
	return e;
}

/* Every job that waits now is told once. */
static void delay_batch(struct store *s)
{
	for (struct store_job *j = s->batch.first; j; j = j->next) {
		void (*delayed)(struct store_job *) = j->delayed;

		j->delayed = NULL;
		if (delayed)
			delayed(j);
	}
}

static void note_failure(struct store *s)
{
	lock_take(&s->lock);
	s->counts.failures++;
	lock_give(&s->lock);
}

bool store_try_batch(struct store *s)
{
	enum err e = commit_batch(s);

	if (!e) {
		store_recovered(s, leave_queue(s, true));
		finish_all(s);
		return true;
	}
	note_failure(s);
	if (!store_is_away(e)) { /* trying again would not help, and would hold up all others */
		event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"%zu writes are lost: the database cannot run them: %s", s->batch.waiting,
			s->cause);
		fail_all(s, e);
		return true;
	}
	store_trouble(s, e);
	delay_batch(s);
	if (e == ERR_DB_CORRUPT)
		store_replace_damaged(s);
	return false;
}
