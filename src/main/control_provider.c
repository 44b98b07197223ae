/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command provider-test: the provider's worker probes it, and each finding goes to the client
 * as it comes.
 */
#include <stdlib.h>

#include "main/control_int.h"
#include "provider/probe.h"

enum { NAME_MAX_BYTES = 64 };

struct order { /* to the worker, and back with the last finding */
	struct inbox_item item; /* first member */
	struct client *client;
	struct core_worker *worker;
	struct worker *home;
	enum err result;
	char customer[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
};

struct news { /* a finding on its way home, in front of the order, which keeps the client */
	struct inbox_item item; /* first member */
	struct client *client;
	struct answer answer;
};

/* ---- at home ---- */

static void on_over(struct inbox_item *item)
{
	struct order *o = (struct order *)item;
	struct client *c = o->client;

	if (o->result == ERR_NOT_FOUND)
		client_error(c, "%s has no provider %s here yet", o->customer, o->name);
	else if (o->result)
		client_error(c, "too many tests are running; try again");
	else if (!c->gone)
		client_done(c);
	free(o);
	client_release(c);
}

static void on_news(struct inbox_item *item)
{
	struct news *n = (struct news *)item;

	client_send(n->client, &n->answer, false);
	free(n);
}

/* ---- on the worker ---- */

static void go_home(struct order *o)
{
	o->item.run = on_over;
	worker_post_reply(o->home, &o->item);
}

static void found(const struct provider_finding *f, void *arg)
{
	struct order *o = arg;
	struct news *n;
	json_t *row;

	if (!f) {
		go_home(o);
		return;
	}
	row = json_object();
	json_object_set_new(row, "step", control_text(str_of(f->step)));
	json_object_set_new(row, "fine", json_boolean(f->fine));
	json_object_set_new(row, "text", control_text(f->text));
	n = mem_new(struct news);
	n->item.run = on_news;
	n->client = o->client;
	answer_row(&n->answer, row);
	worker_post_reply(o->home, &n->item);
}

static void on_order(struct inbox_item *item)
{
	struct order *o = (struct order *)item;
	struct provider_agent *agent = o->worker->roles.providers;

	o->result = agent ? provider_probe(agent, str_of(o->customer), str_of(o->name), found, o)
			  : ERR_LIMIT;
	if (o->result)
		go_home(o);
}

/* ---- the request ---- */

void control_provider_test(struct client *c, const json_t *request)
{
	const char *customer = json_string_value(json_object_get(request, "customer"));
	const char *name = json_string_value(json_object_get(request, "name"));
	struct core *core = c->control->core;
	struct order *o = mem_new(struct order);

	if (!customer || !name || str_copy(str_of(customer), o->customer, sizeof(o->customer)) ||
		str_copy(str_of(name), o->name, sizeof(o->name))) {
		free(o);
		client_error(c, "that is not a provider's name");
		return;
	}
	o->client = c;
	o->home = &core->main;
	o->worker =
		core->workers[provider_owner(str_of(customer), str_of(name), core->worker_count)];
	o->item.run = on_order;
	c->busy++;
	worker_post_reply(&o->worker->worker, &o->item);
}
