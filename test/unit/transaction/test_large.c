/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests beyond 1,300 bytes (RFC 3261 18.1.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "event/event.h"
#include "wire.h"

enum { LARGE = 1400, SMALL = 100 };

struct user {
	struct wire wire;
	struct event_sink sink;
	struct tx_client *tx;
	struct flow answered_on;
	unsigned responses, fails, fragmented;
	enum err why;
};

static void on_response(
	void *arg, struct tx_client *tx, struct sip_msg *rsp, const struct flow *flow)
{
	struct user *u = arg;

	u->responses++;
	u->answered_on = *flow;
}

static void on_failed(void *arg, struct tx_client *tx, enum err why)
{
	struct user *u = arg;

	u->fails++;
	u->why = why;
}

static const struct tx_client_handlers handlers = { .on_response = on_response,
	.on_failed = on_failed };

static void take_event(struct event_sink *s, const struct event_record *r)
{
	container_of(s, struct user, sink)->fragmented += r->event.kind == EV_SIP_FRAGMENTED;
}

static int setup(void **state)
{
	static const struct tx_layer_handlers h = { 0 };
	struct user *u = mem_new(struct user);

	wire_init(&u->wire, &h, u);
	u->wire.worker.events = event_bus_new(false, 0);
	u->sink.take = take_event;
	event_bus_add(u->wire.worker.events, &u->sink);
	*state = u;
	return 0;
}

static int teardown(void **state)
{
	struct user *u = *state;

	wire_advance(&u->wire, 128000);
	event_bus_free(u->wire.worker.events);
	wire_fini(&u->wire);
	free(u);
	return 0;
}

static enum err send_with(struct user *u, size_t bytes, bool fixed, const struct addr *tcp)
{
	char rest[2048], body[LARGE + 1];
	struct tx_request r = { .flow = u->wire.udp,
		.fixed = fixed,
		.tcp = tcp,
		.method = SIP_INVITE,
		.uri = STR("sip:bob@example.com") };

	memset(body, 'x', bytes);
	body[bytes] = '\0';
	snprintf(rest, sizeof(rest),
		"Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=f\r\nTo: "
		"<sip:bob@example.com>\r\n"
		"Call-ID: c\r\nCSeq: 7 INVITE\r\nContact: <sip:a@192.0.2.1>\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		bytes, body);
	r.rest = str_of(rest);
	return tx_client_new(u->wire.layer, &r, &handlers, u, &u->tx);
}

static void answer(struct user *u, unsigned status)
{
	const struct sent *s = &u->wire.sent[u->wire.count - 1];

	wire_receive(&u->wire, &s->flow,
		"SIP/2.0 %u Whatever\nVia: %s\nFrom: <sip:a@example.com>;tag=f\n"
		"To: <sip:bob@example.com>;tag=t\nCall-ID: c\nCSeq: 7 INVITE\n"
		"Contact: <sip:bob@192.0.2.9>\nContent-Length: 0\n\n",
		status, wire_text(s->msg->via.text));
}

static void expect_way(struct user *u, unsigned i, enum tp_proto proto)
{
	assert_true(i < u->wire.count);
	assert_int_equal(u->wire.sent[i].flow.proto, proto);
	assert_true(str_eq(u->wire.sent[i].msg->via.transport, tp_proto_via(proto)));
}

static void test_small_stays(void **state)
{
	struct user *u = *state;

	u->wire.takes_tcp = true;
	assert_int_equal(send_with(u, SMALL, false, NULL), ERR_OK);
	expect_way(u, 0, TP_UDP);
	assert_int_equal(u->fragmented, 0);
}

/* Nobody knows of TCP, or the flow is all there is. */
static void test_in_fragments(void **state)
{
	struct user *u = *state;

	assert_int_equal(send_with(u, LARGE, false, NULL), ERR_OK);
	expect_way(u, 0, TP_UDP);
	assert_int_equal(u->fragmented, 1);
	u->wire.takes_tcp = true;
	assert_int_equal(send_with(u, LARGE, true, NULL), ERR_OK);
	expect_way(u, 1, TP_UDP);
	assert_int_equal(u->fragmented, 2);
}

/* All of the transaction goes by TCP; the user hears as if it had been UDP. */
static void test_by_tcp(void **state)
{
	struct user *u = *state;

	u->wire.takes_tcp = true;
	assert_int_equal(send_with(u, LARGE, false, NULL), ERR_OK);
	expect_way(u, 0, TP_TCP);
	wire_advance(&u->wire, 4000);
	assert_int_equal(u->wire.count, 1); /* TCP repeats by itself */
	answer(u, 180);
	assert_int_equal(u->answered_on.proto, TP_UDP);
	assert_true(addr_eq(&u->answered_on.remote, &u->wire.udp.remote));
	tx_client_cancel(u->tx, STR_NONE);
	expect_way(u, 1, TP_TCP);
	answer(u, 487);
	expect_way(u, 2, TP_TCP); /* ACK */
	assert_int_equal(u->wire.sent[2].msg->method, SIP_ACK);
	assert_int_equal(u->fragmented + u->fails, 0);
}

static void test_where_dns_says(void **state)
{
	struct user *u = *state;
	struct addr tcp;

	assert_int_equal(addr_parse(STR("192.0.2.9:5099"), &tcp), ERR_OK);
	assert_int_equal(send_with(u, LARGE, false, &tcp), ERR_OK);
	expect_way(u, 0, TP_TCP);
	assert_true(addr_eq(&u->wire.sent[0].flow.remote, &tcp));
}

static void expect_udp_after_all(struct user *u, unsigned i)
{
	expect_way(u, i, TP_UDP);
	assert_true(addr_eq(&u->wire.sent[i].flow.remote, &u->wire.udp.remote));
	assert_true(str_eq(u->wire.sent[i].msg->via.branch, tx_client_branch(u->tx)));
	assert_int_equal(u->wire.sent[i].msg->body.n, LARGE);
	assert_int_equal(u->fragmented, 1);
	wire_advance(&u->wire, 500);
	expect_way(u, i + 1, TP_UDP); /* A */
	answer(u, 200);
	assert_int_equal(u->responses, 1);
	assert_int_equal(u->fails, 0);
}

static void test_tcp_fails_later(void **state)
{
	struct user *u = *state;

	u->wire.takes_tcp = true;
	assert_int_equal(send_with(u, LARGE, false, NULL), ERR_OK);
	wire_advance(&u->wire, 3000);
	tx_layer_on_send_failed(u->wire.layer, u->wire.sent[0].id, ERR_NETWORK);
	assert_true(str_eq(u->wire.sent[0].msg->via.branch, u->wire.sent[1].msg->via.branch));
	expect_udp_after_all(u, 1);
}

static void test_tcp_fails_at_once(void **state)
{
	struct user *u = *state;

	u->wire.takes_tcp = true;
	u->wire.refuse_tcp = ERR_LIMIT;
	assert_int_equal(send_with(u, LARGE, false, NULL), ERR_OK);
	expect_udp_after_all(u, 0);
}

static void test_both_fail(void **state)
{
	struct user *u = *state;

	u->wire.takes_tcp = true;
	assert_int_equal(send_with(u, LARGE, false, NULL), ERR_OK);
	u->wire.refuse = ERR_NETWORK;
	tx_layer_on_send_failed(u->wire.layer, u->wire.sent[0].id, ERR_CLOSED);
	assert_int_equal(u->fails, 1);
	assert_int_equal(u->why, ERR_CLOSED);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_small_stays),
		CASE(test_in_fragments),
		CASE(test_by_tcp),
		CASE(test_where_dns_says),
		CASE(test_tcp_fails_later),
		CASE(test_tcp_fails_at_once),
		CASE(test_both_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
