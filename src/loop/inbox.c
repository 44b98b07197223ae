/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "loop/inbox.h"

struct inbox {
	struct lock lock;
	struct inbox_item *first, **last;
	unsigned waiting, max;
	void (*wake)(void *arg);
	void *wake_arg;
};

struct inbox *inbox_new(unsigned max)
{
	struct inbox *b = mem_new(struct inbox);

	lock_init(&b->lock);
	b->last = &b->first;
	b->max = max;
	return b;
}

void inbox_free(struct inbox *b)
{
	BUG_ON(b->first);
	lock_fini(&b->lock);
	free(b);
}

void inbox_on_filled(struct inbox *b, void (*wake)(void *arg), void *arg)
{
	lock_take(&b->lock);
	b->wake = wake;
	b->wake_arg = arg;
	if (wake && b->first) /* posted before there was a loop */
		wake(arg);
	lock_give(&b->lock);
}

bool inbox_put(struct inbox *b, struct inbox_item *item, bool bounded)
{
	bool was_empty, full;

	item->next = NULL;
	lock_take(&b->lock);
	full = bounded && b->waiting >= b->max;
	was_empty = b->first == NULL;
	if (!full) {
		*b->last = item;
		b->last = &item->next;
		b->waiting++;
		if (was_empty && b->wake)
			b->wake(b->wake_arg);
	}
	lock_give(&b->lock);
	return !full;
}

void inbox_put_all(
	struct inbox *b, struct inbox_item *first, struct inbox_item *last, unsigned count)
{
	bool was_empty;

	last->next = NULL;
	lock_take(&b->lock);
	was_empty = b->first == NULL;
	*b->last = first;
	b->last = &last->next;
	b->waiting += count;
	if (was_empty && b->wake)
		b->wake(b->wake_arg);
	lock_give(&b->lock);
}

struct inbox_item *inbox_take(struct inbox *b)
{
	struct inbox_item *all;

	lock_take(&b->lock);
	all = b->first;
	b->first = NULL;
	b->last = &b->first;
	b->waiting = 0;
	lock_give(&b->lock);
	return all;
}

void inbox_report_add(struct inbox *b, struct lock_report *r)
{
	lock_report_add(r, &b->lock.use);
}
