/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"
#include "location/old_rows.h"
#include "store/repo.h"

enum {
	WAIT_MIN = 4096, /* rows that wait at least */
	WAIT_PART = 2, /* and this part of the bindings */
	WAIT_TIMES = 4, /* so often that, and more are forgotten */
	CHUNK = 256, /* at most, deleted in one transaction */
	PACE = 2, /* deleted for each that comes */
	ENDS_MAX = 64,
};

/* All that waited once. In order only as far as they are due (due). */
struct deletion {
	struct store_job job;
	struct old_rows *owner;
	int64_t *rows;
	size_t count, at, upto; /* those before `at` are done, those before `upto` on their way */
	size_t ends[ENDS_MAX]; /* none before an end is greater than any after it; the last is the
				  first */
	unsigned end_count;
};

struct old_rows {
	struct store *store;
	struct lock lock;
	int64_t *rows;
	size_t count, room;
	struct deletion *deletion; /* one at a time */
	bool posted;
	size_t owed; /* deletions */
};

struct old_rows *old_rows_new(struct store *s)
{
	struct old_rows *o = mem_new(struct old_rows);

	o->store = s;
	lock_init(&o->lock);
	return o;
}

static void deletion_free(struct deletion *d)
{
	if (!d)
		return;
	free(d->rows);
	free(d);
}

void old_rows_free(struct old_rows *o)
{
	lock_fini(&o->lock);
	deletion_free(o->deletion);
	free(o->rows);
	free(o);
}

/* ---- order ---- */

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Hoare's partition of two or more. Returns where the second part begins; neither is empty. */
static size_t partition(int64_t *rows, size_t from, size_t to)
{
	int64_t pivot = rows[from + (to - from - 1) / 2];
	size_t i = from, j = to - 1;

	for (;;) {
		int64_t swap;

		while (rows[i] < pivot)
			i++;
		while (rows[j] > pivot)
			j--;
		if (i >= j)
			return j + 1;
		swap = rows[i];
		rows[i++] = rows[j];
		rows[j--] = swap;
	}
}

/* The next ones in order: a quicksort that goes no further than it must. Returns their end. */
static size_t due(struct deletion *d)
{
	size_t end;

	if (d->end_count && d->ends[d->end_count - 1] == d->at)
		d->end_count--;
	end = d->end_count ? d->ends[d->end_count - 1] : d->count;
	while (end - d->at > CHUNK && d->end_count < ENDS_MAX)
		d->ends[d->end_count++] = end = partition(d->rows, d->at, end);
	qsort(d->rows + d->at, end - d->at, sizeof(*d->rows), by_number);
	return end - d->at < CHUNK ? end : d->at + CHUNK;
}

/* ---- deleting ---- */

static enum err run(struct store_job *job, struct store_db *db)
{
	struct deletion *d = container_of(job, struct deletion, job);
	enum err e = ERR_OK;

	if (d->upto == d->at)
		d->upto = due(d);
	for (size_t i = d->at; i < d->upto && !e; i++)
		e = store_binding_remove(db, d->rows[i]);
	return e;
}

static void done(struct store_job *job)
{
	struct deletion *d = container_of(job, struct deletion, job);
	struct old_rows *o = d->owner;
	bool over;

	lock_take(&o->lock);
	o->owed -= d->upto - d->at < o->owed ? d->upto - d->at : o->owed;
	d->at = d->upto;
	over = job->result || d->at == d->count;
	if (over)
		o->deletion = NULL;
	o->posted = false;
	lock_give(&o->lock);
	if (over)
		deletion_free(d);
}

/* Under the lock: what waits, as a deletion. */
static void begin(struct old_rows *o)
{
	struct deletion *d = mem_new(struct deletion);

	d->owner = o;
	d->rows = o->rows;
	d->count = o->count;
	o->deletion = d;
	o->rows = NULL;
	o->count = o->room = 0;
	o->owed = 0;
}

static void post(struct old_rows *o, struct deletion *d)
{
	d->job = (struct store_job){ .kind = STORE_WRITE, .run = run, .done = done };
	if (!store_post(o->store, &d->job))
		return;
	lock_take(&o->lock);
	o->posted = false;
	lock_give(&o->lock);
}

void old_rows_add(struct old_rows *o, const int64_t *rows, unsigned count, size_t bindings)
{
	size_t enough = bindings / WAIT_PART > WAIT_MIN ? bindings / WAIT_PART : WAIT_MIN;
	struct deletion *d = NULL;

	lock_take(&o->lock);
	if (o->count + count > o->room && o->count < WAIT_TIMES * enough) {
		o->room = 2 * (o->room + count);
		o->rows = mem_grow(o->rows, o->room * sizeof(*o->rows));
	}
	for (unsigned i = 0; i < count && o->count < o->room; i++)
		o->rows[o->count++] = rows[i];
	if (!o->deletion && o->count >= enough)
		begin(o);
	o->owed += PACE * count;
	if (o->deletion && !o->posted && o->owed >= CHUNK) {
		d = o->deletion;
		o->posted = true;
	}
	lock_give(&o->lock);
	if (d)
		post(o, d);
}
