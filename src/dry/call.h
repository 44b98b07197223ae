/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call that is none: it gives a script the answers that it was told to give, and notes every
 * step. Where legs would go is found as a real call finds it (dialplan/dialstring.h,
 * directory/dialled.h); nobody is called. What nothing was said of does not answer, so that the
 * whole script is seen.
 */
#ifndef DRY_CALL_H
#define DRY_CALL_H

#include <jansson.h>

#include "directory/directory.h"
#include "dry/box.h"
#include "store/repo.h"

enum { DRY_ANSWERS_MAX = 64 };

struct dry_call {
	/* ---- set before the run ---- */
	struct directory *directory;
	struct store_db *db; /* of the script's own values; writes are undone at the end */
	struct str customer; /* whose dialplan it is */
	struct str name; /* of the dialplan */
	struct str script;
	struct str type; /* "ruby", "line", "wizard"; empty: "ruby" */
	bool incoming;
	struct str from; /* "alice", "Alice <sip:alice@host>" or a URI */
	struct str to; /* a number, or a SIP URI */
	struct str at; /* "2026-03-04 09:30:00": what the clock says; empty: now */
	/* Whom (provider, user, user@host, "*") and what: ok, busy, noanswer, unavailable, a
	 * status, "302:sip:…". */
	struct {
		struct str who, what;
	} answers[DRY_ANSWERS_MAX];
	unsigned answer_count;
	struct str unregistered; /* accounts without phones, "bob carol" */
	struct str enum_found; /* what ENUM says: "43123=sip:x@y …" */

	/* ---- the run ---- */
	struct arena *arena;
	json_t *steps; /* docs/dialplans/README.md says what is in them */
	bool over, answered;
	unsigned status; /* of the last failure; 0: none */
	struct str reason;
	unsigned legs;
};

/* "p1=busy,p2=ok" added to the answers; false: with words in `why`. */
bool dry_call_take_answers(struct dry_call *c, struct str text, struct buf *why);
/* Runs it; c->steps is a new array, to be released. */
void dry_call_run(struct dry_call *c, struct dry_box *b);

#endif
