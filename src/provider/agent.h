/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registration agent: keeps customers registered with their providers (RFC 3261 10.2), so that
 * calls to their numbers arrive. One agent a worker; each provider that is to be registered has one
 * registration, at the worker that provider_owner names, in the process that has the lease
 * of its row (cluster/node.h).
 *
 * A registration always has an armed timer: no failure is final, none is silent. Its state is a row
 * of the store (store_provider_binding), which is what people see, and what a restart goes on from
 * without sending anything before a refresh is due.
 *
 *   waiting            not tried yet; or its turn comes when others have had theirs (the rates)
 *   trying             a request is out
 *   registered         until `expires`; refreshed before that
 *   backing off        the last try failed, `reason` says how; tried again, later each time
 *   needs credentials  the provider refuses who we say we are; asked again every hour
 *   held               nothing is tried, `reason` says why; looked at every hour
 *   leaving            being taken back
 */
#ifndef PROVIDER_AGENT_H
#define PROVIDER_AGENT_H

#include "cluster/node.h"
#include "dialog/uac.h"
#include "directory/directory.h"
#include "store/repo.h"

struct provider_agent;

struct provider_env {
	struct uac_env uac;
	struct directory *directory;
	struct store *store;
	struct node *node; /* whose leases they are */
	const uint8_t *key; /* 32 bytes: the cluster's */
};

struct provider_config {
	struct str user_agent;
	unsigned per_second; /* REGISTERs that this agent begins */
	unsigned per_host; /* the same, to one registrar */
	struct addr public_address; /* ours, as providers outside see us; may be unset */
};

struct provider_agent *provider_agent_new(
	const struct provider_env *env, const struct provider_config *cfg);
void provider_agent_free(struct provider_agent *a); /* nothing is taken back */

/* The worker that keeps this provider registered; names ignore case. */
unsigned provider_owner(struct str customer, struct str name, unsigned workers);

/* On the worker, or before it runs: this row is ours from now on. Another worker's is left alone.
 */
void provider_agent_take(struct provider_agent *a, const struct store_provider_binding *row);

/*
 * On the worker: the provider was added, changed or removed. Without names: any may have been.
 * What has no registration yet gets one when its row is ours (node_want).
 */
void provider_agent_changed(struct provider_agent *a, struct str customer, struct str name);

/*
 * On the worker: this machine's addresses or routes changed. Who waits because nothing could be
 * sent, or nothing came back, tries now; who is registered under an address that is no longer ours
 * registers the new one now.
 */
void provider_agent_network_changed(struct provider_agent *a);

/*
 * A NOTIFY: within a subscription of ours, or one that carries a provider's token and that nobody
 * asked for. False: it is neither, and not answered.
 */
bool provider_agent_on_notify(
	struct provider_agent *a, struct sip_msg *req, const struct flow *flow);

struct provider_counts {
	/* Here and now; trying: for the first time. */
	unsigned registered, trying, failing, held;
	uint64_t requests,
		successes; /* since the start: tries, those that registered or refreshed */
};
void provider_agent_counts(const struct provider_agent *a, struct provider_counts *out);

#endif
