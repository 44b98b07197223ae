/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions (RFC 3261 section 17, corrected by RFC 6026). Nothing about calls.
 *
 * Server side: a request that matches no transaction is shown to on_request. The user answers it
 * without any state (tx_reply_stateless: challenges, refusals), or accepts it (tx_server_new),
 * which creates the transaction and, for INVITE, sends 100 at once. Retransmissions are absorbed.
 * Client side: tx_client_new sends a request whose Via the layer writes.
 *
 * All of it belongs to one worker; nothing is locked. Callbacks run on that worker and may end or
 * start any transaction; transactions are freed at the end of the turn. Users that keep a pointer
 * clear it in on_done, which is the last callback and always comes.
 */
#ifndef TRANSACTION_TRANSACTION_H
#define TRANSACTION_TRANSACTION_H

#include "sip/print.h"
#include "transport/transport.h"

struct tx_layer;
struct tx_server;
struct tx_client;

/* RFC 3261 table 4; defaults 500, 4000, 5000 ms. */
struct tx_timing {
	unsigned t1_ms, t2_ms, t4_ms;
};

struct tx_layer_handlers {
	/* A request that matches no transaction; not ACK. Borrowed. */
	void (*on_request)(void *arg, struct sip_msg *req, const struct flow *flow);
	/* An ACK that matches no transaction: for a 2xx (the dialog's business) or stray. */
	void (*on_ack)(void *arg, struct sip_msg *ack, const struct flow *flow);
	/* A CANCEL whose INVITE is ours: already answered 200; the INVITE's on_cancel was called.
	 */
	/* A 2xx to INVITE without a transaction any more: the dialog acknowledges it again. */
	void (*on_stray_2xx)(void *arg, struct sip_msg *rsp, const struct flow *flow);
};

struct tx_layer *tx_layer_new(struct worker *w, struct transport *t, const struct tx_timing *timing,
	const struct tx_layer_handlers *h, void *arg);
void tx_layer_free(struct tx_layer *l);
/* What transport_handlers lead to. */
void tx_layer_on_message(struct tx_layer *l, struct sip_msg *m, const struct flow *flow);
void tx_layer_on_send_failed(struct tx_layer *l, uint64_t id, enum err why);
bool tx_layer_on_unreachable(
	struct tx_layer *l, const struct addr *remote, struct str method, struct str branch);

struct tx_counts {
	size_t servers, clients;
};
struct tx_counts tx_layer_counts(const struct tx_layer *l);

/*
 * Answers without a transaction (RFC 3261 8.2.7): the To tag is derived from the request, so that
 * a retransmission gets the same answer. Never for a final answer to an accepted request.
 */
void tx_reply_stateless(struct tx_layer *l, const struct sip_msg *req, const struct flow *flow,
	const struct sip_reply *reply);

/* ---- server ---- */

struct tx_server_handlers {
	void (*on_cancel)(void *arg, struct tx_server *tx, struct sip_msg *cancel); /* answer 487 */
	void (*on_ack)(void *arg, struct tx_server *tx, struct sip_msg *ack); /* to a non-2xx */
	/* No ACK after timer H (non-2xx), or the answer could not be sent. The answer stands. */
	void (*on_failed)(void *arg, struct tx_server *tx, enum err why);
	void (*on_done)(void *arg, struct tx_server *tx); /* about to be freed */
};

/*
 * Accepts the request. ERR_EXISTS: a merged request (RFC 3261 8.2.2.2), 482 was sent.
 * ERR_LIMIT: too many transactions, 503 was sent. INVITE: 100 goes out at once.
 */
MUST_USE enum err tx_server_new(struct tx_layer *l, struct sip_msg *req, const struct flow *flow,
	const struct tx_server_handlers *h, void *arg, struct tx_server **out);
/*
 * Sends a response; to_tag is filled in by the transaction (the same in every response: it is
 * tx_server_tag) unless the request or the reply has one. After a 2xx to an INVITE the
 * transaction only absorbs (RFC 6026 Accepted); repeating the 2xx until the ACK is the dialog's job
 * by tx_server_repeat. After a final answer to another request the transaction is over: copies of
 * the request get the answer again without it. ERR_STATE: a final answer was sent before.
 */
MUST_USE enum err tx_server_reply(struct tx_server *tx, const struct sip_reply *reply);
/* Sends the last response once more as it was. */
void tx_server_repeat(struct tx_server *tx);
/* The ACK to its 2xx came: there is nothing to repeat, it only absorbs copies of the INVITE. */
void tx_server_acknowledged(struct tx_server *tx);
const struct flow *tx_server_flow(const struct tx_server *tx);
struct str tx_server_tag(const struct tx_server *tx); /* our To tag (worker token) */
unsigned tx_server_status(const struct tx_server *tx); /* last sent, 0: none but 100 */
bool tx_server_final(const struct tx_server *tx);
/* The user loses interest; no more callbacks; an unanswered request is answered 500. */
void tx_server_detach(struct tx_server *tx);

/* ---- client ---- */

struct tx_client_handlers {
	/* Every provisional, the final, and for INVITE further 2xx (RFC 6026: forks). Borrowed. */
	void (*on_response)(
		void *arg, struct tx_client *tx, struct sip_msg *rsp, const struct flow *flow);
	/* ERR_TIMEOUT (timer B, F: treat as 408) or ERR_NETWORK and relatives (treat as 503). */
	void (*on_failed)(void *arg, struct tx_client *tx, enum err why);
	void (*on_done)(void *arg, struct tx_client *tx);
};

struct tx_request {
	struct flow flow; /* from transport_route, or a binding's flow */
	bool fixed; /* that flow and no other */
	/*
	 * By UDP, and larger than a datagram should be (RFC 3261 18.1.1): where DNS says that the
	 * same service takes TCP. NULL: it is not said, which leaves what transport knows.
	 */
	const struct addr *tcp;
	enum sip_method method;
	struct str method_name; /* for SIP_UNKNOWN */
	struct str uri; /* request URI */
	/*
	 * All header fields from Max-Forwards to the body, printed by the user, without start line
	 * and Via: starts with a field name, ends with the body. The layer puts start line and Via
	 * (branch, rport) in front.
	 */
	struct str rest;
};

/* Sends. ERR_LIMIT, ERR_NETWORK …: nothing was sent and no callback comes. Not for ACK and CANCEL.
 */
MUST_USE enum err tx_client_new(struct tx_layer *l, const struct tx_request *r,
	const struct tx_client_handlers *h, void *arg, struct tx_client **out);
/*
 * CANCELs an INVITE (RFC 3261 9.1): now, or as soon as a provisional response came; nothing if a
 * final one came. `reason` is the value of a Reason header (RFC 3326) or empty. The INVITE's own
 * final response still arrives at on_response; if none comes within 64*T1 after the CANCEL,
 * on_failed(ERR_TIMEOUT).
 */
void tx_client_cancel(struct tx_client *tx, struct str reason);
void tx_client_detach(struct tx_client *tx); /* no more callbacks */
void tx_client_abandon(struct tx_client *tx); /* the same, and nothing more is sent */
struct str tx_client_branch(const struct tx_client *tx);
const struct flow *tx_client_flow(const struct tx_client *tx);

/* ACK to a 2xx is a transaction of its own that nobody answers: sent, not remembered. */
MUST_USE enum err tx_send_ack(struct tx_layer *l, const struct tx_request *r);

#endif
