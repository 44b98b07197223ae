/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing on connections: of this worker and, through their inboxes, of the others. */
#include <stdlib.h>

#include "base/arena.h"
#include "transport/conn.h"

struct write {
	uv_write_t req;
	struct list link;
	struct conn *conn;
	struct net_worker *from; /* who ordered it and hears when it fails */
	uint64_t id;
	size_t length;
	char bytes[];
};

/* What a write counts against the queue's limit: many small ones are heavy, too. */
static size_t cost_of(size_t length)
{
	return sizeof(struct write) + length;
}

/* ---- what could not be written ---- */

struct failed_news { /* to the worker that ordered a write: it could not be done */
	struct inbox_item item;
	struct net_worker *to;
	uint64_t id;
	enum err why;
};

static void on_failed_news(struct inbox_item *item)
{
	struct failed_news *n = container_of(item, struct failed_news, item);
	struct transport *t = &n->to->transport;

	t->handlers.on_send_failed(t->arg, n->id, n->why);
	free(n);
}

/* `here` is the worker on whose thread this runs. */
static void tell_failed(struct net_worker *here, struct net_worker *to, uint64_t id, enum err why)
{
	struct failed_news *n;

	counter_add(&here->counters.send_failed, 1);
	if (!id)
		return;
	if (to == here) {
		to->transport.handlers.on_send_failed(to->transport.arg, id, why);
		return;
	}
	n = mem_new(struct failed_news);
	*n = (struct failed_news){ .item.run = on_failed_news, .to = to, .id = id, .why = why };
	worker_post_reply(to->transport.worker, &n->item);
}

static void write_failed(struct write *w, enum err why)
{
	tell_failed(w->conn->nw, w->from, w->id, why);
}

void conn_fail_waiting(struct conn *c, enum err why)
{
	for (struct list *it; (it = list_pop(&c->waiting));) {
		struct write *w = container_of(it, struct write, link);

		write_failed(w, why);
		free(w);
	}
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
	struct write *w = req->data;
	struct conn *c = w->conn;

	loop_tick(conn_worker(c));
	c->queued -= cost_of(w->length);
	if (status < 0) {
		write_failed(w, ERR_NETWORK);
		conn_close(c, ERR_NETWORK);
	}
	free(w);
}

static struct write *write_new(
	struct conn *c, struct str bytes, uint64_t id, struct net_worker *from)
{
	struct write *w = mem_alloc(sizeof(*w) + bytes.n);

	*w = (struct write){ .conn = c, .from = from, .id = id, .length = bytes.n };
	list_init(&w->link);
	memcpy(w->bytes, bytes.p, bytes.n);
	c->queued += cost_of(w->length);
	return w;
}

/* To the socket as it is. */
static void start_write(struct write *w)
{
	struct conn *c = w->conn;
	uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)w->length);

	w->req.data = w;
	if (uv_write(&w->req, (uv_stream_t *)&c->uv, &buf, 1, on_written)) {
		c->queued -= cost_of(w->length);
		write_failed(w, ERR_NETWORK);
		free(w);
		conn_close(c, ERR_NETWORK);
	}
}

void conn_flush_tls(struct conn *c, uint64_t id, struct net_worker *from)
{
	struct str bytes = tls_output(c->tls);

	if (!bytes.n)
		return;
	start_write(write_new(c, bytes, id, from));
	if (!c->closing)
		tls_output_sent(c->tls);
}

/* It is ready for bytes. */
static enum err write_now(struct conn *c, struct str bytes, uint64_t id, struct net_worker *from)
{
	enum err e;

	if (!c->tls) {
		start_write(write_new(c, bytes, id, from));
		return ERR_OK;
	}
	e = tls_write(c->tls, bytes);
	if (!e)
		conn_flush_tls(c, id, from);
	return e;
}

enum err conn_write(struct conn *c, struct str bytes, uint64_t id, struct net_worker *from)
{
	if (c->closing)
		return ERR_CLOSED;
	if (c->queued + cost_of(bytes.n) > c->nw->net->cfg.limits.queue_bytes_max)
		return ERR_LIMIT;
	counter_add(&c->nw->counters.sent, 1);
	if (c->ready)
		return write_now(c, bytes, id, from);
	list_append(&c->waiting, &write_new(c, bytes, id, from)->link);
	return ERR_OK;
}

void conn_write_waiting(struct conn *c)
{
	for (struct list *it; !c->closing && (it = list_pop(&c->waiting));) {
		struct write *w = container_of(it, struct write, link);

		if (!c->tls) {
			start_write(w);
			continue;
		}
		c->queued -= cost_of(w->length);
		if (write_now(c, str_make(w->bytes, w->length), w->id, w->from))
			write_failed(w, ERR_CRYPTO);
		free(w);
	}
}

/* ---- sending ---- */

static enum err send_here(struct net_worker *nw, const struct flow *flow, struct str bytes,
	uint64_t id, struct net_worker *from)
{
	struct conn *c = conn_by_id(nw, flow->conn);
	enum err e = ERR_OK;

	if (!c)
		c = conn_by_id(nw, conn_find(nw, flow->proto, &flow->remote, STR_NONE));
	if (!c && flow->proto == TP_TLS)
		return ERR_CLOSED; /* whose certificate it must be is known to transport_route */
	if (!c)
		e = conn_open(nw, flow, STR_NONE, &c);
	return e ? e : conn_write(c, bytes, id, from);
}

/* ---- sending on another worker's connection ---- */

struct order {
	struct inbox_item item;
	struct net_worker *from, *to;
	struct flow flow;
	uint64_t id;
	size_t length;
	char bytes[];
};

/* On the owner. */
static void on_order(struct inbox_item *item)
{
	struct order *o = container_of(item, struct order, item);
	enum err e = ERR_OK;

	if (!o->to->stopped)
		e = send_here(o->to, &o->flow, str_make(o->bytes, o->length), o->id, o->from);
	if (e)
		tell_failed(o->to, o->from, o->id, e);
	free(o);
}

enum err conn_send(struct net_worker *nw, const struct flow *flow, struct str bytes, uint64_t id)
{
	unsigned owner = (unsigned)(flow->conn >> CONN_ID_SHIFT);
	struct net_worker *to = nw;
	struct order *o;

	if (owner > nw->net->cfg.workers)
		return ERR_CLOSED;
	if (owner)
		to = nw->net->workers[owner - 1];
	if (!to)
		return ERR_CLOSED;
	if (to == nw)
		return send_here(nw, flow, bytes, id, nw);
	o = mem_alloc(sizeof(*o) + bytes.n);
	*o = (struct order){ .item.run = on_order,
		.from = nw,
		.to = to,
		.flow = *flow,
		.id = id,
		.length = bytes.n };
	memcpy(o->bytes, bytes.p, bytes.n);
	if (worker_post(to->transport.worker, &o->item)) {
		free(o);
		return ERR_LIMIT;
	}
	return ERR_OK;
}
