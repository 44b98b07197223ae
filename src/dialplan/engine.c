/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers' side: starts runs, hands answers over, and delivers what the host reports. */
#include <stdlib.h>

#include "base/arena.h"
#include "dialplan/host_int.h"

struct engine_run { /* known until on_end or detach */
	struct hash_node node;
	uint64_t id;
	struct dialplan_handlers handlers;
	void *arg;
};

struct report { /* from the host to a worker */
	struct inbox_item item;
	struct engine *engine;
	uint64_t run;
	uint32_t command; /* 0: the end */
	const char *name;
	json_t *args;
	enum dialplan_end end;
	char *message;
	unsigned line;
};

static struct engine_run *find(struct engine *e, uint64_t id)
{
	for (struct hash_node *n = hash_find(&e->runs, id); n; n = hash_next(n)) {
		struct engine_run *r = container_of(n, struct engine_run, node);

		if (r->id == id)
			return r;
	}
	return NULL;
}

static void forget(struct engine *e, struct engine_run *r)
{
	hash_del(&e->runs, &r->node);
	free(r);
}

static void deliver(struct inbox_item *item)
{
	struct report *p = container_of(item, struct report, item);
	struct engine_run *r = find(p->engine, p->run);

	if (r && p->command) {
		r->handlers.on_command(r->arg, p->run, p->command, p->name, p->args);
	} else if (r) {
		struct dialplan_handlers handlers = r->handlers;
		void *arg = r->arg;

		forget(p->engine, r);
		handlers.on_end(arg, p->run, p->end, str_of(p->message), p->line);
	}
	json_decref(p->args);
	free(p->message);
	free(p);
}

static struct report *report_new(struct engine *e, uint64_t run)
{
	struct report *p = mem_new(struct report);

	p->item.run = deliver;
	p->engine = e;
	p->run = run;
	return p;
}

/* Never refused: a run has at most one command waiting, and one end. */
void engine_post_command(
	struct engine *e, uint64_t run, uint32_t command, const char *name, json_t *args)
{
	struct report *p = report_new(e, run);

	p->command = command;
	p->name = name;
	p->args = args;
	worker_post_reply(e->base.worker, &p->item);
}

void engine_post_end(
	struct engine *e, uint64_t run, enum dialplan_end end, const char *message, unsigned line)
{
	struct report *p = report_new(e, run);

	p->end = end;
	p->message = str_dup(str_of(message));
	p->line = line;
	worker_post_reply(e->base.worker, &p->item);
}

/* Bytes that are not UTF-8 are taken for Latin-1. */
static json_t *text_json(struct str s)
{
	json_t *j = json_stringn(s.n ? s.p : "", s.n);
	char *utf8;
	size_t n = 0;

	if (j)
		return j;
	utf8 = mem_alloc(2 * s.n);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x80) {
			utf8[n++] = (char)(0xc0 | c >> 6);
			c = (unsigned char)(0x80 | (c & 0x3f));
		}
		utf8[n++] = (char)c;
	}
	j = json_stringn(utf8, n);
	free(utf8);
	return j;
}

/* input is borrowed; common never changes. */
static char *order_text(const struct dialplan *plan, struct str common, json_t *input)
{
	json_t *m = json_pack("{s:{s:o,s:o,s:O}}", "run", "script", text_json(plan->script), "name",
		text_json(plan->name), "input", input);
	char *text;

	if (m && common.n)
		json_object_set_new(json_object_get(m, "run"), "common", text_json(common));
	text = m ? json_dumps(m, JSON_COMPACT) : NULL;
	json_decref(m);
	return text;
}

static struct run *run_new(struct engine *e, const struct dialplan_start *s, char *text)
{
	struct run *r = mem_new(struct run);

	r->engine = e;
	r->id = (uint64_t)e->base.worker->id << 48 | ++e->last_run;
	r->customer = str_dup(s->customer);
	r->call = str_dup(s->call);
	r->name = str_dup(s->plan->name);
	r->customer_max = s->scripts_max;
	r->order = text;
	list_init(&r->link);
	return r;
}

static void post(struct engine *e, struct order order)
{
	struct order *o = mem_new(struct order);

	*o = order;
	host_post(e->host, o);
}

static void remember(struct engine *e, uint64_t id, const struct dialplan_handlers *h, void *arg)
{
	struct engine_run *r = mem_new(struct engine_run);

	r->id = id;
	r->handlers = *h;
	r->arg = arg;
	hash_add(&e->runs, &r->node, id);
}

static enum err engine_start(struct dialplan_engine *base, const struct dialplan_start *s,
	const struct dialplan_handlers *h, void *arg, uint64_t *run)
{
	struct engine *e = container_of(base, struct engine, base);
	char *text = NULL;
	struct run *r;

	if (s->plan->script.n <= DIALPLAN_SCRIPT_MAX)
		text = order_text(s->plan, e->host->cfg.common, s->input);
	json_decref(s->input);
	if (text && strlen(text) > WIRE_TO_SANDBOX_MAX) {
		free(text);
		text = NULL; /* refused by the host */
	}
	r = run_new(e, s, text);
	*run = r->id;
	remember(e, r->id, h, arg);
	post(e, (struct order){ .kind = ORDER_START, .run_id = r->id, .run = r });
	return ERR_OK;
}

static void engine_answer(
	struct dialplan_engine *base, uint64_t run, uint32_t command, json_t *result)
{
	struct engine *e = container_of(base, struct engine, base);
	bool stop = json_is_true(json_object_get(result, "stop"));
	char *text;

	json_object_set_new(result, "answer", json_integer(command));
	text = json_dumps(result, JSON_COMPACT);
	json_decref(result);
	if (!text || strlen(text) > WIRE_TO_SANDBOX_MAX) { /* more than a script can be told */
		free(text);
		text = str_dup(STR("{\"stop\":true}"));
		stop = true;
	}
	post(e,
		(struct order){ .kind = ORDER_ANSWER,
			.run_id = run,
			.command = command,
			.stop = stop,
			.text = text });
}

static void engine_extend(struct dialplan_engine *base, uint64_t run, unsigned seconds)
{
	post(container_of(base, struct engine, base),
		(struct order){ .kind = ORDER_EXTEND, .run_id = run, .seconds = seconds });
}

static void engine_stop(struct dialplan_engine *base, uint64_t run)
{
	post(container_of(base, struct engine, base),
		(struct order){ .kind = ORDER_STOP, .run_id = run });
}

static void engine_detach(struct dialplan_engine *base, uint64_t run)
{
	struct engine *e = container_of(base, struct engine, base);
	struct engine_run *r = find(e, run);

	if (!r)
		return;
	forget(e, r);
	engine_stop(base, run);
}

static const struct dialplan_engine_ops ops = {
	.start = engine_start,
	.answer = engine_answer,
	.extend = engine_extend,
	.stop = engine_stop,
	.detach = engine_detach,
};

struct engine *engine_new(struct dialplan_host *h, struct worker *w)
{
	struct engine *e = mem_new(struct engine);

	e->base.ops = &ops;
	e->base.worker = w;
	e->host = h;
	hash_init(&e->runs, 64);
	return e;
}

static void drop(struct hash_node *n, void *arg)
{
	forget(arg, container_of(n, struct engine_run, node));
}

void engine_free(struct engine *e)
{
	hash_each(&e->runs, drop, e);
	hash_fini(&e->runs);
	free(e);
}
