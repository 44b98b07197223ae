/* SPDX-License-Identifier: BSD-3-Clause */
/* The subscription's life: SUBSCRIBEs and their answers. NOTIFYs are in mwi_notify.c. */
#include "provider/mwi.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "sip/print.h"

enum {
	EXPIRES_S = 3600,
	EXPIRES_MIN_S = 60,
	EXPIRES_MAX_S = 86400,
	SPREAD_MS = 5000,
	FAREWELL_MS = 32000
};

static struct worker *worker_of(const struct mwi *m)
{
	return m->agent->env.uac.worker;
}

void mwi_say(const struct mwi *m, const char *fmt, ...)
{
	char text[PROVIDER_REASON_MAX];
	struct event e = { .kind = EV_PROVIDER_MWI, .customer = m->provider->customer };
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	e.text = str_of(text);
	event_field(&e, "provider", m->provider->name);
	event_emit(worker_of(m)->events, &e);
}

void mwi_wait(struct mwi *m, enum mwi_state s, uint64_t ms)
{
	m->state = s;
	timer_start(&worker_of(m)->wheel, &m->timer, ms);
}

/* ---- life ---- */

static void forget_dialog(struct mwi *m)
{
	dialog_fini(&m->d);
	hash_del(&m->agent->mwis, &m->node);
	m->confirmed = m->heard = false;
}

/* As every tag that requests may come for, ours names this worker. */
static void new_dialog(struct mwi *m)
{
	struct worker *w = worker_of(m);
	struct provider_ids ids;
	char tag[32], aor[PROVIDER_URI_MAX];
	struct buf tb = BUF_OF(tag), ab = BUF_OF(aor);
	struct provider_where where;
	struct str domain = STR_NONE;

	if (!provider_where(m->provider, &where))
		domain = where.domain;
	provider_new_call_id(&m->agent->env, &ids);
	worker_token(w, &tb);
	buf_printf(&ab, "<sip:%.*s@%.*s>", STR_ARG(m->provider->username), STR_ARG(domain));
	dialog_init_uac(&m->d, str_of(ids.call_id), buf_str(&tb), buf_str(&ab), buf_str(&ab),
		STR_NONE, rng_below(&w->rng, 1000));
	hash_add(&m->agent->mwis, &m->node, hash_str(m->d.call_id));
}

void mwi_begin_anew(struct mwi *m, uint64_t ms)
{
	forget_dialog(m);
	new_dialog(m);
	mwi_wait(m, MWI_WAITING, ms);
}

void mwi_free(struct mwi *m)
{
	timer_stop(&worker_of(m)->wheel, &m->timer);
	if (m->uac)
		uac_abandon(m->uac);
	if (m->registration)
		m->registration->mwi = NULL;
	forget_dialog(m);
	provider_unref(m->provider);
	free(m->challenge);
	free(m->realm);
	free(m);
}

static void subscribe(struct mwi *m);

static void on_timer(struct timer *t)
{
	struct mwi *m = container_of(t, struct mwi, timer);

	if (m->state == MWI_LEAVING)
		mwi_free(m);
	else
		subscribe(m);
}

static uint32_t expiry_of(const struct provider *p)
{
	uint32_t s = p->register_expiry_s ? p->register_expiry_s : EXPIRES_S;

	return s < EXPIRES_MIN_S ? EXPIRES_MIN_S : s < EXPIRES_MAX_S ? s : EXPIRES_MAX_S;
}

/* They wait for each other, at the pace of one registrar; never does a registration for them. */
static uint64_t turn_ms(struct provider_agent *a)
{
	uint64_t now = a->env.uac.worker->clock.mono_ms * 1000;
	uint64_t turn = a->mwi_free_us > now ? a->mwi_free_us : now;

	a->mwi_free_us = turn + 1000000 / a->cfg.per_host;
	return (turn - now + 999) / 1000;
}

static void begin(struct registration *r)
{
	struct mwi *m = mem_new(struct mwi);

	m->agent = r->agent;
	m->registration = r;
	m->provider = provider_ref(r->provider);
	m->asked_s = expiry_of(r->provider);
	timer_init(&m->timer, on_timer);
	r->mwi = m;
	new_dialog(m);
	mwi_wait(m, MWI_WAITING, turn_ms(r->agent));
}

void mwi_look(struct registration *r)
{
	if (r->mwi &&
		(!r->provider->mwi || r->provider->disabled || r->mwi->provider != r->provider))
		mwi_leave(r);
	if (!r->mwi && r->provider->mwi && registration_is_registered(r) &&
		r->state != PROVIDER_LEAVING)
		begin(r);
}

void mwi_drop(struct registration *r)
{
	if (r->mwi)
		mwi_free(r->mwi);
}

static void drop_node(struct hash_node *n, void *arg)
{
	(void)arg;
	mwi_free(container_of(n, struct mwi, node));
}

void mwi_drop_all(struct provider_agent *a)
{
	hash_each(&a->mwis, drop_node, NULL);
}

void mwi_leave(struct registration *r)
{
	struct mwi *m = r->mwi;

	if (!m)
		return;
	m->registration = NULL;
	r->mwi = NULL;
	if (m->state != MWI_SUBSCRIBED) {
		mwi_free(m);
		return;
	}
	m->state = MWI_LEAVING;
	subscribe(m);
}

/* ---- the request ---- */

static void print(void *arg, struct uac *u, struct buf *b, uint32_t cseq, const struct flow *flow)
{
	struct mwi *m = arg;
	char mem[PROVIDER_URI_MAX], token[DIRECTORY_TOKEN_CHARS + 1];
	struct buf contact = BUF_OF(mem);
	struct str uri;

	(void)u;
	m->d.local_cseq = cseq;
	directory_provider_token(
		m->agent->env.key, m->provider->customer, m->provider->name, token);
	buf_char(&contact, '<');
	provider_print_contact(m->agent, &contact, m->provider, token, flow);
	buf_char(&contact, '>');
	if (!str_eq(buf_str(&contact), m->d.local_contact))
		m->d.local_contact = arena_str(&m->d.arena, buf_str(&contact));
	dialog_print_request(&m->d, b, STR("SUBSCRIBE"), cseq, &uri);
	sip_print_hdr(b, SIP_HDR_EVENT, STR("message-summary"));
	sip_print_hdr(b, SIP_HDR_ACCEPT, STR("application/simple-message-summary"));
	sip_print_hdr_u32(b, SIP_HDR_EXPIRES, m->state == MWI_LEAVING ? 0 : m->asked_s);
	provider_print_tail(b, m->provider, m->agent->cfg.user_agent);
}

/* Credentials go where the provider answered the first time, and for the realm of that time. */
static void credentials(
	const struct mwi *m, struct uac_request *req, struct digest_credentials *cred)
{
	if (!m->provider->password.n)
		return;
	provider_credentials(m->provider, cred);
	req->credentials = cred;
	req->realm = str_of(m->realm ? m->realm : "");
	if (m->challenge) {
		req->challenge = str_of(m->challenge);
		req->challenge_status = m->challenge_status;
		req->nc = m->nc;
	}
}

static void on_response(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow);
static void on_failed(void *arg, struct uac *u, enum err why);

static const struct uac_handlers handlers = {
	.on_response = on_response, .on_failed = on_failed, .print = print
};

static void send_first(struct mwi *m)
{
	struct provider_where where;
	struct digest_credentials cred;
	struct uac_request req = { .method = SIP_SUBSCRIBE, .cseq = m->d.local_cseq + 1 };
	char uri[PROVIDER_URI_MAX + 128];
	struct buf b = BUF_OF(uri);

	if (provider_where(m->provider, &where)) { /* the registration says so, too */
		mwi_wait(m, MWI_REFUSED, MWI_DAY_MS);
		return;
	}
	buf_printf(&b, "sip:%.*s@%.*s", STR_ARG(m->provider->username), (int)where.uri_n - 4,
		where.uri + 4);
	req.uri = buf_str(&b);
	req.next_hop = str_make(where.next_hop, where.next_hop_n);
	credentials(m, &req, &cred);
	m->uac = uac_new(&m->agent->env.uac, &req, &handlers, m);
}

static void send_within(struct mwi *m)
{
	struct digest_credentials cred;
	struct uac_request req = {
		.method = SIP_SUBSCRIBE, .cseq = m->d.local_cseq + 1, .flow = &m->home
	};
	char mem[4096];
	struct buf b = BUF_OF(mem);

	dialog_print_request(&m->d, &b, STR("SUBSCRIBE"), req.cseq, &req.uri);
	credentials(m, &req, &cred);
	m->uac = uac_new(&m->agent->env.uac, &req, &handlers, m);
}

static void subscribe(struct mwi *m)
{
	bool leaving = m->state == MWI_LEAVING;

	if (!leaving && !registration_is_registered(m->registration)) {
		mwi_wait(m, m->state, MWI_RETRY_MS); /* the registration comes first */
		return;
	}
	mwi_wait(m, leaving ? MWI_LEAVING : MWI_TRYING, MWI_RETRY_MS); /* however it ends */
	if (m->uac) {
		uac_abandon(m->uac);
		m->uac = NULL;
	}
	if (!m->confirmed && m->d.state == DIALOG_CONFIRMED) { /* accepted, but without a Contact */
		forget_dialog(m);
		new_dialog(m);
	}
	if (m->confirmed)
		send_within(m);
	else
		send_first(m);
}

/* ---- answers ---- */

void mwi_refresh_in(struct mwi *m, uint32_t seconds)
{
	uint64_t ms = (uint64_t)seconds * 1000, early = ms > 60000 ? ms - 30000 : ms / 2;
	uint64_t after = ms * 9 / 10 < early ? ms * 9 / 10 : early;

	after -= rng_below(&worker_of(m)->rng, (uint32_t)(after / 20) + 1);
	mwi_wait(m, MWI_SUBSCRIBED, after > 1000 ? after : 1000);
}

static void note_challenge(struct mwi *m)
{
	struct str text = uac_challenge(m->uac, &m->challenge_status, &m->nc);
	struct digest_challenge c;

	free(m->challenge);
	m->challenge = text.n ? str_dup(text) : NULL;
	if (!m->realm && text.n && !digest_challenge_parse(text, &c))
		m->realm = str_dup(c.realm);
}

static uint32_t granted(const struct mwi *m, const struct sip_msg *rsp)
{
	struct str value = sip_msg_hdr(rsp, SIP_HDR_EXPIRES);
	uint32_t s;

	return value.n && !sip_seconds_parse(value, &s) && s < m->asked_s ? s : m->asked_s;
}

static void accepted(struct mwi *m, const struct sip_msg *rsp, const struct flow *flow)
{
	bool first = !m->confirmed;
	uint32_t s = granted(m, rsp);

	m->failures = 0;
	m->asked_more = false;
	if (first && dialog_on_response(&m->d, rsp, flow) == ERR_OK)
		m->confirmed = true;
	else if (!first)
		dialog_refresh_target(&m->d, rsp);
	if (s == 0) {
		mwi_say(m, "the provider ends the subscription to messages waiting at once");
		mwi_begin_anew(m, MWI_DAY_MS);
		m->state = MWI_REFUSED;
		return;
	}
	if (first)
		mwi_say(m, "subscribed to messages waiting for %u s", s);
	mwi_refresh_in(m, s);
}

static uint64_t later_each_time(struct mwi *m)
{
	uint64_t ms = MWI_RETRY_MS;

	for (unsigned i = 0; i < m->failures && ms < MWI_RETRY_MAX_MS; i++)
		ms *= 2;
	m->failures++;
	ms = ms < MWI_RETRY_MAX_MS ? ms : MWI_RETRY_MAX_MS;
	return ms + rng_below(&worker_of(m)->rng, SPREAD_MS);
}

/* 423: once more with what the provider wants at least. */
static bool ask_more(struct mwi *m, const struct sip_msg *rsp)
{
	struct str value = sip_msg_hdr(rsp, SIP_HDR_MIN_EXPIRES);
	uint32_t least;

	if (rsp->status != 423 || m->asked_more || !value.n || sip_seconds_parse(value, &least) ||
		least <= m->asked_s || least > EXPIRES_MAX_S)
		return false;
	m->asked_more = true;
	m->asked_s = least;
	subscribe(m);
	return true;
}

static void refused(struct mwi *m, const struct sip_msg *rsp)
{
	if (ask_more(m, rsp))
		return;
	if (m->confirmed) { /* it forgot, or wants to be asked from the start */
		mwi_begin_anew(m, later_each_time(m) - MWI_RETRY_MS);
		return;
	}
	if (rsp->status == 408 || rsp->status == 480 || rsp->status / 100 == 5) {
		mwi_say(m, "the subscription to messages waiting failed (%u %.*s)", rsp->status,
			STR_ARG(rsp->reason));
		mwi_begin_anew(m, later_each_time(m));
		return;
	}
	mwi_say(m, "the provider does not tell of messages waiting (%u %.*s): asked again in a day",
		rsp->status, STR_ARG(rsp->reason));
	mwi_begin_anew(m, MWI_DAY_MS);
	m->state = MWI_REFUSED;
}

static void on_response(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow)
{
	struct mwi *m = arg;

	if (rsp->status < 200)
		return;
	if (uac_flow(u) && !m->confirmed)
		m->home = *uac_flow(u);
	note_challenge(m);
	uac_free(u);
	m->uac = NULL;
	if (m->state == MWI_LEAVING)
		mwi_wait(m, MWI_LEAVING, FAREWELL_MS);
	else if (rsp->status < 300)
		accepted(m, rsp, flow);
	else
		refused(m, rsp);
}

static void on_failed(void *arg, struct uac *u, enum err why)
{
	struct mwi *m = arg;

	uac_free(u);
	m->uac = NULL;
	if (m->state == MWI_LEAVING) {
		mwi_free(m);
		return;
	}
	mwi_say(m, "the subscription to messages waiting failed: %s", err_text(why));
	mwi_begin_anew(m, later_each_time(m));
}
