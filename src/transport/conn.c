/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "event/event.h"
#include "transport/conn.h"

enum { CONN_ID_SHIFT = 56, FIRST_BUFFER = 4096, READ_ROOM = 2048 };

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

struct peer_count { /* connections from one address */
	struct hash_node node;
	struct addr ip;
	unsigned count;
};

static struct worker *worker_of(const struct conn *c)
{
	return c->nw->transport.worker;
}

static const struct net_limits *limits(const struct conn *c)
{
	return &c->nw->net->cfg.limits;
}

static void note(struct net_worker *nw, enum event_kind k, const struct flow *f, const char *text)
{
	struct event_bus *events = nw->transport.worker->events;
	struct event e = { .kind = k, .text = str_of(text) };
	char remote[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(remote);

	if (!event_wanted(events, k))
		return;
	flow_print_remote(&b, f);
	event_field(&e, "remote", buf_str(&b));
	event_emit(events, &e);
}

/* ---- who is connected ---- */

static uint64_t ip_hash(struct addr ip)
{
	addr_set_port(&ip, 0);
	return addr_hash(&ip);
}

static struct peer_count *find_count(struct net_worker *nw, const struct addr *ip)
{
	for (struct hash_node *n = hash_find(&nw->conns_by_ip, ip_hash(*ip)); n; n = hash_next(n)) {
		struct peer_count *p = container_of(n, struct peer_count, node);

		if (addr_ip_eq(&p->ip, ip))
			return p;
	}
	return NULL;
}

static bool count_up(struct net_worker *nw, const struct addr *ip)
{
	struct peer_count *p = find_count(nw, ip);

	if ((p ? p->count : 0) >= nw->net->cfg.limits.connections_per_ip_max)
		return false;
	if (!p) {
		p = mem_new(struct peer_count);
		p->ip = *ip;
		hash_add(&nw->conns_by_ip, &p->node, ip_hash(*ip));
	}
	p->count++;
	nw->conn_count++;
	return true;
}

static void count_down(struct net_worker *nw, const struct addr *ip)
{
	struct peer_count *p = find_count(nw, ip);

	BUG_ON(!p || p->count == 0);
	nw->conn_count--;
	if (--p->count == 0) {
		hash_del(&nw->conns_by_ip, &p->node);
		free(p);
	}
}

static struct conn *find_id(struct net_worker *nw, uint64_t id)
{
	struct hash_node *n = id ? hash_find(&nw->conns, id) : NULL;

	return n ? container_of(n, struct conn, by_id) : NULL;
}

uint64_t conn_find(struct net_worker *nw, enum tp_proto proto, const struct addr *remote)
{
	for (struct hash_node *n = hash_find(&nw->conns_by_peer, addr_hash(remote)); n;
		n = hash_next(n)) {
		struct conn *c = container_of(n, struct conn, by_peer);

		if (c->flow.proto == proto && addr_eq(&c->flow.remote, remote) && !c->closing)
			return c->flow.conn;
	}
	return 0;
}

/* ---- life ---- */

static void on_idle(struct timer *t)
{
	conn_close(container_of(t, struct conn, idle), ERR_TIMEOUT);
}

static void on_message_late(struct timer *t)
{
	conn_close(container_of(t, struct conn, message), ERR_TIMEOUT);
}

struct conn *conn_new(struct net_worker *nw)
{
	struct conn *c = mem_new(struct conn);

	c->nw = nw;
	timer_init(&c->idle, on_idle);
	timer_init(&c->message, on_message_late);
	list_init(&c->waiting);
	BUG_ON(uv_tcp_init(&nw->transport.worker->loop->uv, &c->uv) != 0);
	c->uv.data = c;
	return c;
}

enum err conn_add(struct conn *c, struct net_worker *nw, const struct flow *flow)
{
	c->flow = *flow;
	c->flow.conn = 0; /* a lost connection's id may stand there; ours comes when it is let in */
	if (nw->conn_count >= nw->net->cfg.limits.connections_max || !count_up(nw, &flow->remote)) {
		counter_add(&nw->counters.refused, 1);
		note(nw, EV_CONNECTION_REFUSED, flow,
			nw->conn_count >= nw->net->cfg.limits.connections_max
				? "too many connections"
				: "too many connections from this address");
		return ERR_LIMIT;
	}
	c->flow.conn = ++nw->next_conn | (uint64_t)(nw->transport.worker->id + 1) << CONN_ID_SHIFT;
	hash_add(&nw->conns, &c->by_id, c->flow.conn);
	hash_add(&nw->conns_by_peer, &c->by_peer, addr_hash(&c->flow.remote));
	return ERR_OK;
}

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

static void on_handle_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	free(c->in);
	free(c);
}

struct closed_news { /* to every worker: that connection is gone */
	struct inbox_item item;
	struct net_worker *to;
	uint64_t conn;
};

static void on_closed_news(struct inbox_item *item)
{
	struct closed_news *n = container_of(item, struct closed_news, item);
	struct transport *t = &n->to->transport;

	if (t->handlers.on_closed)
		t->handlers.on_closed(t->arg, n->conn);
	free(n);
}

static void tell_everybody(struct net_worker *nw, uint64_t conn)
{
	for (unsigned i = 0; i < nw->net->cfg.workers; i++) {
		struct net_worker *to = nw->net->workers[i];
		struct closed_news *n;

		if (!to)
			continue;
		n = mem_new(struct closed_news);
		*n = (struct closed_news){ .item.run = on_closed_news, .to = to, .conn = conn };
		worker_post_reply(to->transport.worker, &n->item);
	}
}

void conn_close(struct conn *c, enum err why)
{
	if (c->closing)
		return;
	c->closing = true;
	c->why = why;
	timer_stop(&worker_of(c)->wheel, &c->idle);
	timer_stop(&worker_of(c)->wheel, &c->message);
	if (c->flow.conn) {
		hash_del(&c->nw->conns, &c->by_id);
		hash_del(&c->nw->conns_by_peer, &c->by_peer);
		count_down(c->nw, &c->flow.remote);
		note(c->nw, EV_CONNECTION_CLOSED, &c->flow, err_text(why));
		tell_everybody(c->nw, c->flow.conn);
	}
	for (struct list *it; (it = list_pop(&c->waiting));) {
		struct write *w = container_of(it, struct write, link);

		write_failed(w, why);
		free(w);
	}
	uv_close((uv_handle_t *)&c->uv, on_handle_closed);
}

static void close_node(struct hash_node *n, void *arg)
{
	(void)arg;
	conn_close(container_of(n, struct conn, by_id), ERR_CLOSED);
}

void conn_close_all(struct net_worker *nw)
{
	hash_each(&nw->conns, close_node, nw);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct conn *c = h->data;
	size_t max = limits(c)->message_bytes_max + READ_ROOM;

	(void)suggested;
	if (c->in_room - c->in_used < READ_ROOM && c->in_room < max) {
		c->in_room = c->in_room ? 2 * c->in_room : FIRST_BUFFER;
		if (c->in_room > max)
			c->in_room = max;
		c->in = mem_grow(c->in, c->in_room);
	}
	*out = uv_buf_init(c->in + c->in_used, (unsigned)(c->in_room - c->in_used));
}

static enum err queue_write(struct conn *c, struct str bytes, uint64_t id, struct net_worker *from);

/* Line ends between messages; two in a row are a ping. Returns how many bytes they take. */
static size_t take_line_ends(struct conn *c, struct str s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '\r' || s.p[n] == '\n')) {
		n++;
		if (++c->crlf == 4) {
			c->crlf = 0;
			if (queue_write(c, STR("\r\n"), 0, c->nw))
				counter_add(&c->nw->counters.dropped, 1);
		}
	}
	return n;
}

static enum err take_messages(struct conn *c)
{
	size_t at = 0, length;
	enum err e = ERR_OK;

	while (at < c->in_used && !c->closing) {
		struct str rest = str_make(c->in + at, c->in_used - at);

		at += take_line_ends(c, rest);
		rest = str_make(c->in + at, c->in_used - at);
		if (rest.n)
			c->crlf = 0;
		e = rest.n ? sip_msg_frame(rest, &length) : ERR_OK;
		if (e || rest.n == 0 || length == 0)
			break;
		at += length;
		/* the next one has its own deadline */
		timer_stop(&worker_of(c)->wheel, &c->message);
		net_deliver(c->nw, str_first(rest, length), &c->flow);
	}
	if (!c->closing) {
		memmove(c->in, c->in + at, c->in_used - at);
		c->in_used -= at;
	}
	if (!e && c->in_used > limits(c)->message_bytes_max)
		e = ERR_LIMIT;
	return e;
}

static void arm_timers(struct conn *c)
{
	struct wheel *wheel = &worker_of(c)->wheel;

	timer_start(wheel, &c->idle, (uint64_t)limits(c)->idle_s * 1000);
	if (c->in_used == 0)
		timer_stop(wheel, &c->message);
	else if (!timer_armed(&c->message))
		timer_start(wheel, &c->message, (uint64_t)limits(c)->message_s * 1000);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = s->data;
	enum err e;

	(void)buf;
	loop_tick(worker_of(c));
	if (c->closing)
		return;
	if (n < 0) {
		conn_close(c, ERR_CLOSED);
		return;
	}
	c->in_used += (size_t)n;
	c->nw->arrived_us = loop_arrival_us(worker_of(c));
	e = take_messages(c);
	if (e) {
		counter_add(&c->nw->counters.malformed, 1);
		note(c->nw, EV_SIP_MALFORMED, &c->flow,
			e == ERR_LIMIT ? "message on a stream beyond the limit"
				       : "no sound Content-Length on a stream");
		conn_close(c, e);
	} else if (!c->closing) {
		arm_timers(c);
	}
}

void conn_start(struct conn *c)
{
	c->connected = true;
	uv_tcp_nodelay(&c->uv, 1);
	note(c->nw, EV_CONNECTION_OPEN, &c->flow, "");
	if (uv_read_start((uv_stream_t *)&c->uv, on_alloc, on_read))
		conn_close(c, ERR_IO);
	else
		arm_timers(c);
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
	struct write *w = req->data;
	struct conn *c = w->conn;

	loop_tick(worker_of(c));
	c->queued -= cost_of(w->length);
	if (status < 0) {
		write_failed(w, ERR_NETWORK);
		conn_close(c, ERR_NETWORK);
	}
	free(w);
}

static void start_write(struct write *w)
{
	struct conn *c = w->conn;
	uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)w->length);

	w->req.data = w;
	c->queued += cost_of(w->length);
	if (uv_write(&w->req, (uv_stream_t *)&c->uv, &buf, 1, on_written)) {
		c->queued -= cost_of(w->length);
		write_failed(w, ERR_NETWORK);
		free(w);
		conn_close(c, ERR_NETWORK);
	}
}

static enum err queue_write(struct conn *c, struct str bytes, uint64_t id, struct net_worker *from)
{
	struct write *w;

	if (c->closing)
		return ERR_CLOSED;
	if (c->queued + cost_of(bytes.n) > limits(c)->queue_bytes_max)
		return ERR_LIMIT;
	w = mem_alloc(sizeof(*w) + bytes.n);
	*w = (struct write){ .conn = c, .from = from, .id = id, .length = bytes.n };
	list_init(&w->link);
	memcpy(w->bytes, bytes.p, bytes.n);
	counter_add(&c->nw->counters.sent, 1);
	if (c->connected) {
		start_write(w);
	} else {
		c->queued += cost_of(w->length);
		list_append(&c->waiting, &w->link);
	}
	return ERR_OK;
}

static void on_connected(uv_connect_t *req, int status)
{
	struct conn *c = req->data;

	loop_tick(worker_of(c));
	if (c->closing)
		return;
	if (status < 0) {
		conn_close(c, ERR_NETWORK);
		return;
	}
	conn_start(c);
	for (struct list *it; !c->closing && (it = list_pop(&c->waiting));) {
		struct write *w = container_of(it, struct write, link);

		c->queued -= cost_of(w->length);
		start_write(w);
	}
}

static enum err open_to(struct net_worker *nw, const struct flow *flow, struct conn **out)
{
	struct conn *c = conn_new(nw);
	enum err e = conn_add(c, nw, flow);

	if (!e && uv_tcp_connect(&c->connect, &c->uv, &flow->remote.sa, on_connected))
		e = ERR_NETWORK;
	if (e) {
		conn_close(c, e);
		return e;
	}
	c->connect.data = c;
	timer_start(&nw->transport.worker->wheel, &c->idle,
		(uint64_t)nw->net->cfg.limits.connect_s * 1000);
	*out = c;
	return ERR_OK;
}

static enum err send_here(struct net_worker *nw, const struct flow *flow, struct str bytes,
	uint64_t id, struct net_worker *from)
{
	struct conn *c = find_id(nw, flow->conn);
	enum err e = ERR_OK;

	if (!c)
		c = find_id(nw, conn_find(nw, flow->proto, &flow->remote));
	if (!c)
		e = open_to(nw, flow, &c);
	return e ? e : queue_write(c, bytes, id, from);
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
