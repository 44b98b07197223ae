/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world of a scenario: the real roles of one worker over a simulated network, a table for a
 * name server, a store that is stepped by hand, dialplans that are played from the scenario, and a
 * clock that only moves when told to.
 */
#ifndef REPLAY_WORLD_H
#define REPLAY_WORLD_H

#include "base/arena.h"
#include "event/event.h"
#include "main/roles.h"
#include "nat/media.h"
#include "nat/media_relay.h"

enum {
	AGENTS_MAX = 16,
	SEEN_MAX = 16,
	RECEIVED_MAX = 512,
	SETTLE_MS = 25, /* what "at once" may take: zero-length timers */
	EVENTS_MAX = 2048,
};

struct agent {
	char name[32];
	struct addr addr;
	struct addr own; /* what it calls itself, behind a NAT; unset: addr */
	enum tp_proto proto;
	uint64_t conn; /* streams: its connection to us */
	/* messages that reached it and that the scenario has not looked at yet */
	struct sip_msg *received[RECEIVED_MAX];
	unsigned first, count;
	unsigned drop; /* so many of the next ones are lost */
	bool deaf; /* loses everything */
	unsigned keepalives; /* that it received */

	/* what it remembers, all in `arena` */
	struct arena arena;
	struct str call_id, local_tag, remote_tag; /* of its dialog */
	struct str domain; /* host of its From; empty: its address */
	struct str local, remote; /* From and To values without tag */
	struct str target, routes;
	uint32_t cseq;
	struct str invite_branch, invite_uri;
	uint32_t invite_cseq;
	struct sip_msg *request; /* last one received that can be answered */
	struct sip_msg *invite_in; /* last INVITE received */
	struct sip_msg *response; /* last one received */
	struct str sent; /* last message, for "repeat" */
	struct str body; /* last body sent */
	struct str challenge; /* last WWW-/Proxy-Authenticate seen */
	bool proxy_challenge;
	unsigned nc;
	unsigned serial;
	unsigned sdp_version;
};

enum relay_mode { RELAY_NONE, RELAY_ANSWERS, RELAY_SILENT, RELAY_REFUSES, RELAY_FULL };

struct world {
	struct worker worker;
	struct event_bus *events;
	struct event_sink sink;
	char *event_lines[EVENTS_MAX];
	unsigned event_count;

	struct transport net;
	struct resolver resolver;
	struct dialplan_engine engine;
	struct list names, naptrs, lookups, runs;
	struct breaker *breaker;
	uint64_t next_id;

	char db_path[64];
	struct store *store;
	struct store_db *db;
	struct directory *directory;
	struct location *location;
	struct call_limits *limits;
	struct node *node, *other; /* ours; another one on the same database, or NULL */
	unsigned lease_ms;
	struct roles roles;
	struct roles_config config;
	bool running;
	uint32_t waited_us; /* what each message from an agent waited before it was handled */

	struct agent agents[AGENTS_MAX];
	unsigned agent_count;
	struct { /* what phones told about their media sockets */
		struct agent *agent;
		struct addr own, seen; /* own unset: its NAT is symmetric */
	} seen[SEEN_MAX];
	unsigned seen_count;
	struct nat_rendezvous rendezvous;
	struct { /* media_relay.c */
		struct media_relay relay;
		struct list questions;
		enum relay_mode mode;
		uint64_t late_ms;
		unsigned asked,
			held; /* calls that it gave ports to and that did not give them back */
	} relay;
	char *trace_mem; /* everything that was said */
	struct buf trace_buf;
};

extern const uint8_t world_key[32]; /* the cluster's */

void world_init(struct world *w);
void world_fini(struct world *w);
/* Starts the roles over what the store holds; stop tears them down without farewell. */
void world_start(struct world *w);
void world_stop(struct world *w);
void world_reopen(struct world *w); /* the store, after world_stop */
MUST_USE enum err world_restore(struct world *w); /* calls in progress */
/* Counts as a node and takes what nobody has: after changes of providers. */
void world_lease(struct world *w);
void world_lease_taken(struct world *w); /* another node takes us for dead */
/* Everything that happens without time going by. */
void world_settle(struct world *w);
void world_advance(struct world *w, uint64_t ms);
void world_say(struct world *w, const char *fmt, ...) PRINTF(2, 3);

struct agent *world_agent(struct world *w, struct str name); /* made when new */
/* Bytes from an agent to Tandem. */
void world_send(struct world *w, struct agent *a, struct str bytes);
/* A connection of the agent is gone. */
void world_close(struct world *w, struct agent *a);
/* words: addresses, or "timeout"; none: it does not exist. */
void world_name(struct world *w, struct str name, struct str words, uint64_t after_ms);

/* words: "ORDER PREFERENCE FLAGS SERVICES REGEXP REPLACEMENT"; "-" for an empty one. */
void world_naptr(struct world *w, struct str name, struct str words);

/* net.c, names.c, engine.c, media_relay.c */
void net_init(struct world *w);
void names_init(struct world *w);
void names_fini(struct world *w);
unsigned names_step(struct world *w);
void engine_init(struct world *w);
void engine_fini(struct world *w);
unsigned engine_step(struct world *w);
void media_relay_init(struct world *w);
void media_relay_fini(struct world *w);

#endif
