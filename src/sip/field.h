/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The structured header values. Each parser takes one value (no comma list), is pure, and borrows
 * from its text; "" is malformed everywhere. Printers write what the parser reads.
 */
#ifndef SIP_FIELD_H
#define SIP_FIELD_H

#include "sip/method.h"
#include "sip/uri.h"

/* From, To, Contact, Route, Record-Route, Path, Refer-To, Referred-By: name-addr or addr-spec. */
struct sip_addr {
	struct str text; /* all of the value */
	struct str display; /* as written, quotes included; p == NULL: none */
	struct sip_uri uri;
	struct str params; /* header parameters, without the leading ';' */
	struct str tag; /* p == NULL: none */
	bool star; /* Contact: * */
};

MUST_USE enum err sip_addr_parse(struct str text, struct sip_addr *out);
/* "Display" <uri>;params from the parts; always with <>. */
void sip_addr_print(struct buf *b, const struct sip_addr *a);
/* Display name without quotes and escapes into out; "" when there is none. */
void sip_addr_display(const struct sip_addr *a, struct buf *out);
/* A display name quoted where it must be. */
void sip_print_display(struct buf *b, struct str name);

/* Contact parameters (RFC 3261 20.10). */
MUST_USE enum err sip_contact_expires(const struct sip_addr *a, bool *given, uint32_t *seconds);
MUST_USE enum err sip_contact_q(const struct sip_addr *a, unsigned *q1000); /* 1000 when none */

/* Via (RFC 3261 20.42, RFC 3581). */
struct sip_via {
	struct str text;
	struct str transport; /* "UDP", "TCP", "TLS", "WS", "WSS" … as written */
	struct str host;
	uint16_t port; /* 0: none */
	struct str params;
	struct str branch; /* p == NULL: none */
	struct str received;
	struct str rport; /* p == NULL: not there; "" : asked for */
};

/*
 * When only the parameters are malformed, or the version is another one (ERR_UNSUPPORTED), all
 * fields are filled in all the same, so that the request can be refused; otherwise host is empty.
 */
MUST_USE enum err sip_via_parse(struct str text, struct sip_via *out);
#define SIP_BRANCH_COOKIE STR("z9hG4bK")

struct sip_cseq {
	uint32_t number;
	enum sip_method method;
	struct str method_name;
};

MUST_USE enum err sip_cseq_parse(struct str text, struct sip_cseq *out);

struct sip_rack { /* RFC 3262 7.2 */
	uint32_t rseq;
	struct sip_cseq cseq;
};

MUST_USE enum err sip_rack_parse(struct str text, struct sip_rack *out);

struct sip_replaces { /* RFC 3891 */
	struct str call_id, to_tag, from_tag;
	bool early_only;
};

MUST_USE enum err sip_replaces_parse(struct str text, struct sip_replaces *out);

struct sip_session_expires { /* RFC 4028 */
	uint32_t seconds;
	struct str refresher; /* "uac", "uas", p == NULL: none */
};

MUST_USE enum err sip_session_expires_parse(struct str text, struct sip_session_expires *out);

/* Event, Content-Type and the like: "token;params". */
struct sip_token_params {
	struct str token, params;
};

MUST_USE enum err sip_token_params_parse(struct str text, struct sip_token_params *out);

/* Delta seconds with optional comment and parameters (Retry-After, Expires, Min-Expires …). */
MUST_USE enum err sip_seconds_parse(struct str text, uint32_t *seconds);

#endif
