/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One worker with a transaction layer over a wire that keeps what is sent, and a clock that moves
 * only when told to. Tests of transactions and of what stands on them share it.
 */
#ifndef TEST_TRANSACTION_WIRE_H
#define TEST_TRANSACTION_WIRE_H

#include "transaction/transaction.h"

enum { WIRE_SENT_MAX = 128 };

struct sent {
	struct sip_msg *msg;
	struct flow flow;
	uint64_t id;
	uint64_t at_ms; /* since the wire was made */
};

struct wire {
	struct worker worker;
	struct transport transport;
	struct tx_layer *layer;
	struct flow udp, tcp; /* from a peer */
	bool takes_tcp; /* whoever is asked for */
	enum err refuse_tcp; /* what sends by TCP say */
	enum err refuse; /* what the next sends say; ERR_OK: taken */
	struct sent sent[WIRE_SENT_MAX];
	unsigned count; /* sent so far */
};

void wire_init(struct wire *w, const struct tx_layer_handlers *h, void *arg);
void wire_fini(struct wire *w); /* nothing may be left */
void wire_advance(struct wire *w, uint64_t ms);
/* A message from the peer: text with \n for CRLF. */
void wire_receive(struct wire *w, const struct flow *flow, const char *fmt, ...) PRINTF(3, 4);
const struct sip_msg *wire_last(const struct wire *w);
/* A copy of the value in a ring of static buffers, for printf. */
const char *wire_text(struct str s);

#endif
