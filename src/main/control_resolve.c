/* SPDX-License-Identifier: BSD-3-Clause */
/* The command resolve: a worker's resolver looks a URI up, and tells each step. */
#include <stdlib.h>

#include "main/control_int.h"

enum { URI_BYTES_MAX = 1024, STEPS_MAX = 16384 };

struct order { /* to the worker and back */
	struct inbox_item item; /* first member */
	struct client *client;
	struct core_worker *worker;
	struct worker *home;
	struct sip_uri uri;
	struct targets targets;
	struct buf steps;
	char uri_text[URI_BYTES_MAX], steps_text[STEPS_MAX];
};

/* ---- at home ---- */

static void add_row(struct answer *a, const char *step, struct str text)
{
	json_t *o = json_object();

	json_object_set_new(o, "step", json_string(step));
	json_object_set_new(o, "text", control_text(text));
	answer_row(a, o);
}

static void add_targets(struct answer *a, const struct targets *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		char text[ADDR_TEXT_MAX + 64];
		struct buf b = BUF_OF(text);

		buf_add(&b, tp_proto_name(t->list[i].proto));
		buf_char(&b, ':');
		addr_print(&b, &t->list[i].addr);
		if (t->list[i].down)
			buf_lit(&b, " (it did not answer lately)");
		add_row(a, "target", buf_str(&b));
	}
	if (t->count)
		return;
	add_row(a, "target",
		t->err == ERR_DNS ? STR("none: there is no such name, or nothing is said about SIP")
			: t->err == ERR_TIMEOUT
			? STR("none: no name server could tell, and nothing is known from before")
			: t->err == ERR_UNSUPPORTED
			? STR("none: a protocol that we do not listen on")
			: str_of(err_text(t->err)));
}

static void on_over(struct inbox_item *item)
{
	struct order *o = (struct order *)item;
	struct str steps = buf_str(&o->steps), line;
	struct answer a = { NULL };

	while (str_line(&steps, &line))
		if (line.n)
			add_row(&a, "asked", line);
	add_targets(&a, &o->targets);
	client_send(o->client, &a, false);
	client_done(o->client);
	client_release(o->client);
	free(o);
}

/* ---- on the worker ---- */

static void on_resolved(void *arg, uint64_t id, const struct targets *t)
{
	struct order *o = arg;

	(void)id;
	o->targets = *t;
	o->item.run = on_over;
	worker_post_reply(o->home, &o->item);
}

static void on_order(struct inbox_item *item)
{
	struct order *o = (struct order *)item;

	resolver_explain(o->worker->resolver, &o->uri, &o->steps, on_resolved, o);
}

/* ---- the request ---- */

static bool take_uri(struct order *o, const char *text)
{
	struct buf b = BUF_OF(o->uri_text);

	if (!str_istarts(str_of(text), STR("sip:")) && !str_istarts(str_of(text), STR("sips:")))
		buf_lit(&b, "sip:");
	buf_add(&b, str_of(text));
	return buf_ok(&b) && !sip_uri_parse(buf_str(&b), &o->uri);
}

void control_resolve(struct client *c, const json_t *request)
{
	const char *uri = json_string_value(json_object_get(request, "uri"));
	struct core *core = c->control->core;
	struct order *o = mem_new(struct order);

	if (!uri || !take_uri(o, uri)) {
		free(o);
		client_error(c, "that is no SIP URI: it is written like sip:provider.example");
		return;
	}
	buf_init(&o->steps, o->steps_text, sizeof(o->steps_text));
	o->client = c;
	o->home = &core->main;
	o->worker = core->workers[0];
	o->item.run = on_order;
	c->busy++;
	worker_post_reply(&o->worker->worker, &o->item);
}
