/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS (RFC 8446, RFC 5246) for stream connections: contexts that all workers share and that are
 * replaced while connections go on, and sessions, which turn bytes into bytes and know no sockets.
 *
 * As a server: a certificate a domain, chosen by the name that the client asks for (RFC 6066
 * section 3), the first one for all others; session tickets that every worker and node takes, under
 * keys that follow from the cluster's and change twice a day. As a client: the other side's
 * certificate must be for the SIP domain that was asked for (RFC 5922).
 */
#ifndef TRANSPORT_TLS_H
#define TRANSPORT_TLS_H

#include "base/buf.h"

enum { TLS_PAIRS_MAX = 64, TLS_NAME_MAX = 255, TLS_WHY_MAX = 256 };

struct tls_pair { /* PEM texts */
	struct str file; /* for people */
	struct str chain; /* its own certificate first */
	struct str key; /* empty: it stands in the chain's text */
};

enum tls_clients { TLS_CLIENTS_NO, TLS_CLIENTS_ASK, TLS_CLIENTS_REQUIRE };
enum tls_verify {
	TLS_VERIFY_YES, /* RFC 5922: names are compared whole */
	TLS_VERIFY_WILDCARDS, /* "*.example.com" counts, too, which RFC 5922 7.2 forbids */
	TLS_VERIFY_NO,
};

struct tls_settings {
	struct tls_pair pairs[TLS_PAIRS_MAX];
	unsigned count; /* 0: a client only */
	enum tls_clients clients; /* certificates of those who connect to us */
	struct str client_ca; /* PEM: who must have signed them */
	enum tls_verify verify; /* of those whom we connect to */
	struct str ca; /* PEM: who may have signed theirs; empty: the system's list */
};

struct tls;

/* ERR_SYNTAX, ERR_CRYPTO: `why` says which file, and what is wrong. key: the cluster's, 32 bytes.
 */
MUST_USE enum err tls_new(
	const struct tls_settings *s, const uint8_t *key, struct tls **out, struct buf *why);
/* What begins from now on is under the new settings; on an error all stays as it is. Any thread. */
MUST_USE enum err tls_reload(struct tls *t, const struct tls_settings *s, struct buf *why);
void tls_free(struct tls *t); /* after its sessions; NULL is fine */

/* ---- sessions: one thread each ---- */

struct tls_session;

struct tls_session *tls_accept(struct tls *t);
/* name: the SIP domain, or address, that it must be. */
struct tls_session *tls_connect(struct tls *t, struct str name);
void tls_session_free(struct tls_session *s); /* NULL is fine */

/* Bytes that arrived, borrowed until all is read (tls_read gives nothing more). An error ends it.
 */
MUST_USE enum err tls_feed(struct tls_session *s, struct str bytes);
bool tls_ready(const struct tls_session *s); /* the handshake is done, the other side is known */
/* What they say; *n 0: nothing more for now. ERR_CLOSED: the other side said good-bye. */
MUST_USE enum err tls_read(struct tls_session *s, char *out, size_t max, size_t *n);
MUST_USE enum err tls_write(struct tls_session *s, struct str bytes); /* once it is ready */
void tls_close(struct tls_session *s); /* says good-bye */
/* What is to be sent, after each of the above. */
struct str tls_output(const struct tls_session *s);
void tls_output_sent(struct tls_session *s);
struct str tls_why(const struct tls_session *s); /* what went wrong, in words */
struct str tls_name(const struct tls_session *s); /* whom tls_connect was for */

/* The client showed a certificate, and it is that domain's. Once it is ready. */
bool tls_peer_is(const struct tls_session *s, struct str domain);

/*
 * Is the certificate (of type X509) one of that SIP domain (RFC 5922 section 7)? Else *why says
 * whose it is.
 */
bool tls_is_domain(void *certificate, struct str domain, bool wildcards, struct buf *why);

#endif
