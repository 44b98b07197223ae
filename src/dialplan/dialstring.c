/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dial strings (facts 4.1 to 4.4):
 *   dialstring = group *( "|" group )
 *   group      = leg *( "&" leg )
 *   leg        = destination [ "[" option *( "," option ) "]" ]
 */
#include <string.h>

#include "base/buf.h"
#include "dialplan/dialstring.h"

enum { TEXT_MAX = 8192 };

/* ---- substitutions (facts 3.8): case is ignored, an unknown token stays as it is ---- */

/* "${dst:n}": the number without its first n characters; all of it when it is not that long. */
static bool add_cut(struct buf *b, struct str digits, struct str number)
{
	uint32_t n;

	if (str_u32(digits, &n) != ERR_OK)
		return false;
	buf_add(b, n >= number.n ? number : str_from(number, n));
	return true;
}

/* name: what stands between "${" and "}". */
static bool add_value(struct buf *b, struct str name, const struct dial_substitutions *sub)
{
	if (str_ieq(name, STR("dst")) || str_ieq(name, STR("exten")))
		buf_add(b, sub->dst);
	else if (str_ieq(name, STR("fromname")))
		buf_add(b, sub->from_name);
	else if (str_ieq(name, STR("fromuriuser")))
		buf_add(b, sub->from_user);
	else if (str_ieq(name, STR("fromaor")))
		buf_add(b, sub->from_aor);
	else if (str_istarts(name, STR("dst:")))
		return add_cut(b, str_from(name, 4), sub->dst);
	else if (str_istarts(name, STR("exten:")))
		return add_cut(b, str_from(name, 6), sub->dst);
	else
		return false;
	return true;
}

void dial_substitute(struct buf *b, struct str text, const struct dial_substitutions *sub)
{
	while (text.n) {
		size_t at = str_find_str(text, STR("${")), end;

		buf_add(b, str_first(text, at));
		text = str_from(text, at);
		if (!text.n)
			return;
		end = str_find(text, '}');
		if (end < text.n && add_value(b, str_make(text.p + 2, end - 2), sub)) {
			text = str_from(text, end + 1);
		} else {
			buf_lit(b, "${");
			text = str_from(text, 2);
		}
	}
}

/* ---- options (facts 4.4): found by a search for "key=" that is not anchored ---- */

/* The next one; *from: where to look for it, and for the one after it. */
static struct str next_value(struct str options, const char *key, size_t *from)
{
	struct str rest = str_from(options, *from);
	size_t at = str_find_str(rest, str_of(key));

	if (at == rest.n)
		return STR_NONE;
	*from += at + strlen(key);
	return str_from(options, *from);
}

static struct str value_of(struct str options, const char *key)
{
	size_t from = 0;

	return next_value(options, key, &from);
}

/* To the next comma or the end, trimmed. */
static struct str text_option(struct str options, const char *key)
{
	struct str value = value_of(options, key);

	return str_trim(str_first(value, str_find(value, ',')));
}

static size_t digits_of(struct str value)
{
	size_t n = 0;

	while (n < value.n && value.p[n] >= '0' && value.p[n] <= '9')
		n++;
	return n;
}

/* The first key that digits follow ("rcd=true,cd=60"); false when there is none. */
static bool number_option(struct str options, const char *key, uint32_t *out)
{
	size_t from = 0;
	struct str value;

	while ((value = next_value(options, key, &from)).p) {
		size_t n = digits_of(value);

		if (!n)
			continue;
		if (str_u32(str_first(value, n), out) != ERR_OK)
			*out = UINT32_MAX;
		return true;
	}
	return false;
}

/* The letter behind the first key that one of `known` follows, lower case; else 0. */
static char letter_option(struct str options, const char *key, const char *known)
{
	size_t from = 0;
	struct str value;

	while ((value = next_value(options, key, &from)).p) {
		char c = value.n ? (char)(value.p[0] | 0x20) : 0;

		if (c && strchr(known, c))
			return c;
	}
	return 0;
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* Letters, digits and "_" behind the first key that any of them follow. */
static struct str word_option(struct str options, const char *key)
{
	size_t from = 0;
	struct str value;

	while ((value = next_value(options, key, &from)).p) {
		size_t n = 0;

		while (n < value.n && is_word(value.p[n]))
			n++;
		if (n)
			return str_first(value, n);
	}
	return STR_NONE;
}

/* "dr=": seconds, of which more than 5 mean 2; "ir=" is an old way to write dr=2. */
static void parse_reinvite(struct str options, struct dial_leg *leg)
{
	uint32_t n;

	if (word_option(options, "ir=").n)
		leg->reinvite_s = DIAL_REINVITE_S;
	if (number_option(options, "dr=", &n))
		leg->reinvite_s = n > DIAL_REINVITE_MAX_S ? DIAL_REINVITE_S : n;
}

static void parse_options(struct str options, struct dial_leg *leg)
{
	char redirect = letter_option(options, "rm=", "nm");
	uint32_t n;

	if (number_option(options, "dt=", &n))
		leg->delay_s = n > DIAL_DELAY_MAX_S ? DIAL_DELAY_MAX_S : n;
	if (number_option(options, "cd=", &n))
		leg->duration_s = n;
	leg->redirect = redirect == 'n' ? DIAL_REDIRECT_NEW_CALL
		: redirect == 'm'       ? DIAL_REDIRECT_MANUAL
					: DIAL_REDIRECT_FOLLOW;
	leg->mangle = !str_istarts(value_of(options, "ma="), STR("false"));
	leg->from_display = text_option(options, "fd=");
	leg->from_user = text_option(options, "fu=");
	leg->from_host = text_option(options, "fh=");
	leg->transfer = letter_option(options, "tr=", "npc");
	leg->crm = str_starts(value_of(options, "rcd="), STR("true"));
	leg->account_code = word_option(options, "ac=");
	leg->rate_code = word_option(options, "rc=");
	leg->line_name = text_option(options, "swln=");
	leg->line_caller = text_option(options, "swcid=");
	leg->line_owner = text_option(options, "swo=");
	parse_reinvite(options, leg);
}

/* ---- destinations (facts 4.2) ---- */

static bool has_scheme(struct str text)
{
	return str_istarts(text, STR("sip:")) || str_istarts(text, STR("sips:"));
}

/* Start of parameters or headers. */
static size_t host_end(struct str text)
{
	size_t i = 0;

	while (i < text.n && text.p[i] != ';' && text.p[i] != '?')
		i++;
	return i;
}

static bool has_blank_or_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

/*
 * "user@host;params", "host", "sip:host": a destination without user and scheme gets the request's
 * user. The user reaches to the last "@" before the host, so that one within a user is kept.
 */
static enum err parse_destination(
	struct str text, struct str dst, struct arena *a, struct dial_leg *leg)
{
	bool scheme = has_scheme(text);
	struct str rest = scheme ? str_from(text, str_find(text, ':') + 1) : text;
	struct str tail = str_from(rest, host_end(rest));
	struct str address = str_first(rest, host_end(rest));
	size_t at = str_find(rest, '@');

	if (at < rest.n && at >= address.n) { /* a ';' within the user: "100;phone@host" */
		tail = str_from(rest, at + 1);
		tail = str_from(tail, host_end(tail));
		address = str_make(rest.p, rest.n - tail.n);
	}
	at = str_rfind(address, '@');
	leg->text = text;
	leg->host = at < address.n ? str_from(address, at + 1) : address;
	leg->user = at < address.n ? str_first(address, at) : scheme ? STR_NONE : dst;
	if (!leg->host.n || (at < address.n && !leg->user.n) || has_blank_or_control(rest) ||
		has_blank_or_control(leg->user))
		return ERR_SYNTAX;
	leg->uri = str_of(arena_printf(a, "%.*s:%.*s%s%.*s%.*s",
		scheme && str_istarts(text, STR("sips:")) ? 4 : 3, "sips", STR_ARG(leg->user),
		leg->user.n ? "@" : "", STR_ARG(leg->host), STR_ARG(tail)));
	return ERR_OK;
}

/* ---- legs and groups ---- */

struct parser {
	struct arena *arena;
	struct str dst;
	struct dial_plan *out;
	struct buf *why;
};

/* Index of the "[" that opens the options, text.n when there is none; not that of an IPv6 address.
 */
static size_t find_options(struct str text)
{
	size_t open = str_find(text, '['), close;

	if (open == text.n || open == 0 || !strchr("@:", text.p[open - 1]))
		return open;
	close = open + str_find(str_from(text, open), ']');
	return close + str_find(str_from(text, close), '[');
}

/* A destination that is in this Dial already is dropped (facts 4.1). */
static bool is_duplicate(const struct dial_plan *plan, const struct dial_leg *leg)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (str_eq(plan->legs[i].uri, leg->uri))
			return true;
	return false;
}

static enum err parse_leg(struct parser *p, struct str text, unsigned group)
{
	size_t open = find_options(text), close;
	struct dial_leg *leg;

	if (p->out->count == DIAL_LEGS_MAX) {
		buf_printf(p->why, "more than %d legs", DIAL_LEGS_MAX);
		return ERR_LIMIT;
	}
	leg = &p->out->legs[p->out->count];
	*leg = (struct dial_leg){ .group = group, .mangle = true };
	if (open < text.n) {
		close = open + str_find(str_from(text, open), ']');
		if (close == text.n) {
			buf_printf(p->why, "no ] after %.*s", STR_ARG(str_first(text, 100)));
			return ERR_SYNTAX;
		}
		leg->options = str_make(text.p + open + 1, close - open - 1);
		text = str_first(text, open);
		parse_options(leg->options, leg);
	}
	text = str_trim(text);
	if (!text.n)
		return ERR_OK; /* blank legs are skipped */
	if (parse_destination(text, p->dst, p->arena, leg) != ERR_OK) {
		buf_printf(p->why, "%.*s cannot be dialled", STR_ARG(str_first(text, 100)));
		return ERR_SYNTAX;
	}
	p->out->count += !is_duplicate(p->out, leg);
	return ERR_OK;
}

/* A group of blank legs only does not count. */
static enum err parse_group(struct parser *p, struct str text)
{
	unsigned before = p->out->count;
	struct str leg;
	enum err e = ERR_OK;

	while (e == ERR_OK && str_cut(&text, '&', &leg))
		e = parse_leg(p, leg, p->out->groups);
	if (p->out->count > before)
		p->out->groups++;
	return e;
}

/* ---- one leg in fields: "user,password,destination[,From[,SendTo[,Trace]]]" (facts 4.8) ---- */

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* Trimmed, without the quotes around it. */
static struct str next_field(struct str *rest)
{
	struct str field = STR_NONE;

	if (!str_cut(rest, ',', &field))
		return STR_NONE;
	field = str_trim(field);
	if (field.n >= 2 && is_quote(field.p[0]) && field.p[field.n - 1] == field.p[0])
		field = str_trim(str_make(field.p + 1, field.n - 2));
	return field;
}

static bool substituted(
	struct str text, const struct dial_substitutions *sub, struct arena *a, struct str *out)
{
	char mem[TEXT_MAX];
	struct buf b = BUF_OF(mem);

	dial_substitute(&b, text, sub);
	*out = arena_str(a, str_trim(buf_str(&b)));
	return buf_ok(&b);
}

/* A route only counts in angle brackets. */
static struct str route_of(struct str send_to)
{
	struct str inside = str_from(send_to, str_find(send_to, '<') + 1);

	return str_first(inside, str_find(inside, '>'));
}

enum err dial_parse_line(struct str text, const struct dial_substitutions *sub, struct arena *a,
	struct dial_plan *out, struct buf *why)
{
	struct dial_leg *leg = &out->legs[0];
	struct str destination;
	bool fits;

	memset(out, 0, sizeof(*out));
	*leg = (struct dial_leg){ .mangle = true, .fields = true };
	text = arena_str(a, text);
	leg->username = next_field(&text);
	leg->password = next_field(&text);
	fits = substituted(next_field(&text), sub, a, &destination);
	fits &= substituted(next_field(&text), sub, a, &leg->from);
	leg->send_to = route_of(next_field(&text));
	if (!fits) {
		buf_lit(why, "the dial string is too long");
		return ERR_LIMIT;
	}
	if (!destination.n) {
		buf_lit(why,
			"the data needs three fields: user,password,destination, as in "
			"Dial(joe,secret,${dst}@sip.example.org)");
		return ERR_SYNTAX;
	}
	if (parse_destination(destination, arena_str(a, sub->dst), a, leg) != ERR_OK ||
		has_blank_or_control(leg->send_to)) {
		buf_printf(why, "%.*s cannot be dialled", STR_ARG(str_first(destination, 100)));
		return ERR_SYNTAX;
	}
	out->count = out->groups = 1;
	return ERR_OK;
}

/* Anywhere: a character, a comma, anything, a comma, a character; and no options. */
static bool is_fields(struct str text)
{
	size_t first = 1, second;

	if (str_find(text, '[') < text.n)
		return false;
	while (first < text.n && (text.p[first] != ',' || str_is_blank(text.p[first - 1])))
		first++;
	for (second = first + 1; second + 1 < text.n; second++)
		if (text.p[second] == ',' && !str_is_blank(text.p[second + 1]))
			return true;
	return false;
}

enum err dial_parse(struct str text, const struct dial_substitutions *sub, struct arena *a,
	struct dial_plan *out, struct buf *why)
{
	struct parser p = { .arena = a, .out = out, .why = why };
	struct buf b;
	struct str group;
	enum err e = ERR_OK;

	memset(out, 0, sizeof(*out));
	buf_init(&b, arena_alloc(a, TEXT_MAX), TEXT_MAX);
	dial_substitute(&b, text, sub);
	if (!buf_ok(&b)) {
		buf_lit(why, "the dial string is too long");
		return ERR_LIMIT;
	}
	p.dst = arena_str(a, sub->dst);
	text = str_trim(buf_str(&b));
	if (is_fields(text))
		return dial_parse_line(text, sub, a, out, why);
	while (e == ERR_OK && str_cut(&text, '|', &group))
		e = parse_group(&p, group);
	if (e == ERR_OK && !out->count) {
		buf_lit(why, "nobody to dial");
		e = ERR_SYNTAX;
	}
	return e;
}
