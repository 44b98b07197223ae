/* SPDX-License-Identifier: BSD-3-Clause */
/* The contexts: certificates, trust, tickets. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "transport/tls_int.h"

enum { TICKET_S = 43200, NAME_BYTES = 16, IV_BYTES = 16 };

void tls_error_text(struct buf *b)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	buf_add(b, str_of(reason ? reason : "OpenSSL does not say why"));
	ERR_clear_error();
}

static enum err complain(struct buf *why, struct str file, const char *what)
{
	buf_printf(why, "%.*s: %s: ", STR_ARG(file), what);
	tls_error_text(why);
	return ERR_CRYPTO;
}

/* ---- tickets (RFC 5077, RFC 8446 section 4.6.1) ---- */

struct ticket_keys {
	uint8_t name[NAME_BYTES], cipher[32], mac[32];
};

static void derive(const uint8_t *key, const char *what, uint64_t period, uint8_t out[32])
{
	char text[64];
	struct buf b = BUF_OF(text);

	buf_printf(&b, "tls ticket %s %llu", what, (unsigned long long)period);
	crypto_hmac_sha256(key, buf_str(&b), out);
}

static void ticket_keys(const uint8_t *key, uint64_t period, struct ticket_keys *out)
{
	uint8_t name[32];

	derive(key, "name", period, name);
	memcpy(out->name, name, NAME_BYTES);
	derive(key, "cipher", period, out->cipher);
	derive(key, "mac", period, out->mac);
}

static bool use_keys(const struct ticket_keys *k, uint8_t *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int seal)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_MAC_PARAM_KEY, (void *)k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv, seal) == 1 &&
		EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* 1: with these keys; 2: the same, and a new ticket is due; 0: not one of ours; -1: an error. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int seal)
{
	const struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct ticket_keys k;
	struct clock now;
	uint64_t period;

	clock_read(&now);
	period = (uint64_t)now.wall_ms / 1000 / TICKET_S;
	if (seal) {
		ticket_keys(t->key, period, &k);
		memcpy(name, k.name, NAME_BYTES);
		return RAND_bytes(iv, IV_BYTES) == 1 && use_keys(&k, iv, cipher, mac, 1) ? 1 : -1;
	}
	for (int age = 0; age < 2; age++) {
		ticket_keys(t->key, period - (uint64_t)age, &k);
		if (crypto_equal(name, k.name, NAME_BYTES))
			return use_keys(&k, iv, cipher, mac, 0) ? 1 + age : -1;
	}
	return 0;
}

/* ---- certificates ---- */

static int no_passphrase(char *out, int max, int writing, void *arg)
{
	return 0;
}

static BIO *text_bio(struct str text)
{
	return BIO_new_mem_buf(text.n ? text.p : "", (int)text.n);
}

/* The first certificate is its own, the others lead to the one who signed it. */
static bool use_chain(SSL_CTX *ctx, struct str pem)
{
	BIO *bio = text_bio(pem);
	X509 *x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	bool fine = x && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (fine && (x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		fine = SSL_CTX_add1_chain_cert(ctx, x) == 1;
		X509_free(x);
	}
	BIO_free(bio);
	if (fine)
		ERR_clear_error(); /* the end of the text is one for PEM_read */
	return fine;
}

static bool use_key(SSL_CTX *ctx, struct str pem)
{
	BIO *bio = text_bio(pem);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	bool fine = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return fine;
}

static enum err use_pair(SSL_CTX *ctx, const struct tls_pair *p, struct buf *why)
{
	if (!use_chain(ctx, p->chain))
		return complain(why, p->file, "no certificate can be read from it");
	if (!use_key(ctx, p->key.n ? p->key : p->chain))
		return complain(why, p->file, "no private key, without a passphrase, for it");
	return SSL_CTX_check_private_key(ctx) == 1
		? ERR_OK
		: complain(why, p->file, "the private key is of another certificate");
}

static enum err trust(SSL_CTX *ctx, struct str pem, const char *what, struct buf *why)
{
	BIO *bio = text_bio(pem);
	unsigned count = 0;
	X509 *x;

	while ((x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		count += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1;
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (count)
		return ERR_OK;
	buf_printf(why, "%s has no certificate in PEM", what);
	return ERR_CRYPTO;
}

/* ---- which of them ---- */

/* The name that the client asks for decides; a client that names none of ours gets the first. */
static int on_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_contexts *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	for (unsigned i = 0; name && i < c->count; i++)
		if (X509_check_host(SSL_CTX_get0_certificate(c->server[i]), name, 0, 0, NULL) ==
			1) {
			SSL_set_SSL_CTX(ssl, c->server[i]);
			break;
		}
	return SSL_TLSEXT_ERR_OK;
}

/* ---- contexts ---- */

static SSL_CTX *common(const SSL_METHOD *method, struct tls *t)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	BUG_ON(!ctx);
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

/*
 * A ticket is good under the rules of when it was given: it lets nobody in who would have to show a
 * certificate by now, or another one.
 */
static void set_session_context(SSL_CTX *ctx, const struct tls *t, const struct tls_settings *s)
{
	static const char *const modes[] = { "no", "ask", "require" };
	uint8_t ca[32], context[32];
	char text[32 + sizeof(ca)];
	struct buf b = BUF_OF(text);

	crypto_hmac_sha256(t->key, s->clients == TLS_CLIENTS_NO ? STR_NONE : s->client_ca, ca);
	buf_printf(&b, "tls clients %s ", modes[s->clients]);
	buf_add(&b, str_make((const char *)ca, sizeof(ca)));
	crypto_hmac_sha256(t->key, buf_str(&b), context);
	SSL_CTX_set_session_id_context(ctx, context, sizeof(context));
}

static enum err make_server(
	struct tls_contexts *c, const struct tls_settings *s, unsigned i, struct buf *why)
{
	SSL_CTX *ctx = c->server[i] = common(TLS_server_method(), c->tls);
	enum err e = use_pair(ctx, &s->pairs[i], why);
	int mode = s->clients == TLS_CLIENTS_REQUIRE
		? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
		: SSL_VERIFY_PEER;

	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	set_session_context(ctx, c->tls, s);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, c);
	if (e || s->clients == TLS_CLIENTS_NO)
		return e;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return trust(ctx, s->client_ca, "tls.client_ca", why);
}

static enum err make_client(struct tls_contexts *c, const struct tls_settings *s, struct buf *why)
{
	SSL_CTX *ctx = c->client = common(TLS_client_method(), c->tls);
	enum err e = ERR_OK;

	SSL_CTX_set_verify(
		ctx, s->verify == TLS_VERIFY_NO ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (s->count) /* for those who want to know who we are */
		e = use_pair(ctx, &s->pairs[0], why);
	if (!e && s->ca.n)
		e = trust(ctx, s->ca, "tls.ca", why);
	else if (!e)
		SSL_CTX_set_default_verify_paths(ctx);
	return e;
}

void tls_contexts_unref(struct tls_contexts *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < c->count; i++)
		SSL_CTX_free(c->server[i]);
	SSL_CTX_free(c->client);
	free(c);
}

static enum err make_contexts(
	struct tls *t, const struct tls_settings *s, struct tls_contexts **out, struct buf *why)
{
	struct tls_contexts *c = mem_new(struct tls_contexts);
	enum err e;

	c->refs = 1;
	c->tls = t;
	c->verify = s->verify;
	e = make_client(c, s, why);
	while (!e && c->count < s->count) {
		c->count++;
		e = make_server(c, s, c->count - 1, why);
	}
	if (e)
		tls_contexts_unref(c);
	else
		*out = c;
	return e;
}

struct tls_contexts *tls_contexts_ref(struct tls *t)
{
	struct tls_contexts *c;

	lock_take(&t->lock);
	c = t->now;
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	lock_give(&t->lock);
	return c;
}

enum err tls_new(
	const struct tls_settings *s, const uint8_t *key, struct tls **out, struct buf *why)
{
	struct tls *t = mem_new(struct tls);
	enum err e;

	lock_init(&t->lock);
	t->bio = tls_bio_method();
	memcpy(t->key, key, sizeof(t->key));
	e = make_contexts(t, s, &t->now, why);
	if (e)
		tls_free(t);
	else
		*out = t;
	return e;
}

enum err tls_reload(struct tls *t, const struct tls_settings *s, struct buf *why)
{
	struct tls_contexts *new, *old;
	enum err e = make_contexts(t, s, &new, why);

	if (e)
		return e;
	lock_take(&t->lock);
	old = t->now;
	t->now = new;
	lock_give(&t->lock);
	tls_contexts_unref(old);
	return ERR_OK;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	tls_contexts_unref(t->now);
	BIO_meth_free(t->bio);
	lock_fini(&t->lock);
	crypto_wipe(t->key, sizeof(t->key));
	free(t);
}
