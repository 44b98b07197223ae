/* SPDX-License-Identifier: BSD-3-Clause */
/* Line plans and wizard rules, as call/line_run.c and call/wizard_run.c go through them. */
#include "base/clock.h"
#include "dialplan/line_plan.h"
#include "dialplan/wizard.h"
#include "dry/call_int.h"

#include <string.h>

static void note(struct dry_call *c, unsigned line, const char *fmt, ...) PRINTF(3, 4);
static void note(struct dry_call *c, unsigned line, const char *fmt, ...)
{
	char text[512];
	struct buf b = BUF_OF(text);
	va_list args;

	buf_printf(&b, "line %u: ", line);
	va_start(args, fmt);
	buf_vprintf(&b, fmt, args);
	va_end(args);
	dry_log(c, buf_str(&b));
}

/* A final answer of the plan's own. */
static void respond(struct dry_call *c, unsigned status, struct str reason)
{
	dry_step(c,
		json_pack("{s:s,s:i,s:o}", "step", "respond", "status", (int)status, "reason",
			dry_json(reason)));
	if (status < 300)
		return;
	c->status = status;
	c->reason = arena_str(c->arena, reason);
	c->over = true;
}

static void dial(struct dry_call *c, struct str string, struct dial_plan *plan, unsigned ring_s,
	unsigned limit_s)
{
	json_t *args = json_pack("{s:i,s:i}", "ring", (int)ring_s, "limit", (int)limit_s);

	json_decref(dry_dial_plan(c, args, string, plan));
	json_decref(args);
}

/* ---- line plans ---- */

static void line_dial(struct dry_call *c, const struct line_rule *rule)
{
	struct dial_plan *plan = arena_new(c->arena, struct dial_plan);
	struct dial_substitutions sub;
	char text[256];
	struct buf why = BUF_OF(text);

	dry_substitutions(c, &sub);
	if (dial_parse_line(rule->data, &sub, c->arena, plan, &why) != ERR_OK) {
		dry_end(c, "error", buf_str(&why), rule->line);
		return;
	}
	/* The user's password is nobody's business. */
	dial(c, plan->count ? plan->legs[0].text : STR(""), plan, 0, 0);
	dry_end(c, "done", STR(""), 0);
}

static void line_apply(struct dry_call *c, const struct line_rule *rule)
{
	bool reply = rule->app == LINE_REPLY;

	note(c, rule->line, "%.*s is for this call", STR_ARG(str_first(rule->pattern, 100)));
	if (rule->app == LINE_DIAL) {
		line_dial(c, rule);
	} else if (reply && rule->status > 100 && rule->status / 100 != 2) {
		respond(c, rule->status, rule->reason);
		dry_end(c, "done", STR(""), 0);
	} else {
		dry_end(c, "error",
			reply ? STR("SIPReply needs a status from 101 to 699, and none of 200 to "
				    "299")
			      : STR("Invalid dialplan command"),
			rule->line);
	}
}

/* True: the search ends. */
static bool line_try(struct dry_call *c, const struct line_rule *rule, struct buf *why)
{
	struct dial_substitutions sub;
	bool matches;

	dry_substitutions(c, &sub);
	if (line_matches(rule, sub.dst, &matches, why) != ERR_OK) {
		dry_end(c, "error", buf_str(why), rule->line);
		return true;
	}
	if (matches)
		line_apply(c, rule);
	return matches;
}

static void run_lines(struct dry_call *c)
{
	struct line_reader reader = { .rest = c->script };
	struct line_rule rule;
	enum line_found found;

	for (;;) {
		char text[512];
		struct buf why = BUF_OF(text);

		found = line_next(&reader, &rule, &why);
		if (found == LINE_END || found == LINE_FAULT)
			break;
		if (found == LINE_IGNORED)
			note(c, rule.line, "%.*s", STR_ARG(buf_str(&why)));
		else if (line_try(c, &rule, &why))
			return;
	}
	c->status = 404;
	if (found == LINE_FAULT)
		dry_end(c, "error", STR("the line is not understood"), rule.line);
	else
		dry_end(c, "done", STR(""), 0);
}

/* ---- wizard rules ---- */

/* What the clock where the customer is says: --at, or UTC. */
static void tell_time(const struct dry_call *c, struct wizard_call *call)
{
	char text[] = "0000-00-00T00:00:00.000Z";
	struct clock now;
	int64_t ms, s;

	clock_read(&now);
	ms = now.wall_ms;
	if (c->at.n >= 10) {
		memcpy(text, c->at.p, c->at.n < 19 ? c->at.n : 19);
		text[10] = 'T';
		if (clock_parse_iso(str_of(text), &ms) != ERR_OK)
			ms = now.wall_ms;
	}
	s = ms / 1000;
	call->second = (unsigned)(s % 86400);
	call->weekday = (unsigned)((s / 86400 + 4) % 7); /* 1 January 1970 was a Thursday */
}

static void describe(struct dry_call *c, struct wizard_call *call)
{
	struct dry_caller from;
	char domain[256];

	dry_caller_of(c, &from);
	dry_substitutions(c, &call->sub);
	call->in = c->incoming;
	call->from_uri = str_of(
		arena_printf(c->arena, "sip:%.*s@%.*s", STR_ARG(from.user), STR_ARG(from.host)));
	if (c->incoming &&
		directory_domain(c->directory, STR("local"), false, domain, sizeof(domain)))
		call->to =
			str_of(arena_printf(c->arena, "%.*s@%s", STR_ARG(call->sub.dst), domain));
	tell_time(c, call);
}

static void wizard_dial(
	struct dry_call *c, const struct wizard_rule *rule, const struct wizard_call *call)
{
	struct dial_plan *plan = arena_new(c->arena, struct dial_plan);
	char mem[4096], why_mem[256];
	struct buf b = BUF_OF(mem), why = BUF_OF(why_mem);
	uint32_t ring = 0, limit = 0;

	if (wizard_dial_string(rule, call, &b) != ERR_OK) {
		note(c, rule->line, "parameter1 is Ruby that rules do not know");
		return;
	}
	if (dial_parse(buf_str(&b), &call->sub, c->arena, plan, &why) != ERR_OK) {
		note(c, rule->line, "Dial: %.*s", STR_ARG(buf_str(&why)));
		return;
	}
	if (rule->command == WIZARD_DIAL_ADVANCED) {
		if (str_u32(rule->parameters[1], &ring) != ERR_OK)
			ring = 0;
		if (str_u32(rule->parameters[2], &limit) != ERR_OK)
			limit = 0;
	}
	dial(c, arena_str(c->arena, buf_str(&b)), plan, ring, limit);
}

static void wizard_apply(
	struct dry_call *c, const struct wizard_rule *rule, const struct wizard_call *call)
{
	uint32_t status;

	note(c, rule->line, "rule \"%.*s\" is for this call",
		STR_ARG(str_first(rule->description, 100)));
	if (rule->command == WIZARD_DIAL || rule->command == WIZARD_DIAL_ADVANCED) {
		wizard_dial(c, rule, call);
	} else if (rule->command == WIZARD_REJECT) {
		if (str_u32(rule->parameters[0], &status) != ERR_OK || status < 300 || status > 699)
			status = 480;
		respond(c, status, rule->parameters[1]);
	} else {
		note(c, rule->line, "look-ups at Highrise are not made any more");
	}
}

static void tell_fault(unsigned line, bool fault, struct str what, void *arg)
{
	note(arg, line, "%.*s", STR_ARG(what));
}

static void run_rules(struct dry_call *c)
{
	struct wizard_plan plan = { .count = 0 };
	struct wizard_call call = { .in = false };

	if (wizard_parse(c->script, c->arena, &plan, tell_fault, c) != ERR_OK)
		dry_log(c, STR("the rules have faults"));
	describe(c, &call);
	for (unsigned i = 0; i < plan.count && !c->over; i++)
		if (wizard_matches(&plan.rules[i], &call))
			wizard_apply(c, &plan.rules[i], &call);
	dry_end(c, "done", STR(""), 0);
}

bool dry_native(struct dry_call *c)
{
	bool lines = str_eq(c->type, STR("line"));

	if (lines)
		run_lines(c);
	else if (str_eq(c->type, STR("wizard")))
		run_rules(c);
	else
		return false;
	return true;
}
