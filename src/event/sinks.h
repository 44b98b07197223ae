/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sinks that every process can have: the log (lines to a file descriptor, or the journal), and the
 * memory of the last events. Their owner adds them to the bus, and removes them before it frees
 * them.
 */
#ifndef EVENT_SINKS_H
#define EVENT_SINKS_H

#include <pthread.h>

#include "event/filter.h"

/* ---- the log ---- */
struct event_log {
	struct event_sink sink; /* first member; sink.min are the levels */
	int fd; /* lines are written here, or datagrams to the journal */
	bool journal;
};

/* Lines to fd, which stays the caller's. */
void event_log_init(struct event_log *l, int fd, const enum event_level min[EVENT_CATEGORY_COUNT]);
/* The journal's socket (path NULL: systemd's own); ERR_IO when there is none. */
MUST_USE enum err event_log_init_journal(
	struct event_log *l, const char *path, const enum event_level min[EVENT_CATEGORY_COUNT]);
void event_log_fini(struct event_log *l);

/* ---- memory of the last events ---- */
struct event_memory {
	struct event_sink sink; /* first member */
	pthread_mutex_t lock;
	struct event_record **entries; /* a ring of `max` */
	unsigned max, count, next;
};

void event_memory_init(struct event_memory *m, unsigned max, enum event_level level);
void event_memory_fini(struct event_memory *m);
/* Oldest first, at most the `limit` newest that match; no new event enters during the visits. */
void event_memory_each(struct event_memory *m, const struct event_filter *f, unsigned limit,
	void (*visit)(const struct event_record *r, void *arg), void *arg);

/* A copy that outlives `take`, values cut to EVENT_BYTES_MAX in all; free() it. */
struct event_record *event_record_copy(const struct event_record *r);

#endif
