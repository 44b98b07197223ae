/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that ask the workers: calls, hangup, and the number of calls for status. An order goes
 * to every worker and comes back with what it found; the last one to come back answers.
 */
#include <stdlib.h>

#include "main/control_int.h"

struct ask;

struct ask_part { /* one worker's share: travels there and back */
	struct inbox_item item; /* first member */
	struct ask *ask;
	struct core_worker *worker;
};

struct ask {
	struct client *client;
	struct worker *home;
	void (*look)(struct ask *a, struct core_worker *w, struct answer *out); /* on the worker */
	void (*finish)(struct ask *a); /* at home */
	unsigned waiting;
	struct answer answers[WORKERS_MAX];
	struct ask_part parts[WORKERS_MAX];
	/* what the commands need */
	char call[128], reason[128];
	size_t counts[WORKERS_MAX];
	struct provider_counts providers[WORKERS_MAX];
	bool found[WORKERS_MAX];
};

static void on_home(struct inbox_item *item)
{
	struct ask_part *p = (struct ask_part *)item;
	struct ask *a = p->ask;
	struct client *c = a->client;

	if (--a->waiting > 0)
		return;
	if (!c->gone)
		a->finish(a);
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		free(a->answers[i].p);
	free(a);
	client_release(c);
}

static void on_worker(struct inbox_item *item)
{
	struct ask_part *p = (struct ask_part *)item;
	unsigned id = p->worker->worker.id;

	p->ask->look(p->ask, p->worker, &p->ask->answers[id]);
	item->run = on_home;
	worker_post_reply(p->ask->home, item);
}

/* Orders are few (one a client), so that they are never refused. */
static void ask_all(struct ask *a, struct client *c)
{
	struct core *core = c->control->core;

	a->client = c;
	a->home = &core->main;
	a->waiting = core->worker_count;
	c->busy++;
	for (unsigned i = 0; i < core->worker_count; i++) {
		a->parts[i] = (struct ask_part){
			.item.run = on_worker, .ask = a, .worker = core->workers[i]
		};
		worker_post_reply(&core->workers[i]->worker, &a->parts[i].item);
	}
}

/* ---- calls ---- */

struct call_rows {
	struct answer *out;
	int64_t now_ms;
};

static void add_call(const struct call_info *i, void *arg)
{
	struct call_rows *rows = arg;
	int64_t since = i->answered_ms ? i->answered_ms : i->started_ms;
	json_t *o = json_object();
	char text[32];
	struct buf b = BUF_OF(text);

	clock_print_iso(&b, i->started_ms);
	json_object_set_new(o, "call", control_text(i->call));
	json_object_set_new(o, "customer", control_text(i->customer));
	json_object_set_new(o, "account", control_text(i->account));
	json_object_set_new(o, "from", control_text(i->from));
	json_object_set_new(o, "to", control_text(i->to));
	json_object_set_new(o, "destination", control_text(i->destination));
	json_object_set_new(o, "state", control_text(i->state));
	json_object_set_new(o, "started", control_text(buf_str(&b)));
	json_object_set_new(o, "answered", json_boolean(i->answered_ms != 0));
	json_object_set_new(o, "seconds", json_integer((rows->now_ms - since) / 1000));
	json_object_set_new(o, "legs", json_integer(i->legs));
	answer_row(rows->out, o);
}

static void look_calls(struct ask *a, struct core_worker *w, struct answer *out)
{
	struct call_rows rows = { out, w->worker.clock.wall_ms };

	call_each(w->roles.calls, add_call, &rows);
}

static void finish_calls(struct ask *a)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		client_send(a->client, &a->answers[i], false);
	client_done(a->client);
}

void control_calls(struct client *c, const json_t *request)
{
	struct ask *a = mem_new(struct ask);

	a->look = look_calls;
	a->finish = finish_calls;
	ask_all(a, c);
}

/* ---- hangup ---- */

static void look_hangup(struct ask *a, struct core_worker *w, struct answer *out)
{
	a->found[w->worker.id] = call_hang_up(w->roles.calls, str_of(a->call), str_of(a->reason));
}

static void finish_hangup(struct ask *a)
{
	bool found = false;

	for (unsigned i = 0; i < WORKERS_MAX; i++)
		found = found || a->found[i];
	if (found)
		client_done(a->client);
	else
		client_error(a->client, "there is no call %s; `tandem calls` lists them", a->call);
}

void control_hangup(struct client *c, const json_t *request)
{
	const char *call = json_string_value(json_object_get(request, "call"));
	const char *reason = json_string_value(json_object_get(request, "reason"));
	struct ask *a = mem_new(struct ask);

	if (!call || str_copy(str_of(call), a->call, sizeof(a->call)) != ERR_OK ||
		str_copy(str_of(reason ? reason : ""), a->reason, sizeof(a->reason)) != ERR_OK) {
		free(a);
		client_error(c, "that is not a call's id");
		return;
	}
	a->look = look_hangup;
	a->finish = finish_hangup;
	ask_all(a, c);
}

/* ---- status ---- */

static void look_status(struct ask *a, struct core_worker *w, struct answer *out)
{
	a->counts[w->worker.id] = call_count(w->roles.calls);
	if (w->roles.providers)
		provider_agent_counts(w->roles.providers, &a->providers[w->worker.id]);
}

void put_number(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *listen_json(const struct core *core)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < core->net_config.listen_count; i++) {
		char text[ADDR_TEXT_MAX + 8];
		struct buf b = BUF_OF(text);

		buf_add(&b, tp_proto_name(core->net_config.listen[i].proto));
		buf_char(&b, ':');
		addr_print(&b, &core->net_config.listen[i].addr);
		json_array_append_new(array, control_text(buf_str(&b)));
	}
	return array;
}

static void put_data(json_t *o, struct core *core)
{
	struct directory_counts dir;
	struct store_counts store;

	directory_counts(core->directory, &dir);
	store_counts(core->store, &store);
	json_object_set_new(o, "store",
		json_string(store_healthy(core->store) ? "fine" : "away; serving from memory"));
	put_number(o, "store_waiting", store.waiting);
	put_number(o, "customers", dir.customers);
	put_number(o, "domains", dir.domains);
	put_number(o, "accounts", dir.accounts);
	put_number(o, "dialplans", dir.dialplans);
	put_number(o, "providers", dir.providers);
	put_number(o, "bindings", location_count(core->location));
	put_number(o, "kept_alive", location_kept(core->location));
}

static void put_traffic(json_t *o, struct core *core)
{
	struct net_counters net;

	net_counters(core->net, &net);
	put_number(o, "received", net.received);
	put_number(o, "sent", net.sent);
	put_number(o, "malformed", net.malformed);
	put_number(o, "stun", net.stun);
	put_number(o, "dropped", net.dropped);
	put_number(o, "send_failed", net.send_failed);
	put_number(o, "connections_accepted", net.accepted);
	put_number(o, "events_lost", event_bus_lost(core->events));
}

static void put_overload(json_t *o, struct core *core)
{
	struct overload_counters sum = { 0 };
	unsigned shedding = 0;
	uint32_t worst = 0;

	for (unsigned i = 0; i < core->worker_count; i++) {
		const struct overload *w = &core->workers[i]->worker.overload;
		uint32_t delay = __atomic_load_n(&w->delay_us, __ATOMIC_RELAXED);

		shedding += overload_level(w) != OVERLOAD_FINE;
		sum.refused += __atomic_load_n(&w->counters.refused, __ATOMIC_RELAXED);
		sum.dropped += __atomic_load_n(&w->counters.dropped, __ATOMIC_RELAXED);
		sum.lost += __atomic_load_n(&w->counters.lost, __ATOMIC_RELAXED);
		worst = delay > worst ? delay : worst;
	}
	put_number(o, "overloaded_workers", shedding);
	json_object_set_new(o, "delay_ms", json_real(worst / 1000.0));
	put_number(o, "overload_refused", sum.refused);
	put_number(o, "flood_dropped", sum.dropped);
	put_number(o, "lost", sum.lost);
}

static void put_sandboxes(json_t *o, struct core *core)
{
	struct dialplan_stats s;
	char text[128];
	struct buf b = BUF_OF(text);

	dialplan_host_stats(core->dialplan, &s);
	buf_printf(&b, "%s, %u running, %u waiting, %u warm and %u fresh sandboxes",
		s.attached ? "ready" : "not running", s.running, s.queued, s.warm, s.spare);
	json_object_set_new(o, "dialplan", control_text(buf_str(&b)));
	put_number(o, "dialplan_runs", s.runs);
	put_number(o, "dialplan_killed", s.killed);
	put_number(o, "dialplan_refused", s.refused);
}

static void put_providers(json_t *o, const struct ask *a, unsigned workers)
{
	struct provider_counts sum = { 0 };

	for (unsigned i = 0; i < workers; i++) {
		sum.registered += a->providers[i].registered;
		sum.trying += a->providers[i].trying;
		sum.failing += a->providers[i].failing;
		sum.held += a->providers[i].held;
		sum.requests += a->providers[i].requests;
		sum.successes += a->providers[i].successes;
	}
	put_number(o, "providers_registered", sum.registered);
	put_number(o, "providers_trying", sum.trying);
	put_number(o, "providers_failing", sum.failing);
	put_number(o, "providers_held", sum.held);
	put_number(o, "provider_requests", sum.requests);
	put_number(o, "provider_successes", sum.successes);
}

static void finish_status(struct ask *a)
{
	struct core *core = a->client->control->core;
	struct answer out = { NULL };
	json_t *o = json_object();
	char text[32];
	struct buf b = BUF_OF(text);
	struct clock now;
	uint64_t calls = 0;

	clock_read(&now);
	clock_print_iso(&b, core->started.wall_ms);
	for (unsigned i = 0; i < core->worker_count; i++)
		calls += a->counts[i];
	json_object_set_new(o, "version", json_string(TANDEM_VERSION));
	json_object_set_new(o, "started", control_text(buf_str(&b)));
	put_number(o, "uptime_s", (now.mono_ms - core->started.mono_ms) / 1000);
	put_number(o, "pid", (uint64_t)getpid());
	json_object_set_new(o, "listen", listen_json(core));
	put_number(o, "workers", core->worker_count);
	put_data(o, core);
	put_number(o, "calls", calls);
	put_providers(o, a, core->worker_count);
	put_traffic(o, core);
	put_overload(o, core);
	put_sandboxes(o, core);
	answer_row(&out, o);
	client_send(a->client, &out, false);
	client_done(a->client);
}

void control_status(struct client *c, const json_t *request)
{
	struct ask *a = mem_new(struct ask);

	a->look = look_status;
	a->finish = finish_status;
	ask_all(a, c);
}
