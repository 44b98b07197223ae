/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `tandem provider test`: where do requests to a provider go, are its credentials accepted, does it
 * answer? One REGISTER: of the binding that the agent keeps, too, if it is to be registered; else
 * without Contact (RFC 3261 10.2.3), which asks who is registered and changes nothing there. Then
 * OPTIONS. A registration in trouble is tried at once.
 */
#ifndef PROVIDER_PROBE_H
#define PROVIDER_PROBE_H

#include "provider/agent.h"

struct provider_finding {
	const char *step; /* "resolve", "register", "options", "registration" */
	bool fine;
	struct str text; /* a sentence */
};
/* NULL: that was all. Called later, on the worker; at the latest when the agent is freed. */
typedef void provider_finding_fn(const struct provider_finding *f, void *arg);

/* On the provider's worker. ERR_NOT_FOUND; ERR_LIMIT: too many at once. */
MUST_USE enum err provider_probe(struct provider_agent *a, struct str customer, struct str name,
	provider_finding_fn *found, void *arg);

#endif
