/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs of dialplans that need no script, for the files of this folder only. */
#ifndef CALL_NATIVE_H
#define CALL_NATIVE_H

#include "call/model.h"

enum native_kind { NATIVE_NONE, NATIVE_LINES, NATIVE_WIZARD };

enum native_kind native_kind_of(struct str type);
void native_start(struct run *r);
void native_dial_done(struct run *r);
void native_dial(struct run *r, const struct dial_plan *plan, unsigned ring_s, unsigned limit_s);
/* contact: of a redirection; may be empty. */
void native_refuse(struct run *r, unsigned status, struct str reason, struct str contact);
PRINTF(3, 4) void native_note(struct run *r, unsigned line, const char *fmt, ...);
/* The plan is wrong: 500. */
void native_fail(struct run *r, unsigned line, struct str what);

/* ---- line_run.c ---- */
void line_run_start(struct run *r);

/* ---- wizard_run.c ---- */
void wizard_run_start(struct run *r);
void wizard_run_later(struct run *r); /* on with the next rule, at the end of this turn */
void wizard_run_stop(struct run *r);

#endif
