/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether media between two ends has a way, as far as signalling lets one tell, and why not in
 * words. We never see media: these are conclusions from where requests come from, what phones say
 * of themselves, and what became of the addresses in their SDP (nat/media.h).
 *
 * The kind of NAT in front of an end shows in what its packets suffer on their way to us:
 *   NAT_NONE           it calls itself what we see
 *   NAT_KEEPS_PORTS    another address, the same port: its media ports are likely kept as well
 *   NAT_CHANGES_PORTS  address and port are others: nobody can guess a media port
 *   NAT_SYMMETRIC      and another one for everybody it talks to (only rendezvous can tell)
 */
#ifndef NAT_PATH_H
#define NAT_PATH_H

#include "nat/media.h"

enum nat_kind { NAT_UNKNOWN, NAT_NONE, NAT_KEEPS_PORTS, NAT_CHANGES_PORTS, NAT_SYMMETRIC };

/* stated: what it calls itself (Via, Contact); unset: nothing usable. udp: ports count. */
enum nat_kind nat_kind_of(const struct addr *stated, const struct addr *observed, bool udp);
/* By the Contact that it registered, a URI. */
enum nat_kind nat_kind_of_contact(struct str contact, const struct addr *observed, bool udp);
const char *nat_kind_words(enum nat_kind k); /* "behind a NAT that keeps ports" */

struct nat_end {
	const char *who; /* "the caller" */
	enum nat_kind kind;
	bool provider; /* answers to wherever media comes from, as all of them do */
	struct nat_outcome said; /* its media address; reason NAT_NO_MEDIA: it is on hold */
};

/* From worst to best. */
enum nat_path { NAT_PATH_NONE, NAT_PATH_DOUBTFUL, NAT_PATH_LIKELY, NAT_PATH_DIRECT };
const char *nat_path_name(enum nat_path p); /* "none", "doubtful", "likely", "direct" */

/* `why`: a clause without a full stop. */
enum nat_path nat_path_between(const struct nat_end *a, const struct nat_end *b, struct buf *why);

#endif
