/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One TLS connection as bytes in and bytes out. Between two records it holds no buffer of its own:
 * what arrives is read in place, what is to go out is taken at once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/arena.h"
#include "transport/tls_int.h"

struct tls_session {
	SSL *ssl;
	struct tls_contexts *contexts;
	struct str in; /* arrived, and not read yet; borrowed */
	char *out; /* to be sent */
	size_t out_n, out_room;
	bool client, ready, said_bye;
	char *name;
	char why[TLS_WHY_MAX];
};

/* ---- the BIO ---- */

static int bio_read(BIO *b, char *out, size_t max, size_t *n)
{
	struct tls_session *s = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	*n = s->in.n < max ? s->in.n : max;
	if (*n == 0) {
		BIO_set_retry_read(b);
		return 0;
	}
	memcpy(out, s->in.p, *n);
	s->in = str_from(s->in, *n);
	return 1;
}

static int bio_write(BIO *b, const char *bytes, size_t n, size_t *written)
{
	struct tls_session *s = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (s->out_room - s->out_n < n) {
		s->out_room = s->out_n + n;
		s->out = mem_grow(s->out, s->out_room);
	}
	memcpy(s->out + s->out_n, bytes, n);
	s->out_n += n;
	*written = n;
	return 1;
}

static long bio_ctrl(BIO *b, int what, long number, void *pointer)
{
	return what == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

BIO_METHOD *tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "tandem");

	BUG_ON(!m || !BIO_meth_set_read_ex(m, bio_read) || !BIO_meth_set_write_ex(m, bio_write) ||
		!BIO_meth_set_ctrl(m, bio_ctrl) || !BIO_meth_set_create(m, bio_create));
	return m;
}

/* ---- life ---- */

static struct tls_session *session_new(struct tls *t, bool client)
{
	struct tls_session *s = mem_new(struct tls_session);
	BIO *bio;

	s->contexts = tls_contexts_ref(t);
	s->client = client;
	if (!client && s->contexts->count == 0) {
		tls_session_free(s);
		return NULL;
	}
	s->ssl = SSL_new(client ? s->contexts->client : s->contexts->server[0]);
	bio = BIO_new(t->bio);
	BUG_ON(!s->ssl || !bio);
	BIO_set_data(bio, s);
	SSL_set_bio(s->ssl, bio, bio);
	return s;
}

struct tls_session *tls_accept(struct tls *t)
{
	struct tls_session *s = session_new(t, false);

	if (s)
		SSL_set_accept_state(s->ssl);
	return s;
}

struct tls_session *tls_connect(struct tls *t, struct str name)
{
	struct tls_session *s = session_new(t, true);
	struct addr a;

	s->name = str_dup(str_first(name, TLS_NAME_MAX));
	if (addr_parse_ip(name, 0, &a))
		SSL_set_tlsext_host_name(s->ssl, s->name);
	SSL_set_connect_state(s->ssl);
	return s;
}

void tls_session_free(struct tls_session *s)
{
	if (!s)
		return;
	SSL_free(s->ssl);
	tls_contexts_unref(s->contexts);
	free(s->name);
	free(s->out);
	free(s);
}

/* ---- who the other side is (RFC 5922 section 7) ---- */

static struct str asn1_text(const ASN1_STRING *a)
{
	return str_make((const char *)ASN1_STRING_get0_data(a), (size_t)ASN1_STRING_length(a));
}

/* "sip:example.com": the domain; a URI with a user names somebody and no domain. */
static struct str domain_of(const GENERAL_NAME *g)
{
	struct str uri = asn1_text(g->d.uniformResourceIdentifier), host;

	if (!str_istarts(uri, STR("sip:")))
		return STR_NONE;
	host = str_from(uri, 4);
	host = str_first(host, str_find(host, ';'));
	return str_find(host, '@') < host.n ? STR_NONE : host;
}

static bool dns_matches(struct str pattern, struct str domain, bool wildcards)
{
	size_t dot = str_find(domain, '.');

	if (str_ieq(pattern, domain))
		return true;
	return wildcards && str_starts(pattern, STR("*.")) && dot < domain.n &&
		str_ieq(str_from(pattern, 1), str_from(domain, dot));
}

static void add_name(struct buf *b, struct str name)
{
	if (b->n)
		buf_lit(b, ", ");
	buf_add(b, name);
}

/* uris: are there SIP domains, which alone count then? */
static bool any_matches(
	GENERAL_NAMES *names, struct str domain, bool uris, bool wildcards, struct buf *found)
{
	bool match = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		struct str name = STR_NONE;

		if (uris && g->type == GEN_URI)
			name = domain_of(g);
		else if (!uris && g->type == GEN_DNS)
			name = asn1_text(g->d.dNSName);
		if (!name.n)
			continue;
		add_name(found, name);
		match = match || dns_matches(name, domain, wildcards && !uris);
	}
	return match;
}

bool tls_is_domain(void *certificate, struct str domain, bool wildcards, struct buf *why)
{
	char text[TLS_WHY_MAX / 2], mem[TLS_NAME_MAX + 1];
	struct buf found = BUF_OF(text);
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool match;

	if (!str_copy(domain, mem, sizeof(mem)) && X509_check_ip_asc(certificate, mem, 0) == 1) {
		GENERAL_NAMES_free(names);
		return true;
	}
	match = any_matches(names, domain, true, wildcards, &found);
	if (!match && found.n == 0)
		match = any_matches(names, domain, false, wildcards, &found);
	GENERAL_NAMES_free(names);
	if (!match)
		buf_printf(why, "the certificate is for %.*s, not for %.*s",
			found.n ? (int)found.n : 6, found.n ? text : "nobody", STR_ARG(domain));
	return match;
}

static enum err check_peer(struct tls_session *s)
{
	struct buf why = { .p = s->why, .max = sizeof(s->why) - 1 };
	X509 *x;
	bool fine;

	if (!s->client || s->contexts->verify == TLS_VERIFY_NO)
		return ERR_OK;
	x = SSL_get1_peer_certificate(s->ssl);
	fine = x &&
		tls_is_domain(
			x, str_of(s->name), s->contexts->verify == TLS_VERIFY_WILDCARDS, &why);
	X509_free(x);
	return fine ? ERR_OK : ERR_CRYPTO;
}

bool tls_peer_is(const struct tls_session *s, struct str domain)
{
	char text[TLS_WHY_MAX];
	struct buf why = BUF_OF(text);
	X509 *x = s->ready ? SSL_get1_peer_certificate(s->ssl) : NULL;
	bool is = x && SSL_get_verify_result(s->ssl) == X509_V_OK &&
		tls_is_domain(x, domain, false, &why);

	X509_free(x);
	return is;
}

/* ---- bytes ---- */

static enum err explain(struct tls_session *s)
{
	struct buf b = { .p = s->why, .max = sizeof(s->why) - 1 };
	long verified = SSL_get_verify_result(s->ssl);

	if (verified != X509_V_OK) {
		buf_printf(&b, "the certificate is refused: %s",
			X509_verify_cert_error_string(verified));
		ERR_clear_error();
	} else {
		tls_error_text(&b);
	}
	return ERR_CRYPTO;
}

/* OK: it goes on, if perhaps only with more bytes. */
static enum err after(struct tls_session *s, int rc)
{
	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_NONE:
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return ERR_OK;
	case SSL_ERROR_ZERO_RETURN:
		return ERR_CLOSED;
	default:
		return explain(s);
	}
}

enum err tls_feed(struct tls_session *s, struct str bytes)
{
	int rc;
	enum err e;

	s->in = bytes;
	if (s->ready)
		return ERR_OK;
	ERR_clear_error();
	rc = SSL_do_handshake(s->ssl);
	e = after(s, rc);
	if (e || rc != 1)
		return e;
	e = check_peer(s);
	s->ready = !e;
	return e;
}

bool tls_ready(const struct tls_session *s)
{
	return s->ready;
}

enum err tls_read(struct tls_session *s, char *out, size_t max, size_t *n)
{
	int rc;

	ERR_clear_error();
	*n = 0;
	rc = SSL_read_ex(s->ssl, out, max, n);
	return rc == 1 ? ERR_OK : after(s, rc);
}

enum err tls_write(struct tls_session *s, struct str bytes)
{
	ERR_clear_error();
	while (bytes.n) {
		size_t n = 0;
		int rc = SSL_write_ex(s->ssl, bytes.p, bytes.n, &n);

		if (rc != 1)
			return explain(s);
		bytes = str_from(bytes, n);
	}
	return ERR_OK;
}

void tls_close(struct tls_session *s)
{
	if (!s->ready || s->said_bye)
		return;
	s->said_bye = true;
	SSL_shutdown(s->ssl);
	ERR_clear_error();
}

struct str tls_output(const struct tls_session *s)
{
	return str_make(s->out, s->out_n);
}

void tls_output_sent(struct tls_session *s)
{
	free(s->out);
	s->out = NULL;
	s->out_n = s->out_room = 0;
}

struct str tls_why(const struct tls_session *s)
{
	return str_of(s->why);
}

struct str tls_name(const struct tls_session *s)
{
	return s->name ? str_of(s->name) : STR_NONE;
}
