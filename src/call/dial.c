/* SPDX-License-Identifier: BSD-3-Clause */
/* One Dial: groups one after the other, the attempts of a group together, delays, the ring time. */
#include "call/model.h"

static void on_ring_timeout(struct timer *t);

struct dial *dial_new(struct run *r)
{
	struct dial *d = arena_new(&r->call->setup->arena, struct dial);

	d->run = r;
	d->dialled = json_array();
	list_init(&d->attempts);
	timer_init(&d->ring, on_ring_timeout);
	if (r->dial) { /* of a former Dial: nothing of it is under way any more */
		list_each_safe (it, &r->dial->attempts)
			attempt_release(container_of(it, struct attempt, link));
		json_decref(r->dial->dialled);
		r->dial->dialled = NULL;
	}
	r->dial = d;
	return d;
}

void dial_cancel(struct dial *d, struct str reason, const struct attempt *but)
{
	d->over = true;
	timer_stop(&call_worker(d->run->call)->wheel, &d->ring);
	list_each (it, &d->attempts) {
		struct attempt *at = container_of(it, struct attempt, link);

		if (at != but)
			attempt_cancel(at, reason);
	}
}

static void dial_done(struct dial *d, enum dial_result result)
{
	if (d->over)
		return;
	dial_cancel(d, STR("SIP;cause=487;text=\"No answer in time\""), NULL);
	run_dial_done(d->run, d, result);
}

static void on_ring_timeout(struct timer *t)
{
	struct dial *d = container_of(t, struct dial, ring);

	call_event(d->run->call, EV_CALL_NOTE, "nobody answered within %u s", d->ring_s);
	d->status = 480;
	d->reason = STR("No answer");
	if (d->failure < FAILURE_NO_ANSWER)
		d->failure = FAILURE_NO_ANSWER;
	dial_done(d, DIAL_TIMED_OUT);
}

static void on_delay(struct timer *t)
{
	struct attempt *at = container_of(t, struct attempt, delay);

	at->delayed = false;
	attempt_start(at);
}

static void start_group(struct dial *d)
{
	d->starting = true;
	list_each (it, &d->attempts) {
		struct attempt *at = container_of(it, struct attempt, link);

		if (at->group != d->group || at->state != ATTEMPT_WAITING || at->delayed ||
			at->spare)
			continue;
		if (at->delay_s) {
			timer_init(&at->delay, on_delay);
			at->delayed = true;
			timer_start(
				&call_worker(at->call)->wheel, &at->delay, at->delay_s * 1000ul);
		} else {
			attempt_start(at);
		}
		if (d->over)
			break;
	}
	d->starting = false;
	dial_check(d);
}

void dial_resume(struct dial *d)
{
	if (!d->over)
		start_group(d);
}

void dial_begin(struct dial *d)
{
	if (list_empty(&d->attempts) || d->refused) {
		dial_done(d, DIAL_ERROR);
		return;
	}
	timer_start(&call_worker(d->run->call)->wheel, &d->ring, d->ring_s * 1000ul);
	start_group(d);
}

void dial_start(struct dial *d, const struct dial_plan *plan)
{
	d->groups = plan->groups;
	for (unsigned i = 0; i < plan->count; i++)
		target_add(d, &plan->legs[i]);
	dial_begin(d);
}

/* What of the present group is left: somebody rings; the delayed one that is due first. */
static bool still_trying(const struct dial *d, struct attempt **first)
{
	*first = NULL;
	list_each (it, (struct list *)&d->attempts) {
		struct attempt *at = container_of(it, struct attempt, link);

		if (at->group != d->group)
			continue;
		if (at->state == ATTEMPT_TRYING || at->state == ATTEMPT_ANSWERED)
			return true;
		if (at->delayed && (!*first || at->delay.due_ms < (*first)->delay.due_ms))
			*first = at;
	}
	return false;
}

/* When nothing rings any more: the next delayed attempt, else the next group, else the end. */
void dial_check(struct dial *d)
{
	struct attempt *first;

	if (d->over || d->starting || still_trying(d, &first))
		return;
	if (first) {
		timer_stop(&call_worker(first->call)->wheel, &first->delay);
		first->delayed = false;
		attempt_start(first);
		return;
	}
	if (++d->group < d->groups) {
		start_group(d);
		return;
	}
	dial_done(d, str_empty(d->redirect_uri) ? DIAL_FAILED : DIAL_REDIRECT);
}

static json_t *headers_of(struct sip_msg *rsp)
{
	json_t *list = json_array();

	for (unsigned i = 0; rsp && i < rsp->hdr_count; i++)
		json_array_append_new(list,
			json_pack("[o,o]", call_json(rsp->hdrs[i].name),
				call_json(rsp->hdrs[i].value)));
	return list;
}

/* For sys.LastDialled. */
static void note_result(struct attempt *at, unsigned status, struct str reason, struct sip_msg *rsp)
{
	bool of_peer = rsp || at->kind == ATTEMPT_LOOPBACK;
	enum dial_failure f =
		dial_failure_of(at->kind == ATTEMPT_PROVIDER, rsp ? rsp->status : status, of_peer);

	if (at->dial->failure < f)
		at->dial->failure = f;
	json_array_append_new(at->dial->dialled,
		json_pack("{s:o,s:i,s:o,s:o,s:o,s:s,s:s}", "uri", call_json(at->uri), "status",
			(int)(rsp ? rsp->status : status), "reason",
			call_json(rsp ? rsp->reason : reason), "headers", headers_of(rsp), "body",
			call_json(rsp ? rsp->body : STR("")), "state",
			rsp ? "Completed" : "Terminated", "class", failure_name(f)));
}

void dial_attempt_failed(
	struct attempt *at, unsigned status, struct str reason, struct sip_msg *rsp)
{
	struct dial *d = at->dial;
	struct arena *a = &at->call->setup->arena;

	if (at->state == ATTEMPT_FAILED || d->over)
		return;
	at->state = ATTEMPT_FAILED;
	progress_forget(at);
	if (str_empty(reason))
		reason = sip_reason(status);
	note_result(at, status, reason, rsp);
	d->status = status;
	d->reason = arena_str(a, str_first(reason, 200));
	call_event(at->call, EV_CALL_LEG, "%.*s did not answer: %u %.*s", STR_ARG(at->uri), status,
		STR_ARG(d->reason));
	dial_check(d);
}
