/* SPDX-License-Identifier: BSD-3-Clause */
#include "phone.h"

static void print_place(const struct agents *a, const struct phone *p, struct buf *b)
{
	buf_printf(b, "%s:%u", net_local(a->net), net_port(a->net, p->socket));
}

static void print_contact(const struct agents *a, const struct phone *p, struct buf *b)
{
	buf_printf(b, "Contact: <sip:%s@", p->name);
	if (a->cfg.elsewhere)
		buf_printf(b, "%s", a->cfg.elsewhere);
	else
		print_place(a, p, b);
	buf_printf(b, "%s>\r\n", a->cfg.net.tcp ? ";transport=tcp" : "");
}

static void print_start(const struct agents *a, const struct phone *p, struct buf *b,
	const char *method, struct str uri)
{
	buf_printf(b, "%s %.*s SIP/2.0\r\nVia: SIP/2.0/%s ", method, STR_ARG(uri),
		a->cfg.net.tcp ? "TCP" : "UDP");
	print_place(a, p, b);
}

static void print_end(struct buf *b, struct str body)
{
	if (body.n)
		buf_lit(b, "Content-Type: application/sdp\r\n");
	buf_printf(b, "Content-Length: %zu\r\n\r\n", body.n);
	buf_add(b, body);
}

static void print_identity(const struct agents *a, const struct phone *p, struct buf *b,
	uint32_t cseq, const char *method)
{
	buf_printf(b,
		";rport;branch=z9hG4bKb%u-%u-%u%s\r\nMax-Forwards: 70\r\nFrom: "
		"<sip:%s@%s>;tag=f%u-%u\r\n"
		"Call-ID: %u-%u%s\r\nCSeq: %u %s\r\n",
		p->id, p->op, cseq, a->host + 1, p->name, a->cfg.domain, p->id, p->op, p->id, p->op,
		a->host, cseq, method);
}

static void make_ha1(const struct agents *a, struct phone *p, enum crypto_digest d)
{
	char password[32];

	snprintf(password, sizeof(password), "secret-%s", p->name);
	digest_ha1(d, str_of(p->name), str_of(a->cfg.domain), str_of(password), p->ha1[d]);
}

static void print_authorization(const struct agents *a, struct phone *p, struct buf *b,
	const char *method, struct str uri, struct str body)
{
	struct digest_challenge c;
	struct digest_credentials who = { .username = str_of(p->name) };

	if (!p->challenge || digest_challenge_parse(str_of(p->challenge), &c))
		return;
	if (c.algorithm < 2 && !*p->ha1[c.algorithm])
		make_ha1(a, p, c.algorithm);
	if (c.algorithm < 2)
		who.ha1[c.algorithm] = str_of(p->ha1[c.algorithm]);
	buf_printf(b, "%sAuthorization: ", p->proxy ? "Proxy-" : "");
	if (digest_answer(b, &c, &who, str_of(method), uri, body, STR("0a4f113b"), ++p->nc))
		fprintf(stderr, "load: cannot answer %s\n", p->challenge);
	buf_lit(b, "\r\n");
}

static void print_target(const struct agents *a, const struct phone *p, struct buf *uri)
{
	if (a->cfg.mode == MODE_CALL)
		buf_printf(uri, "sip:u%u@%s", p->id + 1, a->cfg.domain);
	else
		buf_printf(uri, "sip:%s", a->cfg.domain);
}

void print_request(struct agents *a, struct phone *p, struct buf *b)
{
	bool call = a->cfg.mode == MODE_CALL;
	const char *method = p->work->method;
	struct str body = call ? STR(SDP) : STR_NONE;
	char text[128];
	struct buf uri = BUF_OF(text);

	print_target(a, p, &uri);
	print_start(a, p, b, method, buf_str(&uri));
	print_identity(a, p, b, p->cseq, method);
	if (a->cfg.mode == MODE_REGISTER || a->cfg.mode == MODE_REFRESH)
		buf_printf(b, "To: <sip:%s@%s>\r\nExpires: %u\r\n", p->name, a->cfg.domain,
			a->cfg.expires_s);
	else
		buf_printf(b, "To: <%.*s>\r\n", (int)uri.n, text);
	if (a->cfg.mode != MODE_OPTIONS)
		print_contact(a, p, b);
	print_authorization(a, p, b, method, buf_str(&uri), body);
	print_end(b, body);
}

void print_refusal_ack(struct agents *a, struct phone *p, const struct text *t, struct buf *b)
{
	char text[128];
	struct buf uri = BUF_OF(text);

	print_target(a, p, &uri);
	print_start(a, p, b, "ACK", buf_str(&uri));
	print_identity(a, p, b, t->cseq, "ACK");
	buf_printf(b, "To: %.*s\r\n", STR_ARG(t->to));
	print_end(b, STR_NONE);
}

/* The URI inside of <>, or the whole. */
static struct str uri_in(struct str contact)
{
	size_t from = str_find(contact, '<'), to = str_find(contact, '>');

	return from < to && to < contact.n ? str_make(contact.p + from + 1, to - from - 1)
					   : contact;
}

void print_within(struct agents *a, struct phone *p, const struct text *t, struct buf *b,
	const char *method, uint32_t cseq)
{
	print_start(a, p, b, method, uri_in(t->contact));
	buf_printf(b,
		";rport;branch=z9hG4bKw%s-%llu\r\nMax-Forwards: 70\r\nFrom: %.*s\r\nTo: %.*s\r\n"
		"Call-ID: %.*s\r\nCSeq: %u %s\r\n",
		a->host + 1, (unsigned long long)++a->branches, STR_ARG(t->from), STR_ARG(t->to),
		STR_ARG(t->call_id), cseq, method);
	for (unsigned i = t->route_count; i > 0; i--)
		buf_printf(b, "Route: %.*s\r\n", STR_ARG(t->routes[i - 1]));
	print_end(b, STR_NONE);
}

void print_answer(struct agents *a, struct phone *p, const struct text *t, struct buf *b,
	const char *status, struct str body)
{
	buf_printf(b, "SIP/2.0 %s\r\n", status);
	for (unsigned i = 0; i < t->via_count; i++)
		buf_printf(b, "Via: %.*s\r\n", STR_ARG(t->vias[i]));
	for (unsigned i = 0; i < t->route_count; i++)
		buf_printf(b, "Record-Route: %.*s\r\n", STR_ARG(t->routes[i]));
	buf_printf(b, "From: %.*s\r\nTo: %.*s", STR_ARG(t->from), STR_ARG(t->to));
	if (!memmem(t->to.p, t->to.n, ";tag=", 5))
		buf_printf(b, ";tag=c%u", p->op);
	buf_printf(b, "\r\nCall-ID: %.*s\r\nCSeq: %u %.*s\r\n", STR_ARG(t->call_id), t->cseq,
		STR_ARG(t->method));
	if (str_eq(t->method, STR("INVITE")))
		print_contact(a, p, b);
	print_end(b, body);
}
