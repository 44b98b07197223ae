/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/follower.h"

#include <stdlib.h>

#include "base/lock.h"

enum { PERIOD_MS = 1000, SWEEPS_MAX = 100 };

struct follower {
	struct directory *directory;
	struct location *location;
	struct store_db *db;
	pthread_t thread;
	struct lock lock; /* below */
	pthread_cond_t woken;
	struct follower_wait *waiting;
	bool stopping;
};

static void answer(struct follower_wait *list, enum err result)
{
	while (list) {
		struct follower_wait *w = list;

		list = w->next;
		w->result = result;
		worker_post_reply(w->worker, &w->reply);
	}
}

static void sweep(struct location *l)
{
	struct clock now;

	clock_read(&now);
	for (unsigned i = 0; i < SWEEPS_MAX && location_sweep(l, now.wall_ms) > 0; i++)
		;
}

/* Until somebody asks or the period is over; false: stop. */
static bool wait_turn(struct follower *f, struct follower_wait **list)
{
	bool go_on;

	lock_take(&f->lock);
	if (!f->waiting && !f->stopping)
		lock_cond_wait_ms(&f->woken, &f->lock, PERIOD_MS);
	*list = f->waiting;
	f->waiting = NULL;
	go_on = !f->stopping;
	lock_give(&f->lock);
	return go_on;
}

static void *follower_main(void *arg)
{
	struct follower *f = arg;
	struct follower_wait *list;

	while (wait_turn(f, &list)) {
		unsigned changed;
		enum err e = directory_refresh(f->directory, f->db, &changed);

		answer(list, e);
		sweep(f->location);
	}
	answer(list, ERR_CLOSED);
	return NULL;
}

struct follower *follower_start(struct directory *d, struct location *l, struct store_db *db)
{
	struct follower *f = mem_new(struct follower);

	f->directory = d;
	f->location = l;
	f->db = db;
	lock_init(&f->lock);
	lock_cond_init(&f->woken);
	BUG_ON(pthread_create(&f->thread, NULL, follower_main, f) != 0);
	return f;
}

void follower_refresh(struct follower *f, struct follower_wait *w)
{
	lock_take(&f->lock);
	w->next = f->waiting;
	f->waiting = w;
	pthread_cond_signal(&f->woken);
	lock_give(&f->lock);
}

void follower_stop(struct follower *f)
{
	if (!f)
		return;
	lock_take(&f->lock);
	f->stopping = true;
	pthread_cond_signal(&f->woken);
	lock_give(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->woken);
	lock_fini(&f->lock);
	store_close(f->db);
	free(f);
}
