/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Globally routable user agent URIs (RFC 5627): names of one phone among those that share an
 * address of record.
 *
 *   public     sip:USER@DOMAIN;gr=urn:uuid:…      the AOR and the phone's instance, for everybody
 *   temporary  sip:tgruu.TOKEN@DOMAIN;gr          tells nobody who that is
 *
 * Nothing is kept for either: a temporary one carries what it stands for, sealed under the
 * cluster's key, and is good for as long as the phone's registration goes on under the same Call-ID
 * (section 5.2: it ends when the phone unregisters or begins anew).
 */
#ifndef LOCATION_GRUU_H
#define LOCATION_GRUU_H

#include "location/location.h"
#include "sip/uri.h"

enum { GRUU_USER_MAX = 64, GRUU_BYTES_MAX = 512 };

struct gruu {
	enum { GRUU_NONE, GRUU_PUBLIC, GRUU_TEMPORARY } kind;
	struct str user; /* whose it is: of the URI, or of what was sealed (in `text`) */
	uint64_t instance; /* marks of them under the key */
	uint64_t registration; /* temporary ones */
	char text[GRUU_USER_MAX];
};

/* For a binding with an instance; nothing is written where it has none, or would not fit. */
void gruu_print_public(struct buf *b, struct str user, struct str domain, const struct binding *of);
void gruu_print_temporary(struct buf *b, const uint8_t *key, struct str user, struct str domain,
	const struct binding *of);

/* GRUU_NONE for any other URI, and for temporary ones that are not authentic. */
void gruu_read(const uint8_t *key, const struct sip_uri *uri, struct gruu *out);
/* Does it name this binding? GRUU_NONE names all of them. */
bool gruu_names(const uint8_t *key, const struct gruu *g, const struct binding *b);

#endif
