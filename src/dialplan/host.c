/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's life, what workers order from it, and its clock. */
#include <stdlib.h>

#include "base/arena.h"
#include "dialplan/host_int.h"
#include "event/event.h"

enum { TICK_MS = 100 };

void dialplan_config_default(struct dialplan_config *cfg)
{
	*cfg = (struct dialplan_config){ .sandboxes_max = 128,
		.spare = 4,
		.runs_max = 500,
		.runs_per_customer_max = 20,
		.run_s = 10,
		.run_max_s = 300,
		.memory_mb = 128,
		.cpu_s = 5,
		.log_lines_max = 1000,
		.idle_s = 120,
		.queue_max = 200,
		.queue_s = 5,
		.grace_ms = 2000 };
}

static void free_order(struct order *o)
{
	free(o->text);
	free(o);
}

void host_post(struct dialplan_host *h, struct order *o)
{
	o->next = NULL;
	lock_take(&h->lock);
	*h->orders_end = o;
	h->orders_end = &o->next;
	lock_give(&h->lock);
	uv_async_send(&h->wake);
}

static struct run *find_run(struct dialplan_host *h, uint64_t id)
{
	for (struct hash_node *n = hash_find(&h->runs, id); n; n = hash_next(n)) {
		struct run *r = container_of(n, struct run, node);

		if (r->id == id)
			return r;
	}
	return NULL;
}

static void take_order(struct dialplan_host *h, struct order *o)
{
	struct run *r = o->kind == ORDER_START ? NULL : find_run(h, o->run_id);

	if (o->kind == ORDER_START)
		run_submit(h, o->run);
	else if (r && o->kind == ORDER_ANSWER)
		run_answer(r, o);
	else if (r && o->kind == ORDER_EXTEND)
		run_set_deadline(r, o->seconds);
	else if (r && o->kind == ORDER_STOP)
		run_stop(r, NULL);
	free_order(o);
}

static struct order *take_orders(struct dialplan_host *h)
{
	struct order *o;

	lock_take(&h->lock);
	o = h->orders;
	h->orders = NULL;
	h->orders_end = &h->orders;
	lock_give(&h->lock);
	return o;
}

static void on_wake(uv_async_t *a)
{
	struct dialplan_host *h = a->data;
	struct order *o = take_orders(h);

	while (o) {
		struct order *next = o->next;

		take_order(h, o);
		o = next;
	}
}

static void on_tick(uv_timer_t *t)
{
	struct dialplan_host *h = t->data;
	uint64_t now_ms = uv_now(h->loop);

	list_each_safe (it, &h->running)
		run_tick(container_of(it, struct run, link), now_ms);
	list_each_safe (queued, &h->queue)
		run_tick(container_of(queued, struct run, link), now_ms);
	pool_expire(h, now_ms);
	pool_pump(h);
}

struct dialplan_host *dialplan_host_new(
	uv_loop_t *loop, struct event_bus *events, const struct dialplan_config *cfg)
{
	struct dialplan_host *h = mem_new(struct dialplan_host);

	h->loop = loop;
	h->events = events;
	h->cfg = *cfg;
	h->common = str_dup(cfg->common);
	h->cfg.common = str_make(h->common, cfg->common.n);
	h->orders_end = &h->orders;
	lock_init(&h->lock);
	list_init(&h->boxes);
	list_init(&h->queue);
	list_init(&h->running);
	hash_init(&h->runs, 64);
	BUG_ON(uv_async_init(loop, &h->wake, on_wake));
	BUG_ON(uv_timer_init(loop, &h->tick));
	h->wake.data = h->tick.data = h;
	BUG_ON(uv_timer_start(&h->tick, on_tick, TICK_MS, TICK_MS));
	return h;
}

struct dialplan_engine *dialplan_host_engine(struct dialplan_host *h, struct worker *w)
{
	struct engine *e = engine_new(h, w);

	e->next = h->engines;
	h->engines = e;
	return &e->base;
}

/* Sandboxes end with their zygote; runs that had begun in them do too. */
void host_lose_zygote(struct dialplan_host *h)
{
	if (h->control) {
		control_close(h->control);
		h->control = NULL;
		event_note(
			h->events, EV_SANDBOX, STR_NONE, STR_NONE, "the dialplan process is gone");
	}
	list_each_safe (it, &h->boxes)
		box_ended(container_of(it, struct box, link), -1);
}

void dialplan_host_attach(struct dialplan_host *h, int control)
{
	host_lose_zygote(h);
	h->control = control_open(h, control);
	uv_update_time(h->loop);
	pool_pump(h);
}

void dialplan_host_stop(struct dialplan_host *h)
{
	h->stopping = true;
	on_wake(&h->wake);
	list_each_safe (it, &h->queue)
		run_end(container_of(it, struct run, link), DIALPLAN_END_REFUSED,
			"Tandem is stopping", 0);
	host_lose_zygote(h);
	uv_timer_stop(&h->tick);
	uv_close((uv_handle_t *)&h->tick, NULL);
	uv_close((uv_handle_t *)&h->wake, NULL);
}

void dialplan_host_free(struct dialplan_host *h)
{
	struct order *o = h ? take_orders(h) : NULL;

	if (!h)
		return;
	while (o) {
		struct order *next = o->next;

		if (o->run)
			run_free(o->run);
		free_order(o);
		o = next;
	}
	while (h->engines) {
		struct engine *e = h->engines;

		h->engines = e->next;
		engine_free(e);
	}
	hash_fini(&h->runs);
	lock_fini(&h->lock);
	free(h->common);
	free(h);
}

void dialplan_host_stats(const struct dialplan_host *h, struct dialplan_stats *out)
{
	*out = (struct dialplan_stats){ .attached = h->control != NULL,
		.spare = h->in_state[BOX_SPARE],
		.warm = h->in_state[BOX_WARM],
		.running = h->in_state[BOX_RUNNING],
		.forking = h->in_state[BOX_FORKING],
		.queued = h->queued,
		.runs = h->runs_total,
		.forks = h->forks_total,
		.killed = h->killed_total,
		.refused = h->refused_total };
}

void dialplan_host_report_locks(struct dialplan_host *h, lock_report_fn *report, void *arg)
{
	struct lock_report r = { .name = "dialplan orders" };

	lock_report_add(&r, &h->lock.use);
	report(arg, &r);
}
