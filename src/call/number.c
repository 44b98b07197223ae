/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scripts' ENUM look-ups (transport/enum.h). The call may be gone when the answer comes, so a
 * look-up remembers ids, not pointers.
 */
#include "call/model.h"

#include <stdlib.h>

#include "transport/enum.h"

enum { TEXT_MAX = 300 };

struct number {
	struct list link;
	struct call_layer *layer;
	struct enum_lookup *lookup;
	struct arena arena;
	struct str call, text;
	uint64_t script;
	uint32_t command;
};

static void number_free(struct number *n)
{
	list_del(&n->link);
	arena_fini(&n->arena);
	free(n);
}

static void done(void *arg, struct str uri, struct str tried)
{
	struct number *n = arg;
	struct run *r = run_find(n->layer, n->call, n->script);

	if (r) {
		call_event(r->call, EV_SCRIPT_COMMAND, "ENUM: %.*s is %.*s (asked for %.*s)",
			STR_ARG(n->text), STR_ARG(uri.n ? uri : STR("not known")), STR_ARG(tried));
		script_answer(r, n->command, uri.n ? call_json(uri) : json_null());
	}
	number_free(n);
}

void number_command(struct run *r, uint32_t command, struct str text)
{
	struct call_layer *l = r->call->layer;
	struct number *n = mem_new(struct number);

	arena_init(&n->arena, 256);
	n->layer = l;
	n->call = arena_str(&n->arena, r->call->id);
	n->text = arena_str(&n->arena, str_first(text, TEXT_MAX));
	n->script = r->script;
	n->command = command;
	list_append(&l->numbers, &n->link);
	n->lookup = enum_lookup(l->env.uac.resolver, n->text, l->cfg.enum_roots, done, n);
	if (n->lookup)
		return;
	call_event(r->call, EV_SCRIPT_COMMAND, "ENUM: \"%.*s\" is no number", STR_ARG(n->text));
	script_answer(r, command, json_null());
	number_free(n);
}

void numbers_end(struct call_layer *l)
{
	list_each_safe (it, &l->numbers) {
		struct number *n = container_of(it, struct number, link);

		enum_cancel(n->lookup);
		number_free(n);
	}
}
