/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/value.h"

#include <regex.h>
#include <stdio.h>

#include "base/addr.h"

enum { PATTERN_MAX = 256 }; /* characters of a User-Agent rule's expression */

#define FIELD(c, o, type) ((type *)((char *)(c) + (o)->offset))

static enum err set_number(
	struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	uint32_t n;

	if (str_u32(v, &n) != ERR_OK || n < o->min || n > o->max) {
		buf_printf(why, "must be a number from %u to %u", o->min, o->max);
		return ERR_RANGE;
	}
	*FIELD(c, o, unsigned) = n;
	return ERR_OK;
}

static enum err set_text(struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	for (size_t i = 0; i < v.n; i++) {
		if ((unsigned char)v.p[i] < ' ' || v.p[i] == 0x7f) {
			buf_lit(why, "must not contain control characters");
			return ERR_SYNTAX;
		}
	}
	*FIELD(c, o, struct str) = arena_str(&c->arena, v);
	return ERR_OK;
}

static enum err set_path(struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	if (str_empty(v)) {
		buf_lit(why, "must be a path");
		return ERR_SYNTAX;
	}
	return set_text(c, o, v, why);
}

static enum err set_store_url(
	struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	struct str scheme = STR("sqlite:");

	if (!str_starts(v, scheme) || v.n == scheme.n) {
		buf_lit(why, "must be sqlite:FILE");
		return ERR_SYNTAX;
	}
	return set_text(c, o, v, why);
}

static enum err check_listen(struct str v, struct buf *why)
{
	struct str rest = v, proto;
	struct addr a;

	if (!str_cut(&rest, ':', &proto) ||
		(!str_ieq(proto, STR("udp")) && !str_ieq(proto, STR("tcp")) &&
			!str_ieq(proto, STR("tls")))) {
		buf_printf(why, "\"%.*s\" must start with udp:, tcp: or tls:", STR_ARG(v));
		return ERR_SYNTAX;
	}
	if (str_starts(rest, STR("*:"))) {
		uint32_t port;

		if (str_u32(str_from(rest, 2), &port) == ERR_OK && port <= 65535)
			return ERR_OK;
	} else if (addr_parse(rest, &a) == ERR_OK) {
		return ERR_OK;
	}
	buf_printf(why,
		"\"%.*s\" must be an address with port as in udp:192.0.2.1:5060, udp:*:5060 or "
		"tcp:[2001:db8::1]:5060",
		STR_ARG(v));
	return ERR_SYNTAX;
}

static enum err set_listen(
	struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	struct str one;

	if (str_empty(str_trim(v))) {
		buf_lit(why, "must name an address, as in udp:*:5060");
		return ERR_SYNTAX;
	}
	while (str_cut(&v, ' ', &one)) {
		enum err e;

		if (str_empty(one))
			continue;
		e = check_listen(one, why);
		if (e != ERR_OK)
			return e;
		if (c->listen_count == CONF_LISTEN_MAX) {
			buf_printf(why, "there are more than %d addresses", CONF_LISTEN_MAX);
			return ERR_LIMIT;
		}
		c->listen[c->listen_count++] = arena_str(&c->arena, one);
	}
	return ERR_OK;
}

/* "CHAIN.pem [KEY.pem]" */
static enum err set_certificate(
	struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	struct str rest = str_trim(v), chain = str_first(rest, str_find(rest, ' '));
	struct conf_certificate *to = &c->certificates[c->certificate_count];

	rest = str_trim(str_from(rest, chain.n));
	if (!chain.n || str_find(rest, ' ') < rest.n) {
		buf_lit(why, "must be a file, or two: CHAIN.pem KEY.pem");
		return ERR_SYNTAX;
	}
	if (c->certificate_count == CONF_CERTIFICATES_MAX) {
		buf_printf(why, "there are more than %d certificates", CONF_CERTIFICATES_MAX);
		return ERR_LIMIT;
	}
	to->chain = arena_str(&c->arena, chain);
	to->key = rest.n ? arena_str(&c->arena, rest) : STR_NONE;
	c->certificate_count++;
	return ERR_OK;
}

/*
 * A repetition of a repetition means nothing (POSIX leaves it open), and a long row of them makes
 * regcomp ask for gigabytes. Counts ("{1,9999}") do the same.
 */
static bool costly(struct str pattern)
{
	bool repeated = false;

	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		bool repeats = c == '*' || c == '+' || c == '?';

		if (c == '{' || (repeats && repeated))
			return true;
		if (c == '\\')
			i++;
		repeated = repeats;
	}
	return pattern.n > PATTERN_MAX;
}

static enum err check_pattern(struct str pattern, struct conf *c, struct buf *why)
{
	char text[128];
	regex_t re;
	int bad;

	if (costly(pattern)) {
		buf_printf(why,
			"the pattern \"%.*s\" repeats a repetition, counts with {}, or is longer "
			"than %d characters",
			STR_ARG(pattern), PATTERN_MAX);
		return ERR_SYNTAX;
	}
	bad = regcomp(&re, arena_str(&c->arena, pattern).p, REG_EXTENDED | REG_ICASE | REG_NOSUB);

	if (bad) {
		regerror(bad, &re, text, sizeof(text));
		buf_printf(why, "the pattern \"%.*s\" is wrong: %s", STR_ARG(pattern), text);
		return ERR_SYNTAX;
	}
	regfree(&re);
	return ERR_OK;
}

/* One "key=value" at the front of the rule; false when there is none any more. */
static bool rule_word(struct str *v, struct str *key, struct str *value)
{
	struct str word = str_first(*v, str_find(*v, ' '));
	size_t eq = str_find(word, '=');

	*key = str_first(word, eq);
	if (eq == word.n || !(str_eq(*key, STR("expires")) || str_eq(*key, STR("contacts"))))
		return false;
	*value = str_from(word, eq + 1);
	if (str_ends(*value, STR(";")))
		value->n--;
	*v = str_trim(str_from(*v, word.n));
	return true;
}

static enum err set_ua_rule(
	struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	struct conf_ua_rule rule = { .contact_lists = true };
	struct str key, value;
	enum err e;

	while (rule_word(&v, &key, &value)) {
		uint32_t n;

		if (str_eq(key, STR("expires")) && str_u32(value, &n) == ERR_OK && n > 0) {
			rule.expires_max_s = n;
		} else if (str_eq(key, STR("contacts")) &&
			(str_eq(value, STR("all")) || str_eq(value, STR("first")))) {
			rule.contact_lists = str_eq(value, STR("all"));
		} else {
			buf_lit(why, "must be: expires=SECONDS contacts=first|all PATTERN");
			return ERR_SYNTAX;
		}
	}
	if (str_empty(v)) {
		buf_lit(why, "lacks the pattern: expires=SECONDS contacts=first|all PATTERN");
		return ERR_SYNTAX;
	}
	if (c->ua_count == CONF_UA_RULES_MAX) {
		buf_printf(why, "there are more than %d rules", CONF_UA_RULES_MAX);
		return ERR_LIMIT;
	}
	e = check_pattern(v, c, why);
	if (e != ERR_OK)
		return e;
	rule.pattern = arena_str(&c->arena, v);
	c->ua[c->ua_count++] = rule;
	return ERR_OK;
}

static enum err add_algorithm(struct conf *c, struct str name, struct buf *why)
{
	static const char *const known[] = { "MD5", "SHA-256", "SHA-512-256" };

	for (unsigned i = 0; i < c->algorithm_count; i++) {
		if (str_ieq(c->algorithms[i], name)) {
			buf_printf(why, "%.*s is there twice", STR_ARG(name));
			return ERR_EXISTS;
		}
	}
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (str_ieq(name, str_of(known[i]))) {
			c->algorithms[c->algorithm_count++] = str_of(known[i]);
			return ERR_OK;
		}
	}
	buf_printf(why, "\"%.*s\" is not known; there are MD5, SHA-256 and SHA-512-256",
		STR_ARG(name));
	return ERR_SYNTAX;
}

static enum err set_algorithms(
	struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	while (!str_empty(v)) {
		size_t n = 0;
		enum err e;

		while (n < v.n && v.p[n] != ' ' && v.p[n] != ',')
			n++;
		e = n ? add_algorithm(c, str_first(v, n), why) : ERR_OK;
		if (e != ERR_OK)
			return e;
		v = str_from(v, n + 1);
	}
	if (c->algorithm_count)
		return ERR_OK;
	buf_lit(why, "must name at least one of MD5, SHA-256 and SHA-512-256");
	return ERR_SYNTAX;
}

static enum err set_log_to(
	struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	if (!str_eq(v, STR("stderr")) && !str_eq(v, STR("journald"))) {
		buf_lit(why, "must be stderr or journald");
		return ERR_SYNTAX;
	}
	*FIELD(c, o, bool) = str_eq(v, STR("journald"));
	return ERR_OK;
}

static enum err set_level(
	struct conf *c, const struct conf_option *o, struct str v, struct buf *why)
{
	if (event_level_parse(v, FIELD(c, o, enum event_level)) == ERR_OK)
		return ERR_OK;
	buf_lit(why, "must be debug, info, notice, warning, error or none");
	return ERR_SYNTAX;
}

enum err conf_value_set(
	struct conf *c, const struct conf_option *o, struct str value, struct buf *why)
{
	static enum err (*const set[])(
		struct conf *, const struct conf_option *, struct str, struct buf *) = {
		[CONF_NUMBER] = set_number,
		[CONF_TEXT] = set_text,
		[CONF_PATH] = set_path,
		[CONF_STORE_URL] = set_store_url,
		[CONF_LISTEN] = set_listen,
		[CONF_UA_RULE] = set_ua_rule,
		[CONF_CERTIFICATE] = set_certificate,
		[CONF_ALGORITHMS] = set_algorithms,
		[CONF_LOG_TO] = set_log_to,
		[CONF_LEVEL] = set_level,
	};

	return set[o->type](c, o, value, why);
}
