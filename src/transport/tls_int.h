/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of TLS: what contexts and sessions share. */
#ifndef TRANSPORT_TLS_INT_H
#define TRANSPORT_TLS_INT_H

/* clang-format off */
#define ERR_STATE openssl_err_state /* a type of theirs, an error of ours */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE
/* clang-format on */

#include "base/crypto.h"
#include "base/lock.h"
#include "transport/tls.h"

struct tls_contexts { /* of one reading of the settings; immutable, counted */
	unsigned refs; /* atomic */
	struct tls *tls;
	SSL_CTX *server[TLS_PAIRS_MAX];
	unsigned count;
	SSL_CTX *client;
	enum tls_verify verify;
};

struct tls {
	struct lock lock;
	struct tls_contexts *now;
	BIO_METHOD *bio; /* reads from and writes to a session's memory */
	uint8_t key[CRYPTO_KEY_BYTES];
};

struct tls_contexts *tls_contexts_ref(struct tls *t); /* those of now */
void tls_contexts_unref(struct tls_contexts *c);
BIO_METHOD *tls_bio_method(void);
void tls_error_text(struct buf *b); /* what OpenSSL says, and forgets */

#endif
