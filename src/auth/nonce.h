/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nonces without memory: milliseconds since 1970 and random bytes under a MAC together with the
 * realm, all in hex. What is remembered is only which counts (nc) of a nonce were used by
 * authentic requests: a window of 64 a nonce, for a bounded number of nonces; the oldest are
 * forgotten first, and then the nonce's age alone protects.
 */
#ifndef AUTH_NONCE_H
#define AUTH_NONCE_H

#include "base/crypto.h"
#include "base/hash.h"
#include "loop/worker.h"

enum { NONCE_BYTES = 6 + 4 + CRYPTO_BLOCK, NONCE_CHARS = 2 * NONCE_BYTES }; /* in hex */

enum nonce_state { NONCE_GOOD, NONCE_OLD, NONCE_FOREIGN };

struct nonce { /* time, chance, MAC */
	uint8_t bytes[NONCE_BYTES];
};

struct nonces {
	struct worker *worker;
	struct crypto_block *mac;
	int64_t life_ms;
	unsigned max;
	struct hash used;
	struct list by_age; /* of struct used_nonce, oldest first */
};

void nonces_init(
	struct nonces *n, struct worker *w, const uint8_t key[32], unsigned life_s, unsigned max);
void nonces_fini(struct nonces *n);
void nonce_make(struct nonces *n, struct str realm, char out[NONCE_CHARS + 1]);
/* *out is for nonce_use; nothing unless it is good or old. */
enum nonce_state nonce_check(
	struct nonces *n, struct str realm, struct str text, struct nonce *out);
/*
 * An authentic request used this nonce. False: with a count that was used before or fell out of
 * the window. Requests without qop have no count: each nonce is good for as long as it lives.
 */
bool nonce_use(struct nonces *n, const struct nonce *nonce, bool counted, uint32_t nc);

#endif
