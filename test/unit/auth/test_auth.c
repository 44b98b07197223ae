/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest authentication of requests: what is accepted, and what every refusal looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/auth.h"
#include "auth/nonce.h"
#include "base/arena.h"

enum { TEXT_MAX = 4000 };
#define REALM "example.com"
#define BODY "v=0\r\n"

struct fixture {
	struct worker worker;
	struct transport net;
	struct tx_layer *tx;
	struct auth *auth;
	struct account bob;
	char ha1[3][DIGEST_HEX_MAX];
	char sent[TEXT_MAX]; /* the last answer, "" for none */
};

/* How the next request answers the challenge; NULL: as it should be. */
struct attempt {
	const char *user, *password, *uri, *nonce, *realm;
	const char *claims; /* the name that is written, where it is not the name that is proved */
	enum crypto_digest algorithm;
	enum digest_qop qop;
	unsigned nc;
	const struct account *account;
};

static enum err send_reply(
	struct transport *t, const struct flow *flow, struct str bytes, uint64_t id)
{
	struct fixture *f = t->arg;

	(void)flow;
	(void)id;
	return str_copy(bytes, f->sent, sizeof(f->sent));
}

static void on_request(void *arg, struct sip_msg *req, const struct flow *flow)
{
	(void)arg;
	(void)req;
	(void)flow;
}

static struct auth *make_auth(struct fixture *f, unsigned nonces_max)
{
	static const uint8_t key[32] = "the key of the cluster in tests";
	const struct auth_config cfg = { .algorithms = { CRYPTO_SHA512_256, CRYPTO_SHA256,
						 CRYPTO_MD5 },
		.algorithm_count = 3,
		.nonce_s = 60,
		.nonces_max = nonces_max };

	return auth_new(&f->worker, f->tx, key, &cfg);
}

static int setup(void **state)
{
	static const struct transport_ops ops = { .send = send_reply };
	static const struct tx_layer_handlers handlers = { .on_request = on_request };
	static const struct tx_timing timing = { 500, 4000, 5000 };
	struct fixture *f = mem_new(struct fixture);

	worker_init(&f->worker, 0, 1, NULL);
	f->worker.clock.wall_ms = 1257681600000;
	f->net = (struct transport){ .ops = &ops, .worker = &f->worker, .arg = f };
	f->tx = tx_layer_new(&f->worker, &f->net, &timing, &handlers, f);
	f->auth = make_auth(f, 4);
	f->bob = (struct account){
		.username = STR("bob"), .domain = STR(REALM), .aor = STR("bob@" REALM)
	};
	for (int d = 0; d < 3; d++) {
		digest_ha1(d, STR("bob"), STR(REALM), STR("secret"), f->ha1[d]);
		f->bob.ha1[d] = str_of(f->ha1[d]);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	auth_free(f->auth);
	tx_layer_free(f->tx);
	worker_fini(&f->worker);
	free(f);
	return 0;
}

static const char * or (const char *given, const char *otherwise)
{
	return given ? given : otherwise;
}

static void add_qop(struct buf *b, const struct attempt *a, struct digest_input *in, char nc[9])
{
	if (a->qop == DIGEST_QOP_NONE)
		return;
	snprintf(nc, 9, "%08x", a->nc);
	in->nc_text = str_of(nc);
	in->cnonce = STR("c");
	buf_printf(b, ", qop=%s, nc=%s, cnonce=\"c\"",
		a->qop == DIGEST_QOP_AUTH ? "auth" : "auth-int", nc);
}

static void print_authorization(struct buf *b, const struct attempt *a)
{
	const char *user = or (a->user, "bob"), *uri = or (a->uri, "sip:" REALM);
	const char *realm = or (a->realm, REALM);
	char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX], nc[9];
	struct digest_input in = { .algorithm = a->algorithm,
		.method = STR("REGISTER"),
		.uri = str_of(uri),
		.nonce = str_of(a->nonce),
		.qop = a->qop,
		.body = STR(BODY) };

	digest_ha1(
		a->algorithm, str_of(user), str_of(realm), str_of(or (a->password, "secret")), ha1);
	in.ha1 = str_of(ha1);
	buf_printf(b,
		"Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\"",
		or (a->claims, user), realm, a->nonce, uri);
	if (a->algorithm != CRYPTO_MD5)
		buf_printf(b, ", algorithm=%.*s", STR_ARG(digest_algorithm_name(a->algorithm)));
	add_qop(b, a, &in, nc);
	digest_compute(&in, response);
	buf_printf(b, ", response=\"%s\"\r\n", response);
}

static bool try(struct fixture *f, const struct attempt *a)
{
	char text[TEXT_MAX];
	struct buf b = BUF_OF(text);
	struct sip_fault fault;
	struct sip_msg *req;
	struct flow flow = { .proto = TP_UDP };
	bool ok;

	assert_int_equal(addr_parse(STR("127.0.0.1:5060"), &flow.remote), ERR_OK);
	flow.local = flow.remote;
	buf_lit(&b,
		"REGISTER sip:" REALM " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\n"
		"From: <sip:bob@" REALM ">;tag=1\r\nTo: <sip:bob@" REALM ">\r\nCall-ID: one\r\n"
		"CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContent-Length: 5\r\n");
	if (a->nonce)
		print_authorization(&b, a);
	buf_lit(&b, "\r\n" BODY);
	assert_true(buf_ok(&b));
	assert_int_equal(sip_msg_parse(buf_str(&b), &req, &fault), ERR_OK);
	f->sent[0] = '\0';
	ok = auth_request(f->auth, req, &flow, a->account, STR(REALM));
	worker_end_turn(&f->worker);
	sip_msg_unref(req);
	assert_int_equal(ok, f->sent[0] == '\0'); /* either accepted or answered */
	return ok;
}

static char *nonce_of(struct fixture *f)
{
	static const char before[] = "nonce=\"";
	char *at = strstr(f->sent, before);

	assert_non_null(at);
	return str_dup(str_make(at + sizeof(before) - 1, NONCE_CHARS));
}

static char *challenged(struct fixture *f)
{
	assert_false(try(f, &(struct attempt){ .account = &f->bob }));
	return nonce_of(f);
}

static void every_algorithm_is_offered_in_order(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f), *at = f->sent;
	static const char *const names[] = { "algorithm=SHA-512-256", "algorithm=SHA-256",
		"algorithm=MD5" };

	assert_non_null(strstr(f->sent, "SIP/2.0 401 "));
	for (int i = 0; i < 3; i++) {
		at = strstr(at, "WWW-Authenticate: Digest realm=\"" REALM "\"");
		assert_non_null(at);
		at = strstr(at, names[i]);
		assert_non_null(at);
	}
	free(nonce);
}

static void every_algorithm_and_qop_is_accepted(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f);
	unsigned nc = 0;

	for (int d = 0; d < 3; d++)
		for (int q = DIGEST_QOP_NONE; q <= DIGEST_QOP_AUTH_INT; q++)
			assert_true(try(f,
				&(struct attempt){ .account = &f->bob,
					.nonce = nonce,
					.algorithm = d,
					.qop = q,
					.nc = ++nc }));
	free(nonce);
}

static void what_is_wrong_is_refused(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f);
	const struct attempt bad[] = {
		{ .password = "other" },
		{ .user = "alice" },
		{ .claims = "alice" },
		{ .uri = "sip:elsewhere.example.com" },
		{ .realm = "example.org" },
		{ .nonce = "00000000000000000000000000000000000000000000000000000000" },
		{ .nonce = "short" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct attempt a = bad[i];

		a.account = &f->bob;
		a.nonce = or (a.nonce, nonce);
		a.qop = DIGEST_QOP_AUTH;
		a.nc = 1;
		assert_false(try(f, &a));
		assert_non_null(strstr(f->sent, "SIP/2.0 401 "));
		assert_null(strstr(f->sent, "stale"));
	}
	free(nonce);
}

/* Everything but nonce and the tag made from the request is the same. */
static void unknown_users_look_like_wrong_passwords(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f), first[TEXT_MAX];
	struct attempt a = { .account = &f->bob,
		.nonce = nonce,
		.password = "wrong",
		.qop = DIGEST_QOP_AUTH,
		.nc = 1 };
	size_t n;

	assert_false(try(f, &a));
	memcpy(first, f->sent, sizeof(first));
	a.account = NULL;
	assert_false(try(f, &a));
	n = strlen(first);
	assert_int_equal(n, strlen(f->sent));
	for (char *p = strstr(first, "nonce=\""); p; p = strstr(p + 7, "nonce=\"")) {
		memset(p + 7, 'x', NONCE_CHARS);
		memset(f->sent + (p + 7 - first), 'x', NONCE_CHARS);
	}
	assert_memory_equal(first, f->sent, n);
	free(nonce);
}

static void an_unknown_user_never_gets_in(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f);
	struct account none = f->bob;

	assert_false(try(f, &(struct attempt){ .nonce = nonce, .qop = DIGEST_QOP_AUTH, .nc = 1 }));
	none.ha1[CRYPTO_MD5] = STR_NONE; /* no credentials of that kind */
	assert_false(try(f,
		&(struct attempt){
			.account = &none, .nonce = nonce, .qop = DIGEST_QOP_AUTH, .nc = 1 }));
	free(nonce);
}

static void counts_are_good_once(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f);
	struct attempt a = { .account = &f->bob, .nonce = nonce, .qop = DIGEST_QOP_AUTH };
	static const struct {
		unsigned nc;
		bool good;
	} steps[] = { { 0, false }, { 5, true }, { 5, false }, { 3, true }, { 3, false },
		{ 100, true }, { 36, false }, { 37, true }, { 101, true } };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		a.nc = steps[i].nc;
		assert_int_equal(try(f, &a), steps[i].good);
		assert_int_equal(strstr(f->sent, "stale=true") != NULL, !steps[i].good);
	}
	free(nonce);
}

static void a_nonce_grows_old(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f);
	struct attempt a = { .account = &f->bob, .nonce = nonce, .qop = DIGEST_QOP_AUTH, .nc = 1 };

	f->worker.clock.wall_ms += 60000;
	assert_true(try(f, &a));
	f->worker.clock.wall_ms += 1;
	a.nc = 2;
	assert_false(try(f, &a));
	assert_non_null(strstr(f->sent, "stale=true"));
	a.password = "wrong";
	assert_false(try(f, &a));
	assert_null(strstr(f->sent, "stale"));
	free(nonce);
}

/* At the limit the oldest nonce is forgotten, so that only its age protects it. */
static void remembered_nonces_have_a_limit(void **state)
{
	struct fixture *f = *state;
	char *nonces[5];

	for (int i = 0; i < 5; i++) {
		nonces[i] = challenged(f);
		assert_true(try(f,
			&(struct attempt){ .account = &f->bob,
				.nonce = nonces[i],
				.qop = DIGEST_QOP_AUTH,
				.nc = 1 }));
	}
	for (int i = 4; i > 0; i--)
		assert_false(try(f,
			&(struct attempt){ .account = &f->bob,
				.nonce = nonces[i],
				.qop = DIGEST_QOP_AUTH,
				.nc = 1 }));
	assert_true(try(f,
		&(struct attempt){
			.account = &f->bob, .nonce = nonces[0], .qop = DIGEST_QOP_AUTH, .nc = 1 }));
	for (int i = 0; i < 5; i++)
		free(nonces[i]);
}

/* Another worker, another node, the process after a restart: the key is all that they share. */
static void nonces_are_good_elsewhere(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f);

	auth_free(f->auth);
	f->auth = make_auth(f, 4);
	assert_true(try(f,
		&(struct attempt){
			.account = &f->bob, .nonce = nonce, .qop = DIGEST_QOP_AUTH, .nc = 1 }));
	free(nonce);
}

static void disabled_accounts_are_told_after_the_password(void **state)
{
	struct fixture *f = *state;
	char *nonce = challenged(f);
	struct attempt a = { .account = &f->bob,
		.nonce = nonce,
		.qop = DIGEST_QOP_AUTH,
		.nc = 1,
		.password = "wrong" };

	f->bob.disabled = true;
	assert_false(try(f, &a));
	assert_non_null(strstr(f->sent, "SIP/2.0 401 "));
	a.password = "secret";
	assert_false(try(f, &a));
	assert_non_null(strstr(f->sent, "SIP/2.0 403 "));
	free(nonce);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_algorithm_is_offered_in_order),
		TEST(every_algorithm_and_qop_is_accepted),
		TEST(what_is_wrong_is_refused),
		TEST(unknown_users_look_like_wrong_passwords),
		TEST(an_unknown_user_never_gets_in),
		TEST(counts_are_good_once),
		TEST(a_nonce_grows_old),
		TEST(remembered_nonces_have_a_limit),
		TEST(nonces_are_good_elsewhere),
		TEST(disabled_accounts_are_told_after_the_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
