/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core process: everything about SIP. N workers, each a thread with its own loop, sockets and
 * roles; the main thread has the dialplan host, the control socket and the supervisor's channel;
 * store threads; the follower. Nothing here blocks a worker.
 */
#ifndef MAIN_CORE_H
#define MAIN_CORE_H

#include <pthread.h>

#include "base/keyring.h"
#include "cluster/node.h"
#include "event/sinks.h"
#include "main/follower.h"
#include "main/settings.h"
#include "nat/media.h"

/* A worker's thread and what it owns. */
struct core_worker {
	struct worker worker;
	struct loop loop;
	struct resolver *resolver;
	struct media_relay *media_relay; /* NULL: none is configured */
	struct transport *transport;
	struct roles roles;
	pthread_t thread;
	bool running;
	struct inbox_item stop; /* the order to end */
	struct {
		struct inbox_item item;
		bool posted; /* atomic */
	} network; /* the news that it changed */
};

struct control;
struct core_fds;

struct core {
	struct conf *conf;
	uint8_t key[CRYPTO_KEY_BYTES]; /* the cluster secret: nonces, tokens */
	struct keyring keys; /* the main thread's; the directory has a copy */
	struct clock started;
	struct event_bus *events;
	struct event_log log;
	struct event_memory memory;

	struct worker main; /* of the main thread; owns no calls */
	struct loop loop;

	struct net_config net_config;
	int listen_fds[NET_LISTEN_MAX * WORKERS_MAX];
	struct store *store;
	struct directory *directory;
	struct location *location;
	struct follower *follower;
	struct node *node;
	char session[NODE_SESSION_MAX];
	struct call_limits *limits;
	struct dialplan_host *dialplan;
	struct tls *tls;
	struct rendezvous *rendezvous;
	struct nat_rendezvous nat_rendezvous; /* over it */
	struct net *net;
	struct dns_cache *names;
	struct breaker *breaker;
	struct core_worker *workers[WORKERS_MAX];
	unsigned worker_count;
	struct control *control;
	struct core_fds *fds; /* the supervisor's channel, signals */
};

/* `tandem --core CONF_PATH WORKERS LISTEN_LINES SESSION`, started by the supervisor. */
int core_main(int argc, char **argv);

/* ---- core_workers.c ---- */
MUST_USE enum err core_workers_make(struct core *c, struct buf *why);
/* Dialogs of answered calls that a process before us left in the store. */
MUST_USE enum err core_workers_restore(struct core *c, struct store_db *db, unsigned *count);
/* Rows of provider bindings that are ours now (struct node_config), and news of providers. */
void core_workers_taken(const struct store_provider_binding *row, void *core);
void core_workers_tell(struct str customer, struct str name, void *core);
/* This machine's addresses or routes changed; from the main thread. */
void core_workers_network_changed(struct core *c);
void core_workers_run(struct core *c);
void core_workers_stop(struct core *c); /* joins them; others may still post to them */
void core_workers_free(struct core *c); /* when nobody can any more */

/* ---- core_fds.c: what the main loop watches besides ---- */
struct core_fds *core_fds_new(struct core *c);
void core_fds_free(struct core_fds *f); /* then let the loop run out */
void core_ready(struct core *c);
/* Asks the supervisor for the key ring as it is now; control_keys_told says that it was heard. */
void core_want_keys(struct core *c);

#endif
