/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose message is it? (Architecture, section 3)
 *   a response: the worker in our Via branch;
 *   a request with our tag in To: the worker in the tag;
 *   anything else: hash of the Call-ID.
 */
#ifndef TRANSPORT_DISPATCH_H
#define TRANSPORT_DISPATCH_H

#include "sip/msg.h"

unsigned dispatch_owner(const struct sip_msg *m, unsigned workers);
unsigned dispatch_owner_of_call(struct str call_id, unsigned workers);

#endif
