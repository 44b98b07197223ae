/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream connection of one worker: accepted by tcp.c or opened by conn_send. Incoming bytes are
 * framed (RFC 3261 18.3) in a bounded buffer under a deadline; CRLF CRLF is answered by CRLF
 * (RFC 5626 4.4.1). What is to be written waits in a bounded queue, also while it is connecting.
 */
#ifndef TRANSPORT_CONN_H
#define TRANSPORT_CONN_H

#include "transport/net_int.h"

struct conn {
	uv_tcp_t uv;
	struct net_worker *nw;
	struct hash_node by_id, by_peer;
	struct flow flow;
	bool connected, closing;
	enum err why; /* it is being closed */
	struct timer idle, message;
	char *in;
	size_t in_used, in_room;
	unsigned crlf; /* consecutive CR and LF read outside of messages */
	size_t queued; /* bytes in writes that are not finished */
	uv_connect_t connect;
	struct list waiting; /* struct write: until it is connected */
};

/* Takes over a new handle: registers it under a new id. ERR_LIMIT: too many, in all or from there.
 */
MUST_USE enum err conn_add(struct conn *c, struct net_worker *nw, const struct flow *flow);
struct conn *conn_new(struct net_worker *nw);
void conn_start(struct conn *c); /* it is connected: begin to read */
void conn_close(struct conn *c, enum err why);

#endif
