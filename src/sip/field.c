/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/field.h"
#include "sip/chars.h"
#include "sip/header.h"

static bool is_token(struct str s)
{
	return s.n && sip_span(s, SIP_TOKEN) == s.n;
}

static struct str skip_blanks(struct str s)
{
	return str_from(s, sip_span(s, SIP_BLANK));
}

/* generic-param: the name is a token, the value a token, host or quoted string. */
static bool valid_param(struct str name, struct str value)
{
	if (!is_token(name))
		return false;
	return value.n == 0 || value.p[0] != '"' || (value.n >= 2 && value.p[value.n - 1] == '"');
}

/* Rest after the main part: nothing, or ";params". */
static enum err find_params(struct str rest, struct str *params)
{
	rest = str_trim(rest);
	*params = STR_NONE;
	if (rest.n == 0)
		return ERR_OK;
	if (rest.p[0] != ';')
		return ERR_SYNTAX;
	*params = str_trim(str_from(rest, 1));
	return ERR_OK;
}

/* *( SEMI generic-param ) */
static enum err parse_params(struct str text, struct str *params)
{
	enum err e = find_params(text, params);
	struct str rest = *params, name, value;

	while (!e && sip_param_next(&rest, ';', &name, &value))
		if (!valid_param(name, value))
			e = ERR_SYNTAX;
	return e;
}

/* display-name = *(token LWS) / quoted-string; what stands in front of "<" */
static enum err parse_display(struct str *rest, struct str *display)
{
	size_t n;

	if (rest->n && rest->p[0] == '"') {
		n = sip_quoted_length(*rest);
		if (n == 0)
			return ERR_SYNTAX;
		*display = str_first(*rest, n);
		*rest = skip_blanks(str_from(*rest, n));
		return rest->n && rest->p[0] == '<' ? ERR_OK : ERR_SYNTAX;
	}
	n = str_find(*rest, '<');
	if (n == rest->n || n == 0)
		return ERR_OK;
	*display = str_trim(str_first(*rest, n));
	*rest = str_from(*rest, n);
	return ERR_OK;
}

/* name-addr = [ display-name ] LAQUOT addr-spec RAQUOT; addr-spec alone ends at the first ";" */
static enum err parse_uri_part(struct str *rest, struct sip_uri *uri)
{
	bool angle = rest->n && rest->p[0] == '<';
	size_t n = str_find(*rest, angle ? '>' : ';');
	struct str text;
	enum err e;

	if (angle && n == rest->n)
		return ERR_SYNTAX;
	text = angle ? str_first(str_from(*rest, 1), n - 1) : str_trim(str_first(*rest, n));
	e = sip_uri_parse(text, uri);
	/* 20.10: "?", "," and ";" in a URI need the angle brackets */
	if (!e && !angle && (uri->headers.p || str_find(text, ',') < text.n))
		e = ERR_SYNTAX;
	*rest = str_from(*rest, angle ? n + 1 : n);
	return e;
}

enum err sip_addr_parse(struct str text, struct sip_addr *out)
{
	struct str rest = str_trim(text);
	enum err e;

	*out = (struct sip_addr){ .text = rest };
	if (str_eq(rest, STR("*"))) {
		out->star = true;
		return ERR_OK;
	}
	e = parse_display(&rest, &out->display);
	if (!e)
		e = parse_uri_part(&rest, &out->uri);
	if (!e)
		e = parse_params(rest, &out->params);
	if (!e && out->params.p)
		out->tag = sip_param(out->params, STR("tag"));
	return e;
}

void sip_addr_print(struct buf *b, const struct sip_addr *a)
{
	if (a->star) {
		buf_char(b, '*');
		return;
	}
	if (a->display.n) {
		buf_add(b, a->display);
		buf_char(b, ' ');
	}
	buf_char(b, '<');
	sip_uri_print(b, &a->uri);
	buf_char(b, '>');
	if (a->params.p) {
		buf_char(b, ';');
		buf_add(b, a->params);
	}
}

void sip_addr_display(const struct sip_addr *a, struct buf *out)
{
	struct str s = a->display;

	if (s.n < 2 || s.p[0] != '"') {
		buf_add(out, s);
		return;
	}
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '\\' && i + 2 < s.n)
			i++;
		buf_char(out, s.p[i]);
	}
}

static bool plain_display(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!sip_is(name.p[i], SIP_TOKEN) && name.p[i] != ' ')
			return false;
	return true;
}

void sip_print_display(struct buf *b, struct str name)
{
	if (plain_display(name)) {
		buf_add(b, name);
		return;
	}
	buf_char(b, '"');
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '"' || c == '\\')
			buf_char(b, '\\');
		buf_char(b, c == '\r' || c == '\n' ? ' ' : c);
	}
	buf_char(b, '"');
}

enum err sip_contact_expires(const struct sip_addr *a, bool *given, uint32_t *seconds)
{
	struct str v = sip_param(a->params, STR("expires"));
	enum err e;

	*given = v.p != NULL;
	*seconds = 0;
	if (!*given)
		return ERR_OK;
	e = str_u32(v, seconds);
	if (e == ERR_RANGE) /* 20.10: beyond 2^32-1 counts as that */
		*seconds = UINT32_MAX;
	return e == ERR_RANGE ? ERR_OK : e;
}

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ) */
enum err sip_contact_q(const struct sip_addr *a, unsigned *q1000)
{
	struct str v = sip_param(a->params, STR("q"));
	unsigned scale = 100;

	*q1000 = 1000;
	if (!v.p)
		return ERR_OK;
	if (v.n == 0 || v.n > 5 || (v.p[0] != '0' && v.p[0] != '1') || (v.n > 1 && v.p[1] != '.'))
		return ERR_SYNTAX;
	*q1000 = v.p[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < v.n; i++, scale /= 10) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return ERR_SYNTAX;
		*q1000 += scale * (unsigned)(v.p[i] - '0');
	}
	return *q1000 <= 1000 ? ERR_OK : ERR_RANGE;
}

/* ---- Via ---- */

/* sent-protocol = "SIP" SLASH "2.0" SLASH transport, blanks allowed around the slashes */
static enum err parse_protocol(struct str *rest, struct str *transport)
{
	struct str part[3];

	for (int i = 0; i < 3; i++) {
		size_t n;

		*rest = skip_blanks(*rest);
		n = sip_span(*rest, SIP_TOKEN);
		part[i] = str_first(*rest, n);
		if (n == 0)
			return ERR_SYNTAX;
		*rest = i < 2 ? skip_blanks(str_from(*rest, n)) : str_from(*rest, n);
		if (i < 2) {
			if (rest->n == 0 || rest->p[0] != '/')
				return ERR_SYNTAX;
			*rest = str_from(*rest, 1);
		}
	}
	*transport = part[2];
	return str_ieq(part[0], STR("SIP")) && str_eq(part[1], STR("2.0")) ? ERR_OK
									   : ERR_UNSUPPORTED;
}

/* sent-by = host [ COLON port ], blanks allowed around the colon */
static enum err parse_sent_by(struct str s, struct sip_via *v)
{
	size_t bracket = s.n && s.p[0] == '[' ? str_find(s, ']') : 0;
	size_t colon = bracket + str_find(str_from(s, bracket), ':');
	uint32_t port = 0;

	v->host = str_trim(str_first(s, colon));
	if (v->host.n == 0 || (v->host.p[0] == '[' && v->host.p[v->host.n - 1] != ']'))
		return ERR_SYNTAX;
	if (sip_span(v->host, SIP_SENT_BY) < v->host.n)
		return ERR_SYNTAX;
	if (colon < s.n &&
		(str_u32(str_trim(str_from(s, colon + 1)), &port) || port == 0 ||
			port > UINT16_MAX))
		return ERR_SYNTAX;
	v->port = (uint16_t)port;
	return ERR_OK;
}

static enum err via_params(struct sip_via *v, struct str text)
{
	enum err e = find_params(text, &v->params);
	struct str rest = v->params, name, value;

	if (sip_find_unquoted(rest, '<') < rest.n)
		e = ERR_SYNTAX; /* it would hide commas until its parameter is dropped */
	while (sip_param_next(&rest, ';', &name, &value)) {
		if (!valid_param(name, value))
			e = ERR_SYNTAX; /* its branch is wanted all the same */
		if (!value.p)
			value = STR("");
		if (str_ieq(name, STR("branch")))
			v->branch = value;
		else if (str_ieq(name, STR("received")))
			v->received = value;
		else if (str_ieq(name, STR("rport")))
			v->rport = value;
	}
	return e;
}

enum err sip_via_parse(struct str text, struct sip_via *out)
{
	struct str rest = str_trim(text);
	size_t semi;
	enum err version, e;

	*out = (struct sip_via){ .text = rest };
	version = parse_protocol(&rest, &out->transport);
	if (version && version != ERR_UNSUPPORTED)
		return version;
	if (rest.n == 0 || !sip_is(rest.p[0], SIP_BLANK))
		return ERR_SYNTAX;
	rest = skip_blanks(rest);
	semi = str_find(rest, ';');
	e = parse_sent_by(str_trim(str_first(rest, semi)), out);
	if (e) {
		out->host = STR_NONE;
		return e;
	}
	e = via_params(out, str_from(rest, semi));
	return e ? e : version;
}

/* ---- small ones ---- */

/* Cuts off the token in front of the next blank. */
static struct str take_word(struct str *rest)
{
	struct str word;

	*rest = skip_blanks(*rest);
	word = str_first(*rest, sip_find(*rest, SIP_BLANK));
	*rest = skip_blanks(str_from(*rest, word.n));
	return word;
}

/* CSeq = 1*DIGIT LWS Method; below 2**31 (8.1.1.5) */
enum err sip_cseq_parse(struct str text, struct sip_cseq *out)
{
	struct str rest = str_trim(text);
	enum err e = str_u32(take_word(&rest), &out->number);

	out->method_name = rest;
	out->method = sip_method_parse(rest);
	if (!e && out->number > INT32_MAX)
		e = ERR_RANGE;
	return e ? e : is_token(rest) ? ERR_OK : ERR_SYNTAX;
}

enum err sip_rack_parse(struct str text, struct sip_rack *out)
{
	struct str rest = str_trim(text);
	enum err e = str_u32(take_word(&rest), &out->rseq);

	return e ? e : sip_cseq_parse(rest, &out->cseq);
}

enum err sip_replaces_parse(struct str text, struct sip_replaces *out)
{
	struct str s = str_trim(text);
	size_t n = str_find(s, ';');
	struct str params = str_from(s, n < s.n ? n + 1 : n);

	*out = (struct sip_replaces){ .call_id = str_trim(str_first(s, n)),
		.to_tag = sip_param(params, STR("to-tag")),
		.from_tag = sip_param(params, STR("from-tag")),
		.early_only = sip_param(params, STR("early-only")).p != NULL };
	return out->call_id.n && out->to_tag.n && out->from_tag.n ? ERR_OK : ERR_SYNTAX;
}

enum err sip_token_params_parse(struct str text, struct sip_token_params *out)
{
	struct str s = str_trim(text);
	size_t n = str_find(s, ';');

	out->token = str_trim(str_first(s, n));
	if (out->token.n == 0)
		return ERR_SYNTAX;
	return parse_params(str_from(s, n), &out->params);
}

enum err sip_session_expires_parse(struct str text, struct sip_session_expires *out)
{
	struct sip_token_params t;
	enum err e = sip_token_params_parse(text, &t);

	if (e)
		return e;
	out->refresher = sip_param(t.params, STR("refresher"));
	return str_u32(t.token, &out->seconds);
}

/* delta-seconds [ comment ] *( SEMI param ) */
enum err sip_seconds_parse(struct str text, uint32_t *seconds)
{
	struct str s = str_trim(text);
	size_t n = 0;
	enum err e;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	if (n < s.n && !memchr(" \t\r\n;(", s.p[n], 6))
		return ERR_SYNTAX;
	e = str_u32(str_first(s, n), seconds);
	if (e == ERR_RANGE)
		*seconds = UINT32_MAX;
	return e == ERR_RANGE ? ERR_OK : e;
}
