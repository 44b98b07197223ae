/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Store threads. The writer takes all write jobs that wait and commits them together; when the
 * database is away it keeps them, tells each once that it is delayed, and tries again.
 *
 * A batch is first run as it is; only if a job is refused by the database itself is the batch run
 * again with a savepoint around each job, so that the common case pays for no savepoints.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "event/event.h"
#include "store/repo.h"
#include "store/table.h"

enum { STOP_MS = 5000, URL_MAX = 4096 };

struct queue {
	struct store_job *first, **last;
	size_t waiting;
};

struct store {
	struct store_config cfg;
	char url[URL_MAX];
	struct event_bus *events;
	bool stepped;
	struct store_db *write_db, *read_db; /* the same when stepped */

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t write_wake, read_wake;
	struct queue writes, reads;
	size_t pending; /* writes posted and not yet finished */
	bool stopping, reopen_reader;
	struct store_counts counts;
	enum err inject;

	struct queue batch; /* the writer's: taken, not yet committed */
	bool away; /* atomic */
	uint64_t away_since_ms; /* the writer's */
	store_recreated_fn *on_recreated;
	void *on_recreated_arg;
	pthread_t writer, reader;
};

/* ---- queues ---- */

static void queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	q->last = &q->first;
}

static void queue_put(struct queue *q, struct store_job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
	q->waiting++;
}

static void queue_move(struct queue *to, struct queue *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->waiting += from->waiting;
	queue_init(from);
}

static struct store_job *queue_pop(struct queue *q)
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

static uint64_t mono_ms(void)
{
	struct clock c;

	clock_read(&c);
	return c.mono_ms;
}

/* ---- outcomes ---- */

static void run_done(struct inbox_item *item)
{
	struct store_job *job = container_of(item, struct store_job, reply);

	job->done(job);
}

static void finish(struct store_job *job)
{
	job->reply.run = run_done;
	if (job->worker)
		worker_post_reply(job->worker, &job->reply);
	else
		job->done(job);
}

static void count(struct store *s, uint64_t *counter, uint64_t n)
{
	pthread_mutex_lock(&s->lock);
	*counter += n;
	pthread_mutex_unlock(&s->lock);
}

/* ---- trouble ---- */

static void trouble(struct store *s, enum err e)
{
	if (s->away)
		return;
	s->away_since_ms = mono_ms();
	__atomic_store_n(&s->away, true, __ATOMIC_RELEASE);
	event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
		"the database is away (%s: %s); the service goes on from memory, writes wait",
		err_text(e),
		s->write_db ? store_driver_of(s->write_db)->error(store_conn_of(s->write_db))
			    : "closed");
}

static void recovered(struct store *s, size_t written)
{
	if (!s->away)
		return;
	__atomic_store_n(&s->away, false, __ATOMIC_RELEASE);
	event_note(s->events, EV_STORE_RECOVERED, STR_NONE, STR_NONE,
		"the database is back after %llu s; %zu writes that waited are stored",
		(unsigned long long)((mono_ms() - s->away_since_ms) / 1000), written);
}

/*
 * A damaged database is never deleted: it gets another name, a new one takes its place, and
 * memory writes back what it knows.
 */
static void replace_damaged(struct store *s)
{
	char name_text[URL_MAX], why_text[512];
	struct buf name = BUF_OF(name_text), why = BUF_OF(why_text);
	struct clock now;
	enum err e;

	clock_read(&now);
	store_close(s->write_db);
	s->write_db = NULL;
	e = store_set_aside(str_of(s->url), now.wall_ms, &name);
	if (!e)
		e = store_open(str_of(s->url), s->events, &s->write_db, &why);
	if (e) {
		s->write_db = NULL;
		return;
	}
	event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
		"the database was damaged; it is kept as %.*s, and a new one is filled with "
		"what memory knows",
		STR_ARG(buf_str(&name)));
	if (s->on_recreated)
		s->on_recreated(s->on_recreated_arg, s->write_db);
	pthread_mutex_lock(&s->lock);
	s->reopen_reader = true;
	pthread_cond_signal(&s->read_wake);
	pthread_mutex_unlock(&s->lock);
}

static enum err reopen(struct store *s)
{
	char why_text[512];
	struct buf why = BUF_OF(why_text);

	if (s->write_db)
		return ERR_OK;
	return store_open(str_of(s->url), s->events, &s->write_db, &why);
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

static enum err transaction(struct store *s, enum err (*jobs)(struct store *s))
{
	enum err e = store_begin(s->write_db);

	if (!e)
		e = jobs(s);
	if (!e)
		e = s->inject;
	if (!e)
		e = store_commit(s->write_db);
	if (e)
		store_rollback(s->write_db);
	return e;
}

static enum err commit_batch(struct store *s)
{
	enum err e = reopen(s);

	if (!e)
		e = transaction(s, plain);
	if (e && !store_is_away(e))
		e = transaction(s, careful);
	return e;
}

static void finish_batch(struct store *s)
{
	size_t n = s->batch.waiting;

	recovered(s, n);
	pthread_mutex_lock(&s->lock);
	s->counts.commits++;
	s->counts.writes += n;
	s->pending -= n;
	pthread_mutex_unlock(&s->lock);
	for (struct store_job *j; (j = queue_pop(&s->batch));)
		finish(j);
}

static void delay_batch(struct store *s)
{
	for (struct store_job *j = s->batch.first; j; j = j->next) {
		void (*delayed)(struct store_job *) = j->delayed;

		j->delayed = NULL;
		if (delayed)
			delayed(j);
	}
}

/* True: the batch is done with. */
static bool try_batch(struct store *s)
{
	enum err e = commit_batch(s);

	if (!e) {
		finish_batch(s);
		return true;
	}
	count(s, &s->counts.failures, 1);
	trouble(s, e);
	delay_batch(s);
	if (e == ERR_DB_CORRUPT)
		replace_damaged(s);
	return false;
}

/* ---- threads ---- */

static void wait_until(struct store *s, unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&s->write_wake, &s->lock, &t);
}

/* Jobs that could not be written before the end; whoever ordered them hears it. */
static void give_up(struct store *s)
{
	struct store_job *j;

	if (s->batch.first)
		event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"%zu writes are lost: the database stayed away until the end",
			s->batch.waiting);
	pthread_mutex_lock(&s->lock);
	s->pending -= s->batch.waiting;
	pthread_mutex_unlock(&s->lock);
	while ((j = queue_pop(&s->batch))) {
		j->result = ERR_DB;
		finish(j);
	}
}

static void *writer_main(void *arg)
{
	struct store *s = arg;
	uint64_t give_up_at = 0;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		bool done;

		while (!s->writes.first && !s->batch.first && !s->stopping)
			pthread_cond_wait(&s->write_wake, &s->lock);
		if (s->stopping && !give_up_at)
			give_up_at = mono_ms() + STOP_MS;
		queue_move(&s->batch, &s->writes);
		if (!s->batch.first)
			break;
		pthread_mutex_unlock(&s->lock);
		done = try_batch(s);
		if (!done && give_up_at && mono_ms() >= give_up_at)
			give_up(s);
		pthread_mutex_lock(&s->lock);
		if (!done && s->batch.first)
			wait_until(s, s->cfg.retry_ms);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void reopen_reader(struct store *s)
{
	char why_text[512];
	struct buf why = BUF_OF(why_text);

	store_close(s->read_db);
	if (store_open(str_of(s->url), s->events, &s->read_db, &why))
		s->read_db = NULL;
}

static void run_read(struct store *s, struct store_job *j)
{
	if (!s->read_db)
		reopen_reader(s);
	j->result = s->read_db ? j->run(j, s->read_db) : ERR_DB;
	finish(j);
}

static void *reader_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct store_job *j = queue_pop(&s->reads);
		bool fresh = s->reopen_reader;

		if (!j && !fresh) {
			if (s->stopping)
				break;
			pthread_cond_wait(&s->read_wake, &s->lock);
			continue;
		}
		s->reopen_reader = false;
		s->counts.reads += j != NULL;
		pthread_mutex_unlock(&s->lock);
		if (fresh)
			reopen_reader(s);
		if (j)
			run_read(s, j);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- life ---- */

static enum err make(const struct store_config *cfg, struct event_bus *events, struct store **out,
	struct buf *why)
{
	struct store *s = mem_new(struct store);
	enum err e;

	s->cfg = *cfg;
	s->events = events;
	queue_init(&s->writes);
	queue_init(&s->reads);
	queue_init(&s->batch);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->write_wake, NULL);
	pthread_cond_init(&s->read_wake, NULL);
	e = str_copy(cfg->url, s->url, sizeof(s->url));
	if (!e)
		e = store_open(cfg->url, events, &s->write_db, why);
	if (e) {
		free(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

enum err store_start(const struct store_config *cfg, struct event_bus *events, struct store **out,
	struct buf *why)
{
	struct store *s;
	enum err e = make(cfg, events, &s, why);

	if (e)
		return e;
	e = store_open(cfg->url, events, &s->read_db, why);
	if (e) {
		store_close(s->write_db);
		free(s);
		return e;
	}
	BUG_ON(pthread_create(&s->writer, NULL, writer_main, s) != 0);
	BUG_ON(pthread_create(&s->reader, NULL, reader_main, s) != 0);
	*out = s;
	return ERR_OK;
}

enum err store_start_stepped(const struct store_config *cfg, struct event_bus *events,
	struct store **out, struct buf *why)
{
	enum err e = make(cfg, events, out, why);

	if (!e) {
		(*out)->stepped = true;
		(*out)->read_db = (*out)->write_db;
	}
	return e;
}

void store_stop(struct store *s)
{
	if (!s)
		return;
	if (s->stepped) {
		s->inject = ERR_OK;
		store_step(s);
		queue_move(&s->batch, &s->writes);
		give_up(s);
	} else {
		pthread_mutex_lock(&s->lock);
		s->stopping = true;
		pthread_cond_signal(&s->write_wake);
		pthread_cond_signal(&s->read_wake);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->writer, NULL);
		pthread_join(s->reader, NULL);
		store_close(s->read_db);
	}
	store_close(s->write_db);
	pthread_cond_destroy(&s->write_wake);
	pthread_cond_destroy(&s->read_wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void store_on_recreated(struct store *s, store_recreated_fn *fn, void *arg)
{
	s->on_recreated = fn;
	s->on_recreated_arg = arg;
}

enum err store_post(struct store *s, struct store_job *job)
{
	bool write = job->kind == STORE_WRITE;
	struct queue *q = write ? &s->writes : &s->reads;
	enum err e = ERR_OK;

	pthread_mutex_lock(&s->lock);
	if ((write ? s->pending : q->waiting) >= s->cfg.queue_max)
		e = ERR_FULL;
	else if (s->stopping)
		e = ERR_CLOSED;
	else
		queue_put(q, job);
	s->pending += !e && write;
	if (!e && q->waiting == 1)
		pthread_cond_signal(write ? &s->write_wake : &s->read_wake);
	pthread_mutex_unlock(&s->lock);
	return e;
}

bool store_healthy(const struct store *s)
{
	return !__atomic_load_n(&s->away, __ATOMIC_ACQUIRE);
}

void store_counts(struct store *s, struct store_counts *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->counts;
	out->waiting = s->pending;
	pthread_mutex_unlock(&s->lock);
}

/* ---- stepped, for tests ---- */

unsigned store_step(struct store *s)
{
	unsigned n = 0;

	for (struct store_job *j; (j = queue_pop(&s->reads)); n++) {
		s->counts.reads++;
		j->result = j->run(j, s->write_db);
		finish(j);
	}
	queue_move(&s->batch, &s->writes);
	if (s->batch.first) {
		size_t waiting = s->batch.waiting;

		n += try_batch(s) ? (unsigned)waiting : 0;
	}
	return n;
}

void store_inject_failure(struct store *s, enum err e)
{
	pthread_mutex_lock(&s->lock);
	s->inject = e;
	pthread_mutex_unlock(&s->lock);
}
