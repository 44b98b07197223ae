/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dr= of a dial string: soon after the answer both sides are invited once more, with what the other
 * one said last. It opens ways for media that the first offer and answer left shut.
 */
#include "call/model.h"

static void on_answer(struct relay *r, unsigned status, struct sip_msg *rsp)
{
	if (status >= 300)
		call_event(r->call, EV_CALL_NOTE, "the %s was invited again (dr=): %u",
			r->to->b_side ? "callee" : "caller", status);
}

static void invite(struct leg *l)
{
	if (l && !l->ended && !l->invite && l->sdp)
		relay_own(l, SIP_INVITE, STR_NONE, true, on_answer);
}

static void on_time(struct timer *t)
{
	struct call *c = container_of(t, struct call, again);

	if (c->state != CALL_ANSWERED)
		return;
	invite(c->a);
	invite(c->b);
}

void again_init(struct call *c)
{
	timer_init(&c->again, on_time);
}

void again_arm(struct call *c)
{
	if (c->again_s)
		timer_start(&call_worker(c)->wheel, &c->again, c->again_s * 1000ul);
}
