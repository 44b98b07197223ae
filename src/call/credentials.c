/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom we tell who we are. The answer to a challenge lets its reader guess passwords at leisure, so
 * a provider's credentials go to that provider only: to the address where its INVITE went (a peer
 * may move its dialog elsewhere, and may be anybody behind the provider), and for the realm that
 * its record names or that it asked for itself. Where neither is known, as an INVITE was never
 * challenged, only a provider that is itself the end of the dialog gets an answer: behind one that
 * forwards there is somebody else. And a caller only, where the record names the realm.
 */
#include "call/model.h"

#include <stdlib.h>

#include "base/arena.h"

static bool fill(const struct provider *p, struct digest_credentials *out)
{
	if (!p || str_empty(p->password))
		return false;
	*out = (struct digest_credentials){
		.username = str_empty(p->auth_username) ? p->username : p->auth_username,
		.password = p->password
	};
	return true;
}

bool credentials_of_attempt(const struct attempt *at, struct digest_credentials *out)
{
	if (!at->trusted)
		return false;
	if (!at->leg->fields)
		return fill(at->provider, out);
	*out = (struct digest_credentials){ .username = at->leg->username,
		.password = at->leg->password };
	return at->leg->password.n > 0;
}

static bool same_host(struct str configured, const struct sip_uri *hop)
{
	bool scheme = str_istarts(configured, STR("sip:")) || str_istarts(configured, STR("sips:"));
	char mem[512];
	struct buf b = BUF_OF(mem);
	struct sip_uri uri;

	if (!configured.n)
		return false;
	buf_printf(&b, "%s%.*s", scheme ? "" : "sip:", STR_ARG(configured));
	return buf_ok(&b) && sip_uri_parse(buf_str(&b), &uri) == ERR_OK &&
		str_ieq(uri.host, hop->host) && !sip_uri_param(hop, STR("maddr")).p;
}

/* flow NULL: it goes to where hop resolves. */
static bool goes_home(const struct leg *l, const struct flow *flow, const struct sip_uri *hop)
{
	struct addr a;

	if (flow)
		return addr_ip_eq(&flow->remote, &l->home);
	if (sip_uri_param(hop, STR("maddr")).p)
		return false;
	if (addr_parse_ip(hop->host, 0, &a) == ERR_OK)
		return addr_ip_eq(&a, &l->home);
	return same_host(l->provider->server, hop) || same_host(l->provider->outbound_proxy, hop);
}

bool credentials_of_leg(const struct leg *l, const struct flow *flow, const struct sip_uri *hop,
	struct digest_credentials *out, struct str *realm)
{
	const struct provider *p = l->provider;

	if (!p || !goes_home(l, flow, hop))
		return false;
	*realm = p->register_realm.n ? p->register_realm : str_of(l->realm ? l->realm : "");
	if (!realm->n && (!l->b_side || l->d.routes.n))
		return false;
	return fill(p, out);
}

bool credentials_may_go(const struct leg *l, const struct flow *flow)
{
	return l->provider && addr_ip_eq(&flow->remote, &l->home);
}

/* The provider's leg goes on as the attempt that reached it. */
void credentials_take_over(struct leg *l, const struct attempt *at)
{
	const struct flow *flow = uac_flow(at->uac);
	struct digest_challenge c;
	unsigned status;
	uint32_t nc;
	struct str asked = uac_challenge(at->uac, &status, &nc);

	l->provider = at->trusted && flow ? target_provider(at) : NULL;
	if (!l->provider)
		return;
	l->home = flow->remote;
	if (asked.n && digest_challenge_parse(asked, &c) == ERR_OK)
		l->realm = str_dup(c.realm);
}

void credentials_of_caller(struct leg *l, struct provider *p, const struct flow *flow)
{
	if (!p || !p->register_realm.n)
		return;
	l->provider = provider_ref(p);
	l->home = flow->remote;
}

/* ---- stored ---- */

void credentials_print(const struct leg *l, json_t *row)
{
	char text[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text);

	if (!l->provider)
		return;
	addr_print(&b, &l->home);
	json_object_set_new(row, "gate",
		json_pack("[o,o]", call_json(l->provider->customer), call_json(l->provider->name)));
	json_object_set_new(row, "home", call_json(buf_str(&b)));
	if (l->realm)
		json_object_set_new(row, "realm", call_json(str_of(l->realm)));
}

void credentials_restore(struct leg *l, const json_t *row)
{
	json_t *gate = json_object_get(row, "gate");
	const char *customer = json_string_value(json_array_get(gate, 0));
	const char *name = json_string_value(json_array_get(gate, 1));
	const char *home = json_string_value(json_object_get(row, "home"));
	const char *realm = json_string_value(json_object_get(row, "realm"));

	if (!customer || !name || !home || addr_parse(str_of(home), &l->home) != ERR_OK)
		return;
	l->provider =
		directory_provider(l->call->layer->env.directory, str_of(customer), str_of(name));
	l->realm = realm ? str_dup(str_of(realm)) : NULL;
}
