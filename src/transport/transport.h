/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transport: listeners, connections, flows. Bytes in, struct sip_msg out; bytes out over a flow.
 *
 * One struct transport a worker. Each worker has its own UDP socket and TCP listener on every
 * `listen` line (SO_REUSEPORT). A message is parsed where it arrives and handed to the worker that
 * owns it (transport/dispatch.h) before `on_message` is called there. A connection belongs to the
 * worker that accepted or opened it; any worker may send on it by its id: the transport passes the
 * bytes through the owner's inbox.
 *
 * Seam: the roles see only this struct and its ops. transport/net.h makes the real one; the replay
 * harness makes one over a simulated network.
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "base/addr.h"
#include "loop/worker.h"
#include "sip/msg.h"

enum tp_proto { TP_UDP, TP_TCP, TP_TLS, TP_WS, TP_WSS, TP_PROTO_COUNT };

struct str tp_proto_name(enum tp_proto p); /* "udp": for URIs, configuration, the store */
struct str tp_proto_via(enum tp_proto p); /* "UDP": for Via */
MUST_USE enum err tp_proto_parse(struct str s, enum tp_proto *out); /* ignoring case */
static inline bool tp_proto_reliable(enum tp_proto p)
{
	return p != TP_UDP;
}

/*
 * A flow: where a message came from, or goes to: a value, freely copied. Sending on the flow that
 * a request came in on reaches its sender (RFC 3581, RFC 5626).
 */
struct flow {
	enum tp_proto proto;
	uint16_t listener; /* index of the listen line whose socket is used */
	uint64_t conn; /* connection id, 0: none (UDP, or to be opened); owner worker in the top
			  byte */
	struct addr local; /* our side, as the peer sees it as far as we know */
	struct addr remote;
};

/* "udp:192.0.2.1:5060": the peer's side. */
void flow_print_remote(struct buf *b, const struct flow *f);
void flow_print_local(struct buf *b, const struct flow *f);
bool flow_same_peer(const struct flow *a, const struct flow *b);

struct transport;

struct transport_handlers {
	/* A message for this worker, parsed and sound. Borrowed: take a reference to keep it. */
	void (*on_message)(void *arg, struct sip_msg *m, const struct flow *flow);
	/* A send of transport_send with that id could not be done (connect refused, closed, …). */
	void (*on_send_failed)(void *arg, uint64_t id, enum err why);
	/*
	 * ICMP says that a request of this worker did not reach `remote` by UDP; the branch is
	 * that of its Via. True: there is such a request. May be NULL.
	 */
	bool (*on_unreachable)(
		void *arg, const struct addr *remote, struct str method, struct str branch);
	/* A connection is gone; every worker is told. */
	void (*on_closed)(void *arg, uint64_t conn);
};

struct transport_ops {
	enum err (*route)(struct transport *t, enum tp_proto proto, const struct addr *remote,
		struct str name, struct flow *out);
	enum err (*send)(
		struct transport *t, const struct flow *flow, struct str bytes, uint64_t id);
	bool (*takes_tcp)(struct transport *t, const struct addr *remote); /* NULL: never */
};

struct transport {
	const struct transport_ops *ops;
	struct worker *worker;
	struct transport_handlers handlers;
	void *arg;
};

/*
 * Completes a flow towards `remote`: chooses the listen line (same protocol and family), the local
 * address, and an open connection if there is one (RFC 3261 18.1). TLS is connected at once, to
 * whom the certificate proves to be `name`, the domain or address that was resolved (RFC 5922); for
 * others it may be empty. ERR_UNSUPPORTED when no listen line speaks that protocol and family.
 */
MUST_USE static inline enum err transport_route(struct transport *t, enum tp_proto proto,
	const struct addr *remote, struct str name, struct flow *out)
{
	return t->ops->route(t, proto, remote, name, out);
}

/* Is the peer that we reach there by UDP known to take TCP, too? */
static inline bool transport_takes_tcp(struct transport *t, const struct addr *remote)
{
	return t->ops->takes_tcp && t->ops->takes_tcp(t, remote);
}

/*
 * Sends one message (copied before it returns; UDP goes out at the end of the turn, batched).
 * A stream flow whose connection is gone, or that never had one, is connected to flow->remote.
 * Errors at once (ERR_LIMIT: too large or too much queued; ERR_CLOSED) are returned; later ones
 * arrive as on_send_failed with `id`, unless id is 0.
 */
MUST_USE static inline enum err transport_send(
	struct transport *t, const struct flow *flow, struct str bytes, uint64_t id)
{
	return t->ops->send(t, flow, bytes, id);
}

#endif
