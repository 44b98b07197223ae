/* SPDX-License-Identifier: BSD-3-Clause */
/* One run of a script, on the host's thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dialplan/commands.h"
#include "dialplan/host_int.h"
#include "event/event.h"

enum who { WHO_CALL, WHO_HOST };

static const struct command {
	const char *name;
	enum who who;
} commands[] = {
#define X(n, w) { n, WHO_##w },
	DIALPLAN_COMMANDS(X)
#undef X
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; name && i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void emit(const struct run *r, enum event_kind kind, struct str text, unsigned line)
{
	struct event e = {
		.kind = kind, .call = str_of(r->call), .customer = str_of(r->customer), .text = text
	};
	char number[16];

	if (!event_wanted(r->engine->host->events, kind))
		return;
	event_field(&e, "dialplan", str_of(r->name));
	if (line) {
		snprintf(number, sizeof(number), "%u", line);
		event_field(&e, "line", str_of(number));
	}
	event_emit(r->engine->host->events, &e);
}

void run_free(struct run *r)
{
	free(r->customer);
	free(r->call);
	free(r->name);
	free(r->order);
	free(r);
}

static void emit_end(const struct run *r, enum dialplan_end end, const char *message, unsigned line)
{
	static const enum event_kind kinds[] = { [DIALPLAN_END_DONE] = EV_SCRIPT_END,
		[DIALPLAN_END_ERROR] = EV_SCRIPT_ERROR,
		[DIALPLAN_END_KILLED] = EV_SCRIPT_KILLED,
		[DIALPLAN_END_REFUSED] = EV_SCRIPT_KILLED };

	emit(r, kinds[end], str_of(message), line);
}

void run_end(struct run *r, enum dialplan_end end, const char *message, unsigned line)
{
	struct dialplan_host *h = r->engine->host;

	BUG_ON(r->box && r->box->run);
	if (!r->box)
		h->queued--;
	h->killed_total += end == DIALPLAN_END_KILLED;
	h->refused_total += end == DIALPLAN_END_REFUSED;
	list_del(&r->link);
	hash_del(&h->runs, &r->node);
	emit_end(r, end, message, line);
	engine_post_end(r->engine, r->id, end, message, line);
	run_free(r);
}

static unsigned runs_of(struct dialplan_host *h, const char *customer)
{
	unsigned n = 0;

	list_each (it, &h->running)
		n += strcmp(container_of(it, struct run, link)->customer, customer) == 0;
	list_each (it, &h->queue)
		n += strcmp(container_of(it, struct run, link)->customer, customer) == 0;
	return n;
}

void run_submit(struct dialplan_host *h, struct run *r)
{
	unsigned max = r->customer_max ? r->customer_max : h->cfg.runs_per_customer_max;
	unsigned running = runs_of(h, r->customer);

	r->started_ms = uv_now(h->loop);
	hash_add(&h->runs, &r->node, r->id);
	list_append(&h->queue, &r->link);
	h->queued++;
	if (h->stopping)
		run_end(r, DIALPLAN_END_REFUSED, "Tandem is stopping", 0);
	else if (!r->order)
		run_end(r, DIALPLAN_END_REFUSED, "Dial plan script or request was too long", 0);
	else if (running >= max)
		run_end(r, DIALPLAN_END_REFUSED, "Dial plan execution exceeded maximum allowed", 0);
	else if (h->queued > h->cfg.queue_max)
		run_end(r, DIALPLAN_END_REFUSED, "Dial plan script engine was overloaded", 0);
	else
		pool_pump(h);
}

void run_set_deadline(struct run *r, uint64_t after_s)
{
	const struct dialplan_host *h = r->engine->host;
	uint64_t last_ms = r->started_ms + h->cfg.run_max_s * 1000ull;

	r->deadline_ms = uv_now(h->loop) + after_s * 1000;
	if (r->deadline_ms > last_ms)
		r->deadline_ms = last_ms;
}

static void renew_cpu(struct dialplan_host *h, const struct box *b)
{
	struct wire_control m = { .kind = WIRE_CPU, .sandbox = b->id, .cpu_s = h->cfg.cpu_s };

	if (b->runs > 0 && !control_send(h, &m))
		event_note(
			h->events, EV_SANDBOX, STR_NONE, STR_NONE, "the dialplan process is deaf");
}

void run_begin(struct run *r, struct box *b)
{
	struct dialplan_host *h = r->engine->host;

	list_del(&r->link);
	list_append(&h->running, &r->link);
	h->queued--;
	h->runs_total++;
	r->box = b;
	b->run = r;
	renew_cpu(h, b);
	b->runs++;
	if (!b->customer)
		b->customer = str_dup(str_of(r->customer));
	box_set_state(b, BOX_RUNNING);
	r->started_ms = uv_now(h->loop);
	run_set_deadline(r, h->cfg.run_s);
	emit(r, EV_SCRIPT_START, STR_NONE, 0);
	box_send(b, r->order);
	free(r->order);
	r->order = NULL;
}

void run_stop(struct run *r, const char *overrun)
{
	struct dialplan_host *h = r->engine->host;
	struct wire_control m = { .kind = WIRE_INTERRUPT };

	if (!r->box) {
		run_end(r, DIALPLAN_END_DONE, "", 0);
		return;
	}
	if (overrun && !r->overrun) {
		r->overrun = true;
		snprintf(r->reason, sizeof(r->reason), "%s", overrun);
	}
	if (r->stopping)
		return;
	r->stopping = true;
	r->kill_ms = uv_now(h->loop) + h->cfg.grace_ms;
	m.sandbox = r->box->id;
	box_send(r->box, "{\"stop\":true}");
	if (!r->command && !control_send(h, &m)) /* it is not listening: wake it */
		box_kill(r->box, "the dialplan process is gone");
	r->command = 0;
}

void run_answer(struct run *r, const struct order *o)
{
	if (!r->box || !r->command || r->command != o->command)
		return; /* stopped meanwhile */
	r->command = 0;
	if (o->stop && !r->stopping) {
		r->stopping = true;
		r->kill_ms = uv_now(r->engine->host->loop) + r->engine->host->cfg.grace_ms;
	}
	box_send(r->box, o->text);
}

void run_tick(struct run *r, uint64_t now_ms)
{
	const struct dialplan_config *cfg = &r->engine->host->cfg;
	bool longest = r->deadline_ms >= r->started_ms + cfg->run_max_s * 1000ull;
	char why[96];

	if (!r->box) {
		if (now_ms >= r->started_ms + cfg->queue_s * 1000ull)
			run_end(r, DIALPLAN_END_REFUSED,
				r->engine->host->control ? "Dial plan script engine was overloaded"
							 : "the dialplan process is not running",
				0);
		return;
	}
	if (r->stopping && now_ms >= r->kill_ms) {
		box_kill(r->box, "did not end after it was told to");
	} else if (!r->stopping && now_ms >= r->deadline_ms) {
		snprintf(why, sizeof(why), "ran longer than %u s",
			longest ? cfg->run_max_s
				: (unsigned)((r->deadline_ms - r->started_ms) / 1000));
		run_stop(r, why);
	}
}

static void on_log(struct run *r, const json_t *text)
{
	struct str line = str_make(json_string_value(text), json_string_length(text));
	unsigned max = r->engine->host->cfg.log_lines_max;

	if (++r->log_lines > max)
		box_kill(r->box, "wrote more than %u log lines", max);
	else
		emit(r, EV_SCRIPT_LOG, str_first(line, WIRE_LOG_MAX), 0);
}

static void answer_now(struct run *r, const char *text)
{
	r->command = 0;
	box_send(r->box, text);
}

static void on_extend(struct run *r, uint32_t number, const json_t *args)
{
	json_int_t s = json_integer_value(json_object_get(args, "seconds"));
	unsigned max = r->engine->host->cfg.run_max_s;
	char text[64];

	run_set_deadline(r, (s < 0 ? 0 : s > max ? max : (uint64_t)s) + 10);
	snprintf(text, sizeof(text), "{\"answer\":%u}", number);
	answer_now(r, text);
}

/* A Dial is allowed its ring time; the call extends again when it knows better. */
static void allow_ringing(struct run *r, const json_t *args)
{
	json_int_t ring_s = json_integer_value(json_object_get(args, "ring"));

	run_set_deadline(r, (ring_s < 1 || ring_s > 180 ? 180 : (uint64_t)ring_s) + 70);
}

static void on_command(struct run *r, json_t *m)
{
	json_int_t number = json_integer_value(json_object_get(m, "command"));
	json_t *args = json_object_get(m, "args");
	const struct command *c = find_command(json_string_value(json_object_get(m, "name")));

	if (number < 1 || number > UINT32_MAX || !c || !json_is_object(args) || r->command) {
		box_kill(r->box, "it gave a command that does not exist, or two at once");
		return;
	}
	if (r->stopping)
		return; /* the stop is on its way */
	r->command = (uint32_t)number;
	emit(r, EV_SCRIPT_COMMAND, str_of(c->name), 0);
	if (c->who == WHO_HOST) {
		on_extend(r, r->command, args);
		return;
	}
	if (strcmp(c->name, "dial") == 0)
		allow_ringing(r, args);
	engine_post_command(r->engine, r->id, r->command, c->name, json_incref(args));
}

static enum dialplan_end end_of(const char *word)
{
	if (word && strcmp(word, "done") == 0)
		return DIALPLAN_END_DONE;
	return word && strcmp(word, "killed") == 0 ? DIALPLAN_END_KILLED : DIALPLAN_END_ERROR;
}

/* The sandbox goes on, or is ended when this was its last run. */
static void release(struct run *r, const char *spent, json_int_t memory_kb)
{
	struct dialplan_host *h = r->engine->host;
	struct box *b = r->box;

	b->run = NULL;
	box_set_state(b, BOX_WARM);
	if (spent)
		box_kill(b, "spent: %s", spent);
	else if (b->runs >= h->cfg.runs_max)
		box_kill(b, "renewed after %u runs", b->runs);
	else if (memory_kb > (json_int_t)h->cfg.memory_mb * 1024 / 2 + 32768)
		box_kill(b, "has grown");
}

static void on_end(struct run *r, const json_t *m)
{
	struct dialplan_host *h = r->engine->host;
	const char *message = json_string_value(json_object_get(m, "message"));
	json_int_t line = json_integer_value(json_object_get(m, "line"));
	enum dialplan_end end = end_of(json_string_value(json_object_get(m, "end")));
	const char *spent = json_string_value(json_object_get(m, "spent"));

	if (!spent && (end != DIALPLAN_END_DONE || r->overrun))
		spent = "its run failed";
	release(r, spent, json_integer_value(json_object_get(m, "memory_kb")));
	if (r->overrun)
		run_end(r, DIALPLAN_END_KILLED, r->reason, 0);
	else
		run_end(r, end, message ? message : "",
			line > 0 && line < 1000000 ? (unsigned)line : 0);
	pool_pump(h);
}

void run_on_message(struct run *r, json_t *m)
{
	const json_t *log = json_object_get(m, "log");

	if (json_is_string(log))
		on_log(r, log);
	else if (json_object_get(m, "command"))
		on_command(r, m);
	else if (json_object_get(m, "end"))
		on_end(r, m);
	else
		box_kill(r->box, "it broke the rules of its channel: an unknown word");
}
