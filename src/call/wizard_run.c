/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call goes through the rules of the simple wizard (facts 3.10): every rule that matches is
 * carried out, one after the other, until one ends the call's search.
 */
#include "base/zone.h"
#include "call/native.h"
#include "dialplan/wizard.h"

struct wizard_state {
	struct run *run;
	struct wizard_plan plan;
	struct wizard_call call;
	unsigned next;
	struct deferred deferred;
	bool waiting;
};

static void describe_time(struct wizard_state *s)
{
	struct run *r = s->run;
	struct customer *owner = directory_customer(r->call->layer->env.directory, r->customer);
	int64_t now = call_worker(r->call)->clock.wall_ms / 1000, days;
	int32_t offset = 0;

	if (owner && owner->time_zone.n && !zone_offset(owner->time_zone, now, &offset))
		native_note(r, 0, "time zone %.*s is not known: rules go by UTC",
			STR_ARG(str_first(owner->time_zone, 100)));
	customer_unref(owner);
	now += offset;
	days = now / 86400;
	s->call.second = (unsigned)(now - days * 86400);
	s->call.weekday = (unsigned)((days + 4) % 7); /* 1 January 1970 was a Thursday */
}

static void describe(struct wizard_state *s)
{
	struct run *r = s->run;
	struct arena *a = &r->call->setup->arena;
	struct wizard_call *c = &s->call;

	caller_substitutions(&r->caller, &c->sub, a);
	c->in = str_eq(str_of(r->direction), STR("in"));
	c->from_uri = r->caller.from_uri;
	if (c->in && r->account)
		c->to = str_of(arena_printf(
			a, "%.*s@%.*s", STR_ARG(r->caller.user), STR_ARG(r->account->domain)));
	if (!r->parent && r->call->from_provider)
		c->provider = r->call->record.provider;
	describe_time(s);
}

/* True: the run waits for its legs. */
static bool dial(struct wizard_state *s, const struct wizard_rule *rule)
{
	struct run *r = s->run;
	struct arena *a = &r->call->setup->arena;
	struct dial_plan *plan = arena_new(a, struct dial_plan);
	char text[4096], why_text[256];
	struct buf b = BUF_OF(text), why = BUF_OF(why_text);
	uint32_t ring = 0, limit = 0;

	if (wizard_dial_string(rule, &s->call, &b) != ERR_OK)
		buf_lit(&why, "parameter1 is Ruby that rules do not know");
	else if (r->legs >= DIAL_LEGS_MAX)
		buf_lit(&why, "more than 20 legs in one execution");
	else if (dial_parse(buf_str(&b), &s->call.sub, a, plan, &why) == ERR_OK && !why.n) {
		if (rule->command == WIZARD_DIAL_ADVANCED) {
			if (str_u32(rule->parameters[1], &ring) != ERR_OK)
				ring = 0;
			if (str_u32(rule->parameters[2], &limit) != ERR_OK)
				limit = 0;
		}
		native_dial(r, plan, ring, limit);
		return true;
	}
	native_note(r, rule->line, "Dial: %.*s", STR_ARG(buf_str(&why)));
	return false;
}

static void reject(struct wizard_state *s, const struct wizard_rule *rule)
{
	uint32_t status;

	if (str_u32(rule->parameters[0], &status) != ERR_OK || status < 300 || status > 699)
		status = 480;
	native_refuse(s->run, status, rule->parameters[1], STR_NONE);
}

/* True: nothing more is to be done now. */
static bool apply(struct wizard_state *s, const struct wizard_rule *rule)
{
	native_note(s->run, rule->line, "rule \"%.*s\" is for this call",
		STR_ARG(str_first(rule->description, 100)));
	switch (rule->command) {
	case WIZARD_DIAL:
	case WIZARD_DIAL_ADVANCED:
		return dial(s, rule);
	case WIZARD_REJECT:
		reject(s, rule);
		return true;
	default:
		native_note(s->run, rule->line, "look-ups at Highrise are not made any more");
		return false;
	}
}

static void go_on(struct wizard_state *s)
{
	struct run *r = s->run;

	while (s->next < s->plan.count) {
		const struct wizard_rule *rule = &s->plan.rules[s->next++];

		if (wizard_matches(rule, &s->call) && apply(s, rule))
			return;
	}
	run_failed(r, r->status ? r->status : 480, r->reason);
}

void wizard_run_start(struct run *r)
{
	struct arena *a = &r->call->setup->arena;
	struct wizard_state *s = arena_new(a, struct wizard_state);

	r->wizard = s;
	s->run = r;
	if (wizard_parse(r->plan->script, a, &s->plan, NULL, NULL) != ERR_OK)
		native_note(r, 0, "the rules have faults; `tandem dialplan put` names them");
	describe(s);
	go_on(s);
}

static void on_deferred(struct deferred *d)
{
	struct wizard_state *s = container_of(d, struct wizard_state, deferred);

	s->waiting = false;
	if (!s->run->over && s->run->call->state < CALL_ANSWERED)
		go_on(s);
}

/* The legs that failed are still on the stack, and the next Dial lets go of them. */
void wizard_run_later(struct run *r)
{
	struct wizard_state *s = r->wizard;

	if (s->waiting)
		return;
	s->waiting = true;
	worker_defer(call_worker(r->call), &s->deferred, on_deferred);
}

void wizard_run_stop(struct run *r)
{
	if (r->wizard && r->wizard->waiting) {
		list_del(&r->wizard->deferred.link);
		r->wizard->waiting = false;
	}
}
