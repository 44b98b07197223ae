/* SPDX-License-Identifier: BSD-3-Clause */
/* The store's inside, shared by store.c (life, threads), batch.c (commits) and trouble.c. */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H

#include "base/lock.h"
#include "store/repo.h"

enum { STORE_URL_MAX = 4096, STORE_CAUSE_MAX = 256, STORE_REFILLERS_MAX = 8 };

struct queue {
	struct store_job *first, **last;
	size_t waiting;
};

void queue_init(struct queue *q);
void queue_put(struct queue *q, struct store_job *job);
void queue_move(struct queue *to, struct queue *from); /* all of them, to the end */
struct store_job *queue_pop(struct queue *q); /* NULL: empty */

struct refiller {
	store_recreated_fn *fn;
	void *arg;
};

struct store {
	struct store_config cfg;
	char url[STORE_URL_MAX];
	struct event_bus *events;
	bool stepped;
	struct store_db *write_db, *read_db; /* no read_db when stepped */
	struct refiller refillers[STORE_REFILLERS_MAX]; /* set before the first job */
	unsigned refiller_count;

	struct lock lock; /* everything below */
	pthread_cond_t write_wake, read_wake;
	struct queue writes, reads;
	size_t pending; /* writes posted and not yet finished */
	bool stopping;
	struct store_counts counts;
	enum err inject;

	bool away; /* atomic */
	/* The writer's: */
	struct queue batch; /* taken, not yet committed */
	bool refill; /* the database is another one: memory has not written back yet */
	uint64_t away_since_ms, replaced_ms;
	char cause[STORE_CAUSE_MAX]; /* of the last failure, in the engine's words */
	pthread_t writer, reader;
};

/* ---- batch.c ---- */
/* True: the batch is done with. */
bool store_try_batch(struct store *s);
/* Jobs that could not be written before the end; whoever ordered them hears it. */
void store_give_up(struct store *s);
void store_finish_job(struct store_job *job);

/* ---- trouble.c: the writer's ---- */
void store_note_cause(struct store *s, enum err e);
void store_trouble(struct store *s, enum err e);
void store_recovered(struct store *s, size_t written);
void store_replace_damaged(struct store *s); /* the next attempt begins a new one */
/* The connection open, on the file that is at the path, and filled with what memory knows. */
MUST_USE enum err store_make_ready(struct store *s);

#endif
