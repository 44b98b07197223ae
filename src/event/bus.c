/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event bus: a bounded queue between whoever emits and the thread that feeds the sinks. An
 * emitter holds the queue's lock for as long as linking one record takes; sinks run under a lock
 * of their own, so that a slow one never holds up an emitter.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"
#include "event/sinks.h"

enum {
	TAKE_MAX = 64, /* events at a time */
	CROWD = 4, /* events between two sleeps */
	NAP_MS = 10,
};

struct event_bus {
	bool threaded;
	unsigned queue_max;
	const struct clock *clock; /* tests */
	_Atomic int wanted[EVENT_CATEGORY_COUNT]; /* lowest level that any sink takes */

	struct lock sinks_lock; /* sinks, and held while they run */
	struct event_sink *sinks;

	struct lock lock; /* everything below */
	pthread_cond_t filled;
	struct event_record **ring; /* queue_max of them */
	unsigned first, waiting;
	uint64_t seq;
	uint64_t lost, lost_reported;
	bool stopping;
	pthread_t thread;
};

static int64_t bus_now(const struct event_bus *bus)
{
	struct clock c;

	if (bus->clock)
		return bus->clock->wall_ms;
	clock_read(&c);
	return c.wall_ms;
}

static void deliver(struct event_bus *bus, const struct event_record *r)
{
	enum event_kind k = r->event.kind;

	lock_take(&bus->sinks_lock);
	for (struct event_sink *s = bus->sinks, *next; s; s = next) {
		next = s->next;
		if (event_kind_level(k) >= s->min[event_kind_category(k)])
			s->take(s, r);
	}
	lock_give(&bus->sinks_lock);
}

static void report_lost(struct event_bus *bus, uint64_t lost)
{
	char text[96];
	struct buf b = BUF_OF(text);
	struct event_record r = { .wall_ms = bus_now(bus), .event.kind = EV_EVENTS_LOST };

	buf_u64(&b, lost);
	buf_lit(&b, " events were not recorded: they came faster than the sinks take them");
	r.event.text = buf_str(&b);
	deliver(bus, &r);
}

/* Under the lock; NULL when there is nothing. */
static struct event_record *ring_pop(struct event_bus *bus)
{
	struct event_record *r;

	if (bus->waiting == 0)
		return NULL;
	r = bus->ring[bus->first];
	bus->first = (bus->first + 1) % bus->queue_max;
	bus->waiting--;
	return r;
}

/*
 * Under the lock: until there is something. In a crowd it sleeps on for a moment, or until half of
 * the queue is used, for a wake-up costs emitter and thread more than most events.
 */
static void wait_filled(struct event_bus *bus, unsigned *since_sleep)
{
	pthread_cond_wait(&bus->filled, &bus->lock.mutex);
	if (*since_sleep >= CROWD && !bus->stopping)
		lock_cond_wait_ms(&bus->filled, &bus->lock, NAP_MS);
	*since_sleep = 0;
}

static void *bus_main(void *arg)
{
	struct event_bus *bus = arg;
	unsigned since_sleep = 0;

	lock_take(&bus->lock);
	for (;;) {
		struct event_record *r[TAKE_MAX];
		uint64_t lost;
		unsigned n = 0;

		while (n < TAKE_MAX && (r[n] = ring_pop(bus)))
			n++;
		lost = n ? 0 : bus->lost - bus->lost_reported;
		if (!n && !lost) {
			if (bus->stopping)
				break;
			wait_filled(bus, &since_sleep);
			continue;
		}
		since_sleep += n;
		bus->lost_reported += lost;
		lock_give(&bus->lock);
		for (unsigned i = 0; i < n; i++) {
			deliver(bus, r[i]);
			free(r[i]);
		}
		if (lost)
			report_lost(bus, lost);
		lock_take(&bus->lock);
	}
	lock_give(&bus->lock);
	return NULL;
}

struct event_bus *event_bus_new(bool threaded, unsigned queue_max)
{
	struct event_bus *bus = mem_new(struct event_bus);

	bus->threaded = threaded;
	bus->queue_max = queue_max;
	bus->ring = mem_zero(queue_max * sizeof(struct event_record *));
	for (unsigned c = 0; c < EVENT_CATEGORY_COUNT; c++)
		bus->wanted[c] = EVENT_LEVEL_NONE;
	lock_init(&bus->lock);
	lock_init(&bus->sinks_lock);
	lock_cond_init(&bus->filled);
	if (threaded)
		BUG_ON(pthread_create(&bus->thread, NULL, bus_main, bus) != 0);
	return bus;
}

void event_bus_free(struct event_bus *bus)
{
	if (!bus)
		return;
	if (bus->threaded) {
		lock_take(&bus->lock);
		bus->stopping = true;
		pthread_cond_signal(&bus->filled);
		lock_give(&bus->lock);
		pthread_join(bus->thread, NULL);
	}
	pthread_cond_destroy(&bus->filled);
	lock_fini(&bus->sinks_lock);
	lock_fini(&bus->lock);
	free(bus->ring);
	free(bus);
}

/* Under sinks_lock. */
static void sinks_changed(struct event_bus *bus)
{
	for (unsigned c = 0; c < EVENT_CATEGORY_COUNT; c++) {
		int lowest = EVENT_LEVEL_NONE;

		for (struct event_sink *s = bus->sinks; s; s = s->next)
			if ((int)s->min[c] < lowest)
				lowest = s->min[c];
		atomic_store_explicit(&bus->wanted[c], lowest, memory_order_relaxed);
	}
}

void event_bus_add(struct event_bus *bus, struct event_sink *s)
{
	lock_take(&bus->sinks_lock);
	s->next = bus->sinks;
	bus->sinks = s;
	sinks_changed(bus);
	lock_give(&bus->sinks_lock);
}

void event_bus_remove(struct event_bus *bus, struct event_sink *s)
{
	lock_take(&bus->sinks_lock);
	for (struct event_sink **at = &bus->sinks; *at; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	sinks_changed(bus);
	lock_give(&bus->sinks_lock);
}

void event_bus_set_levels(struct event_bus *bus, struct event_sink *s,
	const enum event_level min[EVENT_CATEGORY_COUNT])
{
	lock_take(&bus->sinks_lock);
	memcpy(s->min, min, sizeof(s->min));
	sinks_changed(bus);
	lock_give(&bus->sinks_lock);
}

void event_bus_set_clock(struct event_bus *bus, const struct clock *c)
{
	bus->clock = c;
}

uint64_t event_bus_lost(struct event_bus *bus)
{
	uint64_t lost;

	lock_take(&bus->lock);
	lost = bus->lost;
	lock_give(&bus->lock);
	return lost;
}

bool event_wanted(const struct event_bus *bus, enum event_kind k)
{
	return bus &&
		(int)event_kind_level(k) >=
		atomic_load_explicit(&bus->wanted[event_kind_category(k)], memory_order_relaxed);
}

static void emit_queued(struct event_bus *bus, const struct event *e)
{
	struct event_record stack = { .event = *e, .wall_ms = bus_now(bus) };
	struct event_record *r = event_record_copy(&stack);
	bool lost;

	lock_take(&bus->lock);
	lost = bus->waiting >= bus->queue_max;
	if (lost) {
		bus->lost++;
	} else {
		r->seq = ++bus->seq;
		bus->ring[(bus->first + bus->waiting) % bus->queue_max] = r;
		bus->waiting++;
		if (bus->waiting == 1 || bus->waiting == bus->queue_max / 2)
			pthread_cond_signal(&bus->filled);
	}
	lock_give(&bus->lock);
	if (lost)
		free(r);
}

void event_emit(struct event_bus *bus, const struct event *e)
{
	struct event_record r;

	if (!event_wanted(bus, e->kind))
		return;
	if (bus->threaded) {
		emit_queued(bus, e);
		return;
	}
	r = (struct event_record){ .event = *e, .wall_ms = bus_now(bus) };
	lock_take(&bus->lock);
	r.seq = ++bus->seq;
	lock_give(&bus->lock);
	deliver(bus, &r);
}

void event_bus_report_locks(struct event_bus *bus, lock_report_fn *report, void *arg)
{
	struct lock_report r = { .name = "event queue" };

	lock_report_add(&r, &bus->lock.use);
	report(arg, &r);
}
