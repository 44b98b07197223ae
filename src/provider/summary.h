/* SPDX-License-Identifier: BSD-3-Clause */
/* What a mailbox says of itself: application/simple-message-summary (RFC 3842 5.2). */
#ifndef PROVIDER_SUMMARY_H
#define PROVIDER_SUMMARY_H

#include "base/str.h"

struct summary {
	bool waiting;
	uint32_t voice_new, voice_old, urgent_new, urgent_old;
	struct str account; /* URI of the mailbox; may be empty; borrowed */
};

/* ERR_SYNTAX: it does not even say whether messages wait. What is malformed after that is left out.
 */
MUST_USE enum err summary_parse(struct str body, struct summary *out);

#endif
