/* SPDX-License-Identifier: BSD-3-Clause */
/* A database in a directory of its own, jobs that put a key, and a bus whose events are kept. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/event.h"
#include "store/repo.h"

struct fixture {
	char dir[64], path[96], url[112];
	struct event_bus *bus;
	struct event_sink sink;
	char said[8192]; /* the text of all events, one a line */
	size_t said_n;
};

int fixture_setup(void **state); /* cmocka: *state is the fixture; customer "joe" is there */
int fixture_teardown(void **state);
struct store_db *fixture_open(struct fixture *f);
struct store *fixture_start(struct fixture *f, bool stepped);
/* A write of "keyN" for customer joe or another; *result is ERR_COUNT until it is done. */
void fixture_put(struct store *s, struct str customer, int n, enum err *result, bool *delayed);
bool fixture_said(const struct fixture *f, const char *part);
/* A statement of a connection of its own. */
void fixture_sql(struct fixture *f, const char *sql);
bool fixture_has_key(struct fixture *f, int n);
/* Bytes that make no sense over a part of the file. */
void fixture_damage(struct fixture *f, long at, size_t bytes);
/* Whether a file of the directory has that in its name; its path in out. */
bool fixture_find(struct fixture *f, const char *part, char out[512]);

#endif
