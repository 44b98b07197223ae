/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams, and whose message it is. */
#include "node.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "transport/dispatch.h"

/* ---- UDP ---- */

static void test_udp(void **state)
{
	const char *const lines[] = { "udp:127.0.0.1:0", "udp:[::1]:0", NULL };
	struct node *n = node_new(lines);

	node_start(n);
	for (unsigned line = 0; line < 2; line++) {
		int fd = phone(n, SOCK_DGRAM, line, NULL);

		ask(fd, "one", 1);
		expect_ok(fd);
		close(fd);
	}
	node_free(n);
}

/* A connected socket hears only from whom it asked. */
static void test_wildcard_answers_from_the_address_asked(void **state)
{
	const char *const lines[] = { "udp:*:0", NULL };
	struct node *n = node_new(lines);
	int fd;

	node_start(n);
	fd = phone(n, SOCK_DGRAM, 0, "127.0.0.2");
	ask(fd, "asked", 1);
	expect_ok(fd);
	assert_true(str_eq(STR("asked"), str_of(n->seen[0].call_id)));
	close(fd);
	node_free(n);
}

/* Whatever socket of whatever worker a message reaches, its owner handles it, in order. */
static void test_owner_and_order(void **state)
{
	enum { CALLS = 8, EACH = 100 };
	const char *const lines[] = { "udp:127.0.0.1:0", NULL };
	struct node *n = node_new(lines);
	unsigned next[CALLS] = { 0 };
	int fds[CALLS];

	node_start(n);
	for (int c = 0; c < CALLS; c++)
		fds[c] = phone(n, SOCK_DGRAM, 0, NULL);
	for (unsigned i = 1; i <= EACH; i++) {
		for (int c = 0; c < CALLS; c++) {
			char id[16];

			snprintf(id, sizeof(id), "call%d", c);
			ask(fds[c], id, i);
		}
		wait_for(n, &n->seen_count, i * CALLS);
	}
	for (unsigned i = 0; i < n->seen_count; i++) {
		const struct seen *s = &n->seen[i];
		int c = s->call_id[4] - '0';

		assert_int_equal(s->worker, dispatch_owner_of_call(str_of(s->call_id), WORKERS));
		assert_int_equal(s->cseq, ++next[c]);
	}
	for (int c = 0; c < CALLS; c++)
		close(fds[c]);
	node_free(n);
}

static void test_noise(void **state)
{
	const char *const lines[] = { "udp:127.0.0.1:0", NULL };
	static const char bad[] =
		"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n";
	static const char bad_response[] = "SIP/2.0 999 What\r\nVia: SIP/2.0/UDP h\r\n\r\n";
	static const char stun[20] = { 1, 1, 0, 0, 0x21, 0x12, (char)0xa4, 0x42 }; /* an answer */
	struct node *n = node_new(lines);
	struct net_counters c;
	char text[REPLY_MAX];
	int fd;

	node_start(n);
	fd = phone(n, SOCK_DGRAM, 0, NULL);
	say(fd, "\r\n\r\n", 4);
	say(fd, "\0\0\0\0", 4);
	say(fd, stun, sizeof(stun));
	say(fd, bad_response, sizeof(bad_response) - 1);
	say(fd, bad, sizeof(bad) - 1);
	assert_true(str_starts(hear(fd, text), STR("SIP/2.0 400 Missing Call-ID header")));
	ask(fd, "after", 1);
	expect_ok(fd); /* and nothing else came in between */
	net_counters(n->net, &c);
	assert_int_equal(c.malformed, 2);
	assert_int_equal(c.dropped, 3);
	close(fd);
	node_free(n);
}

/* ---- whose message is it ---- */

static unsigned owner(const char *text)
{
	struct sip_fault fault;
	struct sip_msg *m;
	unsigned o;

	assert_int_equal(sip_msg_parse(str_of(text), &m, &fault), ERR_OK);
	o = dispatch_owner(m, 16);
	sip_msg_unref(m);
	return o;
}

static void test_dispatch_rules(void **state)
{
#define REST "From: <sip:c@d>;tag=1\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n"
	unsigned by_call = dispatch_owner_of_call(STR("x"), 16);

	assert_int_equal(
		owner("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK05aaaaaaaaaaaaaaaa\r\n"
		      "To: <sip:a@b>;tag=07aaaaaaaaaaaaaaaa\r\n" REST),
		5);
	assert_int_equal(owner("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP "
			       "h;branch=z9hG4bK05aaaaaaaaaaaaaaaa\r\n"
			       "To: <sip:a@b>;tag=07aaaaaaaaaaaaaaaa\r\n" REST),
		7);
	assert_int_equal(owner("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			       "To: <sip:a@b>\r\n" REST),
		by_call);
	assert_int_equal(owner("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			       "To: <sip:a@b>;tag=foreign\r\n" REST),
		by_call);
	assert_int_equal(
		owner("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\nTo: <sip:a@b>\r\n" REST), by_call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_wildcard_answers_from_the_address_asked),
		cmocka_unit_test(test_owner_and_order),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_dispatch_rules),
	};

	signal(SIGPIPE, SIG_IGN); /* as the core does: a peer that is gone shows as an error */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
