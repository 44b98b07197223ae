/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "auth/auth.h"
#include "auth/nonce.h"
#include "base/arena.h"
#include "event/event.h"

enum { CHALLENGE_MAX = 512 };

struct auth {
	struct worker *worker;
	struct tx_layer *tx;
	struct auth_config cfg;
	struct nonces nonces;
};

struct auth *auth_new(
	struct worker *w, struct tx_layer *tx, const uint8_t key[32], const struct auth_config *cfg)
{
	struct auth *a = mem_new(struct auth);
	uint8_t nonce_key[32];

	a->worker = w;
	a->tx = tx;
	a->cfg = *cfg;
	crypto_hmac_sha256(key, STR("digest nonces"), nonce_key);
	nonces_init(&a->nonces, w, nonce_key, cfg->nonce_s, cfg->nonces_max);
	crypto_wipe(nonce_key, sizeof(nonce_key));
	return a;
}

void auth_free(struct auth *a)
{
	nonces_fini(&a->nonces);
	free(a);
}

/* ---- answers ---- */

static void print_challenge(
	struct buf *b, enum crypto_digest d, struct str realm, struct str nonce, bool stale)
{
	buf_lit(b, "Digest realm=\"");
	buf_add(b, realm);
	buf_lit(b, "\", nonce=\"");
	buf_add(b, nonce);
	buf_lit(b, "\", algorithm=");
	buf_add(b, digest_algorithm_name(d));
	buf_lit(b, ", qop=\"auth,auth-int\"");
	if (stale)
		buf_lit(b, ", stale=true");
}

/* 401 with one challenge per algorithm, in the configured order (RFC 8760 2.3). */
static void challenge(struct auth *a, const struct sip_msg *req, const struct flow *flow,
	struct str realm, bool stale)
{
	char nonce[NONCE_CHARS + 1], text[3][CHALLENGE_MAX];
	struct sip_extra extra[3];
	struct sip_reply reply = { .status = 401, .extra = extra };

	nonce_make(&a->nonces, realm, nonce);
	for (unsigned i = 0; i < a->cfg.algorithm_count; i++) {
		struct buf b = BUF_OF(text[i]);

		print_challenge(&b, a->cfg.algorithms[i], realm, str_of(nonce), stale);
		if (buf_ok(&b))
			extra[reply.extra_count++] =
				(struct sip_extra){ .id = SIP_HDR_WWW_AUTHENTICATE,
					.value = buf_str(&b) };
	}
	tx_reply_stateless(a->tx, req, flow, &reply);
}

static void note(struct auth *a, enum event_kind k, const struct sip_msg *req,
	const struct flow *flow, const struct account *account, const char *why)
{
	struct event_bus *events = a->worker->events;
	struct event e = { .kind = k, .text = str_of(why) };
	char remote[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(remote);

	if (!event_wanted(events, k))
		return;
	if (account) {
		e.account = account->aor;
		e.customer = account->customer;
	}
	flow_print_remote(&b, flow);
	event_field(&e, "method", req->method_name);
	event_field(&e, "from", req->from.uri.text);
	event_field(&e, "remote", buf_str(&b));
	event_field(&e, "user_agent", sip_msg_hdr(req, SIP_HDR_USER_AGENT));
	event_emit(events, &e);
}

static bool refuse(struct auth *a, const struct sip_msg *req, const struct flow *flow,
	const struct account *account, struct str realm, const char *why)
{
	note(a, EV_AUTH_FAILED, req, flow, account, why);
	challenge(a, req, flow, realm, false);
	return false;
}

/* ---- the check ---- */

static bool offered(const struct auth *a, const struct digest_response *r)
{
	for (unsigned i = 0; i < a->cfg.algorithm_count; i++)
		if (r->algorithm_known && a->cfg.algorithms[i] == r->algorithm)
			return true;
	return false;
}

/* The credentials for our realm: a request may carry some for others. */
static bool find_response(const struct sip_msg *req, struct str realm, struct digest_response *out)
{
	for (unsigned i = 0; i < req->hdr_count; i++)
		if (req->hdrs[i].id == SIP_HDR_AUTHORIZATION &&
			!digest_response_parse(req->hdrs[i].value, out) &&
			str_eq(out->realm, realm))
			return true;
	return false;
}

/*
 * For a user that does not exist, and for one without credentials of that algorithm, the same work
 * is done with a stand-in that fits nobody, and then it is refused.
 */
static bool right_digest(
	const struct sip_msg *req, const struct account *account, const struct digest_response *r)
{
	static const char stand_in[] =
		"----------------------------------------------------------------";
	size_t n = 2 * crypto_digest_bytes(r->algorithm);
	struct str known = account ? account->ha1[r->algorithm] : STR_NONE;
	char want[DIGEST_HEX_MAX];
	const struct digest_input in = { .algorithm = r->algorithm,
		.ha1 = known.n ? known : str_make(stand_in, n),
		.method = req->method_name,
		.uri = r->uri,
		.nonce = r->nonce,
		.cnonce = r->cnonce,
		.nc_text = r->nc_text,
		.qop = r->qop,
		.body = req->body };

	digest_compute(&in, want);
	return r->response.n == n && crypto_equal(r->response.p, want, n) && known.n;
}

/* The digest covers its own uri; it must be the one that is asked for (RFC 7616 3.4.6). */
static bool right_uri(const struct sip_msg *req, const struct digest_response *r)
{
	struct sip_uri uri;

	return str_eq(r->uri, req->request_uri) ||
		(!sip_uri_parse(r->uri, &uri) && sip_uri_equal(&uri, &req->uri));
}

bool auth_request(struct auth *a, const struct sip_msg *req, const struct flow *flow,
	const struct account *account, struct str realm)
{
	struct digest_response r;
	struct nonce nonce;
	enum nonce_state state;
	bool right;

	if (!find_response(req, realm, &r)) {
		note(a, EV_AUTH_CHALLENGED, req, flow, account,
			"no credentials for this realm yet");
		challenge(a, req, flow, realm, false);
		return false;
	}
	if (!offered(a, &r))
		return refuse(a, req, flow, account, realm, "algorithm was not offered");
	state = nonce_check(&a->nonces, realm, r.nonce, &nonce);
	if (state == NONCE_FOREIGN)
		return refuse(a, req, flow, account, realm, "nonce is not ours");
	right = right_digest(req, account, &r);
	if (!right)
		return refuse(
			a, req, flow, account, realm, account ? "wrong password" : "unknown user");
	if (!str_eq(r.username, account->username))
		return refuse(a, req, flow, account, realm, "digest is for another user name");
	if (!right_uri(req, &r))
		return refuse(a, req, flow, account, realm, "digest is for another URI");
	if (state == NONCE_OLD || !nonce_use(&a->nonces, &nonce, r.qop != DIGEST_QOP_NONE, r.nc)) {
		note(a, EV_AUTH_CHALLENGED, req, flow, account, "the nonce is too old or was used");
		challenge(a, req, flow, realm, true);
		return false;
	}
	if (account->disabled) {
		const struct sip_reply no = { .status = 403,
			.reason = STR("SIP account disabled") };

		note(a, EV_AUTH_FAILED, req, flow, account, "the account is disabled");
		tx_reply_stateless(a->tx, req, flow, &no);
		return false;
	}
	return true;
}
