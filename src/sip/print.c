/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>

#include "sip/print.h"

void sip_print_request_line(struct buf *b, struct str method, struct str uri)
{
	buf_add(b, method);
	buf_char(b, ' ');
	buf_add(b, uri);
	buf_lit(b, " SIP/2.0\r\n");
}

void sip_print_status_line(struct buf *b, unsigned status, struct str reason)
{
	buf_lit(b, "SIP/2.0 ");
	buf_u64(b, status);
	buf_char(b, ' ');
	buf_add(b, reason.n ? reason : sip_reason(status));
	buf_lit(b, "\r\n");
}

/* The value on one line: whatever breaks lines becomes a space. */
static void add_value(struct buf *b, struct str value)
{
	size_t start = b->n;

	buf_add(b, value);
	if (b->full || !value.n ||
		(!memchr(value.p, '\n', value.n) && !memchr(value.p, '\r', value.n)))
		return;
	for (size_t i = start; i < b->n; i++)
		if (b->p[i] == '\r' || b->p[i] == '\n')
			b->p[i] = ' ';
}

static void name_and_colon(struct buf *b, struct str name)
{
	buf_add(b, name);
	buf_lit(b, ": ");
}

void sip_print_hdr_named(struct buf *b, struct str name, struct str value)
{
	add_value(b, name);
	buf_lit(b, ": ");
	add_value(b, value);
	buf_lit(b, "\r\n");
}

void sip_print_hdr(struct buf *b, enum sip_hdr_id id, struct str value)
{
	name_and_colon(b, sip_hdr_name(id));
	add_value(b, value);
	buf_lit(b, "\r\n");
}

void sip_print_hdr_u32(struct buf *b, enum sip_hdr_id id, uint32_t value)
{
	name_and_colon(b, sip_hdr_name(id));
	buf_u64(b, value);
	buf_lit(b, "\r\n");
}

void sip_print_hdr_fmt(struct buf *b, enum sip_hdr_id id, const char *fmt, ...)
{
	char mem[2048];
	struct buf value = BUF_OF(mem);
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&value, fmt, args);
	va_end(args);
	if (buf_ok(&value))
		sip_print_hdr(b, id, buf_str(&value));
	else
		b->full = true;
}

void sip_print_copy(struct buf *b, const struct sip_msg *from, enum sip_hdr_id id)
{
	if (!from->first[id])
		return;
	for (unsigned i = from->first[id] - 1u; i < from->hdr_count; i++)
		if (from->hdrs[i].id == id)
			sip_print_hdr(b, id, from->hdrs[i].value);
}

void sip_print_body(struct buf *b, struct str type, struct str body)
{
	if (type.n)
		sip_print_hdr(b, SIP_HDR_CONTENT_TYPE, type);
	sip_print_hdr_u32(b, SIP_HDR_CONTENT_LENGTH, (uint32_t)body.n);
	buf_lit(b, "\r\n");
	buf_add(b, body);
}

/* ---- responses ---- */

/*
 * The top Via with received and rport (RFC 3261 18.2.1, RFC 3581 4). What the client wrote there
 * itself is dropped: only what we saw counts.
 */
static void top_via(struct buf *b, const struct sip_via *v, struct str ip, uint16_t port)
{
	struct str rest = v->params, name, value;

	buf_lit(b, "SIP/2.0/");
	buf_add(b, v->transport);
	buf_char(b, ' ');
	buf_add(b, v->host);
	if (v->port) {
		buf_char(b, ':');
		buf_u64(b, v->port);
	}
	while (sip_param_next(&rest, ';', &name, &value)) {
		if (str_ieq(name, STR("received")) || str_ieq(name, STR("rport")))
			continue;
		buf_char(b, ';');
		add_value(b, name);
		if (value.p) {
			buf_char(b, '=');
			add_value(b, value);
		}
	}
	buf_lit(b, ";received=");
	buf_add(b, ip);
	buf_lit(b, ";rport=");
	buf_u64(b, port);
}

/* All Via fields as they came, but for the first value of the first one. */
static void print_vias(struct buf *b, const struct sip_msg *req, struct str ip, uint16_t port)
{
	unsigned first = req->first[SIP_HDR_VIA];
	struct str rest, top;

	if (!first)
		return;
	rest = req->hdrs[first - 1].value;
	sip_list_next(&rest, &top);
	name_and_colon(b, STR("Via"));
	top_via(b, &req->via, ip, port);
	if (rest.n) {
		buf_lit(b, ", ");
		add_value(b, str_trim(rest));
	}
	buf_lit(b, "\r\n");
	for (unsigned i = first; i < req->hdr_count; i++)
		if (req->hdrs[i].id == SIP_HDR_VIA)
			sip_print_hdr(b, SIP_HDR_VIA, req->hdrs[i].value);
}

/* A malformed request may lack it: then so does its refusal. */
static void print_same(struct buf *b, const struct sip_msg *req, enum sip_hdr_id id)
{
	if (req->first[id])
		sip_print_hdr(b, id, sip_msg_hdr(req, id));
}

static void print_to(struct buf *b, const struct sip_msg *req, struct str tag)
{
	if (!req->first[SIP_HDR_TO])
		return;
	name_and_colon(b, STR("To"));
	add_value(b, sip_msg_hdr(req, SIP_HDR_TO));
	if (!req->to.tag.p && tag.n) {
		buf_lit(b, ";tag=");
		add_value(b, tag);
	}
	buf_lit(b, "\r\n");
}

void sip_print_reply(struct buf *b, const struct sip_msg *req, struct str source_ip,
	uint16_t source_port, const struct sip_reply *r)
{
	sip_print_status_line(b, r->status, r->reason);
	print_vias(b, req, source_ip, source_port);
	if (r->record_route)
		sip_print_copy(b, req, SIP_HDR_RECORD_ROUTE);
	print_same(b, req, SIP_HDR_FROM);
	print_to(b, req, r->to_tag);
	print_same(b, req, SIP_HDR_CALL_ID);
	print_same(b, req, SIP_HDR_CSEQ);
	if (r->contact.n)
		sip_print_hdr(b, SIP_HDR_CONTACT, r->contact);
	for (unsigned i = 0; i < r->extra_count; i++) {
		const struct sip_extra *x = &r->extra[i];

		if (x->name.n)
			sip_print_hdr_named(b, x->name, x->value);
		else
			sip_print_hdr(b, x->id, x->value);
	}
	sip_print_body(b, r->content_type, r->body);
}

struct str sip_reason(unsigned status)
{
	static const struct {
		unsigned status;
		struct str text;
	} reasons[] = {
#define R(code, phrase)                                                                            \
	{                                                                                          \
		code,                                                                              \
		{                                                                                  \
			phrase, sizeof(phrase) - 1                                                 \
		}                                                                                  \
	}
		R(100, "Trying"),
		R(180, "Ringing"),
		R(181, "Call Is Being Forwarded"),
		R(182, "Queued"),
		R(183, "Session Progress"),
		R(199, "Early Dialog Terminated"),
		R(200, "OK"),
		R(202, "Accepted"),
		R(204, "No Notification"),
		R(300, "Multiple Choices"),
		R(301, "Moved Permanently"),
		R(302, "Moved Temporarily"),
		R(305, "Use Proxy"),
		R(380, "Alternative Service"),
		R(400, "Bad Request"),
		R(401, "Unauthorized"),
		R(402, "Payment Required"),
		R(403, "Forbidden"),
		R(404, "Not Found"),
		R(405, "Method Not Allowed"),
		R(406, "Not Acceptable"),
		R(407, "Proxy Authentication Required"),
		R(408, "Request Timeout"),
		R(410, "Gone"),
		R(412, "Conditional Request Failed"),
		R(413, "Request Entity Too Large"),
		R(414, "Request-URI Too Long"),
		R(415, "Unsupported Media Type"),
		R(416, "Unsupported URI Scheme"),
		R(420, "Bad Extension"),
		R(421, "Extension Required"),
		R(422, "Session Interval Too Small"),
		R(423, "Interval Too Brief"),
		R(428, "Use Identity Header"),
		R(429, "Provide Referrer Identity"),
		R(430, "Flow Failed"),
		R(433, "Anonymity Disallowed"),
		R(437, "Unsupported Certificate"),
		R(439, "First Hop Lacks Outbound Support"),
		R(480, "Temporarily Unavailable"),
		R(481, "Call/Transaction Does Not Exist"),
		R(482, "Loop Detected"),
		R(483, "Too Many Hops"),
		R(484, "Address Incomplete"),
		R(485, "Ambiguous"),
		R(486, "Busy Here"),
		R(487, "Request Terminated"),
		R(488, "Not Acceptable Here"),
		R(489, "Bad Event"),
		R(491, "Request Pending"),
		R(493, "Undecipherable"),
		R(494, "Security Agreement Required"),
		R(500, "Server Internal Error"),
		R(501, "Not Implemented"),
		R(502, "Bad Gateway"),
		R(503, "Service Unavailable"),
		R(504, "Server Time-out"),
		R(505, "Version Not Supported"),
		R(513, "Message Too Large"),
		R(580, "Precondition Failure"),
		R(600, "Busy Everywhere"),
		R(603, "Decline"),
		R(604, "Does Not Exist Anywhere"),
		R(606, "Not Acceptable"),
		R(607, "Unwanted"),
#undef R
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return STR("Unknown");
}
