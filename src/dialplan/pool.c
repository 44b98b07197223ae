/* SPDX-License-Identifier: BSD-3-Clause */
/* Which sandbox for which run; how many there are. */
#include <string.h>

#include "dialplan/host_int.h"

static unsigned count_all(const struct dialplan_host *h)
{
	unsigned n = 0;

	for (int state = 0; state < BOX_STATES; state++)
		n += h->in_state[state];
	return n;
}

/* The customer's own idle one, the latest used; else a new one. */
static struct box *choose(struct dialplan_host *h, const char *customer)
{
	struct box *spare = NULL, *warm = NULL;

	list_each (it, &h->boxes) {
		struct box *b = container_of(it, struct box, link);

		if (b->state == BOX_WARM && strcmp(b->customer, customer) == 0)
			warm = b;
		else if (b->state == BOX_SPARE && !spare)
			spare = b;
	}
	return warm ? warm : spare;
}

/* The idle sandbox that was unused for longest; the list is in that order. */
static bool evict(struct dialplan_host *h)
{
	list_each (it, &h->boxes) {
		struct box *b = container_of(it, struct box, link);

		if (b->state == BOX_WARM) {
			box_kill(b, "makes room");
			return true;
		}
	}
	return false;
}

static bool order_fork(struct dialplan_host *h)
{
	struct wire_control m = {
		.kind = WIRE_FORK, .memory_mb = h->cfg.memory_mb, .cpu_s = h->cfg.cpu_s
	};
	struct box *b = box_new(h);

	m.sandbox = b->id;
	if (control_send(h, &m)) {
		h->forks_total++;
		return true;
	}
	box_free(b);
	return false;
}

/*
 * When all sandboxes are somebody's, so many are kept for the next new customer all the same, who
 * would else wait for one to end and another to be forked.
 */
static unsigned kept_ahead(const struct dialplan_host *h)
{
	unsigned some = h->cfg.sandboxes_max / 8;

	return h->cfg.spare < some ? h->cfg.spare : some;
}

static void order_missing(struct dialplan_host *h)
{
	unsigned want = h->cfg.spare + h->queued;
	unsigned have = h->in_state[BOX_SPARE] + h->in_state[BOX_FORKING];
	unsigned all = count_all(h);

	for (; h->control && have < want && all < h->cfg.sandboxes_max; have++, all++)
		if (!order_fork(h))
			return;
	want = kept_ahead(h) + h->queued; /* their room comes when another sandbox has ended */
	for (unsigned dying = h->in_state[BOX_DYING]; dying + have < want; dying++)
		if (!evict(h))
			return;
}

void pool_pump(struct dialplan_host *h)
{
	if (h->stopping)
		return;
	list_each_safe (it, &h->queue) {
		struct run *r = container_of(it, struct run, link);
		struct box *b = choose(h, r->customer);

		if (b)
			run_begin(r, b);
	}
	order_missing(h);
}

void pool_expire(struct dialplan_host *h, uint64_t now_ms)
{
	list_each_safe (it, &h->boxes) {
		struct box *b = container_of(it, struct box, link);
		uint64_t age_ms = now_ms - b->since_ms;

		if (b->state == BOX_WARM && age_ms >= h->cfg.idle_s * 1000ull)
			box_kill(b, "idle");
		else if (b->state == BOX_DYING && age_ms >= 5000)
			box_ended(b, -1);
		else if (b->state == BOX_FORKING && age_ms >= 5000)
			box_free(b);
	}
}
