/* SPDX-License-Identifier: BSD-3-Clause */
/* Setting up: what a call holds until it is answered and acknowledged. */
#include "call/model.h"

#include <stdlib.h>

static void on_cancel(void *arg, struct tx_server *tx, struct sip_msg *cancel)
{
	call_cancelled(arg, sip_msg_hdr(cancel, SIP_HDR_REASON));
}

static void on_failed(void *arg, struct tx_server *tx, enum err why)
{
	struct call *c = arg;

	call_event(c, EV_CALL_NOTE, "the caller did not acknowledge the final answer: %s",
		err_text(why));
}

static void on_done(void *arg, struct tx_server *tx)
{
	struct call *c = arg;

	list_each (it, &c->relays) {
		struct relay *r = container_of(it, struct relay, link);

		if (r->in == tx)
			r->in = NULL;
	}
	if (c->setup)
		c->setup->tx = NULL;
	call_forget_if_done(c);
}

const struct tx_server_handlers setup_tx_handlers = {
	.on_cancel = on_cancel,
	.on_failed = on_failed,
	.on_done = on_done,
};

struct setup *setup_new(struct call *c, struct sip_msg *req, struct tx_server *tx)
{
	struct setup *s = mem_new(struct setup);

	arena_init(&s->arena, 1472);
	s->call = c;
	s->req = sip_msg_ref(req);
	s->tx = tx;
	list_init(&s->runs);
	s->max_forwards =
		req->has_max_forwards && req->max_forwards < 70 ? req->max_forwards - 1 : 69;
	s->rel_required = sip_msg_list_has(req, SIP_HDR_REQUIRE, STR("100rel"));
	s->rel = s->rel_required || sip_msg_list_has(req, SIP_HDR_SUPPORTED, STR("100rel"));
	return s;
}

/* answered: scripts hear that they are to stop, and may still finish what they have to. */
void setup_stop(struct setup *s, struct str reason, bool answered)
{
	if (s->prack.waiting)
		timer_stop(&call_worker(s->call)->wheel, &s->prack.timer);
	s->prack.waiting = false;
	list_each (it, &s->runs) {
		struct run *r = container_of(it, struct run, link);

		if (r->dial)
			dial_cancel(r->dial, reason, answered ? s->winner : NULL);
		run_abort(r, answered);
	}
	if (!answered || !s->early || s->early != s->call->b)
		s->early = NULL;
}

static void release_dials(struct run *r)
{
	struct dial *d = r->dial;

	if (!d)
		return;
	timer_stop(&call_worker(r->call)->wheel, &d->ring);
	list_each_safe (it, &d->attempts)
		attempt_release(container_of(it, struct attempt, link));
	json_decref(d->dialled);
}

void setup_free(struct setup *s)
{
	struct wheel *w = &call_worker(s->call)->wheel;

	if (s->prack.waiting)
		timer_stop(w, &s->prack.timer);
	list_each (it, &s->runs) {
		struct run *r = container_of(it, struct run, link);

		run_abort(r, false);
		release_dials(r);
		account_unref(r->account);
		dialplan_unref(r->plan);
	}
	if (s->tx)
		tx_server_detach(s->tx);
	s->call->setup = NULL;
	sip_msg_unref(s->req);
	arena_fini(&s->arena);
	free(s);
}

/* Scripts may still be in their last lines, and the callee may repeat its 2xx. */
void setup_free_if_done(struct setup *s)
{
	if (s->call->state != CALL_ANSWERED || !s->acked)
		return;
	list_each (it, &s->runs)
		if (container_of(it, struct run, link)->running)
			return;
	sip_msg_unref(s->req); /* by far the largest of what waits for a late 2xx */
	s->req = NULL;
	list_each (it, &s->call->relays) {
		const struct relay *r = container_of(it, struct relay, link);

		if (r->borrowed || r->to->attempt)
			return;
	}
	setup_free(s);
}
