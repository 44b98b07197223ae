/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/digest.h"
#include <stddef.h>

#include "sip/chars.h"
#include "sip/header.h"
#include "sip/uri.h"

struct str digest_algorithm_name(enum crypto_digest d)
{
	return d == CRYPTO_MD5       ? STR("MD5")
		: d == CRYPTO_SHA256 ? STR("SHA-256")
				     : STR("SHA-512-256");
}

enum err digest_algorithm_parse(struct str name, enum crypto_digest *out)
{
	for (int d = CRYPTO_MD5; d <= CRYPTO_SHA512_256; d++) {
		if (str_ieq(name, digest_algorithm_name(d))) {
			*out = d;
			return ERR_OK;
		}
	}
	return ERR_UNSUPPORTED;
}

/* Cuts "Digest" and the blanks behind it off the value. */
static enum err take_scheme(struct str *rest)
{
	size_t n;

	*rest = str_trim(*rest);
	n = sip_find(*rest, SIP_BLANK);
	if (!str_ieq(str_first(*rest, n), STR("Digest")))
		return n ? ERR_UNSUPPORTED : ERR_SYNTAX;
	*rest = str_trim(str_from(*rest, n));
	return ERR_OK;
}

/* Without quotes around it: no quote that is not escaped, no escape of nothing. */
static bool plain_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			return false;
		if (s.p[i] == '\\' && ++i == s.n)
			return false;
	}
	return true;
}

/* name = value or name = "value", comma separated; the quotes are taken off. */
static enum err next_pair(struct str *rest, struct str *name, struct str *value)
{
	struct str one;
	size_t eq;

	do {
		if (!sip_list_next(rest, &one))
			return ERR_NOT_FOUND;
	} while (one.n == 0); /* empty elements are tolerated */
	eq = str_find(one, '=');
	if (eq == 0 || eq == one.n)
		return ERR_SYNTAX;
	*name = str_trim(str_first(one, eq));
	*value = str_trim(str_from(one, eq + 1));
	if (value->n == 0 || value->p[0] != '"')
		return plain_value(*value) ? ERR_OK : ERR_SYNTAX;
	if (sip_quoted_length(*value) != value->n)
		return ERR_SYNTAX;
	*value = str_make(value->p + 1, value->n - 2);
	return ERR_OK;
}

static void set_algorithm(struct str name, enum crypto_digest *d, bool *known)
{
	*known = digest_algorithm_parse(name, d) == ERR_OK;
}

enum err digest_challenge_parse(struct str text, struct digest_challenge *out)
{
	struct str rest = text, name, value;
	enum err e = take_scheme(&rest);

	*out = (struct digest_challenge){ .algorithm = CRYPTO_MD5, .algorithm_known = true };
	if (e)
		return e;
	while (!(e = next_pair(&rest, &name, &value))) {
		if (str_ieq(name, STR("realm"))) {
			out->realm = value;
		} else if (str_ieq(name, STR("nonce"))) {
			out->nonce = value;
		} else if (str_ieq(name, STR("opaque"))) {
			out->opaque = value;
		} else if (str_ieq(name, STR("domain"))) {
			out->domain = value;
		} else if (str_ieq(name, STR("stale"))) {
			out->stale = str_ieq(value, STR("true"));
		} else if (str_ieq(name, STR("userhash"))) {
			out->userhash = str_ieq(value, STR("true"));
		} else if (str_ieq(name, STR("algorithm"))) {
			out->algorithm_given = true;
			set_algorithm(value, &out->algorithm, &out->algorithm_known);
		} else if (str_ieq(name, STR("qop"))) {
			out->qop_given = true;
			out->qop_auth = sip_list_has(value, STR("auth"));
			out->qop_auth_int = sip_list_has(value, STR("auth-int"));
		}
	}
	if (e != ERR_NOT_FOUND)
		return e;
	return out->realm.p && out->nonce.p ? ERR_OK : ERR_SYNTAX;
}

static enum err parse_nc(struct str text, uint32_t *nc)
{
	uint32_t v = 0;

	if (text.n == 0 || text.n > 8)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		uint32_t d;

		if (c >= '0' && c <= '9')
			d = (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			d = (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return ERR_SYNTAX;
		v = v << 4 | d;
	}
	*nc = v;
	return ERR_OK;
}

static enum err parse_qop(struct str value, enum digest_qop *out)
{
	if (str_ieq(value, STR("auth")))
		*out = DIGEST_QOP_AUTH;
	else if (str_ieq(value, STR("auth-int")))
		*out = DIGEST_QOP_AUTH_INT;
	else
		return ERR_UNSUPPORTED;
	return ERR_OK;
}

static enum err response_field(struct digest_response *out, struct str name, struct str value)
{
#define FIELD(name, member)                                                                        \
	{                                                                                          \
		{ name, sizeof(name) - 1 }, offsetof(struct digest_response, member)               \
	}
	static const struct {
		struct str name;
		size_t at;
	} plain[] = {
		FIELD("username", username),
		FIELD("realm", realm),
		FIELD("nonce", nonce),
		FIELD("uri", uri),
		FIELD("response", response),
		FIELD("cnonce", cnonce),
		FIELD("opaque", opaque),
		FIELD("nc", nc_text),
	};
#undef FIELD

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (str_ieq(name, plain[i].name)) {
			*(struct str *)((char *)out + plain[i].at) = value;
			return ERR_OK;
		}
	}
	if (str_ieq(name, STR("algorithm")))
		set_algorithm(value, &out->algorithm, &out->algorithm_known);
	else if (str_ieq(name, STR("qop")))
		return parse_qop(value, &out->qop);
	return ERR_OK;
}

enum err digest_response_parse(struct str text, struct digest_response *out)
{
	struct str rest = text, name, value;
	enum err e = take_scheme(&rest);

	*out = (struct digest_response){ .algorithm = CRYPTO_MD5, .algorithm_known = true };
	if (e)
		return e;
	while (!(e = next_pair(&rest, &name, &value))) {
		e = response_field(out, name, value);
		if (e)
			return e;
	}
	if (e != ERR_NOT_FOUND)
		return e;
	if (!out->username.p || !out->realm.p || !out->nonce.p || !out->uri.p || !out->response.n)
		return ERR_SYNTAX;
	if (out->qop == DIGEST_QOP_NONE)
		return ERR_OK;
	return out->cnonce.p ? parse_nc(out->nc_text, &out->nc) : ERR_SYNTAX;
}

/* ---- arithmetic (RFC 7616 3.4) ---- */

static void hex_digest(enum crypto_digest d, const struct str *parts, size_t n, char *out)
{
	uint8_t raw[CRYPTO_DIGEST_MAX];

	crypto_digest(d, parts, n, raw);
	str_hex(raw, crypto_digest_bytes(d), out);
}

void digest_ha1(enum crypto_digest d, struct str user, struct str realm, struct str password,
	char out[DIGEST_HEX_MAX])
{
	const struct str parts[] = { user, STR(":"), realm, STR(":"), password };

	hex_digest(d, parts, 5, out);
}

static void digest_ha2(const struct digest_input *in, char out[DIGEST_HEX_MAX])
{
	char body[DIGEST_HEX_MAX];
	struct str parts[] = { in->method, STR(":"), in->uri, STR(":"), STR_NONE };

	if (in->qop != DIGEST_QOP_AUTH_INT) {
		hex_digest(in->algorithm, parts, 3, out);
		return;
	}
	hex_digest(in->algorithm, &in->body, 1, body);
	parts[4] = str_of(body);
	hex_digest(in->algorithm, parts, 5, out);
}

void digest_compute(const struct digest_input *in, char out[DIGEST_HEX_MAX])
{
	char ha2[DIGEST_HEX_MAX];
	struct str colon = STR(":");

	digest_ha2(in, ha2);
	if (in->qop == DIGEST_QOP_NONE) {
		const struct str parts[] = { in->ha1, colon, in->nonce, colon, str_of(ha2) };

		hex_digest(in->algorithm, parts, 5, out);
	} else {
		const struct str parts[] = { in->ha1, colon, in->nonce, colon, in->nc_text, colon,
			in->cnonce, colon,
			in->qop == DIGEST_QOP_AUTH ? STR("auth") : STR("auth-int"), colon,
			str_of(ha2) };

		hex_digest(in->algorithm, parts, 11, out);
	}
}

/* ---- answering a challenge ---- */

static void quoted(struct buf *b, const char *name, struct str value)
{
	buf_add(b, str_of(name));
	buf_lit(b, "=\"");
	buf_add(b, value);
	buf_char(b, '"');
}

static enum err own_ha1(const struct digest_challenge *c, const struct digest_credentials *cred,
	char out[DIGEST_HEX_MAX])
{
	struct str known = cred->ha1[c->algorithm];

	if (known.n)
		return str_copy(known, out, DIGEST_HEX_MAX);
	if (!cred->password.p)
		return ERR_UNSUPPORTED;
	digest_ha1(c->algorithm, cred->username, c->realm, cred->password, out);
	return ERR_OK;
}

enum err digest_answer(struct buf *b, const struct digest_challenge *c,
	const struct digest_credentials *cred, struct str method, struct str uri, struct str body,
	struct str cnonce, uint32_t nc)
{
	char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX], nc_text[9];
	struct buf ncb = BUF_OF(nc_text);
	struct digest_input in = { .algorithm = c->algorithm,
		.method = method,
		.uri = uri,
		.nonce = c->nonce,
		.cnonce = cnonce,
		.body = body };

	if (!c->algorithm_known || (c->qop_given && !c->qop_auth && !c->qop_auth_int))
		return ERR_UNSUPPORTED;
	if (own_ha1(c, cred, ha1))
		return ERR_UNSUPPORTED;
	if (c->qop_given)
		in.qop = c->qop_auth ? DIGEST_QOP_AUTH : DIGEST_QOP_AUTH_INT;
	buf_printf(&ncb, "%08x", nc);
	in.nc_text = buf_str(&ncb);
	in.ha1 = str_of(ha1);
	digest_compute(&in, response);

	quoted(b, "Digest username", cred->username);
	quoted(b, ", realm", c->realm);
	quoted(b, ", nonce", c->nonce);
	quoted(b, ", uri", uri);
	quoted(b, ", response", str_of(response));
	if (c->algorithm_given) {
		buf_lit(b, ", algorithm=");
		buf_add(b, digest_algorithm_name(c->algorithm));
	}
	if (c->opaque.p)
		quoted(b, ", opaque", c->opaque);
	if (in.qop != DIGEST_QOP_NONE) {
		buf_add(b, in.qop == DIGEST_QOP_AUTH ? STR(", qop=auth") : STR(", qop=auth-int"));
		quoted(b, ", cnonce", cnonce);
		buf_lit(b, ", nc=");
		buf_add(b, in.nc_text);
	}
	return buf_ok(b) ? ERR_OK : ERR_FULL;
}
