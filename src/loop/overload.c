/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/overload.h"

enum {
	INTERVAL_MS = 100,
	MESSAGES_MIN = 10, /* fewer in an interval say nothing: the thread may not have run */
	HOPELESS = 4, /* times the target, while shedding */
	BAD_MAX = 2, /* such intervals in a row, then the next level */
	UNIT_MIN_US = 500,
	UNIT_GROWTH = 32, /* an interval without losses makes it larger by that part */
	CALM_STEP = 5, /* calm ones in a row, then a level less */
	CALM_END = 30, /* then shedding ends */
};

void overload_init(struct overload *o, unsigned target_ms)
{
	*o = (struct overload){ .target_us = target_ms * 1000,
		.unit_us = target_ms * 1000 / 2,
		.least_us = UINT32_MAX };
}

void overload_lost(struct overload *o, uint64_t n)
{
	o->lost += n;
	counter_add(&o->counters.lost, n);
}

static void set_level(struct overload *o, enum overload_level level)
{
	__atomic_store_n(&o->level, (int)level, __ATOMIC_RELAXED);
	o->bad = o->calm = 0;
}

/* The delay of the interval that ends: 0 when too little happened to speak of one. */
static uint32_t delay_of(const struct overload *o)
{
	return o->messages >= MESSAGES_MIN ? o->least_us : 0;
}

static bool begin(struct overload *o, uint32_t delay, uint64_t now_ms)
{
	if (delay <= o->target_us && !o->lost)
		return false;
	o->at_begin = o->counters;
	o->began_ms = now_ms;
	o->worst_us = delay;
	set_level(o, OVERLOAD_SHEDDING);
	return true;
}

/*
 * A queue that loses messages of calls that are up is too long, whatever its delay: what is refused
 * must be refused earlier.
 */
static void fit_unit(struct overload *o)
{
	uint32_t most = o->target_us / 2, larger = o->unit_us + o->unit_us / UNIT_GROWTH + 1;

	if (o->lost)
		o->unit_us = o->unit_us / 2 > UNIT_MIN_US ? o->unit_us / 2 : UNIT_MIN_US;
	else
		o->unit_us = larger < most ? larger : most;
}

static uint64_t turned_away(const struct overload *o)
{
	return o->counters.refused + o->counters.dropped;
}

/*
 * Up or down the ladder; true when it is left. As long as somebody is turned away things are not
 * calm: they are because he is.
 */
static bool climb(struct overload *o, uint32_t delay)
{
	enum overload_level level = overload_level(o);
	bool calm = delay <= o->target_us / 4 && !o->lost && turned_away(o) == o->turned_away;
	bool hopeless = delay > HOPELESS * o->target_us || o->lost;
	bool refusing = overload_refused_many(o);

	if (delay > o->worst_us)
		o->worst_us = delay;
	o->hopeless = hopeless || refusing;
	o->bad = hopeless ? o->bad + 1 : 0;
	o->calm = calm ? o->calm + 1 : 0;
	if ((o->bad >= BAD_MAX && level < OVERLOAD_DROPPING_ALL) ||
		(refusing && level < OVERLOAD_DROPPING))
		set_level(o, level + 1);
	else if (o->calm >= CALM_STEP && level > OVERLOAD_SHEDDING)
		set_level(o, level - 1);
	else if (o->calm >= CALM_END)
		set_level(o, OVERLOAD_FINE);
	return overload_level(o) == OVERLOAD_FINE;
}

static bool end_interval(struct overload *o, uint64_t now_ms)
{
	uint32_t delay = delay_of(o);
	bool changed =
		overload_level(o) == OVERLOAD_FINE ? begin(o, delay, now_ms) : climb(o, delay);

	fit_unit(o);
	__atomic_store_n(&o->delay_us, delay, __ATOMIC_RELAXED);
	o->interval_end_ms = now_ms + INTERVAL_MS;
	o->least_us = UINT32_MAX;
	o->messages = 0;
	o->lost = 0;
	o->turned_away = turned_away(o);
	o->refused = o->counters.refused;
	return changed;
}

bool overload_end_turn(struct overload *o, uint64_t now_ms)
{
	if (o->turn_messages) {
		if (o->turn_us < o->least_us)
			o->least_us = o->turn_us;
		o->messages += o->turn_messages;
		o->turn_us = 0;
		o->turn_messages = 0;
	}
	return o->target_us && now_ms >= o->interval_end_ms && end_interval(o, now_ms);
}

/* The queue at which work is refused, in halves of the target. */
bool overload_refuses(
	const struct overload *o, enum overload_work work, enum overload_demand demand)
{
	static const unsigned of_work[] = { [OVERLOAD_CALL] = 1,
		[OVERLOAD_CALL_BEGUN] = 2,
		[OVERLOAD_OTHER] = 2,
		[OVERLOAD_OTHER_BEGUN] = 3 };
	static const unsigned of_demand[] = {
		[DEMAND_EXCESS] = 1, [DEMAND_NORMAL] = 2, [DEMAND_LIGHT] = 4
	};

	return overload_level(o) != OVERLOAD_FINE &&
		o->waited_us > of_work[work] * of_demand[demand] * o->unit_us;
}
