/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include "base/lock.h"

void lock_init(struct lock *l)
{
	*l = (struct lock){ .mutex = PTHREAD_MUTEX_INITIALIZER };
}

void lock_fini(struct lock *l)
{
	pthread_mutex_destroy(&l->mutex);
}

void rwlock_init(struct rwlock *l)
{
	l->use = (struct lock_use){ 0 };
	pthread_rwlock_init(&l->lock, NULL);
}

void rwlock_fini(struct rwlock *l)
{
	pthread_rwlock_destroy(&l->lock);
}

void lock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

void lock_cond_wait_ms(pthread_cond_t *cond, struct lock *l, unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(cond, &l->mutex, &t);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void waited(struct lock_use *use, uint64_t since_ns)
{
	counter_add(&use->contended, 1);
	counter_add(&use->waited_ns, now_ns() - since_ns);
}

void lock_wait(struct lock *l)
{
	uint64_t since = now_ns();

	pthread_mutex_lock(&l->mutex);
	waited(&l->use, since);
}

void rwlock_wait(struct rwlock *l, int write)
{
	uint64_t since = now_ns();

	if (write)
		pthread_rwlock_wrlock(&l->lock);
	else
		pthread_rwlock_rdlock(&l->lock);
	waited(&l->use, since);
}

void lock_report_add(struct lock_report *r, const struct lock_use *use)
{
	uint64_t taken = __atomic_load_n(&use->taken, __ATOMIC_RELAXED);

	r->locks++;
	r->sum.taken += taken;
	r->sum.contended += __atomic_load_n(&use->contended, __ATOMIC_RELAXED);
	r->sum.waited_ns += __atomic_load_n(&use->waited_ns, __ATOMIC_RELAXED);
	if (taken > r->busiest)
		r->busiest = taken;
}
