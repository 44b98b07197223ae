/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers of core: making them, handing calls of before back to them, running, stopping. */
#include <stdio.h>
#include <stdlib.h>

#include "main/core.h"
#include "nat/media_relay.h"
#include "store/repo.h"
#include "transport/breaker.h"

static enum err make_one(
	struct core *c, unsigned id, const struct roles_config *cfg, struct buf *why)
{
	struct core_worker *w = c->workers[id];
	struct resolver_config resolver;
	struct addr relay;
	struct roles_env env = { .worker = &w->worker,
		.store = c->store,
		.directory = c->directory,
		.location = c->location,
		.limits = c->limits,
		.node = c->node,
		.key = c->key,
		.tokens = c->rendezvous,
		.rendezvous = &c->nat_rendezvous };

	settings_resolver(c->conf, &c->net_config, &resolver);
	resolver.cache = c->names;
	resolver.breaker = c->breaker;
	w->resolver = resolver_new(&w->worker, &resolver);
	if (!w->resolver) {
		buf_lit(why, "the resolver could not be started");
		return ERR_DNS;
	}
	w->transport = net_worker_new(c->net, &w->worker, &roles_transport_handlers, &w->roles);
	if (!w->transport) {
		buf_lit(why, "the sockets could not be watched");
		return ERR_IO;
	}
	if (addr_parse(c->conf->media_relay, &relay) == ERR_OK) {
		w->media_relay = media_relay_new(&w->worker, &relay);
		if (!w->media_relay) {
			buf_printf(why, "[nat] media_relay: there is no way to %.*s",
				STR_ARG(c->conf->media_relay));
			return ERR_NETWORK;
		}
	}
	env.media_relay = w->media_relay;
	env.resolver = w->resolver;
	env.dialplan = dialplan_host_engine(c->dialplan, &w->worker);
	return roles_start(&w->roles, &env, cfg, w->transport, why);
}

/* The first two ports that listen by UDP: STUN is spoken on each. */
static void find_stun(const struct net_config *net, struct registrar_config *out)
{
	for (unsigned i = 0; i < net->listen_count; i++) {
		uint16_t port = addr_port(&net->listen[i].addr);

		if (net->listen[i].proto != TP_UDP || port == out->stun_port)
			continue;
		if (!out->stun_port)
			out->stun_port = port;
		else if (!out->stun_other_port)
			out->stun_other_port = port;
	}
}

enum err core_workers_make(struct core *c, struct buf *why)
{
	struct worker *all[WORKERS_MAX];
	struct roles_config cfg;
	enum err e = settings_roles(c->conf, &cfg, why);

	find_stun(&c->net_config, &cfg.registrar);
	for (unsigned i = 0; i < c->net_config.workers && e == ERR_OK; i++) {
		struct core_worker *w = c->workers[i] = mem_new(struct core_worker);

		c->worker_count++;
		worker_init(&w->worker, i, c->net_config.workers, c->events);
		overload_init(&w->worker.overload, c->conf->overload_delay_ms);
		e = loop_init(&w->loop, &w->worker);
		all[i] = &w->worker;
	}
	if (e != ERR_OK)
		return e;
	c->net = net_new(&c->net_config, c->listen_fds, all);
	for (unsigned i = 0; i < c->worker_count && e == ERR_OK; i++)
		e = make_one(c, i, &cfg, why);
	return e;
}

/* Rows of one call stand together in no promised order: they are copied, then paired. */
struct restored {
	struct arena arena;
	struct store_dialog *rows;
	unsigned count, max;
};

static void keep_row(const struct store_dialog *d, void *arg)
{
	struct restored *r = arg;
	struct store_dialog *copy;

	if (r->count == r->max) {
		r->max = r->max ? 2 * r->max : 64;
		r->rows = mem_grow(r->rows, r->max * sizeof(*r->rows));
	}
	copy = &r->rows[r->count++];
	*copy = *d;
	for (struct str **s = (struct str *[]){ &copy->call, &copy->call_id, &copy->local_tag,
		     &copy->remote_tag, &copy->local, &copy->remote, &copy->remote_target,
		     &copy->local_contact, &copy->routes, &copy->flow_remote, &copy->flow_local,
		     &copy->customer, &copy->account, &copy->session, &copy->extra, NULL };
		*s; s++)
		**s = arena_str(&r->arena, **s);
}

static int by_call_and_side(const void *a, const void *b)
{
	const struct store_dialog *x = a, *y = b;
	int order = str_cmp(x->call, y->call);

	return order ? order : (int)x->side - (int)y->side;
}

static bool restore_pair(struct core *c, const struct store_dialog *a, const struct store_dialog *b)
{
	unsigned owner;

	return worker_of_token(a->local_tag, c->worker_count, &owner) &&
		call_restore(c->workers[owner]->roles.calls, a, b) == ERR_OK;
}

enum err core_workers_restore(struct core *c, struct store_db *db, unsigned *count)
{
	struct restored r = { .count = 0 };
	enum err e;

	*count = 0;
	arena_init(&r.arena, 64 * 1024);
	e = store_dialog_list(db, keep_row, &r);
	if (r.count)
		qsort(r.rows, r.count, sizeof(*r.rows), by_call_and_side);
	for (unsigned i = 0; i + 1 < r.count && e == ERR_OK; i++) {
		if (!str_eq(r.rows[i].call, r.rows[i + 1].call))
			continue;
		*count += restore_pair(c, &r.rows[i], &r.rows[i + 1]);
		i++;
	}
	free(r.rows);
	arena_fini(&r.arena);
	return e;
}

/* ---- registrations at providers ---- */

struct taken_row {
	struct inbox_item item;
	struct core_worker *to;
	struct arena arena;
	struct store_provider_binding row;
};

static void on_taken(struct inbox_item *item)
{
	struct taken_row *t = container_of(item, struct taken_row, item);

	if (t->to->roles.providers)
		provider_agent_take(t->to->roles.providers, &t->row);
	arena_fini(&t->arena);
	free(t);
}

void core_workers_taken(const struct store_provider_binding *row, void *core)
{
	struct core *c = core;
	struct taken_row *t = mem_new(struct taken_row);
	struct str *const texts[] = { &t->row.customer, &t->row.name, &t->row.state, &t->row.reason,
		&t->row.settings, &t->row.registrar, &t->row.contact, &t->row.call_id,
		&t->row.challenge, &t->row.node };

	t->item.run = on_taken;
	t->to = c->workers[provider_owner(row->customer, row->name, c->worker_count)];
	t->row = *row;
	arena_init(&t->arena, 512);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		*texts[i] = arena_str(&t->arena, *texts[i]);
	worker_post_reply(&t->to->worker, &t->item); /* as many as there are providers */
}

struct provider_news {
	struct inbox_item item;
	struct core_worker *to;
	size_t customer_n;
	size_t name_n;
	char text[];
};

static void on_news(struct inbox_item *item)
{
	struct provider_news *n = container_of(item, struct provider_news, item);

	if (n->to->roles.providers)
		provider_agent_changed(n->to->roles.providers, str_make(n->text, n->customer_n),
			str_make(n->text + n->customer_n, n->name_n));
	free(n);
}

static void tell_one(struct core_worker *w, struct str customer, struct str name)
{
	struct provider_news *n = mem_alloc(sizeof(*n) + customer.n + name.n);

	*n = (struct provider_news){
		.item.run = on_news, .to = w, .customer_n = customer.n, .name_n = name.n
	};
	if (customer.n)
		memcpy(n->text, customer.p, customer.n);
	if (name.n)
		memcpy(n->text + customer.n, name.p, name.n);
	/* as many as one look at the database found changed */
	worker_post_reply(&w->worker, &n->item);
}

void core_workers_tell(struct str customer, struct str name, void *core)
{
	struct core *c = core;

	if (name.n)
		tell_one(c->workers[provider_owner(customer, name, c->worker_count)], customer,
			name);
	for (unsigned i = 0; i < c->worker_count && !name.n; i++)
		tell_one(c->workers[i], customer, name);
	node_want(c->node, customer, name);
}

/* ---- the network ---- */

static void on_network(struct inbox_item *item)
{
	struct core_worker *w = container_of(item, struct core_worker, network.item);

	__atomic_store_n(&w->network.posted, false, __ATOMIC_RELEASE);
	net_worker_network_changed(w->transport);
	if (w->roles.providers)
		provider_agent_network_changed(w->roles.providers);
}

void core_workers_network_changed(struct core *c)
{
	breaker_forget(c->breaker);
	for (unsigned i = 0; i < c->worker_count; i++) {
		struct core_worker *w = c->workers[i];

		if (__atomic_exchange_n(&w->network.posted, true, __ATOMIC_ACQUIRE))
			continue;
		w->network.item.run = on_network;
		worker_post_reply(&w->worker, &w->network.item);
	}
}

static void *worker_main(void *arg)
{
	struct core_worker *w = arg;

	loop_run(&w->loop);
	return NULL;
}

void core_workers_run(struct core *c)
{
	for (unsigned i = 0; i < c->worker_count; i++) {
		struct core_worker *w = c->workers[i];
		char name[16];

		BUG_ON(pthread_create(&w->thread, NULL, worker_main, w) != 0);
		w->running = true;
		snprintf(name, sizeof(name), "worker %u", i);
		pthread_setname_np(w->thread, name);
	}
}

static void give_up(struct core_worker *w)
{
	if (w->roles.transport)
		roles_stop(&w->roles);
	media_relay_free(w->media_relay);
	if (w->transport)
		net_worker_free(w->transport);
	if (w->resolver)
		resolver_free(w->resolver);
}

static void on_stop(struct inbox_item *item)
{
	struct core_worker *w = container_of(item, struct core_worker, stop);

	give_up(w);
	loop_stop(&w->loop);
}

void core_workers_stop(struct core *c)
{
	for (unsigned i = 0; i < c->worker_count; i++) {
		struct core_worker *w = c->workers[i];

		w->stop.run = on_stop;
		if (w->running)
			worker_post_reply(&w->worker, &w->stop);
		else
			give_up(w);
	}
	for (unsigned i = 0; i < c->worker_count; i++)
		if (c->workers[i]->running)
			pthread_join(c->workers[i]->thread, NULL);
}

void core_workers_free(struct core *c)
{
	for (unsigned i = 0; i < c->worker_count; i++) {
		loop_fini(&c->workers[i]->loop);
		worker_fini(&c->workers[i]->worker);
		free(c->workers[i]);
	}
	c->worker_count = 0;
	if (c->net)
		net_free(c->net);
	c->net = NULL;
}
