/* SPDX-License-Identifier: BSD-3-Clause */
/* The resolver against a name server of our own on loopback, in the same event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop/loop.h"
#include "transport/breaker.h"
#include "transport/dns_cache.h"
#include "transport/resolver.h"

struct fixture {
	struct worker worker;
	struct loop loop;
	struct resolver *resolver;
	struct dns_cache *cache;
	struct breaker *breaker;
	uv_udp_t server;
	char buffer[600];
	unsigned questions;
	bool silent;
	unsigned answers;
	struct targets got;
};

/* ---- a name server that knows three names ---- */

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Text of the question's name, its end in *end. */
static void question_name(const uint8_t *q, char *out, const uint8_t **end)
{
	const uint8_t *p = q + 12;

	for (; *p; p += *p + 1)
		out += sprintf(out, "%.*s.", (int)*p, (const char *)p + 1);
	*end = p + 1;
}

static size_t put_record(uint8_t *p, unsigned type, const uint8_t *data, unsigned n)
{
	static const uint8_t head[] = { 0xc0, 12 };

	memcpy(p, head, 2);
	put16(p + 2, type);
	put16(p + 4, 1);
	put16(p + 6, 0);
	put16(p + 8, 60);
	put16(p + 10, n);
	memcpy(p + 12, data, n);
	return 12 + n;
}

static size_t put_srv(uint8_t *p, unsigned priority, unsigned port, const char *label)
{
	uint8_t data[64] = { 0 };
	size_t n = strlen(label);

	put16(data, priority);
	put16(data + 4, port);
	data[6] = (uint8_t)n;
	memcpy(data + 7, label, n);
	memcpy(data + 7 + n, "\4test", 6);
	return put_record(p, 33, data, (unsigned)(7 + n + 6));
}

static size_t answer_to(const char *name, unsigned type, uint8_t *p, unsigned *count)
{
	uint8_t one[] = { 192, 0, 2, 1 }, two[] = { 192, 0, 2, 2 };
	size_t n = 0;

	*count = 0;
	if (type == 33 && strcmp(name, "_sip._udp.srv.test.") == 0) {
		n += put_srv(p, 20, 5070, "two");
		n += put_srv(p + n, 10, 5080, "one");
		*count = 2;
	} else if (type == 1 && strcmp(name, "one.test.") == 0) {
		n = put_record(p, 1, one, 4);
		*count = 1;
	} else if (type == 1 && strcmp(name, "two.test.") == 0) {
		n = put_record(p, 1, two, 4);
		*count = 1;
	}
	return n;
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
	struct fixture *f = h->data;

	*buf = uv_buf_init(f->buffer, sizeof(f->buffer));
}

static void on_question(
	uv_udp_t *u, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	struct fixture *f = u->data;
	uint8_t out[600];
	const uint8_t *end;
	unsigned count, type;
	char name[300];
	size_t size;
	uv_buf_t answer;

	if (n < 16 || !from)
		return;
	f->questions++;
	if (f->silent)
		return;
	question_name((uint8_t *)f->buffer, name, &end);
	type = (unsigned)(end[0] << 8 | end[1]);
	size = (size_t)(end + 4 - (uint8_t *)f->buffer);
	memcpy(out, f->buffer, size);
	size += answer_to(name, type, out + size, &count);
	put16(out + 2, count ? 0x8180 : 0x8183);
	put16(out + 6, count);
	put16(out + 8, 0);
	put16(out + 10, 0);
	answer = uv_buf_init((char *)out, (unsigned)size);
	uv_udp_try_send(u, &answer, 1, from);
}

/* ---- */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_in local = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct resolver_config cfg = {
		.timeout_ms = 2000, .tries = 1, .ipv4 = true, .udp = true, .tcp = true
	};
	int n = sizeof(local);
	char servers[32];

	worker_init(&f->worker, 0, 1, NULL);
	assert_int_equal(loop_init(&f->loop, &f->worker), ERR_OK);
	uv_udp_init(&f->loop.uv, &f->server);
	f->server.data = f;
	assert_int_equal(uv_udp_bind(&f->server, (struct sockaddr *)&local, 0), 0);
	uv_udp_getsockname(&f->server, (struct sockaddr *)&local, &n);
	uv_udp_recv_start(&f->server, on_alloc, on_question);
	snprintf(servers, sizeof(servers), "127.0.0.1:%d", ntohs(local.sin_port));
	cfg.servers = str_of(servers);
	cfg.cache = f->cache = dns_cache_new(100);
	cfg.breaker = f->breaker = breaker_new();
	f->resolver = resolver_new(&f->worker, &cfg);
	assert_non_null(f->resolver);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->resolver);
	dns_cache_free(f->cache);
	breaker_free(f->breaker);
	loop_fini(&f->loop);
	worker_fini(&f->worker);
	free(f);
	return 0;
}

static void on_done(void *arg, uint64_t id, const struct targets *t)
{
	struct fixture *f = arg;

	f->answers++;
	f->got = *t;
	loop_stop(&f->loop);
}

static uint64_t ask(struct fixture *f, const char *uri)
{
	struct sip_uri u;

	assert_int_equal(sip_uri_parse(str_of(uri), &u), ERR_OK);
	return resolver_lookup(f->resolver, &u, on_done, f);
}

static void resolve(struct fixture *f, const char *uri)
{
	f->answers = 0;
	f->loop.stopping = false;
	ask(f, uri);
	assert_int_equal(f->answers, 0);
	loop_run(&f->loop);
	assert_int_equal(f->answers, 1);
}

static void target_is(const struct fixture *f, unsigned i, enum tp_proto proto, const char *addr)
{
	char text[ADDR_TEXT_MAX + 1];
	struct buf b = BUF_OF(text);

	assert_true(i < f->got.count);
	assert_int_equal(f->got.list[i].proto, proto);
	addr_print(&b, &f->got.list[i].addr);
	text[b.n] = 0;
	assert_string_equal(text, addr);
}

static void literals_are_their_own_answer(void **state)
{
	struct fixture *f = *state;

	resolve(f, "sip:x@192.0.2.7");
	target_is(f, 0, TP_UDP, "192.0.2.7:5060");
	resolve(f, "sip:192.0.2.7:5080;transport=tcp");
	target_is(f, 0, TP_TCP, "192.0.2.7:5080");
	resolve(f, "sip:[2001:db8::1]");
	target_is(f, 0, TP_UDP, "[2001:db8::1]:5060");
	assert_int_equal(f->questions, 0);
}

static void port_means_addresses_only(void **state)
{
	struct fixture *f = *state;

	resolve(f, "sip:x@one.test:5099");
	assert_int_equal(f->got.count, 1);
	target_is(f, 0, TP_UDP, "192.0.2.1:5099");
	assert_int_equal(f->questions, 1);
}

static void srv_records_are_followed_in_order(void **state)
{
	struct fixture *f = *state;

	resolve(f, "sip:x@srv.test");
	assert_int_equal(f->got.count, 2);
	target_is(f, 0, TP_UDP, "192.0.2.1:5080");
	target_is(f, 1, TP_UDP, "192.0.2.2:5070");
}

static void without_srv_the_host_itself(void **state)
{
	struct fixture *f = *state;

	resolve(f, "sip:x@two.test;transport=tcp");
	assert_int_equal(f->got.count, 1);
	target_is(f, 0, TP_TCP, "192.0.2.2:5060");
}

static void answers_are_kept(void **state)
{
	struct fixture *f = *state;
	unsigned asked;

	resolve(f, "sip:x@srv.test");
	asked = f->questions;
	resolve(f, "sip:y@SRV.test");
	assert_int_equal(f->questions, asked);
	assert_int_equal(f->got.count, 2);
}

static void silence_is_a_time_out(void **state)
{
	struct fixture *f = *state;

	resolve(f, "sip:x@one.test:5060");
	f->silent = true;
	resolve(f, "sip:x@two.test:5060");
	assert_int_equal(f->got.count, 0);
	assert_int_equal(f->got.err, ERR_TIMEOUT);
}

static void unknown_names_fail(void **state)
{
	struct fixture *f = *state;

	resolve(f, "sip:x@nowhere.test:5060");
	assert_int_equal(f->got.count, 0);
	assert_int_equal(f->got.err, ERR_DNS);
}

static void other_schemes_and_protocols_are_unsupported(void **state)
{
	struct fixture *f = *state;

	resolve(f, "sips:x@one.test");
	assert_int_equal(f->got.err, ERR_UNSUPPORTED);
	resolve(f, "sip:x@one.test;transport=sctp");
	assert_int_equal(f->got.err, ERR_UNSUPPORTED);
	assert_int_equal(f->questions, 0);
}

static void cancelled_look_ups_are_silent(void **state)
{
	struct fixture *f = *state;
	uint64_t literal = ask(f, "sip:192.0.2.7"), name = ask(f, "sip:srv.test");

	resolver_cancel(f->resolver, literal);
	resolver_cancel(f->resolver, name);
	resolver_cancel(f->resolver, name);
	resolver_cancel(f->resolver, 12345);
	resolve(f, "sip:x@one.test:5060");
	assert_int_equal(f->got.count, 1);
}

static void freed_while_asking(void **state)
{
	struct fixture *f = *state;

	f->silent = true;
	ask(f, "sip:192.0.2.7");
	ask(f, "sip:srv.test");
	ask(f, "sip:one.test:5060");
	resolver_cancel(f->resolver, ask(f, "sip:two.test:5060"));
	assert_int_equal(f->answers, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(literals_are_their_own_answer),
		T(port_means_addresses_only),
		T(srv_records_are_followed_in_order),
		T(without_srv_the_host_itself),
		T(answers_are_kept),
		T(silence_is_a_time_out),
		T(unknown_names_fail),
		T(other_schemes_and_protocols_are_unsupported),
		T(cancelled_look_ups_are_silent),
		T(freed_while_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
