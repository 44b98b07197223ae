/* SPDX-License-Identifier: BSD-3-Clause */
/* Events as text: a key=value line for people, a JSON object for programs. */
#include "event/event.h"

/* Length of the UTF-8 sequence at p (RFC 3629: shortest form, no surrogates), 0 if it is none. */
static unsigned utf8_len(const unsigned char *p, size_t n, uint32_t *code)
{
	unsigned len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	static const unsigned char lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (len == 0 || len > n || p[0] > 0xf4)
		return 0;
	*code = p[0] & lead_mask[len];
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return len;
}

/* What a terminal may act on: C0, DEL, C1, line separators, direction marks and overrides. */
static bool unsafe_code(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
		(c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void escape_code(struct buf *b, uint32_t c, bool json)
{
	if (c == '\n')
		buf_lit(b, "\\n");
	else if (c == '\r')
		buf_lit(b, "\\r");
	else if (c == '\t')
		buf_lit(b, "\\t");
	else if (c < 0x80 && !json)
		buf_printf(b, "\\x%02x", c);
	else
		buf_printf(b, "\\u%04x", c);
}

enum escape { ESCAPE_LINE, ESCAPE_JSON, ESCAPE_SAFE /* no quotes around it */ };

static void print_escaped(struct buf *b, struct str s, enum escape how)
{
	bool json = how == ESCAPE_JSON;
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;

	while (i < s.n) {
		uint32_t code = 0;
		unsigned len = utf8_len(p + i, s.n - i, &code);

		if (len == 0 && json)
			buf_lit(b, "\xef\xbf\xbd");
		else if (len == 0)
			buf_printf(b, "\\x%02x", p[i]);
		else if (unsafe_code(code))
			escape_code(b, code, json);
		else if (how != ESCAPE_SAFE && (code == '"' || code == '\\'))
			buf_printf(b, "\\%c", (char)code);
		else
			buf_add(b, str_make(s.p + i, len));
		i += len ? len : 1;
	}
}

void event_print_safe(struct buf *b, struct str s)
{
	print_escaped(b, s, ESCAPE_SAFE);
}

static bool needs_quotes(struct str s)
{
	if (s.n == 0)
		return true;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\')
			return true;
	}
	return false;
}

static void line_pair(struct buf *b, const char *key, struct str value)
{
	if (value.n == 0)
		return;
	buf_char(b, ' ');
	buf_add(b, str_of(key));
	buf_char(b, '=');
	if (!needs_quotes(value)) {
		buf_add(b, value);
		return;
	}
	buf_char(b, '"');
	print_escaped(b, value, ESCAPE_LINE);
	buf_char(b, '"');
}

/* Leaves room for the mark that says that something is missing. */
static struct str cut_mark(void)
{
	return STR(" ...");
}

void event_print_line(struct buf *b, const struct event_record *r)
{
	const struct event *e = &r->event;
	struct buf in;

	if (b->full || b->max - b->n < cut_mark().n) {
		b->full = true;
		return;
	}
	buf_init(&in, b->p + b->n, b->max - b->n - cut_mark().n);
	clock_print_iso(&in, r->wall_ms);
	buf_printf(&in, " %-7s %s", event_level_name(event_kind_level(e->kind)),
		event_kind_name(e->kind));
	line_pair(&in, "call", e->call);
	line_pair(&in, "account", e->account);
	line_pair(&in, "customer", e->customer);
	for (unsigned i = 0; i < e->field_count; i++)
		line_pair(&in, e->fields[i].key, e->fields[i].value);
	line_pair(&in, "text", e->text);
	b->n += in.n;
	if (in.full)
		buf_add(b, cut_mark());
}

static void json_pair(struct buf *b, const char *key, struct str value)
{
	buf_printf(b, "\"%s\":\"", key);
	print_escaped(b, value, ESCAPE_JSON);
	buf_char(b, '"');
}

static void json_pair_if(struct buf *b, const char *key, struct str value)
{
	if (value.n) {
		buf_char(b, ',');
		json_pair(b, key, value);
	}
}

void event_print_json(struct buf *b, const struct event_record *r)
{
	const struct event *e = &r->event;
	enum event_kind k = e->kind;

	buf_printf(b, "{\"seq\":%llu,\"time\":\"", (unsigned long long)r->seq);
	clock_print_iso(b, r->wall_ms);
	buf_char(b, '"');
	json_pair_if(b, "level", str_of(event_level_name(event_kind_level(k))));
	json_pair_if(b, "category", str_of(event_category_name(event_kind_category(k))));
	json_pair_if(b, "kind", str_of(event_kind_name(k)));
	json_pair_if(b, "call", e->call);
	json_pair_if(b, "account", e->account);
	json_pair_if(b, "customer", e->customer);
	json_pair_if(b, "text", e->text);
	if (e->field_count) {
		for (unsigned i = 0; i < e->field_count; i++) {
			buf_add(b, i ? STR(",") : STR(",\"fields\":{"));
			json_pair(b, e->fields[i].key, e->fields[i].value);
		}
		buf_lit(b, "}");
	}
	buf_lit(b, "}");
}
