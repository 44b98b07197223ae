/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <sys/resource.h>

#include "bench.h"

enum { TICK_US = 10000, WAIT_US = 1000, DRAIN_US = 2000000 };

struct run {
	struct agents *a;
	const struct pace *pace;
	uint64_t begun_us, ticked_us, closed_us, idle_us, begun_ops, random;
	double due_us, cpu; /* since the beginning */
	struct paced result;
};

double pace_cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void turn(struct run *r, uint64_t wait_us)
{
	uint64_t begun = now_us(), begun_ops = agents_result(r->a)->begun, now;
	unsigned received = net_turn(agents_net(r->a), r->pace->awake ? 0 : wait_us);

	now = now_us();
	if (!received && begun_ops == r->begun_ops)
		r->idle_us += now - begun;
	r->begun_ops = begun_ops;
	if (now - r->ticked_us > TICK_US) {
		agents_tick(r->a);
		r->ticked_us = now;
	}
}

/* Time to the next arrival of a Poisson process. */
static double gap_us(struct run *r)
{
	double u = (double)(random_next(&r->random) >> 11) / (double)(1ULL << 53);

	return -log1p(-u) * 1e6 / r->pace->rate;
}

static bool more(const struct run *r, uint64_t now)
{
	const struct pace *p = r->pace;

	if (p->count)
		return agents_result(r->a)->begun + r->result.late < p->count;
	return (double)(now - r->begun_us) < p->seconds * 1e6;
}

/* Returns how long nothing is due. Late beginners count from when they were due. */
static uint64_t begin_due(struct run *r, uint64_t now)
{
	double elapsed = (double)(now - r->begun_us);

	while (r->due_us <= elapsed && more(r, r->begun_us + (uint64_t)r->due_us)) {
		if (!agents_begin(r->a, r->begun_us + (uint64_t)r->due_us))
			r->result.late++;
		r->due_us += gap_us(r);
	}
	return r->due_us - elapsed < WAIT_US ? (uint64_t)fmax(r->due_us - elapsed, 0) : WAIT_US;
}

static uint64_t begin_some(struct run *r, uint64_t now)
{
	while (agents_busy(r->a) < r->pace->at_once && more(r, now) && agents_begin(r->a, now))
		;
	return WAIT_US;
}

static void close_window(struct run *r, uint64_t now)
{
	r->closed_us = now;
	r->result.seconds = (double)(now - r->begun_us) / 1e6;
	r->result.busy_seconds = r->pace->awake ? r->result.seconds - (double)r->idle_us / 1e6
						: pace_cpu_seconds() - r->cpu;
	r->result.done = agents_result(r->a)->done;
}

static bool drained(const struct run *r, uint64_t now)
{
	return !agents_busy(r->a) || now - r->closed_us > r->pace->give_up_us + DRAIN_US;
}

struct paced pace_run(struct agents *a, const struct pace *p)
{
	struct run r = { .a = a,
		.pace = p,
		.begun_us = now_us(),
		.random = 0x2545f4914f6cdd1d,
		.cpu = pace_cpu_seconds() };
	uint64_t now = r.begun_us;

	r.due_us = p->rate > 0 ? gap_us(&r) : 0;
	while (!r.closed_us || !drained(&r, now)) {
		uint64_t wait_us = WAIT_US;

		if (more(&r, now))
			wait_us = p->rate > 0 ? begin_due(&r, now) : begin_some(&r, now);
		turn(&r, wait_us);
		now = now_us();
		if (!r.closed_us && !more(&r, now) && (!p->count || !agents_busy(a)))
			close_window(&r, now);
	}
	r.result.cpu_seconds = pace_cpu_seconds() - r.cpu;
	return r.result;
}

void pace_everybody(struct agents *a, const struct pace *p, unsigned users)
{
	const struct pace each = {
		.at_once = p->at_once, .count = users, .give_up_us = p->give_up_us
	};

	pace_run(a, &each);
}

void pace_hang_up(struct agents *a, const struct pace *p)
{
	struct run r = { .a = a, .pace = p };
	bool more = true;

	while (more || agents_busy(a)) {
		while (more && agents_busy(a) < p->at_once)
			more = agents_hang_up(a);
		turn(&r, WAIT_US);
	}
}
