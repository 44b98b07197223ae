/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All roles of one worker, wired: transactions, authentication, registrar, the agent that registers
 * with providers, calls, and the router between them. The core process makes one for each worker;
 * the replay harness makes one over a simulated network. So what replay proves is what runs.
 */
#ifndef MAIN_ROLES_H
#define MAIN_ROLES_H

#include "call/call.h"
#include "provider/agent.h"
#include "registrar/registrar.h"

struct roles_env {
	struct worker *worker;
	struct resolver *resolver;
	struct store *store;
	struct directory *directory;
	struct location *location;
	struct dialplan_engine *dialplan;
	struct call_limits *limits;
	struct node *node;
	const uint8_t *key; /* 32 bytes: the cluster's key */
	struct rendezvous *tokens; /* NULL: none are given */
	const struct nat_rendezvous *rendezvous; /* NULL: phones tell nothing of their media */
	struct media_relay *media_relay; /* NULL: none takes calls without a way */
};

struct roles_config {
	struct tx_timing timing;
	struct auth_config auth;
	struct registrar_config registrar;
	struct provider_config provider;
	struct call_config call;
};

struct roles {
	struct roles_env env;
	struct transport *transport;
	struct str server; /* Server header */
	struct tx_layer *tx;
	struct auth *auth;
	struct registrar *registrar;
	struct provider_agent *providers;
	struct call_layer *calls;
};

/* Handlers to make the transport with: arg is the struct roles. Then roles_start. */
extern const struct transport_handlers roles_transport_handlers;
MUST_USE enum err roles_start(struct roles *r, const struct roles_env *env,
	const struct roles_config *cfg, struct transport *t, struct buf *why);
void roles_stop(struct roles *r);

#endif
