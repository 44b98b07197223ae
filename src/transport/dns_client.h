/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions to name servers, one client a worker; c-ares asks (transport/dns.h), one channel a
 * server, so that it is known which of them answers:
 *
 *  - Answers come from the cache that all workers share while they are fresh. Who asks the same
 *    at the same time waits for the same question.
 *  - A server that says nothing, SERVFAIL or REFUSED is followed by the next one; over TCP when an
 *    answer was cut. One that failed three times in a row is asked last, and behind everybody's
 *    back now and then, until it answers again.
 *  - "There is no such name" is believed of a server that can tell about a name that must exist
 *    (`probe`): one that has lost its own connections may say anything.
 *  - When nobody answers within 200 ms, what was known up to a day ago is used, and at once while
 *    no server answers at all. A question that failed is not asked again for 5 s, or until any
 *    server answers anything.
 *  - /etc/hosts comes before all (hosts(5)).
 */
#ifndef TRANSPORT_DNS_CLIENT_H
#define TRANSPORT_DNS_CLIENT_H

#include "loop/loop.h"
#include "transport/dns_cache.h"

struct dns_client;

enum dns_source { DNS_FROM_SERVER, DNS_FROM_CACHE, DNS_FROM_STALE, DNS_FROM_HOSTS };

struct dns_wait { /* embedded in who waits */
	struct list link;
	/* On the worker, later. The answer is borrowed. */
	void (*done)(struct dns_wait *w, struct dns_answer *a, enum dns_source from);
};

struct dns_client_config {
	struct str servers; /* "" for the system's, else "ip:port,…" */
	struct str probe; /* a name whose SOA can be asked for; "": everybody is believed */
	unsigned timeout_ms; /* of a question, all servers and tries together */
	unsigned tries; /* of each server */
	struct dns_cache *cache; /* outlives the client */
	void (*recovered)(void *arg); /* a server that had been given up answers again */
	void *arg;
};

struct dns_client *dns_client_new(struct worker *w, const struct dns_client_config *cfg);
void dns_client_free(struct dns_client *c); /* nobody is told; waits are unlinked */

/*
 * The answer at once, with a reference and *from, when it is known; else NULL, and w->done comes
 * unless dns_stop_waiting. ERR_FULL: too many questions are open, or no name is as long as that
 * (then *out is NULL, too).
 */
MUST_USE enum err dns_ask(struct dns_client *c, enum dns_type type, struct str name,
	struct dns_wait *w, struct dns_answer **out, enum dns_source *from, uint32_t *left_s);
void dns_stop_waiting(struct dns_wait *w);
/* What is known without asking anybody, however old (up to a day); or DNS_FAILED. A reference. */
struct dns_answer *dns_known(
	struct dns_client *c, enum dns_type type, struct str name, enum dns_source *from);

/* "udp 192.0.2.53:53: fine" and the like, a line each. */
void dns_client_print(const struct dns_client *c, struct buf *b);

#endif
