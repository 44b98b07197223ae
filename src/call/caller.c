/* SPDX-License-Identifier: BSD-3-Clause */
/* Who calls, as dialplans and legs see it. */
#include "call/model.h"

#include <stdlib.h>

#include "sip/field.h"

void caller_of_request(struct caller *c, struct sip_msg *req, struct arena *a)
{
	char name[256], aor[512];
	struct buf b = BUF_OF(name);

	*c = (struct caller){ .req = req };
	sip_addr_display(&req->from, &b);
	c->from_display = arena_str(a, buf_str(&b));
	c->from_uri = req->from.uri.text;
	c->from_user = req->from.uri.user;
	c->from_host = req->from.uri.host;
	if (req->from.uri.port) {
		b = BUF_OF(aor);
		buf_printf(&b, "%.*s:%u", STR_ARG(req->from.uri.host), req->from.uri.port);
		c->from_host = arena_str(a, buf_str(&b));
	}
	c->uri = req->request_uri;
	c->user = req->uri.user;
	c->type = fields_type(req);
	c->body = req->body;
}

json_t *call_json(struct str s)
{
	json_t *j = json_stringn(s.p ? s.p : "", s.n);
	char *copy;

	if (j)
		return j;
	copy = str_dup(s);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)copy[i] >= 0x80 || !copy[i])
			copy[i] = '?';
	j = json_stringn(copy, s.n);
	free(copy);
	return j;
}

static json_t *flow_json(const struct flow *f, bool remote)
{
	char text[2 * ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text);

	if (remote)
		flow_print_remote(&b, f);
	else
		flow_print_local(&b, f);
	return call_json(buf_str(&b));
}

/* From as this run sees it: a loopback changes it (facts 4.5). */
static void print_from(struct buf *b, const struct caller *c)
{
	if (!str_empty(c->from_display)) {
		sip_print_display(b, c->from_display);
		buf_char(b, ' ');
	}
	buf_printf(b, "<%.*s>", STR_ARG(c->from_uri));
	if (!str_empty(c->req->from.tag))
		buf_printf(b, ";tag=%.*s", STR_ARG(c->req->from.tag));
}

static json_t *headers_json(const struct caller *c)
{
	json_t *list = json_array();
	char from[1024];
	struct buf b = BUF_OF(from);

	print_from(&b, c);
	for (unsigned i = 0; i < c->req->hdr_count; i++) {
		const struct sip_hdr *h = &c->req->hdrs[i];
		struct str value = h->id == SIP_HDR_FROM ? buf_str(&b) : h->value;

		if (h->id == SIP_HDR_AUTHORIZATION || h->id == SIP_HDR_PROXY_AUTHORIZATION)
			continue; /* nothing that a script needs */
		json_array_append_new(
			list, json_pack("[o,o]", call_json(h->name), call_json(value)));
	}
	return list;
}

/* The "request" object of dialplan/engine.h. */
json_t *caller_json(const struct caller *c, const struct flow *flow)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "method", call_json(c->req->method_name),
		"uri", call_json(c->uri), "headers", headers_json(c), "body", call_json(c->body),
		"remote", flow_json(flow, true), "local", flow_json(flow, false));
}

void caller_substitutions(const struct caller *c, struct dial_substitutions *sub, struct arena *a)
{
	*sub = (struct dial_substitutions){ .dst = c->user,
		.from_name = c->from_display,
		.from_user = c->from_user,
		.from_aor = str_of(arena_printf(
			a, "%.*s@%.*s", STR_ARG(c->from_user), STR_ARG(c->from_host))) };
}

struct str caller_substitute(const struct caller *c, struct str text, struct arena *a)
{
	char mem[2048], aor[512];
	struct buf b = BUF_OF(mem), ab = BUF_OF(aor);
	struct dial_substitutions sub = {
		.dst = c->user, .from_name = c->from_display, .from_user = c->from_user
	};

	buf_printf(&ab, "%.*s@%.*s", STR_ARG(c->from_user), STR_ARG(c->from_host));
	sub.from_aor = buf_str(&ab);
	dial_substitute(&b, text, &sub);
	return buf_ok(&b) ? arena_str(a, str_trim(buf_str(&b))) : text;
}
