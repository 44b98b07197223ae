/* SPDX-License-Identifier: BSD-3-Clause */
/* Dialplans that need no script: line plans and wizard rules. What they have in common. */
#include "call/native.h"

enum native_kind native_kind_of(struct str type)
{
	static const struct {
		const char *name;
		enum native_kind kind;
	} types[] = {
		{ "asterisk", NATIVE_LINES },
		{ "line", NATIVE_LINES },
		{ "wizard", NATIVE_WIZARD },
		{ "simplewizard", NATIVE_WIZARD },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_ieq(type, str_of(types[i].name)))
			return types[i].kind;
	return NATIVE_NONE;
}

/* What a script's log line would say. */
void native_note(struct run *r, unsigned line, const char *fmt, ...)
{
	char text[400];
	struct buf b = BUF_OF(text);
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&b, fmt, args);
	va_end(args);
	call_event(r->call, EV_CALL_NOTE, "dialplan %.*s line %u: %.*s", STR_ARG(r->plan->name),
		line, STR_ARG(buf_str(&b)));
}

void native_fail(struct run *r, unsigned line, struct str what)
{
	call_event(r->call, EV_SCRIPT_ERROR, "dialplan %.*s line %u: %.*s", STR_ARG(r->plan->name),
		line, STR_ARG(str_first(what, 300)));
	run_failed(r, 500, STR("Dial plan syntax error"));
}

/* Says in the words of a SIP answer that the run is over. */
void native_refuse(struct run *r, unsigned status, struct str reason, struct str contact)
{
	struct sip_extra extra = { .id = SIP_HDR_CONTACT };
	struct arena *a = &r->call->setup->arena;

	reason = arena_str(a, reason);
	r->redirect_uri = STR_NONE;
	if (contact.n && status < 400)
		r->redirect_uri = arena_str(a, contact);
	if (r->parent || !r->redirect_uri.n) {
		run_failed(r, status, reason);
		return;
	}
	extra.value = str_of(arena_printf(a, "<%.*s>", STR_ARG(contact)));
	r->over = true;
	call_reject(r->call, status, reason, &extra, 1);
}

void native_dial(struct run *r, const struct dial_plan *plan, unsigned ring_s, unsigned limit_s)
{
	struct dial *d = dial_new(r);

	r->legs += plan->count;
	d->ring_s = ring_s && ring_s <= CALL_RING_MAX_S ? ring_s : r->call->layer->cfg.ring_s;
	d->limit_s = limit_s;
	dial_start(d, plan);
}

void native_start(struct run *r)
{
	if (native_kind_of(r->plan->type) == NATIVE_LINES)
		line_run_start(r);
	else
		wizard_run_start(r);
}

/* A Dial of it failed: called while the attempts are still on the stack. */
void native_dial_done(struct run *r)
{
	if (native_kind_of(r->plan->type) == NATIVE_WIZARD)
		wizard_run_later(r);
	else
		run_failed(r, r->status ? r->status : 480, r->reason);
}
