/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench.h"

static struct str line_of(struct str *rest)
{
	const char *end = memchr(rest->p, '\n', rest->n);
	struct str line = str_make(rest->p, end ? (size_t)(end - rest->p) : rest->n);
	size_t used = line.n + (end != NULL);

	*rest = str_make(rest->p + used, rest->n - used);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool is(struct str name, const char *what)
{
	return name.n == strlen(what) && strncasecmp(name.p, what, name.n) == 0;
}

static struct str after(struct str s, size_t n)
{
	s = str_make(s.p + n, s.n - n);
	while (s.n && *s.p == ' ')
		s = str_make(s.p + 1, s.n - 1);
	return s;
}

static struct str word(struct str s)
{
	const char *end = memchr(s.p, ' ', s.n);

	return str_make(s.p, end ? (size_t)(end - s.p) : s.n);
}

/* The first challenge whose algorithm is said to be MD5 or not said; else the first of all. */
static void take_challenge(struct text *t, struct str value, bool proxy)
{
	if (t->challenge.n && !memmem(value.p, value.n, "MD5", 3))
		return;
	t->challenge = value;
	t->proxy = proxy;
}

static void take_field(struct text *t, struct str name, struct str value)
{
	if (is(name, "Via") && t->via_count < VIAS_MAX)
		t->vias[t->via_count++] = value;
	else if (is(name, "Record-Route") && t->route_count < ROUTES_MAX)
		t->routes[t->route_count++] = value;
	else if (is(name, "From"))
		t->from = value;
	else if (is(name, "To"))
		t->to = value;
	else if (is(name, "Call-ID"))
		t->call_id = value;
	else if (is(name, "Contact"))
		t->contact = value;
	else if (is(name, "WWW-Authenticate") || is(name, "Proxy-Authenticate"))
		take_challenge(t, value, (*name.p | 32) == 'p');
	else if (is(name, "Retry-After"))
		t->retry_after = true;
	else if (is(name, "CSeq")) {
		struct str number = word(value);

		t->cseq = (uint32_t)strtoul(number.p, NULL, 10);
		if (t->status)
			t->method = after(value, number.n);
	}
}

bool text_read(struct str message, struct text *t)
{
	struct str rest = message, line = line_of(&rest), first = word(line);

	*t = (struct text){ 0 };
	if (is(first, "SIP/2.0")) {
		t->status = (unsigned)strtoul(after(line, first.n).p, NULL, 10);
	} else {
		t->method = first;
		t->uri = word(after(line, first.n));
	}
	for (;;) {
		const char *colon;

		line = line_of(&rest);
		if (!line.n)
			return t->call_id.n > 0;
		colon = memchr(line.p, ':', line.n);
		if (colon) {
			size_t n = (size_t)(colon - line.p);

			take_field(t, str_make(line.p, n), after(line, n + 1));
		}
	}
}

size_t text_frame(struct str bytes)
{
	const char *end = bytes.n ? memmem(bytes.p, bytes.n, "\r\n\r\n", 4) : NULL;
	struct str rest;
	size_t body = 0, head;

	if (!end)
		return 0;
	head = (size_t)(end - bytes.p) + 4;
	rest = str_make(bytes.p, head);
	while (rest.n) {
		struct str line = line_of(&rest);

		if (line.n > 15 && strncasecmp(line.p, "Content-Length:", 15) == 0)
			body = strtoul(line.p + 15, NULL, 10);
	}
	return head + body <= bytes.n ? head + body : 0;
}
