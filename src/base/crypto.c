/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenSSL has a type of the name of one of our errors. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#undef ERR_STATE
#include <pthread.h>
#include <stdio.h>

#include "base/crypto.h"

enum { JOIN_BYTES = 512 }; /* small parts are handed over together */
enum { NONCE_BYTES = 12, TAG_BYTES = 16, SALT_BYTES = 16, HASH_BYTES = 32 };
enum { SCRYPT_N = 32768, SCRYPT_R = 8, SCRYPT_P = 1, SCRYPT_MEMORY = 64 << 20 };

/*
 * Fetched once: looking a digest up by name for every message costs more than the digest, and so
 * does making its context; each thread keeps one.
 */
static const EVP_MD *digests[3];
static pthread_key_t digest_contexts;
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;

static void free_context(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void fetch_digests(void)
{
	BUG_ON(pthread_key_create(&digest_contexts, free_context) != 0);
	digests[CRYPTO_MD5] = EVP_MD_fetch(NULL, "MD5", NULL);
	digests[CRYPTO_SHA256] = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	digests[CRYPTO_SHA512_256] = EVP_MD_fetch(NULL, "SHA2-512/256", NULL);
	for (int i = 0; i < 3; i++)
		BUG_ON(!digests[i]);
}

static EVP_MD_CTX *digest_context(void)
{
	EVP_MD_CTX *ctx;

	pthread_once(&digests_once, fetch_digests);
	ctx = pthread_getspecific(digest_contexts);
	if (!ctx) {
		ctx = EVP_MD_CTX_new();
		BUG_ON(!ctx || pthread_setspecific(digest_contexts, ctx) != 0);
	}
	return ctx;
}

size_t crypto_digest_bytes(enum crypto_digest d)
{
	return d == CRYPTO_MD5 ? 16 : 32;
}

void crypto_digest(
	enum crypto_digest d, const struct str *parts, size_t n, uint8_t out[CRYPTO_DIGEST_MAX])
{
	EVP_MD_CTX *ctx = digest_context();

	char joined[JOIN_BYTES];
	size_t used = 0;

	BUG_ON(!EVP_DigestInit_ex2(ctx, digests[d], NULL));
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n > sizeof(joined) - used) {
			BUG_ON(!EVP_DigestUpdate(ctx, joined, used));
			used = 0;
		}
		if (parts[i].n > sizeof(joined)) {
			BUG_ON(!EVP_DigestUpdate(ctx, parts[i].p, parts[i].n));
		} else if (parts[i].n) {
			memcpy(joined + used, parts[i].p, parts[i].n);
			used += parts[i].n;
		}
	}
	BUG_ON(!EVP_DigestUpdate(ctx, joined, used));
	BUG_ON(!EVP_DigestFinal_ex(ctx, out, NULL));
	crypto_wipe(joined, used);
}

void crypto_hmac_sha256(const uint8_t key[CRYPTO_KEY_BYTES], struct str data, uint8_t out[32])
{
	BUG_ON(!HMAC(
		EVP_sha256(), key, CRYPTO_KEY_BYTES, (const uint8_t *)data.p, data.n, out, NULL));
}

struct crypto_block *crypto_block_new(const uint8_t key[CRYPTO_KEY_BYTES])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	BUG_ON(!ctx || !EVP_EncryptInit_ex2(ctx, EVP_aes_256_ecb(), key, NULL, NULL));
	return (struct crypto_block *)ctx;
}

void crypto_block_free(struct crypto_block *b)
{
	EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)b);
}

void crypto_block_mac(
	struct crypto_block *b, const uint8_t in[CRYPTO_BLOCK], uint8_t out[CRYPTO_BLOCK])
{
	int n;

	BUG_ON(!EVP_EncryptUpdate((EVP_CIPHER_CTX *)b, out, &n, in, CRYPTO_BLOCK));
	BUG_ON(n != CRYPTO_BLOCK);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void crypto_seal(
	const uint8_t key[CRYPTO_KEY_BYTES], struct str context, struct str data, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *nonce = out, *text = out + NONCE_BYTES, *tag = text + data.n;
	int n;

	BUG_ON(!ctx || RAND_bytes(nonce, NONCE_BYTES) != 1);
	BUG_ON(!EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL));
	BUG_ON(!EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)context.p, (int)context.n));
	BUG_ON(!EVP_EncryptUpdate(ctx, text, &n, (const uint8_t *)data.p, (int)data.n));
	BUG_ON(!EVP_EncryptFinal_ex(ctx, tag, &n));
	BUG_ON(!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag));
	EVP_CIPHER_CTX_free(ctx);
}

enum err crypto_open(
	const uint8_t key[CRYPTO_KEY_BYTES], struct str context, struct str sealed, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	const uint8_t *nonce = (const uint8_t *)sealed.p;
	size_t n;
	int done;
	bool authentic;

	if (sealed.n < CRYPTO_SEAL_EXTRA)
		return ERR_CRYPTO;
	n = sealed.n - CRYPTO_SEAL_EXTRA;
	ctx = EVP_CIPHER_CTX_new();
	BUG_ON(!ctx || !EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL));
	BUG_ON(!EVP_DecryptUpdate(ctx, NULL, &done, (const uint8_t *)context.p, (int)context.n));
	BUG_ON(!EVP_DecryptUpdate(ctx, out, &done, nonce + NONCE_BYTES, (int)n));
	BUG_ON(!EVP_CIPHER_CTX_ctrl(
		ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, (void *)(nonce + NONCE_BYTES + n)));
	authentic = EVP_DecryptFinal_ex(ctx, out + n, &done) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!authentic)
		crypto_wipe(out, n);
	return authentic ? ERR_OK : ERR_CRYPTO;
}

/* ---- login passwords: scrypt (RFC 7914) ---- */

static bool scrypt(struct str password, const uint8_t *salt, uint64_t n, uint64_t r, uint64_t p,
	uint8_t out[HASH_BYTES])
{
	return EVP_PBE_scrypt(password.n ? password.p : "", password.n, salt, SALT_BYTES, n, r, p,
		       SCRYPT_MEMORY, out, HASH_BYTES) == 1;
}

void crypto_scrypt_hash(struct str password, char out[CRYPTO_SCRYPT_MAX])
{
	uint8_t salt[SALT_BYTES], hash[HASH_BYTES];
	char salt_hex[2 * SALT_BYTES + 1], hash_hex[2 * HASH_BYTES + 1];

	BUG_ON(RAND_bytes(salt, sizeof(salt)) != 1);
	BUG_ON(!scrypt(password, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, hash));
	str_hex(salt, sizeof(salt), salt_hex);
	str_hex(hash, sizeof(hash), hash_hex);
	snprintf(out, CRYPTO_SCRYPT_MAX, "scrypt$%d$%d$%d$%s$%s", SCRYPT_N, SCRYPT_R, SCRYPT_P,
		salt_hex, hash_hex);
}

static bool unhex(struct str s, uint8_t *out, size_t want)
{
	size_t n;

	return str_unhex(s, out, want, &n) == ERR_OK && n == want;
}

bool crypto_scrypt_check(struct str password, struct str stored)
{
	struct str part[6];
	uint64_t n, r, p;
	uint8_t salt[SALT_BYTES], want[HASH_BYTES], have[HASH_BYTES];

	for (int i = 0; i < 6; i++)
		if (!str_cut(&stored, '$', &part[i]))
			return false;
	if (stored.p || !str_eq(part[0], STR("scrypt")) || str_u64(part[1], &n) ||
		str_u64(part[2], &r) || str_u64(part[3], &p))
		return false;
	if (!unhex(part[4], salt, sizeof(salt)) || !unhex(part[5], want, sizeof(want)))
		return false;
	return scrypt(password, salt, n, r, p, have) && crypto_equal(want, have, sizeof(want));
}

void crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
