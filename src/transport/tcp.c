/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP listeners: one a worker and listen line; the kernel shares the connections out. */
#include <stdlib.h>

#include <netinet/tcp.h>

#include "base/arena.h"
#include "event/event.h"
#include "transport/conn.h"

enum { BACKLOG = 1024 };

static bool ends(struct conn *c, struct flow *f)
{
	int local = sizeof(f->local), remote = sizeof(f->remote);

	return uv_tcp_getsockname(&c->uv, &f->local.sa, &local) == 0 &&
		uv_tcp_getpeername(&c->uv, &f->remote.sa, &remote) == 0;
}

/* A handshake costs us more than who begins it. */
static bool may_shake_hands(struct net_worker *nw, const struct flow *f)
{
	unsigned max = nw->net->cfg.limits.handshakes_per_ip / (1000 / FAIR_WINDOW_MS);
	struct worker *w = nw->transport.worker;

	if (overload_level(&w->overload) == OVERLOAD_FINE &&
		(!nw->net->cfg.limits.handshakes_per_ip ||
			fair_count(&nw->handshakes, &f->remote, w->clock.mono_ms) <=
				(max ? max : 1)))
		return true;
	counter_add(&nw->counters.refused, 1);
	return false;
}

static void on_connection(uv_stream_t *s, int status)
{
	struct tcp_listener *l = s->data;
	struct net *net = l->nw->net;
	struct flow flow = { .proto = net->cfg.listen[l->listener].proto, .listener = l->listener };
	struct conn *c;

	loop_tick(l->nw->transport.worker);
	if (status < 0)
		return;
	c = conn_new(l->nw);
	if (uv_accept(s, (uv_stream_t *)&c->uv) || !ends(c, &flow) ||
		(flow.proto == TP_TLS && !may_shake_hands(l->nw, &flow)) ||
		conn_add(c, l->nw, &flow)) {
		conn_close(c, ERR_LIMIT);
		return;
	}
	if (flow.proto == TP_TLS)
		c->tls = tls_accept(net->cfg.tls);
	if (flow.proto == TP_TLS && !c->tls) { /* the certificates are gone since */
		conn_close(c, ERR_CRYPTO);
		return;
	}
	counter_add(&l->nw->counters.accepted, 1);
	conn_start(c);
}

/*
 * RFC 5482, RFC 1122 4.2.3.6. What was sent must be acknowledged in that time; where nothing is
 * said for so long, the other end's kernel is asked, and has half of it to answer.
 */
void tcp_watch(uv_tcp_t *uv, unsigned dead_s)
{
	int fd, on = 1, idle_s = (int)dead_s, again_s = (int)(dead_s + 1) / 2;
	unsigned ms = dead_s * 1000;

	if (dead_s == 0 || uv_fileno((uv_handle_t *)uv, &fd))
		return;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &again_s, sizeof(again_s));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

enum err tcp_listen(struct net_worker *nw, uint16_t listener, int fd)
{
	struct tcp_listener *l = mem_new(struct tcp_listener);

	l->nw = nw;
	l->listener = listener;
	l->local = nw->net->cfg.listen[listener].addr;
	BUG_ON(uv_tcp_init(&nw->transport.worker->loop->uv, &l->uv) != 0);
	l->uv.data = l;
	if (uv_tcp_open(&l->uv, fd) || uv_listen((uv_stream_t *)&l->uv, BACKLOG, on_connection)) {
		uv_close((uv_handle_t *)&l->uv, on_closed);
		return ERR_IO;
	}
	nw->tcp[listener] = l;
	return ERR_OK;
}

void tcp_close(struct tcp_listener *l)
{
	uv_close((uv_handle_t *)&l->uv, on_closed);
}
