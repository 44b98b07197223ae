/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load generator: many simulated phones against one SIP server, in one thread.
 *
 *   net.c     sockets: batched UDP, framed TCP; text in, text out
 *   text.c    the few header fields that a phone needs to see
 *   agent.c   what one phone does: OPTIONS, REGISTER, or a call to its neighbour
 *   load.c    options, pace, result
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <netinet/in.h>
#include <stdio.h>

#include "base/str.h"

enum { TEXT_MAX = 4096, ROUTES_MAX = 4, VIAS_MAX = 4, SOCKETS_MAX = 256 };

enum mode { MODE_OPTIONS, MODE_REGISTER, MODE_REFRESH, MODE_CALL };

/* ---- net ---- */

struct net;
typedef void net_on_text(void *arg, unsigned socket, struct str text);

struct net *net_new(const struct sockaddr_in *server, bool tcp, unsigned sockets,
	net_on_text *on_text, void *arg);
void net_free(struct net *n);
uint16_t net_port(const struct net *n, unsigned socket);
void net_send(struct net *n, unsigned socket, struct str text);
/* Sends what waits, receives what came, waiting at most wait_ms. Returns messages received. */
unsigned net_turn(struct net *n, int wait_ms);

/* ---- text ---- */

struct text { /* slices of a received message */
	unsigned status; /* 0: a request */
	struct str method, uri; /* of the request, or of the response's CSeq */
	uint32_t cseq;
	struct str vias[VIAS_MAX], routes[ROUTES_MAX];
	unsigned via_count, route_count;
	struct str from, to, call_id, contact, challenge;
	bool proxy; /* the challenge is a Proxy-Authenticate */
};

bool text_read(struct str message, struct text *out);
size_t text_frame(struct str bytes); /* length of the first whole message in a stream, 0: none */

/* ---- agents ---- */

struct result {
	uint64_t done, failed, resent, unexpected;
	uint64_t histogram[64 * 16]; /* of microseconds: power of two, sixteenth of it */
	uint64_t worst_us;
};

struct agents_config {
	enum mode mode;
	bool tcp;
	unsigned users; /* u0@domain …, password "secret-" and the name */
	unsigned sockets;
	const char *domain;
	uint16_t port; /* the server's */
	unsigned expires_s;
};

struct agents;
struct agents *agents_new(const struct agents_config *cfg, const struct sockaddr_in *server);
void agents_free(struct agents *a);
struct net *agents_net(struct agents *a);
void agents_set_mode(struct agents *a, enum mode mode);
/* Begins one operation with the next idle user; false: all of them are busy. */
bool agents_begin(struct agents *a);
unsigned agents_busy(const struct agents *a);
/* Resends what was not answered, gives up what takes too long. Call every few ms. */
void agents_tick(struct agents *a);
struct result *agents_result(struct agents *a);
uint64_t now_us(void);

#endif
