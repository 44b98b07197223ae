/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a worker keeps up, judged by the only thing that a peer notices: how long messages wait
 * between their arrival and their turn. Work is not refused because much is going on, but because
 * a queue stands: every turn of an interval had a message that waited longer than the target. From
 * then on each new piece of work is judged by how long it waited itself, so that the queue settles
 * at a length that depends on who asks: work that is worth more, or that comes from somebody who
 * asks for little, is still taken where other work is refused. What was begun is never refused.
 *
 * Levels: a ladder that is climbed one step an interval while the one below does not help, and
 * left when things were calm for a while.
 *   FINE      everything is taken
 *   SHEDDING  new work that waited too long is refused, with an answer
 *   DROPPING  refusing is too much work itself, or does not help, or the kernel throws messages
 *             away: a source that sends more than a fair share has new requests dropped before
 *             they are parsed, unless it is the only one
 *   DROPPING_ALL  and whatever else is beyond that share, too
 *
 * Owned by the worker; `level` and the counters may be read by any thread. Pure: time comes in.
 */
#ifndef LOOP_OVERLOAD_H
#define LOOP_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"

enum { OVERLOAD_REFUSED_MAX = 1000 }; /* in an interval of 100 ms */

enum overload_level { OVERLOAD_FINE, OVERLOAD_SHEDDING, OVERLOAD_DROPPING, OVERLOAD_DROPPING_ALL };

/* What kind of new work: the later, the longer the queue at which it is still taken. */
enum overload_work {
	OVERLOAD_CALL, /* that nothing was done for yet: refusing it costs least */
	OVERLOAD_CALL_BEGUN, /* it answers our challenge */
	OVERLOAD_OTHER, /* a registration or a question: cheap, and losing it costs calls later */
	OVERLOAD_OTHER_BEGUN,
};

/* How much its source asks for, against its fair share. */
enum overload_demand { DEMAND_EXCESS, DEMAND_NORMAL, DEMAND_LIGHT };

struct overload_counters {
	uint64_t refused; /* new work, with an answer */
	uint64_t dropped; /* of floods, unanswered */
	uint64_t lost; /* thrown away by the kernel: the socket's queue was full */
};

struct overload {
	uint32_t target_us; /* 0: nothing is ever refused */
	uint32_t unit_us; /* half of it; less while the socket cannot hold a queue that long */
	int level; /* enum overload_level, atomic */
	uint32_t delay_us; /* of the last interval, atomic */
	struct overload_counters counters; /* atomic */

	uint32_t waited_us; /* the message that is being handled */
	uint32_t turn_us; /* the longest of this turn */
	unsigned turn_messages;

	uint64_t interval_end_ms;
	uint32_t least_us; /* over the turns of this interval, of their longest */
	unsigned messages;
	uint64_t lost; /* in this interval */
	uint64_t turned_away, refused; /* until this interval began; the first: and dropped */

	bool hopeless; /* the last interval: refusing did not help, or was much work */
	unsigned bad, calm; /* such intervals in a row */
	struct overload_counters at_begin; /* when shedding began */
	uint64_t began_ms;
	uint32_t worst_us; /* since then */
};

void overload_init(struct overload *o, unsigned target_ms);

/* A message's turn has come, and it waited so long. */
static inline void overload_arrived(struct overload *o, uint32_t waited_us)
{
	o->waited_us = waited_us;
	o->turn_messages++;
	if (waited_us > o->turn_us)
		o->turn_us = waited_us;
}

/* The kernel threw `n` messages away. */
void overload_lost(struct overload *o, uint64_t n);

/* After each turn, and from time to time while level is above FINE. True: shedding began or ended.
 */
bool overload_end_turn(struct overload *o, uint64_t now_ms);

static inline enum overload_level overload_level(const struct overload *o)
{
	return (enum overload_level)__atomic_load_n(&o->level, __ATOMIC_RELAXED);
}

/* Whether to refuse the new work that the present message is. */
bool overload_refuses(
	const struct overload *o, enum overload_work work, enum overload_demand demand);

/* So much was refused in this interval that refusing is a noticeable part of the work. */
static inline bool overload_refused_many(const struct overload *o)
{
	return o->counters.refused - o->refused >= OVERLOAD_REFUSED_MAX;
}

#endif
