/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the registrar: one authenticated REGISTER on its way, and what it changes. */
#ifndef REGISTRAR_REGISTRATION_H
#define REGISTRAR_REGISTRATION_H

#include <regex.h>

#include "registrar/contacts.h"
#include "registrar/registrar.h"

enum { PATH_MAX_BYTES = 2048 };

struct rule {
	regex_t pattern;
	unsigned expires_max_s;
	bool contact_lists;
};

struct registrar {
	struct registrar_env env;
	struct registrar_config cfg;
	struct rule rules[REGISTRAR_UA_RULES_MAX];
	unsigned rule_count;
	char *answer; /* ANSWER_MAX bytes to print Contact in */
	struct wishes wishes; /* of the request at hand: too much to keep for each that waits */
};

/* One authenticated REGISTER until it is answered. */
struct registration {
	struct registrar *r;
	struct tx_server *tx;
	struct sip_msg *req;
	struct flow flow;
	struct account *account;
	unsigned expires_max_s;
	bool contact_lists;
	bool outbound; /* it keeps its flows open, RFC 5626 */
	struct str first; /* Contact of the request */
	struct refusal no;
	struct str path; /* NUL-terminated, own; p == NULL: none */
	unsigned added, refreshed, removed;
};

/* What the request makes of the present bindings (RFC 3261 10.3 step 7), or g->no: a refusal. */
enum err registration_change(
	void *arg, const struct binding *present, unsigned count, struct location_change *out);

#endif
