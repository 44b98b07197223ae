/* SPDX-License-Identifier: BSD-3-Clause */
/* The wishes of one REGISTER: its Contact values with expiry and preference (RFC 3261 10.2). */
#ifndef REGISTRAR_CONTACTS_H
#define REGISTRAR_CONTACTS_H

#include "location/location.h"

struct wish {
	struct sip_addr addr;
	uint32_t expires_s; /* 0: remove */
	unsigned q1000;
	struct str instance; /* +sip.instance without quotes, p == NULL: none */
	uint32_t reg_id;
};

struct wishes {
	struct wish list[LOCATION_BINDINGS_MAX];
	unsigned count;
	bool star; /* Contact: *, remove all */
};

struct expiry_limits {
	unsigned min_s, max_s;
};

struct refusal { /* status 0: none */
	unsigned status;
	struct str reason;
};

/* Reads all Contacts of the request; what is wrong goes to *no. */
void wishes_read(const struct sip_msg *req, const struct expiry_limits *limits, struct wishes *out,
	struct refusal *no);

#endif
