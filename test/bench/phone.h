/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the phones: agent.c, caller.c, callee.c, print.c. */
#ifndef BENCH_PHONE_H
#define BENCH_PHONE_H

#include "base/buf.h"
#include "base/list.h"
#include "bench.h"
#include "sip/digest.h"

#define SDP                                                                                        \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                \
	"m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"

enum { LAST_MAX = 2048 };

/* Small, as there may be a million. */
struct phone {
	struct work *work; /* what is under way, as caller or as callee */
	char *challenge; /* NULL: none known */
	uint64_t dialog; /* hash of a callee's Call-ID */
	uint32_t id, op, cseq, nc;
	uint16_t socket;
	bool proxy; /* the challenge is a proxy's */
	char name[12], ha1[2][DIGEST_HEX_MAX]; /* empty until needed */
};

struct work {
	struct list link; /* of agents.works, .held or .spare */
	struct phone *phone;
	bool callee; /* its 200 waits for the ACK */
	bool provisional; /* the INVITE is known to have arrived */
	bool rang, again;
	unsigned challenged;
	const char *method; /* of the request that waits for an answer */
	uint64_t begun_us, sent_us, resend_us;
	size_t last_n;
	char last[LAST_MAX]; /* what is sent again */
};

struct agents {
	struct agents_config cfg;
	struct net *net;
	char host[24]; /* end of our Call-IDs: other runs had other ones */
	struct phone *phones;
	unsigned *idle; /* ring of callers */
	unsigned idle_first, idle_count, idle_max, busy;
	struct list works, held, spare;
	uint64_t random, branches;
	struct result result;
};

/* NULL: not one of ours. */
struct phone *phone_find(struct agents *a, unsigned long id);
void phone_work(struct agents *a, struct phone *p); /* gives it a work, if it has none */
void phone_rest(struct agents *a, struct phone *p); /* takes it away */
void phone_end(struct agents *a, struct phone *p, bool good); /* of a caller's operation */
void phone_hold(struct agents *a, struct phone *p);
void phone_forget_challenge(struct phone *p);
void phone_transmit(struct agents *a, struct phone *p, struct buf *b);
/* b is in work->last, remembered until it is answered. */
void phone_transmit_request(struct agents *a, struct phone *p, struct buf *b);

void caller_send(struct agents *a, struct phone *p);
void caller_on_response(struct agents *a, const struct text *t);
void callee_on_request(struct agents *a, const struct text *t);

void print_request(struct agents *a, struct phone *p, struct buf *b);
void print_refusal_ack(struct agents *a, struct phone *p, const struct text *t, struct buf *b);
/* A request within the dialog that t, a 200 to an INVITE, made. */
void print_within(struct agents *a, struct phone *p, const struct text *t, struct buf *b,
	const char *method, uint32_t cseq);
void print_answer(struct agents *a, struct phone *p, const struct text *t, struct buf *b,
	const char *status, struct str body);

#endif
