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
	struct str port_text; /* as it stands in the m= line, without "/count" */
	struct str proto;
	struct str connection; /* address text that applies: its own c= or the session's; may be
				  empty */
	struct str own_connection; /* the address in its own c= line, p == NULL: none */
	struct str rtcp_text; /* the port in a=rtcp:, p == NULL: there is none */
	struct str rtcp_address; /* the address in a=rtcp:, p == NULL: none */
	uint16_t rtcp_port;
	enum sdp_direction direction;
	bool ice; /* a=candidate or a=ice-ufrag here or in the session */
	const char *head_end; /* behind m= and i=: where a c= line may be put */
	const char *end; /* behind its last line */
};

struct sdp {
	struct str text;
	struct str origin; /* the address in o=, p == NULL: none */
	struct str session_connection; /* address text, p == NULL: none */
	bool ice;
	struct sdp_media media[SDP_MEDIA_MAX];
	unsigned media_count;
};

/* Tolerates LF line ends and unknown lines; ERR_SYNTAX without "v=0"; ERR_LIMIT. */
MUST_USE enum err sdp_parse(struct str text, struct sdp *out);

/*
 * Changes of an SDP's text, kept until all are known; every byte that none names stays as it was.
 * They may be made in any order but must not overlap.
 */
enum { SDP_EDITS_MAX = 1 + 4 * SDP_MEDIA_MAX, SDP_EDIT_MAX = 96 };

struct sdp_edit {
	const char *at;
	size_t removed;
	char text[SDP_EDIT_MAX];
	size_t n;
};

struct sdp_edits {
	const struct sdp *sdp;
	struct sdp_edit list[SDP_EDITS_MAX];
	unsigned count;
};

void sdp_edits_init(struct sdp_edits *e, const struct sdp *sdp);
/* The address in a c= line or an a=rtcp: the word IP4 or IP6 before it follows the new family. */
void sdp_set_address(struct sdp_edits *e, struct str address, const struct addr *now);
void sdp_set_port(struct sdp_edits *e, struct str port_text, uint16_t now);
/* A c= line for a media description that has none of its own. */
void sdp_add_connection(struct sdp_edits *e, const struct sdp_media *m, const struct addr *now);
/* An a=rtcp line where there is none; where there is one without an address, its value. */
void sdp_set_rtcp(struct sdp_edits *e, const struct sdp_media *m, const struct addr *now);
void sdp_print_edited(struct buf *b, struct sdp_edits *e);

#endif
