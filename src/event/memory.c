/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of the last events: what `tandem log` shows before it follows. */
#include <stdlib.h>

#include "base/arena.h"
#include "event/sinks.h"

static void copy_str(struct str *s, char **at, size_t *room)
{
	size_t n = s->n < *room ? s->n : *room;

	if (n)
		memcpy(*at, s->p, n);
	*s = str_make(*at, n);
	*at += n;
	*room -= n;
}

static size_t event_bytes(const struct event *e)
{
	size_t n = e->call.n + e->account.n + e->customer.n + e->text.n;

	for (unsigned i = 0; i < e->field_count; i++)
		n += e->fields[i].value.n;
	return n < EVENT_BYTES_MAX ? n : EVENT_BYTES_MAX;
}

/* What identifies the event comes first, so that it survives a long text. */
struct event_record *event_record_copy(const struct event_record *r)
{
	size_t room = event_bytes(&r->event);
	struct event_record *c = mem_alloc(sizeof(*c) + room);
	char *at = (char *)(c + 1);

	*c = *r;
	copy_str(&c->event.call, &at, &room);
	copy_str(&c->event.account, &at, &room);
	copy_str(&c->event.customer, &at, &room);
	copy_str(&c->event.text, &at, &room);
	for (unsigned i = 0; i < c->event.field_count; i++)
		copy_str(&c->event.fields[i].value, &at, &room);
	return c;
}

static void take(struct event_sink *s, const struct event_record *r)
{
	struct event_memory *m = (struct event_memory *)s;
	struct event_record *e = event_record_copy(r);

	pthread_mutex_lock(&m->lock);
	free(m->entries[m->next]);
	m->entries[m->next] = e;
	m->next = (m->next + 1) % m->max;
	if (m->count < m->max)
		m->count++;
	pthread_mutex_unlock(&m->lock);
}

void event_memory_init(struct event_memory *m, unsigned max, enum event_level level)
{
	*m = (struct event_memory){ .sink.take = take, .max = max };
	for (unsigned c = 0; c < EVENT_CATEGORY_COUNT; c++)
		m->sink.min[c] = level;
	m->entries = mem_zero(max * sizeof(struct event_record *));
	pthread_mutex_init(&m->lock, NULL);
}

void event_memory_fini(struct event_memory *m)
{
	for (unsigned i = 0; i < m->max; i++)
		free(m->entries[i]);
	free(m->entries);
	pthread_mutex_destroy(&m->lock);
}

static const struct event_record *nth_newest(const struct event_memory *m, unsigned n)
{
	return m->entries[(m->next + m->max - 1 - n) % m->max];
}

void event_memory_each(struct event_memory *m, const struct event_filter *f, unsigned limit,
	void (*visit)(const struct event_record *r, void *arg), void *arg)
{
	unsigned back = 0, found = 0;

	pthread_mutex_lock(&m->lock);
	while (back < m->count && found < limit)
		if (event_filter_match(f, &nth_newest(m, back++)->event))
			found++;
	while (back-- > 0)
		if (event_filter_match(f, &nth_newest(m, back)->event))
			visit(nth_newest(m, back), arg);
	pthread_mutex_unlock(&m->lock);
}
