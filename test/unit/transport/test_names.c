/* SPDX-License-Identifier: BSD-3-Clause */
/* Look-ups against name servers that misbehave; time is moved by hand where hours matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "name_server.h"
#include "transport/breaker.h"
#include "transport/dns_cache.h"
#include "transport/resolver.h"

enum { TIMEOUT_MS = 600, SERVERS = 2 };

struct fixture {
	struct worker worker;
	struct loop loop;
	struct resolver *resolver;
	struct dns_cache *cache;
	struct breaker *breaker;
	struct name_server servers[SERVERS];
	unsigned answers, expected, recovered;
	struct targets got;
	char steps_text[4096];
};

static void on_recovered(void *arg)
{
	struct fixture *f = arg;

	f->recovered++;
}

static void open_resolver(struct fixture *f, unsigned servers, const char *probe)
{
	char list[64];
	struct resolver_config cfg = { .timeout_ms = TIMEOUT_MS,
		.tries = 1,
		.ipv4 = true,
		.ipv6 = true,
		.udp = true,
		.tcp = true,
		.cache = f->cache,
		.breaker = f->breaker,
		.probe = str_of(probe) };

	snprintf(list, sizeof(list), "127.0.0.1:%u,127.0.0.1:%u", f->servers[0].port,
		f->servers[1].port);
	cfg.servers = servers == 2 ? str_of(list) : str_first(str_of(list), strcspn(list, ","));
	f->resolver = resolver_new(&f->worker, &cfg);
	assert_non_null(f->resolver);
	f->resolver->recovered = on_recovered;
	f->resolver->recovered_arg = f;
}

static int setup_with(void **state, unsigned servers, const char *probe)
{
	struct fixture *f = calloc(1, sizeof(*f));

	worker_init(&f->worker, 0, 1, NULL);
	assert_int_equal(loop_init(&f->loop, &f->worker), ERR_OK);
	for (unsigned i = 0; i < SERVERS; i++)
		name_server_start(&f->servers[i], &f->loop);
	f->cache = dns_cache_new(1000);
	f->breaker = breaker_new();
	open_resolver(f, servers, probe);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, 1, "");
}

static int setup_two(void **state)
{
	return setup_with(state, 2, "");
}

static int setup_probing(void **state)
{
	return setup_with(state, 1, "must.test");
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

/* ---- asking ---- */

static void on_done(void *arg, uint64_t id, const struct targets *t)
{
	struct fixture *f = arg;

	(void)id;
	f->got = *t;
	if (++f->answers == f->expected)
		loop_stop(&f->loop);
}

static void ask(struct fixture *f, const char *uri)
{
	struct sip_uri u;

	assert_int_equal(sip_uri_parse(str_of(uri), &u), ERR_OK);
	resolver_lookup(f->resolver, &u, on_done, f);
}

static void wait_for(struct fixture *f, unsigned answers)
{
	f->answers = 0;
	f->expected = answers;
	f->loop.stopping = false;
	loop_run(&f->loop);
	assert_int_equal(f->answers, answers);
}

static void resolve(struct fixture *f, const char *uri)
{
	ask(f, uri);
	wait_for(f, 1);
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

static void none(const struct fixture *f, enum err e)
{
	assert_int_equal(f->got.count, 0);
	assert_int_equal(f->got.err, e);
}

/* What is kept is as old as if so much time had gone by. */
static void age(struct fixture *f, uint64_t seconds)
{
	dns_cache_age(f->cache, seconds * 1000);
}

/* ---- RFC 3263 ---- */

static void naptr_says_which_protocol_first(void **state)
{
	struct fixture *f = *state;
	struct name_server *s = &f->servers[0];

	name_server_naptr(s, "x.test.", 60, 20, 1, "s", "SIP+D2U", "_sip._udp.far.test.");
	name_server_naptr(s, "x.test.", 60, 10, 9, "S", "sip+d2t", "_sip._tcp.far.test.");
	name_server_naptr(s, "x.test.", 60, 10, 1, "s", "SIPS+D2T", "_sips._tcp.far.test.");
	name_server_naptr(s, "x.test.", 60, 1, 1, "u", "E2U+sip", ".");
	name_server_srv(s, "_sip._udp.far.test.", 60, 1, 1, 5070, "h.test.");
	name_server_srv(s, "_sip._tcp.far.test.", 60, 1, 1, 5071, "h.test.");
	name_server_a(s, "h.test.", 60, "192.0.2.1");
	resolve(f, "sip:x.test");
	assert_int_equal(f->got.count, 2);
	target_is(f, 0, TP_TCP, "192.0.2.1:5071");
	target_is(f, 1, TP_UDP, "192.0.2.1:5070");
	/* who says which protocol asks for its records at the name itself */
	resolve(f, "sip:x.test;transport=udp");
	none(f, ERR_DNS);
}

static void both_families(void **state)
{
	struct fixture *f = *state;

	name_server_a(&f->servers[0], "h.test.", 60, "2001:db8::1");
	name_server_a(&f->servers[0], "h.test.", 60, "192.0.2.1");
	resolve(f, "sip:h.test:5080");
	assert_int_equal(f->got.count, 2);
	target_is(f, 0, TP_UDP, "192.0.2.1:5080");
	target_is(f, 1, TP_UDP, "[2001:db8::1]:5080");
}

static void a_service_that_is_not_offered(void **state)
{
	struct fixture *f = *state;

	name_server_srv(&f->servers[0], "_sip._udp.x.test.", 60, 0, 0, 0, ".");
	name_server_a(&f->servers[0], "x.test.", 60, "192.0.2.1");
	resolve(f, "sip:x.test");
	none(f, ERR_DNS);
	resolve(f, "sip:x.test;transport=tcp");
	target_is(f, 0, TP_TCP, "192.0.2.1:5060");
}

/* Of 300 look-ups the heavy host is first in about three quarters; the light one, too, at times. */
static void weights_are_shares(void **state)
{
	struct fixture *f = *state;
	struct name_server *s = &f->servers[0];
	unsigned heavy = 0;

	name_server_srv(s, "_sip._udp.x.test.", 600, 5, 75, 5075, "h.test.");
	name_server_srv(s, "_sip._udp.x.test.", 600, 5, 25, 5025, "h.test.");
	name_server_srv(s, "_sip._udp.x.test.", 600, 9, 100, 5100, "h.test.");
	name_server_a(s, "h.test.", 600, "192.0.2.1");
	for (unsigned i = 0; i < 300; i++) {
		resolve(f, "sip:x.test;transport=udp");
		assert_int_equal(f->got.count, 3);
		heavy += addr_port(&f->got.list[0].addr) == 5075;
		assert_int_equal(addr_port(&f->got.list[2].addr), 5100);
	}
	assert_in_range(heavy, 180, 270);
}

static void many_records_are_bounded(void **state)
{
	struct fixture *f = *state;
	char ip[32];

	f->servers[0].mode = CUT;
	for (unsigned i = 0; i < 250; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%u", i);
		name_server_a(&f->servers[0], "h.test.", 60, ip);
	}
	resolve(f, "sip:h.test:5060");
	assert_int_equal(f->got.count, TARGETS_MAX);
	assert_true(f->servers[0].over_tcp > 0);
}

static void names_that_are_too_long(void **state)
{
	struct fixture *f = *state;
	char uri[600] = "sip:";

	memset(uri + 4, 'a', 400);
	resolve(f, uri);
	none(f, ERR_SYNTAX);
	memset(uri + 4 + 250, 0, 100);
	resolve(f, uri);
	assert_int_equal(f->got.count, 0);
}

/* ---- time ---- */

static void answers_are_fresh_for_their_time(void **state)
{
	struct fixture *f = *state;
	unsigned asked;

	name_server_a(&f->servers[0], "h.test.", 100, "192.0.2.1");
	resolve(f, "sip:h.test:5060;transport=udp");
	asked = f->servers[0].questions;
	age(f, 99);
	resolve(f, "sip:h.test:5060;transport=udp");
	age(f, 0);
	assert_true(f->servers[0].questions <= asked + 1); /* only AAAA: "none" is kept shorter */
	age(f, 2);
	resolve(f, "sip:h.test:5060;transport=udp");
	assert_true(f->servers[0].questions > asked + 1);
}

static void no_is_kept_as_the_zone_says_and_not_long(void **state)
{
	struct fixture *f = *state;
	unsigned asked;

	f->servers[0].negative_ttl = 10000;
	resolve(f, "sip:h.test:5060");
	none(f, ERR_DNS);
	asked = f->servers[0].questions;
	age(f, 59);
	resolve(f, "sip:h.test:5060");
	assert_int_equal(f->servers[0].questions, asked);
	age(f, 2);
	resolve(f, "sip:h.test:5060");
	assert_true(f->servers[0].questions > asked);
}

static void failures_are_kept_for_moments(void **state)
{
	struct fixture *f = *state;
	unsigned asked;

	f->servers[0].mode = SERVFAIL;
	resolve(f, "sip:h.test:5060");
	none(f, ERR_TIMEOUT);
	asked = f->servers[0].questions;
	resolve(f, "sip:h.test:5060");
	none(f, ERR_TIMEOUT);
	assert_int_equal(f->servers[0].questions, asked);
	age(f, 6);
	f->servers[0].mode = FINE;
	name_server_a(&f->servers[0], "h.test.", 60, "192.0.2.1");
	resolve(f, "sip:h.test:5060");
	assert_int_equal(f->got.count, 1);
}

static void old_answers_bridge_a_day(void **state)
{
	static const enum server_mode modes[] = { SILENT, SERVFAIL, REFUSED, GARBAGE };
	struct fixture *f = *state;

	name_server_a(&f->servers[0], "h.test.", 60, "192.0.2.1");
	resolve(f, "sip:h.test:5060");
	for (unsigned i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		f->servers[0].mode = modes[i];
		age(f, 7200);
		resolve(f, "sip:h.test:5060");
		target_is(f, 0, TP_UDP, "192.0.2.1:5060");
	}
	age(f, 86400);
	resolve(f, "sip:h.test:5060");
	none(f, ERR_TIMEOUT);
}

static void a_name_that_is_gone_is_gone(void **state)
{
	struct fixture *f = *state;

	name_server_a(&f->servers[0], "h.test.", 60, "192.0.2.1");
	resolve(f, "sip:h.test:5060");
	f->servers[0].count = 0;
	age(f, 61);
	resolve(f, "sip:h.test:5060");
	none(f, ERR_DNS);
}

/* ---- several servers ---- */

static void the_next_server_is_asked(void **state)
{
	static const enum server_mode modes[] = { SILENT, SERVFAIL, REFUSED, GARBAGE };
	struct fixture *f = *state;

	name_server_a(&f->servers[1], "h.test.", 60, "192.0.2.1");
	for (unsigned i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		f->servers[0].mode = modes[i];
		age(f, 100000);
		resolve(f, "sip:h.test:5060");
		target_is(f, 0, TP_UDP, "192.0.2.1:5060");
	}
}

static void who_fails_is_asked_last_and_comes_back(void **state)
{
	struct fixture *f = *state;
	char name[32], uri[64];
	unsigned asked;

	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "h%u.test.", i);
		name_server_a(&f->servers[0], name, 60, "192.0.2.1");
		name_server_a(&f->servers[1], name, 60, "192.0.2.2");
	}
	f->servers[0].mode = REFUSED;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(uri, sizeof(uri), "sip:h%u.test:5060", i);
		resolve(f, uri);
		target_is(f, 0, TP_UDP, "192.0.2.2:5060");
	}
	asked = f->servers[0].questions;
	assert_in_range(asked, 3, 10); /* not forty */
	f->servers[0].mode = FINE;
	f->worker.clock.mono_ms += 6000; /* the next look at it is due */
	for (unsigned i = 20; i < 40 && !f->recovered; i++) {
		snprintf(uri, sizeof(uri), "sip:h%u.test:5060", i);
		f->worker.clock.mono_ms += 6000;
		resolve(f, uri);
	}
}

static void all_down_and_back(void **state)
{
	struct fixture *f = *state;
	char uri[64];

	f->servers[0].mode = f->servers[1].mode = REFUSED;
	for (unsigned i = 0; i < 4; i++) {
		snprintf(uri, sizeof(uri), "sip:n%u.test:5060", i);
		resolve(f, uri);
		none(f, ERR_TIMEOUT);
	}
	assert_int_equal(f->recovered, 0);
	f->servers[0].mode = f->servers[1].mode = FINE;
	name_server_a(&f->servers[0], "h.test.", 60, "192.0.2.1");
	name_server_a(&f->servers[0], "n1.test.", 60, "192.0.2.9");
	resolve(f, "sip:h.test:5060");
	assert_int_equal(f->got.count, 1);
	assert_true(f->recovered >= 1);
	resolve(f, "sip:n1.test:5060"); /* its failure is forgotten, too */
	assert_int_equal(f->got.count, 1);
}

/* ---- belief ---- */

static void no_is_believed_of_who_knows_what_must_exist(void **state)
{
	struct fixture *f = *state;

	resolve(f, "sip:h.test:5060");
	none(f, ERR_TIMEOUT);
	name_server_soa(&f->servers[0], "must.test.");
	age(f, 10);
	resolver_free(f->resolver);
	open_resolver(f, 1, "must.test");
	resolve(f, "sip:h.test:5060");
	none(f, ERR_DNS);
}

/* ---- many at once ---- */

static void the_same_question_is_asked_once(void **state)
{
	struct fixture *f = *state;

	name_server_a(&f->servers[0], "h.test.", 60, "192.0.2.1");
	for (unsigned i = 0; i < 100; i++)
		ask(f, "sip:h.test:5060");
	wait_for(f, 100);
	assert_int_equal(f->got.count, 1);
	assert_int_equal(f->servers[0].questions, 2); /* A and AAAA */
}

int main(void)
{
#define WITH(name, how) cmocka_unit_test_setup_teardown(name, how, teardown)
#define T(name) WITH(name, setup)
	const struct CMUnitTest tests[] = {
		T(naptr_says_which_protocol_first),
		T(both_families),
		T(a_service_that_is_not_offered),
		T(weights_are_shares),
		T(many_records_are_bounded),
		T(names_that_are_too_long),
		T(answers_are_fresh_for_their_time),
		T(no_is_kept_as_the_zone_says_and_not_long),
		T(failures_are_kept_for_moments),
		T(old_answers_bridge_a_day),
		T(a_name_that_is_gone_is_gone),
		WITH(the_next_server_is_asked, setup_two),
		WITH(who_fails_is_asked_last_and_comes_back, setup_two),
		WITH(all_down_and_back, setup_two),
		WITH(no_is_believed_of_who_knows_what_must_exist, setup_probing),
		T(the_same_question_is_asked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
