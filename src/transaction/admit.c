/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * New requests while the worker does not keep up: refused with 503 and Retry-After, before anybody
 * spends work on them. What belongs to something that was begun never comes here (ACK, CANCEL,
 * responses, copies of requests that have a transaction) or passes (requests within a dialog).
 */
#include "transaction/tx_int.h"

enum { RETRY_AFTER_MIN_S = 5, RETRY_AFTER_SPREAD_S = 11 };

static enum overload_work work_of(const struct sip_msg *m)
{
	bool call = m->method == SIP_INVITE || m->method == SIP_MESSAGE;
	bool begun = sip_msg_hdr(m, SIP_HDR_AUTHORIZATION).n > 0;

	if (call)
		return begun ? OVERLOAD_CALL_BEGUN : OVERLOAD_CALL;
	return begun ? OVERLOAD_OTHER_BEGUN : OVERLOAD_OTHER;
}

static enum overload_demand demand_of(const struct tx_layer *l, uint32_t n)
{
	if (n > l->fair.share && !fair_alone(&l->fair))
		return DEMAND_EXCESS;
	return n > l->fair.share / 4 ? DEMAND_NORMAL : DEMAND_LIGHT;
}

/* Not all at the same time, or they come back as they went. */
static void refuse(struct tx_layer *l, const struct sip_msg *m, const struct flow *flow)
{
	char text[12];
	struct buf seconds = BUF_OF(text);
	struct sip_extra later = { .id = SIP_HDR_RETRY_AFTER };
	const struct sip_reply busy = { .status = 503,
		.reason = STR("Overloaded, try again later"),
		.extra = &later,
		.extra_count = 1 };

	buf_u64(&seconds, RETRY_AFTER_MIN_S + rng_below(&l->worker->rng, RETRY_AFTER_SPREAD_S));
	later.value = buf_str(&seconds);
	tx_reply_stateless(l, m, flow, &busy);
}

/* What a flood gets beyond so many answers is silence: sending them is most of the work. */
static void turn_away(struct tx_layer *l, const struct sip_msg *m, const struct flow *flow,
	enum overload_demand demand)
{
	struct overload *o = &l->worker->overload;

	if (demand == DEMAND_EXCESS && flow->proto == TP_UDP && overload_refused_many(o)) {
		counter_add(&o->counters.dropped, 1);
		return;
	}
	if (demand != DEMAND_EXCESS)
		fair_press(&l->fair);
	counter_add(&o->counters.refused, 1);
	refuse(l, m, flow);
}

bool tx_admit(struct tx_layer *l, const struct sip_msg *m, const struct flow *flow)
{
	struct overload *o = &l->worker->overload;
	enum overload_demand demand;
	uint32_t n;

	if (m->to.tag.n && m->method != SIP_REGISTER)
		return true;
	n = fair_count(&l->fair, &flow->remote, l->worker->clock.mono_ms);
	if (overload_level(o) == OVERLOAD_FINE)
		return true;
	if (l->fair.share == UINT32_MAX)
		fair_press(&l->fair);
	demand = demand_of(l, n);
	if (!overload_refuses(o, work_of(m), demand))
		return true;
	turn_away(l, m, flow, demand);
	return false;
}
