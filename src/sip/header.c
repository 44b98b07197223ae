/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/header.h"
#include "sip/chars.h"

struct row {
	struct str name;
	char compact;
	bool list;
};

static const struct row rows[SIP_HDR_COUNT] = { [SIP_HDR_OTHER] = { { "", 0 }, 0, false },
#define X(id, text, c, l) [SIP_HDR_##id] = { { text, sizeof(text) - 1 }, c, l },
	SIP_HEADERS(X)
#undef X
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The rows stand in alphabetical order: where those of a letter begin. */
#define FROM(letter, id) [(letter) - 'a'] = SIP_HDR_##id
static const uint8_t first_row[26] = { FROM('a', ACCEPT), FROM('c', CALL_ID), FROM('d', DATE),
	FROM('e', ERROR_INFO), FROM('f', FROM), FROM('h', HISTORY_INFO), FROM('i', IDENTITY),
	FROM('m', MAX_FORWARDS), FROM('o', ORGANIZATION), FROM('p', P_ASSERTED_IDENTITY),
	FROM('r', RACK), FROM('s', SERVER), FROM('t', TIMESTAMP), FROM('u', UNSUPPORTED),
	FROM('v', VIA), FROM('w', WARNING) };
#undef FROM

static enum sip_hdr_id by_name(struct str name)
{
	char first = lower(name.p[0]);
	unsigned id;

	if (first < 'a' || first > 'z')
		return SIP_HDR_OTHER;
	for (id = first_row[first - 'a']; id && id < SIP_HDR_COUNT; id++) {
		if (lower(rows[id].name.p[0]) != first)
			break;
		if (str_eq(rows[id].name, name) || str_ieq(rows[id].name, name))
			return id; /* most write it as the RFC does */
	}
	return SIP_HDR_OTHER;
}

static enum sip_hdr_id by_letter(char c)
{
	c = lower(c);
	for (unsigned id = 1; c && id < SIP_HDR_COUNT; id++)
		if (rows[id].compact == c)
			return id;
	return SIP_HDR_OTHER;
}

enum sip_hdr_id sip_hdr_id(struct str name)
{
	if (name.n == 0)
		return SIP_HDR_OTHER;
	return name.n == 1 ? by_letter(name.p[0]) : by_name(name);
}

struct str sip_hdr_name(enum sip_hdr_id id)
{
	return id < SIP_HDR_COUNT ? rows[id].name : STR("");
}

bool sip_hdr_is_list(enum sip_hdr_id id)
{
	return id < SIP_HDR_COUNT && rows[id].list;
}

static bool folded(struct str rest)
{
	return rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

bool sip_hdr_line(struct str *rest, struct str *line)
{
	struct str more;

	if (!str_line(rest, line))
		return false;
	while (line->n && folded(*rest) && str_line(rest, &more))
		line->n = (size_t)(more.p + more.n - line->p);
	return true;
}

/* Whether the character at i is behind an odd number of backslashes. */
static bool escaped(struct str s, size_t i)
{
	size_t slashes = 0;

	while (slashes < i && s.p[i - 1 - slashes] == '\\')
		slashes++;
	return slashes % 2;
}

size_t sip_quoted_length(struct str s)
{
	size_t end = 0;

	do {
		end++;
		end += str_find(str_from(s, end), '"');
	} while (end < s.n && escaped(s, end));
	return end < s.n ? end + 1 : 0;
}

/* Length of the value at the start of s: up to a comma outside of quotes and angle brackets. */
static size_t value_length(struct str s)
{
	struct str rest = s;
	size_t n;

	if (str_find(s, ',') == s.n)
		return s.n;
	for (;;) {
		rest = str_from(rest, sip_find(rest, SIP_LIST_MARK));
		if (rest.n == 0 || rest.p[0] == ',')
			return s.n - rest.n;
		n = rest.p[0] == '"' ? sip_quoted_length(rest) : str_find(rest, '>') + 1;
		if (n == 0)
			return s.n;
		rest = str_from(rest, n);
	}
}

bool sip_list_next(struct str *rest, struct str *value)
{
	size_t n;

	if (!rest->p)
		return false;
	n = value_length(*rest);
	*value = str_trim(str_first(*rest, n));
	*rest = n < rest->n ? str_from(*rest, n + 1) : STR_NONE;
	return true;
}

bool sip_list_has(struct str list, struct str token)
{
	struct str value;

	while (sip_list_next(&list, &value))
		if (str_ieq(value, token))
			return true;
	return false;
}
