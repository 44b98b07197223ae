/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "event/event.h"
#include "store/repo.h"
#include "world.h"

enum {
	TRACE_MAX = 4 << 20,
	LINE_MAX_BYTES = 6000,
	START_MONO_MS = 1000000,
	OTHER_DEAD_MS = 10000,
	LEASE_MS = 1000000000, /* as scenarios jump; the rules of leases have tests of their own */
	OVERLOAD_DELAY_MS = 20
};

/* Sunday, 8 November 2009, 12:00 UTC */
static const int64_t start_wall_ms = 1257681600000;

const uint8_t world_key[32] = { 'r', 'e', 'p', 'l', 'a', 'y' };

/* ---- trace ---- */

void world_say(struct world *w, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n > 0)
		buf_add(&w->trace_buf,
			str_make(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1));
}

static void take_event(struct event_sink *s, const struct event_record *r)
{
	struct world *w = container_of(s, struct world, sink);
	char line[LINE_MAX_BYTES];
	struct buf b = BUF_OF(line);

	event_print_line(&b, r);
	world_say(w, "        event %.*s\n", STR_ARG(buf_str(&b)));
	if (w->event_count < EVENTS_MAX)
		w->event_lines[w->event_count++] = str_dup(buf_str(&b));
}

/* ---- life ---- */

static bool is_symmetric(void *arg, const struct addr *signalling)
{
	const struct world *w = arg;

	for (unsigned i = 0; i < w->seen_count; i++)
		if (!addr_set(&w->seen[i].own) && addr_eq(&w->seen[i].agent->addr, signalling))
			return true;
	return false;
}

static bool find_seen(
	void *arg, const struct addr *signalling, const struct addr *own, struct addr *seen)
{
	const struct world *w = arg;

	for (unsigned i = 0; i < w->seen_count; i++) {
		if (!addr_eq(&w->seen[i].agent->addr, signalling) || !addr_eq(&w->seen[i].own, own))
			continue;
		*seen = w->seen[i].seen;
		return true;
	}
	return false;
}

static void defaults(struct roles_config *c)
{
	*c = (struct roles_config){
		.timing = { 500, 4000, 5000 },
		.auth = { .algorithms = { CRYPTO_SHA256, CRYPTO_MD5 },
			.algorithm_count = 2,
			.nonce_s = 300,
			.nonces_max = 1000 },
		.registrar = { .expires_min_s = 120,
			.expires_max_s = 3600,
			.bindings_max = 10,
			.server = STR("Tandem") },
		.call = { .ring_s = 180,
			.calls_max = 20,
			.calls_total_max = 1000,
			.session_expires_s = 1800,
			.session_min_s = 90,
			.user_agent = STR("Tandem"),
			.enum_roots = STR("e164.arpa e164.org") },
		.provider = { .user_agent = STR("Tandem"), .per_second = 100, .per_host = 20 },
	};
}

static void open_store(struct world *w)
{
	char url[96], why_text[256];
	struct buf why = BUF_OF(why_text);
	struct store_config cfg = { .queue_max = 10000, .retry_ms = 1000 };

	snprintf(url, sizeof(url), "sqlite:%s", w->db_path);
	cfg.url = str_of(url);
	BUG_ON(store_start_stepped(&cfg, w->events, &w->store, &why) != ERR_OK);
	BUG_ON(store_open(cfg.url, w->events, &w->db, &why) != ERR_OK);
}

void world_init(struct world *w)
{
	static unsigned serial;

	memset(w, 0, sizeof(*w));
	w->trace_mem = mem_alloc(TRACE_MAX);
	buf_init(&w->trace_buf, w->trace_mem, TRACE_MAX);
	w->events = event_bus_new(false, 16);
	w->sink.take = take_event;
	for (int c = 0; c < EVENT_CATEGORY_COUNT; c++)
		w->sink.min[c] = c == EVENT_CAT_SIP ? EVENT_INFO : EVENT_DEBUG;
	event_bus_add(w->events, &w->sink);
	worker_init(&w->worker, 0, 1, w->events);
	overload_init(&w->worker.overload, OVERLOAD_DELAY_MS);
	rng_init_seed(&w->worker.rng, 42);
	w->worker.clock = (struct clock){ .mono_ms = START_MONO_MS, .wall_ms = start_wall_ms };
	wheel_init(&w->worker.wheel, START_MONO_MS);
	event_bus_set_clock(w->events, &w->worker.clock);
	w->lease_ms = LEASE_MS;
	w->rendezvous = (struct nat_rendezvous){ find_seen, is_symmetric, w };
	defaults(&w->config);
	net_init(w);
	names_init(w);
	engine_init(w);
	media_relay_init(w);
	snprintf(w->db_path, sizeof(w->db_path), "/dev/shm/tandem-replay-%d-%u.db", getpid(),
		serial++);
	open_store(w);
}

static void taken(const struct store_provider_binding *row, void *arg)
{
	struct world *w = arg;

	provider_agent_take(w->roles.providers, row);
}

static void changed(struct str customer, struct str name, void *arg)
{
	struct world *w = arg;

	provider_agent_changed(w->roles.providers, customer, name);
	node_want(w->node, customer, name);
}

void world_lease(struct world *w)
{
	if (node_step(w->node, w->db, w->worker.clock.mono_ms))
		world_say(w, "        the lease could not be renewed\n");
}

static void ignore(const struct store_provider_binding *row, void *arg)
{
	(void)row;
	(void)arg;
}

/* By its own clock, on which time flies. */
void world_lease_taken(struct world *w)
{
	if (!w->other)
		w->other = node_new(&(struct node_config){ .name = STR("other"),
			.lease_ms = OTHER_DEAD_MS,
			.dead_ms = OTHER_DEAD_MS,
			.taken = ignore,
			.events = w->events });
	for (unsigned i = 0; i < 2; i++)
		if (node_step(w->other, w->db, (1 + i) * OTHER_DEAD_MS))
			world_say(w, "        the other node could not take the lease\n");
}

void world_start(struct world *w)
{
	char why_text[256];
	struct buf why = BUF_OF(why_text);
	struct roles_env env = { .worker = &w->worker,
		.resolver = &w->resolver,
		.dialplan = &w->engine,
		.rendezvous = &w->rendezvous,
		.media_relay = w->relay.mode ? &w->relay.relay : NULL,
		.key = world_key };
	struct keyring keys;
	size_t n;

	keyring_init_with(&keys, world_key);
	BUG_ON(directory_new(w->store, w->db, &keys, w->events, &w->directory, &why) != ERR_OK);
	directory_use_tokens(w->directory, world_key);
	BUG_ON(location_new(w->store, w->events, 1, &w->location) != ERR_OK);
	BUG_ON(location_load(w->location, w->db, w->worker.clock.wall_ms, &n) != ERR_OK);
	registrar_keep_loaded(w->location, w->directory, w->config.registrar.keepalive_s);
	w->limits = call_limits_new();
	env.store = w->store;
	env.directory = w->directory;
	env.location = w->location;
	env.limits = w->limits;
	w->node = node_new(&(struct node_config){ .name = STR("replay"),
		.lease_ms = w->lease_ms,
		.dead_ms = LEASE_MS + 1,
		.taken = taken,
		.arg = w,
		.events = w->events });
	env.node = w->node;
	BUG_ON(roles_start(&w->roles, &env, &w->config, &w->net, &why) != ERR_OK);
	w->net.handlers = roles_transport_handlers;
	w->net.arg = &w->roles;
	w->running = true;
	directory_watch_providers(w->directory, changed, w);
	world_lease(w);
}

void world_stop(struct world *w)
{
	char session[NODE_SESSION_MAX];

	roles_stop(&w->roles);
	engine_fini(w);
	engine_init(w);
	worker_run_inbox(&w->worker);
	worker_end_turn(&w->worker);
	store_stop(w->store); /* what was not stored yet and not promised may go either way */
	w->store = NULL;
	worker_run_inbox(&w->worker);
	worker_end_turn(&w->worker);
	location_free(w->location);
	directory_free(w->directory);
	call_limits_free(w->limits);
	node_session(w->node, session);
	(void)!store_node_leave(w->db, str_of(session)); /* the next one need not wait */
	node_free(w->node);
	store_close(w->db);
	w->db = NULL;
	w->running = false;
}

static void agent_fini(struct agent *a)
{
	while (a->count) {
		sip_msg_unref(a->received[a->first]);
		a->first = (a->first + 1) % RECEIVED_MAX;
		a->count--;
	}
	sip_msg_unref(a->request);
	sip_msg_unref(a->invite_in);
	sip_msg_unref(a->response);
	arena_fini(&a->arena);
}

void world_fini(struct world *w)
{
	char extra[80];

	if (w->running)
		world_stop(w);
	else if (w->store)
		store_stop(w->store);
	store_close(w->db);
	node_free(w->other);
	engine_fini(w);
	media_relay_fini(w);
	names_fini(w);
	worker_fini(&w->worker);
	event_bus_remove(w->events, &w->sink);
	event_bus_free(w->events);
	for (unsigned i = 0; i < w->agent_count; i++)
		agent_fini(&w->agents[i]);
	for (unsigned i = 0; i < w->event_count; i++)
		free(w->event_lines[i]);
	free(w->trace_mem);
	unlink(w->db_path);
	snprintf(extra, sizeof(extra), "%s-wal", w->db_path);
	unlink(extra);
	snprintf(extra, sizeof(extra), "%s-shm", w->db_path);
	unlink(extra);
}

void world_reopen(struct world *w)
{
	open_store(w);
}

/* ---- calls in progress ---- */

struct restoring {
	struct world *w;
	struct arena arena;
	struct store_dialog rows[64];
	unsigned count;
};

static struct str *texts_of(struct store_dialog *d, unsigned i)
{
	struct str *const all[] = { &d->call, &d->call_id, &d->local_tag, &d->remote_tag, &d->local,
		&d->remote, &d->remote_target, &d->local_contact, &d->routes, &d->flow_remote,
		&d->flow_local, &d->customer, &d->account, &d->session, &d->extra };

	return i < sizeof(all) / sizeof(*all) ? all[i] : NULL;
}

static void keep_row(const struct store_dialog *d, void *arg)
{
	struct restoring *r = arg;
	struct store_dialog *to = &r->rows[r->count++];
	struct str *s;

	BUG_ON(r->count > 64);
	*to = *d;
	for (unsigned i = 0; (s = texts_of(to, i)); i++)
		*s = arena_str(&r->arena, *s);
}

enum err world_restore(struct world *w)
{
	struct restoring r = { .w = w };
	enum err e;

	arena_init(&r.arena, 4096);
	e = store_dialog_list(w->db, keep_row, &r);
	for (unsigned i = 0; !e && i + 1 < r.count; i += 2)
		e = call_restore(w->roles.calls, &r.rows[i], &r.rows[i + 1]);
	arena_fini(&r.arena);
	return e;
}

/* ---- time ---- */

static bool step_all(struct world *w)
{
	unsigned n = worker_run_inbox(&w->worker);

	worker_end_turn(&w->worker);
	if (w->store)
		n += store_step(w->store);
	n += names_step(w);
	n += engine_step(w);
	n += worker_run_inbox(&w->worker);
	worker_end_turn(&w->worker);
	return n > 0;
}

static void move_clock(struct world *w, uint64_t to_ms)
{
	w->worker.clock.wall_ms += (int64_t)(to_ms - w->worker.clock.mono_ms);
	w->worker.clock.mono_ms = to_ms;
	worker_begin_turn(&w->worker);
	worker_end_turn(&w->worker);
}

void world_settle(struct world *w)
{
	uint64_t until = w->worker.clock.mono_ms + SETTLE_MS;

	if (!w->running)
		return;
	for (;;) {
		uint64_t next;

		while (step_all(w))
			;
		next = wheel_next_ms(&w->worker.wheel);
		/* only timers of no length count as "at once": they stand a millisecond away */
		if (next > w->worker.clock.mono_ms + 1 || next > until)
			return;
		move_clock(w, next);
	}
}

void world_advance(struct world *w, uint64_t ms)
{
	uint64_t until = w->worker.clock.mono_ms + ms;

	world_settle(w);
	for (;;) {
		uint64_t next = wheel_next_ms(&w->worker.wheel);

		if (next > until)
			break;
		move_clock(w, next);
		while (step_all(w))
			;
	}
	if (w->worker.clock.mono_ms < until)
		move_clock(w, until);
	if (w->location)
		location_sweep(w->location, w->worker.clock.wall_ms);
	world_settle(w);
}
