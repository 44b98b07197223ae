/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands over data: bindings (read on a thread of libuv's pool), refresh (by the follower). */
#include <stdlib.h>

#include "main/control_int.h"
#include "nat/path.h"

/* ---- bindings ---- */

struct listing {
	uv_work_t work; /* first member */
	struct client *client;
	struct answer answer;
	int64_t now_ms;
	uint64_t left_out;
};

/* What signalling tells; through other proxies, nothing. */
static const char *nat_of(const struct binding *b)
{
	enum nat_kind k = NAT_UNKNOWN;

	if (!b->path.n)
		k = nat_kind_of_contact(b->contact, &b->flow.remote, b->flow.proto == TP_UDP);
	return nat_kind_words(k);
}

static void add_binding(struct str aor, const struct binding *b, void *arg)
{
	struct listing *l = arg;
	json_t *o;
	char text[128];
	struct buf remote = BUF_OF(text);

	if (l->answer.full) {
		l->left_out++;
		return;
	}
	o = json_object();
	flow_print_remote(&remote, &b->flow);
	json_object_set_new(o, "aor", control_text(aor));
	json_object_set_new(o, "contact", control_text(b->contact));
	json_object_set_new(o, "remote", control_text(buf_str(&remote)));
	json_object_set_new(o, "expires_s", json_integer((b->expires_ms - l->now_ms) / 1000));
	json_object_set_new(o, "q", json_real(b->q1000 / 1000.0));
	json_object_set_new(o, "user_agent", control_text(b->user_agent));
	json_object_set_new(o, "call_id", control_text(b->call_id));
	json_object_set_new(o, "nat", json_string(nat_of(b)));
	answer_row(&l->answer, o);
}

static void list_bindings(uv_work_t *work)
{
	struct listing *l = (struct listing *)work;
	struct clock now;

	clock_read(&now);
	l->now_ms = now.wall_ms;
	location_list(l->client->control->core->location, now.wall_ms, add_binding, l);
}

static void on_listed(uv_work_t *work, int status)
{
	struct listing *l = (struct listing *)work;
	struct client *c = l->client;

	client_send(c, &l->answer, false);
	if (l->left_out)
		client_error(c, "there are %llu more than fit into one answer",
			(unsigned long long)l->left_out);
	else
		client_done(c);
	free(l);
	client_release(c);
}

void control_bindings(struct client *c, const json_t *request)
{
	struct listing *l = mem_new(struct listing);

	l->client = c;
	c->busy++;
	if (uv_queue_work(c->pipe.loop, &l->work, list_bindings, on_listed) != 0) {
		free(l);
		c->busy--;
		client_error(c, "try again");
	}
}

/* ---- refresh ---- */

struct refresh {
	struct follower_wait wait; /* first member */
	struct client *client;
};

static void on_refreshed(struct inbox_item *item)
{
	struct refresh *r = (struct refresh *)item;
	struct client *c = r->client;

	if (r->wait.result == ERR_OK)
		client_done(c);
	else
		client_error(c, "the database could not be read: %s", err_text(r->wait.result));
	free(r);
	client_release(c);
}

void control_refresh(struct client *c, const json_t *request)
{
	struct refresh *r = mem_new(struct refresh);

	r->client = c;
	r->wait.reply.run = on_refreshed;
	r->wait.worker = &c->control->core->main;
	c->busy++;
	follower_refresh(c->control->core->follower, &r->wait);
}
