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
	struct timer keepalive;
	unsigned keepalive_turn;
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
	uint8_t nat_forgot_s; /* the NAT lost the phone's port although it was kept so often */
};

/* What the request makes of the present bindings (RFC 3261 10.3 step 7), or g->no: a refusal. */
enum err registration_change(
	void *arg, const struct binding *present, unsigned count, struct location_change *out);

/* ---- keepalive.c ---- */
void keepalive_start(struct registrar *r);
void keepalive_stop(struct registrar *r);
void keepalive_tell(const struct registration *g);
/* How often for what is put in the place of `before`, or anew (NULL). */
uint8_t keepalive_for(
	struct registration *g, const struct binding *b, const struct binding *before);

#endif
