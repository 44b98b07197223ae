/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/uri.h"
#include "base/addr.h"
#include "sip/chars.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool alpha(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

static bool alnum(char c)
{
	return alpha(c) || (c >= '0' && c <= '9');
}

/* Bytes that may stand nowhere in a URI (RFC 3986, appendix A). Escapes must be complete. */
static bool clean(struct str s)
{
	for (;;) {
		s = str_from(s, sip_span(s, SIP_URI_PLAIN));
		if (s.n == 0)
			return true;
		if (s.p[0] != '%' || s.n < 3 || hex_digit(s.p[1]) < 0 || hex_digit(s.p[2]) < 0)
			return false;
		s = str_from(s, 3);
	}
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
static enum err parse_scheme(struct str text, struct sip_uri *u)
{
	size_t n = str_find(text, ':');

	if (n == 0 || n == text.n || !alpha(text.p[0]) || sip_span(text, SIP_SCHEME) < n)
		return ERR_SYNTAX;
	u->scheme_s = str_first(text, n);
	if (str_ieq(u->scheme_s, STR("sip")))
		u->scheme = SIP_SCHEME_SIP;
	else if (str_ieq(u->scheme_s, STR("sips")))
		u->scheme = SIP_SCHEME_SIPS;
	else if (str_ieq(u->scheme_s, STR("tel")))
		u->scheme = SIP_SCHEME_TEL;
	return ERR_OK;
}

static bool valid_host(struct str host)
{
	struct addr a;

	if (host.n == 0)
		return false;
	if (host.p[0] == '[')
		return addr_parse_ip(host, 0, &a) == ERR_OK;
	return sip_span(host, SIP_HOST) == host.n;
}

/* hostport = host [ ":" port ] */
static enum err parse_hostport(struct str s, struct sip_uri *u)
{
	size_t bracket = s.n && s.p[0] == '[' ? str_find(s, ']') : 0;
	size_t colon = bracket + str_find(str_from(s, bracket), ':');
	uint32_t port = 0;

	u->host = str_first(s, colon);
	if (!valid_host(u->host))
		return ERR_SYNTAX;
	if (colon < s.n &&
		(str_u32(str_from(s, colon + 1), &port) || port == 0 || port > UINT16_MAX))
		return ERR_SYNTAX;
	u->port = (uint16_t)port;
	return ERR_OK;
}

/* userinfo = ( user / telephone-subscriber ) [ ":" password ] "@" */
static enum err parse_userinfo(struct str *rest, struct sip_uri *u)
{
	size_t at = str_find(*rest, '@');
	struct str info = str_first(*rest, at);
	size_t colon = str_find(info, ':');

	if (at == rest->n)
		return ERR_OK;
	if (at == 0 || colon == 0)
		return ERR_SYNTAX;
	u->user = str_first(info, colon);
	if (colon < info.n)
		u->password = str_from(info, colon + 1);
	*rest = str_from(*rest, at + 1);
	return ERR_OK;
}

/* sip:userinfo hostport uri-parameters [ headers ] (RFC 3261 25.1) */
static enum err parse_sip(struct str rest, struct sip_uri *u)
{
	size_t n;
	enum err e = parse_userinfo(&rest, u);

	if (e)
		return e;
	n = str_find(rest, '?');
	if (n < rest.n) {
		u->headers = str_from(rest, n + 1);
		rest = str_first(rest, n);
		if (u->headers.n == 0)
			return ERR_SYNTAX;
	}
	n = str_find(rest, ';');
	if (n < rest.n) {
		u->params = str_from(rest, n + 1);
		rest = str_first(rest, n);
	}
	return parse_hostport(rest, u);
}

/* tel:+1-201-555-0123;phone-context=… (RFC 3966 3) */
static enum err parse_tel(struct str rest, struct sip_uri *u)
{
	size_t n = str_find(rest, ';');

	u->user = str_first(rest, n);
	if (n < rest.n)
		u->params = str_from(rest, n + 1);
	if (u->user.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < u->user.n; i++)
		if (hex_digit(u->user.p[i]) < 0 && !memchr("+-.()*#", u->user.p[i], 7))
			return ERR_SYNTAX;
	return ERR_OK;
}

enum err sip_uri_parse(struct str text, struct sip_uri *u)
{
	struct str rest;
	enum err e;

	*u = (struct sip_uri){ .text = text };
	e = clean(text) ? parse_scheme(text, u) : ERR_SYNTAX;
	if (e)
		return e;
	rest = str_from(text, u->scheme_s.n + 1);
	switch (u->scheme) {
	case SIP_SCHEME_SIP:
	case SIP_SCHEME_SIPS:
		return parse_sip(rest, u);
	case SIP_SCHEME_TEL:
		return parse_tel(rest, u);
	default:
		u->opaque = rest;
		return rest.n ? ERR_OK : ERR_SYNTAX;
	}
}

static void print_tail(struct buf *b, const struct sip_uri *u)
{
	if (u->params.p) {
		buf_char(b, ';');
		buf_add(b, u->params);
	}
	if (u->headers.p) {
		buf_char(b, '?');
		buf_add(b, u->headers);
	}
}

void sip_uri_print(struct buf *b, const struct sip_uri *u)
{
	buf_add(b, u->scheme_s);
	buf_char(b, ':');
	if (u->scheme == SIP_SCHEME_OTHER) {
		buf_add(b, u->opaque);
		return;
	}
	buf_add(b, u->user);
	if (u->scheme != SIP_SCHEME_TEL) {
		if (u->password.p) {
			buf_char(b, ':');
			buf_add(b, u->password);
		}
		if (u->user.p)
			buf_char(b, '@');
		buf_add(b, u->host);
		if (u->port) {
			buf_char(b, ':');
			buf_u64(b, u->port);
		}
	}
	print_tail(b, u);
}

void sip_uri_print_aor(struct buf *b, const struct sip_uri *u)
{
	buf_add(b, u->user);
	if (u->user.p && u->scheme != SIP_SCHEME_TEL)
		buf_char(b, '@');
	buf_add(b, u->host);
}

uint16_t sip_uri_port(const struct sip_uri *u)
{
	if (u->port)
		return u->port;
	return u->scheme == SIP_SCHEME_SIPS ||
			str_ieq(sip_uri_param(u, STR("transport")), STR("tls"))
		? 5061
		: 5060;
}

/* ---- parameters ---- */

size_t sip_find_unquoted(struct str s, char c)
{
	size_t i = str_find(s, c);
	bool quoted = false;

	if (str_find(str_first(s, i), '"') == i)
		return i;
	for (i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == c && !quoted)
			return i;
	}
	return s.n;
}

bool sip_param_next(struct str *rest, char sep, struct str *name, struct str *value)
{
	struct str one;
	size_t i, eq;

	if (!rest->p)
		return false;
	i = sip_find_unquoted(*rest, sep);
	one = str_first(*rest, i);
	*rest = i < rest->n ? str_from(*rest, i + 1) : STR_NONE;
	eq = str_find(one, '=');
	*name = str_trim(str_first(one, eq));
	*value = eq < one.n ? str_trim(str_from(one, eq + 1)) : STR_NONE;
	return true;
}

struct str sip_param(struct str params, struct str name)
{
	struct str n, v;

	while (sip_param_next(&params, ';', &n, &v))
		if (str_ieq(n, name))
			return v.p ? v : STR("");
	return STR_NONE;
}

struct str sip_uri_param(const struct sip_uri *u, struct str name)
{
	return sip_param(u->params, name);
}

/* ---- escapes ---- */

/* The character at *s, unescaped when it is %XX; *escaped tells which. */
static unsigned char take_char(struct str *s, bool *escaped)
{
	unsigned char c = (unsigned char)s->p[0];

	*escaped = c == '%' && s->n >= 3 && hex_digit(s->p[1]) >= 0 && hex_digit(s->p[2]) >= 0;
	if (*escaped)
		c = (unsigned char)(hex_digit(s->p[1]) << 4 | hex_digit(s->p[2]));
	*s = str_from(*s, *escaped ? 3 : 1);
	return c;
}

enum err sip_unescape(struct str s, struct buf *out)
{
	while (s.n) {
		bool escaped, percent = s.p[0] == '%';
		char c = (char)take_char(&s, &escaped);

		if (percent && !escaped)
			return ERR_SYNTAX;
		buf_char(out, c);
	}
	return buf_ok(out) ? ERR_OK : ERR_FULL;
}

/* user = 1*( unreserved / escaped / user-unreserved ) */
void sip_escape_user(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (alnum(c) || (c && strchr("-_.!~*'()&=+$,;?/", c)))
			buf_char(b, c);
		else
			buf_printf(b, "%%%02X", (unsigned char)c);
	}
}

/* ---- comparison, RFC 3261 19.1.4 ---- */

static unsigned char fold(unsigned char c, bool ignore_case)
{
	return ignore_case && c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Escaped reserved characters differ from bare ones; all other escapes equal what they stand for.
 */
static bool same_text(struct str a, struct str b, bool ignore_case)
{
	while (a.n && b.n) {
		bool ea, eb;
		unsigned char ca = take_char(&a, &ea), cb = take_char(&b, &eb);

		if (fold(ca, ignore_case) != fold(cb, ignore_case))
			return false;
		if (ea != eb && ca && strchr(";/?:@&=+$,", ca))
			return false;
	}
	return a.n == b.n;
}

/* These must be in both or in neither, whatever their value (first three: differ from absent). */
static bool must_match(struct str name)
{
	static const struct str names[] = { { "user", 4 }, { "ttl", 3 }, { "method", 6 },
		{ "maddr", 5 }, { "transport", 9 } };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(name, names[i]))
			return true;
	return false;
}

/* A name that stands twice counts with its first value. */
static bool params_agree(struct str a, struct str b)
{
	struct str rest = a, name, value, other;

	while (sip_param_next(&rest, ';', &name, &value)) {
		value = sip_param(a, name);
		other = sip_param(b, name);
		if (!other.p) {
			if (must_match(name))
				return false;
		} else if (!same_text(value, other, true)) {
			return false;
		}
	}
	return true;
}

static unsigned count_headers(struct str h)
{
	struct str n, v;
	unsigned count = 0;

	while (sip_param_next(&h, '&', &n, &v))
		count++;
	return count;
}

/* Every header of a stands in b with the same value; the order does not matter. */
static bool headers_agree(struct str a, struct str b)
{
	struct str name, value;

	if (count_headers(a) != count_headers(b))
		return false;
	while (sip_param_next(&a, '&', &name, &value)) {
		struct str rest = b, n, v;
		bool found = false;

		while (!found && sip_param_next(&rest, '&', &n, &v))
			found = same_text(name, n, true) && same_text(value, v, true);
		if (!found)
			return false;
	}
	return true;
}

/* RFC 3966 5: visual separators do not count. */
static bool same_number(struct str a, struct str b)
{
	for (;;) {
		while (a.n && memchr("-.()", a.p[0], 4))
			a = str_from(a, 1);
		while (b.n && memchr("-.()", b.p[0], 4))
			b = str_from(b, 1);
		if (!a.n || !b.n)
			return a.n == b.n;
		if (fold((unsigned char)a.p[0], true) != fold((unsigned char)b.p[0], true))
			return false;
		a = str_from(a, 1);
		b = str_from(b, 1);
	}
}

static bool same_host(struct str a, struct str b)
{
	struct addr x, y;

	if (str_ieq(a, b))
		return true;
	return a.n && b.n && a.p[0] == '[' && b.p[0] == '[' && !addr_parse_ip(a, 0, &x) &&
		!addr_parse_ip(b, 0, &y) && addr_ip_eq(&x, &y);
}

static bool same_tel(const struct sip_uri *a, const struct sip_uri *b)
{
	unsigned na = 0, nb = 0;
	struct str name, value;

	for (struct str r = a->params; sip_param_next(&r, ';', &name, &value);)
		na++;
	for (struct str r = b->params; sip_param_next(&r, ';', &name, &value);)
		nb++;
	return na == nb && same_number(a->user, b->user) && params_agree(a->params, b->params);
}

bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->scheme != b->scheme)
		return false;
	if (a->scheme == SIP_SCHEME_OTHER)
		return str_ieq(a->scheme_s, b->scheme_s) && str_eq(a->opaque, b->opaque);
	if (a->scheme == SIP_SCHEME_TEL)
		return same_tel(a, b);
	return !a->user.p == !b->user.p && same_text(a->user, b->user, false) &&
		!a->password.p == !b->password.p && same_text(a->password, b->password, false) &&
		same_host(a->host, b->host) && a->port == b->port &&
		params_agree(a->params, b->params) && params_agree(b->params, a->params) &&
		headers_agree(a->headers, b->headers);
}
