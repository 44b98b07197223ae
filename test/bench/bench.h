/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load generator: many simulated phones against one SIP server, in one thread. Several of these
 * processes share the users of a larger load (-f).
 *
 *   net.c        sockets: batched UDP, framed TCP; text in, text out
 *   text.c       the few header fields that a phone needs to see
 *   print.c      what phones send
 *   agent.c      the phones: which of them are idle, resending, giving up
 *   caller.c     a phone's own operation: OPTIONS, REGISTER, or a call to its neighbour
 *   callee.c     the called phone
 *   flood.c      requests without credentials and without end
 *   pace.c       how operations follow each other: so many at a time, or so many a second
 *   histogram.c  times
 *   load.c       options and result
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <netinet/in.h>
#include <stdio.h>

#include "base/str.h"

enum { TEXT_MAX = 4096, ROUTES_MAX = 4, VIAS_MAX = 4, SOCKETS_MAX = 256 };

enum mode {
	MODE_OPTIONS,
	MODE_REGISTER, /* 401, then 200 */
	MODE_REFRESH, /* with the nonce of the time before */
	MODE_CALL,
	MODE_FLOOD_REGISTER,
	MODE_FLOOD_INVITE,
	MODES
};

uint64_t now_us(void); /* monotonic */

/* xorshift; not 0 */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- net ---- */

struct net_config {
	struct sockaddr_in server;
	struct in_addr local; /* where the phones are */
	uint16_t port; /* of the first socket, the others follow; 0: as the kernel likes */
	bool tcp;
	unsigned sockets;
};

struct net;
typedef void net_on_text(void *arg, struct str text);

struct net *net_new(const struct net_config *cfg, net_on_text *on_text, void *arg);
void net_free(struct net *n);
uint16_t net_port(const struct net *n, unsigned socket);
const char *net_local(const struct net *n); /* address as text */
void net_send(struct net *n, unsigned socket, struct str text);
void net_flush(struct net *n);
/* Sends what waits, receives what came, waiting at most wait_us. Returns messages received. */
unsigned net_turn(struct net *n, uint64_t wait_us);

/* ---- text ---- */

struct text { /* slices of a received message */
	unsigned status; /* 0: a request */
	struct str method, uri; /* of the request, or of the response's CSeq */
	uint32_t cseq;
	struct str vias[VIAS_MAX], routes[ROUTES_MAX];
	unsigned via_count, route_count;
	struct str from, to, call_id, contact, challenge;
	bool proxy; /* the challenge is a Proxy-Authenticate */
	bool retry_after;
};

bool text_read(struct str message, struct text *out);
size_t text_frame(struct str bytes); /* length of the first whole message in a stream, 0: none */

/* ---- times ---- */

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_SIZE = 64 * HISTOGRAM_STEPS };

struct histogram { /* of microseconds: power of two, thirty-second of it */
	uint64_t count[HISTOGRAM_SIZE];
	uint64_t worst_us;
};

void histogram_add(struct histogram *h, uint64_t us);
/* {"worst_us":N,"counts":[[AT LEAST THESE US,COUNT],…]} */
void histogram_print(const struct histogram *h, FILE *out);

/* ---- agents ---- */

struct result {
	uint64_t begun, done, failed, resent;
	uint64_t unexpected; /* messages that belong to nothing under way */
	uint64_t refused, refused_later; /* with 503; and with Retry-After */
	uint64_t timed_out;
	uint64_t byes, byes_failed;
	uint64_t inversions; /* 200 without a 180 before it */
	uint64_t late_answers; /* 200 for a call that was given up: ACK and BYE */
	uint64_t answered_at_us; /* last 200 to an INVITE, on the monotonic clock */
	/* From the intended beginning; ring and answer: of calls, to 180 and to 200. */
	struct histogram whole, ring, answer;
};

struct agents_config {
	enum mode mode;
	unsigned users, first; /* u<first> …, password "secret-" and the name */
	const char *domain;
	const char *elsewhere; /* host of Contacts, as behind a NAT; NULL: the own one */
	unsigned expires_s;
	uint64_t give_up_us;
	bool hold; /* answered calls stay until agents_hang_up */
	bool persist; /* who is refused tries again: calls after 20 ms, others after 500 ms */
	struct net_config net;
};

struct agents;
struct agents *agents_new(const struct agents_config *cfg);
void agents_free(struct agents *a);
struct net *agents_net(struct agents *a);
void agents_set_mode(struct agents *a, enum mode mode, bool persist); /* and no results */
/* Begins one operation, that was due at due_us, with the next idle user; false: all are busy. */
bool agents_begin(struct agents *a, uint64_t due_us);
bool agents_hang_up(struct agents *a); /* one held call; false: there is none */
unsigned agents_busy(const struct agents *a);
/* Resends what was not answered, gives up what takes too long. Call every few ms. */
void agents_tick(struct agents *a);
struct result *agents_result(struct agents *a);

/* ---- pace ---- */

struct pace {
	unsigned at_once; /* closed loop: operations under way at a time */
	double rate; /* open loop: operations due a second, as a Poisson process; 0: closed */
	double seconds;
	uint64_t count; /* so many and no more, however long it takes; 0: seconds count */
	uint64_t give_up_us;
	bool awake; /* never sleeps: a server on another processor does not pay for waking us */
};

struct paced {
	double seconds; /* of the window in which operations were begun */
	double busy_seconds; /* with work to do */
	double cpu_seconds; /* of the whole, with what was still under way at the end */
	uint64_t done; /* within the window */
	uint64_t late; /* could not begin when due, as every user was busy */
};

struct paced pace_run(struct agents *a, const struct pace *p);
void pace_everybody(struct agents *a, const struct pace *p, unsigned users); /* each once */
void pace_hang_up(struct agents *a, const struct pace *p);
double pace_cpu_seconds(void);

/* Prints its own line of JSON. */
void flood_run(const struct agents_config *cfg, double rate, double seconds);

#endif
