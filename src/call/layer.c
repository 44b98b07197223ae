/* SPDX-License-Identifier: BSD-3-Clause */
/* The call layer of a worker: its calls, and the way in for requests within dialogs. */
#include "call/model.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "sip/print.h"

struct call_layer *call_layer_new(const struct call_env *env, const struct call_config *cfg)
{
	struct call_layer *l = mem_new(struct call_layer);

	l->env = *env;
	l->cfg = *cfg;
	l->user_agent = str_dup(cfg->user_agent);
	l->cfg.user_agent = str_of(l->user_agent);
	l->enum_roots = str_dup(cfg->enum_roots);
	l->cfg.enum_roots = str_of(l->enum_roots);
	list_init(&l->numbers);
	l->contact_key = contact_key(env->key);
	dialog_table_init(&l->dialogs);
	hash_init(&l->by_id, 64);
	list_init(&l->calls);
	return l;
}

/*
 * The process ends, the calls go on: nothing is hung up, the stored dialogs are taken over by
 * whoever starts next.
 */
void call_layer_free(struct call_layer *l)
{
	if (!l)
		return;
	numbers_end(l);
	list_each_safe (it, &l->calls)
		call_abandon(container_of(it, struct call, link));
	worker_end_turn(l->env.uac.worker);
	hash_fini(&l->by_id);
	dialog_table_fini(&l->dialogs);
	crypto_block_free(l->contact_key);
	free(l->user_agent);
	free(l->enum_roots);
	free(l);
}

struct call *call_find(struct call_layer *l, struct str id)
{
	for (struct hash_node *n = hash_find(&l->by_id, hash_str(id)); n; n = hash_next(n)) {
		struct call *c = container_of(n, struct call, node);

		if (str_eq(c->id, id))
			return c;
	}
	return NULL;
}

bool call_on_dialog_request(struct call_layer *l, struct sip_msg *req, const struct flow *flow)
{
	struct dialog *d = dialog_find(&l->dialogs, req);

	if (!d)
		return false;
	bridge_on_request(d->owner, req, flow);
	return true;
}

void call_on_ack(struct call_layer *l, struct sip_msg *ack, const struct flow *flow)
{
	struct dialog *d = dialog_find(&l->dialogs, ack);
	struct relay *r;

	if (!d || !contact_check(d->owner, ack, flow))
		return;
	r = relay_find_invite(d->owner, ack->cseq.number);
	if (r)
		relay_on_ack(r, ack);
}

/* A 2xx to an INVITE of ours whose transaction is gone: acknowledged again. */
void call_on_stray_2xx(struct call_layer *l, struct sip_msg *rsp, const struct flow *flow)
{
	struct dialog *d = dialog_find_ids(&l->dialogs, rsp->call_id, rsp->from.tag, rsp->to.tag);
	struct leg *leg = d && d->state == DIALOG_CONFIRMED ? d->owner : NULL;

	if (leg) {
		leg->answers_again++;
		best_effort(leg_send_ack(leg, rsp->cseq.number, STR_NONE, STR_NONE, STR_NONE));
		return;
	}
	uac_end_late_2xx(&l->env.uac, rsp, flow);
}

static struct str state_name(const struct call *c)
{
	switch (c->state) {
	case CALL_ROUTING:
		return STR("routing");
	case CALL_RINGING:
		return STR("ringing");
	case CALL_ANSWERED:
		return STR("answered");
	case CALL_ENDED:
		return STR("ended");
	}
	return STR("");
}

void call_each(struct call_layer *l, void (*visit)(const struct call_info *c, void *arg), void *arg)
{
	list_each_safe (it, &l->calls) {
		struct call *c = container_of(it, struct call, link);
		struct call_info info = {
			.call = c->id,
			.customer = c->customer,
			.account = c->account,
			.from = c->record.from,
			.to = c->record.to,
			.state = state_name(c),
			.destination = c->record.destination,
			.started_ms = c->record.started_ms,
			.answered_ms = c->record.answered_ms,
			.legs = 1 + (c->b ? 1 : c->record.legs),
		};

		if (c->state != CALL_ENDED)
			visit(&info, arg);
	}
}

size_t call_count(const struct call_layer *l)
{
	return l->count;
}

bool call_hang_up(struct call_layer *l, struct str call, struct str reason)
{
	struct call *c = call_find(l, call);

	if (!c || c->state == CALL_ENDED)
		return false;
	if (c->state == CALL_ANSWERED)
		call_end(c, "operator", reason, STR_NONE);
	else
		call_reject(c, 480, reason, NULL, 0);
	return true;
}
