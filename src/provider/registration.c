/* SPDX-License-Identifier: BSD-3-Clause */
/* The states of a registration: what leads from one to another, and how long it stays. */
#include "provider/registration.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "event/event.h"

enum {
	RETRY_MIN_MS = 5000,
	RETRY_MAX_MS = 300000,
	LOOK_MAX_MS =
		20000, /* while only names or our network are the matter: that asks nobody else */
	RETRY_AFTER_MAX_S = 3600,
	WATCHDOG_MS = 300000, /* a try cannot take longer */
	EXPIRY_DEFAULT_S = 3600,
	EXPIRY_MAX_S = 86400,
	TURNS_MAX = 4,
	REJECTIONS_MAX = 2,
	UNKNOWN_MAX_MS = 86400000, /* a name that does not exist that long */
	WAKE_SPREAD_MS = 2000,
	URI_TEXT_MAX = 1024,
};

static void begin_try(struct registration *r);
static void settle(struct registration *r);

struct str provider_state_name(enum provider_state s)
{
	static const char *const names[PROVIDER_STATE_COUNT] = { "waiting", "trying", "registered",
		"backing off", "needs credentials", "held", "leaving" };

	return str_of(names[s]);
}

/* ---- telling ---- */

void registration_say(struct registration *r, enum event_kind kind, const char *text)
{
	struct event e = { .kind = kind, .customer = r->provider->customer, .text = str_of(text) };

	event_field(&e, "provider", r->provider->name);
	event_field(&e, "registrar", provider_registrar(r->provider));
	if (r->registrar)
		event_field(&e, "answered_by", str_of(r->registrar));
	event_emit(registration_worker(r)->events, &e);
}

static void set_reason(struct registration *r, const char *text)
{
	free(r->reason);
	r->reason = *text ? str_dup(str_of(text)) : NULL;
}

static void enter(struct registration *r, enum provider_state s)
{
	if (r->state != s)
		r->since_ms = registration_worker(r)->clock.wall_ms;
	r->agent->states[r->state]--;
	r->agent->states[s]++;
	r->state = s;
}

/* ---- waiting ---- */

static void arm(struct registration *r, uint64_t ms)
{
	r->next_ms = registration_worker(r)->clock.wall_ms + (int64_t)ms;
	timer_start(&registration_worker(r)->wheel, &r->timer, ms);
}

/* Up to a fifth more or less, so that those who failed together do not come back together. */
static uint64_t with_jitter(struct registration *r, uint64_t ms)
{
	uint32_t fifth = (uint32_t)(ms / 5);

	return ms - fifth + rng_below(&registration_worker(r)->rng, 2 * fifth + 1);
}

static uint64_t backoff(const struct registration *r)
{
	bool free_to_ask = r->cause == CAUSE_NO_DNS || r->cause == CAUSE_NETWORK;
	uint64_t max = free_to_ask ? LOOK_MAX_MS : RETRY_MAX_MS, ms = RETRY_MIN_MS;

	for (unsigned i = 1; i < r->failures && ms < max; i++)
		ms *= 2;
	return ms < max ? ms : max;
}

static bool is_registered(const struct registration *r)
{
	return r->expires_ms > registration_now(r);
}

/* ---- outcomes ---- */

static void end_try(struct registration *r)
{
	if (r->uac)
		uac_free(r->uac);
	r->uac = NULL;
	free(r->redirect);
	r->redirect = NULL;
	r->turns = 0;
}

static PRINTF(5, 6) void fail(struct registration *r, enum provider_cause cause,
	enum provider_state state, uint64_t wait_ms, const char *fmt, ...)
{
	char text[PROVIDER_REASON_MAX];
	enum event_kind kind = state == PROVIDER_NEEDS_CREDENTIALS ? EV_PROVIDER_CREDENTIALS
		: state == PROVIDER_HELD                           ? EV_PROVIDER_HELD
								   : EV_PROVIDER_FAILED;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	end_try(r);
	r->cause = cause;
	r->failures++;
	if ((cause == CAUSE_NO_DNS || cause == CAUSE_NETWORK || cause == CAUSE_SILENCE) &&
		r->agent->heard_ms < r->began_ms)
		r->agent->cut_off = true;
	if (cause != CAUSE_NO_NAME)
		r->unknown_since_ms = 0;
	set_reason(r, text);
	if (r->state == PROVIDER_LEAVING) {
		settle(r);
		return;
	}
	enter(r, state);
	arm(r, with_jitter(r, wait_ms ? wait_ms : backoff(r)));
	registration_say(r, kind, text);
	settle(r);
}

/* Before it expires, in time for several tries; a short one at half of it (facts 12.2). */
static uint64_t refresh_after_ms(struct registration *r, uint32_t granted_s)
{
	uint64_t ms = (uint64_t)granted_s * 1000, early = ms > 60000 ? ms - 30000 : ms / 2;
	uint64_t after = ms * 9 / 10 < early ? ms * 9 / 10 : early;

	return after - rng_below(&registration_worker(r)->rng, (uint32_t)(after / 20) + 1);
}

static void note_answer(struct registration *r, const struct flow *flow)
{
	char text[96];
	struct buf b = BUF_OF(text);
	struct str challenge;

	flow_print_remote(&b, flow);
	free(r->registrar);
	r->registrar = str_dup(buf_str(&b));
	challenge = uac_challenge(r->uac, &r->challenge_status, &r->nc);
	free(r->challenge);
	r->challenge = challenge.n ? str_dup(challenge) : NULL;
	r->unknown_since_ms = 0;
}

static void succeed(struct registration *r, const struct sip_msg *rsp)
{
	const char *how;
	uint32_t seconds = registration_granted(r, rsp, &how);
	bool refreshed = is_registered(r) && !r->reason;
	char text[PROVIDER_REASON_MAX];

	if (!seconds) {
		r->expires_ms = 0;
		fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, 0,
			"the provider says %u but does not keep our contact: read from %s",
			rsp->status, how);
		return;
	}
	end_try(r);
	r->cause = CAUSE_NONE;
	r->failures = r->rejections = 0;
	r->expires_ms = registration_now(r) + seconds * 1000ULL;
	set_reason(r, "");
	enter(r, PROVIDER_REGISTERED);
	arm(r, refresh_after_ms(r, seconds));
	snprintf(text, sizeof(text), "registered for %u s, by %s", seconds, how);
	registration_say(r, refreshed ? EV_PROVIDER_REFRESHED : EV_PROVIDER_REGISTERED, text);
	settle(r);
}

/* ---- answers (facts 6.3) ---- */

static uint64_t retry_after_ms(const struct sip_msg *rsp)
{
	struct str value = sip_msg_hdr(rsp, SIP_HDR_RETRY_AFTER);
	uint32_t seconds;

	if (!value.n || sip_seconds_parse(value, &seconds) || seconds == 0)
		return 0;
	/* a fifth more, as the wait may be a fifth shorter */
	seconds = seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
	return seconds * 1250ULL;
}

static void rejected(struct registration *r, const struct sip_msg *rsp)
{
	unsigned status;
	uint32_t nc;
	bool answered = uac_challenge(r->uac, &status, &nc).n > 0;

	free(r->challenge);
	r->challenge = NULL;
	if (!r->provider->password.n)
		fail(r, CAUSE_REFUSED, PROVIDER_NEEDS_CREDENTIALS, PROVIDER_PROBE_MS,
			"the provider asks for a password (%u), and none is configured",
			rsp->status);
	else if (!answered)
		fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, 0,
			"Server did not provide auth header, check realm. (%u %.*s)", rsp->status,
			STR_ARG(rsp->reason));
	else if (++r->rejections < REJECTIONS_MAX)
		fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, RETRY_MIN_MS,
			"Registration failed (%u %.*s): user name or password were not accepted; "
			"one more try",
			rsp->status, STR_ARG(rsp->reason));
	else
		fail(r, CAUSE_REFUSED, PROVIDER_NEEDS_CREDENTIALS, PROVIDER_PROBE_MS,
			"Authentication failed (%u %.*s): check user name and password",
			rsp->status, STR_ARG(rsp->reason));
}

static void unwelcome(struct registration *r, const struct sip_msg *rsp)
{
	unsigned status;
	uint32_t nc;
	bool answered = uac_challenge(r->uac, &status, &nc).n > 0;

	fail(r, CAUSE_REFUSED, PROVIDER_NEEDS_CREDENTIALS, PROVIDER_PROBE_MS,
		answered ? "Username was rejected by SIP Provider with %u %.*s"
			 : "Authentication failed (%u %.*s)",
		rsp->status, STR_ARG(rsp->reason));
}

/* Once more at once, with something changed; false: it was often enough. */
static bool again(struct registration *r)
{
	if (r->turns++ >= TURNS_MAX)
		return false;
	uac_free(r->uac);
	r->uac = NULL;
	begin_try(r);
	return true;
}

static void too_brief(struct registration *r, const struct sip_msg *rsp)
{
	struct str value = sip_msg_hdr(rsp, SIP_HDR_MIN_EXPIRES);
	uint32_t least;

	if (value.n && !sip_seconds_parse(value, &least) && least > r->asked_s &&
		least <= EXPIRY_MAX_S) {
		r->asked_s = least;
		if (again(r))
			return;
	}
	fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, 0,
		"Registration failed (%u %.*s): asked for %u s, the provider wants at least %.*s",
		rsp->status, STR_ARG(rsp->reason), r->asked_s,
		STR_ARG(value.n ? value : STR("(it does not say)")));
}

static void redirected(struct registration *r, const struct sip_msg *rsp)
{
	struct sip_hdr_iter it = { 0 };
	struct sip_addr to;
	struct str value;

	if (sip_msg_next(rsp, SIP_HDR_CONTACT, &it, &value) && !sip_addr_parse(value, &to) &&
		to.uri.scheme == SIP_SCHEME_SIP && to.uri.text.n < URI_TEXT_MAX) {
		free(r->redirect);
		r->redirect = str_dup(to.uri.text);
		if (again(r))
			return;
	}
	fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, 0,
		"Registration failed (%u %.*s): sent elsewhere too often, or nowhere", rsp->status,
		STR_ARG(rsp->reason));
}

static void somebody_answers(struct provider_agent *a);

static void on_response(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow)
{
	struct registration *r = arg;

	if (rsp->status < 200)
		return;
	note_answer(r, flow);
	r->cseq = uac_cseq(u);
	somebody_answers(r->agent);
	if (r->state == PROVIDER_LEAVING) {
		end_try(r);
		settle(r);
	} else if (rsp->status < 300) {
		succeed(r, rsp);
	} else if (rsp->status < 400) {
		redirected(r, rsp);
	} else if (rsp->status == 401 || rsp->status == 407) {
		rejected(r, rsp);
	} else if (rsp->status == 403 || rsp->status == 404) {
		unwelcome(r, rsp);
	} else if (rsp->status == 423) {
		too_brief(r, rsp);
	} else {
		fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, retry_after_ms(rsp),
			"Registration failed (%u %.*s)", rsp->status, STR_ARG(rsp->reason));
	}
}

/* ---- no answers ---- */

static void no_name(struct registration *r)
{
	struct str uri = provider_registrar(r->provider);
	uint64_t now = registration_now(r);

	if (!r->unknown_since_ms)
		r->unknown_since_ms = now;
	if (now - r->unknown_since_ms < UNKNOWN_MAX_MS)
		fail(r, CAUSE_NO_NAME, PROVIDER_BACKING_OFF, 0,
			"the name server says that %.*s does not exist", STR_ARG(uri));
	else
		fail(r, CAUSE_NO_NAME, PROVIDER_HELD, PROVIDER_PROBE_MS,
			"%.*s has not existed for a day: is it written right?", STR_ARG(uri));
}

static void on_failed(void *arg, struct uac *u, enum err why)
{
	struct registration *r = arg;
	struct str uri = provider_registrar(r->provider);
	bool sent = uac_flow(u) != NULL;

	r->cseq = uac_cseq(u);
	if (why == ERR_DNS)
		no_name(r);
	else if (!sent)
		fail(r, why == ERR_TIMEOUT ? CAUSE_NO_DNS : CAUSE_NETWORK, PROVIDER_BACKING_OFF, 0,
			why == ERR_TIMEOUT ? "no name server says where %.*s is"
					   : "%.*s cannot be reached from here",
			STR_ARG(uri));
	else if (why == ERR_TIMEOUT)
		fail(r, CAUSE_SILENCE, PROVIDER_BACKING_OFF, 0, "Registration to %.*s timed out.",
			STR_ARG(uri));
	else
		fail(r, CAUSE_NETWORK, PROVIDER_BACKING_OFF, 0,
			"Registration to %.*s could not be sent: %s", STR_ARG(uri), err_text(why));
}

static const struct uac_handlers handlers = {
	.on_response = on_response, .on_failed = on_failed, .print = registration_print
};

/* ---- the end of being cut off ---- */

static void wake_node(struct hash_node *n, void *arg)
{
	(void)arg;
	registration_wake(container_of(n, struct registration, node));
}

static void somebody_answers(struct provider_agent *a)
{
	a->heard_ms = a->env.uac.worker->clock.mono_ms;
	if (!a->cut_off)
		return;
	a->cut_off = false;
	hash_each(&a->registrations, wake_node, NULL);
}

void registration_wake(struct registration *r)
{
	if (r->state != PROVIDER_BACKING_OFF || r->slot ||
		(r->cause != CAUSE_NO_DNS && r->cause != CAUSE_NETWORK &&
			r->cause != CAUSE_SILENCE))
		return;
	r->failures = 0;
	arm(r, rng_below(&registration_worker(r)->rng, WAKE_SPREAD_MS));
}

void registration_retry(struct registration *r)
{
	if (r->slot || (r->state != PROVIDER_BACKING_OFF && r->state != PROVIDER_NEEDS_CREDENTIALS))
		return;
	r->failures = r->rejections = 0;
	arm(r, 0);
}

/* ---- trying ---- */

static void begin_try(struct registration *r)
{
	if (r->state != PROVIDER_LEAVING)
		enter(r, PROVIDER_TRYING);
	r->began_ms = registration_now(r);
	arm(r, WATCHDOG_MS);
	if (!registration_send(r, &handlers))
		return;
	fail(r, CAUSE_REFUSED, PROVIDER_HELD, PROVIDER_PROBE_MS,
		"%.*s, or what else is configured, is no SIP URI: it is written like "
		"sip:provider.example",
		STR_ARG(provider_registrar(r->provider)));
}

static uint32_t expiry_wanted(const struct provider *p)
{
	uint32_t s = p->register_expiry_s ? p->register_expiry_s : EXPIRY_DEFAULT_S;

	return s < EXPIRY_MAX_S ? s : EXPIRY_MAX_S;
}

/* Its turn comes by the rates; a try that follows another at once does not wait again. */
static void take_turn(struct registration *r)
{
	uint64_t wait = provider_pace_take(r->agent, r->pace);

	if (wait == 0) {
		begin_try(r);
		return;
	}
	r->slot = true;
	arm(r, wait);
}

static void stopped_answering(struct registration *r)
{
	uac_abandon(r->uac);
	r->uac = NULL;
	fail(r, CAUSE_SILENCE, PROVIDER_BACKING_OFF, 0, "Registration to %.*s did not end.",
		STR_ARG(provider_registrar(r->provider)));
}

static void on_timer(struct timer *t)
{
	struct registration *r = container_of(t, struct registration, timer);

	if (r->uac) {
		stopped_answering(r);
	} else if (r->provider->disabled) {
		arm(r, PROVIDER_PROBE_MS); /* until its owner says otherwise */
	} else if (r->slot) {
		r->slot = false;
		begin_try(r);
	} else {
		if (!r->asked_s || r->state != PROVIDER_REGISTERED)
			r->asked_s = expiry_wanted(r->provider);
		take_turn(r);
	}
}

/* ---- life ---- */

static void take_provider(struct registration *r, struct provider *p)
{
	struct sip_uri uri;

	provider_unref(r->provider);
	r->provider = p;
	provider_pace_put(r->agent, r->pace);
	if (sip_uri_parse(provider_registrar(r->provider), &uri))
		uri.host = provider_registrar(r->provider);
	r->pace = provider_pace_get(r->agent, uri.host);
	r->asked_s = expiry_wanted(p);
	r->failures = r->rejections = 0;
	r->unknown_since_ms = 0;
	free(r->challenge);
	r->challenge = NULL;
}

static void new_call_id(struct registration *r)
{
	provider_new_call_id(&r->agent->env, &r->ids);
	r->cseq = rng_below(&registration_worker(r)->rng, 1000);
}

struct registration *registration_new(struct provider_agent *a, struct provider *p)
{
	struct registration *r = mem_new(struct registration);
	char mem[PROVIDER_KEY_MAX];
	struct str key = provider_key(p->customer, p->name, mem);

	r->agent = a;
	a->states[PROVIDER_WAITING]++;
	take_provider(r, provider_ref(p));
	r->since_ms = registration_worker(r)->clock.wall_ms;
	provider_token(a, p->customer, p->name, r->token);
	new_call_id(r);
	timer_init(&r->timer, on_timer);
	hash_add(&a->registrations, &r->node, hash_istr(key));
	return r;
}

void registration_free(struct registration *r)
{
	struct provider_agent *a = r->agent;

	a->states[r->state]--;
	hash_del(&a->registrations, &r->node);
	timer_stop(&registration_worker(r)->wheel, &r->timer);
	if (r->uac)
		uac_abandon(r->uac);
	provider_pace_put(a, r->pace);
	provider_unref(r->provider);
	provider_unref(r->next);
	free(r->reason);
	free(r->redirect);
	free(r->contact);
	free(r->registrar);
	free(r->challenge);
	free(r);
}

static void hold(struct registration *r)
{
	set_reason(r, r->provider->disabled_reason.n ? "" : "its owner switched it off");
	if (r->provider->disabled_reason.n)
		r->reason = str_dup(r->provider->disabled_reason);
	enter(r, PROVIDER_HELD);
	arm(r, PROVIDER_PROBE_MS);
	registration_say(r, EV_PROVIDER_HELD, r->reason);
	registration_store(r);
}

void registration_begin(struct registration *r)
{
	if (r->provider->disabled) {
		hold(r);
		return;
	}
	enter(r, PROVIDER_WAITING);
	take_turn(r);
	registration_store(r);
}

/* ---- from a row of before ---- */

static char *text_or_null(struct str s)
{
	return s.n ? str_dup(s) : NULL;
}

static uint64_t until(const struct registration *r, int64_t wall_ms, uint64_t max)
{
	int64_t left = wall_ms - registration_worker(r)->clock.wall_ms;

	return left < 0 ? 0 : (uint64_t)left < max ? (uint64_t)left : max;
}

static enum provider_state state_of(struct str name)
{
	for (unsigned s = 0; s < PROVIDER_STATE_COUNT; s++)
		if (str_eq(name, provider_state_name(s)))
			return s;
	return PROVIDER_WAITING;
}

/* A try that was due, and that nobody wrote the end of, may have been begun by who died since. */
static uint32_t cseq_after(const struct registration *r, const struct store_provider_binding *row)
{
	bool due = row->next_ms <= registration_worker(r)->clock.wall_ms;

	return row->cseq + (due ? TURNS_MAX * 2 : 0);
}

void registration_go_on(struct registration *r, const struct store_provider_binding *row)
{
	char text[64];
	struct buf settings = BUF_OF(text);
	enum provider_state s = state_of(row->state);
	uint64_t left = until(r, row->expires_ms, EXPIRY_MAX_S * 1000ULL);

	r->fence = row->fence;
	if (!row->call_id.n) { /* a row that was only made for it */
		registration_begin(r);
		return;
	}
	if (!str_copy(row->call_id, r->ids.call_id, sizeof(r->ids.call_id)))
		r->cseq = cseq_after(r, row);
	r->contact = text_or_null(row->contact);
	r->registrar = text_or_null(row->registrar);
	r->expires_ms = left ? registration_now(r) + left : 0;
	registration_settings(r->provider, &settings);
	if (!str_eq(buf_str(&settings), row->settings) || s == PROVIDER_HELD ||
		r->provider->disabled || s == PROVIDER_LEAVING) {
		registration_begin(r);
		return;
	}
	r->challenge = text_or_null(row->challenge);
	r->challenge_status = row->challenge_status;
	r->nc = row->nc;
	r->asked_s = row->expiry_s ? row->expiry_s : r->asked_s;
	r->reason = text_or_null(row->reason);
	if (s == PROVIDER_TRYING || (s == PROVIDER_REGISTERED && !left))
		s = PROVIDER_WAITING;
	enter(r, s);
	r->since_ms = row->since_ms;
	arm(r, s == PROVIDER_WAITING ? 0 : until(r, row->next_ms, PROVIDER_PROBE_MS));
	if (s == PROVIDER_REGISTERED)
		arm(r, until(r, row->next_ms, left));
}

/* ---- other settings, or none ---- */

static bool same_place(const struct provider *a, const struct provider *b)
{
	return str_eq(a->server, b->server) && str_eq(a->register_server, b->register_server) &&
		str_eq(a->register_realm, b->register_realm) && str_eq(a->username, b->username) &&
		str_eq(a->register_contact, b->register_contact) &&
		str_eq(a->outbound_proxy, b->outbound_proxy);
}

static void over(struct registration *r)
{
	registration_say(r, EV_PROVIDER_LEFT, "no longer registered");
	registration_forget_row(r);
	registration_free(r);
}

static void go_on_with_next(struct registration *r)
{
	bool elsewhere = !same_place(r->provider, r->next);
	struct provider *p = r->next;

	r->next = NULL;
	take_provider(r, p);
	if (elsewhere) {
		new_call_id(r);
		r->expires_ms = 0;
	}
	registration_begin(r);
}

/* What is out has ended: stored, and what waited for that. */
static void settle(struct registration *r)
{
	bool leave =
		r->gone || (r->next && (r->next->disabled || !same_place(r->provider, r->next)));
	bool left = r->state == PROVIDER_LEAVING || !is_registered(r);

	if (leave && !left) {
		enter(r, PROVIDER_LEAVING);
		begin_try(r);
		return;
	}
	if (r->state == PROVIDER_LEAVING)
		r->expires_ms = 0;
	if (r->gone)
		over(r);
	else if (r->next)
		go_on_with_next(r);
	else
		registration_store(r);
}

void registration_configure(struct registration *r, struct provider *p)
{
	provider_unref(r->next);
	r->next = p ? provider_ref(p) : NULL;
	r->gone = p == NULL;
	r->slot = false;
	if (!r->uac)
		settle(r);
}
