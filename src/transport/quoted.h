/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The beginning of a request of ours as an ICMP error quotes it: enough to know whose it was. An
 * error says nothing else that could be believed: whoever makes one up does not know the branch.
 */
#ifndef TRANSPORT_QUOTED_H
#define TRANSPORT_QUOTED_H

#include "base/str.h"

struct quoted {
	struct str method;
	struct str branch; /* of the first Via, which we write first; whole */
};

/* ERR_SYNTAX: not the beginning of a request, or it ends before the branch does. */
MUST_USE enum err quoted_parse(struct str bytes, struct quoted *out);

#endif
