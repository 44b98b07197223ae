/* SPDX-License-Identifier: BSD-3-Clause */
/* What is refused while the worker does not keep up, and what passes whatever happens. */
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

enum { TARGET_MS = 20 };

struct user {
	struct wire wire;
	struct tx_server *tx;
	unsigned requests, acks, cancels, responses, serial;
	bool keep; /* make transactions of requests */
};

static void on_cancel(void *arg, struct tx_server *tx, struct sip_msg *cancel)
{
	((struct user *)arg)->cancels++;
}

static void on_done(void *arg, struct tx_server *tx)
{
	((struct user *)arg)->tx = NULL;
}

static const struct tx_server_handlers handlers = { .on_cancel = on_cancel, .on_done = on_done };

static void on_request(void *arg, struct sip_msg *req, const struct flow *flow)
{
	struct user *u = arg;

	u->requests++;
	if (u->keep)
		assert_int_equal(
			tx_server_new(u->wire.layer, req, flow, &handlers, u, &u->tx), ERR_OK);
}

static void on_stray_ack(void *arg, struct sip_msg *ack, const struct flow *flow)
{
	((struct user *)arg)->acks++;
}

static void on_stray_2xx(void *arg, struct sip_msg *rsp, const struct flow *flow)
{
	((struct user *)arg)->responses++;
}

static int setup(void **state)
{
	static const struct tx_layer_handlers h = {
		.on_request = on_request, .on_ack = on_stray_ack, .on_stray_2xx = on_stray_2xx
	};
	struct user *u = mem_new(struct user);

	wire_init(&u->wire, &h, u);
	overload_init(&u->wire.worker.overload, TARGET_MS);
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

/* The worker is overloaded, and messages from now on waited so long. */
static void overload(struct user *u, unsigned ms)
{
	u->wire.worker.overload.level = OVERLOAD_SHEDDING;
	u->wire.worker.overload.waited_us = ms * 1000;
}

static void receive_from(struct user *u, const struct flow *f, const char *method,
	const char *branch, const char *to_tag, const char *more)
{
	wire_receive(&u->wire, f,
		"%s sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK%s\n"
		"From: <sip:alice@example.com>;tag=a\nTo: <sip:bob@example.com>%s\n"
		"Call-ID: call-%s\nCSeq: 1 %s\nContact: <sip:alice@10.1.1.1>\n%s"
		"Content-Length: 0\n\n",
		method, branch, to_tag, branch, method, more);
}

static void receive(struct user *u, const char *method, const char *branch, const char *to_tag)
{
	receive_from(u, &u->wire.udp, method, branch, to_tag, "");
}

/* Another new call; true: it was let in. */
static bool call_from(struct user *u, const struct flow *f, const char *more)
{
	unsigned before = u->requests;
	char branch[16];

	snprintf(branch, sizeof(branch), "%u", ++u->serial);
	receive_from(u, f, "INVITE", branch, "", more);
	return u->requests > before;
}

static void test_refused_with_503_and_retry_after(void **state)
{
	struct user *u = *state;
	const struct sip_msg *m;
	uint32_t seconds;

	overload(u, 200);
	receive(u, "INVITE", "1", "");
	assert_int_equal(u->requests, 0);
	assert_int_equal(u->wire.count, 1);
	m = wire_last(&u->wire);
	assert_int_equal(m->status, 503);
	assert_true(m->to.tag.n > 0);
	assert_int_equal(str_u32(sip_msg_hdr(m, SIP_HDR_RETRY_AFTER), &seconds), ERR_OK);
	assert_in_range(seconds, 5, 15);
	assert_int_equal(tx_layer_counts(u->wire.layer).servers, 0);
	assert_int_equal(u->wire.worker.overload.counters.refused, 1);
}

static void test_nobody_is_told_the_same_time(void **state)
{
	unsigned seen = 0;
	struct user *u = *state;

	overload(u, 200);
	for (unsigned i = 0; i < 60; i++) {
		uint32_t s;

		assert_false(call_from(u, &u->wire.udp, ""));
		assert_int_equal(
			str_u32(sip_msg_hdr(wire_last(&u->wire), SIP_HDR_RETRY_AFTER), &s), ERR_OK);
		seen |= 1u << s;
	}
	assert_true(__builtin_popcount(seen) > 5);
}

static void test_without_overload_all_are_let_in(void **state)
{
	struct user *u = *state;

	u->wire.worker.overload.waited_us = 1000000;
	assert_true(call_from(u, &u->wire.udp, ""));
	assert_int_equal(u->wire.count, 0);
}

static void test_what_waited_little_is_let_in(void **state)
{
	struct user *u = *state;

	overload(u, TARGET_MS / 4);
	assert_true(call_from(u, &u->wire.udp, ""));
}

static void test_within_a_dialog_all_pass(void **state)
{
	static const char *const methods[] = { "INVITE", "BYE", "UPDATE", "INFO", "PRACK",
		"MESSAGE", "OPTIONS", "REFER", "NOTIFY" };
	struct user *u = *state;

	overload(u, 10000);
	for (unsigned i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		receive(u, methods[i], methods[i], ";tag=00abc");
	assert_int_equal(u->requests, sizeof(methods) / sizeof(*methods));
	assert_int_equal(u->wire.count, 0);
}

/* A tag in its To means nothing: else a flood of them would pass. */
static void test_register_has_no_dialog(void **state)
{
	struct user *u = *state;

	overload(u, 10000);
	receive(u, "REGISTER", "1", ";tag=00abc");
	assert_int_equal(u->requests, 0);
	assert_int_equal(wire_last(&u->wire)->status, 503);
}

static void test_what_was_begun_passes(void **state)
{
	const struct sip_reply ok = { .status = 486 };
	struct user *u = *state;

	u->keep = true;
	receive(u, "INVITE", "1", "");
	assert_int_equal(wire_last(&u->wire)->status, 100);
	overload(u, 10000);
	receive(u, "INVITE", "1", ""); /* its copy */
	assert_int_equal(wire_last(&u->wire)->status, 100);
	receive(u, "CANCEL", "1", "");
	assert_int_equal(u->cancels, 1);
	assert_int_equal(wire_last(&u->wire)->status, 200);
	assert_int_equal(tx_server_reply(u->tx, &ok), ERR_OK);
	receive(u, "ACK", "1", ";tag=x");
	receive(u, "ACK", "other", ";tag=x");
	assert_int_equal(u->acks, 1);
	wire_receive(&u->wire, &u->wire.udp,
		"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK00none\n"
		"From: <sip:a@example.com>;tag=a\nTo: <sip:b@example.com>;tag=b\n"
		"Call-ID: c\nCSeq: 1 INVITE\nContent-Length: 0\n\n");
	assert_int_equal(u->responses, 1);
	assert_int_equal(u->wire.worker.overload.counters.refused, 0);
}

/* Who answered a challenge has cost us something already, and is nearly there. */
static void test_answers_to_challenges_are_preferred(void **state)
{
	struct user *u = *state;

	overload(u, 3 * TARGET_MS);
	assert_false(call_from(u, &u->wire.udp, ""));
	assert_true(call_from(u, &u->wire.udp, "Authorization: Digest username=\"a\"\n"));
}

static void test_registrations_are_preferred(void **state)
{
	struct user *u = *state;

	overload(u, 3 * TARGET_MS);
	receive(u, "REGISTER", "r", "");
	assert_int_equal(u->requests, 1);
	assert_false(call_from(u, &u->wire.udp, ""));
	overload(u, 5 * TARGET_MS);
	receive(u, "REGISTER", "s", "");
	assert_int_equal(u->requests, 1);
}

/* The flood settles the queue at a length at which the others are still let in. */
static void test_a_flood_leaves_others_served(void **state)
{
	struct user *u = *state;
	struct flow phone = u->wire.udp;
	unsigned let_in = 0;

	assert_int_equal(addr_parse(STR("192.0.2.1:5070"), &phone.remote), ERR_OK);
	overload(u, 3 * TARGET_MS); /* the share is found */
	for (unsigned i = 0; i < 2 * FAIR_SHARE_MIN; i++)
		assert_false(call_from(u, &u->wire.udp, ""));
	u->wire.worker.clock.mono_ms += FAIR_WINDOW_MS;
	overload(u, TARGET_MS * 3 / 4); /* the queue that the flood makes, kept at that length */
	assert_true(call_from(u, &phone, ""));
	while (call_from(u, &u->wire.udp, ""))
		let_in++;
	assert_in_range(let_in, FAIR_SHARE_MIN, 2 * FAIR_SHARE_MIN);
	assert_true(call_from(u, &phone, ""));
	assert_false(call_from(u, &u->wire.udp, ""));
}

/* All crowd into one address, a gateway's: nobody is served better for refusing it more. */
static void test_a_source_that_is_alone_asks_for_no_excess(void **state)
{
	struct user *u = *state;

	overload(u, 3 * TARGET_MS);
	for (unsigned i = 0; i < 2 * FAIR_SHARE_MIN; i++)
		assert_false(call_from(u, &u->wire.udp, ""));
	overload(u, TARGET_MS * 3 / 4);
	for (unsigned i = 0; i < 8 * FAIR_SHARE_MIN; i++)
		assert_true(call_from(u, &u->wire.udp, ""));
}

/* By UDP; a stream is slowed down by its peer's waiting, and is told. */
static void test_a_flood_is_not_answered_for_ever(void **state)
{
	struct overload *o;
	struct user *u = *state;
	struct flow phone = u->wire.udp;

	assert_int_equal(addr_parse(STR("192.0.2.1:5070"), &phone.remote), ERR_OK);
	o = &u->wire.worker.overload;
	overload(u, 10 * TARGET_MS);
	assert_false(call_from(u, &phone, ""));
	for (unsigned i = 0; i <= FAIR_SHARE_MIN; i++)
		assert_false(call_from(u, &u->wire.udp, ""));
	assert_int_equal(u->wire.count, FAIR_SHARE_MIN + 2);
	counter_add(&o->counters.refused, OVERLOAD_REFUSED_MAX);
	assert_false(call_from(u, &u->wire.udp, ""));
	assert_int_equal(u->wire.count, FAIR_SHARE_MIN + 2);
	assert_int_equal(o->counters.dropped, 1);
	assert_false(call_from(u, &u->wire.tcp, ""));
	assert_int_equal(u->wire.count, FAIR_SHARE_MIN + 3);
	assert_false(call_from(u, &phone, ""));
	assert_int_equal(u->wire.count, FAIR_SHARE_MIN + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		CASE(test_refused_with_503_and_retry_after),
		CASE(test_nobody_is_told_the_same_time),
		CASE(test_without_overload_all_are_let_in),
		CASE(test_what_waited_little_is_let_in),
		CASE(test_within_a_dialog_all_pass),
		CASE(test_register_has_no_dialog),
		CASE(test_what_was_begun_passes),
		CASE(test_answers_to_challenges_are_preferred),
		CASE(test_registrations_are_preferred),
		CASE(test_a_flood_leaves_others_served),
		CASE(test_a_source_that_is_alone_asks_for_no_excess),
		CASE(test_a_flood_is_not_answered_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
