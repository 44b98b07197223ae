/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sip:, sips: and tel: URIs (RFC 3261 19.1, RFC 3966, RFC 5118). Slices borrow from the text;
 * escapes stay as written. Pure functions.
 */
#ifndef SIP_URI_H
#define SIP_URI_H

#include "base/buf.h"

enum sip_scheme { SIP_SCHEME_OTHER, SIP_SCHEME_SIP, SIP_SCHEME_SIPS, SIP_SCHEME_TEL };

struct sip_uri {
	enum sip_scheme scheme;
	struct str text; /* all of it, as written */
	struct str scheme_s; /* as written, without the colon */
	struct str user; /* p == NULL: none. tel: the number */
	struct str password; /* after "user:", p == NULL: none */
	struct str host; /* IPv6 with its brackets */
	uint16_t port; /* 0: none */
	struct str params; /* "transport=tcp;lr", without the leading ';' */
	struct str headers; /* "a=b&c=d", without the leading '?' */
	struct str opaque; /* SIP_SCHEME_OTHER: what follows the colon */
};

/* The whole slice must be one URI. An unknown scheme parses as SIP_SCHEME_OTHER. */
MUST_USE enum err sip_uri_parse(struct str text, struct sip_uri *out);
void sip_uri_print(struct buf *b, const struct sip_uri *u); /* from the parts, not from text */
/* RFC 3261 19.1.4. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);
/* Value of a parameter ("" when it has none); p == NULL when absent. Names ignore case. */
struct str sip_uri_param(const struct sip_uri *u, struct str name);
/* "user@host" lower-casing nothing; what an AOR is looked up by. */
void sip_uri_print_aor(struct buf *b, const struct sip_uri *u);
/* 5060 or 5061 when none is given. */
uint16_t sip_uri_port(const struct sip_uri *u);

/* Percent-decoding of a user part or value; ERR_FULL or ERR_SYNTAX. */
MUST_USE enum err sip_unescape(struct str s, struct buf *out);
/* Escapes what may not stand in a user part. */
void sip_escape_user(struct buf *b, struct str s);

/* Index of the first c outside of quoted strings, or s.n. */
size_t sip_find_unquoted(struct str s, char c);
/* Next of ";a=b;c" or "a=b;c": sep ';' for URI and header parameters, '&' for URI headers. */
bool sip_param_next(struct str *rest, char sep, struct str *name, struct str *value);
/* The same by name; p == NULL when absent, "" when it has no value; quotes are kept. */
struct str sip_param(struct str params, struct str name);

#endif
