/* SPDX-License-Identifier: BSD-3-Clause */
/* The store's life and its two threads; jobs come in here. */
#include <stdlib.h>

#include "base/arena.h"
#include "event/event.h"
#include "store/store_int.h"
#include "store/table.h"

enum {
	STOP_MS = 5000,
	GATHER_FROM = 8, /* jobs in a batch: from here on there is a crowd */
	GATHER_ENOUGH = 256,
	GATHER_MS = 1,
};

/* ---- threads ---- */

static uint64_t mono_ms(void)
{
	struct clock c;

	clock_read(&c);
	return c.mono_ms;
}

/*
 * In a crowd a commit waits a moment for those that come behind: what it costs, above all the
 * disk's flush, is the same for one and for many. Who comes alone does not wait.
 */
static void gather(struct store *s, size_t before)
{
	if (before >= GATHER_FROM && s->writes.waiting < GATHER_ENOUGH && !s->stopping)
		lock_cond_wait_ms(&s->write_wake, &s->lock, GATHER_MS);
}

static void *writer_main(void *arg)
{
	struct store *s = arg;
	uint64_t give_up_at = 0;
	size_t before = 0;

	lock_take(&s->lock);
	for (;;) {
		bool done;

		while (!s->writes.first && !s->batch.first && !s->stopping)
			pthread_cond_wait(&s->write_wake, &s->lock.mutex);
		gather(s, before);
		if (s->stopping && !give_up_at)
			give_up_at = mono_ms() + STOP_MS;
		queue_move(&s->batch, &s->writes);
		before = s->batch.waiting;
		if (!s->batch.first)
			break;
		lock_give(&s->lock);
		done = store_try_batch(s);
		if (!done && give_up_at && mono_ms() >= give_up_at)
			store_give_up(s);
		lock_take(&s->lock);
		if (!done && s->batch.first)
			lock_cond_wait_ms(&s->write_wake, &s->lock, s->cfg.retry_ms);
	}
	lock_give(&s->lock);
	return NULL;
}

static void run_read(struct store_db *db, struct store_job *j)
{
	enum err e = ERR_DB;

	if (db)
		e = store_moved(db) ? store_reopen(db) : ERR_OK;
	j->result = e ? e : j->run(j, db);
	store_finish_job(j);
}

static void *reader_main(void *arg)
{
	struct store *s = arg;

	lock_take(&s->lock);
	for (;;) {
		struct store_job *j = queue_pop(&s->reads);

		if (!j) {
			if (s->stopping)
				break;
			pthread_cond_wait(&s->read_wake, &s->lock.mutex);
			continue;
		}
		s->counts.reads++;
		lock_give(&s->lock);
		run_read(s->read_db, j);
		lock_take(&s->lock);
	}
	lock_give(&s->lock);
	return NULL;
}

/* ---- life ---- */

/* A damaged database is set aside and a new one begun, so that the service starts. */
static enum err open_first(struct store *s, struct buf *why)
{
	char text[STORE_URL_MAX];
	struct buf name = BUF_OF(text);
	struct clock now;
	enum err e = store_open(str_of(s->url), s->events, &s->write_db, why);

	if (!e)
		e = store_check(s->write_db);
	if (e != ERR_DB_CORRUPT)
		return e;
	clock_read(&now);
	store_close(s->write_db);
	s->write_db = NULL;
	e = store_set_aside(str_of(s->url), now.wall_ms, &name);
	if (e)
		return e;
	event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
		"the database is damaged; it is kept as %.*s. A new, empty one begins: customers, "
		"accounts and all else are gone until a backup is restored",
		STR_ARG(buf_str(&name)));
	why->n = 0;
	return store_open(str_of(s->url), s->events, &s->write_db, why);
}

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
	lock_init(&s->lock);
	lock_cond_init(&s->write_wake);
	pthread_cond_init(&s->read_wake, NULL);
	e = str_copy(cfg->url, s->url, sizeof(s->url));
	if (!e)
		e = open_first(s, why);
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
		store_give_up(s);
	} else {
		lock_take(&s->lock);
		s->stopping = true;
		pthread_cond_signal(&s->write_wake);
		pthread_cond_signal(&s->read_wake);
		lock_give(&s->lock);
		pthread_join(s->writer, NULL);
		pthread_join(s->reader, NULL);
		store_close(s->read_db);
	}
	store_close(s->write_db);
	pthread_cond_destroy(&s->write_wake);
	pthread_cond_destroy(&s->read_wake);
	lock_fini(&s->lock);
	free(s);
}

void store_on_recreated(struct store *s, store_recreated_fn *fn, void *arg)
{
	BUG_ON(s->refiller_count == STORE_REFILLERS_MAX);
	s->refillers[s->refiller_count++] = (struct refiller){ fn, arg };
}

enum err store_post(struct store *s, struct store_job *job)
{
	bool write = job->kind == STORE_WRITE;
	struct queue *q = write ? &s->writes : &s->reads;
	enum err e = ERR_OK;

	lock_take(&s->lock);
	if ((write ? s->pending : q->waiting) >= s->cfg.queue_max)
		e = ERR_FULL;
	else if (s->stopping)
		e = ERR_CLOSED;
	else
		queue_put(q, job);
	s->pending += !e && write;
	if (!e && q->waiting == 1)
		pthread_cond_signal(write ? &s->write_wake : &s->read_wake);
	lock_give(&s->lock);
	return e;
}

bool store_healthy(const struct store *s)
{
	return !__atomic_load_n(&s->away, __ATOMIC_ACQUIRE);
}

void store_counts(struct store *s, struct store_counts *out)
{
	lock_take(&s->lock);
	*out = s->counts;
	out->waiting = s->pending;
	lock_give(&s->lock);
}

void store_report_locks(struct store *s, lock_report_fn *report, void *arg)
{
	struct lock_report r = { .name = "store queue" };

	lock_report_add(&r, &s->lock.use);
	report(arg, &r);
}

/* ---- stepped, for tests ---- */

unsigned store_step(struct store *s)
{
	unsigned n = 0;

	for (struct store_job *j; (j = queue_pop(&s->reads)); n++) {
		s->counts.reads++;
		run_read(s->write_db, j);
	}
	queue_move(&s->batch, &s->writes);
	if (s->batch.first) {
		size_t waiting = s->batch.waiting;

		n += store_try_batch(s) ? (unsigned)waiting : 0;
	}
	return n;
}

void store_inject_failure(struct store *s, enum err e)
{
	lock_take(&s->lock);
	s->inject = e;
	lock_give(&s->lock);
}
