/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who sent this request? Digest authentication of our own users (RFC 3261 22, RFC 7616, RFC 8760)
 * for all roles. Stateless: a nonce is a time stamp under a MAC with the cluster's key, so any
 * worker, any node, and the process after a restart can check it, and nothing is remembered before
 * a request is authentic.
 *
 *  - No or malformed credentials: 401 with one WWW-Authenticate per configured algorithm, in order,
 *    qop="auth,auth-int", fresh nonce.
 *  - Good digest, nonce too old or nc outside its window: 401 with stale=true.
 *  - Wrong digest, unknown user, disabled account: the same 401, the same work, the same time: an
 *    unknown user's digest is checked against a made-up one. A disabled account that authenticates
 *    gets 403.
 *  - realm = the account's domain; the digest's username must equal the account's (facts 12.1.11);
 *    its uri must be the request's.
 * Replays: per nonce a window of nc values is remembered once it was authentic (bounded table,
 * per worker; what is not remembered falls back to "nonce young enough").
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "directory/directory.h"
#include "transaction/transaction.h"

struct auth_config {
	enum crypto_digest algorithms[3]; /* offered in this order */
	unsigned algorithm_count;
	unsigned nonce_s; /* a nonce is good for so long; default 300 */
	unsigned nonces_max; /* remembered per worker */
};

struct auth;
struct auth *auth_new(struct worker *w, struct tx_layer *tx, const uint8_t key[32],
	const struct auth_config *cfg);
void auth_free(struct auth *a);

/*
 * Checks the request as from `account` (NULL: unknown user) in `realm` (canonical domain). True:
 * authentic and enabled. False: it was answered (401, 403) without state, an event says why, and
 * the caller is done with it.
 */
MUST_USE bool auth_request(struct auth *a, const struct sip_msg *req, const struct flow *flow,
	const struct account *account, struct str realm);

#endif
