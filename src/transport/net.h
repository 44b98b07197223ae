/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real transport: sockets of one process for all of its workers.
 *
 * The supervisor opens the sockets (net_bind, before privileges are dropped) and hands them over;
 * net_worker_new makes each worker's struct transport over its share of them.
 */
#ifndef TRANSPORT_NET_H
#define TRANSPORT_NET_H

#include "base/lock.h"
#include "loop/loop.h"
#include "transport/tls.h"
#include "transport/transport.h"

enum { NET_LISTEN_MAX = 32 };

struct net_listen { /* one `listen` line */
	enum tp_proto proto; /* TP_UDP, TP_TCP or TP_TLS */
	struct addr addr; /* port 0: chosen by the kernel and written back (tests) */
};

/* "udp:127.0.0.1:5060", "tcp:[::1]:5060", "udp:*:5060" (all IPv4; "udp:[::]:5060" for IPv6). */
MUST_USE enum err net_listen_parse(struct str s, struct net_listen *out);

struct net_limits { /* all have defaults in the configuration's option table */
	unsigned connections_max; /* a worker; who has less leaves it to the others */
	unsigned connections_per_ip_max;
	unsigned message_bytes_max; /* SIP_MSG_MAX */
	unsigned idle_s; /* a connection without a word is closed */
	unsigned message_s; /* a message begun must be complete after that */
	unsigned connect_s;
	unsigned dead_s; /* without a sign of life from the other end's kernel; 0: as ours has it */
	unsigned handshake_s; /* TLS */
	unsigned handshakes_per_ip; /* begun in a second, a worker; 0: no limit */
	size_t queue_bytes_max; /* waiting to be written, per connection */
};

struct net_config {
	struct net_listen listen[NET_LISTEN_MAX];
	unsigned listen_count;
	unsigned workers;
	struct net_limits limits;
	struct tls *tls; /* NULL: none is spoken */
	/* A STUN request with a rendezvous token (docs/rendezvous.md); any worker's thread. NULL:
	 * nobody wants to know. */
	void (*on_media_socket)(void *arg, struct str token, const struct addr *own,
		const struct addr *seen, const struct addr *at);
	void *on_media_socket_arg;
};

/* One socket per listen line and worker: fds[line * workers + worker]. Sets port 0 to the real one.
 */
MUST_USE enum err net_bind(struct net_config *cfg, int *fds, struct buf *why);

struct net; /* shared by the workers of the process: connection registry, counters */
struct net *net_new(const struct net_config *cfg, const int *fds, struct worker **workers);
void net_free(struct net *n); /* after worker_fini of all: their inboxes may speak of it */

struct net_counters {
	uint64_t received, sent, malformed, dropped, send_failed, accepted, refused, handed_over,
		stun;
};
void net_counters(struct net *n, struct net_counters *sum); /* any thread */
void net_report_lock(struct net *n, lock_report_fn *report, void *arg); /* any thread */

struct transport *net_worker_new(
	struct net *n, struct worker *w, const struct transport_handlers *h, void *arg);
/* This machine's addresses or routes changed: forgets which address leads where. */
void net_worker_network_changed(struct transport *t);
void net_worker_free(struct transport *t); /* closes its sockets and connections */

#endif
