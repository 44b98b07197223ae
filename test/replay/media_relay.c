/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A media relay as the scenario wants it. The n-th question gets 198.51.100.200, ports 30000 + 100
 * n for the caller's side and 40000 + 100 n for the callee's, two more for each further media line.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "nat/media_relay.h"
#include "world.h"

enum { TIMEOUT_MS = 2000, AT_ONCE_MS = 1 };

struct question {
	struct list link;
	struct world *world;
	struct timer timer;
	unsigned lines, serial;
	relay_done *done; /* NULL: nobody waits any more */
	void *arg;
};

static void give_ports(const struct question *q, struct relay_ports *out)
{
	*out = (struct relay_ports){ .count = q->lines };
	for (unsigned i = 0; i < q->lines; i++) {
		uint16_t port = (uint16_t)(30000 + 100 * q->serial + 2 * i);

		BUG_ON(addr_parse_ip(STR("198.51.100.200"), port, &out->to_caller[i]) != ERR_OK);
		out->to_callee[i] = out->to_caller[i];
		addr_set_port(&out->to_callee[i], port + 10000);
	}
}

static void on_timer(struct timer *t)
{
	struct question *q = container_of(t, struct question, timer);
	struct world *w = q->world;
	struct relay_ports ports;

	list_del(&q->link);
	if (w->relay.mode == RELAY_ANSWERS) {
		give_ports(q, &ports);
		w->relay.held += q->done != NULL;
		if (q->done)
			q->done(q->arg, &ports, STR_NONE);
	} else if (q->done) {
		q->done(q->arg, NULL,
			w->relay.mode == RELAY_REFUSES ? STR("no ports left")
						       : STR("the media relay does not answer"));
	}
	free(q);
}

static bool ask(struct media_relay *r, struct str call, struct str sdp, relay_done *done, void *arg)
{
	struct world *w = container_of(r, struct world, relay.relay);
	struct question *q;

	if (w->relay.mode == RELAY_FULL)
		return false;
	q = mem_new(struct question);
	q->world = w;
	q->serial = ++w->relay.asked;
	q->done = done;
	q->arg = arg;
	for (size_t at = str_find_str(sdp, STR("\nm=")); at < sdp.n;
		at = str_find_str(sdp, STR("\nm="))) {
		q->lines++;
		sdp = str_from(sdp, at + 1);
	}
	world_say(w, "        the media relay is asked for %u lines\n", q->lines);
	list_append(&w->relay.questions, &q->link);
	timer_init(&q->timer, on_timer);
	timer_start(&w->worker.wheel, &q->timer,
		w->relay.mode == RELAY_SILENT ? TIMEOUT_MS : AT_ONCE_MS + w->relay.late_ms);
	return true;
}

static void cancel(struct media_relay *r, void *arg)
{
	struct world *w = container_of(r, struct world, relay.relay);

	list_each (it, &w->relay.questions) {
		struct question *q = container_of(it, struct question, link);

		if (q->arg == arg)
			q->done = NULL;
	}
}

static void release(struct media_relay *r, struct str call)
{
	struct world *w = container_of(r, struct world, relay.relay);

	BUG_ON(w->relay.held == 0);
	w->relay.held--;
}

void media_relay_init(struct world *w)
{
	w->relay.relay = (struct media_relay){ .ask = ask, .cancel = cancel, .release = release };
	list_init(&w->relay.questions);
}

void media_relay_fini(struct world *w)
{
	list_each_safe (it, &w->relay.questions) {
		struct question *q = container_of(it, struct question, link);

		timer_stop(&w->worker.wheel, &q->timer);
		list_del(&q->link);
		free(q);
	}
}
