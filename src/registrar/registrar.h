/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registrar (RFC 3261 section 10): phones register with us. One a worker.
 *
 * Life of a REGISTER: domain of the To host (wildcard allowed) -> account -> digest -> the changes,
 * all or nothing, into the location table -> 200 once they are stored.
 */
#ifndef REGISTRAR_REGISTRAR_H
#define REGISTRAR_REGISTRAR_H

#include "auth/auth.h"
#include "location/location.h"

struct registrar;

enum { REGISTRAR_UA_RULES_MAX = 32 };

struct registrar_ua_rule { /* facts 5.2, 5.3: first match of the User-Agent wins */
	struct str pattern; /* extended regular expression, ignoring case, unanchored */
	unsigned expires_max_s;
	bool contact_lists; /* false: answer only with the first Contact of the request */
};

struct registrar_config {
	unsigned expires_min_s; /* 120; shorter wishes: 423 with Min-Expires */
	unsigned expires_max_s; /* 3600; longer wishes are cut */
	unsigned bindings_max; /* per account, 10 */
	struct registrar_ua_rule ua[REGISTRAR_UA_RULES_MAX];
	unsigned ua_count;
	enum { REGISTRAR_TOKENS_NO, REGISTRAR_TOKENS_ASKED, REGISTRAR_TOKENS_ALWAYS } tokens;
	uint16_t stun_port, stun_other_port; /* where we listen by UDP; 0: nowhere (else) */
	struct addr public_address; /* of our network, as seen from outside; may be unset */
	unsigned keepalive_s; /* 25; datagrams through NATs to phones by UDP; 0: none */
	struct str server; /* Server header */
};

struct registrar_env {
	struct worker *worker;
	struct tx_layer *tx;
	struct directory *directory;
	struct location *location;
	struct auth *auth;
	const uint8_t *key; /* 32 bytes: the cluster's */
	struct transport *transport;
	struct rendezvous *rendezvous; /* NULL: no tokens are given */
};

/* ERR_SYNTAX: a User-Agent pattern does not compile, `why` names it. */
MUST_USE enum err registrar_new(const struct registrar_env *env, const struct registrar_config *cfg,
	struct registrar **out, struct buf *why);
void registrar_free(struct registrar *r);
/* At start, after location_load: which of the loaded are kept alive. keepalive_s: configured. */
void registrar_keep_loaded(struct location *l, struct directory *d, unsigned keepalive_s);
void registrar_on_request(struct registrar *r, struct sip_msg *req, const struct flow *flow);

#endif
