/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of the addresses in an SDP on its way from one side of a call to the other. Pure
 * functions: everything that counts is given.
 *
 * Nothing changes when the SDP carries ICE, when the dial string says ma=false, when a policy says
 * never, and when both sides are in one network: their accounts have the same network id, or their
 * signalling comes from the same address. Otherwise every address of a media description that is in
 * use (session or media level, a=rtcp) is looked at:
 *
 *   on hold (0.0.0.0, ::), multicast, a name          stays
 *   a media relay takes part (nat/media_relay.h)      the relay's address and port
 *   known by rendezvous                               address and port as they were seen
 *   public                                            stays: media servers stand beside the
 *                                                     signalling, every provider's does
 *   private, of the network where the signalling
 *   comes from, and the other side is inside too      stays
 *   any other private one                             the address where the signalling comes from;
 *                                                     if that is one of our own network and the
 *                                                     other side is outside: our public address
 *
 * With the policy "always" public ones are replaced as well, and one network does not count. Ports
 * stay unless rendezvous knows better. What is not replaced stays byte for byte.
 */
#ifndef NAT_MEDIA_H
#define NAT_MEDIA_H

#include "sip/sdp.h"

enum nat_policy { NAT_AUTO, NAT_NEVER, NAT_ALWAYS };
/* As the store has it; what it does not know is "auto". */
enum nat_policy nat_policy_of(struct str text);

/* Seam: what phones told us about their media sockets (stun/rendezvous.h). */
struct nat_rendezvous {
	/* The socket that its owner calls `own`, of the phone whose signalling comes from
	 * `signalling`, is seen from outside as *seen. */
	bool (*find)(void *arg, const struct addr *signalling, const struct addr *own,
		struct addr *seen);
	/* Whether one socket of that phone was seen in two places: its NAT is symmetric. May be
	 * NULL. */
	bool (*symmetric)(void *arg, const struct addr *signalling);
	void *arg;
};

struct nat_side {
	struct addr observed; /* where its signalling comes from; unset: not known */
	enum nat_policy policy; /* of its account or provider */
	struct str network; /* the account's network id; empty: none */
	bool provider; /* its "never" holds for what is sent there, too */
};

struct nat_media {
	struct nat_side from, to;
	bool leave; /* ma=false */
	struct addr public_address; /* of our own network, as seen from outside; may be unset */
	const struct nat_rendezvous *rendezvous; /* may be NULL */
	const struct addr *relay; /* by media line: what an external relay listens on instead */
	unsigned relay_count; /* 0: none takes part */
};

enum nat_reason {
	NAT_NO_MEDIA, /* nothing in it that is in use, or on hold */
	NAT_UNREADABLE, /* not an SDP, or with more media lines than are read: it passes */
	NAT_KEPT_ICE,
	NAT_KEPT_OPTION, /* ma=false */
	NAT_KEPT_POLICY, /* never */
	NAT_KEPT_NETWORK, /* same network id */
	NAT_KEPT_ADDRESS, /* both behind one address */
	NAT_KEPT_REACHABLE, /* public, or both are in our network */
	NAT_KEPT_NO_WAY, /* private, and nothing better is known */
	NAT_BY_SIGNALLING,
	NAT_BY_PUBLIC_ADDRESS,
	NAT_BY_RENDEZVOUS,
	NAT_BY_RELAY,
};

struct nat_outcome {
	enum nat_reason reason; /* of the first media line in use; NO_WAY if it is one's */
	bool ice;
	struct addr stated, given; /* address and port of that line, before and after */
};

/* How much longer than the SDP what is written may be. */
enum { NAT_MEDIA_ROOM = SDP_EDITS_MAX * SDP_EDIT_MAX };

struct nat_rewrite { /* what is to be changed, until it is printed; borrows the text */
	struct sdp sdp;
	struct sdp_edits edits;
	struct nat_outcome out;
};

/* False: nothing, the SDP goes on as it is. True: sdp_print_edited() of the edits writes it. */
bool nat_media_plan(struct nat_rewrite *r, struct str sdp, const struct nat_media *m);

/* The same for one address and port by itself: what would become of it. */
enum nat_reason nat_media_address(
	const struct nat_media *m, const struct addr *own, struct addr *now);

/* "192.168.1.5:4000 became 203.0.113.9:4000, where its signalling comes from" */
void nat_outcome_print(struct buf *b, const struct nat_outcome *o);

#endif
