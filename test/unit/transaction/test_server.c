/* SPDX-License-Identifier: BSD-3-Clause */
/* The server machines of RFC 3261 17.2 and RFC 6026, matching, and what happens at the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "transaction/tx_int.h"
#include "wire.h"

struct user {
	struct wire wire;
	struct tx_server *tx;
	enum err accept; /* what tx_server_new said */
	bool stateless; /* refuse with 403 instead */
	unsigned requests, acks, stray_acks, cancels, fails, dones;
	enum err why;
};

static void on_cancel(void *arg, struct tx_server *tx, struct sip_msg *cancel)
{
	((struct user *)arg)->cancels++;
}

static void on_ack(void *arg, struct tx_server *tx, struct sip_msg *ack)
{
	((struct user *)arg)->acks++;
}

static void on_failed(void *arg, struct tx_server *tx, enum err why)
{
	struct user *u = arg;

	u->fails++;
	u->why = why;
}

static void on_done(void *arg, struct tx_server *tx)
{
	struct user *u = arg;

	u->dones++;
	if (u->tx == tx)
		u->tx = NULL;
}

static const struct tx_server_handlers handlers = {
	.on_cancel = on_cancel, .on_ack = on_ack, .on_failed = on_failed, .on_done = on_done
};

static void on_request(void *arg, struct sip_msg *req, const struct flow *flow)
{
	const struct sip_reply refusal = { .status = 403 };
	struct user *u = arg;
	struct tx_server *tx;

	u->requests++;
	if (u->stateless) {
		tx_reply_stateless(u->wire.layer, req, flow, &refusal);
		return;
	}
	u->accept = tx_server_new(u->wire.layer, req, flow, &handlers, u, &tx);
	if (!u->accept)
		u->tx = tx;
}

static void on_stray_ack(void *arg, struct sip_msg *ack, const struct flow *flow)
{
	((struct user *)arg)->stray_acks++;
}

static int setup(void **state)
{
	static const struct tx_layer_handlers h = { .on_request = on_request,
		.on_ack = on_stray_ack };
	struct user *u = mem_new(struct user);

	wire_init(&u->wire, &h, u);
	*state = u;
	return 0;
}

static int teardown(void **state)
{
	struct user *u = *state;

	wire_advance(&u->wire, 64000);
	wire_fini(&u->wire);
	free(u);
	return 0;
}

/* ---- requests ---- */

static void receive(struct user *u, const struct flow *f, const char *method, const char *branch)
{
	wire_receive(&u->wire, f,
		"%s sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 10.1.1.1:5060%s%s\n"
		"From: <sip:alice@example.com>;tag=a\nTo: <sip:bob@example.com>\n"
		"Call-ID: call-1\nCSeq: 1 %s\nContact: <sip:alice@10.1.1.1>\n"
		"Content-Length: 0\n\n",
		method, *branch ? ";branch=" : "", branch, method);
}

static void invite(struct user *u)
{
	receive(u, &u->wire.udp, "INVITE", "z9hG4bK1");
}

static void ack(struct user *u)
{
	receive(u, &u->wire.udp, "ACK", "z9hG4bK1");
}

static void reply(struct user *u, unsigned status)
{
	const struct sip_reply r = { .status = status };

	assert_non_null(u->tx);
	assert_int_equal(tx_server_reply(u->tx, &r), ERR_OK);
}

static unsigned last_status(const struct user *u)
{
	return wire_last(&u->wire)->status;
}

/* ---- INVITE ---- */

static void test_100_at_once(void **state)
{
	struct user *u = *state;

	invite(u);
	assert_int_equal(u->wire.count, 1);
	assert_int_equal(last_status(u), 100);
	assert_null(wire_last(&u->wire)->to.tag.p);
	reply(u, 486);
	ack(u);
}

static void test_repeated_invite_gets_last_answer(void **state)
{
	struct user *u = *state;

	invite(u);
	invite(u);
	assert_int_equal(u->wire.count, 2);
	assert_int_equal(last_status(u), 100);
	reply(u, 180);
	invite(u);
	assert_int_equal(last_status(u), 180);
	assert_int_equal(u->wire.count, 4);
	assert_int_equal(u->requests, 1);
	reply(u, 486);
	ack(u);
}

/* G at T1, doubling up to T2; an ACK ends it; I absorbs its copies. */
static void test_timer_g_until_ack(void **state)
{
	static const uint64_t at[] = { 0, 500, 1500, 3500, 7500, 11500 };
	struct user *u = *state;

	invite(u);
	reply(u, 486);
	wire_advance(&u->wire, 12000);
	assert_int_equal(u->wire.count, 7);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(u->wire.sent[1 + i].at_ms, at[i]);
	ack(u);
	ack(u);
	assert_int_equal(u->acks, 1);
	wire_advance(&u->wire, 4999);
	assert_non_null(u->tx);
	wire_advance(&u->wire, 1);
	assert_null(u->tx);
	assert_int_equal(u->wire.count, 7);
	assert_int_equal(u->stray_acks, 0);
}

static void test_timer_h_without_ack(void **state)
{
	struct user *u = *state;

	invite(u);
	reply(u, 486);
	wire_advance(&u->wire, 31999);
	assert_int_equal(u->fails, 0);
	wire_advance(&u->wire, 1);
	assert_int_equal(u->fails, 1);
	assert_int_equal(u->why, ERR_TIMEOUT);
	assert_int_equal(u->dones, 1);
}

static void test_stream_repeats_nothing(void **state)
{
	struct user *u = *state;

	receive(u, &u->wire.tcp, "INVITE", "z9hG4bK1");
	reply(u, 486);
	wire_advance(&u->wire, 10000);
	assert_int_equal(u->wire.count, 2);
	receive(u, &u->wire.tcp, "ACK", "z9hG4bK1");
	wire_advance(&u->wire, 1);
	assert_null(u->tx); /* I has no length there */
}

/* RFC 6026: after a 2xx the INVITE is absorbed and its ACK is the dialog's. */
static void test_accepted(void **state)
{
	struct user *u = *state;

	invite(u);
	reply(u, 200);
	invite(u);
	assert_int_equal(u->wire.count, 2);
	assert_int_equal(u->requests, 1);
	tx_server_repeat(u->tx);
	assert_int_equal(last_status(u), 200);
	ack(u);
	assert_int_equal(u->stray_acks, 1);
	assert_int_equal(u->acks, 0);
	wire_advance(&u->wire, 31999);
	assert_non_null(u->tx);
	wire_advance(&u->wire, 1); /* L */
	assert_null(u->tx);
	assert_int_equal(u->fails, 0);
}

static void test_one_final_answer(void **state)
{
	const struct sip_reply late = { .status = 200 };
	struct user *u = *state;

	invite(u);
	reply(u, 486);
	assert_int_equal(tx_server_reply(u->tx, &late), ERR_STATE);
	assert_int_equal(u->wire.count, 2);
	ack(u);
}

static void test_abandoned_is_500(void **state)
{
	struct user *u = *state;

	invite(u);
	tx_server_detach(u->tx);
	assert_int_equal(last_status(u), 500);
	wire_advance(&u->wire, 40000);
	assert_int_equal(u->fails + u->dones, 0); /* nobody is told */
	u->tx = NULL;
}

static void test_answer_that_cannot_be_sent(void **state)
{
	struct user *u = *state;

	invite(u);
	reply(u, 486);
	tx_layer_on_send_failed(u->wire.layer, u->wire.sent[1].id, ERR_NETWORK);
	wire_advance(&u->wire, 0);
	assert_int_equal(u->fails, 1);
	assert_int_equal(u->why, ERR_NETWORK);
	assert_int_equal(u->dones, 1);
}

/* ---- CANCEL ---- */

static void test_cancel(void **state)
{
	struct user *u = *state;

	invite(u);
	receive(u, &u->wire.udp, "CANCEL", "z9hG4bK1");
	assert_int_equal(last_status(u), 200);
	assert_string_equal(
		wire_text(wire_last(&u->wire)->to.tag), wire_text(tx_server_tag(u->tx)));
	receive(u, &u->wire.udp, "CANCEL", "z9hG4bK1");
	assert_int_equal(last_status(u), 200);
	assert_int_equal(u->cancels, 1);
	reply(u, 487);
	ack(u);
}

static void test_cancel_of_nothing(void **state)
{
	struct user *u = *state;

	receive(u, &u->wire.udp, "CANCEL", "z9hG4bK1");
	assert_int_equal(last_status(u), 481);
	assert_int_equal(u->requests, 0);
}

static void test_cancel_after_final_changes_nothing(void **state)
{
	struct user *u = *state;

	invite(u);
	reply(u, 200);
	receive(u, &u->wire.udp, "CANCEL", "z9hG4bK1");
	assert_int_equal(last_status(u), 200);
	assert_int_equal(u->cancels, 0);
}

/* ---- other requests ---- */

static void test_non_invite(void **state)
{
	struct user *u = *state;

	receive(u, &u->wire.udp, "OPTIONS", "z9hG4bK1");
	receive(u, &u->wire.udp, "OPTIONS", "z9hG4bK1");
	assert_int_equal(u->wire.count, 0); /* Trying is silent */
	reply(u, 200);
	receive(u, &u->wire.udp, "OPTIONS", "z9hG4bK1");
	assert_int_equal(u->wire.count, 2);
	assert_int_equal(u->requests, 1);
	assert_null(u->tx); /* it leaves its answer behind */
	assert_false(answered_empty(&u->wire.layer->answered));
	wire_advance(&u->wire, 40000); /* J */
	assert_true(answered_empty(&u->wire.layer->answered));
	assert_int_equal(u->wire.count, 2);
}

/* ---- matching ---- */

static void test_sent_by_is_part_of_the_key(void **state)
{
	struct user *u = *state;

	invite(u);
	tx_server_detach(u->tx);
	wire_receive(&u->wire, &u->wire.udp,
		"INVITE sip:bob@example.com SIP/2.0\n"
		"Via: SIP/2.0/UDP 10.1.1.2:5060;branch=z9hG4bK1\n"
		"From: <sip:carol@example.com>;tag=c\nTo: <sip:bob@example.com>\n"
		"Call-ID: call-2\nCSeq: 1 INVITE\nContent-Length: 0\n\n");
	assert_int_equal(u->requests, 2);
	tx_server_detach(u->tx);
	u->tx = NULL;
}

static void test_rfc2543_request_without_cookie(void **state)
{
	struct user *u = *state;

	receive(u, &u->wire.udp, "INVITE", "");
	receive(u, &u->wire.udp, "INVITE", "");
	assert_int_equal(u->requests, 1);
	receive(u, &u->wire.udp, "CANCEL", "");
	assert_int_equal(u->cancels, 1);
	reply(u, 487);
	receive(u, &u->wire.udp, "ACK", "");
	assert_int_equal(u->acks, 1);
}

static void test_merged_request(void **state)
{
	struct user *u = *state;

	invite(u);
	receive(u, &u->wire.udp, "INVITE", "z9hG4bK2");
	assert_int_equal(u->accept, ERR_EXISTS);
	assert_int_equal(last_status(u), 482);
	reply(u, 486);
	ack(u);
}

/* ---- without a transaction ---- */

static void test_stateless_answers_are_equal(void **state)
{
	struct user *u = *state;

	u->stateless = true;
	invite(u);
	invite(u);
	assert_int_equal(u->wire.count, 2);
	assert_string_equal(
		wire_text(u->wire.sent[0].msg->raw), wire_text(u->wire.sent[1].msg->raw));
	assert_true(u->wire.sent[0].msg->to.tag.n > 0);
	ack(u);
	assert_int_equal(u->wire.count, 2); /* an ACK is never answered */
	assert_int_equal(tx_layer_counts(u->wire.layer).servers, 0);
}

/* A request so large that its 100 has no room is refused as a whole, and nothing stays behind. */
static void test_request_too_large_to_answer(void **state)
{
	static const char head[] =
		"INVITE sip:b SIP/2.0\nVia: SIP/2.0/TCP a.example.com;branch=z9hG4bK1\nVia: ";
	static const char tail[] = ";branch=z9hG4bK0\nFrom: <sip:a@example.com>;tag=a\n"
				   "To: <sip:b@example.com>\nCall-ID: c\nCSeq: 1 INVITE\n"
				   "Content-Length: 0\n\n";
	const size_t crs = 9; /* lines: each grows by its CR */
	struct user *u = *state;
	size_t pad_n = SIP_MSG_MAX - (sizeof(head) - 1) - (sizeof(tail) - 1) - crs;
	char *pad = mem_alloc(pad_n + 1);

	memset(pad, 'x', pad_n);
	memcpy(pad, "SIP/2.0/TCP ", 12);
	pad[pad_n] = '\0';
	wire_receive(&u->wire, &u->wire.tcp, "%s%s%s", head, pad, tail);
	free(pad);
	assert_int_equal(u->requests, 1);
	assert_int_equal(u->accept, ERR_LIMIT);
	wire_advance(&u->wire, 40000);
	assert_int_equal(u->dones, 0);
	assert_int_equal(tx_layer_counts(u->wire.layer).servers, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void options(struct user *u, const char *branch, const char *call_id)
{
	wire_receive(&u->wire, &u->wire.udp,
		"OPTIONS sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 10.1.1.1:5060;branch=%s\n"
		"From: <sip:alice@example.com>;tag=a\nTo: <sip:bob@example.com>\n"
		"Call-ID: %s\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
		branch, call_id);
}

/* Only those that wait for an answer count. */
static void test_limit(void **state)
{
	struct user *u = *state;
	const struct sip_reply ok = { .status = 200 };
	struct tx_server *open[4];
	char branch[32], call_id[32];

	u->wire.layer->max = 4;
	for (int i = 0; i < 11; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bK-many-%d", i);
		snprintf(call_id, sizeof(call_id), "many-%d", i);
		options(u, branch, call_id);
		assert_int_equal(u->accept, ERR_OK);
		if (i < 7) /* the last four stay open */
			assert_int_equal(tx_server_reply(u->tx, &ok), ERR_OK);
		else
			open[i - 7] = u->tx;
		worker_end_turn(&u->wire.worker);
		assert_true(tx_layer_counts(u->wire.layer).servers <= 4);
	}
	options(u, "z9hG4bKx", "too-many");
	assert_int_equal(u->accept, ERR_LIMIT);
	assert_int_equal(last_status(u), 503);
	assert_true(sip_msg_hdr(wire_last(&u->wire), SIP_HDR_RETRY_AFTER).n > 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(tx_server_reply(open[i], &ok), ERR_OK);
}

/* A copy of an answered request gets the same bytes, for 64*T1, and nobody is asked. */
static void test_copies_of_answered_requests(void **state)
{
	struct user *u = *state;
	const struct sip_reply ok = { .status = 200 };
	char first[2048];

	options(u, "z9hG4bKa", "a");
	assert_int_equal(tx_server_reply(u->tx, &ok), ERR_OK);
	worker_end_turn(&u->wire.worker);
	assert_int_equal(u->dones, 1);
	snprintf(first, sizeof(first), "%s", wire_text(wire_last(&u->wire)->raw));
	wire_advance(&u->wire, 31000);
	options(u, "z9hG4bKa", "a");
	assert_int_equal(u->requests, 1);
	assert_int_equal(u->wire.count, 2);
	assert_string_equal(first, wire_text(wire_last(&u->wire)->raw));
	wire_advance(&u->wire, 1000);
	options(u, "z9hG4bKa", "a");
	assert_int_equal(u->requests, 2);
	assert_int_equal(tx_server_reply(u->tx, &ok), ERR_OK);
}

/* Two keys with one hash: what stands in the answer decides. */
static void test_answer_of_another_request(void **state)
{
	struct user *u = *state;
	const struct sip_reply ok = { .status = 200 };
	const struct answer *a;
	struct str copy;

	options(u, "z9hG4bKa", "a");
	assert_int_equal(tx_server_reply(u->tx, &ok), ERR_OK);
	worker_end_turn(&u->wire.worker);
	copy = wire_last(&u->wire)->raw;
	options(u, "z9hG4bKb", "b");
	assert_int_equal(tx_server_reply(u->tx, &ok), ERR_OK);
	worker_end_turn(&u->wire.worker);
	a = NULL;
	for (size_t i = 0; i <= u->wire.layer->answered.by_key.mask; i++)
		for (struct hash_node *n = u->wire.layer->answered.by_key.buckets[i]; n;
			n = n->next) {
			a = container_of(n, struct answer, by_key);
			if (str_find_str(str_make(a->bytes, a->length), STR("z9hG4bKb")) <
				a->length)
				answered_put(&u->wire.layer->answered, a->by_key.hash, &a->flow,
					copy, u->wire.worker.clock.mono_ms);
		}
	options(u, "z9hG4bKb", "b");
	assert_int_equal(u->requests, 2);
	assert_true(str_eq(wire_last(&u->wire)->via.branch, STR("z9hG4bKb")));
}

/* At the limit of bytes the oldest answers go; the newest are still there. */
static void test_limit_of_answers(void **state)
{
	struct user *u = *state;
	const struct sip_reply ok = { .status = 200 };
	char branch[32];

	u->wire.layer->answered.blocks_max = 2;
	for (int i = 0; i < 1000; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bK-%d", i);
		options(u, branch, branch);
		assert_int_equal(tx_server_reply(u->tx, &ok), ERR_OK);
		worker_end_turn(&u->wire.worker);
		sip_msg_unref(u->wire.sent[--u->wire.count].msg);
	}
	assert_int_equal(u->requests, 1000);
	options(u, "z9hG4bK-999", "z9hG4bK-999");
	assert_int_equal(u->requests, 1000);
	options(u, "z9hG4bK-0", "z9hG4bK-0");
	assert_int_equal(u->requests, 1001);
	assert_int_equal(tx_server_reply(u->tx, &ok), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_100_at_once),
		CASE(test_repeated_invite_gets_last_answer),
		CASE(test_timer_g_until_ack),
		CASE(test_timer_h_without_ack),
		CASE(test_stream_repeats_nothing),
		CASE(test_accepted),
		CASE(test_one_final_answer),
		CASE(test_abandoned_is_500),
		CASE(test_answer_that_cannot_be_sent),
		CASE(test_cancel),
		CASE(test_cancel_of_nothing),
		CASE(test_cancel_after_final_changes_nothing),
		CASE(test_non_invite),
		CASE(test_sent_by_is_part_of_the_key),
		CASE(test_rfc2543_request_without_cookie),
		CASE(test_merged_request),
		CASE(test_stateless_answers_are_equal),
		CASE(test_request_too_large_to_answer),
		CASE(test_limit),
		CASE(test_copies_of_answered_requests),
		CASE(test_answer_of_another_request),
		CASE(test_limit_of_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
