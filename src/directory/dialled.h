/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a dialled number goes through a provider, and whether a host is ours: the rules that calls
 * and dry runs of dialplans share (facts 4.3). Pure functions; texts come from the arena.
 */
#ifndef DIRECTORY_DIALLED_H
#define DIRECTORY_DIALLED_H

#include "base/arena.h"
#include "directory/directory.h"

/* "sip:user@server;params": the provider's server with the number that was dialled, and what
 * parameters `written` has beyond the server's own. Empty: the server is not a SIP URI. */
struct str dialled_uri(
	const struct provider *p, struct str user, struct str written, struct arena *a);
/* The provider's outbound proxy as a URI; empty: it has none. */
struct str dialled_route(const struct provider *p, struct arena *a);
/* Where its requests go first: the proxy or the server, by the transport that the record names. */
struct str dialled_hop(const struct provider *p, struct str uri, struct str route, struct arena *a);
/* "host:port" may be an alias; without that, a port of its own means somebody else. */
bool dialled_is_local(struct directory *dir, struct str host, char *domain, size_t max);
/* Words for why a provider cannot be called; NULL: it can. */
const char *dialled_fault(const struct provider *p);

#endif
