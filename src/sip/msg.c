/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "sip/chars.h"
#include "sip/msg.h"

enum { HEADERS_FIRST_GUESS = 32 };

/*
 * What a parse works on. The header table stands behind the message's bytes in the same
 * allocation; when a message has more fields than were guessed it moves to one of its own.
 */
struct parse {
	struct sip_msg *m;
	struct str rest; /* not yet read */
	struct sip_fault *fault;
	unsigned room; /* of the header table */
	bool repeats; /* a field that holds one value stands there twice */
};

static enum err fail(struct parse *p, unsigned status, const char *reason)
{
	if (p->fault->status == 0) {
		p->fault->status = status;
		p->fault->reason = reason;
	}
	return ERR_SYNTAX;
}

/* ---- life ---- */

struct sip_msg *sip_msg_ref(struct sip_msg *m)
{
	__atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
	return m;
}

static bool own_table(const struct sip_msg *m)
{
	return (const char *)m->hdrs != (const char *)(m + 1);
}

void sip_msg_unref(struct sip_msg *m)
{
	if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (own_table(m))
		free(m->hdrs);
	free(m);
}

static struct sip_msg *msg_new(struct str bytes)
{
	size_t table = HEADERS_FIRST_GUESS * sizeof(struct sip_hdr);
	struct sip_msg *m = mem_alloc(sizeof(*m) + table + bytes.n + 1);
	char *copy = (char *)(m + 1) + table;

	memset(m, 0, sizeof(*m));
	m->refs = 1;
	m->hdrs = (struct sip_hdr *)(m + 1);
	memcpy(copy, bytes.p, bytes.n);
	copy[bytes.n] = '\0';
	m->raw = str_make(copy, bytes.n);
	return m;
}

/* ---- start line ---- */

static enum err parse_status_line(struct parse *p, struct str line)
{
	struct sip_msg *m = p->m;
	struct str version = str_first(line, str_find(line, ' '));
	struct str rest = str_from(line, version.n + 1);
	uint32_t status;

	if (!str_ieq(version, STR("SIP/2.0")) || rest.n < 3 ||
		str_u32(str_first(rest, 3), &status) || status < 100 || status > 699 ||
		(rest.n > 3 && rest.p[3] != ' '))
		return ERR_SYNTAX; /* responses are never answered */
	m->status = status;
	m->reason = str_from(rest, 4);
	return ERR_OK;
}

static bool is_name(struct str s)
{
	return s.n && sip_span(s, SIP_NAME) == s.n;
}

/* Request-Line = Method SP Request-URI SP SIP-Version */
static enum err parse_request_line(struct parse *p, struct str line)
{
	struct sip_msg *m = p->m;
	size_t first = str_find(line, ' '), last = str_rfind(line, ' ');
	struct str version = str_from(line, last + 1);

	if (first == line.n || !is_name(str_first(line, first)))
		return ERR_SYNTAX;
	m->is_request = true;
	m->method_name = str_first(line, first);
	m->method = sip_method_parse(m->method_name);
	m->request_uri = last > first ? str_make(line.p + first + 1, last - first - 1) : STR("");
	if (!str_istarts(version, STR("SIP/")))
		fail(p, 400, "Malformed Request-Line");
	else if (!str_ieq(version, STR("SIP/2.0")))
		fail(p, 505, "Version Not Supported");
	else if (sip_uri_parse(m->request_uri, &m->uri))
		fail(p, 400, "Malformed Request-URI");
	else if (m->uri.headers.p)
		fail(p, 400, "Request-URI with header fields in it");
	return ERR_OK;
}

static enum err parse_start_line(struct parse *p)
{
	struct str line;

	while (p->rest.n && (p->rest.p[0] == '\r' || p->rest.p[0] == '\n'))
		p->rest = str_from(p->rest, 1);
	if (!str_line(&p->rest, &line))
		return ERR_SYNTAX;
	if (str_istarts(line, STR("SIP/")))
		return parse_status_line(p, line);
	return parse_request_line(p, line);
}

/* ---- header fields ---- */

static struct sip_hdr *add_hdr(struct parse *p)
{
	struct sip_msg *m = p->m;

	if (m->hdr_count == p->room) {
		size_t bytes = 2 * (size_t)p->room * sizeof(struct sip_hdr);
		struct sip_hdr *table = mem_alloc(bytes);

		memcpy(table, m->hdrs, m->hdr_count * sizeof(struct sip_hdr));
		if (own_table(m))
			free(m->hdrs);
		m->hdrs = table;
		p->room *= 2;
	}
	return &m->hdrs[m->hdr_count++];
}

static enum err parse_header(struct parse *p, struct str line)
{
	size_t colon = str_find(line, ':');
	struct str name = str_trim(str_first(line, colon));
	enum sip_hdr_id id = sip_hdr_id(name);
	struct sip_msg *m = p->m;

	if (m->hdr_count == SIP_MSG_HEADERS_MAX)
		return fail(p, 400, "Too many header fields");
	if (colon == line.n || (!id && !is_name(name)))
		return fail(p, 400, "Malformed header field");
	*add_hdr(p) = (struct sip_hdr){
		.id = id, .name = name, .value = str_trim(str_from(line, colon + 1))
	};
	if (id && !m->first[id])
		m->first[id] = (uint16_t)m->hdr_count;
	else if (id && !sip_hdr_is_list(id))
		p->repeats = true;
	return ERR_OK;
}

static enum err parse_headers(struct parse *p)
{
	enum err e = ERR_OK;
	struct str line;

	while (sip_hdr_line(&p->rest, &line)) {
		if (line.n == 0)
			return e;
		if (parse_header(p, line))
			e = ERR_SYNTAX; /* go on: the reply needs Via and the like */
	}
	return fail(p, 400, "Header ends without an empty line");
}

/* ---- the fields that every layer needs ---- */

static unsigned count_fields(const struct sip_msg *m, enum sip_hdr_id id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->hdr_count; i++)
		n += m->hdrs[i].id == id;
	return n;
}

/* These name a message: without them there is nobody to answer. */
static enum err parse_identity(struct parse *p)
{
	struct sip_msg *m = p->m;
	struct str via = sip_msg_hdr(m, SIP_HDR_VIA), first;

	if (!sip_list_next(&via, &first))
		return ERR_SYNTAX;
	if (sip_via_parse(first, &m->via)) {
		if (!m->via.host.n)
			return ERR_SYNTAX;
		fail(p, 400, "Malformed Via header");
	}
	m->call_id = sip_msg_hdr(m, SIP_HDR_CALL_ID);
	if (!m->call_id.n)
		fail(p, 400, "Missing Call-ID header");
	else if (sip_find(m->call_id, SIP_BLANK) < m->call_id.n)
		fail(p, 400, "Malformed Call-ID header");
	if (!m->first[SIP_HDR_FROM])
		fail(p, 400, "Missing From header");
	else if (sip_addr_parse(sip_msg_hdr(m, SIP_HDR_FROM), &m->from) || m->from.star)
		fail(p, 400, "Malformed From header");
	if (!m->first[SIP_HDR_TO])
		fail(p, 400, "Missing To header");
	else if (sip_addr_parse(sip_msg_hdr(m, SIP_HDR_TO), &m->to) || m->to.star)
		fail(p, 400, "Malformed To header");
	if (!m->first[SIP_HDR_CSEQ])
		fail(p, 400, "Missing CSeq header");
	else if (sip_cseq_parse(sip_msg_hdr(m, SIP_HDR_CSEQ), &m->cseq))
		fail(p, 400, "Malformed CSeq header");
	return ERR_OK;
}

static void check_cseq(struct parse *p)
{
	struct sip_msg *m = p->m;

	if (!m->is_request) {
		m->method = m->cseq.method;
		m->method_name = m->cseq.method_name;
	} else if (!str_eq(m->cseq.method_name, m->method_name)) {
		fail(p, 400, "CSeq method does not match the request");
	}
}

static void check_repeats(struct parse *p)
{
	static const struct {
		enum sip_hdr_id id;
		const char *reason;
	} single[] = {
		{ SIP_HDR_FROM, "More than one From header" },
		{ SIP_HDR_TO, "More than one To header" },
		{ SIP_HDR_CALL_ID, "More than one Call-ID header" },
		{ SIP_HDR_CSEQ, "More than one CSeq header" },
		{ SIP_HDR_MAX_FORWARDS, "More than one Max-Forwards header" },
		{ SIP_HDR_CONTENT_LENGTH, "More than one Content-Length header" },
		{ SIP_HDR_CONTENT_TYPE, "More than one Content-Type header" },
	};

	for (size_t i = 0; p->repeats && i < sizeof(single) / sizeof(*single); i++)
		if (count_fields(p->m, single[i].id) > 1)
			fail(p, 400, single[i].reason);
}

static void check_max_forwards(struct parse *p)
{
	struct sip_msg *m = p->m;
	struct str v = sip_msg_hdr(m, SIP_HDR_MAX_FORWARDS);

	if (!v.p)
		return;
	m->has_max_forwards = true;
	if (str_u32(v, &m->max_forwards) || m->max_forwards > 255)
		fail(p, 400, "Malformed Max-Forwards header");
}

static void take_body(struct parse *p)
{
	struct sip_msg *m = p->m;
	struct str v = sip_msg_hdr(m, SIP_HDR_CONTENT_LENGTH);
	uint32_t length;

	m->body = p->rest;
	if (!v.p)
		return;
	if (str_u32(v, &length))
		fail(p, 400, "Malformed Content-Length header");
	else if (length > p->rest.n)
		fail(p, 400, "Content-Length is larger than the message");
	else
		m->body = str_first(p->rest, length);
}

static enum err parse_all(struct parse *p)
{
	enum err e = parse_start_line(p);

	if (e)
		return e;
	if (parse_headers(p))
		p->rest = STR("");
	e = parse_identity(p);
	if (e)
		return e;
	check_cseq(p);
	check_repeats(p);
	check_max_forwards(p);
	take_body(p);
	return p->fault->status ? ERR_SYNTAX : ERR_OK;
}

/* Whether sip_print_reply can make sense of it: responses and ACK are never answered. */
static bool answerable(const struct sip_msg *m)
{
	return m->is_request && m->method != SIP_ACK && m->via.host.n;
}

enum err sip_msg_parse(struct str bytes, struct sip_msg **out, struct sip_fault *fault)
{
	struct parse p = { .fault = fault, .room = HEADERS_FIRST_GUESS };
	enum err e;

	*fault = (struct sip_fault){ 0 };
	*out = NULL;
	if (bytes.n > SIP_MSG_MAX)
		return ERR_LIMIT;
	p.m = msg_new(bytes);
	p.rest = p.m->raw;
	e = parse_all(&p);
	if (e && (fault->status == 0 || !answerable(p.m))) {
		*fault = (struct sip_fault){ .reason = fault->reason };
		sip_msg_unref(p.m);
		return e;
	}
	*out = p.m;
	return e;
}

/* ---- access ---- */

struct str sip_msg_hdr(const struct sip_msg *m, enum sip_hdr_id id)
{
	return m->first[id] ? m->hdrs[m->first[id] - 1].value : STR_NONE;
}

struct str sip_msg_hdr_named(const struct sip_msg *m, struct str name)
{
	enum sip_hdr_id id = sip_hdr_id(name);

	if (id)
		return sip_msg_hdr(m, id);
	for (unsigned i = 0; i < m->hdr_count; i++)
		if (str_ieq(m->hdrs[i].name, name))
			return m->hdrs[i].value;
	return STR_NONE;
}

bool sip_msg_next(
	const struct sip_msg *m, enum sip_hdr_id id, struct sip_hdr_iter *it, struct str *value)
{
	for (;;) {
		if (it->rest.p && sip_list_next(&it->rest, value))
			return true;
		if (it->index == 0)
			it->index = m->first[id] ? m->first[id] - 1u : m->hdr_count;
		while (it->index < m->hdr_count && m->hdrs[it->index].id != id)
			it->index++;
		if (it->index >= m->hdr_count)
			return false;
		*value = m->hdrs[it->index++].value;
		if (!sip_hdr_is_list(id))
			return true;
		it->rest = *value;
		if (!it->rest.p || it->rest.n == 0)
			it->rest = STR_NONE;
	}
}

bool sip_msg_list_has(const struct sip_msg *m, enum sip_hdr_id id, struct str wanted)
{
	struct sip_hdr_iter it = { 0 };
	struct str v;

	while (sip_msg_next(m, id, &it, &v))
		if (str_ieq(v, wanted))
			return true;
	return false;
}
