/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue behind worker_post: many writers, one reader, bounded. Writers link items under a
 * lock held for a few instructions; the reader takes all of them at once. Whoever puts into an
 * empty queue wakes the reader.
 */
#ifndef LOOP_INBOX_H
#define LOOP_INBOX_H

#include "base/lock.h"
#include "loop/worker.h"

enum { INBOX_MAX = 65536 };

struct inbox;

struct inbox *inbox_new(unsigned max);
void inbox_free(struct inbox *b); /* must be empty */
/* Called by the writer that found it empty; any thread. Set before anybody else knows the inbox. */
void inbox_on_filled(struct inbox *b, void (*wake)(void *arg), void *arg);
/* False: it is full and `bounded` was asked; the caller keeps the item. */
bool inbox_put(struct inbox *b, struct inbox_item *item, bool bounded);
/* Several at once, linked by next; never refused. */
void inbox_put_all(
	struct inbox *b, struct inbox_item *first, struct inbox_item *last, unsigned count);
void inbox_report_add(struct inbox *b, struct lock_report *r);
/* All items in the order of putting, linked by next. */
struct inbox_item *inbox_take(struct inbox *b);

#endif
