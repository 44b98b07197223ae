/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is connected: ids, peers, and how many there are, of all workers together. */
#include <stdlib.h>

#include "base/arena.h"
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

	if (n->conn_count >= n->cfg.limits.connections_max * n->cfg.workers)
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

uint64_t conn_find(
	struct net_worker *nw, enum tp_proto proto, const struct addr *remote, struct str name)
{
	for (struct hash_node *n = hash_find(&nw->conns_by_peer, addr_hash(remote)); n;
		n = hash_next(n)) {
		struct conn *c = container_of(n, struct conn, by_peer);

		if (c->flow.proto == proto && addr_eq(&c->flow.remote, remote) && !c->closing &&
			conn_is_to(c, name))
			return c->flow.conn;
	}
	return 0;
}
