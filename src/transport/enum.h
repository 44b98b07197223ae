/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ENUM: the SIP URI of a telephone number, by NAPTR records under its reversed digits (RFC 6116).
 * Records with service E2U+sip, or sip+E2U as it once was, by order and preference; flag "u": the
 * regular expression (POSIX, extended) makes the URI of "+number", or else of the number without
 * the plus; no flag: the replacement is looked at next (RFC 3404 4.3), three times at most.
 */
#ifndef TRANSPORT_ENUM_H
#define TRANSPORT_ENUM_H

#include "transport/resolver.h"

enum { ENUM_DIGITS_MAX = 32, ENUM_URI_MAX = 512 };

struct enum_lookup;
/* uri: empty when there is none. tried: the domains that were asked, for people. */
typedef void enum_done(void *arg, struct str uri, struct str tried);

/*
 * text: a number ("+43 1 234"), which is looked for under each of the roots ("e164.arpa
 * e164.org"); with a domain of its own behind it ("431234.e164.org"); or with its digits reversed
 * already ("4.3.2.1.3.4.e164.org", five at least). `done` comes later, never within this call,
 * unless cancelled. NULL: that is no number.
 */
struct enum_lookup *enum_lookup(
	struct resolver *r, struct str text, struct str roots, enum_done *done, void *arg);
void enum_cancel(struct enum_lookup *l); /* frees it; not after `done` */

/* "!regexp!replacement!flags" on a subject. ERR_NOT_FOUND: no match. ERR_SYNTAX, ERR_LIMIT. */
MUST_USE enum err enum_rewrite(struct str rule, struct str subject, struct buf *out);

#endif
