/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request as a user agent client sends it: resolve, send, answer challenges, try the next target
 * (RFC 3261 8.1.3, RFC 3263 4.3). One struct uac for one logical request: INVITE, REGISTER,
 * OPTIONS, MESSAGE …, inside or outside a dialog. The user sees one stream of responses.
 *
 *  - 401/407: answered once per nonce with the credentials given, strongest known algorithm first
 *    over all challenges (RFC 8760), `stale` honoured, nc counted; to the same target. Only when
 *    credentials were given and their realm matches (empty realm in the credentials:
 *    that of the first challenge), and not once a provisional response but 100 told that the
 *    request was handed on. A second refusal of a fresh nonce is final and goes to the user.
 *    Without credentials too.
 *  - 503, time-out, transport error before any response: the next target, if there is one.
 *  - 3xx, and all else: to the user.
 */
#ifndef DIALOG_UAC_H
#define DIALOG_UAC_H

#include "sip/digest.h"
#include "transaction/transaction.h"
#include "transport/resolver.h"

struct uac;

struct uac_env { /* what requests of one worker go through; lives as long as the worker */
	struct worker *worker;
	struct tx_layer *tx;
	struct transport *transport;
	struct resolver *resolver;
};

struct uac_handlers {
	/* Provisional and final responses but those that were dealt with here. */
	void (*on_response)(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow);
	/* No response, from anybody: ERR_TIMEOUT, ERR_NETWORK, ERR_DNS, ERR_LIMIT. */
	void (*on_failed)(void *arg, struct uac *u, enum err why);
	/*
	 * Writes the header fields and body for the next attempt: all but start line, Via and
	 * authorization. `cseq` is the number to use. `flow` tells what goes into Contact.
	 */
	void (*print)(
		void *arg, struct uac *u, struct buf *rest, uint32_t cseq, const struct flow *flow);
};

struct uac_request {
	enum sip_method method;
	struct str method_name;
	struct str uri; /* request URI; copied */
	struct str
		next_hop; /* URI that decides where it goes (Route, outbound proxy); empty: uri */
	const struct flow *flow; /* send here and nowhere else (bindings, dialogs); NULL: resolve */
	bool large_by_tcp; /* but by TCP what is too large for UDP: it is not a binding's flow */
	uint32_t cseq; /* of the first attempt; each further one adds 1 */
	const struct digest_credentials *credentials; /* NULL: none; copied */
	struct str realm; /* realm they are for; empty: that of the first challenge */
	/* A challenge of before (uac_challenge) that the first attempt answers; empty: none. */
	struct str challenge;
	unsigned challenge_status; /* 401 or 407 */
	uint32_t nc; /* how often it was answered */
	struct str body; /* for auth-int; copied */
};

/* Never calls back within itself. on_response with a final or on_failed ends it. */
struct uac *uac_new(const struct uac_env *env, const struct uac_request *r,
	const struct uac_handlers *h, void *arg);
void uac_cancel(struct uac *u, struct str reason); /* INVITE: CANCEL; responses still come */
/*
 * Acknowledges a 2xx to an INVITE that nobody wants (any more) and ends its dialog with BYE: what
 * uac_detach does for its own, and call_on_stray_2xx for those of which nothing is known.
 */
void uac_end_late_2xx(
	const struct uac_env *env, const struct sip_msg *rsp, const struct flow *flow);
/* No more callbacks, whatever comes; a late 2xx to an INVITE is acknowledged and ended with BYE. */
void uac_detach(struct uac *u);
void uac_abandon(struct uac *u); /* no more callbacks, and nothing more is sent; not for INVITE */
void uac_free(struct uac *u); /* after it ended */
/* In print(): the body that is written, for auth-int, where the request did not have it. */
void uac_set_body(struct uac *u, struct str body);
uint32_t uac_cseq(const struct uac *u); /* of the attempt that is out */
const struct flow *uac_flow(const struct uac *u); /* of the attempt that is out; NULL before */
/* The challenge that was answered last, to begin with the next time; empty: none. */
struct str uac_challenge(const struct uac *u, unsigned *status, uint32_t *nc);
struct str uac_authorization(
	const struct uac *u); /* header "Authorization: …" to reuse in ACK; may be empty */

#endif
