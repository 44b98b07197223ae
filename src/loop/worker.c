/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/worker.h"
#include "event/event.h"
#include "loop/inbox.h"

enum {
	TOKEN_RANDOM = 16,
	OVERLOAD_CHECK_MS = 100,
	INBOX_CHUNK = 32,
	ROW_COUNT_BITS = 12, /* of worker_row_id */
	ROW_WORKER_BITS = 10,
};

/* Only makes a turn: its end looks whether the overload is over. */
static void on_overload_check(struct timer *t)
{
	(void)t;
}

void worker_init(struct worker *w, unsigned id, unsigned count, struct event_bus *events)
{
	*w = (struct worker){ .id = id, .count = count, .events = events };
	clock_read(&w->clock);
	wheel_init(&w->wheel, w->clock.mono_ms);
	overload_init(&w->overload, 0);
	timer_init(&w->overload_check, on_overload_check);
	rng_init(&w->rng);
	list_init(&w->deferred);
	list_init(&w->turn_begin);
	list_init(&w->turn_end);
	w->inbox = inbox_new(INBOX_MAX);
}

void worker_fini(struct worker *w)
{
	worker_run_inbox(w);
	worker_end_turn(w);
	inbox_free(w->inbox);
	w->inbox = NULL;
}

void worker_defer(struct worker *w, struct deferred *d, void (*run)(struct deferred *d))
{
	d->run = run;
	list_append(&w->deferred, &d->link);
}

void worker_on_turn_begin(struct worker *w, struct turn_hook *h, void (*run)(struct turn_hook *h))
{
	h->run = run;
	list_append(&w->turn_begin, &h->link);
}

void worker_begin_turn(struct worker *w)
{
	list_each_safe (it, &w->turn_begin) {
		struct turn_hook *h = container_of(it, struct turn_hook, link);

		h->run(h);
	}
	wheel_advance(&w->wheel, w->clock.mono_ms);
}

void worker_on_turn_end(struct worker *w, struct turn_hook *h, void (*run)(struct turn_hook *h))
{
	h->run = run;
	list_append(&w->turn_end, &h->link);
}

int64_t worker_row_id(struct worker *w)
{
	const int time_at = ROW_COUNT_BITS + ROW_WORKER_BITS;
	int64_t worker = (int64_t)w->id << ROW_COUNT_BITS;
	int64_t now = w->clock.wall_ms << time_at | worker;

	if (now > w->last_row)
		w->last_row = now;
	else if (~w->last_row & ((1 << ROW_COUNT_BITS) - 1))
		w->last_row++;
	else /* all of this millisecond are given */
		w->last_row = ((w->last_row >> time_at) + 1) << time_at | worker;
	return w->last_row;
}

int64_t worker_row_id_after(struct worker *w, int64_t other)
{
	const int time_at = ROW_COUNT_BITS + ROW_WORKER_BITS;
	int64_t last_of_ms = other >> time_at << time_at | (int64_t)w->id << ROW_COUNT_BITS |
		((1 << ROW_COUNT_BITS) - 1);

	if (other >= w->last_row && last_of_ms > w->last_row)
		w->last_row = last_of_ms;
	return worker_row_id(w);
}

static void run_deferred(struct worker *w)
{
	for (struct list *it; (it = list_pop(&w->deferred));) {
		struct deferred *d = container_of(it, struct deferred, link);

		d->run(d);
	}
}

/* ---- overload ---- */

static void tell_overload(struct worker *w)
{
	struct overload *o = &w->overload;

	if (overload_level(o) != OVERLOAD_FINE) {
		event_note(w->events, EV_OVERLOAD_BEGIN, STR_NONE, STR_NONE,
			"worker %u does not keep up: messages wait %u ms, %llu were lost; new work "
			"is "
			"refused",
			w->id, o->worst_us / 1000, (unsigned long long)o->counters.lost);
		return;
	}
	event_note(w->events, EV_OVERLOAD_END, STR_NONE, STR_NONE,
		"worker %u keeps up again: in %llu s it refused %llu requests, dropped %llu "
		"messages of floods and lost %llu; the longest wait was %u ms",
		w->id, (unsigned long long)(w->clock.mono_ms - o->began_ms) / 1000,
		(unsigned long long)(o->counters.refused - o->at_begin.refused),
		(unsigned long long)(o->counters.dropped - o->at_begin.dropped),
		(unsigned long long)(o->counters.lost - o->at_begin.lost), o->worst_us / 1000);
}

static void check_overload(struct worker *w)
{
	if (overload_end_turn(&w->overload, w->clock.mono_ms))
		tell_overload(w);
	if (overload_level(&w->overload) != OVERLOAD_FINE && !timer_armed(&w->overload_check))
		timer_start(&w->wheel, &w->overload_check, OVERLOAD_CHECK_MS);
}

void worker_arrived(struct worker *w, int64_t arrived_us)
{
	int64_t waited = w->clock.wall_us - arrived_us;

	if (waited < 0) /* the clock was set */
		waited = 0;
	overload_arrived(&w->overload, waited < UINT32_MAX ? (uint32_t)waited : UINT32_MAX);
}

void worker_end_turn(struct worker *w)
{
	check_overload(w);
	do {
		run_deferred(w);
		list_each_safe (it, &w->turn_end) {
			struct turn_hook *h = container_of(it, struct turn_hook, link);

			h->run(h);
		}
	} while (!list_empty(&w->deferred));
}

/* ---- the inbox ---- */

enum err worker_post(struct worker *w, struct inbox_item *item)
{
	return inbox_put(w->inbox, item, true) ? ERR_OK : ERR_FULL;
}

void worker_post_reply(struct worker *w, struct inbox_item *item)
{
	inbox_put(w->inbox, item, false);
}

void worker_post_replies(
	struct worker *w, struct inbox_item *first, struct inbox_item *last, unsigned count)
{
	inbox_put_all(w->inbox, first, last, count);
}

unsigned worker_run_inbox(struct worker *w)
{
	struct inbox_item *item = inbox_take(w->inbox);
	unsigned n = 0;

	for (struct inbox_item *next; item; item = next, n++) {
		next = item->next;
		item->run(item);
		if (w->loop && n % INBOX_CHUNK == INBOX_CHUNK - 1) {
			clock_read(&w->clock); /* many of them take long */
			check_overload(w);
		}
	}
	return n;
}

/* ---- tokens ---- */

static char digit36(unsigned v)
{
	return (char)(v < 10 ? '0' + v : 'a' + v - 10);
}

static int value36(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}

void worker_token(struct worker *w, struct buf *out)
{
	buf_char(out, digit36(w->id / 36));
	buf_char(out, digit36(w->id % 36));
	rng_token(&w->rng, out, TOKEN_RANDOM);
}

bool worker_of_token(struct str token, unsigned count, unsigned *worker)
{
	int high, low;

	if (token.n != TOKEN_RANDOM + 2)
		return false;
	high = value36(token.p[0]);
	low = value36(token.p[1]);
	for (size_t i = 2; i < token.n; i++)
		if (value36(token.p[i]) < 0)
			return false;
	if (high < 0 || low < 0 || high * 36 + low >= WORKERS_MAX)
		return false;
	*worker = (unsigned)(high * 36 + low) % count;
	return true;
}
