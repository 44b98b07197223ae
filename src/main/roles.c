/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/roles.h"
#include "main/router.h"

/* ---- from the transport to the transactions ---- */

static void on_message(void *arg, struct sip_msg *m, const struct flow *flow)
{
	struct roles *r = arg;

	tx_layer_on_message(r->tx, m, flow);
}

static void on_send_failed(void *arg, uint64_t id, enum err why)
{
	struct roles *r = arg;

	tx_layer_on_send_failed(r->tx, id, why);
}

static bool on_unreachable(
	void *arg, const struct addr *remote, struct str method, struct str branch)
{
	struct roles *r = arg;

	return tx_layer_on_unreachable(r->tx, remote, method, branch);
}

static void on_closed(void *arg, uint64_t conn)
{
	struct roles *r = arg;

	location_conn_closed(r->env.location, conn);
}

const struct transport_handlers roles_transport_handlers = {
	.on_message = on_message,
	.on_send_failed = on_send_failed,
	.on_unreachable = on_unreachable,
	.on_closed = on_closed,
};

/* ---- from the transactions to the roles ---- */

static void on_request(void *arg, struct sip_msg *req, const struct flow *flow)
{
	router_on_request(arg, req, flow);
}

static void on_ack(void *arg, struct sip_msg *ack, const struct flow *flow)
{
	struct roles *r = arg;

	call_on_ack(r->calls, ack, flow);
}

static void on_stray_2xx(void *arg, struct sip_msg *rsp, const struct flow *flow)
{
	struct roles *r = arg;

	call_on_stray_2xx(r->calls, rsp, flow);
}

static const struct tx_layer_handlers tx_handlers = {
	.on_request = on_request,
	.on_ack = on_ack,
	.on_stray_2xx = on_stray_2xx,
};

static struct uac_env uac_env_of(const struct roles *r)
{
	return (struct uac_env){ .worker = r->env.worker,
		.tx = r->tx,
		.transport = r->transport,
		.resolver = r->env.resolver };
}

static void make_providers(struct roles *r, const struct roles_config *cfg)
{
	const struct provider_env env = { .uac = uac_env_of(r),
		.directory = r->env.directory,
		.store = r->env.store,
		.node = r->env.node,
		.key = r->env.key };

	r->providers = provider_agent_new(&env, &cfg->provider);
}

static void make_calls(struct roles *r, const struct roles_config *cfg)
{
	const struct call_env env = {
		.uac = uac_env_of(r),
		.directory = r->env.directory,
		.location = r->env.location,
		.store = r->env.store,
		.auth = r->auth,
		.dialplan = r->env.dialplan,
		.limits = r->env.limits,
		.rendezvous = r->env.rendezvous,
		.media_relay = r->env.media_relay,
		.key = r->env.key,
	};

	r->calls = call_layer_new(&env, &cfg->call);
}

enum err roles_start(struct roles *r, const struct roles_env *env, const struct roles_config *cfg,
	struct transport *t, struct buf *why)
{
	struct registrar_env registrar;
	enum err e;

	*r = (struct roles){ .env = *env, .transport = t, .server = cfg->registrar.server };
	r->tx = tx_layer_new(env->worker, t, &cfg->timing, &tx_handlers, r);
	r->auth = auth_new(env->worker, r->tx, env->key, &cfg->auth);
	registrar = (struct registrar_env){ .worker = env->worker,
		.tx = r->tx,
		.directory = env->directory,
		.location = env->location,
		.auth = r->auth,
		.key = env->key,
		.transport = t,
		.rendezvous = env->tokens };
	e = registrar_new(&registrar, &cfg->registrar, &r->registrar, why);
	if (e) {
		auth_free(r->auth);
		tx_layer_free(r->tx);
		return e;
	}
	make_providers(r, cfg);
	make_calls(r, cfg);
	return ERR_OK;
}

void roles_stop(struct roles *r)
{
	call_layer_free(r->calls);
	provider_agent_free(r->providers);
	r->providers = NULL;
	registrar_free(r->registrar);
	tx_layer_free(r->tx);
	auth_free(r->auth);
}
