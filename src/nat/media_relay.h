/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An external relay for the media of calls that have no way, off unless it is configured:
 * rtpengine, by its ng protocol. Before such a call goes out, the relay is asked for addresses of
 * its own, one for each side and media line: what it gives stands in every SDP of the call from
 * then on. Media goes through the relay, never through us.
 *
 * It is asked with what the caller offers, as an offer and as its own answer: so both sides'
 * addresses are known at once, and nothing of the call waits for the relay after that. Where media
 * really comes from the relay learns from the media, as it would behind NATs anyway.
 *
 * One a worker. A seam: the replay harness plays it.
 */
#ifndef NAT_MEDIA_RELAY_H
#define NAT_MEDIA_RELAY_H

#include "loop/loop.h"
#include "sip/sdp.h"

struct relay_ports { /* by media line; unset where the line is switched off */
	struct addr to_caller[SDP_MEDIA_MAX]; /* what the caller is told */
	struct addr to_callee[SDP_MEDIA_MAX];
	unsigned count;
};

/* ports NULL: there is no relay for it, `why` says so. */
typedef void relay_done(void *arg, const struct relay_ports *ports, struct str why);

struct media_relay {
	/* Later, never within the call; once. False: too much is asked of it already. */
	bool (*ask)(struct media_relay *r, struct str call, struct str sdp, relay_done *done,
		void *arg);
	void (*cancel)(struct media_relay *r, void *arg); /* done does not come any more */
	void (*release)(struct media_relay *r, struct str call); /* the call is over */
};

/* The answers to the offer and to its mirror, as ports. ERR_SYNTAX: they do not fit together. */
MUST_USE enum err relay_ports_read(
	struct str to_callee, struct str to_caller, struct relay_ports *out);

/* NULL: the socket could not be opened. */
struct media_relay *media_relay_new(struct worker *w, const struct addr *where);
void media_relay_free(struct media_relay *r); /* nobody waits any more; NULL is fine */

#endif
