/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Customers, domains, accounts and providers that are only told of: a database of its own in a
 * temporary directory, read by the same directory as the service's.
 */
#ifndef DRY_WORLD_H
#define DRY_WORLD_H

#include "directory/directory.h"
#include "store/repo.h"

struct dry_world {
	char place[64]; /* directory; empty: the database is somebody else's */
	struct store_db *db;
	struct directory *directory;
	struct str customer; /* whose dialplan runs */
	struct arena arena;
	bool has_domain;
};

/* All of these complain into `why` and return false. */
bool dry_world_new(struct dry_world *w, struct buf *why);
/*
 * One line: "customer NAME", "domain NAME ALIAS…", "account USER@DOMAIN in=PLAN customer=NAME
 * disabled", "provider NAME SERVER from=… proxy=… header=…" (values may stand in quotes), "value
 * KEY TEXT". *known: whether it was one of these.
 */
bool dry_world_line(struct dry_world *w, struct str line, bool *known, struct buf *why);
/* When all was told. */
bool dry_world_ready(struct dry_world *w, struct buf *why);
/* One on a database that is open. */
bool dry_world_of(struct dry_world *w, struct store_db *db, struct str customer, struct buf *why);
void dry_world_free(struct dry_world *w);

#endif
