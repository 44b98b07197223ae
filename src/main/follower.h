/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The follower: a thread with a database connection of its own that keeps the directory in step
 * with the database (every second, or when asked) and sweeps expired bindings. So nothing that
 * reads the database slows a worker or the main loop.
 */
#ifndef MAIN_FOLLOWER_H
#define MAIN_FOLLOWER_H

#include "base/arena.h"
#include "directory/directory.h"
#include "location/location.h"

struct follower;

/* Somebody who waits for a refresh. Embedded in what waits. */
struct follower_wait {
	struct inbox_item reply; /* first member; posted to `worker` when it is done */
	struct follower_wait *next;
	struct worker *worker;
	enum err result;
};

/* db: owned from here on. */
struct follower *follower_start(struct directory *d, struct location *l, struct store_db *db);
/* Any thread. A refresh that begins after this call, then the reply. */
void follower_refresh(struct follower *f, struct follower_wait *w);
void follower_stop(struct follower *f); /* answers who waits, closes the database, joins */

#endif
