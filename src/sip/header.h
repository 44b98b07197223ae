/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header fields: one row per known name, with compact form (RFC 3261 7.3.3) and whether several
 * values may stand in one line separated by commas. A further header is one more row.
 */
#ifndef SIP_HEADER_H
#define SIP_HEADER_H

#include "base/str.h"

/* id, name, compact form or 0, values may be comma separated */
#define SIP_HEADERS(X)                                                                             \
	X(ACCEPT, "Accept", 0, 1)                                                                  \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0, 1)                                                \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0, 1)                                                \
	X(ALERT_INFO, "Alert-Info", 0, 1)                                                          \
	X(ALLOW, "Allow", 0, 1)                                                                    \
	X(ALLOW_EVENTS, "Allow-Events", 'u', 1)                                                    \
	X(AUTHENTICATION_INFO, "Authentication-Info", 0, 0)                                        \
	X(AUTHORIZATION, "Authorization", 0, 0)                                                    \
	X(CALL_ID, "Call-ID", 'i', 0)                                                              \
	X(CALL_INFO, "Call-Info", 0, 1)                                                            \
	X(CONTACT, "Contact", 'm', 1)                                                              \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0, 0)                                        \
	X(CONTENT_ENCODING, "Content-Encoding", 'e', 1)                                            \
	X(CONTENT_LANGUAGE, "Content-Language", 0, 1)                                              \
	X(CONTENT_LENGTH, "Content-Length", 'l', 0)                                                \
	X(CONTENT_TYPE, "Content-Type", 'c', 0)                                                    \
	X(CSEQ, "CSeq", 0, 0)                                                                      \
	X(DATE, "Date", 0, 0)                                                                      \
	X(DIVERSION, "Diversion", 0, 1)                                                            \
	X(ERROR_INFO, "Error-Info", 0, 1)                                                          \
	X(EVENT, "Event", 'o', 0)                                                                  \
	X(EXPIRES, "Expires", 0, 0)                                                                \
	X(FROM, "From", 'f', 0)                                                                    \
	X(HISTORY_INFO, "History-Info", 0, 1)                                                      \
	X(IDENTITY, "Identity", 'y', 0)                                                            \
	X(IN_REPLY_TO, "In-Reply-To", 0, 1)                                                        \
	X(MAX_FORWARDS, "Max-Forwards", 0, 0)                                                      \
	X(MIME_VERSION, "MIME-Version", 0, 0)                                                      \
	X(MIN_EXPIRES, "Min-Expires", 0, 0)                                                        \
	X(MIN_SE, "Min-SE", 0, 0)                                                                  \
	X(ORGANIZATION, "Organization", 0, 0)                                                      \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0, 1)                                        \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0, 1)                                      \
	X(PATH, "Path", 0, 1)                                                                      \
	X(PRIORITY, "Priority", 0, 0)                                                              \
	X(PRIVACY, "Privacy", 0, 0)                                                                \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0, 0)                                          \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0, 0)                                        \
	X(PROXY_REQUIRE, "Proxy-Require", 0, 1)                                                    \
	X(RACK, "RAck", 0, 0)                                                                      \
	X(REASON, "Reason", 0, 1)                                                                  \
	X(RECORD_ROUTE, "Record-Route", 0, 1)                                                      \
	X(REFER_TO, "Refer-To", 'r', 0)                                                            \
	X(REFERRED_BY, "Referred-By", 'b', 0)                                                      \
	X(REPLACES, "Replaces", 0, 0)                                                              \
	X(REPLY_TO, "Reply-To", 0, 0)                                                              \
	X(REQUIRE, "Require", 0, 1)                                                                \
	X(RETRY_AFTER, "Retry-After", 0, 0)                                                        \
	X(ROUTE, "Route", 0, 1)                                                                    \
	X(RSEQ, "RSeq", 0, 0)                                                                      \
	X(SERVER, "Server", 0, 0)                                                                  \
	X(SERVICE_ROUTE, "Service-Route", 0, 1)                                                    \
	X(SESSION_EXPIRES, "Session-Expires", 'x', 0)                                              \
	X(SIP_ETAG, "SIP-ETag", 0, 0)                                                              \
	X(SIP_IF_MATCH, "SIP-If-Match", 0, 0)                                                      \
	X(SUBJECT, "Subject", 's', 0)                                                              \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0, 0)                                          \
	X(SUPPORTED, "Supported", 'k', 1)                                                          \
	X(TIMESTAMP, "Timestamp", 0, 0)                                                            \
	X(TO, "To", 't', 0)                                                                        \
	X(UNSUPPORTED, "Unsupported", 0, 1)                                                        \
	X(USER_AGENT, "User-Agent", 0, 0)                                                          \
	X(VIA, "Via", 'v', 1)                                                                      \
	X(WARNING, "Warning", 0, 1)                                                                \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0, 0)

enum sip_hdr_id {
	SIP_HDR_OTHER, /* known by its name only */
#define X(id, name, compact, list) SIP_HDR_##id,
	SIP_HEADERS(X)
#undef X
		SIP_HDR_COUNT
};

/* One header field as it stood in the message; a folded value keeps its line breaks. */
struct sip_hdr {
	enum sip_hdr_id id;
	struct str name; /* as written */
	struct str value; /* trimmed */
};

enum sip_hdr_id sip_hdr_id(struct str name); /* full or compact, ignoring case */
struct str sip_hdr_name(enum sip_hdr_id id); /* "" for SIP_HDR_OTHER */
bool sip_hdr_is_list(enum sip_hdr_id id);

/*
 * Cuts the next line of a head with its continuation lines (7.3.1: folding) off *rest; their line
 * breaks stay in it. Empty at the end of the head; false when *rest is empty.
 */
bool sip_hdr_line(struct str *rest, struct str *line);

/* Length of the quoted string at the start of s, with its quotes; 0 when it does not end. */
size_t sip_quoted_length(struct str s);

/*
 * Cuts the next value off a comma separated list, minding quotes, <> and escapes. False at the
 * end. A lone value is a list of one.
 */
bool sip_list_next(struct str *rest, struct str *value);
/* Whether a comma separated list of tokens (Supported, Require, Allow) holds one; case ignored. */
bool sip_list_has(struct str list, struct str token);

#endif
