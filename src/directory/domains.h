/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The domains: which canonical name a host stands for (facts 2.4). Rebuilt as a whole whenever one
 * changes: they are few and change seldom.
 */
#ifndef DIRECTORY_DOMAINS_H
#define DIRECTORY_DOMAINS_H

#include "base/hash.h"
#include "base/lock.h"
#include "store/repo.h"

struct domains {
	struct rwlock lock;
	struct hash names; /* of struct domain_name: canonical names */
	struct hash aliases; /* of struct domain_name */
	struct domain_row *rows; /* as stored, in the order of the database */
	char *wildcard; /* canonical name of the first domain with alias "*"; NULL: none */
};

void domains_init(struct domains *d);
void domains_fini(struct domains *d);
MUST_USE enum err domains_load(struct domains *d, struct store_db *db);
bool domains_find(struct domains *d, struct str host, bool wildcard, char *out, size_t max);
size_t domains_count(struct domains *d);
/* Visits all as stored until one fails. Locked meanwhile: no calls back. */
MUST_USE enum err domains_each(
	struct domains *d, enum err (*visit)(const struct store_domain *row, void *arg), void *arg);

#endif
