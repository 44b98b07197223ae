/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a request for a URI goes: an ordered list of targets (RFC 3263). One resolver a worker,
 * nothing blocks. A seam: the replay harness has one over a table.
 *
 * Now: literal addresses, /etc/hosts, SRV, A and AAAA through c-ares with a TTL cache.
 */
#ifndef TRANSPORT_RESOLVER_H
#define TRANSPORT_RESOLVER_H

#include "transport/transport.h"

enum { TARGETS_MAX = 16 };

struct target {
	enum tp_proto proto;
	struct addr addr;
};

struct targets {
	struct target list[TARGETS_MAX];
	unsigned count;
	enum err err; /* count == 0: ERR_DNS (no such name), ERR_TIMEOUT (no answer), ERR_SYNTAX */
};

struct resolver;
typedef void resolver_done(void *arg, uint64_t id, const struct targets *t);

struct resolver_ops {
	uint64_t (*lookup)(
		struct resolver *r, const struct sip_uri *uri, resolver_done *done, void *arg);
	void (*cancel)(struct resolver *r, uint64_t id);
};

struct resolver {
	const struct resolver_ops *ops;
	struct worker *worker;
};

/*
 * Looks up where requests for `uri` go. `done` is called later, never within this call, once,
 * unless cancelled. Ids are never reused within a run.
 */
static inline uint64_t resolver_lookup(
	struct resolver *r, const struct sip_uri *uri, resolver_done *done, void *arg)
{
	return r->ops->lookup(r, uri, done, arg);
}

static inline void resolver_cancel(struct resolver *r, uint64_t id)
{
	r->ops->cancel(r, id);
}

/* The real one (c-ares on the worker's loop). servers: "" for the system's, else "ip:port,…". */
struct resolver_config {
	struct str servers;
	unsigned timeout_ms; /* whole look-up */
	unsigned tries;
	bool ipv4, ipv6; /* families that we listen on */
	bool udp, tcp; /* protocols that we listen on */
};
struct resolver *resolver_new(struct worker *w, const struct resolver_config *cfg);
void resolver_free(struct resolver *r);

#endif
