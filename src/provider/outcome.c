/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of a try: answers (facts 6.3), silence, and how long to wait after each. */
#include "provider/registration.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

enum {
	RETRY_MIN_MS = 5000,
	RETRY_MAX_MS = 300000,
	LOOK_MAX_MS =
		20000, /* while only names or our network are the matter: that asks nobody else */
	RETRY_AFTER_MAX_S = 3600,
	REJECTIONS_MAX = 2,
	UNKNOWN_MAX_MS = 86400000, /* a name that does not exist that long */
	URI_TEXT_MAX = 1024,
};

/* ---- waiting ---- */

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

void registration_fail(struct registration *r, enum provider_cause cause, enum provider_state state,
	uint64_t wait_ms, const char *fmt, ...)
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
	registration_set_reason(r, text);
	if (r->state == PROVIDER_LEAVING) {
		registration_settle(r);
		return;
	}
	registration_enter(r, state);
	registration_arm(r, with_jitter(r, wait_ms ? wait_ms : backoff(r)));
	registration_say(r, kind, text);
	registration_settle(r);
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
	bool refreshed = registration_is_registered(r) && !r->reason;
	char text[PROVIDER_REASON_MAX];

	if (!seconds) {
		r->expires_ms = 0;
		registration_fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, 0,
			"the provider says %u but does not keep our contact: read from %s",
			rsp->status, how);
		return;
	}
	end_try(r);
	r->agent->successes++;
	r->cause = CAUSE_NONE;
	r->failures = r->rejections = 0;
	r->expires_ms = registration_now(r) + seconds * 1000ULL;
	registration_set_reason(r, "");
	registration_enter(r, PROVIDER_REGISTERED);
	registration_arm(r, refresh_after_ms(r, seconds));
	snprintf(text, sizeof(text), "registered for %u s, by %s", seconds, how);
	registration_say(r, refreshed ? EV_PROVIDER_REFRESHED : EV_PROVIDER_REGISTERED, text);
	registration_settle(r);
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
	if (r->provider->password_fault.n)
		registration_fail(r, CAUSE_REFUSED, PROVIDER_NEEDS_CREDENTIALS, PROVIDER_PROBE_MS,
			"the provider asks for a password (%u): %.*s", rsp->status,
			STR_ARG(r->provider->password_fault));
	else if (!r->provider->password.n)
		registration_fail(r, CAUSE_REFUSED, PROVIDER_NEEDS_CREDENTIALS, PROVIDER_PROBE_MS,
			"the provider asks for a password (%u), and none is configured",
			rsp->status);
	else if (!answered)
		registration_fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, 0,
			"Server did not provide auth header, check realm. (%u %.*s)", rsp->status,
			STR_ARG(rsp->reason));
	else if (++r->rejections < REJECTIONS_MAX)
		registration_fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, RETRY_MIN_MS,
			"Registration failed (%u %.*s): user name or password were not accepted; "
			"one more try",
			rsp->status, STR_ARG(rsp->reason));
	else
		registration_fail(r, CAUSE_REFUSED, PROVIDER_NEEDS_CREDENTIALS, PROVIDER_PROBE_MS,
			"Authentication failed (%u %.*s): check user name and password",
			rsp->status, STR_ARG(rsp->reason));
}

static void unwelcome(struct registration *r, const struct sip_msg *rsp)
{
	unsigned status;
	uint32_t nc;
	bool answered = uac_challenge(r->uac, &status, &nc).n > 0;

	registration_fail(r, CAUSE_REFUSED, PROVIDER_NEEDS_CREDENTIALS, PROVIDER_PROBE_MS,
		answered ? "Username was rejected by SIP Provider with %u %.*s"
			 : "Authentication failed (%u %.*s)",
		rsp->status, STR_ARG(rsp->reason));
}

/* Once more at once, with something changed; false: it was often enough. */
static bool again(struct registration *r)
{
	if (r->turns++ >= PROVIDER_TURNS_MAX)
		return false;
	uac_free(r->uac);
	r->uac = NULL;
	registration_try(r);
	return true;
}

static void too_brief(struct registration *r, const struct sip_msg *rsp)
{
	struct str value = sip_msg_hdr(rsp, SIP_HDR_MIN_EXPIRES);
	uint32_t least;

	if (value.n && !sip_seconds_parse(value, &least) && least > r->asked_s &&
		least <= PROVIDER_EXPIRY_MAX_S) {
		r->asked_s = least;
		if (again(r))
			return;
	}
	registration_fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, 0,
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
	registration_fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, 0,
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
		registration_settle(r);
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
		registration_fail(r, CAUSE_REFUSED, PROVIDER_BACKING_OFF, retry_after_ms(rsp),
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
		registration_fail(r, CAUSE_NO_NAME, PROVIDER_BACKING_OFF, 0,
			"the name server says that %.*s does not exist", STR_ARG(uri));
	else
		registration_fail(r, CAUSE_NO_NAME, PROVIDER_HELD, PROVIDER_PROBE_MS,
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
		registration_fail(r, why == ERR_TIMEOUT ? CAUSE_NO_DNS : CAUSE_NETWORK,
			PROVIDER_BACKING_OFF, 0,
			why == ERR_TIMEOUT ? "no name server says where %.*s is"
					   : "%.*s cannot be reached from here",
			STR_ARG(uri));
	else if (why == ERR_TIMEOUT)
		registration_fail(r, CAUSE_SILENCE, PROVIDER_BACKING_OFF, 0,
			"Registration to %.*s timed out.", STR_ARG(uri));
	else
		registration_fail(r, CAUSE_NETWORK, PROVIDER_BACKING_OFF, 0,
			"Registration to %.*s could not be sent: %s", STR_ARG(uri), err_text(why));
}

const struct uac_handlers registration_handlers = {
	.on_response = on_response, .on_failed = on_failed, .print = registration_print
};

/* ---- the end of being cut off ---- */

static void wake_node(struct hash_node *n, void *arg)
{
	(void)arg;
	registration_wake(container_of(n, struct registration, node));
}

void registrations_wake(struct provider_agent *a)
{
	a->cut_off = false;
	hash_each(&a->registrations, wake_node, NULL);
}

static void somebody_answers(struct provider_agent *a)
{
	a->heard_ms = a->env.uac.worker->clock.mono_ms;
	if (a->cut_off)
		registrations_wake(a);
}

void registration_wake(struct registration *r)
{
	if (r->state != PROVIDER_BACKING_OFF || r->slot ||
		(r->cause != CAUSE_NO_DNS && r->cause != CAUSE_NETWORK &&
			r->cause != CAUSE_SILENCE))
		return;
	/* if that was not it, the pause goes on growing */
	registration_arm(r, rng_below(&registration_worker(r)->rng, REGISTRATION_SOON_MS));
}

void registration_retry(struct registration *r)
{
	if (r->slot || (r->state != PROVIDER_BACKING_OFF && r->state != PROVIDER_NEEDS_CREDENTIALS))
		return;
	r->failures = r->rejections = 0;
	registration_arm(r, 0);
}
