/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dial strings (facts section 4): groups tried one after the other ("|"), legs of a group rung
 * together ("&"), options in brackets, substitutions. A pure parser; what a destination means is
 * the call's business.
 */
#ifndef DIALPLAN_DIALSTRING_H
#define DIALPLAN_DIALSTRING_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	DIAL_LEGS_MAX = 20,
	DIAL_DELAY_MAX_S = 120,
	DIAL_REINVITE_MAX_S = 5, /* dr= beyond that means DIAL_REINVITE_S */
	DIAL_REINVITE_S = 2,
};

enum dial_redirect {
	DIAL_REDIRECT_FOLLOW,
	DIAL_REDIRECT_NEW_CALL /* rm=n */,
	DIAL_REDIRECT_MANUAL /* rm=m */
};

struct dial_leg {
	unsigned group; /* 0 … */
	struct str text; /* destination as written, substituted */
	struct str user,
		host; /* parts of the destination; user: the request's when none was given */
	struct str uri; /* "sip:user@host…" after completion (facts 4.2) */
	unsigned delay_s; /* dt= */
	unsigned duration_s; /* cd=, 0: none */
	enum dial_redirect redirect; /* rm= */
	bool mangle; /* ma=, true by default */
	struct str from_display, from_user, from_host; /* fd= fu= fh= */
	char transfer; /* tr=: 'n', 'p', 'c' or 0 */
	unsigned reinvite_s; /* dr= ir=: both sides are invited again so long after the answer; 0:
				no */
	bool crm; /* rcd=true */
	struct str account_code, rate_code; /* ac= rc= */
	struct str line_name, line_caller, line_owner; /* swln= swcid= swo= */
	struct str options; /* all of the text in brackets */
	/* of one that was given in fields (facts 4.8): the host is used as it is */
	bool fields;
	struct str username, password, from, send_to; /* send_to: URI of a proxy, or empty */
};

struct dial_substitutions { /* facts 3.8 */
	struct str dst, from_name, from_user, from_aor;
};

struct dial_plan {
	struct dial_leg legs[DIAL_LEGS_MAX];
	unsigned count, groups;
};

/* Replaces ${dst}, ${exten:n}, ${fromname} … (facts 3.8); unknown tokens stay. */
void dial_substitute(struct buf *b, struct str text, const struct dial_substitutions *sub);

/* ERR_SYNTAX (missing bracket, URI that cannot be), ERR_LIMIT (too many legs), with a sentence in
 * `why`. Slices are copied into the arena. */
MUST_USE enum err dial_parse(struct str text, const struct dial_substitutions *sub, struct arena *a,
	struct dial_plan *out, struct buf *why);

/* The same for a single leg in fields, as line plans have it: "user,password,destination[,From[,
 * SendTo[,Trace]]]". dial_parse knows that form, too, by its commas. */
MUST_USE enum err dial_parse_line(struct str text, const struct dial_substitutions *sub,
	struct arena *a, struct dial_plan *out, struct buf *why);

#endif
