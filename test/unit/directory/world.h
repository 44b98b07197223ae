/* SPDX-License-Identifier: BSD-3-Clause */
/* A database with one of everything, a directory that follows it, a second connection that writes.
 */
#ifndef TEST_DIRECTORY_WORLD_H
#define TEST_DIRECTORY_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "directory/directory.h"
#include "event/event.h"
#include "store/repo.h"

/* The key of the directories here, and of what world_setup sealed. */
extern const uint8_t world_key[32];
void world_keys(struct keyring *keys);

struct world {
	char dir[64], path[96], url[112];
	struct event_bus *bus;
	struct event_sink sink;
	char said[8192];
	size_t said_n;
	struct store *store; /* stepped */
	struct store_db *own; /* the directory's */
	struct store_db *other; /* somebody else's */
	struct directory *d;
};

int world_setup(void **state);
int world_setup_threads(void **state); /* the store has its threads */
int world_teardown(void **state);
struct store_db *world_open(struct world *w);
/* What the directory holds: joe, example.com, alice, main, gate as world_setup wrote them. */
void world_expect_all(struct world *w);
void world_refresh(struct world *w);
unsigned world_accounts(struct world *w);

#endif
