/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the real transport: what net.c, udp.c, tcp.c and conn.c share. */
#ifndef TRANSPORT_NET_INT_H
#define TRANSPORT_NET_INT_H

#include "base/counter.h"
#include "base/hash.h"
#include "base/lock.h"
#include "transport/guard.h"
#include "transport/net.h"
#include "transport/tcp_peers.h"

enum {
	NET_BATCH = 32, /* datagrams a system call */
	NET_SEND_BYTES = 256 * 1024, /* waiting to go out by UDP, per worker, about */
	NET_SEND_MAX = 1024, /* the same in datagrams */
	NET_ROUTES_MAX = 1024, /* remembered local addresses */
	NET_FDS_KEPT = 128, /* descriptors that connections leave to everything else */
	NET_TLS_BYTES = 32 * 1024, /* read at once from a TLS connection */
};

struct net_worker;

struct udp_socket { /* one listen line's UDP socket of one worker */
	uv_poll_t poll;
	int fd;
	uint16_t listener;
	struct addr local;
	bool wildcard; /* local is any address: each datagram says which */
	struct net_worker *nw;
	uint32_t lost; /* as the kernel counts: its queue was full */
	bool blocked; /* the last send said EAGAIN: waiting for room */
	unsigned waiting; /* of its datagrams in net_worker.send */
	size_t waiting_bytes;
};

struct udp_datagram { /* waiting to go out */
	struct udp_socket *socket; /* NULL: done with */
	struct addr local, remote;
	size_t at, length; /* in net_worker.send_bytes */
	unsigned tries; /* that met an error, maybe another's */
	uint64_t id;
};

struct tcp_listener {
	uv_tcp_t uv;
	uint16_t listener;
	struct addr local;
	struct net_worker *nw;
};

struct net_route { /* the local address that the kernel uses towards a remote one */
	struct hash_node node;
	struct addr remote, local;
};

struct net_worker {
	struct transport transport; /* first */
	struct net *net;
	struct udp_socket *udp[NET_LISTEN_MAX];
	unsigned udp_count;
	struct tcp_listener *tcp[NET_LISTEN_MAX];
	struct turn_hook flush;

	char *send_bytes;
	size_t send_used, send_share; /* of it, a socket's */
	struct udp_datagram *send;
	unsigned send_count;
	bool flushing;
	struct udp_batch *batch; /* receive buffers */
	char *tls_bytes; /* NET_TLS_BYTES, for one read */
	struct fair handshakes; /* begun, by address */
	struct fair binding_requests; /* STUN */
	int64_t arrived_us; /* of what is being delivered */
	struct guard guard;

	struct hash routes; /* by remote address */
	struct hash conns; /* by id */
	uint64_t next_conn;

	struct net_counters counters; /* written by this worker only */
	bool stopped; /* soon an empty shell, as others may have posted something for it */
	struct net_worker *next; /* in net.stopped */
};

struct net {
	struct net_config cfg;
	int *fds;
	struct net_worker *workers[WORKERS_MAX];
	struct net_worker *stopped; /* atomic */
	struct tcp_peers *tcp_peers;
	struct lock conns_lock; /* below */
	struct hash conns_by_peer; /* struct conn_peer */
	struct hash conns_by_ip; /* counts per address */
	unsigned conn_count, conn_max; /* of all workers */
};

/* Bytes that arrived at nw->arrived_us, one message: parses it, sends it on to its owner. */
void net_deliver(struct net_worker *nw, struct str bytes, const struct flow *flow);

/* A datagram that is STUN. */
void stun_serve(struct net_worker *nw, struct str bytes, const struct flow *flow);

MUST_USE enum err udp_open(struct net_worker *nw, uint16_t listener, int fd);
void udp_close(struct udp_socket *s);
MUST_USE enum err udp_send(
	struct net_worker *nw, const struct flow *flow, struct str bytes, uint64_t id);
void udp_flush(struct net_worker *nw);
void udp_poll(struct udp_socket *s); /* waits for what it waits for at present */
/* Reads what ICMP said about datagrams of this socket; false: there was nothing. */
bool udp_take_errors(struct udp_socket *s);
void udp_queue_init(struct net_worker *nw); /* once its sockets are open */
struct udp_batch *udp_batch_new(void);
void udp_batch_free(struct udp_batch *b);

MUST_USE enum err tcp_listen(struct net_worker *nw, uint16_t listener, int fd);
void tcp_close(struct tcp_listener *l);
/* On any worker: goes to the connection's owner. */
MUST_USE enum err conn_send(
	struct net_worker *nw, const struct flow *flow, struct str bytes, uint64_t id);
/* A request said where its sender listens (RFC 5923): that connection leads there, if it may. */
void conn_take_alias(struct net_worker *nw, const struct sip_via *via, uint64_t id);
/* A connection that leads to that peer, of this worker if there is one; 0: none. */
uint64_t conn_find(
	struct net_worker *nw, enum tp_proto proto, const struct addr *remote, struct str name);
void conn_close_all(struct net_worker *nw);

#endif
