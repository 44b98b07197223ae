/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * This process among all that work on one database. What only one of them may do at a time
 * (keeping a customer registered with a provider) is a row that says whose it is: a lease.
 *
 *  - Each process has a session, whose row in the store it counts up every second. Who has seen
 *    another's count stand still for dead_ms takes over: in one transaction that session's row
 *    goes, and its work gets the taker's name and a new fence number. Writes of the former holder
 *    name the old number and fail.
 *  - Who could not count for lease_ms, which is less, stops by itself: node_lease says 0. Each
 *    measures by its own clock, one that nobody can step and that goes on while a machine sleeps,
 *    so no two clocks are compared, and a process that was stopped knows it before it acts again.
 *  - While nobody else has been seen for a day, a database that cannot be written stops nothing.
 *
 * One thread of its own in the service (node_run); the replay harness calls node_step by hand.
 */
#ifndef CLUSTER_NODE_H
#define CLUSTER_NODE_H

#include "event/event.h"
#include "store/repo.h"

enum { NODE_NAME_MAX = 40, NODE_SESSION_MAX = 64 };

struct node;

struct node_config {
	struct str name; /* for people: the host's */
	/* Of the process before, when it is known to be gone: its work is taken at once. Or empty.
	 */
	struct str session;
	unsigned lease_ms, dead_ms; /* 0: 8000 and 10000 */
	/* On the stepping thread, for each row that is ours from now on. */
	store_provider_binding_fn *taken;
	void *arg;
	struct event_bus *events;
};

struct node *node_new(const struct node_config *cfg);
void node_free(struct node *n); /* after node_stop */

/* Joins, counts, looks at the others, takes what nobody has. now_ms: struct clock's mono_ms. */
MUST_USE enum err node_step(struct node *n, struct store_db *db, uint64_t now_ms);
/* A thread that does so every second, with a connection of its own; takes `db` over. */
void node_run(struct node *n, struct store_db *db);
void node_stop(struct node *n); /* in order: others, or the next start, need not wait */

/* ---- any thread ---- */
/*
 * The number of our lease; 0: we have none just now. Who works under a lease looks before it acts;
 * under another number nothing is left of what was ours, and what is comes to `taken` anew.
 */
uint64_t node_lease(const struct node *n, uint64_t now_ms);
/* That provider may have to be registered, and have no row; without names: any. */
void node_want(struct node *n, struct str customer, struct str name);
/* "host-7f3k2q9a" */
void node_session(struct node *n, char out[NODE_SESSION_MAX]);

#endif
