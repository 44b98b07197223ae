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
	free(l->media.ports);
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

static enum tp_proto proto_of(const struct sip_uri *uri)
{
	enum tp_proto p;

	if (!tp_proto_parse(sip_uri_param(uri, STR("transport")), &p))
		return uri->scheme == SIP_SCHEME_SIPS && p == TP_TCP ? TP_TLS : p;
	return uri->scheme == SIP_SCHEME_SIPS ? TP_TLS : TP_UDP;
}

static struct flow flow_of_phone(const struct leg *l)
{
	struct flow now;

	if (str_empty(l->aor) || l->d.routes.n ||
		!location_flow(l->call->layer->env.location, l->aor, l->d.remote_target,
			call_worker(l->call)->clock.wall_ms, &now))
		return l->d.flow;
	return now;
}

/*
 * Requests to a phone take its flow, whatever it says about itself: the one of its last request
 * within the dialog, or of its registration, if that came from elsewhere since. Others are where
 * their route set or Contact says (RFC 3261 12.2.1.1), if it says so in numbers that lead somewhere
 * from here: a private address that came from a public one does not, and names were resolved when
 * the dialog began.
 */
struct flow leg_way(const struct leg *l)
{
	const struct flow *seen = &l->d.flow;
	struct sip_uri hop;
	struct flow way;
	struct addr at;

	if (!l->outside)
		return flow_of_phone(l);
	if (dialog_next_hop(&l->d, &hop) || addr_parse_ip(hop.host, sip_uri_port(&hop), &at) ||
		addr_ip_eq(&at, &seen->remote) ||
		(addr_is_private(&at) && !addr_is_private(&seen->remote)) ||
		transport_route(
			l->call->layer->env.uac.transport, proto_of(&hop), &at, hop.host, &way))
		return *seen;
	return way;
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
	struct tx_request r = { .flow = leg_way(l), .method = SIP_ACK, .method_name = STR("ACK") };

	dialog_print_request(&l->d, &b, STR("ACK"), cseq, &r.uri);
	if (credentials_may_go(l, &r.flow))
		buf_add(&b, authorization);
	sip_print_body(&b, type, body);
	if (!buf_ok(&b))
		return ERR_LIMIT;
	r.rest = buf_str(&b);
	return tx_send_ack(call_tx(l->call), &r);
}
