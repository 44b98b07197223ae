/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key ring: the keys that seal passwords in the database. One of them is the current one, which
 * seals; all of them open. A key is known by its id, 8 hex digits derived from it, and a sealed
 * value begins with the id of its key, so that keys can be changed while values of both are about.
 *
 * As text, one line a key, oldest first:
 *
 *   # a comment
 *   cluster 64 HEX DIGITS         the cluster secret
 *   key 64 HEX DIGITS
 *   key 64 HEX DIGITS current     without the word in any line, the last key is the current one
 *
 * A line of 64 hex digits alone is a key, too: what the file was before there were several.
 *
 * The cluster secret signs nonces and tokens and must outlive every key, or each change of keys
 * would make phones authenticate anew and tear down what tokens hold together. While no line says
 * it, it is derived from the oldest key, so that files of one key need nothing; keyring_print
 * always writes it, so that it stays when that key goes. It is derived and not the key itself, so
 * that the file no longer holds a key that was removed.
 *
 * Plain data, no locks: whoever shares one guards it. keyring_wipe before the memory goes.
 */
#ifndef BASE_KEYRING_H
#define BASE_KEYRING_H

#include "base/buf.h"
#include "base/crypto.h"

enum {
	KEYRING_MAX = 16, /* keys */
	KEYRING_ID = 8, /* characters of an id */
	KEYRING_TEXT_MAX = 8192, /* bytes of a ring as text, comments included */
	KEYRING_SECRET_MAX = 512, /* bytes of what is sealed */
	KEYRING_SEALED_MAX = KEYRING_ID + 1 + 2 * (KEYRING_SECRET_MAX + CRYPTO_SEAL_EXTRA),
};

struct keyring_key {
	uint8_t bytes[CRYPTO_KEY_BYTES];
	char id[KEYRING_ID + 1];
};

struct keyring {
	struct keyring_key keys[KEYRING_MAX]; /* oldest first */
	unsigned count; /* at least 1 once parsed */
	unsigned current; /* index */
	uint8_t cluster[CRYPTO_KEY_BYTES];
};

/* ERR_SYNTAX, ERR_LIMIT, ERR_EXISTS with a sentence in `why`, which never quotes the text. */
MUST_USE enum err keyring_parse(struct str text, struct keyring *out, struct buf *why);
void keyring_print(struct buf *b, const struct keyring *r);
/* With one key of random bytes, the current one. */
void keyring_init(struct keyring *r);
/* The same with a given key. */
void keyring_init_with(struct keyring *r, const uint8_t key[CRYPTO_KEY_BYTES]);
/* A key of random bytes more, the newest, and not the current one yet. ERR_LIMIT. */
MUST_USE enum err keyring_add(struct keyring *r);
/* ERR_NOT_FOUND; ERR_STATE: it is the current one. */
MUST_USE enum err keyring_remove(struct keyring *r, struct str id);
const struct keyring_key *keyring_find(const struct keyring *r, struct str id); /* or NULL */
static inline const struct keyring_key *keyring_current(const struct keyring *r)
{
	return &r->keys[r->current];
}

/* The id of the key that a sealed value asks for; the oldest one's for values from before ids. */
struct str keyring_id_of(const struct keyring *r, struct str sealed);
/*
 * "ID:HEX" under the current key; at most KEYRING_SECRET_MAX bytes. `context` as in crypto_seal,
 * the same when it is opened.
 */
void keyring_seal(const struct keyring *r, struct str context, struct str secret, struct buf *out);
/* ERR_NOT_FOUND: its key is not here; ERR_SYNTAX; ERR_CRYPTO: altered, or of another row. */
MUST_USE enum err keyring_open(const struct keyring *r, struct str context, struct str sealed,
	uint8_t out[KEYRING_SECRET_MAX], size_t *n);

void keyring_wipe(struct keyring *r);

#endif
