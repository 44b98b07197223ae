/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which header fields pass from one side to the other. What belongs to one hop or one dialog, what
 * asks for features of ours, and what vouches for an identity stays; everything else passes
 * verbatim, known or not.
 */
#include "call/model.h"

#include "sip/print.h"

static bool stays(enum sip_hdr_id id)
{
	switch (id) {
	case SIP_HDR_VIA:
	case SIP_HDR_FROM:
	case SIP_HDR_TO:
	case SIP_HDR_CALL_ID:
	case SIP_HDR_CSEQ:
	case SIP_HDR_CONTACT:
	case SIP_HDR_MAX_FORWARDS:
	case SIP_HDR_ROUTE:
	case SIP_HDR_RECORD_ROUTE:
	case SIP_HDR_PATH:
	case SIP_HDR_SERVICE_ROUTE:
	case SIP_HDR_AUTHORIZATION:
	case SIP_HDR_PROXY_AUTHORIZATION:
	case SIP_HDR_WWW_AUTHENTICATE:
	case SIP_HDR_PROXY_AUTHENTICATE:
	case SIP_HDR_AUTHENTICATION_INFO:
	case SIP_HDR_PROXY_REQUIRE:
	case SIP_HDR_REQUIRE:
	case SIP_HDR_SUPPORTED:
	case SIP_HDR_UNSUPPORTED:
	case SIP_HDR_ALLOW:
	case SIP_HDR_SESSION_EXPIRES:
	case SIP_HDR_MIN_SE:
	case SIP_HDR_RSEQ:
	case SIP_HDR_RACK:
	case SIP_HDR_TIMESTAMP:
	case SIP_HDR_USER_AGENT:
	case SIP_HDR_SERVER:
	case SIP_HDR_CONTENT_LENGTH:
	case SIP_HDR_CONTENT_TYPE:
	case SIP_HDR_P_ASSERTED_IDENTITY:
	case SIP_HDR_P_PREFERRED_IDENTITY:
	case SIP_HDR_IDENTITY:
	case SIP_HDR_REPLACES:
	case SIP_HDR_DATE:
		return true;
	default:
		return false;
	}
}

void fields_print_request(struct buf *b, const struct sip_msg *from)
{
	for (unsigned i = 0; i < from->hdr_count; i++)
		if (!stays(from->hdrs[i].id))
			sip_print_hdr_named(b, from->hdrs[i].name, from->hdrs[i].value);
}

/* Slices borrow from the message. */
unsigned fields_of_response(const struct sip_msg *from, struct sip_extra *out, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < from->hdr_count && n < max; i++)
		if (!stays(from->hdrs[i].id))
			out[n++] = (struct sip_extra){ .name = from->hdrs[i].name,
				.value = from->hdrs[i].value };
	return n;
}

struct str fields_type(const struct sip_msg *m)
{
	return m->body.n ? sip_msg_hdr(m, SIP_HDR_CONTENT_TYPE) : STR_NONE;
}
