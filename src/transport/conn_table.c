/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is connected: ids of one worker; of all together, how many there are, and which connection
 * leads where. A connection leads to its other end and, if the peer says so, to the address that
 * the peer listens on (RFC 5923).
 */
#include <stdlib.h>

#include "base/arena.h"
#include "sip/uri.h"
#include "transport/conn.h"

struct peer_count { /* connections from one address */
	struct hash_node node;
	struct addr ip;
	unsigned count;
};

static uint64_t ip_hash(struct addr ip)
{
	addr_set_port(&ip, 0);
	return addr_hash(&ip);
}

static struct peer_count *find_count(struct net *n, const struct addr *ip)
{
	for (struct hash_node *h = hash_find(&n->conns_by_ip, ip_hash(*ip)); h; h = hash_next(h)) {
		struct peer_count *p = container_of(h, struct peer_count, node);

		if (addr_ip_eq(&p->ip, ip))
			return p;
	}
	return NULL;
}

static const char *count_up(struct net *n, const struct addr *ip)
{
	struct peer_count *p = find_count(n, ip);

	if (n->conn_count >= n->conn_max)
		return "too many connections";
	if ((p ? p->count : 0) >= n->cfg.limits.connections_per_ip_max)
		return "too many connections from this address";
	if (!p) {
		p = mem_new(struct peer_count);
		p->ip = *ip;
		hash_add(&n->conns_by_ip, &p->node, ip_hash(*ip));
	}
	p->count++;
	n->conn_count++;
	return NULL;
}

const char *conn_count_up(struct net *n, const struct addr *ip)
{
	const char *why;

	lock_take(&n->conns_lock);
	why = count_up(n, ip);
	lock_give(&n->conns_lock);
	return why;
}

void conn_count_down(struct net *n, const struct addr *ip)
{
	struct peer_count *p;

	lock_take(&n->conns_lock);
	p = find_count(n, ip);
	BUG_ON(!p || p->count == 0);
	n->conn_count--;
	if (--p->count == 0) {
		hash_del(&n->conns_by_ip, &p->node);
		free(p);
	}
	lock_give(&n->conns_lock);
}

struct conn *conn_by_id(struct net_worker *nw, uint64_t id)
{
	struct hash_node *n = id ? hash_find(&nw->conns, id) : NULL;

	return n ? container_of(n, struct conn, by_id) : NULL;
}

/* ---- which leads where ---- */

struct conn_alias {
	struct conn_peer peer;
	char name[];
};

void conn_peer_add(struct net *n, struct conn_peer *p, const struct flow *flow, struct str name)
{
	p->id = flow->conn;
	p->proto = flow->proto;
	p->addr = flow->remote;
	p->name = name;
	lock_take(&n->conns_lock);
	hash_add(&n->conns_by_peer, &p->node, addr_hash(&p->addr));
	lock_give(&n->conns_lock);
}

void conn_peer_del(struct net *n, struct conn_peer *p)
{
	lock_take(&n->conns_lock);
	hash_del(&n->conns_by_peer, &p->node);
	lock_give(&n->conns_lock);
}

static bool leads_to(
	const struct conn_peer *p, enum tp_proto proto, const struct addr *remote, struct str name)
{
	return p->proto == proto && addr_eq(&p->addr, remote) &&
		(proto != TP_TLS || !name.n || str_ieq(p->name, name));
}

uint64_t conn_find(
	struct net_worker *nw, enum tp_proto proto, const struct addr *remote, struct str name)
{
	struct net *n = nw->net;
	uint64_t found = 0;

	lock_take(&n->conns_lock);
	for (struct hash_node *h = hash_find(&n->conns_by_peer, addr_hash(remote)); h;
		h = hash_next(h)) {
		const struct conn_peer *p = container_of(h, struct conn_peer, node);

		if (!leads_to(p, proto, remote, name))
			continue;
		if (!found || conn_owner(p->id) == nw->transport.worker->id)
			found = p->id;
	}
	lock_give(&n->conns_lock);
	return found;
}

/* ---- aliases ---- */

/*
 * Only what cannot be made up: without TLS, another port of the address that it comes from; with
 * it, a name that its certificate, signed by one whom we trust, is for.
 */
static bool may_alias(const struct conn *c, const struct sip_via *via)
{
	struct addr said;

	if (c->tls)
		return tls_peer_is(c->tls, via->host);
	return !addr_parse_ip(via->host, 0, &said) && addr_ip_eq(&said, &c->flow.remote);
}

void conn_take_alias(struct net_worker *nw, const struct sip_via *via, uint64_t id)
{
	struct conn *c = sip_param(via->params, STR("alias")).p ? conn_by_id(nw, id) : NULL;
	struct flow flow;

	if (!c || c->alias || !may_alias(c, via))
		return;
	flow = c->flow;
	addr_set_port(&flow.remote, via->port ? via->port : c->tls ? 5061 : 5060);
	c->alias = mem_alloc(sizeof(*c->alias) + via->host.n + 1);
	BUG_ON(str_copy(via->host, c->alias->name, via->host.n + 1) != ERR_OK);
	conn_peer_add(nw->net, &c->alias->peer, &flow, str_of(c->alias->name));
}

void conn_leads_nowhere(struct conn *c)
{
	conn_peer_del(c->nw->net, &c->peer);
	if (c->alias)
		conn_peer_del(c->nw->net, &c->alias->peer);
	free(c->alias);
	c->alias = NULL;
}

void net_report_lock(struct net *n, lock_report_fn *report, void *arg)
{
	struct lock_report r = { .name = "connections" };

	lock_report_add(&r, &n->conns_lock.use);
	report(arg, &r);
}
