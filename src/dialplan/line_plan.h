/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Line plans (facts 3.9), as the original's "Asterisk" dialplans:
 *
 *	exten = 100,1,Dial(user,password,${dst}@server)
 *	exten = _00X.,1,Dial(user,password,${dst:2}@server,Joe <sip:joe@server>,<sip:proxy>)
 *	exten =~ /^\+?44\d+$/,1,SIPReply(603,Not that way)
 *
 * The first line that matches the number counts. Pure functions: a plan is read line by line, so a
 * call costs no more than the lines in front of its own.
 */
#ifndef DIALPLAN_LINE_PLAN_H
#define DIALPLAN_LINE_PLAN_H

#include "base/buf.h"
#include "base/err.h"

enum line_app { LINE_DIAL, LINE_REPLY, LINE_UNKNOWN };

struct line_rule {
	unsigned line; /* 1 … */
	bool regex; /* "=~" */
	struct str pattern; /* without the slashes */
	enum line_app app;
	struct str name, data;
	unsigned status; /* LINE_REPLY; 0: none could be read */
	struct str reason;
};

enum line_found {
	LINE_END,
	LINE_RULE,
	LINE_IGNORED, /* it does not begin with "exten"; why says so */
	LINE_FAULT, /* why: what is wrong, and what would be right */
};

struct line_reader {
	struct str rest;
	unsigned line;
};

/* The next line that is not blank and no comment; out->line is set in every case. */
enum line_found line_next(struct line_reader *r, struct line_rule *out, struct buf *why);

/* ERR_SYNTAX, ERR_LIMIT: its pattern cannot be used; why says so. */
MUST_USE enum err line_matches(
	const struct line_rule *rule, struct str number, bool *matches, struct buf *why);

/*
 * Before it is stored: everything that would go wrong in a call. Returns the number of faults;
 * tell hears of each, and of what would be ignored (then fault is false).
 */
typedef void plan_tell_fn(unsigned line, bool fault, struct str what, void *arg);
unsigned line_plan_check(struct str script, plan_tell_fn *tell, void *arg);

#endif
