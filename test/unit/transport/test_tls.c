/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS without sockets: two sessions, and what one says is fed to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "certs.h"
#include "transport/tls_int.h"

enum { WHY = 256 };

static const uint8_t key[CRYPTO_KEY_BYTES] = { 1, 2, 3 };

struct side { /* one that has a certificate, and trusts a signer */
	struct signer *signer;
	struct cert one, two;
	struct tls_settings settings;
};

static void side_init(struct side *s)
{
	*s = (struct side){ .signer = signer_new("Test") };
	s->one = cert_new(s->signer, "DNS:one.test", 30);
	s->two = cert_new(s->signer, "DNS:two.test,DNS:*.wild.test,URI:sip:sip.test", 30);
	s->settings.pairs[0] = (struct tls_pair){
		.file = STR("one"), .chain = str_of(s->one.chain), .key = str_of(s->one.key)
	};
	s->settings.pairs[1] = (struct tls_pair){
		.file = STR("two"), .chain = str_of(s->two.chain), .key = str_of(s->two.key)
	};
	s->settings.count = 2;
	s->settings.ca = str_of(signer_pem(s->signer));
}

static void side_fini(struct side *s)
{
	cert_free(&s->one);
	cert_free(&s->two);
	signer_free(s->signer);
}

static struct tls *tls_of(const struct tls_settings *s)
{
	char text[WHY];
	struct buf why = BUF_OF(text);
	struct tls *t;

	if (tls_new(s, key, &t, &why))
		fail_msg("%.*s", STR_ARG(buf_str(&why)));
	return t;
}

/* ---- whose certificate is it (RFC 5922 section 7) ---- */

static void test_whose_certificate(void **state)
{
	static const struct {
		const char *names, *domain;
		bool strictly, with_wildcards;
	} cases[] = {
		{ "DNS:example.test", "example.test", true, true },
		{ "DNS:EXAMPLE.test", "example.TEST", true, true },
		{ "DNS:example.test", "sip.example.test", false, false },
		{ "DNS:a.test,DNS:b.test", "b.test", true, true },
		{ "DNS:*.example.test", "sip.example.test", false, true },
		{ "DNS:*.example.test", "a.b.example.test", false, false },
		{ "DNS:*.example.test", "example.test", false, false },
		{ "DNS:*", "example", false, false },
		{ "URI:sip:example.test", "example.test", true, true },
		{ "URI:sip:example.test,DNS:other.test", "other.test", false, false },
		{ "URI:sip:other.test,DNS:example.test", "example.test", false, false },
		{ "URI:sip:alice@example.test", "example.test", false, false },
		{ "URI:sip:alice@example.test,DNS:example.test", "example.test", true, true },
		{ "URI:https://example.test", "example.test", false, false },
		{ "URI:sip:*.example.test", "sip.example.test", false, false },
		{ "IP:192.0.2.7", "192.0.2.7", true, true },
		{ "IP:192.0.2.7", "192.0.2.8", false, false },
		{ "DNS:192.0.2.8", "192.0.2.7", false, false },
		{ "email:sip@example.test", "example.test", false, false },
		{ NULL, "nobody.test", false, false }, /* the subject does not count */
	};
	struct signer *s = signer_new("Test");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cert c = cert_new(s, cases[i].names, 30);
		void *x = cert_x509(&c);
		char text[WHY];
		struct buf why = BUF_OF(text);

		if (tls_is_domain(x, str_of(cases[i].domain), false, &why) != cases[i].strictly ||
			tls_is_domain(x, str_of(cases[i].domain), true, &why) !=
				cases[i].with_wildcards)
			fail_msg("%s of %s", cases[i].domain, cases[i].names);
		if (!cases[i].strictly)
			assert_true(str_find_str(buf_str(&why), STR("not for ")) < why.n);
		cert_x509_free(x);
		cert_free(&c);
	}
	signer_free(s);
}

/* ---- two ends ---- */

struct pair {
	struct tls_session *client, *server;
	enum err client_err, server_err;
	char heard[4096]; /* by the server */
	size_t heard_n;
};

static enum err hear(struct tls_session *s, struct str bytes, char *out, size_t max, size_t *used)
{
	enum err e = tls_feed(s, bytes);

	while (!e && tls_ready(s)) {
		size_t n;

		e = tls_read(s, out + *used, max - *used, &n);
		if (e || n == 0)
			break;
		*used += n;
	}
	return e;
}

/* Carries what `from` has to say; false: nothing. */
static bool carry(struct tls_session *from, struct tls_session *to, enum err *e, char *out,
	size_t max, size_t *used)
{
	struct str said = tls_output(from);
	char *copy;

	if (!said.n)
		return false;
	copy = str_dup(said);
	tls_output_sent(from);
	if (!*e)
		*e = hear(to, str_make(copy, said.n), out, max, used);
	free(copy);
	return true;
}

static void talk(struct pair *p)
{
	char nothing[256];
	size_t n = 0;
	bool more = true;

	while (more) {
		more = carry(p->client, p->server, &p->server_err, p->heard, sizeof(p->heard),
			&p->heard_n);
		more = carry(p->server, p->client, &p->client_err, nothing, sizeof(nothing), &n) ||
			more;
	}
}

static void pair_open(struct pair *p, struct tls *client, struct tls *server, const char *name)
{
	*p = (struct pair){ .client = tls_connect(client, str_of(name)),
		.server = tls_accept(server) };
	p->client_err = tls_feed(p->client, STR_NONE);
	talk(p);
}

static void pair_close(struct pair *p)
{
	tls_session_free(p->client);
	tls_session_free(p->server);
}

static bool both_ready(const struct pair *p)
{
	return !p->client_err && !p->server_err && tls_ready(p->client) && tls_ready(p->server);
}

static void test_name_chooses(void **state)
{
	static const struct {
		const char *name;
		bool fine;
	} cases[] = {
		{ "one.test", true },
		{ "two.test", false }, /* it has a SIP domain, and that is another */
		{ "sip.test", false }, /* as the name in TLS it leads to the first one */
	};
	struct side s;
	struct tls *t;

	side_init(&s);
	t = tls_of(&s.settings);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;

		pair_open(&p, t, t, cases[i].name);
		assert_int_equal(both_ready(&p), cases[i].fine);
		if (!cases[i].fine)
			assert_int_equal(p.client_err, ERR_CRYPTO);
		if (i == 1)
			assert_string_equal(tls_why(p.client).p,
				"the certificate is for sip.test, not for two.test");
		if (i == 2)
			assert_string_equal(tls_why(p.client).p,
				"the certificate is for one.test, not for sip.test");
		pair_close(&p);
	}
	tls_free(t);
	side_fini(&s);
}

static void test_bytes_get_through(void **state)
{
	struct side s;
	struct tls *t;
	struct pair p;
	char big[3000];

	side_init(&s);
	t = tls_of(&s.settings);
	pair_open(&p, t, t, "one.test");
	assert_true(both_ready(&p));
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + i % 26);
	assert_int_equal(tls_write(p.client, str_make(big, sizeof(big))), ERR_OK);
	talk(&p);
	assert_int_equal(p.heard_n, sizeof(big));
	assert_memory_equal(p.heard, big, sizeof(big));
	assert_int_equal(tls_output(p.client).n, 0);
	tls_close(p.client);
	talk(&p);
	assert_int_equal(p.server_err, ERR_CLOSED);
	pair_close(&p);
	tls_free(t);
	side_fini(&s);
}

static void expect_refused(struct side *client, const struct cert *shown, const char *why)
{
	struct tls_settings settings = { .count = 1 };
	struct tls *c = tls_of(&client->settings), *s;
	struct pair p;

	settings.pairs[0] = (struct tls_pair){
		.file = STR("x"), .chain = str_of(shown->chain), .key = str_of(shown->key)
	};
	s = tls_of(&settings);
	pair_open(&p, c, s, "one.test");
	assert_false(both_ready(&p));
	assert_int_equal(p.client_err, ERR_CRYPTO);
	if (str_find_str(tls_why(p.client), str_of(why)) == tls_why(p.client).n)
		fail_msg("%s: %s", why, tls_why(p.client).p);
	pair_close(&p);
	tls_free(s);
	tls_free(c);
}

static void test_certificates_that_prove_nothing(void **state)
{
	struct signer *stranger = signer_new("Stranger");
	struct cert old, foreign, self;
	struct side s;

	side_init(&s);
	old = cert_new(s.signer, "DNS:one.test", -1);
	expect_refused(&s, &old, "certificate has expired");
	foreign = cert_new(stranger, "DNS:one.test", 30);
	expect_refused(&s, &foreign, "unable to get local issuer certificate");
	self = cert_new(s.signer, "DNS:else.test", 30);
	expect_refused(&s, &self, "the certificate is for else.test, not for one.test");
	cert_free(&old);
	cert_free(&foreign);
	cert_free(&self);
	signer_free(stranger);
	side_fini(&s);
}

/* Whatever comes instead of TLS ends the session, wherever it comes. */
static void test_garbage(void **state)
{
	struct side s;
	struct tls *t;

	side_init(&s);
	t = tls_of(&s.settings);
	for (unsigned at = 0; at < 200; at++) {
		struct pair p = { .client = tls_connect(t, STR("one.test")),
			.server = tls_accept(t) };
		char out[4096], *hello;
		size_t n = 0, length;
		enum err e = tls_feed(p.client, STR_NONE);

		assert_int_equal(e, ERR_OK);
		length = tls_output(p.client).n;
		hello = str_dup(tls_output(p.client));
		hello[at % length] ^= (char)0x55;
		e = hear(p.server, str_make(hello, length), out, sizeof(out), &n);
		assert_true(e == ERR_OK || e == ERR_CRYPTO);
		assert_false(tls_ready(p.server));
		free(hello);
		pair_close(&p);
	}
	tls_free(t);
	side_fini(&s);
}

/* ---- clients that show who they are ---- */

static void test_client_certificates(void **state)
{
	struct signer *phones = signer_new("Phones");
	struct cert phone = cert_new(phones, "DNS:phone.test", 30);
	struct side s;
	struct tls_settings with, without;
	struct tls *server, *good, *bare;
	struct pair p;

	side_init(&s);
	without = (struct tls_settings){ .ca = s.settings.ca };
	with = without;
	with.pairs[0] = (struct tls_pair){
		.file = STR("phone"), .chain = str_of(phone.chain), .key = str_of(phone.key)
	};
	with.count = 1;
	good = tls_of(&with);
	bare = tls_of(&without);
	s.settings.client_ca = str_of(signer_pem(phones));
	for (int mode = TLS_CLIENTS_NO; mode <= TLS_CLIENTS_REQUIRE; mode++) {
		s.settings.clients = (enum tls_clients)mode;
		server = tls_of(&s.settings);
		pair_open(&p, good, server, "one.test");
		assert_true(both_ready(&p));
		assert_int_equal(tls_peer_is(p.server, STR("phone.test")), mode != TLS_CLIENTS_NO);
		assert_false(tls_peer_is(p.server, STR("other.test")));
		pair_close(&p);
		pair_open(&p, bare, server, "one.test");
		assert_int_equal(both_ready(&p), mode != TLS_CLIENTS_REQUIRE);
		assert_false(tls_peer_is(p.server, STR("phone.test")));
		pair_close(&p);
		tls_free(server);
	}
	tls_free(good);
	tls_free(bare);
	cert_free(&phone);
	signer_free(phones);
	side_fini(&s);
}

/* ---- tickets ---- */

/* A client of our own, as ours does not ask for resumption. Returns whether it was resumed. */
static bool resume(struct tls *server, SSL_CTX *ctx, SSL_SESSION **session)
{
	struct tls_session *s = tls_accept(server);
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	char bytes[8192], heard[1024];
	size_t used = 0;
	bool resumed;

	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	if (*session)
		SSL_set_session(ssl, *session);
	for (int round = 0; round < 6; round++) {
		int n;

		if (SSL_do_handshake(ssl) != 1)
			assert_int_equal(SSL_get_error(ssl, -1), SSL_ERROR_WANT_READ);
		n = BIO_read(out, bytes, sizeof(bytes));
		if (n > 0 && hear(s, str_make(bytes, (size_t)n), heard, sizeof(heard), &used))
			break;
		BIO_write(in, tls_output(s).p, (int)tls_output(s).n);
		tls_output_sent(s);
	}
	resumed = tls_ready(s) && SSL_session_reused(ssl);
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(ssl);
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else it is no good */
	SSL_free(ssl);
	tls_session_free(s);
	return resumed;
}

/* Every worker and every node takes a ticket; one under another key does not. */
static void test_tickets(void **state)
{
	static const uint8_t other_key[CRYPTO_KEY_BYTES] = { 9 };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_SESSION *session = NULL;
	char text[WHY];
	struct buf why = BUF_OF(text);
	struct tls *here, *there, *stranger;
	struct side s;

	side_init(&s);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	here = tls_of(&s.settings);
	there = tls_of(&s.settings);
	assert_int_equal(tls_new(&s.settings, other_key, &stranger, &why), ERR_OK);
	assert_false(resume(here, ctx, &session));
	assert_true(resume(here, ctx, &session));
	assert_true(resume(there, ctx, &session));
	assert_int_equal(tls_reload(there, &s.settings, &why), ERR_OK);
	assert_true(resume(there, ctx, &session));
	assert_false(resume(stranger, ctx, &session));
	SSL_SESSION_free(session);
	SSL_CTX_free(ctx);
	tls_free(here);
	tls_free(there);
	tls_free(stranger);
	side_fini(&s);
}

/* Who has a ticket from when nobody had to show a certificate must show one all the same. */
static void test_tickets_do_not_outlive_rules(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_SESSION *session = NULL;
	char text[WHY];
	struct buf why = BUF_OF(text);
	struct tls *t;
	struct side s;

	side_init(&s);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	t = tls_of(&s.settings);
	assert_false(resume(t, ctx, &session));
	assert_true(resume(t, ctx, &session));
	s.settings.clients = TLS_CLIENTS_ASK;
	s.settings.client_ca = str_of(signer_pem(s.signer));
	assert_int_equal(tls_reload(t, &s.settings, &why), ERR_OK);
	assert_false(resume(t, ctx, &session));
	assert_true(resume(t, ctx, &session));
	SSL_SESSION_free(session);
	SSL_CTX_free(ctx);
	tls_free(t);
	side_fini(&s);
}

/* ---- reloading ---- */

static void test_reload_with_nonsense(void **state)
{
	struct side s;
	struct tls_settings bad;
	struct tls *t;
	char text[WHY];
	struct buf why = BUF_OF(text);
	struct pair p;

	side_init(&s);
	t = tls_of(&s.settings);
	bad = s.settings;
	bad.pairs[1].key = str_of(s.one.key);
	assert_int_equal(tls_reload(t, &bad, &why), ERR_CRYPTO);
	assert_true(str_find_str(buf_str(&why), STR("two: ")) < why.n);
	why.n = 0;
	bad = s.settings;
	bad.pairs[0].chain = STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	assert_int_equal(tls_reload(t, &bad, &why), ERR_CRYPTO);
	pair_open(&p, t, t, "one.test"); /* all stays as it is */
	assert_true(both_ready(&p));
	pair_close(&p);
	tls_free(t);
	side_fini(&s);
}

/*
 * Connections of before go on, and nothing of what was replaced stays. TANDEM_TLS_RELOADS: how
 * often; 10,000 was seen to be as flat as a few hundred.
 */
static void test_reload_leaves_memory_flat(void **state)
{
	const char *wish = getenv("TANDEM_TLS_RELOADS");
	int rounds = wish ? atoi(wish) : 300;
	struct side s;
	struct tls *t;
	struct pair old;
	size_t before = 0;
	char text[WHY];
	struct buf why = BUF_OF(text);

	side_init(&s);
	t = tls_of(&s.settings);
	pair_open(&old, t, t, "one.test");
	for (int i = 0; i < rounds; i++) {
		struct pair p;

		assert_int_equal(tls_reload(t, &s.settings, &why), ERR_OK);
		pair_open(&p, t, t, "one.test");
		assert_true(both_ready(&p));
		pair_close(&p);
		if (i == rounds / 3)
			before = mallinfo2().uordblks;
	}
	assert_true(mallinfo2().uordblks <= before + 65536);
	assert_int_equal(tls_write(old.client, STR("still here")), ERR_OK);
	talk(&old);
	assert_int_equal(old.heard_n, 10);
	pair_close(&old);
	tls_free(t);
	side_fini(&s);
}

struct crowd { /* threads that shake hands while another reloads */
	struct tls *tls;
	unsigned stop; /* atomic */
	unsigned failed; /* atomic */
};

static void *shake_hands(void *arg)
{
	struct crowd *c = arg;

	for (unsigned i = 0; i < 5 || !__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE); i++) {
		struct pair p;

		pair_open(&p, c->tls, c->tls, "one.test");
		if (!both_ready(&p))
			__atomic_add_fetch(&c->failed, 1, __ATOMIC_RELAXED);
		pair_close(&p);
	}
	return NULL;
}

/* What workers share: for the thread sanitizer. */
static void test_reload_while_hands_are_shaken(void **state)
{
	enum { THREADS = 3, RELOADS = 30 };
	pthread_t threads[THREADS];
	struct crowd c = { 0 };
	struct side s;
	char text[WHY];
	struct buf why = BUF_OF(text);

	side_init(&s);
	c.tls = tls_of(&s.settings);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, shake_hands, &c);
	for (int i = 0; i < RELOADS; i++)
		assert_int_equal(tls_reload(c.tls, &s.settings, &why), ERR_OK);
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(c.failed, 0);
	tls_free(c.tls);
	side_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_certificate),
		cmocka_unit_test(test_name_chooses),
		cmocka_unit_test(test_bytes_get_through),
		cmocka_unit_test(test_certificates_that_prove_nothing),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_tickets),
		cmocka_unit_test(test_tickets_do_not_outlive_rules),
		cmocka_unit_test(test_reload_with_nonsense),
		cmocka_unit_test(test_reload_leaves_memory_flat),
		cmocka_unit_test(test_reload_while_hands_are_shaken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
