/* SPDX-License-Identifier: BSD-3-Clause */
/* A database, a stepped store and a location table over it, and a worker whose clock stands. */
#ifndef TEST_LOCATION_WORLD_H
#define TEST_LOCATION_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/event.h"
#include "location/location.h"
#include "store/repo.h"

enum { NOW = 1000000000 };

struct world {
	char dir[64], url[112];
	struct event_bus *bus;
	struct event_sink sink;
	unsigned expired; /* events */
	struct store *store;
	struct store_db *db;
	struct worker worker;
	struct location *l;
};

int world_setup(void **state); /* the store is stepped */
int world_setup_threads(void **state); /* the store has its threads */
int world_teardown(void **state);
struct location *world_reload(
	struct world *w, int64_t now_ms); /* a second table, of what is stored */

/* What to change: one contact put (or removed, when it expires at 0). */
struct wish {
	const char *contact;
	uint32_t q1000;
	int64_t expires_ms, updated_ms;
	uint64_t conn;
};

/* *result: ERR_COUNT until it is stored. */
enum err world_change(struct world *w, const char *aor, const struct wish *wish, enum err *result);
void world_settle(struct world *w);
/* "c1 c2 …", the contacts in the order of look-ups. */
const char *world_contacts(struct location *l, const char *aor, char out[1024]);
unsigned world_stored(struct world *w, int64_t now_ms); /* bindings that a restart finds */
unsigned world_rows(struct world *w); /* old ones too */

#endif
