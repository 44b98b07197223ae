/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream connection of one worker: accepted by tcp.c or opened by conn_send. Incoming bytes are
 * framed (RFC 3261 18.3) in a bounded buffer under a deadline; CRLF CRLF is answered by CRLF
 * (RFC 5626 4.4.1). What is to be written waits in a bounded queue, also while it is connecting.
 */
#ifndef TRANSPORT_CONN_H
#define TRANSPORT_CONN_H

#include "transport/net_int.h"
#include "transport/tls.h"

enum { CONN_ID_SHIFT = 56 }; /* above it: the owner's number + 1 */

struct conn_peer { /* in net.conns_by_peer, which all workers read */
	struct hash_node node;
	uint64_t id;
	enum tp_proto proto;
	struct addr addr;
	struct str name; /* TLS: whose certificate it showed, or must show */
};

struct conn_alias;

struct conn {
	uv_tcp_t uv;
	struct net_worker *nw;
	struct hash_node by_id;
	struct conn_peer peer;
	struct conn_alias *alias; /* what else it leads to; NULL: nothing */
	struct flow flow;
	struct tls_session *tls; /* NULL: none */
	bool ready; /* connected, and whoever is there is known */
	bool closing;
	enum err why; /* it is being closed */
	struct timer idle, message;
	char *in;
	size_t in_used, in_room;
	struct sip_framing framing; /* of what is at the front of it */
	unsigned crlf; /* consecutive CR and LF read outside of messages */
	size_t queued; /* bytes in writes that are not finished */
	uv_connect_t connect;
	struct list waiting; /* struct write: until it is ready */
};

static inline struct worker *conn_worker(const struct conn *c)
{
	return c->nw->transport.worker;
}

/* Takes over a new handle: registers it under a new id. ERR_LIMIT: too many, in all or from there.
 */
MUST_USE enum err conn_add(struct conn *c, struct net_worker *nw, const struct flow *flow);
struct conn *conn_new(struct net_worker *nw);
void conn_start(struct conn *c); /* it is connected: begin to read */
void conn_close(struct conn *c, enum err why);
/* Connects; name: whose certificate it must be, for TLS. */
MUST_USE enum err conn_open(
	struct net_worker *nw, const struct flow *flow, struct str name, struct conn **out);

/* ---- tcp.c ---- */
/* Finds out by itself that the other end is gone without a word. */
void tcp_watch(uv_tcp_t *uv, unsigned dead_s);

/* ---- conn_table.c ---- */
const char *conn_count_up(struct net *n, const struct addr *ip); /* why not, or NULL */
void conn_count_down(struct net *n, const struct addr *ip);
struct conn *conn_by_id(struct net_worker *nw, uint64_t id); /* NULL: none */
static inline unsigned conn_owner(uint64_t id) /* number of the worker; UINT_MAX: none */
{
	return (unsigned)(id >> CONN_ID_SHIFT) - 1;
}
void conn_peer_add(struct net *n, struct conn_peer *p, const struct flow *flow, struct str name);
void conn_peer_del(struct net *n, struct conn_peer *p);
void conn_leads_nowhere(struct conn *c); /* any more */

/* ---- conn_write.c ---- */
/* ERR_LIMIT, ERR_CLOSED, ERR_CRYPTO; later failures go to `from` with the id. */
MUST_USE enum err conn_write(
	struct conn *c, struct str bytes, uint64_t id, struct net_worker *from);
void conn_write_waiting(struct conn *c);
void conn_fail_waiting(struct conn *c, enum err why);
/* What the TLS session has to say. */
void conn_flush_tls(struct conn *c, uint64_t id, struct net_worker *from);

#endif
