/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a request for a URI goes: an ordered list of targets (RFC 3263 4). One resolver a worker,
 * nothing blocks. A seam: the replay harness has one over a table.
 *
 * A literal address is its own answer. A port means the addresses of the host. Without one: NAPTR
 * records, those that we speak, by order and preference; then SRV records, by priority and, among
 * equals, drawn by weight (RFC 2782); then A and AAAA. What the questions themselves do (several
 * servers, cache, staleness): transport/dns_client.h.
 */
#ifndef TRANSPORT_RESOLVER_H
#define TRANSPORT_RESOLVER_H

#include "transport/dns_answer.h"
#include "transport/transport.h"

enum { TARGETS_MAX = 16 };

struct target {
	enum tp_proto proto;
	bool down; /* it did not answer lately (transport/breaker.h), and stands behind the others
		    */
	struct addr addr;
};

struct targets {
	struct target list[TARGETS_MAX];
	unsigned count;
	/*
	 * count == 0: ERR_DNS (who must know says that there is nothing), ERR_TIMEOUT (nobody could
	 * be asked), ERR_SYNTAX, ERR_UNSUPPORTED (a protocol that we do not listen on).
	 */
	enum err err;
};

struct resolver;
typedef void resolver_done(void *arg, uint64_t id, const struct targets *t);
typedef void resolver_naptr_done(void *arg, uint64_t id, const struct dns_answer *a);

struct resolver_ops {
	/* steps: what was asked and found, a line each, for people; may be NULL, outlives it. */
	uint64_t (*lookup)(struct resolver *r, const struct sip_uri *uri, struct buf *steps,
		resolver_done *done, void *arg);
	uint64_t (*naptr)(
		struct resolver *r, struct str name, resolver_naptr_done *done, void *arg);
	void (*cancel)(struct resolver *r, uint64_t id);
	void (*report)(struct resolver *r, const struct target *t, bool answered);
};

struct resolver {
	const struct resolver_ops *ops;
	struct worker *worker;
	/* A name server answers again; whoever waits for names may ask. NULL: nobody wants to know.
	 */
	void (*recovered)(void *arg);
	void *recovered_arg;
};

/*
 * Looks up where requests for `uri` go. `done` is called later, never within this call, once,
 * unless cancelled. Ids are never reused within a run.
 */
static inline uint64_t resolver_lookup(
	struct resolver *r, const struct sip_uri *uri, resolver_done *done, void *arg)
{
	return r->ops->lookup(r, uri, NULL, done, arg);
}

static inline uint64_t resolver_explain(struct resolver *r, const struct sip_uri *uri,
	struct buf *steps, resolver_done *done, void *arg)
{
	return r->ops->lookup(r, uri, steps, done, arg);
}

/* The NAPTR records of a name; what else they are good for: transport/enum.h. As above. */
static inline uint64_t resolver_naptr(
	struct resolver *r, struct str name, resolver_naptr_done *done, void *arg)
{
	return r->ops->naptr(r, name, done, arg);
}

static inline void resolver_cancel(struct resolver *r, uint64_t id)
{
	r->ops->cancel(r, id);
}

/* What became of a request to a target: one that does not answer is tried last for a while. */
static inline void resolver_report(struct resolver *r, const struct target *t, bool answered)
{
	r->ops->report(r, t, answered);
}

/* For the ops of a resolver: the same over a breaker, with an event when it is news. */
struct breaker;
void resolver_report_to(struct breaker *b, struct worker *w, const struct target *t, bool answered);

/* The real one, over c-ares on the worker's loop. */
struct dns_cache;
struct resolver_config {
	struct str servers; /* "" for the system's, else "ip:port,…" */
	struct str probe; /* see struct dns_client_config */
	unsigned timeout_ms; /* whole look-up */
	unsigned tries; /* of each server */
	bool ipv4, ipv6; /* families that we listen on */
	bool udp, tcp, tls; /* protocols that we listen on */
	struct dns_cache *cache; /* shared by the workers; outlives the resolver */
	struct breaker *breaker; /* the same */
};
struct resolver *resolver_new(struct worker *w, const struct resolver_config *cfg);
void resolver_free(struct resolver *r);

#endif
