/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A registration: its states, its timer, its turn, and what changes of its provider do to it. What
 * becomes of a try is in outcome.c.
 */
#include "provider/registration.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

enum {
	WATCHDOG_MS = 300000, /* a try cannot take longer */
	EXPIRY_DEFAULT_S = 3600,
};

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

void registration_set_reason(struct registration *r, const char *text)
{
	free(r->reason);
	r->reason = *text ? str_dup(str_of(text)) : NULL;
}

void registration_enter(struct registration *r, enum provider_state s)
{
	bool passing = s == PROVIDER_TRYING; /* what it was and is counts, not the refresh */

	if (!passing && r->settled != s) {
		r->since_ms = registration_worker(r)->clock.wall_ms;
		r->agent->states[r->settled]--;
		r->agent->states[s]++;
		r->settled = s;
		provider_set_refuses_us(r->provider, s == PROVIDER_NEEDS_CREDENTIALS);
	}
	r->state = s;
}

/* ---- waiting ---- */

void registration_arm(struct registration *r, uint64_t ms)
{
	r->next_ms = registration_worker(r)->clock.wall_ms + (int64_t)ms;
	timer_start(&registration_worker(r)->wheel, &r->timer, ms);
}

bool registration_is_registered(const struct registration *r)
{
	return r->expires_ms > registration_now(r);
}

/* ---- trying ---- */

void registration_try(struct registration *r)
{
	if (r->state != PROVIDER_LEAVING)
		registration_enter(r, PROVIDER_TRYING);
	r->began_ms = registration_now(r);
	registration_arm(r, WATCHDOG_MS);
	if (!registration_send(r, &registration_handlers))
		return;
	registration_fail(r, CAUSE_REFUSED, PROVIDER_HELD, PROVIDER_PROBE_MS,
		"%.*s, or what else is configured, is no SIP URI: it is written like "
		"sip:provider.example",
		STR_ARG(provider_registrar(r->provider)));
}

static uint32_t expiry_wanted(const struct provider *p)
{
	uint32_t s = p->register_expiry_s ? p->register_expiry_s : EXPIRY_DEFAULT_S;

	return s < PROVIDER_EXPIRY_MAX_S ? s : PROVIDER_EXPIRY_MAX_S;
}

/* What its owner allows: so many a minute. */
static uint64_t own_wait(const struct registration *r)
{
	unsigned rate = r->provider->rate_per_minute;
	uint64_t next = r->began_ms + (rate ? 60000 / rate : 0);

	return r->began_ms && next > registration_now(r) ? next - registration_now(r) : 0;
}

/* Its turn comes by the rates; a try that follows another at once does not wait again. */
static void take_turn(struct registration *r)
{
	uint64_t wait = own_wait(r);

	if (wait) {
		registration_arm(r, wait);
		return;
	}
	wait = provider_pace_take(r->agent, r->pace, registration_is_registered(r));
	if (wait == 0) {
		registration_try(r);
		return;
	}
	r->slot = true;
	registration_arm(r, wait);
}

static void stopped_answering(struct registration *r)
{
	uac_abandon(r->uac);
	r->uac = NULL;
	registration_fail(r, CAUSE_SILENCE, PROVIDER_BACKING_OFF, 0,
		"Registration to %.*s did not end.", STR_ARG(provider_registrar(r->provider)));
}

static void on_timer(struct timer *t)
{
	struct registration *r = container_of(t, struct registration, timer);

	if (r->uac) {
		stopped_answering(r);
	} else if (r->provider->disabled) {
		registration_arm(r, PROVIDER_PROBE_MS); /* until its owner says otherwise */
	} else if (r->slot) {
		r->slot = false;
		registration_try(r);
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
	directory_provider_token(a->env.key, p->customer, p->name, r->token);
	new_call_id(r);
	timer_init(&r->timer, on_timer);
	hash_add(&a->registrations, &r->node, hash_istr(key));
	return r;
}

void registration_free(struct registration *r)
{
	struct provider_agent *a = r->agent;

	a->states[r->settled]--;
	hash_del(&a->registrations, &r->node);
	timer_stop(&registration_worker(r)->wheel, &r->timer);
	if (r->uac)
		uac_abandon(r->uac);
	mwi_drop(r);
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
	registration_set_reason(
		r, r->provider->disabled_reason.n ? "" : "its owner switched it off");
	if (r->provider->disabled_reason.n)
		r->reason = str_dup(r->provider->disabled_reason);
	registration_enter(r, PROVIDER_HELD);
	registration_arm(r, PROVIDER_PROBE_MS);
	registration_say(r, EV_PROVIDER_HELD, r->reason);
	registration_store(r);
}

void registration_begin(struct registration *r)
{
	if (r->provider->disabled) {
		hold(r);
		return;
	}
	registration_enter(r, PROVIDER_WAITING);
	take_turn(r);
	registration_store(r);
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
void registration_settle(struct registration *r)
{
	bool leave =
		r->gone || (r->next && (r->next->disabled || !same_place(r->provider, r->next)));
	bool left = r->state == PROVIDER_LEAVING || !registration_is_registered(r);

	if (leave)
		mwi_leave(r);
	else if (!r->next)
		mwi_look(r);
	if (leave && !left) {
		registration_enter(r, PROVIDER_LEAVING);
		registration_try(r);
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
	if (r->uac && !uac_flow(r->uac) && r->state != PROVIDER_LEAVING) {
		uac_abandon(r->uac); /* nothing was sent yet */
		r->uac = NULL;
	}
	if (!r->uac)
		registration_settle(r);
}
