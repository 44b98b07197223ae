/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets for all workers, and the way of a message from its socket to its owner. */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "event/event.h"
#include "sip/print.h"
#include "stun/stun.h"
#include "transport/conn.h"
#include "transport/dispatch.h"
#include "transport/net_int.h"

enum {
	SOCKET_BUFFER_BYTES = 4 << 20,
	BACKLOG = 1024,
	REPLY_MAX = 8192,
	KEEPALIVE_BYTES_MAX = 4, /* too short for a message: tells nobody anything */
};

/* ---- listen lines ---- */

enum err net_listen_parse(struct str s, struct net_listen *out)
{
	size_t colon = str_find(s, ':');
	struct str rest = str_from(s, colon + 1);
	uint32_t port;

	*out = (struct net_listen){ 0 };
	if (colon == s.n || tp_proto_parse(str_first(s, colon), &out->proto))
		return ERR_SYNTAX;
	if (out->proto != TP_UDP && out->proto != TP_TCP && out->proto != TP_TLS)
		return ERR_UNSUPPORTED;
	if (!str_starts(rest, STR("*:")))
		return addr_parse(rest, &out->addr);
	if (str_u32(str_from(rest, 2), &port) || port > UINT16_MAX)
		return ERR_SYNTAX;
	return addr_parse_ip(STR("0.0.0.0"), (uint16_t)port, &out->addr);
}

static int open_socket(const struct net_listen *l, struct buf *why)
{
	bool udp = l->proto == TP_UDP;
	int on = 1, bytes = SOCKET_BUFFER_BYTES, family = l->addr.sa.sa_family;
	int fd = socket(family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool ok = fd >= 0;

	ok = ok && !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (ok && family == AF_INET6)
		ok = !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (ok && udp) {
		/* the queue must hold what comes while a turn lasts; FORCE: as root, at once */
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	} else if (ok) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	}
	ok = ok && !bind(fd, &l->addr.sa, addr_len(&l->addr));
	ok = ok && (udp || !listen(fd, BACKLOG));
	if (ok)
		return fd;
	buf_add(why, tp_proto_name(l->proto));
	buf_char(why, ':');
	addr_print(why, &l->addr);
	buf_printf(why, ": %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void learn_port(int fd, struct net_listen *l)
{
	struct addr a = { 0 };
	socklen_t n = sizeof(a);

	if (addr_port(&l->addr) == 0 && !getsockname(fd, &a.sa, &n))
		addr_set_port(&l->addr, addr_port(&a));
}

enum err net_bind(struct net_config *cfg, int *fds, struct buf *why)
{
	unsigned n = cfg->listen_count * cfg->workers;

	for (unsigned i = 0; i < n; i++) {
		struct net_listen *l = &cfg->listen[i / cfg->workers];

		fds[i] = open_socket(l, why);
		if (fds[i] < 0) {
			while (i--)
				close(fds[i]);
			return ERR_NETWORK;
		}
		learn_port(fds[i], l);
	}
	return ERR_OK;
}

/* ---- life ---- */

/* What is configured, if the process may have so many descriptors. */
static unsigned connections_max(const struct net_config *cfg)
{
	uint64_t max = (uint64_t)cfg->limits.connections_max * cfg->workers;
	uint64_t used = NET_FDS_KEPT + cfg->listen_count * cfg->workers;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < max + used)
		max = r.rlim_cur > used ? r.rlim_cur - used : 1;
	return (unsigned)max;
}

struct net *net_new(const struct net_config *cfg, const int *fds, struct worker **workers)
{
	struct net *n = mem_new(struct net);
	size_t bytes = cfg->listen_count * cfg->workers * sizeof(int);

	(void)workers;
	n->cfg = *cfg;
	n->fds = mem_alloc(bytes);
	memcpy(n->fds, fds, bytes);
	n->conn_max = connections_max(cfg);
	n->tcp_peers = tcp_peers_new();
	lock_init(&n->conns_lock);
	hash_init(&n->conns_by_ip, 64);
	hash_init(&n->conns_by_peer, 64);
	return n;
}

void net_free(struct net *n)
{
	for (struct net_worker *nw = n->stopped, *next; nw; nw = next) {
		next = nw->next;
		free(nw);
	}
	hash_fini(&n->conns_by_ip);
	hash_fini(&n->conns_by_peer);
	lock_fini(&n->conns_lock);
	tcp_peers_free(n->tcp_peers);
	free(n->fds);
	free(n);
}

void net_counters(struct net *n, struct net_counters *sum)
{
	enum { COUNT = sizeof(*sum) / sizeof(uint64_t) };
	uint64_t *to = (uint64_t *)sum;

	memset(sum, 0, sizeof(*sum));
	for (unsigned w = 0; w < n->cfg.workers; w++) {
		const uint64_t *from =
			n->workers[w] ? (const uint64_t *)&n->workers[w]->counters : NULL;

		for (unsigned i = 0; from && i < COUNT; i++)
			to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	}
}

static void on_turn_end(struct turn_hook *h)
{
	udp_flush(container_of(h, struct net_worker, flush));
}

static enum err op_send(
	struct transport *t, const struct flow *flow, struct str bytes, uint64_t id);
static enum err op_route(struct transport *t, enum tp_proto proto, const struct addr *remote,
	struct str name, struct flow *out);

static bool op_takes_tcp(struct transport *t, const struct addr *remote)
{
	struct net_worker *nw = container_of(t, struct net_worker, transport);

	return tcp_peers_takes(nw->net->tcp_peers, remote) ||
		conn_find(nw, TP_TCP, remote, STR_NONE) != 0;
}

struct transport *net_worker_new(
	struct net *n, struct worker *w, const struct transport_handlers *h, void *arg)
{
	static const struct transport_ops ops = {
		.route = op_route, .send = op_send, .takes_tcp = op_takes_tcp
	};
	struct net_worker *nw = mem_new(struct net_worker);

	nw->transport = (struct transport){ .ops = &ops, .worker = w, .handlers = *h, .arg = arg };
	nw->net = n;
	nw->batch = udp_batch_new();
	guard_init(&nw->guard, &w->rng);
	hash_init(&nw->routes, 64);
	hash_init(&nw->conns, 64);
	nw->tls_bytes = mem_alloc(NET_TLS_BYTES);
	fair_init(&nw->handshakes, &w->rng, 1);
	fair_init(&nw->binding_requests, &w->rng, 1);
	for (uint16_t i = 0; i < n->cfg.listen_count; i++) {
		int fd = n->fds[i * n->cfg.workers + w->id];
		enum err e = n->cfg.listen[i].proto == TP_UDP ? udp_open(nw, i, fd)
							      : tcp_listen(nw, i, fd);

		BUG_ON(e != ERR_OK);
	}
	udp_queue_init(nw);
	worker_on_turn_end(w, &nw->flush, on_turn_end);
	n->workers[w->id] = nw;
	return &nw->transport;
}

static void free_route(struct hash_node *node, void *arg)
{
	struct net_worker *nw = arg;
	struct net_route *r = container_of(node, struct net_route, node);

	hash_del(&nw->routes, node);
	free(r);
}

/* ---- the end of a worker: whom its handlers serve is gone already ---- */

static void no_message(void *arg, struct sip_msg *m, const struct flow *flow)
{
}

static void no_failure(void *arg, uint64_t id, enum err why)
{
}

static void no_close(void *arg, uint64_t conn)
{
}

static void keep_shell(struct net_worker *nw)
{
	struct net *n = nw->net;

	nw->next = __atomic_load_n(&n->stopped, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(
		&n->stopped, &nw->next, nw, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void net_worker_free(struct transport *t)
{
	struct net_worker *nw = container_of(t, struct net_worker, transport);

	nw->stopped = true;
	t->handlers = (struct transport_handlers){
		.on_message = no_message, .on_send_failed = no_failure, .on_closed = no_close
	};
	udp_flush(nw);
	list_del(&nw->flush.link);
	nw->net->workers[t->worker->id] = NULL;
	conn_close_all(nw);
	for (unsigned i = 0; i < NET_LISTEN_MAX; i++) {
		if (nw->udp[i])
			udp_close(nw->udp[i]);
		if (nw->tcp[i])
			tcp_close(nw->tcp[i]);
	}
	uv_run(&t->worker->loop->uv, UV_RUN_NOWAIT); /* lets the handles close */
	hash_each(&nw->routes, free_route, nw);
	hash_fini(&nw->routes);
	hash_fini(&nw->conns);
	free(nw->tls_bytes);
	free(nw->send_bytes);
	free(nw->send);
	udp_batch_free(nw->batch);
	keep_shell(nw);
}

/* ---- in: from the socket to the owner ---- */

struct handover { /* a message on its way to the worker that owns it */
	struct inbox_item item;
	struct net_worker *to;
	struct sip_msg *msg;
	struct flow flow;
	int64_t arrived_us;
};

static void on_handover(struct inbox_item *item)
{
	struct handover *h = container_of(item, struct handover, item);
	struct transport *t = &h->to->transport;

	worker_arrived(t->worker, h->arrived_us);
	t->handlers.on_message(t->arg, h->msg, &h->flow);
	sip_msg_unref(h->msg);
	free(h);
}

static void reply_directly(struct net_worker *nw, const struct sip_msg *m, const struct flow *flow,
	const struct sip_reply *reply)
{
	char text[REPLY_MAX], ip[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text), ipb = BUF_OF(ip);

	addr_print_ip(&ipb, &flow->remote);
	sip_print_reply(&b, m, buf_str(&ipb), addr_port(&flow->remote), reply);
	if (!buf_ok(&b) || op_send(&nw->transport, flow, buf_str(&b), 0))
		counter_add(&nw->counters.dropped, 1);
}

/* Its owner is so far behind that its inbox is full: nothing but a hint to come back later. */
static void refuse(struct net_worker *nw, const struct sip_msg *m, const struct flow *flow)
{
	const struct sip_extra later = { .id = SIP_HDR_RETRY_AFTER, .value = STR("5") };
	const struct sip_reply busy = { .status = 503,
		.reason = STR("Overloaded, try again later"),
		.to_tag = STR("overload"),
		.extra = &later,
		.extra_count = 1 };

	counter_add(&nw->counters.dropped, 1);
	if (m->is_request && m->method != SIP_ACK && !m->to.tag.p)
		reply_directly(nw, m, flow, &busy);
}

static void dispatch(struct net_worker *nw, struct sip_msg *m, const struct flow *flow)
{
	struct transport *t = &nw->transport;
	unsigned owner = dispatch_owner(m, nw->net->cfg.workers);
	struct handover *h;

	if (owner == t->worker->id) {
		worker_arrived(t->worker, nw->arrived_us);
		t->handlers.on_message(t->arg, m, flow);
		return;
	}
	h = mem_new(struct handover);
	*h = (struct handover){ .item.run = on_handover,
		.to = nw->net->workers[owner],
		.msg = sip_msg_ref(m),
		.flow = *flow,
		.arrived_us = nw->arrived_us };
	counter_add(&nw->counters.handed_over, 1);
	if (h->to && !worker_post(h->to->transport.worker, &h->item))
		return;
	sip_msg_unref(m);
	free(h);
	refuse(nw, m, flow);
}

/* Keep-alives (CRLF, zero bytes) and noise: whatever has no "SIP" in it (facts 1.10). */
static bool is_message(struct str bytes)
{
	return bytes.n >= 20 && (unsigned char)bytes.p[0] > 1 &&
		str_find_str(bytes, STR("SIP")) < bytes.n;
}

static void trace(struct net_worker *nw, enum event_kind k, struct str bytes, const struct flow *f)
{
	struct event e = { .kind = k, .text = bytes };
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	struct buf lb = BUF_OF(local), rb = BUF_OF(remote);

	if (!event_wanted(nw->transport.worker->events, k))
		return;
	flow_print_local(&lb, f);
	flow_print_remote(&rb, f);
	event_field(&e, "local", buf_str(&lb));
	event_field(&e, "remote", buf_str(&rb));
	event_emit(nw->transport.worker->events, &e);
}

static void malformed(struct net_worker *nw, struct sip_msg *m, const struct sip_fault *fault,
	const struct flow *flow)
{
	struct event_bus *events = nw->transport.worker->events;
	char peer[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(peer);

	counter_add(&nw->counters.malformed, 1);
	if (event_wanted(events, EV_SIP_MALFORMED)) {
		flow_print_remote(&b, flow);
		event_note(events, EV_SIP_MALFORMED, STR_NONE, STR_NONE, "%s from %.*s %s",
			fault->reason ? fault->reason : "not a SIP message", STR_ARG(buf_str(&b)),
			m ? "was answered" : "was dropped");
	}
	if (m) {
		const struct sip_reply r = { .status = fault->status,
			.reason = str_of(fault->reason),
			.to_tag = STR("malformed") };

		reply_directly(nw, m, flow, &r);
	}
}

void net_deliver(struct net_worker *nw, struct str bytes, const struct flow *flow)
{
	struct sip_fault fault;
	struct sip_msg *m;
	enum err e;

	struct worker *w = nw->transport.worker;

	counter_add(&nw->counters.received, 1);
	if (overload_level(&w->overload) != OVERLOAD_FINE && flow->proto == TP_UDP &&
		guard_drops(&nw->guard, w, &flow->remote, bytes))
		return;
	if (flow->proto == TP_UDP && stun_is(bytes)) {
		stun_serve(nw, bytes, flow);
		return;
	}
	if (!is_message(bytes)) {
		counter_add(&nw->counters.dropped, 1);
		return;
	}
	trace(nw, EV_SIP_RECEIVED, bytes, flow);
	e = sip_msg_parse(bytes, &m, &fault);
	if (!e && m->is_request && flow->conn)
		conn_take_alias(nw, &m->via, flow->conn);
	if (e)
		malformed(nw, m, &fault, flow);
	else
		dispatch(nw, m, flow);
	sip_msg_unref(m);
}

/* ---- out ---- */

static enum err op_send(struct transport *t, const struct flow *flow, struct str bytes, uint64_t id)
{
	struct net_worker *nw = container_of(t, struct net_worker, transport);

	if (bytes.n > SIP_MSG_MAX)
		return ERR_LIMIT;
	if (bytes.n > KEEPALIVE_BYTES_MAX)
		trace(nw, EV_SIP_SENT, bytes, flow);
	return flow->proto == TP_UDP ? udp_send(nw, flow, bytes, id)
				     : conn_send(nw, flow, bytes, id);
}

/* Asks the kernel which address it would send from. */
static bool ask_local(const struct addr *remote, struct addr *local)
{
	int fd = socket(remote->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(*local);
	bool ok = fd >= 0 && !connect(fd, &remote->sa, addr_len(remote)) &&
		!getsockname(fd, &local->sa, &n);

	if (fd >= 0)
		close(fd);
	return ok;
}

static void route_forget_all(struct net_worker *nw)
{
	hash_each(&nw->routes, free_route, nw);
}

void net_worker_network_changed(struct transport *t)
{
	route_forget_all(container_of(t, struct net_worker, transport));
}

static bool local_towards(struct net_worker *nw, const struct addr *remote, struct addr *local)
{
	struct addr key = *remote;
	struct net_route *r;
	uint64_t h;

	addr_set_port(&key, 9);
	h = addr_hash(&key);
	for (struct hash_node *n = hash_find(&nw->routes, h); n; n = hash_next(n)) {
		r = container_of(n, struct net_route, node);
		if (addr_ip_eq(&r->remote, &key)) {
			*local = r->local;
			return true;
		}
	}
	if (!ask_local(&key, local))
		return false;
	if (nw->routes.count >= NET_ROUTES_MAX)
		route_forget_all(nw);
	r = mem_new(struct net_route);
	r->remote = key;
	r->local = *local;
	hash_add(&nw->routes, &r->node, h);
	return true;
}

/*
 * The listen line to use: protocol and family must fit; a line on the address that the kernel
 * would choose beats a wildcard, which beats a line on another address. Loopback reaches loopback
 * only.
 */
static int choose_listen(struct net_worker *nw, enum tp_proto proto, const struct addr *remote,
	const struct addr *source)
{
	const struct net_config *cfg = &nw->net->cfg;
	int best = -1, best_score = 0;

	for (unsigned i = 0; i < cfg->listen_count; i++) {
		const struct addr *a = &cfg->listen[i].addr;
		int score = 1;

		if (cfg->listen[i].proto != proto || a->sa.sa_family != remote->sa.sa_family)
			continue;
		if (addr_ip_eq(a, source))
			score = 3;
		else if (addr_is_any(a))
			score = 2;
		if (score > best_score) {
			best = (int)i;
			best_score = score;
		}
	}
	return best;
}

/* At once, as only here it is known whose certificate it must be. */
static enum err connect_tls(struct net_worker *nw, struct str name, struct flow *flow)
{
	struct conn *c;
	enum err e = nw->net->cfg.tls ? conn_open(nw, flow, name, &c) : ERR_UNSUPPORTED;

	if (!e)
		flow->conn = c->flow.conn;
	return e;
}

static enum err op_route(struct transport *t, enum tp_proto proto, const struct addr *remote,
	struct str name, struct flow *out)
{
	struct net_worker *nw = container_of(t, struct net_worker, transport);
	struct addr source = { 0 };
	int line;

	*out = (struct flow){ .proto = proto, .remote = *remote };
	if (!local_towards(nw, remote, &source))
		source.sa.sa_family = AF_UNSPEC;
	line = choose_listen(nw, proto, remote, &source);
	if (line < 0)
		return ERR_UNSUPPORTED;
	out->listener = (uint16_t)line;
	out->local = nw->net->cfg.listen[line].addr;
	if (addr_is_any(&out->local)) {
		uint16_t port = addr_port(&out->local);

		if (!addr_set(&source))
			return ERR_NETWORK;
		out->local = source;
		addr_set_port(&out->local, port);
	}
	if (proto != TP_UDP)
		out->conn = conn_find(nw, proto, remote, name);
	return proto == TP_TLS && !out->conn ? connect_tls(nw, name, out) : ERR_OK;
}
