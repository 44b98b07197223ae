/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/tcp_peers.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/lock.h"

struct tcp_peer {
	struct hash_node node;
	struct list link; /* oldest first */
	struct addr addr;
};

struct tcp_peers {
	struct lock lock;
	struct hash by_addr;
	struct list by_age;
};

struct tcp_peers *tcp_peers_new(void)
{
	struct tcp_peers *p = mem_new(struct tcp_peers);

	lock_init(&p->lock);
	hash_init(&p->by_addr, 16);
	list_init(&p->by_age);
	return p;
}

static void drop(struct tcp_peers *p, struct tcp_peer *peer)
{
	hash_del(&p->by_addr, &peer->node);
	list_del(&peer->link);
	free(peer);
}

void tcp_peers_free(struct tcp_peers *p)
{
	for (struct list *it; (it = list_first(&p->by_age));)
		drop(p, container_of(it, struct tcp_peer, link));
	hash_fini(&p->by_addr);
	lock_fini(&p->lock);
	free(p);
}

static struct tcp_peer *find(struct tcp_peers *p, const struct addr *a)
{
	for (struct hash_node *n = hash_find(&p->by_addr, addr_hash(a)); n; n = hash_next(n)) {
		struct tcp_peer *peer = container_of(n, struct tcp_peer, node);

		if (addr_eq(&peer->addr, a))
			return peer;
	}
	return NULL;
}

static void add(struct tcp_peers *p, const struct addr *a)
{
	struct tcp_peer *peer = mem_new(struct tcp_peer);

	if (p->by_addr.count >= TCP_PEERS_MAX)
		drop(p, container_of(list_first(&p->by_age), struct tcp_peer, link));
	peer->addr = *a;
	hash_add(&p->by_addr, &peer->node, addr_hash(a));
	list_append(&p->by_age, &peer->link);
}

void tcp_peers_learn(struct tcp_peers *p, const struct addr *a, bool takes)
{
	struct tcp_peer *peer;

	lock_take(&p->lock);
	peer = find(p, a);
	if (peer)
		drop(p, peer);
	if (takes)
		add(p, a);
	lock_give(&p->lock);
}

bool tcp_peers_takes(struct tcp_peers *p, const struct addr *a)
{
	bool takes;

	lock_take(&p->lock);
	takes = find(p, a) != NULL;
	lock_give(&p->lock);
	return takes;
}
