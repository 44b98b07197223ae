/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory's inside, shared by directory.c (life, look-ups), rows.c (rows to records),
 * follow.c (changes) and refill.c (records to rows).
 */
#ifndef DIRECTORY_DIRECTORY_INT_H
#define DIRECTORY_DIRECTORY_INT_H

#include "directory/directory.h"
#include "directory/domains.h"
#include "directory/pinned.h"
#include "directory/record.h"
#include "store/repo.h"

struct directory {
	struct lock keys_lock; /* keys */
	struct keyring keys;
	bool lacks_keys, retry_passwords; /* atomic */
	struct event_bus *events;
	struct store *store; /* NULL: nobody to tell of a lost database */
	struct domains domains;
	struct record_table customers, accounts, dialplans, providers;
	struct record_table tokens; /* the providers' keys by token */
	struct pinned pinned; /* providers by address */
	bool has_tokens;
	uint8_t token_key[CRYPTO_KEY_BYTES];
	/* The refreshing thread's: */
	uint64_t seq; /* of the last change taken over */
	unsigned refreshes;
	unsigned unopened; /* passwords, since the refresh began */
	bool reload; /* the database is another one: everything is read anew */
	directory_provider_fn *watcher; /* NULL: nobody */
	void *watcher_arg;
	struct store_job look; /* lets the writer look after its file */
	enum err look_found; /* atomic: what the refreshing thread saw itself */
	bool looking; /* atomic: it is on its way */
};

/* "a/b" or "a@b" as a key in mem; empty: too long. */
struct str directory_join(struct str a, char sep, struct str b, char mem[RECORD_KEY_MAX]);

/* ---- rows.c ---- */
void directory_put_customer(const struct store_customer *row, void *directory);
void directory_put_account(const struct store_account *row, void *directory);
void directory_put_dialplan(const struct store_dialplan *row, void *directory);
void directory_put_provider(const struct store_provider *row, void *directory);
/* The same; false: nothing changed. */
bool directory_take_provider(struct directory *d, const struct store_provider *row);
void directory_drop_provider(struct directory *d, struct str key);
/* Seals with the current key, bound to the row's customer and name; room for KEYRING_SEALED_MAX. */
void directory_seal(
	struct directory *d, struct str password, struct store_provider *row, struct buf *sealed);
/* Ends a refresh: those that were not told one by one. */
void directory_note_unopened(struct directory *d);
/* Everything anew; what is not in the database is forgotten. */
MUST_USE enum err directory_load(struct directory *d, struct store_db *db);

/* ---- tokens.c: the other ways to find a provider ---- */
void directory_index_provider(struct directory *d, struct provider *p, struct provider *old);
void directory_unindex_provider(struct directory *d, struct provider *p);

/* ---- follow.c ---- */
void directory_tell_watcher(struct directory *d, struct str customer, struct str name);

/* ---- refill.c ---- */
/* A store_recreated_fn: writes all into a database that is new. Any thread. */
MUST_USE enum err directory_refill(void *directory, struct store_db *db);

#endif
