/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls: the back-to-back user agent (architecture, "Life of a call"). One call layer a worker; a
 * call has one A-leg (who called) and any number of B-legs, all owned by that worker.
 *
 * New requests arrive from the router (main/router.h) after it has decided that they are not within
 * a dialog and not for another role. Requests within a dialog arrive at call_on_dialog_request.
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include "auth/auth.h"
#include "base/lock.h"
#include "dialog/dialog.h"
#include "dialog/uac.h"
#include "dialplan/engine.h"
#include "location/location.h"

struct call_layer;
struct media_relay;
struct nat_rendezvous;

struct call_config {
	unsigned ring_s; /* default ring time-out of a Dial, 180 */
	unsigned calls_max; /* concurrent calls per customer when the customer has no own limit */
	unsigned calls_total_max; /* of this worker */
	unsigned duration_max_s; /* 0: none */
	unsigned session_expires_s; /* RFC 4028, 1800 */
	unsigned session_min_s; /* 90 */
	struct str user_agent; /* Server and User-Agent header */
	struct str enum_roots; /* of sys.ENUMLookup: "e164.arpa e164.org" */
	struct addr public_address; /* of our own network, for phones in it; may be unset */
	bool relay_doubtful; /* the media relay takes calls whose way is doubtful, too */
};

/* Concurrent calls per customer, shared by the workers of the process (atomic counters). */
struct call_limits;
struct call_limits *call_limits_new(void);
void call_limits_free(struct call_limits *l);
void call_limits_report_locks(struct call_limits *l, lock_report_fn *report, void *arg);

struct call_env {
	struct uac_env uac; /* worker, transactions, transport, resolver */
	struct directory *directory;
	struct location *location;
	struct store *store;
	struct auth *auth;
	struct dialplan_engine *dialplan;
	struct call_limits *limits;
	const uint8_t *key; /* 32 bytes: the cluster's */
	const struct nat_rendezvous *rendezvous; /* NULL: none */
	struct media_relay *media_relay; /* NULL: none */
};

struct call_layer *call_layer_new(const struct call_env *env, const struct call_config *cfg);
void call_layer_free(struct call_layer *l);

/* A request outside any dialog: INVITE, MESSAGE; domain rules of facts 3.1 and 3.2. */
void call_on_request(struct call_layer *l, struct sip_msg *req, const struct flow *flow);
/* False: it says that it is from a provider, but not from one of its addresses; it was refused. */
bool call_check_source(struct call_layer *l, struct sip_msg *req, const struct flow *flow);
/* A request with a To tag; false when no dialog of ours matches (the router answers 481). */
bool call_on_dialog_request(struct call_layer *l, struct sip_msg *req, const struct flow *flow);
void call_on_ack(struct call_layer *l, struct sip_msg *ack, const struct flow *flow);
void call_on_stray_2xx(struct call_layer *l, struct sip_msg *rsp, const struct flow *flow);

/* After a restart: takes over an answered call's two legs from the store, on the worker that owns
 * it (the worker number in the local tags). */
struct store_dialog;
MUST_USE enum err call_restore(
	struct call_layer *l, const struct store_dialog *a, const struct store_dialog *b);

/* At start, before calls are restored: CDRs that a crash left open, of calls that do not go on,
 * are closed with ended_by "restart". */
MUST_USE enum err call_close_stale(struct store_db *db, int64_t now_ms, unsigned *closed);

struct call_info { /* for commands; borrowed during the visit */
	struct str call, customer, account, from, to, state, destination;
	int64_t started_ms, answered_ms;
	unsigned legs;
};
void call_each(
	struct call_layer *l, void (*visit)(const struct call_info *c, void *arg), void *arg);
size_t call_count(const struct call_layer *l);
/* Hangs up both sides; false: no such call here. */
bool call_hang_up(struct call_layer *l, struct str call, struct str reason);

#endif
