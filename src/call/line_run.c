/* SPDX-License-Identifier: BSD-3-Clause */
/* A call goes through a line plan (facts 3.9): the first line that matches decides. */
#include "call/native.h"
#include "dialplan/line_plan.h"

static void dial(struct run *r, const struct line_rule *rule)
{
	struct arena *a = &r->call->setup->arena;
	struct dial_plan *plan = arena_new(a, struct dial_plan);
	struct dial_substitutions sub;
	char text[256];
	struct buf why = BUF_OF(text);

	caller_substitutions(&r->caller, &sub, a);
	if (dial_parse_line(rule->data, &sub, a, plan, &why) != ERR_OK)
		native_fail(r, rule->line, buf_str(&why));
	else
		native_dial(r, plan, 0, 0);
}

static bool is_uri(struct str text)
{
	return str_istarts(text, STR("sip:")) || str_istarts(text, STR("sips:"));
}

/* A provisional answer alone would leave the caller waiting for ever. */
static void reply(struct run *r, const struct line_rule *rule)
{
	unsigned status = rule->status;

	if (status >= 300) {
		native_refuse(r, status, is_uri(rule->reason) ? STR_NONE : rule->reason,
			is_uri(rule->reason) ? rule->reason : STR_NONE);
	} else if (status >= 200 && r->call->method != SIP_INVITE && !r->parent) {
		call_accept_message(r->call);
	} else if (status && status < 200) {
		progress_from_script(r->call, status, rule->reason);
		run_failed(r, 480, STR_NONE);
	} else {
		native_fail(r, rule->line,
			STR("SIPReply needs a status from 101 to 699, and none "
			    "of 200 to 299 for a call"));
	}
}

static void apply(struct run *r, const struct line_rule *rule)
{
	char text[128];
	struct buf b = BUF_OF(text);

	native_note(r, rule->line, "%.*s %s %.*s: %.*s", STR_ARG(str_first(r->caller.user, 60)),
		rule->regex ? "=~" : "=", STR_ARG(str_first(rule->pattern, 60)),
		STR_ARG(str_first(rule->name, 40)));
	if (rule->app == LINE_DIAL) {
		dial(r, rule);
	} else if (rule->app == LINE_REPLY) {
		reply(r, rule);
	} else {
		buf_printf(&b, "Invalid dialplan command %.*s", STR_ARG(str_first(rule->name, 60)));
		call_event(r->call, EV_SCRIPT_ERROR, "dialplan %.*s line %u: %.*s",
			STR_ARG(r->plan->name), rule->line, STR_ARG(buf_str(&b)));
		run_failed(r, 500, arena_str(&r->call->setup->arena, buf_str(&b)));
	}
}

/* True: the search ends. */
static bool try_rule(struct run *r, const struct line_rule *rule, struct buf *why)
{
	bool matches;

	if (line_matches(rule, r->caller.user, &matches, why) != ERR_OK) {
		native_fail(r, rule->line, buf_str(why));
		return true;
	}
	if (matches)
		apply(r, rule);
	return matches;
}

void line_run_start(struct run *r)
{
	struct line_reader reader = { .rest = r->plan->script };
	struct line_rule rule;

	for (;;) {
		char text[512];
		struct buf why = BUF_OF(text);

		switch (line_next(&reader, &rule, &why)) {
		case LINE_END:
			call_event(r->call, EV_CALL_NOTE, "dialplan %.*s has no line for %.*s",
				STR_ARG(r->plan->name), STR_ARG(str_first(r->caller.user, 60)));
			run_failed(r, 404, STR_NONE);
			return;
		case LINE_RULE:
			if (try_rule(r, &rule, &why))
				return;
			break;
		case LINE_IGNORED:
			native_note(r, rule.line, "%.*s", STR_ARG(buf_str(&why)));
			break;
		case LINE_FAULT:
			native_fail(r, rule.line, buf_str(&why));
			return;
		}
	}
}
