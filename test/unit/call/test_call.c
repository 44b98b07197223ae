/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a call, over real transactions. alice calls from port 5061, bob's phone is at 5062.
 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define OFFER "v=0\no=alice 1 1 IN IP4 127.0.0.1\ns=-\nm=audio 4000 RTP/AVP 0\n"
#define ANSWER "v=0\no=bob 1 1 IN IP4 127.0.0.1\ns=-\nm=audio 5000 RTP/AVP 0\n"
#define SDP "Content-Type: application/sdp\n"
enum { ALICE = 5061, BOB = 5062, BOB2 = 5063 };

static struct world *setup(void)
{
	struct world *w = world_new();

	w->accounts[0] = (struct world_account){ .user = "alice" };
	w->accounts[1] = (struct world_account){
		.user = "bob", .contact = "sip:bob@127.0.0.1:5062", .port = BOB
	};
	world_start(w);
	return w;
}

static void invite(struct world *w, const char *to, const char *head, const char *body)
{
	world_receive(w, ALICE,
		"INVITE sip:%s SIP/2.0\n"
		"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKa1;rport\n"
		"Max-Forwards: 70\nFrom: \"Alice\" <sip:alice@tandem.test>;tag=a\n"
		"To: <sip:%s>\nCall-ID: one\nCSeq: 1 INVITE\n"
		"Contact: <sip:alice@127.0.0.1:5061>\n%s\n%s",
		to, to, head, body);
}

/* A request of alice's within the call; answer: the 200 that she got. */
static void within(struct world *w, const struct sip_msg *answer, const char *method, unsigned cseq,
	const char *head, const char *body)
{
	world_receive(w, ALICE,
		"%s sip:127.0.0.1:5060 SIP/2.0\n"
		"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK%s%u;rport\nMax-Forwards: 70\n"
		"From: %.*s\nTo: %.*s\nCall-ID: one\nCSeq: %u %s\n"
		"Contact: <sip:alice@127.0.0.1:5061>\n%s\n%s",
		method, method, cseq, STR_ARG(answer->from.text), STR_ARG(answer->to.text), cseq,
		method, head, body);
}

/* The same from bob's side; invite: the one that he got. */
static void from_bob(struct world *w, const struct sip_msg *inv, const char *method, unsigned cseq,
	const char *head, const char *body)
{
	world_receive(w, BOB,
		"%s sip:127.0.0.1:5060 SIP/2.0\n"
		"Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bKb%s%u;rport\nMax-Forwards: 70\n"
		"From: %.*s;tag=b\nTo: %.*s\nCall-ID: %.*s\nCSeq: %u %s\n"
		"Contact: <sip:phone@127.0.0.1:5062>\n%s\n%s",
		method, method, cseq, STR_ARG(inv->to.text), STR_ARG(inv->from.text),
		STR_ARG(inv->call_id), cseq, method, head, body);
}

struct two { /* an answered call */
	struct sip_msg *invite; /* as bob got it */
	struct sip_msg *answer; /* as alice got it */
};

static struct two answered(struct world *w, const char *head, const char *answer_head)
{
	struct two t;
	char sdp[256];

	invite(w, "bob@tandem.test", head, OFFER);
	t.invite = world_expect(w, BOB, "INVITE");
	snprintf(sdp, sizeof(sdp), SDP "%s", answer_head);
	world_reply(w, BOB, t.invite, "200 OK", "b", sdp, ANSWER);
	t.answer = world_expect(w, ALICE, "SIP/2.0 200");
	world_expect(w, BOB, "ACK");
	within(w, t.answer, "ACK", 1, "", "");
	return t;
}

static void a_call_from_start_to_end(void **state)
{
	struct world *w = setup();
	struct sip_msg *inv, *ok, *bye, *ringing;

	invite(w, "bob@tandem.test", SDP, OFFER);
	world_expect(w, ALICE, "SIP/2.0 100");
	inv = world_expect(w, BOB, "INVITE sip:bob@127.0.0.1:5062");
	assert_true(str_eq(inv->body, STR(OFFER)));
	assert_int_equal(inv->max_forwards, 69);
	assert_true(str_starts(inv->from.text, STR("Alice <sip:alice@tandem.test>")));
	assert_true(str_starts(inv->to.text, STR("<sip:bob@tandem.test>")));
	world_reply(w, BOB, inv, "180 Ringing", "b", "", "");
	ringing = world_expect(w, ALICE, "SIP/2.0 180");
	world_reply(w, BOB, inv, "200 OK", "b", SDP, ANSWER);
	ok = world_expect(w, ALICE, "SIP/2.0 200");
	assert_true(str_eq(ok->body, STR(ANSWER)));
	assert_true(str_eq(ok->to.tag, ringing->to.tag));
	world_expect(w, BOB, "ACK sip:phone@127.0.0.1:5062");
	within(w, ok, "ACK", 1, "", "");
	assert_int_equal(w->dialog_puts, 2);
	world_advance(w, 40000);
	world_expect_nothing(w, BOB);
	assert_null(world_call(w)->setup);
	within(w, ok, "BYE", 2, "Reason: SIP;cause=200;text=\"enough\"\n", "");
	world_expect(w, ALICE, "SIP/2.0 200");
	bye = world_expect(w, BOB, "BYE");
	assert_true(str_eq(sip_msg_hdr(bye, SIP_HDR_REASON), STR("SIP;cause=200;text=\"enough\"")));
	world_reply(w, BOB, bye, "200 OK", NULL, "", "");
	assert_int_equal(call_count(w->calls), 0);
	assert_int_equal(w->cdr_puts, 2);
	assert_int_equal(w->dialog_removes, 2);
	assert_true(str_eq(w->cdr.ended_by, STR("caller")));
	assert_int_equal(w->cdr.status, 200);
	assert_in_range(w->cdr.ended_ms - w->cdr.answered_ms, 40000, 40100);
	world_free(w);
}

static void refusals(void **state)
{
	struct world *w = setup();

	invite(w, "nobody@tandem.test", "", "");
	world_expect(w, ALICE, "SIP/2.0 404");
	world_free(w);
	w = setup();
	invite(w, "alice@tandem.test", "", "");
	world_expect(w, ALICE, "SIP/2.0 480 alice@tandem.test is not registered");
	world_free(w);
	w = setup();
	w->refuse_auth = true;
	invite(w, "bob@tandem.test", "", "");
	world_expect(w, ALICE, "SIP/2.0 401");
	assert_int_equal(call_count(w->calls), 0);
	assert_int_equal(w->cdr_puts, 0);
	world_free(w);
	w = setup();
	w->accounts[0].incoming_only = true;
	invite(w, "bob@tandem.test", "", "");
	world_expect(w, ALICE, "SIP/2.0 403 SIP account not permitted to make outgoing calls");
	world_free(w);
	w = setup();
	invite(w, "bob@tandem.test", "Require: nonsense\n", "");
	assert_true(str_eq(sip_msg_hdr(world_expect(w, ALICE, "SIP/2.0 420"), SIP_HDR_UNSUPPORTED),
		STR("nonsense")));
	world_free(w);
}

static void busy_reaches_the_caller(void **state)
{
	struct world *w = setup();

	invite(w, "bob@tandem.test", SDP, OFFER);
	world_reply(w, BOB, world_expect(w, BOB, "INVITE"), "486 Busy Here", "b", "", "");
	world_expect(w, BOB, "ACK");
	world_expect(w, ALICE, "SIP/2.0 486 Busy Here");
	assert_int_equal(w->cdr.status, 486);
	world_advance(w, 60000);
	assert_int_equal(call_count(w->calls), 0);
	world_free(w);
}

static void cancelled_by_the_caller(void **state)
{
	struct world *w = setup();
	struct sip_msg *inv, *cancel;

	invite(w, "bob@tandem.test", SDP, OFFER);
	inv = world_expect(w, BOB, "INVITE");
	world_reply(w, BOB, inv, "180 Ringing", "b", "", "");
	world_receive(w, ALICE,
		"CANCEL sip:bob@tandem.test SIP/2.0\n"
		"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKa1;rport\nMax-Forwards: 70\n"
		"From: \"Alice\" <sip:alice@tandem.test>;tag=a\nTo: <sip:bob@tandem.test>\n"
		"Call-ID: one\nCSeq: 1 CANCEL\n\n");
	world_expect(w, ALICE, "SIP/2.0 487");
	cancel = world_expect(w, BOB, "CANCEL");
	world_reply(w, BOB, cancel, "200 OK", NULL, "", "");
	world_reply(w, BOB, inv, "487 Request Terminated", "b", "", "");
	assert_true(str_eq(w->cdr.end_reason, STR("Client cancelled")));
	world_advance(w, 60000);
	assert_int_equal(call_count(w->calls), 0);
	world_free(w);
}

/* CANCEL and 200 cross: the callee is acknowledged and hung up on. */
static void cancel_against_200(void **state)
{
	struct world *w = setup();
	struct sip_msg *inv, *bye;

	invite(w, "bob@tandem.test", SDP, OFFER);
	inv = world_expect(w, BOB, "INVITE");
	world_reply(w, BOB, inv, "180 Ringing", "b", "", "");
	world_receive(w, ALICE,
		"CANCEL sip:bob@tandem.test SIP/2.0\n"
		"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKa1;rport\nMax-Forwards: 70\n"
		"From: \"Alice\" <sip:alice@tandem.test>;tag=a\nTo: <sip:bob@tandem.test>\n"
		"Call-ID: one\nCSeq: 1 CANCEL\n\n");
	world_expect(w, BOB, "CANCEL");
	world_reply(w, BOB, inv, "200 OK", "b", SDP, ANSWER);
	world_expect(w, BOB, "ACK");
	bye = world_expect(w, BOB, "BYE");
	world_reply(w, BOB, bye, "200 OK", NULL, "", "");
	world_advance(w, 60000);
	world_free(w);
}

static void two_phones(struct world *w)
{
	w->accounts[1].contact = "sip:bob@127.0.0.1:5062 sip:bob@127.0.0.1:5063";
}

static void first_answer_wins(void **state)
{
	struct world *w = setup();
	struct sip_msg *one, *two, *cancel;

	two_phones(w);
	invite(w, "bob@tandem.test", SDP, OFFER);
	one = world_expect(w, BOB, "INVITE");
	two = world_expect(w, BOB2, "INVITE");
	world_reply(w, BOB, one, "180 Ringing", "b", "", "");
	world_reply(w, BOB2, two, "180 Ringing", "c", "", "");
	world_expect(w, ALICE, "SIP/2.0 180");
	world_expect_nothing(w, ALICE);
	world_reply(w, BOB2, two, "200 OK", "c", SDP, ANSWER);
	world_expect(w, ALICE, "SIP/2.0 200");
	world_expect(w, BOB2, "ACK");
	cancel = world_expect(w, BOB, "CANCEL");
	assert_true(str_eq(sip_msg_hdr(cancel, SIP_HDR_REASON),
		STR("SIP;cause=200;text=\"Call completed elsewhere\"")));
	/* and the other one answered just then */
	world_reply(w, BOB, one, "200 OK", "b", SDP, ANSWER);
	world_expect(w, BOB, "ACK");
	world_expect(w, BOB, "BYE");
	world_free(w);
}

static void a_lost_ack_ends_the_call(void **state)
{
	struct world *w = setup();
	struct sip_msg *inv;
	unsigned answers = 0;

	invite(w, "bob@tandem.test", SDP, OFFER);
	inv = world_expect(w, BOB, "INVITE");
	world_reply(w, BOB, inv, "200 OK", "b", SDP, ANSWER);
	world_advance(w, 31000);
	for (unsigned i = 0; i < w->sent_count; i++)
		answers += str_starts(w->sent[i].m->raw, STR("SIP/2.0 200"));
	assert_in_range(answers, 9, 12);
	world_advance(w, 2000);
	world_expect(w, BOB, "BYE");
	world_expect(w, ALICE, "BYE");
	assert_non_null(strstr(w->last_event, "the ACK to the answer never came"));
	world_advance(w, 60000);
	assert_int_equal(call_count(w->calls), 0);
	world_free(w);
}

static void reinvite_both_ways(void **state)
{
	struct world *w = setup();
	struct two t = answered(w, SDP, "");
	struct sip_msg *re, *ok;

	within(w, t.answer, "INVITE", 2, SDP, "v=0\nhold\n");
	re = world_expect(w, BOB, "INVITE sip:phone@127.0.0.1:5062");
	assert_true(str_eq(re->body, STR("v=0\nhold\n")));
	assert_true(re->cseq.number > t.invite->cseq.number);
	/* glare: bob's own meets ours */
	from_bob(w, t.invite, "INVITE", 1, SDP, "v=0\nbob\n");
	world_expect(w, BOB, "SIP/2.0 491");
	world_reply(w, BOB, re, "200 OK", NULL, SDP, "v=0\nheld\n");
	world_expect(w, BOB, "ACK");
	ok = world_expect(w, ALICE, "SIP/2.0 200");
	assert_true(str_eq(ok->body, STR("v=0\nheld\n")));
	within(w, t.answer, "ACK", 2, "", "");
	from_bob(w, t.invite, "INVITE", 2, SDP, "v=0\nbob\n");
	re = world_expect(w, ALICE, "INVITE sip:alice@127.0.0.1:5061");
	world_reply(w, ALICE, re, "488 Not Acceptable Here", NULL, "", "");
	world_expect(w, BOB, "SIP/2.0 488");
	assert_int_equal(world_call(w)->state, CALL_ANSWERED);
	world_free(w);
}

/* INVITE without offer: the offer comes in the 200, the answer in the ACK. */
static void late_offer(void **state)
{
	struct world *w = setup();
	struct sip_msg *inv, *ok, *ack;

	invite(w, "bob@tandem.test", "", "");
	inv = world_expect(w, BOB, "INVITE");
	world_reply(w, BOB, inv, "200 OK", "b", SDP, OFFER);
	ok = world_expect(w, ALICE, "SIP/2.0 200");
	world_expect_nothing(w, BOB);
	within(w, ok, "ACK", 1, SDP, ANSWER);
	ack = world_expect(w, BOB, "ACK");
	assert_true(str_eq(ack->body, STR(ANSWER)));
	world_reply(w, BOB, inv, "200 OK", "b", SDP, OFFER);
	ack = world_expect(w, BOB, "ACK");
	assert_true(str_eq(ack->body, STR(ANSWER)));
	world_free(w);
}

static void reliable_provisionals(void **state)
{
	struct world *w = setup();
	struct sip_msg *inv, *pr, *prack;
	char rack[64];

	invite(w, "bob@tandem.test", "Supported: 100rel\n" SDP, OFFER);
	inv = world_expect(w, BOB, "INVITE");
	assert_true(sip_msg_list_has(inv, SIP_HDR_SUPPORTED, STR("100rel")));
	world_reply(w, BOB, inv, "183 Session Progress", "b", "Require: 100rel\nRSeq: 41\n" SDP,
		ANSWER);
	pr = world_expect(w, ALICE, "SIP/2.0 183");
	assert_true(sip_msg_list_has(pr, SIP_HDR_REQUIRE, STR("100rel")));
	world_advance(w, 600); /* not acknowledged: once more */
	world_expect(w, ALICE, "SIP/2.0 183");
	snprintf(rack, sizeof(rack), "RAck: %.*s 1 INVITE\n",
		STR_ARG(sip_msg_hdr(pr, SIP_HDR_RSEQ)));
	within(w, pr, "PRACK", 2, rack, "");
	prack = world_expect(w, BOB, "PRACK");
	assert_true(str_starts(sip_msg_hdr(prack, SIP_HDR_RACK), STR("41 ")));
	world_reply(w, BOB, prack, "200 OK", NULL, "", "");
	world_expect(w, ALICE, "SIP/2.0 200");
	within(w, pr, "PRACK", 3, rack, "");
	world_expect(w, ALICE, "SIP/2.0 481");
	world_reply(w, BOB, inv, "200 OK", "b", "", "");
	world_expect(w, ALICE, "SIP/2.0 200");
	world_free(w);
}

static void dead_peers_are_found(void **state)
{
	struct world *w = world_new();
	struct sip_msg *probe;
	struct two t;

	w->accounts[0] = (struct world_account){ .user = "alice" };
	w->accounts[1] = (struct world_account){
		.user = "bob", .contact = "sip:bob@127.0.0.1:5062", .port = BOB
	};
	w->config.session_expires_s = 600;
	world_start(w);
	t = answered(w, "Supported: timer\nSession-Expires: 700\nAllow: UPDATE\n" SDP, "");
	assert_true(
		str_eq(sip_msg_hdr(t.answer, SIP_HDR_SESSION_EXPIRES), STR("600;refresher=uas")));
	for (int i = 0; i < 2; i++) {
		world_advance(w, 300100);
		probe = world_expect(w, ALICE, "UPDATE");
		world_reply(w, ALICE, probe, "200 OK", NULL,
			"Session-Expires: 600;refresher=uac\nSupported: timer\n", "");
	}
	/* bob, without timers, is asked by OPTIONS and keeps silent */
	world_expect(w, BOB, "OPTIONS");
	world_advance(w, 40000);
	world_expect(w, ALICE, "BYE");
	assert_true(str_eq(w->cdr.ended_by, STR("timer")));
	world_free(w);
}

static void restart_then_bye(void **state)
{
	struct world *w = setup();
	struct two t = answered(w, SDP, "");
	struct sip_msg *bye;

	world_restart(w);
	assert_int_equal(call_count(w->calls), 1);
	from_bob(w, t.invite, "BYE", 1, "", "");
	world_expect(w, BOB, "SIP/2.0 200");
	bye = world_expect(w, ALICE, "BYE sip:alice@127.0.0.1:5061");
	world_reply(w, ALICE, bye, "200 OK", NULL, "", "");
	assert_int_equal(call_count(w->calls), 0);
	assert_true(str_eq(w->cdr.ended_by, STR("callee")));
	assert_true(str_eq(w->cdr.from, STR("sip:alice@tandem.test")));
	assert_true(w->cdr.started_ms > 0);
	world_free(w);
}

static struct world *with_plan(void)
{
	struct world *w = setup();

	w->accounts[0].out = "main";
	w->plans[0] = (struct world_plan){ "ann", "main" };
	w->provider = (struct world_provider){ .customer = "ann",
		.name = "prov",
		.user = "u1",
		.password = "secret",
		.server = "sip:127.0.0.1:5070" };
	return w;
}

static const char *result_of(struct world *w, unsigned run)
{
	json_t *v = json_object_get(w->runs[run].answer, "result");

	return json_string_value(json_object_get(v, "result"));
}

static void a_script_dials_on(void **state)
{
	struct world *w = with_plan();
	struct sip_msg *inv;

	invite(w, "300@tandem.test", SDP, OFFER);
	world_expect(w, ALICE, "SIP/2.0 100");
	assert_int_equal(w->run_count, 1);
	world_command(w, 0, "dial", "{\"string\": \"sip:x@127.0.0.1:5071\", \"ring\": 20}");
	inv = world_expect(w, 5071, "INVITE sip:x@127.0.0.1:5071");
	world_reply(w, 5071, inv, "486 Busy Here", "x", "", "");
	assert_string_equal(result_of(w, 0), "Failed");
	world_command(w, 0, "dial", "{\"string\": \"bob@local\", \"ring\": 20, \"limit\": 30}");
	inv = world_expect(w, BOB, "INVITE");
	world_reply(w, BOB, inv, "200 OK", "b", SDP, ANSWER);
	world_expect(w, ALICE, "SIP/2.0 200");
	assert_true(json_is_true(json_object_get(w->runs[0].answer, "stop")));
	world_end_script(w, 0, DIALPLAN_END_DONE, "");
	world_advance(w, 31000);
	world_expect(w, BOB, "BYE");
	assert_true(str_eq(w->cdr.end_reason, STR("Call duration limit reached")));
	world_free(w);
}

static void ring_time_out_returns_to_the_script(void **state)
{
	struct world *w = with_plan();

	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "dial", "{\"string\": \"bob@local\", \"ring\": 5}");
	world_reply(w, BOB, world_expect(w, BOB, "INVITE"), "180 Ringing", "b", "", "");
	world_advance(w, 5100);
	world_expect(w, BOB, "CANCEL");
	assert_string_equal(result_of(w, 0), "TimedOut");
	world_end_script(w, 0, DIALPLAN_END_DONE, "");
	world_expect(w, ALICE, "SIP/2.0 180");
	world_expect(w, ALICE, "SIP/2.0 480");
	world_free(w);
}

static void script_failures(void **state)
{
	struct world *w = with_plan();

	invite(w, "300@tandem.test", SDP, OFFER);
	world_end_script(w, 0, DIALPLAN_END_ERROR, "syntax error: unexpected end");
	world_expect(w, ALICE, "SIP/2.0 500 Dial plan syntax error");
	world_free(w);
	w = with_plan();
	w->start_error = ERR_LIMIT;
	invite(w, "300@tandem.test", SDP, OFFER);
	world_expect(w, ALICE, "SIP/2.0 480 Dial plan execution exceeded maximum allowed");
	world_free(w);
	w = with_plan();
	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "respond", "{\"status\": 603, \"reason\": \"No\", \"headers\": []}");
	world_expect(w, ALICE, "SIP/2.0 603 No");
	assert_true(json_is_true(json_object_get(w->runs[0].answer, "stop")));
	world_free(w);
}

static void provider_challenge(void **state)
{
	struct world *w = with_plan();
	struct sip_msg *inv;

	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "dial", "{\"string\": \"prov\"}");
	inv = world_expect(w, 5070, "INVITE sip:300@127.0.0.1:5070");
	assert_true(str_starts(inv->from.text, STR("<sip:u1@127.0.0.1>")));
	world_reply(w, 5070, inv, "401 Unauthorized", "p",
		"WWW-Authenticate: Digest realm=\"p\", nonce=\"n1\"\n", "");
	inv = world_expect(w, 5070, "ACK");
	inv = world_expect(w, 5070, "INVITE");
	assert_non_null(sip_msg_hdr(inv, SIP_HDR_AUTHORIZATION).p);
	world_reply(w, 5070, inv, "401 Unauthorized", "p",
		"WWW-Authenticate: Digest realm=\"p\", nonce=\"n2\"\n", "");
	assert_string_equal(result_of(w, 0), "Failed");
	world_end_script(w, 0, DIALPLAN_END_DONE, "");
	world_expect(w, ALICE, "SIP/2.0 100");
	world_expect(w, ALICE, "SIP/2.0 480 Authentication with provided credentials failed");
	world_free(w);
}

/* A challenge of somebody who is not the provider is not answered. */
static void redirect_away_from_the_provider(void **state)
{
	struct world *w = with_plan();
	struct sip_msg *inv;

	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "dial", "{\"string\": \"prov\"}");
	inv = world_expect(w, 5070, "INVITE");
	world_reply(w, 5070, inv, "302 Moved", "p", "Contact: <sip:7@127.0.0.2:5075>\n", "");
	inv = world_expect(w, 5075, "INVITE sip:7@127.0.0.2:5075");
	world_reply(w, 5075, inv, "401 Unauthorized", "p",
		"WWW-Authenticate: Digest realm=\"p\", nonce=\"n1\"\n", "");
	world_expect(w, 5075, "ACK");
	world_expect_nothing(w, 5075);
	assert_string_equal(result_of(w, 0), "Redirect");
	world_free(w);
}

/* rm=m leaves it to the script. */
static void redirects_are_not_followed_with_rm_m(void **state)
{
	struct world *w = with_plan();

	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "dial", "{\"string\": \"bob@local[rm=m]\"}");
	world_reply(w, BOB, world_expect(w, BOB, "INVITE"), "302 Moved", "p",
		"Contact: <sip:7@127.0.0.2:5075>\n", "");
	world_expect_nothing(w, 5075);
	assert_string_equal(result_of(w, 0), "Redirect");
	world_free(w);
}

/* rm=n runs the plan once more. */
static void redirects_run_the_plan_with_rm_n(void **state)
{
	struct world *w = with_plan();

	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "dial", "{\"string\": \"bob@local[rm=n]\"}");
	world_reply(w, BOB, world_expect(w, BOB, "INVITE"), "302 Moved", "p",
		"Contact: <sip:7@127.0.0.2:5075>\n", "");
	assert_int_equal(w->run_count, 2);
	assert_true(w->runs[0].detached);
	world_end_script(w, 1, DIALPLAN_END_DONE, "");
	world_expect(w, ALICE, "SIP/2.0 100");
	world_expect(w, ALICE, "SIP/2.0 480");
	world_free(w);
}

static void groups_and_delays(void **state)
{
	struct world *w = with_plan();
	struct sip_msg *one, *two;

	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "dial",
		"{\"string\": "
		"\"sip:a@127.0.0.1:5071&sip:b@127.0.0.1:5072[dt=10]|sip:c@127.0.0.1:5073\"}");
	one = world_expect(w, 5071, "INVITE");
	world_advance(w, 5000);
	world_expect_nothing(w, 5072);
	world_reply(w, 5071, one, "486 Busy Here", "x", "", "");
	two = world_expect(w, 5072, "INVITE"); /* nothing rings any more: early */
	world_expect_nothing(w, 5073);
	world_reply(w, 5072, two, "603 Decline", "x", "", "");
	world_reply(w, 5073, world_expect(w, 5073, "INVITE"), "404 Not Found", "x", "", "");
	assert_string_equal(result_of(w, 0), "Failed");
	world_end_script(w, 0, DIALPLAN_END_DONE, "");
	world_expect(w, ALICE, "SIP/2.0 100");
	world_expect(w, ALICE, "SIP/2.0 404 Not Found");
	world_free(w);
}

/* A fork downstream: the second 2xx of one INVITE is acknowledged and ended. */
static void a_second_fork_answers_too(void **state)
{
	struct world *w = setup();
	struct sip_msg *inv, *bye;

	invite(w, "bob@tandem.test", SDP, OFFER);
	inv = world_expect(w, BOB, "INVITE");
	world_reply(w, BOB, inv, "200 OK", "b", SDP, ANSWER);
	world_expect(w, BOB, "ACK");
	world_reply(w, BOB, inv, "200 OK", "other", SDP, ANSWER);
	world_expect(w, BOB, "ACK");
	bye = world_expect(w, BOB, "BYE");
	assert_true(str_eq(bye->to.tag, STR("other")));
	world_reply(w, BOB, bye, "200 OK", NULL, "", "");
	assert_int_equal(world_call(w)->state, CALL_ANSWERED);
	world_reply(w, BOB, inv, "200 OK", "b", SDP, ANSWER);
	world_expect(w, BOB, "ACK");
	world_expect_nothing(w, BOB);
	world_free(w);
}

/* BYE before the ACK: the caller is hung up on once its ACK is there. */
static void bye_waits_for_the_ack(void **state)
{
	struct world *w = setup();
	struct sip_msg *inv, *ok;

	invite(w, "bob@tandem.test", SDP, OFFER);
	inv = world_expect(w, BOB, "INVITE");
	world_reply(w, BOB, inv, "200 OK", "b", SDP, ANSWER);
	ok = world_expect(w, ALICE, "SIP/2.0 200");
	from_bob(w, inv, "BYE", 1, "", "");
	world_expect_nothing(w, ALICE);
	within(w, ok, "ACK", 1, "", "");
	world_expect(w, ALICE, "BYE");
	world_free(w);
}

static void info_and_unknown_methods_pass(void **state)
{
	struct world *w = setup();
	struct two t = answered(w, SDP, "");
	struct sip_msg *m;

	within(w, t.answer, "INFO", 2, "Content-Type: application/dtmf-relay\nX-Extra: 1\n", "5");
	m = world_expect(w, BOB, "INFO");
	assert_true(str_eq(m->body, STR("5")));
	assert_true(str_eq(sip_msg_hdr_named(m, STR("X-Extra")), STR("1")));
	world_reply(w, BOB, m, "200 OK", NULL, "", "");
	world_expect(w, ALICE, "SIP/2.0 200");
	from_bob(w, t.invite, "DANCE", 1, "", "");
	m = world_expect(w, ALICE, "DANCE");
	world_reply(w, ALICE, m, "405 Method Not Allowed", NULL, "", "");
	world_expect(w, BOB, "SIP/2.0 405");
	within(w, t.answer, "INFO", 2, "", ""); /* an old CSeq with a new branch */
	within(w, t.answer, "REFER", 3, "Refer-To: <sip:x@y>\n", "");
	world_expect(w, ALICE, "SIP/2.0 603");
	world_free(w);
}

static void a_store_that_is_full_does_not_matter(void **state)
{
	struct world *w = setup();
	struct two t;

	w->store_error = ERR_FULL;
	t = answered(w, SDP, "");
	within(w, t.answer, "BYE", 2, "", "");
	world_reply(w, BOB, world_expect(w, BOB, "BYE"), "200 OK", NULL, "", "");
	assert_int_equal(call_count(w->calls), 0);
	world_free(w);
}

static void hang_up_by_command(void **state)
{
	struct world *w = setup();

	answered(w, SDP, "");
	assert_true(call_hang_up(w->calls, world_call(w)->id, STR("enough")));
	world_advance(w, 2);
	world_expect(w, ALICE, "BYE");
	world_expect(w, BOB, "BYE");
	assert_false(call_hang_up(w->calls, STR("none"), STR("enough")));
	world_free(w);
}

static void a_crashed_call_gets_its_cdr_closed(void **state)
{
	struct world *w = setup();
	unsigned closed;

	invite(w, "bob@tandem.test", SDP, OFFER);
	world_settle(w);
	assert_int_equal(w->cdr_puts, 1);
	assert_int_equal(call_close_stale(NULL, 1234, &closed), ERR_OK);
	assert_int_equal(closed, 1);
	assert_true(str_eq(w->cdr.ended_by, STR("restart")));
	assert_int_equal(call_close_stale(NULL, 1234, &closed), ERR_OK);
	assert_int_equal(closed, 0);
	world_free(w);
}

static void the_last_leg_that_fails_gives_the_reason(void **state)
{
	struct world *w = setup();
	struct sip_msg *one, *two;

	two_phones(w);
	invite(w, "bob@tandem.test", SDP, OFFER);
	one = world_expect(w, BOB, "INVITE");
	two = world_expect(w, BOB2, "INVITE");
	world_reply(w, BOB, one, "486 Busy Here", "b", "", "");
	world_expect(w, ALICE, "SIP/2.0 100");
	world_expect_nothing(w, ALICE);
	world_reply(w, BOB2, two, "603 Decline", "c", "", "");
	world_expect(w, ALICE, "SIP/2.0 603 Decline");
	world_free(w);
}

static void a_dead_phone_does_not_ring_for_ever(void **state)
{
	struct world *w = setup();

	invite(w, "bob@tandem.test", SDP, OFFER);
	world_advance(w, 33000);
	world_expect(w, ALICE, "SIP/2.0 100");
	world_expect(w, ALICE, "SIP/2.0 480 Timeout, no response from server");
	world_free(w);
}

static void callee_with_its_own_plan(void **state)
{
	struct world *w = with_plan();
	struct sip_msg *inv;

	w->accounts[1].in = "inplan";
	w->accounts[1].customer = "bea";
	w->plans[1] = (struct world_plan){ "bea", "inplan" };
	invite(w, "bob@tandem.test", SDP, OFFER);
	world_command(w, 0, "dial", "{\"string\": \"bob@tandem.test\"}");
	assert_int_equal(w->run_count, 2);
	world_command(w, 1, "dial", "{\"string\": \"sip:bob@127.0.0.1:5071\"}");
	inv = world_expect(w, 5071, "INVITE");
	world_reply(w, 5071, inv, "200 OK", "x", SDP, ANSWER);
	world_expect(w, ALICE, "SIP/2.0 200");
	assert_true(json_is_true(json_object_get(w->runs[0].answer, "stop")));
	assert_true(json_is_true(json_object_get(w->runs[1].answer, "stop")));
	world_free(w);
}

static void a_storage_command_is_answered(void **state)
{
	struct world *w = with_plan();

	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "db_write", "{\"key\": \"k\", \"value\": \"v\"}");
	world_command(w, 0, "db_read", "{\"key\": \"k\"}");
	assert_string_equal(json_string_value(json_object_get(w->runs[0].answer, "result")), "v");
	world_free(w);
}

/* What a script says is never more than the one field that it may add. */
static void header_fields_of_scripts_are_checked(void **state)
{
	struct world *w = with_plan();
	struct sip_msg *inv;

	invite(w, "300@tandem.test", SDP, OFFER);
	world_command(w, 0, "dial",
		"{\"string\": \"bob@local\", \"headers\": [\"X-A\\r\\nX-Evil: 1\", \"X-B: "
		"b\\r\\nX-Evil: 2\", "
		"\"Via: SIP/2.0/UDP 1.2.3.4\", \"Call-ID: mine\"]}");
	inv = world_expect(w, BOB, "INVITE");
	assert_null(sip_msg_hdr_named(inv, STR("X-Evil")).p);
	assert_true(str_starts(sip_msg_hdr_named(inv, STR("X-B")), STR("b")));
	assert_false(str_eq(inv->call_id, STR("mine")));
	world_free(w);
}

static void limit_of_calls(void **state)
{
	struct world *w = setup();

	w->calls_max = 1;
	invite(w, "bob@tandem.test", SDP, OFFER);
	world_receive(w, ALICE,
		"INVITE sip:bob@tandem.test SIP/2.0\n"
		"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKa2;rport\n"
		"Max-Forwards: 70\nFrom: <sip:alice@tandem.test>;tag=a2\n"
		"To: <sip:bob@tandem.test>\nCall-ID: two\nCSeq: 1 INVITE\n"
		"Contact: <sip:alice@127.0.0.1:5061>\n");
	world_expect(w, ALICE, "SIP/2.0 480 Maximum number of concurrent calls reached");
	world_free(w);
}

static void a_message_is_passed_on(void **state)
{
	struct world *w = setup();
	struct sip_msg *m;

	world_receive(w, ALICE,
		"MESSAGE sip:bob@tandem.test SIP/2.0\n"
		"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKm1;rport\n"
		"Max-Forwards: 70\nFrom: <sip:alice@tandem.test>;tag=a\n"
		"To: <sip:bob@tandem.test>\nCall-ID: one\nCSeq: 1 MESSAGE\n"
		"Content-Type: text/plain\n\nhello");
	m = world_expect(w, BOB, "MESSAGE");
	assert_true(str_eq(m->body, STR("hello")));
	world_reply(w, BOB, m, "200 OK", "b", "", "");
	world_expect(w, ALICE, "SIP/2.0 200");
	assert_int_equal(call_count(w->calls), 0);
	assert_int_equal(w->cdr_puts, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_from_start_to_end),
		cmocka_unit_test(refusals),
		cmocka_unit_test(busy_reaches_the_caller),
		cmocka_unit_test(cancelled_by_the_caller),
		cmocka_unit_test(cancel_against_200),
		cmocka_unit_test(first_answer_wins),
		cmocka_unit_test(a_lost_ack_ends_the_call),
		cmocka_unit_test(reinvite_both_ways),
		cmocka_unit_test(late_offer),
		cmocka_unit_test(reliable_provisionals),
		cmocka_unit_test(dead_peers_are_found),
		cmocka_unit_test(restart_then_bye),
		cmocka_unit_test(a_script_dials_on),
		cmocka_unit_test(ring_time_out_returns_to_the_script),
		cmocka_unit_test(script_failures),
		cmocka_unit_test(provider_challenge),
		cmocka_unit_test(redirect_away_from_the_provider),
		cmocka_unit_test(redirects_are_not_followed_with_rm_m),
		cmocka_unit_test(redirects_run_the_plan_with_rm_n),
		cmocka_unit_test(groups_and_delays),
		cmocka_unit_test(a_second_fork_answers_too),
		cmocka_unit_test(bye_waits_for_the_ack),
		cmocka_unit_test(info_and_unknown_methods_pass),
		cmocka_unit_test(a_store_that_is_full_does_not_matter),
		cmocka_unit_test(hang_up_by_command),
		cmocka_unit_test(a_crashed_call_gets_its_cdr_closed),
		cmocka_unit_test(the_last_leg_that_fails_gives_the_reason),
		cmocka_unit_test(a_dead_phone_does_not_ring_for_ever),
		cmocka_unit_test(callee_with_its_own_plan),
		cmocka_unit_test(a_storage_command_is_answered),
		cmocka_unit_test(header_fields_of_scripts_are_checked),
		cmocka_unit_test(limit_of_calls),
		cmocka_unit_test(a_message_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
