/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket's server: connections, requests, answers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "main/control_int.h"

struct outgoing {
	uv_write_t write; /* first member */
	struct client *client;
	char *text;
	bool end;
};

static const struct {
	const char *name;
	void (*run)(struct client *c, const json_t *request);
} commands[] = {
	{ "status", control_status },
	{ "bindings", control_bindings },
	{ "calls", control_calls },
	{ "hangup", control_hangup },
	{ "refresh", control_refresh },
	{ "keys", control_keys },
	{ "contention", control_contention },
	{ "log", control_log },
	{ "provider-test", control_provider_test },
	{ "resolve", control_resolve },
};

/* ---- text ---- */

void answer_add(struct answer *a, struct str s)
{
	if (a->full || a->n + s.n > ANSWER_BYTES_MAX) {
		a->full = true;
		return;
	}
	if (a->n + s.n > a->max) {
		a->max = 2 * (a->n + s.n) + 1024;
		a->p = mem_grow(a->p, a->max);
	}
	memcpy(a->p + a->n, s.p, s.n);
	a->n += s.n;
}

void answer_row(struct answer *a, json_t *row)
{
	char *text = json_dumps(row, JSON_COMPACT);

	/* A row that only half fits would not be a line. */
	if (text && a->n + strlen(text) + 16 <= ANSWER_BYTES_MAX) {
		answer_add(a, STR("{\"row\":"));
		answer_add(a, str_of(text));
		answer_add(a, STR("}\n"));
	} else {
		a->full = true;
	}
	free(text);
	json_decref(row);
}

json_t *control_text(struct str s)
{
	json_t *v = json_stringn(s.p ? s.p : "", s.n);
	struct buf b;
	char *mem;

	if (v)
		return v;
	mem = mem_alloc(6 * s.n + 1);
	buf_init(&b, mem, 6 * s.n);
	event_print_safe(&b, s);
	v = json_stringn(b.p, b.n);
	free(mem);
	return v;
}

/* ---- clients ---- */

static void free_if_over(struct client *c)
{
	if (!c->closed || c->busy)
		return;
	list_del(&c->link);
	c->control->client_count--;
	free(c);
}

static void on_client_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	c->closed = true;
	free_if_over(c);
}

static void client_close(struct client *c)
{
	if (c->gone)
		return;
	c->gone = true;
	if (c->tail)
		tail_free(c->tail);
	c->tail = NULL;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

void client_release(struct client *c)
{
	c->busy--;
	free_if_over(c);
}

static void on_written(uv_write_t *w, int status)
{
	struct outgoing *o = (struct outgoing *)w;

	if (status < 0 || o->end)
		client_close(o->client);
	else if (o->client->tail)
		tail_wake(o->client->tail);
	free(o->text);
	free(o);
}

void client_send(struct client *c, struct answer *a, bool end)
{
	struct outgoing *o = mem_new(struct outgoing);
	uv_buf_t buf = uv_buf_init(a->p, (unsigned)a->n);

	o->client = c;
	o->text = a->p;
	o->end = end;
	*a = (struct answer){ NULL };
	if (!c->gone && buf.len &&
		uv_write(&o->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) == 0)
		return;
	if (buf.len || end)
		client_close(c);
	free(o->text);
	free(o);
}

void client_done(struct client *c)
{
	struct answer a = { NULL };

	answer_add(&a, STR("{\"done\":true}\n"));
	client_send(c, &a, true);
}

void client_error(struct client *c, const char *fmt, ...)
{
	struct answer a = { NULL };
	char text[512], *line;
	json_t *o = json_object();
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_object_set_new(o, "error", control_text(str_of(text)));
	line = json_dumps(o, JSON_COMPACT);
	answer_add(&a, str_of(line));
	answer_add(&a, STR("\n"));
	free(line);
	json_decref(o);
	client_send(c, &a, true);
}

/* ---- requests ---- */

static void run_request(struct client *c, struct str line)
{
	json_t *request = json_loadb(line.p, line.n, 0, NULL);
	const char *name = json_string_value(json_object_get(request, "command"));

	c->asked = true;
	for (unsigned i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].run(c, request);
			json_decref(request);
			return;
		}
	}
	client_error(c,
		name ? "the service does not know this command; is it an older one?"
		     : "this is not a request");
	json_decref(request);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct client *c = h->data;

	*buf = uv_buf_init(c->request + c->request_n, (unsigned)(REQUEST_BYTES_MAX - c->request_n));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = s->data;
	size_t end;

	if (n < 0) {
		client_close(c);
		return;
	}
	if (c->asked) /* nothing more is expected; only the end is waited for */
		return;
	c->request_n += (size_t)n;
	end = str_find(str_make(c->request, c->request_n), '\n');
	if (end < c->request_n) {
		run_request(c, str_make(c->request, end));
		c->request_n = 0;
	} else if (c->request_n == REQUEST_BYTES_MAX) {
		client_close(c);
	}
}

static void on_connection(uv_stream_t *s, int status)
{
	struct control *ctl = s->data;
	struct client *c = mem_new(struct client);

	c->control = ctl;
	c->pipe.data = c;
	list_init(&c->link);
	uv_pipe_init(s->loop, &c->pipe, 0);
	list_append(&ctl->clients, &c->link);
	ctl->client_count++;
	if (status < 0 || uv_accept(s, (uv_stream_t *)&c->pipe) != 0)
		client_close(c);
	else if (ctl->client_count > CLIENTS_MAX)
		client_error(c, "too many commands are running; try again");
	else if (uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0)
		client_close(c);
}

struct control *control_server_new(struct core *core, int listening)
{
	struct control *ctl = mem_new(struct control);

	ctl->core = core;
	list_init(&ctl->clients);
	ctl->listening.data = ctl;
	BUG_ON(uv_pipe_init(&core->loop.uv, &ctl->listening, 0) != 0);
	BUG_ON(uv_pipe_open(&ctl->listening, listening) != 0);
	BUG_ON(uv_listen((uv_stream_t *)&ctl->listening, CLIENTS_MAX, on_connection) != 0);
	return ctl;
}

void control_server_close(struct control *ctl)
{
	ctl->stopping = true;
	uv_close((uv_handle_t *)&ctl->listening, NULL);
	control_keys_told(ctl, false);
	list_each_safe (it, &ctl->clients)
		client_close(container_of(it, struct client, link));
}

void control_server_free(struct control *ctl)
{
	free(ctl);
}
