/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Locks that count how often they were taken and how often somebody had to wait for them, so that
 * what threads share can be judged from a running service. The counts are kept by the holder, next
 * to the lock itself: no atomic instruction and no cache line on top. Those of readers, who hold a
 * lock together, may miss some.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdint.h>

#include "base/counter.h"

struct lock_use {
	uint64_t taken;
	uint64_t contended; /* of these: not free at once */
	uint64_t waited_ns; /* by those in all */
};

struct lock {
	pthread_mutex_t mutex; /* for pthread_cond_wait, too */
	struct lock_use use;
};

struct rwlock {
	pthread_rwlock_t lock;
	struct lock_use use;
};

void lock_init(struct lock *l);
void lock_fini(struct lock *l);
void rwlock_init(struct rwlock *l);
void rwlock_fini(struct rwlock *l);

/* For waits with a deadline, which a step of the wall clock neither cuts nor prolongs. */
void lock_cond_init(pthread_cond_t *cond);
/* Returns when signalled, after ms, or for no reason at all. */
void lock_cond_wait_ms(pthread_cond_t *cond, struct lock *l, unsigned ms);

/* Slow paths: the lock was not free. */
void lock_wait(struct lock *l);
void rwlock_wait(struct rwlock *l, int write);

static inline void lock_take(struct lock *l)
{
	if (pthread_mutex_trylock(&l->mutex) != 0)
		lock_wait(l);
	counter_add(&l->use.taken, 1);
}

static inline void lock_give(struct lock *l)
{
	pthread_mutex_unlock(&l->mutex);
}

static inline void rwlock_read(struct rwlock *l)
{
	if (pthread_rwlock_tryrdlock(&l->lock) != 0)
		rwlock_wait(l, 0);
	counter_add(&l->use.taken, 1);
}

static inline void rwlock_write(struct rwlock *l)
{
	if (pthread_rwlock_trywrlock(&l->lock) != 0)
		rwlock_wait(l, 1);
	counter_add(&l->use.taken, 1);
}

static inline void rwlock_give(struct rwlock *l)
{
	pthread_rwlock_unlock(&l->lock);
}

/* ---- reports: what a module shares, summed over its locks of one kind ---- */
struct lock_report {
	const char *name; /* "bindings" */
	unsigned locks;
	struct lock_use sum;
	uint64_t busiest; /* taken, of the busiest of them */
};

typedef void lock_report_fn(void *arg, const struct lock_report *r);

void lock_report_add(struct lock_report *r, const struct lock_use *use); /* any thread */

#endif
