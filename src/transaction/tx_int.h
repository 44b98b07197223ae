/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of the transaction layer. Four machines, a file each: invite_server.c, server.c,
 * invite_client.c, client.c; large.c: requests beyond a datagram; answered.c keeps what completed
 * non-INVITE servers leave behind. layer.c matches messages to them and holds what they share.
 */
#ifndef TRANSACTION_TX_INT_H
#define TRANSACTION_TX_INT_H

#include "base/arena.h"
#include "base/hash.h"
#include "event/event.h"
#include "transaction/answered.h"
#include "transaction/transaction.h"
#include "transport/fair.h"

enum {
	TX_MAX = 200000, /* transactions of a worker, each side */
	TX_KEY_MAX = 2048, /* bytes of a matching key */
	TX_MESSAGE_MAX = SIP_MSG_MAX,
	TX_ANSWERED_MAX = 16 << 20, /* bytes of answers of a worker kept for copies */
	TX_TOKEN_MAX = 24,
	TX_SHARE_GROWTH = 8,
};

struct tx_layer {
	struct worker *worker;
	struct transport *transport;
	struct tx_timing timing;
	struct tx_layer_handlers handlers;
	void *arg;
	size_t max; /* transactions of each side; TX_MAX but in tests */
	struct hash servers; /* by the hash of the key of 17.2.3 */
	struct hash merged; /* by Call-ID, From tag, CSeq: 8.2.2.2 */
	struct hash clients; /* by branch and method: 17.1.3 */
	struct hash ids; /* both, by the id that transport knows */
	struct answered answered; /* by non-INVITE servers that are gone */
	struct timer forget; /* the old ones of these */
	uint64_t next_id;
	char *scratch; /* TX_MESSAGE_MAX bytes to print in */
	struct fair fair; /* who asks for how much, while there is too much */
};

/* What both sides have. Freed at the end of the turn, after on_done. */
struct tx {
	struct tx_layer *layer;
	struct hash_node by_id;
	uint64_t id; /* 0: none, a failure to send is of no interest */
	bool server, dead;
	struct flow flow;
	struct timer retransmit; /* A, E, G */
	unsigned interval_ms;
	struct timer timeout; /* B, D, F, H, I, J, K, L, M: never two at a time */
	struct deferred deferred;
	char *bytes; /* the message that is repeated */
	size_t length;
};

enum tx_server_state {
	SERVER_TRYING, /* nothing sent, or only 100 */
	SERVER_PROCEEDING, /* a provisional was sent */
	SERVER_COMPLETED, /* INVITE: a final one, waiting for its ACK, repeating */
	SERVER_CONFIRMED, /* INVITE: the ACK came; absorbing its copies */
	SERVER_ACCEPTED, /* INVITE: a 2xx was sent; absorbing INVITEs (RFC 6026) */
};

struct tx_server {
	struct tx tx;
	struct hash_node by_key, by_merge;
	enum tx_server_state state;
	bool invite, cancelled, mergeable; /* the last: it is in the layer's merged */
	struct sip_msg *req; /* NULL: a 2xx to INVITE that nobody asks for any more */
	char tag[TX_TOKEN_MAX];
	unsigned status;
	const struct tx_server_handlers *handlers; /* NULL: detached */
	void *arg;
	uint16_t key_n;
	char key[];
};

enum tx_client_state {
	CLIENT_CALLING, /* INVITE: sent; other: trying */
	CLIENT_PROCEEDING, /* a provisional came */
	CLIENT_COMPLETED, /* a final came; absorbing its copies; INVITE: acknowledging them */
	CLIENT_ACCEPTED, /* INVITE: a 2xx came, more may come (RFC 6026) */
};

struct tx_client {
	struct tx tx;
	struct hash_node by_branch;
	char branch[TX_TOKEN_MAX + 8];
	enum sip_method method;
	enum tx_client_state state;
	bool cancel_wanted, cancel_sent;
	struct str cancel_reason; /* heap */
	struct flow *by_udp; /* it goes by TCP for its size; the way it would go else */
	const struct tx_client_handlers *handlers; /* NULL: detached */
	void *arg;
};

/* ---- shared ---- */
void tx_init(struct tx *tx, struct tx_layer *l, const struct flow *flow, bool server, bool failures,
	void (*on_retransmit)(struct timer *), void (*on_timeout)(struct timer *));
void tx_set_bytes(struct tx *tx, struct str bytes);
/* Sends tx->bytes. */
MUST_USE enum err tx_transmit(struct tx *tx);
void tx_start_timeout(struct tx *tx, unsigned ms);
void tx_start_retransmit(struct tx *tx, unsigned ms);
/* Doubles the interval up to the cap and transmits; for retransmission timers. */
void tx_retransmit(struct tx *tx, unsigned cap_ms);
void tx_stop_timers(struct tx *tx);
unsigned tx_64_t1(const struct tx_layer *l);
static inline bool tx_reliable(const struct tx *tx)
{
	return tp_proto_reliable(tx->flow.proto);
}

/* A new request; false: there is too much to do, and it was answered so. */
bool tx_admit(struct tx_layer *l, const struct sip_msg *m, const struct flow *flow);

/* ---- machines ---- */
void server_on_timeout(struct timer *t);
void server_on_retransmit(struct timer *t);
void server_on_repeat(struct tx_server *s); /* the request came again */
void server_end(struct tx_server *s);
void server_fail(struct tx_server *s, enum err why);
void invite_server_sent(struct tx_server *s); /* a response went out: what follows */
void invite_server_on_ack(struct tx_server *s, struct sip_msg *ack);
void invite_server_on_retransmit(struct tx_server *s);
void invite_server_on_timeout(struct tx_server *s);

void client_on_timeout(struct timer *t);
void client_on_retransmit(struct timer *t);
void client_on_response(struct tx_client *c, struct sip_msg *rsp, const struct flow *flow);
void client_started(struct tx_client *c);
void client_end(struct tx_client *c);
void client_fail(struct tx_client *c, enum err why);
void client_tell(struct tx_client *c, struct sip_msg *rsp, const struct flow *flow);
void client_print_via(struct buf *b, const struct flow *flow, struct str branch);
void client_cancel_if_wanted(struct tx_client *c);
void invite_client_started(struct tx_client *c);
void invite_client_on_response(struct tx_client *c, struct sip_msg *rsp, const struct flow *flow);
void invite_client_on_timeout(struct tx_client *c);

/* ---- large.c ---- */
/* Too large for UDP, and the other side takes TCP: that way. */
bool large_goes_by_tcp(
	struct tx_layer *l, const struct tx_request *r, size_t bytes, struct flow *out);
/* TCP failed: it is sent the other way. False: it was not one of those, or that failed, too. */
bool large_goes_by_udp(struct tx_client *c);

/* Key of 17.2.3 for a request with the method replaced (ACK and CANCEL look for INVITE). */
bool tx_server_key(struct buf *b, const struct sip_msg *m, struct str method);
/* A server with that key; hash: of it. */
struct tx_server *tx_find_server(struct tx_layer *l, struct str key, uint64_t hash);
/* For copies of the request with that key. */
void tx_keep_answer(struct tx_layer *l, uint64_t hash, const struct flow *flow, struct str bytes);

#endif
