/* SPDX-License-Identifier: BSD-3-Clause */
/* The command contention: how the locks that workers share were used since the start. */
#include "loop/inbox.h"
#include "main/control_int.h"
#include "transport/dns_cache.h"
#include "transport/net.h"

static void add_lock(void *arg, const struct lock_report *r)
{
	const struct lock_use *use = &r->sum;
	json_t *o = json_object();

	json_object_set_new(o, "what", json_string(r->name));
	put_number(o, "locks", r->locks);
	put_number(o, "taken", use->taken);
	put_number(o, "busiest", r->busiest);
	put_number(o, "contended", use->contended);
	json_object_set_new(o, "contended_percent",
		json_real(use->taken ? 100.0 * (double)use->contended / (double)use->taken : 0));
	json_object_set_new(o, "waited_ms", json_real((double)use->waited_ns / 1e6));
	answer_row(arg, o);
}

static void add_inboxes(struct core *core, struct answer *out)
{
	struct lock_report r = { .name = "inboxes" };

	for (unsigned i = 0; i < core->worker_count; i++)
		inbox_report_add(core->workers[i]->worker.inbox, &r);
	add_lock(out, &r);
}

void control_contention(struct client *c, const json_t *request)
{
	struct core *core = c->control->core;
	struct answer out = { NULL };

	location_report_locks(core->location, add_lock, &out);
	directory_report_locks(core->directory, add_lock, &out);
	call_limits_report_locks(core->limits, add_lock, &out);
	net_report_lock(core->net, add_lock, &out);
	dns_cache_report_lock(core->names, add_lock, &out);
	add_inboxes(core, &out);
	store_report_locks(core->store, add_lock, &out);
	event_bus_report_locks(core->events, add_lock, &out);
	dialplan_host_report_locks(core->dialplan, add_lock, &out);
	client_send(c, &out, false);
	client_done(c);
}
