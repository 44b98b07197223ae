/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a connection, and what is read from it. */
#include <stdlib.h>

#include "base/arena.h"
#include "event/event.h"
#include "transport/conn.h"

enum { FIRST_BUFFER = 4096, READ_ROOM = 2048 };

static const struct net_limits *limits(const struct conn *c)
{
	return &c->nw->net->cfg.limits;
}

static void note(struct net_worker *nw, enum event_kind k, const struct flow *f, struct str text)
{
	struct event_bus *events = nw->transport.worker->events;
	struct event e = { .kind = k, .text = text };
	char remote[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(remote);

	if (!event_wanted(events, k))
		return;
	flow_print_remote(&b, f);
	event_field(&e, "remote", buf_str(&b));
	event_emit(events, &e);
}

/* ---- life ---- */

static void on_idle(struct timer *t)
{
	conn_close(container_of(t, struct conn, idle), ERR_TIMEOUT);
}

static void on_message_late(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, message);

	if (c->tls && !c->ready)
		note(c->nw, EV_CONNECTION_TLS, &c->flow, STR("the TLS handshake took too long"));
	conn_close(c, ERR_TIMEOUT);
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
	const char *why = conn_count_up(nw->net, &flow->remote);

	c->flow = *flow;
	c->flow.conn = 0; /* a lost connection's id may stand there; ours comes when it is let in */
	if (why) {
		counter_add(&nw->counters.refused, 1);
		note(nw, EV_CONNECTION_REFUSED, flow, str_of(why));
		return ERR_LIMIT;
	}
	c->flow.conn = ++nw->next_conn | (uint64_t)(nw->transport.worker->id + 1) << CONN_ID_SHIFT;
	hash_add(&nw->conns, &c->by_id, c->flow.conn);
	conn_peer_add(nw->net, &c->peer, &c->flow, c->tls ? tls_name(c->tls) : STR_NONE);
	return ERR_OK;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	tls_session_free(c->tls);
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

/* As much as the socket takes at once. */
static void say_good_bye(struct conn *c)
{
	struct str bytes;
	uv_buf_t buf;

	tls_close(c->tls);
	bytes = tls_output(c->tls);
	buf = uv_buf_init((char *)bytes.p, (unsigned)bytes.n);
	if (bytes.n)
		(void)!uv_try_write((uv_stream_t *)&c->uv, &buf, 1);
}

void conn_close(struct conn *c, enum err why)
{
	if (c->closing)
		return;
	c->closing = true;
	c->why = why;
	timer_stop(&conn_worker(c)->wheel, &c->idle);
	timer_stop(&conn_worker(c)->wheel, &c->message);
	if (c->tls)
		say_good_bye(c);
	if (c->flow.conn) {
		hash_del(&c->nw->conns, &c->by_id);
		conn_leads_nowhere(c);
		conn_count_down(c->nw->net, &c->flow.remote);
		note(c->nw, EV_CONNECTION_CLOSED, &c->flow, str_of(err_text(why)));
		tell_everybody(c->nw, c->flow.conn);
	}
	conn_fail_waiting(c, why);
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

/* Room for more of the message that is being read. */
static void make_room(struct conn *c)
{
	size_t max = limits(c)->message_bytes_max + READ_ROOM;

	if (c->in_room - c->in_used < READ_ROOM && c->in_room < max) {
		c->in_room = c->in_room ? 2 * c->in_room : FIRST_BUFFER;
		if (c->in_room > max)
			c->in_room = max;
		c->in = mem_grow(c->in, c->in_room);
	}
}

/* TLS records are read into a buffer that all connections of the worker share. */
static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct conn *c = h->data;

	(void)suggested;
	if (c->tls) {
		*out = uv_buf_init(c->nw->tls_bytes, NET_TLS_BYTES);
		return;
	}
	make_room(c);
	*out = uv_buf_init(c->in + c->in_used, (unsigned)(c->in_room - c->in_used));
}

/* Line ends between messages; two in a row are a ping. Returns how many bytes they take. */
static size_t take_line_ends(struct conn *c, struct str s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '\r' || s.p[n] == '\n')) {
		n++;
		if (++c->crlf == 4) {
			c->crlf = 0;
			if (conn_write(c, STR("\r\n"), 0, c->nw))
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
		e = rest.n ? sip_msg_frame_more(&c->framing, rest, &length) : ERR_OK;
		if (e || rest.n == 0 || length == 0)
			break;
		at += length;
		c->framing = (struct sip_framing){ 0 };
		/* the next one has its own deadline */
		timer_stop(&conn_worker(c)->wheel, &c->message);
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

/* What is in between messages needs no buffer: most connections are idle most of the time. */
static void give_room(struct conn *c)
{
	if (c->in_used)
		return;
	free(c->in);
	c->in = NULL;
	c->in_room = 0;
}

static void arm_timers(struct conn *c)
{
	struct wheel *wheel = &conn_worker(c)->wheel;

	timer_start(wheel, &c->idle, (uint64_t)limits(c)->idle_s * 1000);
	if (c->in_used == 0)
		timer_stop(wheel, &c->message);
	else if (!timer_armed(&c->message))
		timer_start(wheel, &c->message, (uint64_t)limits(c)->message_s * 1000);
}

/* It can be written to, and what it says are messages. */
static void become_ready(struct conn *c)
{
	c->ready = true;
	timer_stop(&conn_worker(c)->wheel, &c->message); /* the handshake's deadline */
	note(c->nw, EV_CONNECTION_OPEN, &c->flow, STR(""));
	arm_timers(c);
	conn_write_waiting(c);
}

static enum err read_tls(struct conn *c, struct str bytes)
{
	enum err e = tls_feed(c->tls, bytes);

	conn_flush_tls(c, 0, c->nw);
	if (!e && !c->closing && !c->ready && tls_ready(c->tls))
		become_ready(c);
	while (!e && !c->closing && c->ready) {
		size_t n;

		make_room(c);
		e = tls_read(c->tls, c->in + c->in_used, c->in_room - c->in_used, &n);
		if (e || n == 0)
			break;
		c->in_used += n;
		e = take_messages(c);
	}
	if (!c->closing)
		conn_flush_tls(c, 0, c->nw);
	return e;
}

static void tell_unsound(struct conn *c, enum err e)
{
	char text[TLS_WHY_MAX + 64];
	struct buf b = BUF_OF(text);

	if (e == ERR_CRYPTO) {
		buf_printf(&b, "%s%s%.*s: %.*s", c->ready ? "TLS" : "no TLS connection",
			tls_name(c->tls).n ? " with " : "", STR_ARG(tls_name(c->tls)),
			STR_ARG(tls_why(c->tls)));
		note(c->nw, EV_CONNECTION_TLS, &c->flow, buf_str(&b));
		return;
	}
	if (e == ERR_CLOSED)
		return;
	counter_add(&c->nw->counters.malformed, 1);
	note(c->nw, EV_SIP_MALFORMED, &c->flow,
		e == ERR_LIMIT ? STR("message on a stream beyond the limit")
			       : STR("no sound Content-Length on a stream"));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = s->data;
	enum err e;

	loop_tick(conn_worker(c));
	if (c->closing)
		return;
	if (n < 0) {
		conn_close(c, ERR_CLOSED);
		return;
	}
	c->nw->arrived_us = loop_arrival_us(conn_worker(c));
	if (c->tls) {
		e = read_tls(c, str_make(buf->base, (size_t)n));
	} else {
		c->in_used += (size_t)n;
		e = take_messages(c);
	}
	if (c->closing)
		return;
	if (e) {
		tell_unsound(c, e);
		conn_close(c, e);
		return;
	}
	give_room(c);
	if (c->ready)
		arm_timers(c);
}

void conn_start(struct conn *c)
{
	uv_tcp_nodelay(&c->uv, 1);
	tcp_watch(&c->uv, limits(c)->dead_s);
	if (uv_read_start((uv_stream_t *)&c->uv, on_alloc, on_read)) {
		conn_close(c, ERR_IO);
		return;
	}
	if (!c->tls) {
		become_ready(c);
		return;
	}
	timer_start(&conn_worker(c)->wheel, &c->message, (uint64_t)limits(c)->handshake_s * 1000);
	timer_start(&conn_worker(c)->wheel, &c->idle, (uint64_t)limits(c)->idle_s * 1000);
	if (read_tls(c, STR_NONE)) { /* a client speaks first */
		tell_unsound(c, ERR_CRYPTO);
		conn_close(c, ERR_CRYPTO);
	}
}

/* ---- opening ---- */

static void on_connected(uv_connect_t *req, int status)
{
	struct conn *c = req->data;

	loop_tick(conn_worker(c));
	if (c->flow.proto == TP_TCP) /* closed: it took too long */
		tcp_peers_learn(c->nw->net->tcp_peers, &c->flow.remote, status == 0);
	if (c->closing)
		return;
	if (status < 0)
		conn_close(c, ERR_NETWORK);
	else
		conn_start(c);
}

enum err conn_open(
	struct net_worker *nw, const struct flow *flow, struct str name, struct conn **out)
{
	struct conn *c = conn_new(nw);
	enum err e;

	if (flow->proto == TP_TLS)
		c->tls = tls_connect(nw->net->cfg.tls, name);
	e = conn_add(c, nw, flow);
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
