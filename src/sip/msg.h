/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP messages (RFC 3261 section 7): one parsed message, zero-copy over one buffer that it owns.
 *
 * sip_msg_parse copies the bytes once, splits the start line and the header fields, and checks
 * and parses the fields that every layer needs: top Via, From, To, Call-ID, CSeq, Max-Forwards,
 * Content-Length. All other fields are parsed by who asks for them (sip/field.h).
 *
 * A message is immutable after parsing and reference counted (atomically: messages travel between
 * workers). Everything in it lives until the last reference goes.
 */
#ifndef SIP_MSG_H
#define SIP_MSG_H

#include "sip/field.h"
#include "sip/header.h"
#include "sip/method.h"

enum {
	SIP_MSG_MAX = 65535, /* bytes of a message, any transport */
	SIP_MSG_HEADERS_MAX = 256, /* header fields */
};

struct sip_msg {
	unsigned refs; /* atomic */
	bool is_request;
	struct str raw; /* the whole message, owned */

	enum sip_method method; /* of the request, or of the CSeq of a response */
	struct str method_name;
	struct str request_uri; /* as written */
	struct sip_uri uri; /* parsed; only when a parse was possible, see sip_fault */
	unsigned status; /* responses: 100 … 699 */
	struct str reason;

	struct sip_hdr *hdrs;
	unsigned hdr_count;
	uint16_t first[SIP_HDR_COUNT]; /* 1 + index of the first field with that id, 0: none */

	struct sip_via via; /* topmost */
	struct sip_addr from, to;
	struct str call_id;
	struct sip_cseq cseq;
	bool has_max_forwards;
	uint32_t max_forwards;
	struct str body;
};

/* Why a message was refused, and what to answer. */
struct sip_fault {
	unsigned status; /* 400, 413, 416, 505 …; 0: not answerable, drop and count */
	const char *reason; /* static, says what is wrong: "Missing Call-ID header" */
};

/*
 * Parses one datagram or one framed message. ERR_OK: *out holds one reference and fault is zero.
 * ERR_SYNTAX or ERR_LIMIT: fault is filled; *out is a message good enough for sip_print_reply
 * (Via, From, To, Call-ID, CSeq were readable) when fault->status is not 0, else NULL.
 * Leading CRLFs are skipped; bytes beyond Content-Length are ignored on datagrams (RFC 3261 18.3).
 */
MUST_USE enum err sip_msg_parse(struct str bytes, struct sip_msg **out, struct sip_fault *fault);
struct sip_msg *sip_msg_ref(struct sip_msg *m); /* returns m */
void sip_msg_unref(struct sip_msg *m); /* NULL is fine */

/*
 * Framing on streams (RFC 3261 18.3): bytes of the first message in the buffer, 0 when it is not
 * complete yet. ERR_LIMIT: head or body beyond the limit; ERR_SYNTAX: no Content-Length where one
 * must be, or nonsense; then the connection is lost.
 */
MUST_USE enum err sip_msg_frame(struct str buffer, size_t *length);

/*
 * The same for a buffer that grows: what was looked at is not looked at again. Zeroed at the start
 * of each message.
 */
struct sip_framing {
	size_t looked; /* no head ends in front of that */
	size_t length; /* of the whole message; 0: not known */
};
MUST_USE enum err sip_msg_frame_more(struct sip_framing *f, struct str buffer, size_t *length);

/* Value of the first field with that id; p == NULL when absent. */
struct str sip_msg_hdr(const struct sip_msg *m, enum sip_hdr_id id);
/* The same for any name (ignoring case; compact forms too). */
struct str sip_msg_hdr_named(const struct sip_msg *m, struct str name);

/*
 * Walks all values of a field over repeated lines and comma lists:
 *   struct sip_hdr_iter it = { 0 };
 *   struct str v;
 *   while (sip_msg_next(m, SIP_HDR_ROUTE, &it, &v)) …
 */
struct sip_hdr_iter {
	unsigned index;
	struct str rest;
};
bool sip_msg_next(
	const struct sip_msg *m, enum sip_hdr_id id, struct sip_hdr_iter *it, struct str *value);
/* Whether a list header holds the token anywhere (Supported, Require, Allow …). */
bool sip_msg_list_has(const struct sip_msg *m, enum sip_hdr_id id, struct str token);

#endif
