/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"
#include "location/old_rows.h"
#include "store/repo.h"

enum {
	WAIT_MIN = 4096, /* rows that wait at least */
	WAIT_TIMES = 4, /* as many as there are bindings are forgotten */
	CHUNK = 512, /* deleted in one transaction */
};

struct old_rows {
	struct store *store;
	struct lock lock;
	int64_t *rows;
	size_t count, room;
	bool deleting; /* one deletion at a time */
};

struct deletion { /* all that waited once, by chunks */
	struct store_job job;
	struct old_rows *owner;
	int64_t *rows;
	size_t count, at;
	bool sorted;
};

struct old_rows *old_rows_new(struct store *s)
{
	struct old_rows *o = mem_new(struct old_rows);

	o->store = s;
	lock_init(&o->lock);
	return o;
}

void old_rows_free(struct old_rows *o)
{
	lock_fini(&o->lock);
	free(o->rows);
	free(o);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t chunk_of(const struct deletion *d)
{
	return d->count - d->at < CHUNK ? d->count - d->at : CHUNK;
}

static enum err run(struct store_job *job, struct store_db *db)
{
	struct deletion *d = container_of(job, struct deletion, job);
	enum err e = ERR_OK;

	if (!d->sorted)
		qsort(d->rows, d->count, sizeof(*d->rows), by_number);
	d->sorted = true;
	for (size_t i = 0; i < chunk_of(d) && !e; i++)
		e = store_binding_remove(db, d->rows[d->at + i]);
	return e;
}

static void end(struct deletion *d)
{
	lock_take(&d->owner->lock);
	d->owner->deleting = false;
	lock_give(&d->owner->lock);
	free(d->rows);
	free(d);
}

static void done(struct store_job *job);

static void post(struct deletion *d)
{
	d->job = (struct store_job){ .kind = STORE_WRITE, .run = run, .done = done };
	if (store_post(d->owner->store, &d->job))
		end(d);
}

static void done(struct store_job *job)
{
	struct deletion *d = container_of(job, struct deletion, job);

	d->at += chunk_of(d);
	if (job->result || d->at == d->count)
		end(d);
	else
		post(d);
}

/* Under the lock: what waits, as a deletion. */
static struct deletion *begin(struct old_rows *o)
{
	struct deletion *d = mem_new(struct deletion);

	d->owner = o;
	d->rows = o->rows;
	d->count = o->count;
	o->rows = NULL;
	o->count = o->room = 0;
	o->deleting = true;
	return d;
}

void old_rows_add(struct old_rows *o, const int64_t *rows, unsigned count, size_t bindings)
{
	size_t enough = bindings > WAIT_MIN ? bindings : WAIT_MIN;
	struct deletion *d = NULL;

	lock_take(&o->lock);
	if (o->count + count > o->room && o->count < WAIT_TIMES * enough) {
		o->room = 2 * (o->room + count);
		o->rows = mem_grow(o->rows, o->room * sizeof(*o->rows));
	}
	for (unsigned i = 0; i < count && o->count < o->room; i++)
		o->rows[o->count++] = rows[i];
	if (!o->deleting && o->count >= enough)
		d = begin(o);
	lock_give(&o->lock);
	if (d)
		post(d);
}
