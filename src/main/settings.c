/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/settings.h"

#include <sched.h>

unsigned settings_workers(const struct conf *c)
{
	cpu_set_t set;
	int n;

	if (c->workers)
		return c->workers;
	n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

enum err settings_net(
	const struct conf *c, unsigned workers, struct net_config *out, struct buf *why)
{
	*out = (struct net_config){ .workers = workers,
		.limits = { .connections_max = c->connections_max,
			.connections_per_ip_max = c->connections_per_ip_max,
			.message_bytes_max = c->message_bytes_max,
			.idle_s = c->connection_idle_s,
			.message_s = c->connection_message_s,
			.connect_s = c->connect_s,
			.handshake_s = c->tls_handshake_s,
			.handshakes_per_ip = c->tls_handshakes_per_ip,
			.dead_s = c->connection_dead_s,
			.queue_bytes_max = c->connection_queue_bytes } };
	for (unsigned i = 0; i < c->listen_count && i < NET_LISTEN_MAX; i++) {
		enum err e = net_listen_parse(c->listen[i], &out->listen[i]);

		if (e != ERR_OK) {
			buf_printf(
				why, "[sip] listen = %.*s: %s", STR_ARG(c->listen[i]), err_text(e));
			return e;
		}
		out->listen_count++;
	}
	return ERR_OK;
}

void settings_resolver(
	const struct conf *c, const struct net_config *net, struct resolver_config *out)
{
	*out = (struct resolver_config){ .servers = c->dns_servers,
		.probe = c->dns_probe,
		.timeout_ms = c->dns_timeout_ms,
		.tries = c->dns_tries };
	for (unsigned i = 0; i < net->listen_count; i++) {
		out->ipv4 = out->ipv4 || net->listen[i].addr.sa.sa_family == AF_INET;
		out->ipv6 = out->ipv6 || net->listen[i].addr.sa.sa_family == AF_INET6;
		out->udp = out->udp || net->listen[i].proto == TP_UDP;
		out->tcp = out->tcp || net->listen[i].proto == TP_TCP;
		out->tls = out->tls || net->listen[i].proto == TP_TLS;
	}
}

static void registrar_settings(const struct conf *c, struct registrar_config *out)
{
	*out = (struct registrar_config){ .expires_min_s = c->expires_min_s,
		.keepalive_s = c->keepalive_s,
		.expires_max_s = c->expires_max_s,
		.bindings_max = c->bindings_max,
		.tokens = str_eq(c->stun_rendezvous, STR("always")) ? REGISTRAR_TOKENS_ALWAYS
			: str_eq(c->stun_rendezvous, STR("no"))     ? REGISTRAR_TOKENS_NO
								    : REGISTRAR_TOKENS_ASKED,
		.server = c->server };
	for (unsigned i = 0; i < c->ua_count && i < REGISTRAR_UA_RULES_MAX; i++) {
		const struct conf_ua_rule *r = &c->ua[i];

		out->ua[out->ua_count++] = (struct registrar_ua_rule){ .pattern = r->pattern,
			.expires_max_s = r->expires_max_s ? r->expires_max_s : c->expires_max_s,
			.contact_lists = r->contact_lists };
	}
}

/* Each worker has its share. */
static unsigned share(unsigned rate, unsigned workers)
{
	return rate > workers ? rate / workers : 1;
}

static void provider_settings(const struct conf *c, struct provider_config *out)
{
	unsigned workers = settings_workers(c);

	*out = (struct provider_config){ .user_agent = c->server,
		.per_second = share(c->registers_per_second, workers),
		.per_host = share(c->registers_per_host, workers) };
}

enum err settings_roles(const struct conf *c, struct roles_config *out, struct buf *why)
{
	*out = (struct roles_config){
		.timing = { .t1_ms = c->t1_ms, .t2_ms = c->t2_ms, .t4_ms = c->t4_ms },
		.auth = { .algorithm_count = c->algorithm_count,
			.nonce_s = c->nonce_s,
			.nonces_max = c->nonces_max },
		.call = { .ring_s = c->ring_s,
			.calls_max = c->calls_max,
			.calls_total_max = c->calls_total_max,
			.duration_max_s = c->duration_max_s,
			.session_expires_s = c->session_expires_s,
			.session_min_s = c->session_min_s,
			.user_agent = c->server,
			.enum_roots = c->enum_roots,
			.relay_doubtful = str_eq(c->media_relay_when, STR("doubtful")) },
	};
	if (c->public_address.n &&
		(addr_parse_ip(c->public_address, 0, &out->call.public_address) != ERR_OK ||
			addr_is_private(&out->call.public_address))) {
		buf_printf(why, "[nat] public_address: %.*s is no public address",
			STR_ARG(c->public_address));
		return ERR_RANGE;
	}
	registrar_settings(c, &out->registrar);
	provider_settings(c, &out->provider);
	out->provider.public_address = out->call.public_address;
	out->registrar.public_address = out->call.public_address;
	for (unsigned i = 0; i < c->algorithm_count; i++) {
		enum err e = digest_algorithm_parse(c->algorithms[i], &out->auth.algorithms[i]);

		if (e != ERR_OK) {
			buf_printf(why, "[auth] algorithms: %.*s: %s", STR_ARG(c->algorithms[i]),
				err_text(e));
			return e;
		}
	}
	return ERR_OK;
}

void settings_dialplan(const struct conf *c, struct dialplan_config *out)
{
	*out = (struct dialplan_config){ .sandboxes_max = c->dialplan.sandboxes_max,
		.spare = c->dialplan.spare,
		.runs_max = c->dialplan.runs_max,
		.runs_per_customer_max = c->dialplan.runs_per_customer_max,
		.run_s = c->dialplan.run_s,
		.run_max_s = c->dialplan.run_max_s,
		.memory_mb = c->dialplan.memory_mb,
		.cpu_s = c->dialplan.cpu_s,
		.log_lines_max = c->dialplan.log_lines_max,
		.idle_s = c->dialplan.idle_s,
		.queue_max = c->dialplan.queue_max,
		.queue_s = c->dialplan.queue_s,
		.grace_ms = c->dialplan.grace_ms };
}

void settings_store(const struct conf *c, struct store_config *out)
{
	*out = (struct store_config){
		.url = c->store_url, .queue_max = c->store_queue_max, .retry_ms = c->store_retry_ms
	};
}
