/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SDP (RFC 8866), as much of it as a switch without media needs: where media goes, whether ICE is
 * in it, whether it is on hold, and rewriting addresses while every other byte stays as it was.
 */
#ifndef SIP_SDP_H
#define SIP_SDP_H

#include "base/addr.h"

enum { SDP_MEDIA_MAX = 32 };

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

struct sdp_media {
	struct str line; /* the m= line without its end */
	struct str type; /* "audio", "video", "image" … */
	uint16_t port; /* 0: refused or switched off */
	struct str proto;
	struct str connection; /* address text that applies: its own c= or the session's; may be
				  empty */
	struct str own_connection; /* the address in its own c= line, p == NULL: none */
	struct str rtcp_address; /* the address in a=rtcp:, p == NULL: none */
	uint16_t rtcp_port;
	enum sdp_direction direction;
	bool ice; /* a=candidate or a=ice-ufrag here or in the session */
};

struct sdp {
	struct str text;
	struct str session_connection; /* address text, p == NULL: none */
	bool ice;
	struct sdp_media media[SDP_MEDIA_MAX];
	unsigned media_count;
};

/* Tolerates LF line ends and unknown lines; ERR_SYNTAX without "v=0"; ERR_LIMIT. */
MUST_USE enum err sdp_parse(struct str text, struct sdp *out);

/*
 * Writes the SDP with addresses replaced: `replace` is asked for every address (session c=, each
 * media's c=, each a=rtcp) and returns the new text or STR_NONE to leave it. The IN IP4/IP6 word
 * follows the new address's family. Everything else is byte-identical.
 */
typedef struct str sdp_replace_fn(struct str address, const struct sdp_media *media, void *arg);
void sdp_rewrite(struct buf *b, const struct sdp *sdp, sdp_replace_fn *replace, void *arg);

#endif
