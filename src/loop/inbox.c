/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "loop/inbox.h"

struct inbox {
	pthread_mutex_t lock;
	struct inbox_item *first, **last;
	unsigned waiting, max;
	void (*wake)(void *arg);
	void *wake_arg;
};

struct inbox *inbox_new(unsigned max)
{
	struct inbox *b = mem_new(struct inbox);

	pthread_mutex_init(&b->lock, NULL);
	b->last = &b->first;
	b->max = max;
	return b;
}

void inbox_free(struct inbox *b)
{
	BUG_ON(b->first);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void inbox_on_filled(struct inbox *b, void (*wake)(void *arg), void *arg)
{
	pthread_mutex_lock(&b->lock);
	b->wake = wake;
	b->wake_arg = arg;
	if (wake && b->first) /* posted before there was a loop */
		wake(arg);
	pthread_mutex_unlock(&b->lock);
}

bool inbox_put(struct inbox *b, struct inbox_item *item, bool bounded)
{
	bool was_empty, full;

	item->next = NULL;
	pthread_mutex_lock(&b->lock);
	full = bounded && b->waiting >= b->max;
	was_empty = b->first == NULL;
	if (!full) {
		*b->last = item;
		b->last = &item->next;
		b->waiting++;
		if (was_empty && b->wake)
			b->wake(b->wake_arg);
	}
	pthread_mutex_unlock(&b->lock);
	return !full;
}

struct inbox_item *inbox_take(struct inbox *b)
{
	struct inbox_item *all;

	pthread_mutex_lock(&b->lock);
	all = b->first;
	b->first = NULL;
	b->last = &b->first;
	b->waiting = 0;
	pthread_mutex_unlock(&b->lock);
	return all;
}
