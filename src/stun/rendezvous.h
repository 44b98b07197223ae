/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rendezvous: where a phone's media sockets are seen from outside (docs/rendezvous.md). A phone is
 * given a token with its registration; a STUN request that carries it, sent from a media socket,
 * tells. Nothing is kept of who has no token that we made.
 *
 * Shared by all workers; any thread. Bounded: the oldest goes when there are too many.
 */
#ifndef STUN_RENDEZVOUS_H
#define STUN_RENDEZVOUS_H

#include "base/addr.h"
#include "base/buf.h"

enum {
	RENDEZVOUS_SOCKETS_MAX = 65536,
	RENDEZVOUS_PER_PHONE_MAX = 64,
	RENDEZVOUS_KEEP_S = 180, /* after its last request */
	RENDEZVOUS_TOKEN_MAX = 64, /* characters */
};

struct rendezvous;

/* key: the cluster's, 32 bytes; every node takes the tokens of the others. */
struct rendezvous *rendezvous_new(const uint8_t *key);
void rendezvous_free(struct rendezvous *r); /* NULL is fine */

/* A token for the phone whose signalling comes from there, good until then (seconds of UTC). */
void rendezvous_print_token(
	const struct rendezvous *r, struct buf *b, const struct addr *signalling, uint32_t until_s);

/*
 * A request with a token came from `seen`, to `at` of ours, from the socket that the phone calls
 * `own`. A token that is not ours, or out of date, changes nothing. r: struct rendezvous.
 */
void rendezvous_saw(void *r, struct str token, const struct addr *own, const struct addr *seen,
	const struct addr *at);

/* What is known of that socket; false: nothing. r: struct rendezvous. */
bool rendezvous_find(
	void *r, const struct addr *signalling, const struct addr *own, struct addr *seen);
/* Was one socket of that phone seen in two places, from two of ours? */
bool rendezvous_symmetric(void *r, const struct addr *signalling);

#endif
