/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * STUN (RFC 8489), as much of it as a server of Binding requests needs: parse and print, pure
 * functions. Clients of RFC 3489, which do not know the magic cookie, are answered in their way.
 */
#ifndef STUN_STUN_H
#define STUN_STUN_H

#include "base/addr.h"
#include "base/buf.h"

enum {
	STUN_HEADER = 20,
	STUN_PORT = 3478,
	STUN_UNKNOWN_MAX = 8,
	STUN_BINDING = 1,
};

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

struct stun_msg { /* slices borrow from the datagram */
	enum stun_class class;
	unsigned method;
	bool cookie; /* RFC 5389 and later */
	uint8_t transaction[16]; /* the last 12, or, without the cookie, all of it */
	bool fingerprint; /* it has one, and it is right */
	struct str software;
	/* docs/rendezvous.md */
	struct str token; /* p == NULL: none */
	struct addr own; /* the socket as the phone calls it; unset: not given */
	struct addr mapped; /* of answers: XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS */
	uint16_t error; /* of error answers; 0: none */
	uint16_t unknown[STUN_UNKNOWN_MAX]; /* attributes that must be understood (section 14) */
	unsigned unknown_count;
};

/* Whether a datagram on a SIP port is STUN: SIP begins with a letter (section 7.3). */
static inline bool stun_is(struct str bytes)
{
	return bytes.n >= STUN_HEADER && (unsigned char)bytes.p[0] < 4;
}

/* ERR_SYNTAX: it is not STUN, or its FINGERPRINT is wrong; nothing is answered then. */
MUST_USE enum err stun_parse(struct str bytes, struct stun_msg *out);

/* The answer to a Binding request that came from `mapped`. */
void stun_print_success(struct buf *b, const struct stun_msg *request, const struct addr *mapped);
/* 420 with the attributes that are not understood, or another error. */
void stun_print_error(struct buf *b, const struct stun_msg *request, unsigned code);

/* A Binding request, as phones and tests send it; token, own: what is not set is left out. */
void stun_print_request(
	struct buf *b, const uint8_t transaction[12], struct str token, const struct addr *own);

#endif
