/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small world for the call layer: real transactions, dialogs and uac over a transport that keeps
 * what is sent, a clock that is moved by hand, and a directory, location table, store and dialplan
 * engine that the test fills. One world a test.
 */
#ifndef TEST_CALL_WORLD_H
#define TEST_CALL_WORLD_H

#include "call/call.h"
#include "call/model.h"
#include "event/sinks.h"

enum { WORLD_SENT_MAX = 256, WORLD_ACCOUNTS = 8, WORLD_JOBS = 256 };

struct sent { /* a message of ours on the wire */
	struct sip_msg *m;
	struct flow flow;
	bool seen;
};

struct world_account {
	const char *user, *customer, *out, *in;
	const char *contact; /* a binding, or NULL */
	uint16_t port; /* where its flow leads */
	bool disabled, incoming_only;
};

struct world_plan {
	const char *customer, *name;
};

struct world_provider {
	const char *customer, *name, *user, *password, *server, *realm;
};

struct world {
	struct worker worker;
	struct event_bus *bus;
	struct event_sink sink;
	struct transport transport;
	struct resolver resolver;
	struct dialplan_engine engine;
	struct tx_layer *tx;
	struct call_layer *calls;
	struct call_limits *limits;
	struct call_config config;
	struct sent sent[WORLD_SENT_MAX];
	unsigned sent_count;
	struct world_account accounts[WORLD_ACCOUNTS];
	struct world_plan plans[4];
	struct world_provider provider;
	unsigned calls_max;
	bool refuse_auth;
	/* dialplans */
	struct {
		const struct dialplan_handlers *h;
		void *arg;
		bool running, detached, stopped;
		json_t *answer; /* to the last command */
	} runs[8];
	unsigned run_count;
	enum err start_error;
	/* store */
	struct store_job *jobs[WORLD_JOBS];
	unsigned job_count;
	enum err store_error;
	struct store_cdr cdr; /* last one put; texts in the arena */
	unsigned cdr_puts, dialog_puts, dialog_removes;
	struct store_dialog rows[2];
	struct arena arena;
	char last_event[512];
};

struct world *world_new(void);
void world_start(struct world *w); /* the call layer, with w->config */
void world_restart(struct world *w); /* a new call layer, and the stored dialogs back in it */
void world_free(struct world *w);

/* A message from 127.0.0.1:port; lines end in "\n"; Content-Length is added. */
void world_receive(struct world *w, uint16_t port, const char *fmt, ...) PRINTF(3, 4);
void world_advance(struct world *w, uint64_t ms);
void world_settle(struct world *w); /* the present turn, store jobs too */
/*
 * The oldest message to that port that was not seen yet and begins with `start`
 * ("INVITE", "SIP/2.0 180"); what was sent there before it counts as seen. Fails the test when
 * there is none.
 */
struct sip_msg *world_expect(struct world *w, uint16_t port, const char *start);
void world_expect_nothing(struct world *w, uint16_t port);
/* A response to `req` from the port it was sent to; head: further header lines. */
void world_reply(struct world *w, uint16_t port, struct sip_msg *req, const char *status,
	const char *tag, const char *head, const char *body);
struct call *world_call(struct world *w); /* the only one */
void world_command(struct world *w, unsigned run, const char *name, const char *args);
void world_end_script(struct world *w, unsigned run, enum dialplan_end end, const char *message);

#endif
