/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of a dry call: call.c (the run and its commands), legs.c (where a Dial goes),
 * native.c (line plans and wizard rules). */
#ifndef DRY_CALL_INT_H
#define DRY_CALL_INT_H

#include "base/buf.h"
#include "dialplan/dialstring.h"
#include "dry/call.h"

struct dry_caller {
	struct str display, user, host;
};

/* Text of an argument; STR_NONE: there is none. */
struct str dry_arg(json_t *args, const char *key);
json_t *dry_json(struct str s);
void dry_step(struct dry_call *c, json_t *step);
void dry_caller_of(struct dry_call *c, struct dry_caller *out);
void dry_substitutions(struct dry_call *c, struct dial_substitutions *out);
/* The account that a user and a domain (or "") name; a reference, NULL: none. */
struct account *dry_account(struct dry_call *c, struct str user, struct str domain);
bool dry_registered(const struct dry_call *c, const struct account *acc);

/* The command "dial": its answer. */
json_t *dry_dial(struct dry_call *c, json_t *args);
/* The same for a dial string that was read. */
json_t *dry_dial_plan(struct dry_call *c, json_t *args, struct str string, struct dial_plan *plan);

/* native.c: plans that need no script. */
bool dry_native(struct dry_call *c); /* false: it is a script */
/* As a sandbox says that a run ended: "done", "error", "killed". */
void dry_end(struct dry_call *c, const char *how, struct str message, unsigned line);
void dry_log(struct dry_call *c, struct str text);

#endif
