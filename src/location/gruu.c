/* SPDX-License-Identifier: BSD-3-Clause */
#include "location/gruu.h"

#include <string.h>

#include "base/crypto.h"

#define PREFIX STR("tgruu.")
/* of a URI parameter (RFC 3261 25.1: paramchar) */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()[]/:&+$"

struct sealed { /* what a temporary one says; then the user */
	uint64_t instance, registration;
};

enum { SEALED_MAX = sizeof(struct sealed) + GRUU_USER_MAX + CRYPTO_SEAL_EXTRA };

/* Without the angle brackets that +sip.instance has, and gr has not (section 5.1). */
static struct str bare(struct str instance)
{
	if (instance.n >= 2 && instance.p[0] == '<' && instance.p[instance.n - 1] == '>')
		return str_make(instance.p + 1, instance.n - 2);
	return instance;
}

static void print_instance(struct buf *b, struct str instance)
{
	for (size_t i = 0; i < instance.n; i++) {
		char c = instance.p[i];

		if (c != '\0' && strchr(PLAIN, c))
			buf_char(b, c);
		else
			buf_printf(b, "%%%02X", (unsigned char)c);
	}
}

/* The same on every node, and in every process. */
static uint64_t mark(const uint8_t *key, struct str text)
{
	uint8_t mac[32];
	uint64_t mark;

	crypto_hmac_sha256(key, text, mac);
	memcpy(&mark, mac, sizeof(mark));
	return mark;
}

static struct str lower(struct str s, char *mem, size_t max)
{
	struct buf b = { .p = mem, .max = max };

	for (size_t i = 0; i < s.n; i++)
		buf_char(&b, (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]));
	return buf_str(&b);
}

/* A UUID's digits may be written either way (RFC 4122 section 3). */
static uint64_t instance_mark(const uint8_t *key, struct str instance)
{
	char mem[GRUU_BYTES_MAX];

	return mark(key, lower(bare(instance), mem, sizeof(mem)));
}

void gruu_print_public(struct buf *b, struct str user, struct str domain, const struct binding *of)
{
	if (!of->instance.n)
		return;
	buf_lit(b, "sip:");
	sip_escape_user(b, user);
	buf_char(b, '@');
	buf_add(b, domain);
	buf_lit(b, ";gr=");
	print_instance(b, bare(of->instance));
}

static struct str context(struct str domain, char mem[256])
{
	struct str name = lower(domain, mem + 5, 256 - 5);

	memcpy(mem, "gruu:", 5);
	return str_make(mem, 5 + name.n);
}

void gruu_print_temporary(struct buf *b, const uint8_t *key, struct str user, struct str domain,
	const struct binding *of)
{
	struct sealed head = { instance_mark(key, of->instance), mark(key, of->call_id) };
	char plain[sizeof(head) + GRUU_USER_MAX], hex[2 * SEALED_MAX + 1], mem[256];
	uint8_t sealed[SEALED_MAX];
	size_t n = sizeof(head) + user.n;

	if (!of->instance.n || user.n > GRUU_USER_MAX)
		return;
	memcpy(plain, &head, sizeof(head));
	memcpy(plain + sizeof(head), user.p, user.n);
	crypto_seal(key, context(domain, mem), str_make(plain, n), sealed);
	str_hex(sealed, n + CRYPTO_SEAL_EXTRA, hex);
	buf_lit(b, "sip:");
	buf_add(b, PREFIX);
	buf_add(b, str_make(hex, 2 * (n + CRYPTO_SEAL_EXTRA)));
	buf_char(b, '@');
	buf_add(b, domain);
	buf_lit(b, ";gr");
}

static void read_public(
	const uint8_t *key, const struct sip_uri *uri, struct str gr, struct gruu *out)
{
	char text[GRUU_BYTES_MAX];
	struct buf b = BUF_OF(text);

	if (sip_unescape(gr, &b))
		return;
	out->kind = GRUU_PUBLIC;
	out->user = uri->user;
	out->instance = instance_mark(key, buf_str(&b));
}

static void read_temporary(const uint8_t *key, const struct sip_uri *uri, struct gruu *out)
{
	char mem[256], plain[SEALED_MAX];
	uint8_t sealed[SEALED_MAX];
	struct sealed head;
	size_t n;

	if (str_unhex(str_from(uri->user, PREFIX.n), sealed, sizeof(sealed), &n) ||
		n < sizeof(head) + CRYPTO_SEAL_EXTRA ||
		crypto_open(key, context(uri->host, mem), str_make((char *)sealed, n),
			(uint8_t *)plain))
		return;
	n -= sizeof(head) + CRYPTO_SEAL_EXTRA;
	if (n > sizeof(out->text))
		return;
	memcpy(&head, plain, sizeof(head));
	memcpy(out->text, plain + sizeof(head), n);
	out->kind = GRUU_TEMPORARY;
	out->user = str_make(out->text, n);
	out->instance = head.instance;
	out->registration = head.registration;
}

void gruu_read(const uint8_t *key, const struct sip_uri *uri, struct gruu *out)
{
	struct str gr = sip_uri_param(uri, STR("gr"));

	out->kind = GRUU_NONE;
	out->user = uri->user;
	if (!gr.p)
		return;
	if (gr.n)
		read_public(key, uri, gr, out);
	else if (str_istarts(uri->user, PREFIX))
		read_temporary(key, uri, out);
}

bool gruu_names(const uint8_t *key, const struct gruu *g, const struct binding *b)
{
	return g->kind == GRUU_NONE ||
		(b->instance.n && instance_mark(key, b->instance) == g->instance &&
			(g->kind == GRUU_PUBLIC || mark(key, b->call_id) == g->registration));
}
