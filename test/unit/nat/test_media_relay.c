/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of a media relay against relays on this machine that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nat/bencode.h"
#include "nat/media_relay.h"

#define SDP_AT(ip, port)                                                                           \
	"v=0\r\no=- 1 1 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port         \
	" RTP/AVP 0\r\n"

enum manner { ANSWERS, IS_SILENT, LOSES_FIRST, REFUSES, BABBLES, OTHER_LINES };

struct fixture {
	struct worker worker;
	struct loop loop;
	uv_udp_t udp; /* the relay */
	struct media_relay *client;
	enum manner manner;
	unsigned offers, answers, deletes;
	unsigned called, expected;
	struct relay_ports got;
	bool given;
	char why[128];
	char bytes[65536];
};

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct fixture *f = h->data;

	*out = uv_buf_init(f->bytes, sizeof(f->bytes));
}

static void reply(struct fixture *f, const struct sockaddr *to, const char *text, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)text, (unsigned)n);

	assert_int_equal(uv_udp_try_send(&f->udp, &buf, 1, to), (int)n);
}

static void reply_pairs(
	struct fixture *f, const struct sockaddr *to, struct str cookie, const char *const *texts)
{
	char mem[1024];
	struct buf b = BUF_OF(mem);

	buf_add(&b, cookie);
	buf_lit(&b, " d");
	for (; *texts; texts++)
		bencode_text(&b, str_of(*texts));
	buf_char(&b, 'e');
	reply(f, to, b.p, b.n);
}

static void answer(struct fixture *f, const struct sockaddr *to, struct str cookie, bool offer)
{
	static const char two_lines[] = SDP_AT("192.0.2.1", "4000") "m=video 4002 RTP/AVP 99\r\n";
	const char *sdp = offer ? SDP_AT("192.0.2.1", "4000") : SDP_AT("192.0.2.1", "5000");

	if (f->manner == BABBLES) {
		reply(f, to, "", 0);
		reply(f, to, "what", 4);
		reply_pairs(f, to, STR("somebodyelses"),
			(const char *const[]){ "result", "ok", "sdp", sdp, NULL });
		reply(f, to, cookie.p, cookie.n); /* only that: no result, no address */
		return;
	}
	if (f->manner == REFUSES)
		reply_pairs(f, to, cookie,
			(const char *const[]){
				"error-reason", "Parser error", "result", "error", NULL });
	else
		reply_pairs(f, to, cookie,
			(const char *const[]){ "result", "ok", "sdp",
				f->manner == OTHER_LINES && !offer ? two_lines : sdp, NULL });
}

static void on_question(
	uv_udp_t *u, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	struct fixture *f = u->data;
	struct str text, cookie, command;

	if (n <= 0)
		return;
	text = str_make(buf->base, (size_t)n);
	cookie = str_first(text, str_find(text, ' '));
	command = bencode_find(str_from(text, cookie.n + 1), STR("command"));
	f->offers += str_eq(command, STR("offer"));
	f->answers += str_eq(command, STR("answer"));
	if (str_eq(command, STR("delete"))) {
		f->deletes++;
		if (!f->expected)
			loop_stop(&f->loop);
		return;
	}
	if (f->manner == IS_SILENT || (f->manner == LOSES_FIRST && f->offers == 1))
		return;
	answer(f, from, cookie, str_eq(command, STR("offer")));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct addr where = { 0 };
	int n = sizeof(where);

	worker_init(&f->worker, 0, 1, NULL);
	assert_int_equal(loop_init(&f->loop, &f->worker), ERR_OK);
	assert_int_equal(addr_parse(STR("127.0.0.1:0"), &where), ERR_OK);
	f->udp.data = f;
	assert_int_equal(uv_udp_init(&f->loop.uv, &f->udp), 0);
	assert_int_equal(uv_udp_bind(&f->udp, &where.sa, 0), 0);
	assert_int_equal(uv_udp_getsockname(&f->udp, &where.sa, &n), 0);
	assert_int_equal(uv_udp_recv_start(&f->udp, on_alloc, on_question), 0);
	f->client = media_relay_new(&f->worker, &where);
	assert_non_null(f->client);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	media_relay_free(f->client);
	if (!uv_is_closing((uv_handle_t *)&f->udp))
		uv_close((uv_handle_t *)&f->udp, NULL);
	loop_fini(&f->loop);
	worker_fini(&f->worker);
	free(f);
	return 0;
}

static void on_done(void *arg, const struct relay_ports *ports, struct str why)
{
	struct fixture *f = arg;

	f->given = ports != NULL;
	if (ports)
		f->got = *ports;
	snprintf(f->why, sizeof(f->why), "%.*s", (int)why.n, why.n ? why.p : "");
	if (++f->called == f->expected)
		loop_stop(&f->loop);
}

static void ask(struct fixture *f)
{
	assert_true(f->client->ask(
		f->client, STR("call1"), STR(SDP_AT("192.168.1.5", "7000")), on_done, f));
}

static void wait_for(struct fixture *f, unsigned called)
{
	f->called = 0;
	f->expected = called;
	f->loop.stopping = false;
	loop_run(&f->loop);
	assert_int_equal(f->called, called);
}

static void given(struct fixture *f)
{
	struct addr caller, callee;

	assert_true(f->given);
	assert_int_equal(f->got.count, 1);
	assert_int_equal(addr_parse(STR("192.0.2.1:4000"), &callee), ERR_OK);
	assert_int_equal(addr_parse(STR("192.0.2.1:5000"), &caller), ERR_OK);
	assert_true(addr_eq(&f->got.to_callee[0], &callee));
	assert_true(addr_eq(&f->got.to_caller[0], &caller));
}

static void test_answers(void **state)
{
	struct fixture *f = *state;

	ask(f);
	wait_for(f, 1);
	given(f);
	assert_int_equal(f->offers, 1);
	assert_int_equal(f->answers, 1);
	f->client->release(f->client, STR("call1"));
	wait_for(f, 0);
	assert_int_equal(f->deletes, 1);
}

static void test_lost_is_sent_again(void **state)
{
	struct fixture *f = *state;

	f->manner = LOSES_FIRST;
	ask(f);
	wait_for(f, 1);
	given(f);
	assert_int_equal(f->offers, 2);
}

/* Then others do not wait long, until it answers again. */
static void test_silence(void **state)
{
	struct fixture *f = *state;

	f->manner = IS_SILENT;
	ask(f);
	wait_for(f, 1);
	assert_false(f->given);
	assert_string_equal(f->why, "the media relay does not answer");
	assert_int_equal(f->offers, 4);
	ask(f);
	wait_for(f, 1);
	assert_false(f->given);
	assert_int_equal(f->offers, 5);
	f->manner = ANSWERS;
	ask(f);
	wait_for(f, 1);
	given(f);
}

static void on_relay_closed(uv_handle_t *h)
{
	struct fixture *f = h->data;

	ask(f);
}

static void test_nobody_there(void **state)
{
	struct fixture *f = *state;

	uv_close((uv_handle_t *)&f->udp, on_relay_closed);
	wait_for(f, 1);
	assert_false(f->given);
	assert_string_equal(f->why, "the media relay does not answer");
}

static void test_refuses(void **state)
{
	struct fixture *f = *state;

	f->manner = REFUSES;
	ask(f);
	wait_for(f, 1);
	assert_false(f->given);
	assert_string_equal(f->why, "Parser error");
}

static void test_babbles(void **state)
{
	struct fixture *f = *state;

	f->manner = BABBLES;
	ask(f);
	wait_for(f, 1);
	assert_false(f->given);
	assert_string_equal(f->why, "the media relay gives no address");
}

static void test_lines_do_not_match(void **state)
{
	struct fixture *f = *state;

	f->manner = OTHER_LINES;
	ask(f);
	wait_for(f, 1);
	assert_false(f->given);
	assert_string_equal(f->why, "the media relay's answer is unsound");
}

/* What it gave for a call that is gone is given back. */
static void test_cancelled(void **state)
{
	struct fixture *f = *state;

	ask(f);
	f->client->cancel(f->client, f);
	wait_for(f, 0);
	assert_int_equal(f->deletes, 1);
	assert_int_equal(f->called, 0);
}

static void test_too_many(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;

	f->manner = IS_SILENT;
	while (f->client->ask(f->client, STR("c"), STR("v=0"), on_done, f))
		assert_true(++n <= 1000);
	assert_int_equal(n, 1000);
}

static void test_ports(void **state)
{
	static const char off[] = SDP_AT("192.0.2.1", "0");
	static const char on[] = SDP_AT("192.0.2.1", "4000");
	static const char name[] = SDP_AT("relay.example.com", "4000");
	struct relay_ports p;

	assert_int_equal(relay_ports_read(str_of(on), str_of(off), &p), ERR_OK);
	assert_int_equal(p.count, 1);
	assert_int_equal(addr_port(&p.to_callee[0]), 4000);
	assert_int_equal(p.to_caller[0].sa.sa_family, AF_UNSPEC);
	assert_int_equal(relay_ports_read(str_of(on), str_of(name), &p), ERR_SYNTAX);
	assert_int_equal(relay_ports_read(STR("what"), str_of(on), &p), ERR_SYNTAX);
	assert_int_equal(relay_ports_read(str_of(on), STR(""), &p), ERR_SYNTAX);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(test_answers),
		ROW(test_lost_is_sent_again),
		ROW(test_silence),
		ROW(test_nobody_there),
		ROW(test_refuses),
		ROW(test_babbles),
		ROW(test_lines_do_not_match),
		ROW(test_cancelled),
		ROW(test_too_many),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
