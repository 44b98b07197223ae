/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates made for a test: somebody who signs, and who is signed. PEM texts on the heap. */
#ifndef TEST_TRANSPORT_CERTS_H
#define TEST_TRANSPORT_CERTS_H

#include "base/str.h"

struct signer;

struct signer *signer_new(const char *name);
void signer_free(struct signer *s);
const char *signer_pem(const struct signer *s);

struct cert {
	char *chain, *key;
};

/*
 * names: "DNS:a.test,URI:sip:a.test", or NULL for none. days: from now until it expires; less than
 * 0: it has.
 */
struct cert cert_new(struct signer *s, const char *names, int days);
void cert_free(struct cert *c);
/* The same as an X509, to be freed by cert_x509_free. */
void *cert_x509(const struct cert *c);
void cert_x509_free(void *x509);

#endif
