/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Digest authentication (RFC 2617, 7616, 8760): MD5, SHA-256, SHA-512-256; qop none, auth,
 * auth-int. Parsing and arithmetic only; nonces and policy live with the roles.
 */
#ifndef SIP_DIGEST_H
#define SIP_DIGEST_H

#include "base/buf.h"
#include "base/crypto.h"

enum digest_qop { DIGEST_QOP_NONE, DIGEST_QOP_AUTH, DIGEST_QOP_AUTH_INT };

/* WWW-Authenticate, Proxy-Authenticate: one challenge. Slices are unquoted where quoting only
 * framed them; escapes inside stay as written (they go into the arithmetic unescaped: RFC
 * 7616 3.4). */
struct digest_challenge {
	struct str realm, nonce, opaque, domain;
	enum crypto_digest algorithm;
	bool algorithm_known; /* false: an algorithm (or -sess form) that we do not speak; skip it
			       */
	bool algorithm_given;
	bool stale;
	bool qop_given, qop_auth, qop_auth_int;
	bool userhash;
};

/* Authorization, Proxy-Authorization. */
struct digest_response {
	struct str username, realm, nonce, uri, response, cnonce, opaque, nc_text;
	enum crypto_digest algorithm;
	bool algorithm_known;
	enum digest_qop qop;
	uint32_t nc;
};

/* ERR_SYNTAX; ERR_UNSUPPORTED for another scheme than Digest. */
MUST_USE enum err digest_challenge_parse(struct str text, struct digest_challenge *out);
MUST_USE enum err digest_response_parse(struct str text, struct digest_response *out);
struct str digest_algorithm_name(enum crypto_digest d); /* "MD5", "SHA-256", "SHA-512-256" */
MUST_USE enum err digest_algorithm_parse(struct str name, enum crypto_digest *out);

enum { DIGEST_HEX_MAX = 65 };

/* HA1 = H(user:realm:password) in lower-case hex with NUL. */
void digest_ha1(enum crypto_digest d, struct str user, struct str realm, struct str password,
	char out[DIGEST_HEX_MAX]);

struct digest_input {
	enum crypto_digest algorithm;
	struct str ha1; /* hex */
	struct str method, uri, nonce, cnonce, nc_text;
	enum digest_qop qop;
	struct str body; /* auth-int only */
};

void digest_compute(const struct digest_input *in, char out[DIGEST_HEX_MAX]);

struct digest_credentials {
	struct str username;
	struct str password; /* or: */
	struct str ha1[3]; /* by enum crypto_digest, hex, empty: not known */
};

/*
 * Writes the value of an Authorization header answering `c`. nc counts from 1 per nonce. auth is
 * preferred over auth-int. ERR_UNSUPPORTED when no credentials fit the algorithm.
 */
MUST_USE enum err digest_answer(struct buf *b, const struct digest_challenge *c,
	const struct digest_credentials *cred, struct str method, struct str uri, struct str body,
	struct str cnonce, uint32_t nc);

#endif
