/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated network: what Tandem sends lands in an agent's queue. */
#include <stdio.h>

#include "world.h"

static struct addr tandem_addr(enum tp_proto proto)
{
	struct addr a;

	(void)proto;
	BUG_ON(addr_parse(STR("10.0.0.254:5060"), &a) != ERR_OK);
	return a;
}

struct agent *world_agent(struct world *w, struct str name)
{
	struct agent *a;
	char text[32];

	for (unsigned i = 0; i < w->agent_count; i++)
		if (str_eq(str_of(w->agents[i].name), name))
			return &w->agents[i];
	BUG_ON(w->agent_count == AGENTS_MAX);
	a = &w->agents[w->agent_count++];
	BUG_ON(str_copy(name, a->name, sizeof(a->name)) != ERR_OK);
	snprintf(text, sizeof(text), "10.0.0.%u:5060", w->agent_count);
	BUG_ON(addr_parse(str_of(text), &a->addr) != ERR_OK);
	a->conn = 100 + w->agent_count;
	arena_init(&a->arena, 4096);
	return a;
}

static struct agent *agent_at(struct world *w, const struct flow *f)
{
	for (unsigned i = 0; i < w->agent_count; i++)
		if (addr_eq(&w->agents[i].addr, &f->remote) && w->agents[i].proto == f->proto)
			return &w->agents[i];
	return NULL;
}

static enum err op_route(struct transport *t, enum tp_proto proto, const struct addr *remote,
	struct str name, struct flow *out)
{
	struct world *w = container_of(t, struct world, net);
	struct agent *a;

	*out = (struct flow){ .proto = proto, .local = tandem_addr(proto), .remote = *remote };
	a = agent_at(w, out);
	if (a && proto != TP_UDP)
		out->conn = a->conn;
	return proto == TP_UDP || proto == TP_TCP ? ERR_OK : ERR_UNSUPPORTED;
}

static enum err op_send(struct transport *t, const struct flow *flow, struct str bytes, uint64_t id)
{
	struct world *w = container_of(t, struct world, net);
	struct agent *a = agent_at(w, flow);
	struct sip_fault fault;
	struct sip_msg *m;
	bool lost;

	(void)id;
	if (a && flow->proto != TP_UDP && !a->conn)
		return ERR_CLOSED;
	if (bytes.n == 4 && a) {
		a->keepalives++;
		return ERR_OK;
	}
	lost = !a || a->deaf || a->drop;
	world_say(w, "[%llu] tandem -> %s%s\n%.*s\n",
		(unsigned long long)(w->worker.clock.mono_ms % 100000000), a ? a->name : "nobody",
		lost ? " (lost)" : "", STR_ARG(bytes));
	if (!a)
		return ERR_OK; /* into the void, as on a real network */
	if (lost) {
		a->drop -= a->drop > 0;
		return ERR_OK;
	}
	if (sip_msg_parse(bytes, &m, &fault)) {
		world_say(w, "!!! Tandem sent a malformed message: %s\n",
			fault.reason ? fault.reason : "?");
		BUG_ON(true);
	}
	BUG_ON(a->count == RECEIVED_MAX);
	a->received[(a->first + a->count++) % RECEIVED_MAX] = m;
	return ERR_OK;
}

void net_init(struct world *w)
{
	static const struct transport_ops ops = { .route = op_route, .send = op_send };

	w->net = (struct transport){ .ops = &ops, .worker = &w->worker };
}

void world_send(struct world *w, struct agent *a, struct str bytes)
{
	struct flow flow = { .proto = a->proto,
		.local = tandem_addr(a->proto),
		.remote = a->addr,
		.conn = a->proto == TP_UDP ? 0 : a->conn };
	struct sip_fault fault;
	struct sip_msg *m;
	enum err e;

	world_say(w, "[%llu] %s -> tandem\n%.*s\n",
		(unsigned long long)(w->worker.clock.mono_ms % 100000000), a->name, STR_ARG(bytes));
	if (!w->running)
		return;
	e = sip_msg_parse(bytes, &m, &fault);
	if (e)
		world_say(w, "        (malformed: %s)\n", fault.reason ? fault.reason : "?");
	else {
		worker_begin_turn(&w->worker);
		overload_arrived(&w->worker.overload, w->waited_us);
		w->net.handlers.on_message(w->net.arg, m, &flow);
	}
	sip_msg_unref(m);
	world_settle(w);
}

void world_close(struct world *w, struct agent *a)
{
	uint64_t conn = a->conn;

	a->conn = 0;
	world_say(w, "        the connection of %s is gone\n", a->name);
	if (w->running)
		w->net.handlers.on_closed(w->net.arg, conn);
	world_settle(w);
}
