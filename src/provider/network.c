/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of registrations when this machine's addresses or routes change. */
#include "provider/registration.h"

/* The flow that would be used today to whom `f` leads. */
static bool way_today(const struct registration *r, enum tp_proto proto, const struct addr *remote,
	struct flow *out)
{
	return transport_route(r->agent->env.uac.transport, proto, remote, STR_NONE, out) == ERR_OK;
}

/* "udp:192.0.2.1:5060" */
static bool who_answered(const struct registration *r, enum tp_proto *proto, struct addr *remote)
{
	struct str text = str_of(r->registrar ? r->registrar : "");
	size_t colon = str_find(text, ':');

	return colon < text.n && !tp_proto_parse(str_first(text, colon), proto) &&
		!addr_parse(str_from(text, colon + 1), remote);
}

/* Registered under an address that calls no longer reach. */
static bool has_moved(const struct registration *r)
{
	char contact[PROVIDER_URI_MAX];
	struct buf b = BUF_OF(contact);
	enum tp_proto proto;
	struct addr remote;
	struct flow flow;

	if (!r->contact || !who_answered(r, &proto, &remote) ||
		!way_today(r, proto, &remote, &flow))
		return false;
	provider_print_contact(r->agent, &b, r->provider, r->token, &flow);
	return buf_ok(&b) && !str_eq(buf_str(&b), str_of(r->contact));
}

/* A request that is out, from an address that its answer will not find. */
static bool waits_in_vain(const struct registration *r)
{
	const struct flow *f = r->uac ? uac_flow(r->uac) : NULL;
	struct flow today;

	return f && way_today(r, f->proto, &f->remote, &today) &&
		!addr_ip_eq(&f->local, &today.local);
}

static void look_again(struct hash_node *n, void *arg)
{
	struct registration *r = container_of(n, struct registration, node);

	(void)arg;
	if (r->state == PROVIDER_TRYING && waits_in_vain(r)) {
		uac_abandon(r->uac);
		r->uac = NULL;
		registration_fail(r, CAUSE_NETWORK, PROVIDER_BACKING_OFF, REGISTRATION_SOON_MS,
			"our address towards %.*s changed",
			STR_ARG(provider_registrar(r->provider)));
	} else if (r->state == PROVIDER_REGISTERED && !r->slot && has_moved(r)) {
		registration_arm(r, rng_below(&registration_worker(r)->rng, REGISTRATION_SOON_MS));
	}
}

void provider_agent_network_changed(struct provider_agent *a)
{
	registrations_wake(a);
	hash_each(&a->registrations, look_again, NULL);
}
