/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dialplan engine that plays the steps of the scenario instead of Ruby:
 *
 *   dial STRING [RING [LIMIT]]   respond CODE [REASON]   fail MESSAGE   kill MESSAGE
 *   header NAME: VALUE           from NAME|USER|HOST     wait
 *   if RESULT STEP               (the result of the last dial, say "if Failed respond 486 Busy")
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

struct run {
	struct list link;
	struct world *world;
	uint64_t id;
	const struct dialplan_handlers *handlers;
	void *arg;
	struct str rest; /* steps to come */
	char *text;
	uint32_t command; /* the one that waits for its answer; 0: none */
	uint32_t commands;
	bool ready, stopped, waiting;
	enum dialplan_end end;
	char message[256];
	char result[256], failure[32]; /* of the last dial */
	json_t *headers, *from;
};

static struct run *find_run(struct world *w, uint64_t id)
{
	list_each (it, &w->runs) {
		struct run *r = container_of(it, struct run, link);

		if (r->id == id)
			return r;
	}
	return NULL;
}

static enum err op_start(struct dialplan_engine *e, const struct dialplan_start *s,
	const struct dialplan_handlers *h, void *arg, uint64_t *id)
{
	struct world *w = container_of(e, struct world, engine);
	struct run *r = mem_new(struct run);
	char *input = json_dumps(s->input, JSON_COMPACT);
	const char *provider;

	world_say(w, "        dialplan %.*s/%.*s starts with %s\n", STR_ARG(s->customer),
		STR_ARG(s->plan->name), input);
	free(input);
	provider = json_string_value(json_object_get(s->input, "provider"));
	snprintf(r->result, sizeof(r->result), "%s", provider ? provider : "");
	json_decref(s->input);
	r->world = w;
	r->id = ++w->next_id;
	r->handlers = h;
	r->arg = arg;
	r->text = str_dup(s->plan->script);
	r->rest = str_of(r->text);
	r->ready = true;
	r->headers = json_array();
	list_append(&w->runs, &r->link);
	*id = r->id;
	return ERR_OK;
}

static void op_answer(struct dialplan_engine *e, uint64_t id, uint32_t command, json_t *result)
{
	struct world *w = container_of(e, struct world, engine);
	struct run *r = find_run(w, id);
	char *text = json_dumps(result, JSON_COMPACT);

	world_say(w, "        dialplan is answered %s\n", text);
	free(text);
	if (r && r->command == command) {
		json_t *given = json_object_get(result, "result");
		const char *name = json_string_value(
			json_is_string(given) ? given : json_object_get(given, "result"));

		if (!name)
			name = json_string_value(json_object_get(given, "path"));
		snprintf(r->result, sizeof(r->result), "%s", name ? name : "");
		name = json_string_value(json_object_get(given, "class"));
		snprintf(r->failure, sizeof(r->failure), "%s", name ? name : "");
		r->command = 0;
		r->ready = true;
		r->stopped = r->stopped || json_is_true(json_object_get(result, "stop"));
	}
	json_decref(result);
}

static void op_extend(struct dialplan_engine *e, uint64_t id, unsigned seconds)
{
	(void)e;
	(void)id;
	(void)seconds;
}

static void op_stop(struct dialplan_engine *e, uint64_t id)
{
	struct run *r = find_run(container_of(e, struct world, engine), id);

	if (r) {
		r->stopped = r->ready = true;
		r->command = 0;
	}
}

static void op_detach(struct dialplan_engine *e, uint64_t id)
{
	struct run *r = find_run(container_of(e, struct world, engine), id);

	if (r) {
		r->handlers = NULL;
		r->stopped = r->ready = true;
		r->command = 0;
	}
}

void engine_init(struct world *w)
{
	static const struct dialplan_engine_ops ops = { .start = op_start,
		.answer = op_answer,
		.extend = op_extend,
		.stop = op_stop,
		.detach = op_detach };

	w->engine = (struct dialplan_engine){ .ops = &ops, .worker = &w->worker };
	list_init(&w->runs);
}

static void free_run(struct run *r)
{
	list_del(&r->link);
	json_decref(r->headers);
	json_decref(r->from);
	free(r->text);
	free(r);
}

void engine_fini(struct world *w)
{
	list_each_safe (it, &w->runs) {
		free_run(container_of(it, struct run, link));
	}
}

/* ---- steps ---- */

static struct str word(struct str *rest)
{
	struct str s = str_trim(*rest), head;
	size_t n = str_find(s, ' ');

	head = str_first(s, n);
	*rest = str_trim(str_from(s, n));
	return head;
}

static long number(struct str s)
{
	uint32_t v;

	return str_u32(s, &v) ? 0 : (long)v;
}

static void give(struct run *r, const char *name, json_t *args)
{
	char *text = json_dumps(args, JSON_COMPACT);

	world_say(r->world, "        dialplan: %s %s\n", name, text);
	free(text);
	r->command = ++r->commands;
	if (r->handlers)
		r->handlers->on_command(r->arg, r->id, r->command, name, args);
	json_decref(args);
}

static void step_dial(struct run *r, struct str rest)
{
	struct str string = word(&rest), ring = word(&rest), limit = word(&rest);

	if (str_eq(string, STR("$"))) /* what the command before gave */
		string = str_of(r->result);

	give(r, "dial",
		json_pack("{s:s%,s:i,s:i,s:O,s:O}", "string", string.p, string.n, "ring",
			(int)number(ring), "limit", (int)number(limit), "headers", r->headers,
			"from", r->from ? r->from : json_null()));
}

static void step_enum(struct run *r, struct str rest)
{
	give(r, "enum_lookup", json_pack("{s:s%}", "number", rest.p, rest.n));
}

/* What it says is a result for "if". */
static void step_path(struct run *r, struct str rest)
{
	give(r, "media_path", json_pack("{s:s%}", "destination", rest.p, rest.n));
}

static void step_respond(struct run *r, struct str rest)
{
	int status = (int)number(word(&rest));
	struct str uri = STR_NONE;

	if (status >= 300 && status < 400)
		uri = word(&rest);
	give(r, "respond",
		json_pack("{s:i,s:o,s:[],s:o}", "status", status, "reason",
			rest.n ? json_stringn(rest.p, rest.n) : json_null(), "headers",
			"redirect_uri", uri.n ? json_stringn(uri.p, uri.n) : json_null()));
}

static void step_from(struct run *r, struct str rest)
{
	const char *const names[] = { "name", "user", "host" };
	struct str piece;

	json_decref(r->from);
	r->from = json_object();
	for (int i = 0; i < 3 && str_cut(&rest, '|', &piece); i++)
		if (piece.n)
			json_object_set_new(r->from, names[i], json_stringn(piece.p, piece.n));
}

static void end_with(struct run *r, enum dialplan_end end, struct str message)
{
	r->end = end;
	if (str_copy(message, r->message, sizeof(r->message)))
		r->message[0] = '\0';
	r->stopped = true;
}

static void step(struct run *r, struct str line)
{
	struct str verb = word(&line);

	if (str_eq(verb, STR("if"))) {
		struct str what = word(&line);

		if (str_eq(what, str_of(r->result)) || str_eq(what, str_of(r->failure)))
			step(r, line);
	} else if (str_eq(verb, STR("dial"))) {
		step_dial(r, line);
	} else if (str_eq(verb, STR("enum"))) {
		step_enum(r, line);
	} else if (str_eq(verb, STR("path"))) {
		step_path(r, line);
	} else if (str_eq(verb, STR("respond"))) {
		step_respond(r, line);
	} else if (str_eq(verb, STR("header"))) {
		json_array_append_new(r->headers, json_stringn(line.p, line.n));
	} else if (str_eq(verb, STR("from"))) {
		step_from(r, line);
	} else if (str_eq(verb, STR("wait"))) {
		r->waiting = true;
	} else if (str_eq(verb, STR("kill"))) {
		end_with(r, DIALPLAN_END_KILLED, line);
	} else if (str_eq(verb, STR("fail"))) {
		end_with(r, DIALPLAN_END_ERROR, line);
	} else if (verb.n) {
		world_say(r->world, "!!! no such step: %.*s\n", STR_ARG(verb));
		BUG_ON(true);
	}
}

static void go_on(struct run *r)
{
	struct str line;

	while (!r->command && !r->stopped && !r->waiting && str_cut(&r->rest, '\n', &line))
		step(r, str_trim(line));
	if (r->command || (r->waiting && !r->stopped))
		return;
	world_say(r->world, "        dialplan ends\n");
	if (r->handlers)
		r->handlers->on_end(r->arg, r->id, r->end, str_of(r->message),
			r->end == DIALPLAN_END_ERROR ? 1 : 0);
	free_run(r);
}

unsigned engine_step(struct world *w)
{
	unsigned n = 0;

	list_each (it, &w->runs) {
		struct run *r = container_of(it, struct run, link);

		if (!r->ready)
			continue;
		r->ready = false;
		n++;
		go_on(r);
		break; /* the list may have changed */
	}
	return n;
}
