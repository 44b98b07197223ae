/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing messages into a bounded buffer. Check buf_ok() once at the end; what did not fit is
 * never sent. Values with CR or LF in them are our own bug at best and an injection at worst:
 * sip_print_hdr and its relatives replace every CR and LF in a value by a space.
 */
#ifndef SIP_PRINT_H
#define SIP_PRINT_H

#include "sip/msg.h"

void sip_print_request_line(struct buf *b, struct str method, struct str uri);
void sip_print_status_line(struct buf *b, unsigned status, struct str reason);
void sip_print_hdr(struct buf *b, enum sip_hdr_id id, struct str value);
void sip_print_hdr_named(struct buf *b, struct str name, struct str value);
void sip_print_hdr_u32(struct buf *b, enum sip_hdr_id id, uint32_t value);
void sip_print_hdr_fmt(struct buf *b, enum sip_hdr_id id, const char *fmt, ...) PRINTF(3, 4);
/* Copies every field with that id as it stands. */
void sip_print_copy(struct buf *b, const struct sip_msg *from, enum sip_hdr_id id);
/* Content-Type (when type is not empty), Content-Length, blank line, body: ends the message. */
void sip_print_body(struct buf *b, struct str type, struct str body);

/* Standard reason phrase: "Busy Here"; "Unknown" for codes without one. */
struct str sip_reason(unsigned status);

/* An extra header field of a reply or request. name wins when set, else id. */
struct sip_extra {
	enum sip_hdr_id id;
	struct str name;
	struct str value;
};

struct sip_reply {
	unsigned status;
	struct str reason; /* empty: the standard phrase */
	struct str to_tag; /* added unless the request had one; empty for 100 */
	struct str contact; /* full value, empty: none */
	const struct sip_extra *extra;
	unsigned extra_count;
	struct str content_type, body;
	bool record_route; /* copy Record-Route: dialog-creating 1xx and 2xx */
};

/*
 * A whole response per RFC 3261 8.2.6: Via, From, To, Call-ID and CSeq copied from the request.
 * The top Via gets received and rport from `source` (RFC 3581), always: source is "ip" and port.
 */
void sip_print_reply(struct buf *b, const struct sip_msg *req, struct str source_ip,
	uint16_t source_port, const struct sip_reply *reply);

#endif
