/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store: a connection to one database, and jobs that run on store threads.
 *
 * Two ways in:
 *  - Directly: store_open gives a struct store_db; the typed functions of store/repo.h run on it
 *    and block. Commands of the command line and start-up do this.
 *  - As jobs: store_post hands a struct store_job to the store threads. All waiting writes are
 *    folded into one transaction (group commit); `done` is posted to the ordering worker once the
 *    commit is on disk, with the outcome. Workers never wait.
 *
 * When the database is away (locked, full, corrupt, gone) write jobs wait in a bounded queue and
 * are retried; `store_healthy` turns false, one event says so, another when it recovers. A job
 * that the database itself refuses (constraint) or cannot run (ERR_DB_STATEMENT) fails alone.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/lock.h"
#include "loop/worker.h"

struct store_db;
struct store;
struct event_bus;

/* "sqlite:/var/lib/tandem/tandem.db"; runs the migrations. `why` says what is wrong in words. */
MUST_USE enum err store_open(
	struct str url, struct event_bus *events, struct store_db **out, struct buf *why);
void store_close(struct store_db *db);
/* Whether the file at the path is no longer the one that is open: deleted, or replaced. */
bool store_moved(struct store_db *db);
/*
 * How long statements wait for another process that is writing: 250 ms at first, so that a service
 * soon goes on from memory. Commands of people have more time.
 */
void store_set_patience(struct store_db *db, unsigned ms);
/* Opens what is at the path now (nothing is created); on failure the old one stays open. */
MUST_USE enum err store_reopen(struct store_db *db);
/* ERR_DB_CORRUPT: the tables that the service cannot start without are damaged. Reads them all. */
MUST_USE enum err store_check(struct store_db *db);

enum store_job_kind {
	STORE_READ, /* runs on a reader, at once */
	STORE_WRITE, /* runs in the writer's group commit, in the order of posting */
};

struct store_job {
	struct inbox_item reply; /* first member; posted to `worker` */
	struct store_job *next;
	enum store_job_kind kind;
	struct worker *worker; /* NULL: nobody waits; `done` runs on the store thread */
	/* On a store thread. May run again after a failed commit: no effects but in the database
	 * and in the job itself. */
	enum err (*run)(struct store_job *job, struct store_db *db);
	/* On the worker: `result` is set. Owns the job from then on. */
	void (*done)(struct store_job *job);
	/*
	 * Called at most once, on a store thread, when the write cannot be made durable now and
	 * waits for the database: lets the user answer from memory. May be NULL.
	 */
	void (*delayed)(struct store_job *job);
	enum err result;
};

struct store_config {
	struct str url;
	unsigned queue_max; /* waiting write jobs; beyond it store_post says ERR_FULL */
	unsigned retry_ms; /* between attempts while the database is away */
};

/*
 * Starts one writer and one reader thread. A damaged database is set aside under another name and
 * a new, empty one begun, with an event that says so.
 */
MUST_USE enum err store_start(const struct store_config *cfg, struct event_bus *events,
	struct store **out, struct buf *why);
void store_stop(struct store *s); /* commits what waits (bounded time), joins the threads */
MUST_USE enum err store_post(struct store *s, struct store_job *job); /* any thread */
bool store_healthy(const struct store *s);
/* Whether an error means that the database is away, rather than that it refused this change. */
bool store_is_away(enum err e);

struct store_counts {
	uint64_t commits, writes, reads, failures;
	size_t waiting;
};
void store_counts(struct store *s, struct store_counts *out);
void store_report_locks(struct store *s, lock_report_fn *report, void *arg);

/*
 * The database was damaged or lost and is another one now: called on the writer thread, inside a
 * transaction, so that memory can write back what it knows; in the order of registration, before
 * any job. An error undoes all of it, and it is tried again. The new one may hold data already: a
 * backup that somebody put in the place of the file. Set before the first job.
 */
typedef enum err store_recreated_fn(void *arg, struct store_db *db);
void store_on_recreated(struct store *s, store_recreated_fn *fn, void *arg);

/*
 * Replay tests: a store without threads. Jobs wait until store_step runs all of them (group
 * commit and replies included) on the calling thread.
 */
MUST_USE enum err store_start_stepped(const struct store_config *cfg, struct event_bus *events,
	struct store **out, struct buf *why);
unsigned store_step(struct store *s);
/* Tests: the next commits fail with this error until ERR_OK is set. */
void store_inject_failure(struct store *s, enum err e);

#endif
