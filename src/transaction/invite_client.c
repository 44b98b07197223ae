/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The INVITE client machine (RFC 3261 17.1.1, RFC 6026 7.2).
 *
 *   CALLING --1xx--> PROCEEDING --2xx--> ACCEPTED --timer M--> gone
 *      |  timer A: once more    \
 *      |  timer B: user told     300-699 --> ACK, COMPLETED --timer D--> gone
 */
#include "transaction/tx_int.h"

enum { TIMER_D_MS = 32000 };

void invite_client_started(struct tx_client *c)
{
	struct tx_layer *l = c->tx.layer;

	tx_start_timeout(&c->tx, tx_64_t1(l)); /* B */
	if (!tx_reliable(&c->tx))
		tx_start_retransmit(&c->tx, l->timing.t1_ms); /* A */
}

/* 17.1.1.3: the INVITE's Via, From, Call-ID, CSeq number and Route; the response's To. */
static void print_ack(struct buf *b, const struct sip_msg *invite, const struct sip_msg *rsp)
{
	sip_print_request_line(b, STR("ACK"), invite->request_uri);
	sip_print_hdr(b, SIP_HDR_VIA, invite->via.text);
	sip_print_copy(b, invite, SIP_HDR_ROUTE);
	sip_print_hdr_u32(b, SIP_HDR_MAX_FORWARDS, 70);
	sip_print_copy(b, invite, SIP_HDR_FROM);
	sip_print_copy(b, rsp, SIP_HDR_TO);
	sip_print_copy(b, invite, SIP_HDR_CALL_ID);
	sip_print_hdr_fmt(b, SIP_HDR_CSEQ, "%u ACK", invite->cseq.number);
	sip_print_body(b, STR_NONE, STR_NONE);
}

/* From now on it is the ACK that is repeated, whenever the response is. */
static void acknowledge(struct tx_client *c, const struct sip_msg *rsp)
{
	struct sip_msg *invite;
	struct sip_fault fault;
	struct buf b;

	BUG_ON(sip_msg_parse(str_make(c->tx.bytes, c->tx.length), &invite, &fault) != ERR_OK);
	buf_init(&b, c->tx.layer->scratch, TX_MESSAGE_MAX);
	print_ack(&b, invite, rsp);
	sip_msg_unref(invite);
	if (!buf_ok(&b))
		return;
	tx_set_bytes(&c->tx, buf_str(&b));
	if (tx_transmit(&c->tx))
		client_end(c);
}

static void completed(struct tx_client *c, const struct sip_msg *rsp)
{
	c->state = CLIENT_COMPLETED;
	tx_stop_timers(&c->tx);
	tx_start_timeout(&c->tx, tx_reliable(&c->tx) ? 0 : TIMER_D_MS); /* D */
	acknowledge(c, rsp);
}

void invite_client_on_response(struct tx_client *c, struct sip_msg *rsp, const struct flow *flow)
{
	if (c->state == CLIENT_COMPLETED) {
		if (rsp->status >= 300 && tx_transmit(&c->tx))
			client_end(c);
		return;
	}
	if (c->state == CLIENT_ACCEPTED) {
		if (rsp->status >= 200 && rsp->status < 300)
			client_tell(c, rsp, flow);
		return;
	}
	if (rsp->status < 200) {
		if (c->state == CLIENT_CALLING)
			tx_stop_timers(&c->tx);
		c->state = CLIENT_PROCEEDING;
		client_cancel_if_wanted(c);
	} else if (rsp->status < 300) {
		c->state = CLIENT_ACCEPTED;
		tx_set_bytes(&c->tx, STR_NONE); /* it is not sent again, nor acknowledged here */
		tx_stop_timers(&c->tx);
		tx_start_timeout(&c->tx, tx_64_t1(c->tx.layer)); /* M */
	} else {
		completed(c, rsp);
	}
	client_tell(c, rsp, flow);
}

void invite_client_on_timeout(struct tx_client *c)
{
	if (c->state == CLIENT_CALLING || c->state == CLIENT_PROCEEDING)
		client_fail(c, ERR_TIMEOUT); /* B, or the wait after CANCEL */
	else
		client_end(c); /* D, M */
}
