/* SPDX-License-Identifier: BSD-3-Clause */
/* The client machines of RFC 3261 17.1 and RFC 6026, and CANCEL (9.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "wire.h"

struct user {
	struct wire wire;
	struct tx_client *tx;
	unsigned responses, fails, dones, strays;
	unsigned status;
	enum err why;
};

static void on_response(
	void *arg, struct tx_client *tx, struct sip_msg *rsp, const struct flow *flow)
{
	struct user *u = arg;

	u->responses++;
	u->status = rsp->status;
}

static void on_failed(void *arg, struct tx_client *tx, enum err why)
{
	struct user *u = arg;

	u->fails++;
	u->why = why;
}

static void on_done(void *arg, struct tx_client *tx)
{
	struct user *u = arg;

	u->dones++;
	u->tx = NULL;
}

static const struct tx_client_handlers handlers = {
	.on_response = on_response, .on_failed = on_failed, .on_done = on_done
};

static void on_stray_2xx(void *arg, struct sip_msg *rsp, const struct flow *flow)
{
	((struct user *)arg)->strays++;
}

static int setup(void **state)
{
	static const struct tx_layer_handlers h = { .on_stray_2xx = on_stray_2xx };
	struct user *u = mem_new(struct user);

	wire_init(&u->wire, &h, u);
	*state = u;
	return 0;
}

static int teardown(void **state)
{
	struct user *u = *state;

	wire_advance(&u->wire, 128000);
	wire_fini(&u->wire);
	free(u);
	return 0;
}

static enum err try_send(struct user *u, const struct flow *f, enum sip_method m, const char *name)
{
	char rest[512];
	struct tx_request r = { .flow = *f, .method = m, .uri = STR("sip:bob@example.com") };

	snprintf(rest, sizeof(rest),
		"Max-Forwards: 70\r\nRoute: <sip:p.example.com;lr>\r\n"
		"From: <sip:a@example.com>;tag=f\r\nTo: <sip:bob@example.com>\r\n"
		"Call-ID: c\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
		name);
	r.rest = str_of(rest);
	return tx_client_new(u->wire.layer, &r, &handlers, u, &u->tx);
}

static void send_invite(struct user *u, const struct flow *f)
{
	assert_int_equal(try_send(u, f, SIP_INVITE, "INVITE"), ERR_OK);
}

/* A response to the first message sent. */
static void answer(struct user *u, unsigned status, const char *method, const char *tag)
{
	const struct sip_msg *req = u->wire.sent[0].msg;

	wire_receive(&u->wire, &u->wire.sent[0].flow,
		"SIP/2.0 %u Whatever\nVia: %s\nFrom: <sip:a@example.com>;tag=f\n"
		"To: <sip:bob@example.com>;tag=%s\nCall-ID: c\nCSeq: 7 %s\n"
		"Contact: <sip:bob@192.0.2.9>\nContent-Length: 0\n\n",
		status, wire_text(req->via.text), tag, method);
}

static void assert_sent_at(struct user *u, unsigned count, const uint64_t *at)
{
	assert_int_equal(u->wire.count, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(u->wire.sent[i].at_ms, at[i]);
}

/* ---- INVITE ---- */

static void test_timers_a_and_b(void **state)
{
	static const uint64_t at[] = { 0, 500, 1500, 3500, 7500, 15500, 31500 };
	struct user *u = *state;

	send_invite(u, &u->wire.udp);
	wire_advance(&u->wire, 31999);
	assert_sent_at(u, 7, at);
	assert_int_equal(u->fails, 0);
	wire_advance(&u->wire, 1);
	assert_int_equal(u->fails, 1);
	assert_int_equal(u->why, ERR_TIMEOUT);
	assert_int_equal(u->dones, 1);
}

static void test_stream_repeats_nothing(void **state)
{
	struct user *u = *state;

	send_invite(u, &u->wire.tcp);
	wire_advance(&u->wire, 32000);
	assert_int_equal(u->wire.count, 1);
	assert_int_equal(u->why, ERR_TIMEOUT);
}

static void test_provisional_stops_a_and_b(void **state)
{
	struct user *u = *state;

	send_invite(u, &u->wire.udp);
	answer(u, 180, "INVITE", "t");
	wire_advance(&u->wire, 180000);
	assert_int_equal(u->wire.count, 1);
	assert_int_equal(u->fails, 0);
	answer(u, 486, "INVITE", "t");
	assert_int_equal(u->responses, 2);
}

/* 17.1.1.3: the INVITE's branch and Route, the response's To; every copy is acknowledged. */
static void test_refusal_is_acknowledged(void **state)
{
	struct user *u = *state;
	const struct sip_msg *ack;

	send_invite(u, &u->wire.udp);
	answer(u, 486, "INVITE", "t");
	ack = wire_last(&u->wire);
	assert_int_equal(ack->method, SIP_ACK);
	assert_true(str_eq(ack->via.branch, u->wire.sent[0].msg->via.branch));
	assert_true(str_eq(ack->to.tag, STR("t")));
	assert_int_equal(ack->cseq.number, 7);
	assert_true(str_eq(sip_msg_hdr(ack, SIP_HDR_ROUTE), STR("<sip:p.example.com;lr>")));
	answer(u, 486, "INVITE", "t");
	assert_int_equal(u->wire.count, 3);
	assert_int_equal(u->responses, 1);
	wire_advance(&u->wire, 31999);
	assert_int_equal(u->dones, 0);
	wire_advance(&u->wire, 1); /* D */
	assert_int_equal(u->dones, 1);
	assert_int_equal(u->wire.count, 3);
}

/* RFC 6026: every 2xx of every fork reaches the user until timer M; later ones are strays. */
static void test_accepted(void **state)
{
	struct user *u = *state;

	send_invite(u, &u->wire.udp);
	answer(u, 200, "INVITE", "t1");
	answer(u, 200, "INVITE", "t2");
	answer(u, 180, "INVITE", "t3");
	assert_int_equal(u->responses, 2);
	assert_int_equal(u->wire.count, 1); /* the ACK is the dialog's */
	wire_advance(&u->wire, 32000);
	assert_int_equal(u->dones, 1);
	answer(u, 200, "INVITE", "t1");
	assert_int_equal(u->strays, 1);
}

static void test_transport_error(void **state)
{
	struct user *u = *state;

	send_invite(u, &u->wire.udp);
	tx_layer_on_send_failed(u->wire.layer, u->wire.sent[0].id, ERR_NETWORK);
	wire_advance(&u->wire, 0);
	assert_int_equal(u->why, ERR_NETWORK);
	assert_int_equal(u->dones, 1);
}

/* 18.4: only by its own branch, from where it went, and as long as nobody answered. */
static void test_unreachable(void **state)
{
	struct user *u = *state;
	struct addr other = u->wire.udp.remote;
	struct str branch;

	send_invite(u, &u->wire.udp);
	branch = u->wire.sent[0].msg->via.branch;
	addr_set_port(&other, 1);
	assert_false(tx_layer_on_unreachable(u->wire.layer, &other, STR("INVITE"), branch));
	assert_false(tx_layer_on_unreachable(
		u->wire.layer, &u->wire.udp.remote, STR("INVITE"), STR("z9hG4bK00")));
	assert_false(
		tx_layer_on_unreachable(u->wire.layer, &u->wire.udp.remote, STR("ACK"), branch));
	assert_int_equal(u->fails, 0);
	assert_true(
		tx_layer_on_unreachable(u->wire.layer, &u->wire.udp.remote, STR("INVITE"), branch));
	wire_advance(&u->wire, 0);
	assert_int_equal(u->why, ERR_NETWORK);
	assert_int_equal(u->dones, 1);
}

static void test_unreachable_after_an_answer(void **state)
{
	struct user *u = *state;

	send_invite(u, &u->wire.udp);
	answer(u, 180, "INVITE", "t");
	assert_false(tx_layer_on_unreachable(u->wire.layer, &u->wire.udp.remote, STR("INVITE"),
		u->wire.sent[0].msg->via.branch));
	answer(u, 486, "INVITE", "t");
	wire_advance(&u->wire, 32000);
	assert_int_equal(u->fails, 0);
	assert_int_equal(u->dones, 1);
}

static void test_not_sent_no_callback(void **state)
{
	struct user *u = *state;

	u->wire.refuse = ERR_NETWORK;
	assert_int_equal(try_send(u, &u->wire.udp, SIP_INVITE, "INVITE"), ERR_NETWORK);
	wire_advance(&u->wire, 40000);
	assert_int_equal(u->fails + u->dones + u->responses, 0);
}

/* ---- CANCEL ---- */

static void test_cancel_waits_for_a_provisional(void **state)
{
	struct user *u = *state;
	const struct sip_msg *cancel;

	send_invite(u, &u->wire.udp);
	tx_client_cancel(u->tx, STR("SIP;cause=200"));
	assert_int_equal(u->wire.count, 1);
	answer(u, 100, "INVITE", "");
	assert_int_equal(u->wire.count, 2);
	cancel = wire_last(&u->wire);
	assert_int_equal(cancel->method, SIP_CANCEL);
	assert_true(str_eq(cancel->via.branch, u->wire.sent[0].msg->via.branch));
	assert_int_equal(cancel->cseq.number, 7);
	assert_true(str_eq(sip_msg_hdr(cancel, SIP_HDR_REASON), STR("SIP;cause=200")));
	answer(u, 200, "CANCEL", "t");
	assert_int_equal(u->responses, 1); /* its answer is nobody's business */
	answer(u, 487, "INVITE", "t");
	assert_int_equal(u->status, 487);
	assert_int_equal(wire_last(&u->wire)->method, SIP_ACK);
}

static void test_cancel_crosses_a_final(void **state)
{
	struct user *u = *state;

	send_invite(u, &u->wire.udp);
	tx_client_cancel(u->tx, STR_NONE);
	answer(u, 200, "INVITE", "t");
	assert_int_equal(u->wire.count, 1); /* too late to cancel */
	assert_int_equal(u->status, 200);
}

static void test_cancel_that_nobody_heeds(void **state)
{
	struct user *u = *state;

	send_invite(u, &u->wire.udp);
	answer(u, 180, "INVITE", "t");
	tx_client_cancel(u->tx, STR_NONE);
	answer(u, 200, "CANCEL", "t");
	wire_advance(&u->wire, 31999);
	assert_int_equal(u->fails, 0);
	wire_advance(&u->wire, 1);
	assert_int_equal(u->why, ERR_TIMEOUT);
}

/* ---- other requests ---- */

static void test_timers_e_and_f(void **state)
{
	static const uint64_t at[] = { 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500,
		31500 };
	struct user *u = *state;

	assert_int_equal(try_send(u, &u->wire.udp, SIP_OPTIONS, "OPTIONS"), ERR_OK);
	wire_advance(&u->wire, 32000);
	assert_sent_at(u, 11, at);
	assert_int_equal(u->why, ERR_TIMEOUT);
}

static void test_provisional_slows_e(void **state)
{
	static const uint64_t at[] = { 0, 4000, 8000 };
	struct user *u = *state;

	assert_int_equal(try_send(u, &u->wire.udp, SIP_OPTIONS, "OPTIONS"), ERR_OK);
	answer(u, 100, "OPTIONS", "");
	wire_advance(&u->wire, 8500);
	assert_sent_at(u, 3, at);
	answer(u, 200, "OPTIONS", "t");
	answer(u, 200, "OPTIONS", "t");
	assert_int_equal(u->responses, 2);
	wire_advance(&u->wire, 4999);
	assert_int_equal(u->dones, 0);
	wire_advance(&u->wire, 1); /* K */
	assert_int_equal(u->dones, 1);
}

static void test_detached_hears_nothing(void **state)
{
	struct user *u = *state;

	send_invite(u, &u->wire.udp);
	tx_client_detach(u->tx);
	answer(u, 486, "INVITE", "t");
	assert_int_equal(wire_last(&u->wire)->method, SIP_ACK); /* manners all the same */
	wire_advance(&u->wire, 40000);
	assert_int_equal(u->responses + u->dones + u->fails, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_timers_a_and_b),
		CASE(test_stream_repeats_nothing),
		CASE(test_provisional_stops_a_and_b),
		CASE(test_refusal_is_acknowledged),
		CASE(test_accepted),
		CASE(test_transport_error),
		CASE(test_unreachable),
		CASE(test_unreachable_after_an_answer),
		CASE(test_not_sent_no_callback),
		CASE(test_cancel_waits_for_a_provisional),
		CASE(test_cancel_crosses_a_final),
		CASE(test_cancel_that_nobody_heeds),
		CASE(test_timers_e_and_f),
		CASE(test_provisional_slows_e),
		CASE(test_detached_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
