/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One logical request with all of its attempts.
 *
 *   RESOLVING --targets--> TRYING --response--> the user
 *                            ^  |
 *                            |  +-- challenge: the same target, next CSeq, with credentials
 *                            +----- no answer, transport error, 503: the next target
 */
#include <stdlib.h>

#include "base/arena.h"
#include "dialog/uac.h"

enum { REST_MAX = SIP_MSG_MAX, AUTH_MAX = 2048, CNONCE_CHARS = 16, CHALLENGES_MAX = 5 };

enum uac_state { UAC_STARTING, UAC_TRYING, UAC_ENDED };

struct uac {
	struct uac_env env; /* a copy: a detached request may outlive its user */
	const struct uac_handlers *handlers; /* NULL: detached */
	void *arg;
	struct arena arena;
	enum uac_state state;
	enum sip_method method;
	struct str method_name, uri, next_hop, domain, realm, body;
	struct digest_credentials cred;
	bool has_cred;
	uint32_t cseq;
	uint64_t lookup;
	const struct target *targets; /* in the arena, once they are known */
	unsigned target_count;
	unsigned target; /* index of the one that is tried */
	bool fixed; /* given flow: no look-up, no other target */
	bool large_by_tcp; /* even so */
	struct flow flow;
	struct tx_client *tx;
	struct deferred start; /* errors and fixed flows: never within uac_new */
	enum err start_error;
	/* authentication */
	struct str challenge, nonce; /* last one that was answered: all of it, its nonce */
	unsigned challenge_status;
	uint32_t nc;
	unsigned challenges; /* answered; a peer could go on for ever */
	bool preset; /* it was answered before anybody asked */
	struct str authorization; /* a whole header line */
	/* INVITE */
	bool provisional, cancelled;
	bool handed_on; /* somebody was reached: what asks now is not the first to get it */
	struct deferred deferred;
};

static struct worker *worker_of(const struct uac *u)
{
	return u->env.worker;
}

static void attempt(struct uac *u);
static void answer_before(struct uac *u, const struct uac_request *r);

/* ---- end ---- */

static void free_uac(struct deferred *d)
{
	struct uac *u = container_of(d, struct uac, deferred);

	arena_fini(&u->arena);
	free(u);
}

static void release(struct uac *u)
{
	if (u->lookup)
		resolver_cancel(u->env.resolver, u->lookup);
	list_del(&u->start.link);
	if (u->tx)
		tx_client_detach(u->tx);
	u->tx = NULL;
	worker_defer(worker_of(u), &u->deferred, free_uac);
}

static void fail(struct uac *u, enum err why)
{
	u->state = UAC_ENDED;
	if (!u->handlers) {
		release(u);
		return;
	}
	u->handlers->on_failed(u->arg, u, why);
}

void uac_free(struct uac *u)
{
	if (u)
		release(u);
}

/* ---- attempts ---- */

static bool next_target(struct uac *u)
{
	if (u->fixed || u->cancelled || u->provisional || u->target + 1 >= u->target_count)
		return false;
	u->target++;
	return true;
}

/* Of requests that went where a look-up said. */
static void report(struct uac *u, bool answered)
{
	if (!u->fixed && u->target_count)
		resolver_report(u->env.resolver, &u->targets[u->target], answered);
}

static void retry(struct uac *u)
{
	u->tx = NULL;
	u->cseq++;
	attempt(u);
}

static void on_tx_failed(void *arg, struct tx_client *tx, enum err why)
{
	struct uac *u = arg;

	tx_client_detach(tx); /* on_done would come when `u` may be gone */
	u->tx = NULL;
	if (!u->cancelled && !u->provisional)
		report(u, false);
	if (u->handlers && next_target(u))
		retry(u);
	else
		fail(u, why);
}

static void on_tx_done(void *arg, struct tx_client *tx)
{
	struct uac *u = arg;

	if (u->tx == tx)
		u->tx = NULL;
	if (!u->handlers && !u->tx)
		release(u);
}

static void on_tx_response(
	void *arg, struct tx_client *tx, struct sip_msg *rsp, const struct flow *flow);

static const struct tx_client_handlers tx_handlers = {
	.on_response = on_tx_response,
	.on_failed = on_tx_failed,
	.on_done = on_tx_done,
};

/* RFC 3261 18.1.1: where the service that is tried by UDP takes TCP, as its records say. */
static const struct addr *tcp_too(const struct uac *u)
{
	for (unsigned i = u->target + 1; i < u->target_count; i++)
		if (u->targets[i].proto == TP_TCP && !u->targets[i].down &&
			addr_ip_eq(&u->targets[i].addr, &u->targets[u->target].addr))
			return &u->targets[i].addr;
	return NULL;
}

/* What the user prints, with our authorization in front of it. */
static void attempt(struct uac *u)
{
	char *mem = mem_alloc(REST_MAX);
	struct tx_request r = {
		.flow = u->flow, .method = u->method, .method_name = u->method_name, .uri = u->uri
	};
	struct buf rest;
	enum err e;

	if (!u->fixed) {
		const struct target *t = &u->targets[u->target];

		e = transport_route(u->env.transport, t->proto, &t->addr, u->domain, &u->flow);
		r.flow = u->flow;
		r.tcp = tcp_too(u);
	} else {
		r.fixed = !u->large_by_tcp;
		e = ERR_OK;
	}
	buf_init(&rest, mem, REST_MAX);
	buf_add(&rest, u->authorization);
	if (!e) {
		u->handlers->print(u->arg, u, &rest, u->cseq, &u->flow);
		e = buf_ok(&rest) ? ERR_OK : ERR_LIMIT;
	}
	r.rest = buf_str(&rest);
	if (!e)
		e = tx_client_new(u->env.tx, &r, &tx_handlers, u, &u->tx);
	free(mem);
	if (!e)
		return;
	u->tx = NULL;
	if (next_target(u))
		retry(u);
	else
		fail(u, e);
}

static void on_start(struct deferred *d)
{
	struct uac *u = container_of(d, struct uac, start);

	if (u->start_error || u->cancelled) {
		fail(u, u->start_error ? u->start_error : ERR_CLOSED);
		return;
	}
	u->state = UAC_TRYING;
	attempt(u);
}

static void on_resolved(void *arg, uint64_t id, const struct targets *t)
{
	struct uac *u = arg;

	(void)id;
	u->lookup = 0;
	u->targets = memcpy(arena_alloc(&u->arena, t->count * sizeof(*t->list)), t->list,
		t->count * sizeof(*t->list));
	u->target_count = t->count;
	if (t->count == 0)
		u->start_error = t->err ? t->err : ERR_DNS;
	on_start(&u->start);
}

static void start(struct uac *u, const struct uac_request *r)
{
	struct sip_uri uri;

	list_init(&u->start.link);
	if (r->flow) {
		u->fixed = true;
		u->large_by_tcp = r->large_by_tcp;
		u->flow = *r->flow;
	} else if (sip_uri_parse(u->next_hop, &uri)) {
		u->start_error = ERR_SYNTAX;
	} else {
		u->domain = uri.host; /* of next_hop */
		u->lookup = resolver_lookup(u->env.resolver, &uri, on_resolved, u);
		return;
	}
	worker_defer(worker_of(u), &u->start, on_start);
}

static void copy_credentials(struct uac *u, const struct digest_credentials *c)
{
	u->has_cred = true;
	u->cred.username = arena_str(&u->arena, c->username);
	u->cred.password = arena_str(&u->arena, c->password);
	for (int i = 0; i < 3; i++)
		u->cred.ha1[i] = arena_str(&u->arena, c->ha1[i]);
}

struct uac *uac_new(const struct uac_env *env, const struct uac_request *r,
	const struct uac_handlers *h, void *arg)
{
	struct uac *u = mem_new(struct uac);

	u->env = *env;
	u->handlers = h;
	u->arg = arg;
	arena_init(&u->arena, 208);
	u->method = r->method;
	u->method_name = arena_str(
		&u->arena, r->method == SIP_UNKNOWN ? r->method_name : sip_method_name(r->method));
	u->uri = arena_str(&u->arena, r->uri);
	u->next_hop = r->next_hop.n ? arena_str(&u->arena, r->next_hop) : u->uri;
	u->realm = arena_str(&u->arena, r->realm);
	u->body = arena_str(&u->arena, r->body);
	u->cseq = r->cseq;
	if (r->credentials)
		copy_credentials(u, r->credentials);
	answer_before(u, r);
	start(u, r);
	return u;
}

/* ---- challenges ---- */

static unsigned strength(const struct digest_challenge *c)
{
	return c->algorithm == CRYPTO_SHA512_256 ? 3 : c->algorithm == CRYPTO_SHA256 ? 2 : 1;
}

static bool can_answer(const struct uac *u, const struct digest_challenge *c)
{
	if (!c->algorithm_known || (c->qop_given && !c->qop_auth && !c->qop_auth_int))
		return false;
	if (u->realm.n && !str_eq(u->realm, c->realm))
		return false;
	return u->cred.password.p || u->cred.ha1[c->algorithm].n;
}

/* The strongest challenge among all that we have credentials for (RFC 8760 2.4). */
static bool choose(const struct uac *u, const struct sip_msg *rsp, struct digest_challenge *best,
	struct str *text)
{
	enum sip_hdr_id id =
		rsp->status == 401 ? SIP_HDR_WWW_AUTHENTICATE : SIP_HDR_PROXY_AUTHENTICATE;
	bool found = false;

	for (unsigned i = 0; i < rsp->hdr_count; i++) {
		struct digest_challenge c;

		if (rsp->hdrs[i].id != id || digest_challenge_parse(rsp->hdrs[i].value, &c) ||
			!can_answer(u, &c))
			continue;
		if (!found || strength(&c) > strength(best)) {
			*best = c;
			*text = rsp->hdrs[i].value;
		}
		found = true;
	}
	return found;
}

/* Makes the header line of the next attempt. */
static bool authorize(
	struct uac *u, const struct digest_challenge *c, struct str text, unsigned status)
{
	char cnonce[CNONCE_CHARS], line[AUTH_MAX];
	struct buf cb = BUF_OF(cnonce), b = BUF_OF(line);

	rng_token(&worker_of(u)->rng, &cb, CNONCE_CHARS);
	buf_add(&b, status == 401 ? STR("Authorization: ") : STR("Proxy-Authorization: "));
	if (digest_answer(&b, c, &u->cred, u->method_name, u->uri, u->body, buf_str(&cb), u->nc))
		return false;
	buf_lit(&b, "\r\n");
	if (!buf_ok(&b))
		return false;
	u->authorization = arena_str(&u->arena, buf_str(&b));
	u->challenge = arena_str(&u->arena, text);
	u->challenge_status = status;
	u->nonce = arena_str(&u->arena, c->nonce);
	return true;
}

static void answer_before(struct uac *u, const struct uac_request *r)
{
	struct digest_challenge c;

	if (!u->has_cred || !r->challenge.n || digest_challenge_parse(r->challenge, &c) ||
		!can_answer(u, &c))
		return;
	u->nc = r->nc + 1;
	u->preset = authorize(u, &c, r->challenge, r->challenge_status);
}

/* True: the request went out again with credentials. */
static bool answer_challenge(struct uac *u, const struct sip_msg *rsp)
{
	struct digest_challenge c;
	struct str text;
	bool fresh;

	if (!u->has_cred || u->cancelled || u->handed_on || u->challenges == CHALLENGES_MAX ||
		!choose(u, rsp, &c, &text))
		return false;
	fresh = !str_eq(c.nonce, u->nonce);
	/* refused although the nonce was new to us: these credentials are not accepted */
	if (u->authorization.n && !((c.stale || u->preset) && fresh))
		return false;
	u->preset = false;
	u->challenges++;
	u->nc = fresh ? 1 : u->nc + 1;
	if (!authorize(u, &c, text, rsp->status))
		return false;
	if (!u->realm.n)
		u->realm = arena_str(&u->arena, c.realm); /* from now on: no other asks, too */
	/* the same target again, nobody else: another server may not know the nonce */
	retry(u);
	return true;
}

/* ---- responses ---- */

static void on_tx_response(
	void *arg, struct tx_client *tx, struct sip_msg *rsp, const struct flow *flow)
{
	struct uac *u = arg;

	report(u, rsp->status != 503);
	if (!u->handlers) {
		if (u->method == SIP_INVITE && rsp->status >= 200 && rsp->status < 300)
			uac_end_late_2xx(&u->env, rsp, flow);
		if (rsp->status >= 200)
			u->state = UAC_ENDED;
		return;
	}
	if (rsp->status < 200) {
		u->provisional = true;
		u->handed_on = u->handed_on || rsp->status > 100;
		u->handlers->on_response(u->arg, u, rsp, flow);
		return;
	}
	if ((rsp->status == 401 || rsp->status == 407) && answer_challenge(u, rsp)) {
		tx_client_detach(tx);
		return;
	}
	if (rsp->status == 503 && next_target(u)) {
		tx_client_detach(tx);
		retry(u);
		return;
	}
	u->state = UAC_ENDED;
	u->handlers->on_response(u->arg, u, rsp, flow);
}

void uac_cancel(struct uac *u, struct str reason)
{
	if (u->cancelled || u->state == UAC_ENDED)
		return;
	u->cancelled = true;
	if (u->tx)
		tx_client_cancel(u->tx, reason);
}

void uac_abandon(struct uac *u)
{
	u->handlers = NULL;
	if (u->tx)
		tx_client_abandon(u->tx);
	u->tx = NULL;
	release(u);
}

void uac_detach(struct uac *u)
{
	u->handlers = NULL;
	if (u->method != SIP_INVITE || !u->tx)
		release(u); /* nothing can come that would have to be ended */
}

void uac_set_body(struct uac *u, struct str body)
{
	if (!str_eq(u->body, body))
		u->body = arena_str(&u->arena, body);
}

uint32_t uac_cseq(const struct uac *u)
{
	return u->cseq;
}

const struct flow *uac_flow(const struct uac *u)
{
	return addr_set(&u->flow.remote) ? &u->flow : NULL;
}

struct str uac_challenge(const struct uac *u, unsigned *status, uint32_t *nc)
{
	*status = u->challenge_status;
	*nc = u->nc;
	return u->challenge;
}

struct str uac_authorization(const struct uac *u)
{
	return u->authorization;
}
