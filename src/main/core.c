/* SPDX-License-Identifier: BSD-3-Clause */
/* The wiring of the core process, top to bottom. */
#include "main/core.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "main/control.h"
#include "main/jail.h"
#include "main/launch.h"
#include "main/tls_files.h"
#include "stun/rendezvous.h"
#include "transport/breaker.h"
#include "transport/dns_cache.h"

enum { STORE_WHY_MAX = 512, NAMES_MAX = 65536 };

static bool read_keys(struct core *c)
{
	if (launch_read_keys(LAUNCH_KEY, &c->keys) != ERR_OK)
		return false;
	memcpy(c->key, c->keys.cluster, sizeof(c->key));
	return true;
}

static enum err read_conf(struct core *c, const char *path, struct buf *why)
{
	char *text;
	size_t n;
	enum err e = launch_read_text(LAUNCH_CONF, CONF_BYTES_MAX, &text, &n);

	if (e != ERR_OK)
		return e;
	e = conf_parse(str_make(text, n), str_of(path), &c->conf, why);
	free(text);
	return e;
}

/* The sockets that we were given; their addresses tell which ports the kernel chose. */
static enum err take_sockets(struct core *c, unsigned workers, unsigned lines, struct buf *why)
{
	enum err e = settings_net(c->conf, workers, &c->net_config, why);

	if (e != ERR_OK || workers == 0 || workers > WORKERS_MAX ||
		lines != c->net_config.listen_count)
		return e == ERR_OK ? ERR_INTERNAL : e;
	for (unsigned i = 0; i < lines * workers; i++)
		c->listen_fds[i] = LAUNCH_LISTEN + (int)i;
	for (unsigned i = 0; i < lines; i++) {
		struct addr *a = &c->net_config.listen[i].addr;
		socklen_t n = sizeof(*a);

		if (getsockname(c->listen_fds[i * workers], &a->sa, &n) != 0)
			return ERR_IO;
	}
	return ERR_OK;
}

static enum err read_certificates(struct core *c, struct buf *why)
{
	struct tls_files files;
	enum err e = tls_files_read(LAUNCH_TLS, &files);

	if (!e)
		e = tls_new(&files.settings, c->key, &c->tls, why);
	tls_files_free(&files);
	c->net_config.tls = c->tls;
	return e;
}

static void start_events(struct core *c)
{
	c->events = event_bus_new(true, c->conf->log_queue);
	if (!c->conf->log_journal ||
		event_log_init_journal(&c->log, NULL, c->conf->log_levels) != ERR_OK)
		event_log_init(&c->log, STDERR_FILENO, c->conf->log_levels);
	event_memory_init(&c->memory, c->conf->log_memory, EVENT_INFO);
	event_bus_add(c->events, &c->log.sink);
	event_bus_add(c->events, &c->memory.sink);
}

/* The store first: it begins a new database in the place of a damaged one. */
static enum err start_store(struct core *c, struct store_db **db, struct buf *why)
{
	struct store_config cfg;
	enum err e;

	settings_store(c->conf, &cfg);
	e = store_start(&cfg, c->events, &c->store, why);
	return e == ERR_OK ? store_open(c->conf->store_url, c->events, db, why) : e;
}

static enum err start_data(struct core *c, struct store_db *db, struct buf *why)
{
	struct clock now;
	size_t bindings = 0;
	enum err e = directory_new(c->store, db, &c->keys, c->events, &c->directory, why);

	if (e == ERR_OK) {
		directory_use_tokens(c->directory, c->key);
		e = location_new(c->store, c->events, c->net_config.workers, &c->location);
	}
	if (e != ERR_OK)
		return e;
	clock_read(&now);
	e = location_load(c->location, db, now.wall_ms, &bindings);
	if (e != ERR_OK)
		event_note(c->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"registrations could not be read: %s", err_text(e));
	registrar_keep_loaded(c->location, c->directory, c->conf->keepalive_s);
	return ERR_OK;
}

/* Of calls that a crash cut off. */
static enum err close_records(struct core *c, struct store_db *db)
{
	struct clock now;
	unsigned closed;
	enum err e;

	clock_read(&now);
	e = call_close_stale(db, now.wall_ms, &closed);
	if (e == ERR_OK && closed)
		event_note(c->events, EV_CALL_NOTE, STR_NONE, STR_NONE,
			"%u records of calls that were cut off were closed", closed);
	return e;
}

/* Others that work on this database, and what of it is ours. */
static void make_node(struct core *c)
{
	struct str session = str_of(c->session);
	size_t end = session.n;

	while (end && session.p[end - 1] != '-')
		end--;
	c->node = node_new(&(struct node_config){ .name = str_first(session, end ? end - 1 : 0),
		.session = session,
		.taken = core_workers_taken,
		.arg = c,
		.events = c->events });
}

static enum err run_node(struct core *c, struct buf *why)
{
	struct store_db *db;
	enum err e = store_open(c->conf->store_url, c->events, &db, why);

	if (e)
		return e;
	directory_watch_providers(c->directory, core_workers_tell, c);
	node_run(c->node, db);
	return ERR_OK;
}

static void announce(struct core *c, unsigned restored)
{
	for (unsigned i = 0; i < c->net_config.listen_count; i++) {
		char text[ADDR_TEXT_MAX];
		struct buf b = BUF_OF(text);

		addr_print(&b, &c->net_config.listen[i].addr);
		event_note(c->events, EV_LISTEN, STR_NONE, STR_NONE, "listening on %.*s:%.*s",
			STR_ARG(tp_proto_name(c->net_config.listen[i].proto)),
			STR_ARG(buf_str(&b)));
	}
	event_note(c->events, EV_SERVICE_START, STR_NONE, STR_NONE,
		"serving with %u workers, %zu registered phones, %u calls taken over",
		c->worker_count, location_count(c->location), restored);
}

/* What stands in front of every dialplan; it is read once. `text` has DIALPLAN_COMMON_MAX + 1
 * bytes. */
static enum err read_common(const struct conf *c, char *text, struct str *out, struct buf *why)
{
	char path[PATH_MAX];
	FILE *f;

	*out = STR_NONE;
	if (str_empty(c->dialplan.common))
		return ERR_OK;
	snprintf(path, sizeof(path), "%.*s", STR_ARG(c->dialplan.common));
	f = fopen(path, "re");
	if (f) {
		*out = str_make(text, fread(text, 1, DIALPLAN_COMMON_MAX + 1, f));
		fclose(f);
	}
	if (f && out->n <= DIALPLAN_COMMON_MAX)
		return ERR_OK;
	buf_printf(why, "[dialplan] common: %s %s", path, f ? "is too long" : "cannot be read");
	return f ? ERR_LIMIT : ERR_IO;
}

static enum err start_dialplans(struct core *c, struct buf *why)
{
	struct dialplan_config dialplan;
	char *text = mem_alloc(DIALPLAN_COMMON_MAX + 1);
	enum err e;

	settings_dialplan(c->conf, &dialplan);
	e = read_common(c->conf, text, &dialplan.common, why);
	if (e == ERR_OK)
		c->dialplan = dialplan_host_new(&c->loop.uv, c->events, &dialplan);
	free(text);
	return e;
}

static enum err start(struct core *c, struct buf *why)
{
	struct store_db *db;
	unsigned restored = 0;
	enum err e;

	worker_init(&c->main, 0, 1, c->events);
	e = loop_init(&c->loop, &c->main);
	if (e == ERR_OK)
		e = start_dialplans(c, why);
	if (e == ERR_OK)
		e = start_store(c, &db, why);
	if (e != ERR_OK)
		return e;
	e = start_data(c, db, why);
	if (e != ERR_OK) {
		store_close(db);
		return e;
	}
	c->rendezvous = rendezvous_new(c->key);
	c->nat_rendezvous =
		(struct nat_rendezvous){ rendezvous_find, rendezvous_symmetric, c->rendezvous };
	c->net_config.on_media_socket = rendezvous_saw;
	c->net_config.on_media_socket_arg = c->rendezvous;
	c->limits = call_limits_new();
	make_node(c);
	c->names = dns_cache_new(NAMES_MAX);
	c->breaker = breaker_new();
	e = core_workers_make(c, why);
	if (e == ERR_OK && close_records(c, db) != ERR_OK)
		event_note(c->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"records of calls that a crash cut off could not be closed");
	if (e == ERR_OK && core_workers_restore(c, db, &restored) != ERR_OK)
		event_note(c->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"calls in progress could not be read from the database");
	if (e == ERR_OK)
		e = run_node(c, why);
	c->follower = follower_start(c->directory, c->location, db);
	if (e != ERR_OK)
		return e;
	c->control = control_server_new(c, LAUNCH_CONTROL);
	c->fds = core_fds_new(c);
	core_workers_run(c);
	announce(c, restored);
	core_ready(c);
	return ERR_OK;
}

/* In the reverse order; each may be missing when the start failed. */
static void stop(struct core *c)
{
	if (c->control)
		control_server_close(c->control);
	if (c->fds)
		core_fds_free(c->fds);
	core_workers_stop(c);
	if (c->dialplan)
		dialplan_host_stop(c->dialplan);
	follower_stop(c->follower);
	node_stop(c->node);
	if (c->store)
		store_stop(c->store);
	if (c->loop.worker)
		loop_fini(&c->loop);
	if (c->dialplan)
		dialplan_host_free(c->dialplan);
	core_workers_free(c);
	node_free(c->node);
	dns_cache_free(c->names);
	breaker_free(c->breaker);
	rendezvous_free(c->rendezvous);
	if (c->location)
		location_free(c->location);
	if (c->directory)
		directory_free(c->directory);
	if (c->limits)
		call_limits_free(c->limits);
	worker_fini(&c->main); /* what came back for clients that are gone */
	if (c->control)
		control_server_free(c->control);
}

static void stop_events(struct core *c)
{
	event_bus_free(c->events);
	event_log_fini(&c->log);
	event_memory_fini(&c->memory);
}

static int run(struct core *c)
{
	char text[STORE_WHY_MAX];
	struct buf why = BUF_OF(text);
	enum err e = start(c, &why);

	if (e == ERR_OK)
		loop_run(&c->loop);
	else
		event_note(c->events, EV_PROCESS_DIED, STR_NONE, STR_NONE, "cannot start: %s%s%.*s",
			err_text(e), why.n ? ": " : "", STR_ARG(buf_str(&why)));
	stop(c);
	stop_events(c);
	return e == ERR_OK ? CLI_OK : CLI_FAILED;
}

int core_main(int argc, char **argv)
{
	struct core *c = mem_new(struct core);
	char text[CONF_ERRORS_MAX];
	struct buf why = BUF_OF(text);
	uint32_t workers, lines;
	int code = CLI_FAILED;

	if (argc != 6 || str_u32(str_of(argv[3]), &workers) != ERR_OK ||
		str_u32(str_of(argv[4]), &lines) != ERR_OK ||
		str_copy(str_of(argv[5]), c->session, sizeof(c->session)) || !read_keys(c)) {
		fprintf(stderr, "tandem: --core is for `tandem serve` only\n");
		free(c);
		return CLI_USAGE;
	}
	prctl(PR_SET_NAME, "tandem-core");
	clock_read(&c->started);
	if (read_conf(c, argv[2], &why) == ERR_OK &&
		take_sockets(c, workers, lines, &why) == ERR_OK &&
		read_certificates(c, &why) == ERR_OK && jail_enter() == ERR_OK) {
		start_events(c);
		code = run(c);
	} else {
		fprintf(stderr, "tandem: core cannot start: %.*s\n", STR_ARG(buf_str(&why)));
	}
	tls_free(c->tls);
	crypto_wipe(c->key, sizeof(c->key));
	keyring_wipe(&c->keys);
	conf_free(c->conf);
	free(c);
	return code;
}
