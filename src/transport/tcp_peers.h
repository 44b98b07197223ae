/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is known to take TCP where we send by UDP: addresses to which a connection was opened. The
 * latest that failed counts, too. Bounded; the oldest are forgotten. Shared by all workers.
 */
#ifndef TRANSPORT_TCP_PEERS_H
#define TRANSPORT_TCP_PEERS_H

#include "base/addr.h"

enum { TCP_PEERS_MAX = 4096 };

struct tcp_peers;

struct tcp_peers *tcp_peers_new(void);
void tcp_peers_free(struct tcp_peers *p);
void tcp_peers_learn(struct tcp_peers *p, const struct addr *a, bool takes);
bool tcp_peers_takes(struct tcp_peers *p, const struct addr *a);

#endif
