/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tandem log: the last events from memory, then, with follow, those that come. Events come on the
 * bus's thread; they wait in a bounded queue for the main loop. A client that does not read loses
 * events first, which it is told, and the connection when megabytes wait.
 */
#include <pthread.h>
#include <stdlib.h>

#include "event/filter.h"
#include "main/control_int.h"

struct tail {
	struct event_sink sink; /* first member */
	struct client *client;
	struct event_filter filter;
	bool json;
	uv_async_t wake;
	pthread_mutex_t lock; /* below */
	struct answer waiting;
	unsigned count;
	uint64_t lost;
};

/* {"row": {"line": "…"}}, or {"row": event}. */
static void add_event(struct answer *a, const struct event_record *r, bool json)
{
	char text[EVENT_PRINT_MAX];
	struct buf b = BUF_OF(text);

	if (json) {
		event_print_json(&b, r);
		if (!buf_ok(&b))
			return;
		answer_add(a, STR("{\"row\":"));
		answer_add(a, buf_str(&b));
		answer_add(a, STR("}\n"));
	} else {
		json_t *line = json_object();

		event_print_line(&b, r);
		json_object_set_new(line, "line", control_text(buf_str(&b)));
		answer_row(a, line);
	}
}

static void take(struct event_sink *s, const struct event_record *r)
{
	struct tail *t = (struct tail *)s;

	if (!event_filter_match(&t->filter, &r->event))
		return;
	pthread_mutex_lock(&t->lock);
	if (t->count < TAIL_MAX) {
		t->count++;
		add_event(&t->waiting, r, t->json);
	} else {
		t->lost++;
	}
	pthread_mutex_unlock(&t->lock);
	uv_async_send(&t->wake);
}

static void add_lost(struct answer *a, uint64_t lost, bool json)
{
	char text[128];
	struct buf b = BUF_OF(text);
	json_t *o = json_object();

	buf_printf(&b, "... %llu events were left out here: they came too fast",
		(unsigned long long)lost);
	json_object_set_new(o, json ? "text" : "line", control_text(buf_str(&b)));
	answer_row(a, o);
}

static void on_wake(uv_async_t *h)
{
	struct tail *t = h->data;
	struct answer out;
	uint64_t lost;

	/* The client has not read what it got: leave the rest where it is bounded. */
	if (uv_stream_get_write_queue_size((uv_stream_t *)&t->client->pipe) > UNREAD_BYTES_MAX / 4)
		return;
	pthread_mutex_lock(&t->lock);
	out = t->waiting;
	lost = t->lost;
	t->waiting = (struct answer){ NULL };
	t->count = 0;
	t->lost = 0;
	pthread_mutex_unlock(&t->lock);
	if (lost)
		add_lost(&out, lost, t->json);
	client_send(t->client, &out, false);
}

static void on_tail_closed(uv_handle_t *h)
{
	struct tail *t = h->data;

	pthread_mutex_destroy(&t->lock);
	free(t->waiting.p);
	free(t);
}

void tail_wake(struct tail *t)
{
	uv_async_send(&t->wake);
}

void tail_free(struct tail *t)
{
	event_bus_remove(t->client->control->core->events, &t->sink);
	uv_close((uv_handle_t *)&t->wake, on_tail_closed);
}

struct recall {
	struct answer *out;
	bool json;
};

static void add_remembered(const struct event_record *r, void *arg)
{
	struct recall *m = arg;

	add_event(m->out, r, m->json);
}

static void follow(struct client *c, struct tail *t)
{
	c->tail = t;
	t->client = c;
	t->sink.take = take;
	t->wake.data = t;
	pthread_mutex_init(&t->lock, NULL);
	BUG_ON(uv_async_init(c->pipe.loop, &t->wake, on_wake) != 0);
	event_filter_levels(&t->filter, t->sink.min);
	event_bus_add(c->control->core->events, &t->sink);
}

void control_log(struct client *c, const json_t *request)
{
	const char *words = json_string_value(json_object_get(request, "filter"));
	json_int_t limit = json_integer_value(json_object_get(request, "limit"));
	struct tail *t = mem_new(struct tail);
	struct answer out = { NULL };
	struct recall recall = { &out, json_is_true(json_object_get(request, "json")) };
	char text[256];
	struct buf why = BUF_OF(text);

	if (event_filter_parse(str_of(words ? words : ""), &t->filter, &why) != ERR_OK) {
		free(t);
		client_error(c, "%.*s", STR_ARG(buf_str(&why)));
		return;
	}
	event_memory_each(&c->control->core->memory, &t->filter, limit > 0 ? (unsigned)limit : 0,
		add_remembered, &recall);
	client_send(c, &out, false);
	t->json = recall.json;
	if (json_is_true(json_object_get(request, "follow"))) {
		follow(c, t);
		return;
	}
	free(t);
	client_done(c);
}
