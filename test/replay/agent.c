/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "agent.h"
#include "sip/digest.h"
#include "sip/print.h"

enum { MESSAGE_MAX = 60000 };

static struct str keep(struct agent *a, const char *text)
{
	return arena_str(&a->arena, str_of(text));
}

static struct str host_of(struct agent *a)
{
	char text[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text);

	addr_print(&b, addr_set(&a->own) ? &a->own : &a->addr);
	return arena_str(&a->arena, buf_str(&b));
}

static const struct override *find(const struct wish_list *w, struct str name)
{
	for (unsigned i = 0; i < w->count; i++)
		if (str_ieq(w->list[i].name, name))
			return &w->list[i];
	return NULL;
}

/* Writes a field unless the scenario gives its own value for it, or takes it away. */
static void field(struct buf *b, const struct wish_list *w, const char *name, struct str value)
{
	char removed[64];

	snprintf(removed, sizeof(removed), "-%s", name);
	if (find(w, str_of(name)) || find(w, str_of(removed)))
		return;
	sip_print_hdr_named(b, str_of(name), value);
}

static void overrides(struct buf *b, const struct wish_list *w)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->list[i].name.n && w->list[i].name.p[0] != '-' &&
			!str_eq(w->list[i].name, STR("Request-URI")))
			sip_print_hdr_named(b, w->list[i].name, w->list[i].value);
}

struct str agent_sdp(struct agent *a, bool fresh)
{
	char ip[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(ip);

	a->sdp_version += fresh || !a->sdp_version;
	addr_print_ip(&b, addr_set(&a->own) ? &a->own : &a->addr);
	return keep(a,
		arena_printf(&a->arena,
			"v=0\r\no=%s 1 %u IN IP4 %.*s\r\ns=-\r\nc=IN IP4 %.*s\r\nt=0 0\r\n"
			"m=audio %u RTP/AVP 0 8\r\na=sendrecv\r\n",
			a->name, a->sdp_version, STR_ARG(buf_str(&b)), STR_ARG(buf_str(&b)),
			10000 + a->sdp_version));
}

static void transmit(struct world *w, struct agent *a, struct buf *b)
{
	BUG_ON(!buf_ok(b));
	a->sent = arena_str(&a->arena, buf_str(b));
	world_send(w, a, a->sent);
}

void agent_repeat(struct world *w, struct agent *a)
{
	world_send(w, a, a->sent);
}

void agent_raw(struct world *w, struct agent *a, struct str text)
{
	char *mem = mem_alloc(MESSAGE_MAX);
	struct buf b = { .p = mem, .max = MESSAGE_MAX };

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			buf_char(&b, '\r');
		buf_char(&b, text.p[i]);
	}
	transmit(w, a, &b);
	free(mem);
}

static void add_body(struct buf *b, struct agent *a, const struct wish_list *w)
{
	bool own_length = find(w, STR("Content-Length"));

	if (w->body.n && !find(w, STR("Content-Type")))
		sip_print_hdr(
			b, SIP_HDR_CONTENT_TYPE, w->type.n ? w->type : STR("application/sdp"));
	if (!own_length)
		sip_print_hdr_u32(b, SIP_HDR_CONTENT_LENGTH, (uint32_t)w->body.n);
	buf_lit(b, "\r\n");
	buf_add(b, w->body);
	if (w->body.n)
		a->body = arena_str(&a->arena, w->body);
}

/* ---- requests ---- */

static void add_auth(struct buf *b, struct agent *a, const struct wish_list *w, struct str method,
	struct str uri)
{
	struct digest_credentials cred = { .username = w->auth_user, .password = w->auth_password };
	struct digest_challenge c;

	if (!w->auth_user.n || digest_challenge_parse(a->challenge, &c))
		return;
	if (w->tamper)
		cred.password = STR("not the password");
	buf_add(b, a->proxy_challenge ? STR("Proxy-Authorization: ") : STR("Authorization: "));
	BUG_ON(digest_answer(b, &c, &cred, method, uri, w->body, STR("cnonce"), ++a->nc) != ERR_OK);
	buf_lit(b, "\r\n");
}

static struct str new_token(struct agent *a, const char *what)
{
	return keep(a, arena_printf(&a->arena, "%s-%s-%u", what, a->name, ++a->serial));
}

/* The dialog of a request outside of one; a repeated INVITE or REGISTER keeps its Call-ID. */
static void begin_dialog(struct agent *a, struct str method, struct str uri, bool go_on)
{
	struct str host = host_of(a);

	(void)method;
	if (!go_on || !a->call_id.n) {
		a->call_id = keep(a,
			arena_printf(&a->arena, "%.*s@%s", STR_ARG(new_token(a, "call")), a->name));
		a->local_tag = new_token(a, "tag");
		a->cseq = 0;
	}
	a->remote_tag = STR_NONE;
	a->routes = STR_NONE;
	a->local = keep(a,
		arena_printf(
			&a->arena, "<sip:%s@%s>", a->name, a->domain.n ? a->domain.p : host.p));
	a->remote = keep(a, arena_printf(&a->arena, "<%.*s>", STR_ARG(uri)));
	a->target = arena_str(&a->arena, uri);
}

static void print_party(struct buf *b, const struct wish_list *w, const char *name,
	struct str value, struct str tag)
{
	char text[1024];
	struct buf v = BUF_OF(text);

	buf_add(&v, value);
	if (tag.n) {
		buf_lit(&v, ";tag=");
		buf_add(&v, tag);
	}
	field(b, w, name, buf_str(&v));
}

static struct str via_of(struct agent *a, struct str branch)
{
	return keep(a,
		arena_printf(&a->arena, "SIP/2.0/%s %.*s;branch=%.*s;rport",
			tp_proto_via(a->proto).p, STR_ARG(host_of(a)), STR_ARG(branch)));
}

static struct str contact_of(struct agent *a)
{
	return keep(a,
		arena_printf(&a->arena, "<sip:%s@%.*s%s>", a->name, STR_ARG(host_of(a)),
			a->proto == TP_TCP ? ";transport=tcp" : ""));
}

/* Of the last provisional answer. */
static void add_rack(struct buf *b, struct agent *a, const struct wish_list *w)
{
	char text[64];

	if (!a->response)
		return;
	snprintf(text, sizeof(text), "%.*s %u INVITE",
		STR_ARG(sip_msg_hdr(a->response, SIP_HDR_RSEQ)), a->response->cseq.number);
	field(b, w, "RAck", str_of(text));
}

bool agent_request(struct world *w, struct agent *a, struct str method, struct str uri,
	const struct wish_list *wishes, const char **why)
{
	bool ack = str_eq(method, STR("ACK")), cancel = str_eq(method, STR("CANCEL"));
	bool invite = str_eq(method, STR("INVITE"));
	bool non_2xx_ack = ack && a->response && a->response->status >= 300;
	struct str branch = cancel || non_2xx_ack ? a->invite_branch : new_token(a, "z9hG4bK");
	char *mem = mem_alloc(MESSAGE_MAX), number[64];
	struct buf b = { .p = mem, .max = MESSAGE_MAX };
	uint32_t cseq;

	if (uri.n)
		begin_dialog(a, method, uri, wishes->auth_user.n > 0);
	if (!a->call_id.n) {
		*why = "it has no dialog: name a URI";
		free(mem);
		return false;
	}
	if (cancel || non_2xx_ack)
		uri = a->invite_uri;
	else if (!uri.n)
		uri = a->target;
	if (find(wishes, STR("Request-URI")))
		uri = find(wishes, STR("Request-URI"))->value;
	cseq = ack || cancel ? a->invite_cseq : ++a->cseq;
	if (invite) {
		a->invite_branch = branch;
		a->invite_uri = arena_str(&a->arena, uri);
		a->invite_cseq = cseq;
	}
	sip_print_request_line(&b, method, uri);
	field(&b, wishes, "Via", via_of(a, branch));
	field(&b, wishes, "Max-Forwards", STR("70"));
	if (a->routes.n && !cancel)
		field(&b, wishes, "Route", a->routes);
	print_party(&b, wishes, "From", a->local, a->local_tag);
	print_party(&b, wishes, "To", a->remote,
		non_2xx_ack      ? a->response->to.tag
			: cancel ? STR_NONE
				 : a->remote_tag);
	field(&b, wishes, "Call-ID", a->call_id);
	snprintf(number, sizeof(number), "%u %.*s", cseq, STR_ARG(method));
	field(&b, wishes, "CSeq", str_of(number));
	if (!ack && !cancel && !str_eq(method, STR("BYE")))
		field(&b, wishes, "Contact", contact_of(a));
	add_auth(&b, a, wishes, method, uri);
	if (str_eq(method, STR("PRACK")))
		add_rack(&b, a, wishes);
	overrides(&b, wishes);
	add_body(&b, a, wishes);
	transmit(w, a, &b);
	free(mem);
	return true;
}

/* ---- responses ---- */

static void copy_all(struct buf *b, const struct wish_list *w, const struct sip_msg *req,
	enum sip_hdr_id id, const char *name)
{
	if (!find(w, str_of(name)))
		sip_print_copy(b, req, id);
}

bool agent_respond(struct world *w, struct agent *a, unsigned status, struct str reason,
	struct str method, const struct wish_list *wishes, const char **why)
{
	struct sip_msg *req = str_eq(method, STR("INVITE")) ? a->invite_in : a->request;
	char *mem, to[1024];
	struct buf b, tb = BUF_OF(to);

	if (!req || (method.n && !str_eq(req->method_name, method))) {
		*why = "it has received no such request";
		return false;
	}
	mem = mem_alloc(MESSAGE_MAX);
	buf_init(&b, mem, MESSAGE_MAX);
	sip_print_status_line(&b, status, reason);
	copy_all(&b, wishes, req, SIP_HDR_VIA, "Via");
	copy_all(&b, wishes, req, SIP_HDR_RECORD_ROUTE, "Record-Route");
	copy_all(&b, wishes, req, SIP_HDR_FROM, "From");
	buf_add(&tb, sip_msg_hdr(req, SIP_HDR_TO));
	if (!a->local_tag.n)
		a->local_tag = new_token(a, "tag");
	if (!req->to.tag.p && status > 100) {
		buf_lit(&tb, ";tag=");
		buf_add(&tb, a->local_tag);
	}
	field(&b, wishes, "To", buf_str(&tb));
	copy_all(&b, wishes, req, SIP_HDR_CALL_ID, "Call-ID");
	copy_all(&b, wishes, req, SIP_HDR_CSEQ, "CSeq");
	if (status > 100 && status < 300)
		field(&b, wishes, "Contact", contact_of(a));
	overrides(&b, wishes);
	add_body(&b, a, wishes);
	transmit(w, a, &b);
	free(mem);
	return true;
}

/* ---- what it learns ---- */

static struct str bare(struct agent *a, const struct sip_addr *from)
{
	char text[1024];
	struct buf b = BUF_OF(text);
	struct sip_addr copy = *from;

	copy.params = STR_NONE;
	sip_addr_print(&b, &copy);
	return arena_str(&a->arena, buf_str(&b));
}

static void learn_target(struct agent *a, const struct sip_msg *m)
{
	struct sip_hdr_iter it = { 0 };
	struct sip_addr c;
	struct str v;

	if (sip_msg_next(m, SIP_HDR_CONTACT, &it, &v) && !sip_addr_parse(v, &c) && !c.star)
		a->target = arena_str(&a->arena, c.uri.text);
}

static void keep_msg(struct sip_msg **at, struct sip_msg *m)
{
	sip_msg_ref(m);
	sip_msg_unref(*at);
	*at = m;
}

static void saw_request(struct agent *a, struct sip_msg *m)
{
	if (m->method == SIP_ACK || m->method == SIP_CANCEL) {
		if (m->method == SIP_CANCEL)
			keep_msg(&a->request, m);
		return;
	}
	keep_msg(&a->request, m);
	if (m->method != SIP_INVITE && m->method != SIP_SUBSCRIBE)
		return;
	if (m->method == SIP_INVITE)
		keep_msg(&a->invite_in, m);
	if (!m->to.tag.p) { /* a new call */
		a->call_id = arena_str(&a->arena, m->call_id);
		a->local_tag = new_token(a, "tag");
		a->cseq = 100;
	}
	a->remote_tag = arena_str(&a->arena, m->from.tag);
	a->local = bare(a, &m->to);
	a->remote = bare(a, &m->from);
	a->routes = arena_str(&a->arena, sip_msg_hdr(m, SIP_HDR_RECORD_ROUTE));
	learn_target(a, m);
}

static void saw_response(struct agent *a, struct sip_msg *m)
{
	struct str challenge = sip_msg_hdr(m, SIP_HDR_WWW_AUTHENTICATE);
	bool proxy = !challenge.p;

	keep_msg(&a->response, m);
	if (proxy)
		challenge = sip_msg_hdr(m, SIP_HDR_PROXY_AUTHENTICATE);
	if (challenge.p) {
		a->proxy_challenge = proxy;
		a->challenge = arena_str(&a->arena, challenge);
		a->nc = 0;
	}
	if (m->to.tag.p && m->status > 100 && m->status < 300 && m->method != SIP_REGISTER) {
		a->remote_tag = arena_str(&a->arena, m->to.tag);
		if (m->method == SIP_INVITE || m->method == SIP_UPDATE)
			learn_target(a, m);
	}
}

void agent_saw(struct agent *a, struct sip_msg *m)
{
	if (m->is_request)
		saw_request(a, m);
	else
		saw_response(a, m);
}

void agent_forget(struct agent *a)
{
	a->call_id = STR_NONE;
}
