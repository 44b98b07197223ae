/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real transport on loopback: worker threads that answer every OPTIONS, and plain sockets of
 * the test's own thread as phones. Everything here fails the test when it does not go well.
 */
#ifndef TEST_TRANSPORT_NODE_H
#define TEST_TRANSPORT_NODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "transport/net.h"

enum { WORKERS = 2, SEEN_MAX = 4096, WAIT_S = 10, REPLY_MAX = 4096 };

struct seen { /* a message that reached a worker */
	unsigned worker;
	char call_id[64];
	uint32_t cseq;
};

struct node {
	struct net_config cfg;
	struct net *net;
	int fds[NET_LISTEN_MAX * WORKERS];
	struct worker workers[WORKERS];
	struct loop loops[WORKERS];
	struct transport *transports[WORKERS];
	pthread_t threads[WORKERS];

	pthread_mutex_t lock; /* below */
	pthread_cond_t changed;
	struct seen seen[SEEN_MAX];
	unsigned seen_count;
	struct flow last_flow;
	unsigned closed[WORKERS];
	unsigned unreachable[WORKERS];
	char unreachable_branch[64];
	struct addr unreachable_addr;
	uint64_t failed_id;
	enum err failed_why;
};

struct on_worker { /* arg of the handlers */
	struct node *node;
	unsigned id;
};

extern const struct transport_handlers node_handlers;

struct node *node_new(const char *const *lines); /* `listen` lines, NULL at the end */
struct node *node_with(const char *const *lines, void (*tweak)(struct net_limits *l));
void node_start(struct node *n);
void node_start_one(struct node *n, unsigned worker); /* all must be, before node_stop */
void node_stop(struct node *n); /* the threads */
void node_end(struct node *n); /* and the rest */
void node_free(struct node *n); /* both */
/* Waits until `*at`, of the node, reaches a value. */
void wait_for(struct node *n, const unsigned *at, unsigned value);
/* That failure is reported to a worker, for that reason. */
void expect_failure(struct node *n, uint64_t id, enum err why);
/* Sends an OPTIONS on a worker's thread. */
void send_on(struct node *n, unsigned worker, const struct flow *flow, uint64_t id);
void send_text_on(struct node *n, unsigned worker, const struct flow *flow, uint64_t id,
	const char *text, size_t length);

/* ---- phones ---- */

/* A connected socket; to_ip: instead of the listen line's address. */
int phone(const struct node *n, int type, unsigned line, const char *to_ip);
size_t options(char *out, size_t max, const char *call_id, unsigned cseq);
void say(int fd, const char *text, size_t n);
void ask(int fd, const char *call_id, unsigned cseq);
/* Reads until the text so far ends with a whole head; returns what came. */
struct str hear(int fd, char out[REPLY_MAX]);
void expect_ok(int fd);
void expect_closed(int fd);

#endif
