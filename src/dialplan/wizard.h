/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simple wizard rules (facts 2.13, 3.10) as text, a section a rule; names of keys as in the
 * original's table, or with blanks, "_" and small letters:
 *
 *	[rule To the UK]
 *	direction = out            ; or in
 *	priority = 1.5             ; without: behind those that have one, in the order of writing
 *	pattern_type = prefix      ; exact, prefix, regex
 *	pattern = 0044NX
 *	command = dial             ; dial, dial_advanced, reject
 *	parameter1 = ${dst:2}
 *	parameter2 = provider
 *
 * Rules for calls that come in may ask who is called and when:
 *	to_match_type = account    ; any, account, provider, regex
 *	to_match = alice@example.org
 *	time = MTuWThF;09:00-17:30
 *
 * Pure functions.
 */
#ifndef DIALPLAN_WIZARD_H
#define DIALPLAN_WIZARD_H

#include "base/arena.h"
#include "dialplan/dialstring.h"
#include "dialplan/line_plan.h"

enum { WIZARD_RULES_MAX = 500, WIZARD_PARAMETERS = 4 };

enum wizard_to { WIZARD_TO_ANY, WIZARD_TO_ACCOUNT, WIZARD_TO_PROVIDER, WIZARD_TO_REGEX };
enum wizard_pattern { WIZARD_EXACT, WIZARD_PREFIX, WIZARD_REGEX };
enum wizard_command { WIZARD_DIAL, WIZARD_DIAL_ADVANCED, WIZARD_REJECT, WIZARD_LOOKUP };

struct wizard_rule {
	unsigned line; /* where it begins */
	bool in, disabled;
	int64_t priority; /* in thousandths */
	struct str description, to, pattern, time;
	enum wizard_to to_type;
	enum wizard_pattern pattern_type;
	enum wizard_command command;
	bool has_command;
	struct str parameters[WIZARD_PARAMETERS];
};

struct wizard_plan {
	struct wizard_rule *rules; /* in the order of their priorities */
	unsigned count;
};

/* ERR_SYNTAX when there were faults: tell hears of each, tell may be NULL. Slices are of the
 * script. */
MUST_USE enum err wizard_parse(
	struct str script, struct arena *a, struct wizard_plan *out, plan_tell_fn *tell, void *arg);

struct wizard_call {
	bool in;
	struct dial_substitutions sub; /* who is called, who calls */
	struct str from_uri;
	struct str to; /* "user@domain" of the account that is called; in only */
	struct str provider; /* that it comes through; in only */
	unsigned weekday; /* 0: Sunday */
	unsigned second; /* of the day, where the customer is */
};

bool wizard_matches(const struct wizard_rule *rule, const struct wizard_call *call);

/* "MTuWThF;09:00-17:30": the last minute counts; ranges may go past midnight, into the day after.
 */
bool wizard_time_matches(struct str time, unsigned weekday, unsigned second);

/*
 * The dial string of a rule. "#{req.URI.User}" and its relatives, with [n..-1] behind, are
 * understood as the only contents of parameter 1; ERR_SYNTAX: any other Ruby.
 */
MUST_USE enum err wizard_dial_string(
	const struct wizard_rule *rule, const struct wizard_call *call, struct buf *out);

#endif
