/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The INVITE server machine (RFC 3261 17.2.1, RFC 6026 7.1).
 *
 *   TRYING --1xx--> PROCEEDING --2xx--> ACCEPTED --timer L--> gone
 *                        |
 *                     300-699 --> COMPLETED --ACK--> CONFIRMED --timer I--> gone
 *                                  |  timer G: once more
 *                                  +- timer H: no ACK, the user is told
 */
#include "transaction/tx_int.h"

void invite_server_sent(struct tx_server *s)
{
	struct tx_layer *l = s->tx.layer;

	if (s->status >= 300) {
		s->state = SERVER_COMPLETED;
		tx_start_timeout(&s->tx, tx_64_t1(l)); /* H */
		if (!tx_reliable(&s->tx))
			tx_start_retransmit(&s->tx, l->timing.t1_ms); /* G */
	} else if (s->status >= 200) {
		s->state = SERVER_ACCEPTED;
		tx_start_timeout(&s->tx, tx_64_t1(l)); /* L */
	} else if (s->status) {
		s->state = SERVER_PROCEEDING;
	}
}

void invite_server_on_retransmit(struct tx_server *s)
{
	if (s->state == SERVER_COMPLETED)
		tx_retransmit(&s->tx, s->tx.layer->timing.t2_ms);
}

void invite_server_on_ack(struct tx_server *s, struct sip_msg *ack)
{
	struct tx_layer *l = s->tx.layer;

	if (s->state != SERVER_COMPLETED)
		return; /* a copy */
	s->state = SERVER_CONFIRMED;
	tx_stop_timers(&s->tx);
	tx_start_timeout(&s->tx, tx_reliable(&s->tx) ? 0 : l->timing.t4_ms); /* I */
	if (s->handlers && s->handlers->on_ack)
		s->handlers->on_ack(s->arg, s, ack);
}

void invite_server_on_timeout(struct tx_server *s)
{
	if (s->state == SERVER_COMPLETED)
		server_fail(s, ERR_TIMEOUT); /* H */
	else
		server_end(s); /* I, L */
}
