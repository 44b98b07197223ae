/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only door to OpenSSL's libcrypto. Pure functions, any thread. Lengths in bytes.
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/str.h"

enum crypto_digest { CRYPTO_MD5, CRYPTO_SHA256, CRYPTO_SHA512_256 };

enum {
	CRYPTO_DIGEST_MAX = 32, /* bytes of the longest of the digests above */
	CRYPTO_KEY_BYTES = 32,
	CRYPTO_BLOCK = 16,
	CRYPTO_SEAL_EXTRA = 28, /* 12 nonce + 16 tag, added by crypto_seal */
	CRYPTO_SCRYPT_MAX = 160, /* characters of a crypto_scrypt_hash, NUL included */
};

size_t crypto_digest_bytes(enum crypto_digest d); /* 16, 32, 32 */
/* Digest of the concatenated parts. */
void crypto_digest(
	enum crypto_digest d, const struct str *parts, size_t n, uint8_t out[CRYPTO_DIGEST_MAX]);
void crypto_hmac_sha256(const uint8_t key[CRYPTO_KEY_BYTES], struct str data, uint8_t out[32]);
/*
 * A MAC of exactly one block: AES-256 under a key that is used for nothing else (a pseudo-random
 * permutation; as good as an HMAC up to 2^64 blocks, at a fiftieth of its cost). One thread.
 */
struct crypto_block;
struct crypto_block *crypto_block_new(const uint8_t key[CRYPTO_KEY_BYTES]);
void crypto_block_free(struct crypto_block *b); /* NULL is fine; the key is wiped */
void crypto_block_mac(
	struct crypto_block *b, const uint8_t in[CRYPTO_BLOCK], uint8_t out[CRYPTO_BLOCK]);
/* Same time for equal and different contents. */
bool crypto_equal(const void *a, const void *b, size_t n);

/*
 * AES-256-GCM with a random nonce. out takes data.n + CRYPTO_SEAL_EXTRA bytes. `context` is
 * authenticated but not stored (say "provider:17:password"), so that sealed values cannot be
 * swapped between rows.
 */
void crypto_seal(
	const uint8_t key[CRYPTO_KEY_BYTES], struct str context, struct str data, uint8_t *out);
/* out takes sealed.n - CRYPTO_SEAL_EXTRA bytes; ERR_CRYPTO when it is not authentic. */
MUST_USE enum err crypto_open(
	const uint8_t key[CRYPTO_KEY_BYTES], struct str context, struct str sealed, uint8_t *out);

/* "scrypt$N$r$p$salt$hash" with a fresh salt; takes about 50 ms on purpose: store threads only. */
void crypto_scrypt_hash(struct str password, char out[CRYPTO_SCRYPT_MAX]);
bool crypto_scrypt_check(struct str password, struct str stored);

/* Overwrites a secret so that the compiler cannot drop it. */
void crypto_wipe(void *p, size_t n);

#endif
