/* SPDX-License-Identifier: BSD-3-Clause */
#include "certs.h"

#include <stdlib.h>

/* clang-format off */
#define ERR_STATE openssl_err_state
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#undef ERR_STATE
/* clang-format on */

#include "base/arena.h"

enum { DAY_S = 86400 };

struct signer {
	EVP_PKEY *key;
	X509 *x;
	char *pem;
	long serial;
};

static char *text_of(BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);
	char *text = str_dup(str_make(p, (size_t)n));

	BIO_free(b);
	return text;
}

static char *pem_of(X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());

	BUG_ON(PEM_write_bio_X509(b, x) != 1);
	return text_of(b);
}

static void extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	BUG_ON(!e || X509_add_ext(x, e, -1) != 1);
	X509_EXTENSION_free(e);
}

static X509 *blank(EVP_PKEY *key, const char *name, long serial, int days)
{
	X509 *x = X509_new();

	BUG_ON(X509_set_version(x, X509_VERSION_3) != 1 ||
		ASN1_INTEGER_set(X509_get_serialNumber(x), serial) != 1 ||
		!X509_gmtime_adj(X509_getm_notBefore(x), -30L * DAY_S) ||
		!X509_gmtime_adj(X509_getm_notAfter(x), (long)days * DAY_S) ||
		X509_set_pubkey(x, key) != 1 ||
		X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
			(const unsigned char *)name, -1, -1, 0) != 1);
	return x;
}

struct signer *signer_new(const char *name)
{
	struct signer *s = mem_new(struct signer);

	s->key = EVP_EC_gen("P-256");
	s->x = blank(s->key, name, 1, 365);
	s->serial = 1;
	X509_set_issuer_name(s->x, X509_get_subject_name(s->x));
	extend(s->x, NID_basic_constraints, "critical,CA:TRUE");
	extend(s->x, NID_key_usage, "keyCertSign");
	BUG_ON(!X509_sign(s->x, s->key, EVP_sha256()));
	s->pem = pem_of(s->x);
	return s;
}

void signer_free(struct signer *s)
{
	EVP_PKEY_free(s->key);
	X509_free(s->x);
	free(s->pem);
	free(s);
}

const char *signer_pem(const struct signer *s)
{
	return s->pem;
}

struct cert cert_new(struct signer *s, const char *names, int days)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = blank(key, "nobody.test", ++s->serial, days);
	BIO *b = BIO_new(BIO_s_mem());
	struct cert c;

	X509_set_issuer_name(x, X509_get_subject_name(s->x));
	if (names)
		extend(x, NID_subject_alt_name, names);
	BUG_ON(!X509_sign(x, s->key, EVP_sha256()));
	BUG_ON(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) != 1);
	c = (struct cert){ .chain = pem_of(x), .key = text_of(b) };
	X509_free(x);
	EVP_PKEY_free(key);
	return c;
}

void cert_free(struct cert *c)
{
	free(c->chain);
	free(c->key);
}

void *cert_x509(const struct cert *c)
{
	BIO *b = BIO_new_mem_buf(c->chain, -1);
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

	BIO_free(b);
	BUG_ON(!x);
	return x;
}

void cert_x509_free(void *x509)
{
	X509_free(x509);
}
