/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own address as a peer must call it: that of the socket, or, when we are behind a router and
 * the peer is outside, the router's public one, whose port of the same number leads to us.
 */
#ifndef NAT_OWN_H
#define NAT_OWN_H

#include "transport/transport.h"

/* "192.0.2.1:5060"; public_address unset: there is none. */
void nat_print_own(struct buf *b, const struct flow *flow, const struct addr *public_address);

#endif
