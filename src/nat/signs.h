/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signs that a router on the way rewrote a message ("SIP ALG"): half of what the phone says of
 * itself is changed to the public address, the other half is as the phone wrote it. One such half
 * alone says little, as some phones learn their public address and use it in places; two of them,
 * or what no phone does, say that it was a router.
 */
#ifndef NAT_SIGNS_H
#define NAT_SIGNS_H

#include "base/addr.h"

struct nat_claims { /* what is not an address, or not there, is unset */
	struct addr observed; /* where the message came from, without proxies between */
	struct addr via, contact;
	struct addr media, origin; /* the SDP's c= and o= */
	size_t surplus; /* bytes of the datagram behind the body that Content-Length announces */
	bool sdp; /* the body is an SDP */
};

/* True: likely an ALG; `why` gets what shows it. */
bool nat_alg_signs(const struct nat_claims *c, struct buf *why);

/*
 * A Contact's host that nobody can send to, in words; NULL: it will do. own: the address that the
 * host is, unset for a name.
 */
const char *nat_contact_fault(struct str host, const struct addr *own, const struct addr *observed);

#endif
