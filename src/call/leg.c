/* SPDX-License-Identifier: BSD-3-Clause */
/* A leg: one side of a call, the dialog with its peer. */
#include "call/model.h"

#include <stdlib.h>

#include "sip/print.h"

struct leg *leg_new(struct call *c, bool b_side)
{
	struct leg *l = mem_new(struct leg);

	l->call = c;
	l->b_side = b_side;
	list_init(&l->link);
	timer_init(&l->session.timer, session_fire);
	return l;
}

void leg_free(struct leg *l)
{
	if (!l)
		return;
	session_stop(l);
	list_each_safe (it, &l->call->relays) {
		struct relay *r = container_of(it, struct relay, link);

		if (r->from == l || r->to == l)
			relay_end(r);
	}
	list_del(&l->link);
	if (l->d.owner)
		dialog_table_del(&l->call->layer->dialogs, &l->d);
	dialog_fini(&l->d);
	provider_unref(l->provider);
	free(l->realm);
	free(l->sdp);
	free(l->media.network);
	free(l);
}

/* The other side; NULL when there is none to talk to (yet, or any more). */
struct leg *leg_peer(const struct leg *l)
{
	struct call *c = l->call;
	struct leg *peer;

	if (l == c->a)
		peer = c->b ? c->b : c->setup ? c->setup->early : NULL;
	else if (l == c->b || (c->setup && l == c->setup->early))
		peer = c->a;
	else
		peer = NULL;
	return peer && !peer->ended ? peer : NULL;
}

/*
 * Hangs up. A leg that was answered and not acknowledged yet is hung up once the ACK is there
 * (RFC 3261 section 15).
 */
void leg_bye(struct leg *l, struct str reason)
{
	if (!l || l->ended || l->d.state != DIALOG_CONFIRMED)
		return;
	if (l->invite && l->invite->from == l && l->invite->answered && !l->invite->in_acked) {
		l->bye_after_ack = true;
		return;
	}
	l->ended = true;
	session_stop(l);
	relay_own(l, SIP_BYE, reason, false, NULL);
}

/* authorization: the INVITE's, as a whole header line (RFC 3261 13.2.2.4); may be empty. */
enum err leg_send_ack(
	struct leg *l, uint32_t cseq, struct str authorization, struct str type, struct str body)
{
	char mem[SIP_MSG_MAX];
	struct buf b = BUF_OF(mem);
	struct tx_request r = { .flow = l->d.flow, .method = SIP_ACK, .method_name = STR("ACK") };

	dialog_print_request(&l->d, &b, STR("ACK"), cseq, &r.uri);
	if (credentials_may_go(l))
		buf_add(&b, authorization);
	sip_print_body(&b, type, body);
	if (!buf_ok(&b))
		return ERR_LIMIT;
	r.rest = buf_str(&b);
	return tx_send_ack(call_tx(l->call), &r);
}
