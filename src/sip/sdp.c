/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/sdp.h"

static struct str word(struct str *rest)
{
	size_t n = str_find(*rest, ' ');
	struct str w = str_first(*rest, n);

	*rest = str_from(*rest, n + 1);
	return w;
}

/*
 * c=IN IP4 192.0.2.1 or c=IN IP4 224.2.1.1/127/3: the address without TTL and count. Empty, but
 * with a place, when it is of another kind.
 */
static struct str connection_address(struct str value)
{
	struct str address = str_first(value, 0);

	if (!str_ieq(word(&value), STR("IN")) || !str_istarts(word(&value), STR("IP")))
		return address;
	address = word(&value);
	return str_first(address, str_find(address, '/'));
}

/* m=<media> <port>["/"<count>] <proto> <fmt> … */
static enum err parse_media(struct sdp *sdp, struct str line)
{
	struct sdp_media *m = &sdp->media[sdp->media_count];
	struct str rest = str_from(line, 2), port;
	uint32_t number;

	if (sdp->media_count == SDP_MEDIA_MAX)
		return ERR_LIMIT;
	*m = (struct sdp_media){ .line = line, .direction = SDP_SENDRECV };
	m->type = word(&rest);
	port = word(&rest);
	m->proto = word(&rest);
	m->port_text = str_first(port, str_find(port, '/'));
	if (str_u32(m->port_text, &number) || number > UINT16_MAX)
		return ERR_SYNTAX;
	m->port = (uint16_t)number;
	sdp->media_count++;
	return ERR_OK;
}

/* a=rtcp:<port> [IN IP4 <address>] (RFC 3605) */
static void parse_rtcp(struct sdp_media *m, struct str value)
{
	struct str text = word(&value);
	uint32_t port;

	if (str_u32(text, &port) || port > UINT16_MAX)
		return;
	m->rtcp_text = text;
	m->rtcp_port = (uint16_t)port;
	m->rtcp_address = STR_NONE;
	if (value.n)
		m->rtcp_address = connection_address(value);
}

static bool parse_direction(struct str attribute, enum sdp_direction *out)
{
	static const struct str names[] = { { "sendrecv", 8 }, { "sendonly", 8 }, { "recvonly", 8 },
		{ "inactive", 8 } };

	for (int d = SDP_SENDRECV; d <= SDP_INACTIVE; d++) {
		if (str_eq(attribute, names[d])) {
			*out = d;
			return true;
		}
	}
	return false;
}

static bool is_ice(struct str attribute)
{
	return str_starts(attribute, STR("candidate:")) || str_starts(attribute, STR("ice-ufrag:"));
}

struct parsing {
	struct sdp *sdp;
	enum sdp_direction direction; /* of the session */
	bool session_ice;
};

static void parse_attribute(struct parsing *p, struct str attribute)
{
	struct sdp *sdp = p->sdp;
	struct sdp_media *m = sdp->media_count ? &sdp->media[sdp->media_count - 1] : NULL;
	enum sdp_direction d;

	if (is_ice(attribute)) {
		sdp->ice = true;
		if (m)
			m->ice = true;
		else
			p->session_ice = true;
	} else if (m && str_starts(attribute, STR("rtcp:"))) {
		parse_rtcp(m, str_from(attribute, 5));
	} else if (parse_direction(attribute, &d)) {
		if (m)
			m->direction = d;
		else
			p->direction = d;
	}
}

/* o=<username> <sess-id> <sess-version> IN IP4 <address> */
static struct str origin_address(struct str value)
{
	word(&value);
	word(&value);
	word(&value);
	return connection_address(value);
}

static enum err parse_line(struct parsing *p, struct str line)
{
	struct sdp *sdp = p->sdp;

	if (str_starts(line, STR("m="))) {
		enum err e = parse_media(sdp, line);

		if (!e)
			sdp->media[sdp->media_count - 1].direction = p->direction;
		return e;
	}
	if (str_starts(line, STR("o=")))
		sdp->origin = origin_address(str_from(line, 2));
	if (str_starts(line, STR("a=")))
		parse_attribute(p, str_from(line, 2));
	if (str_starts(line, STR("c="))) {
		struct str address = connection_address(str_from(line, 2));

		if (sdp->media_count)
			sdp->media[sdp->media_count - 1].own_connection = address;
		else
			sdp->session_connection = address;
	}
	return ERR_OK;
}

/* next: what stands behind the line. */
static void note_ends(struct sdp *sdp, struct str line, const char *next)
{
	struct sdp_media *m = sdp->media_count ? &sdp->media[sdp->media_count - 1] : NULL;

	if (!m)
		return;
	m->end = next;
	if (line.p == m->line.p || (str_starts(line, STR("i=")) && m->head_end == line.p))
		m->head_end = next;
}

enum err sdp_parse(struct str text, struct sdp *out)
{
	struct parsing p = { .sdp = out, .direction = SDP_SENDRECV };
	struct str rest = text, line;
	enum err e = ERR_OK;

	out->text = text; /* not all of it: media descriptions are set when they come */
	out->origin = out->session_connection = STR_NONE;
	out->ice = false;
	out->media_count = 0;
	if (!str_line(&rest, &line) || !str_eq(line, STR("v=0")))
		return ERR_SYNTAX;
	while (!e && str_line(&rest, &line)) {
		e = parse_line(&p, line);
		note_ends(out, line, text.p + (text.n - rest.n));
	}
	for (unsigned i = 0; i < out->media_count; i++) {
		struct sdp_media *m = &out->media[i];

		m->connection = m->own_connection.p ? m->own_connection : out->session_connection;
		m->ice = m->ice || p.session_ice;
	}
	return e;
}

/* ---- editing ---- */

void sdp_edits_init(struct sdp_edits *e, const struct sdp *sdp)
{
	e->sdp = sdp;
	e->count = 0;
}

/* NULL never: there is room for one of each place of an SDP. */
static struct buf edit(struct sdp_edits *e, const char *at, size_t removed)
{
	struct sdp_edit *one = &e->list[e->count];

	BUG_ON(e->count >= SDP_EDITS_MAX);
	e->count++;
	one->at = at;
	one->removed = removed;
	return BUF_OF(one->text);
}

static void done(struct sdp_edits *e, const struct buf *b)
{
	BUG_ON(!buf_ok(b));
	e->list[e->count - 1].n = b->n;
}

/* As a c= line has it: "IN IP4 192.0.2.1". */
static void print_address(struct buf *b, const struct addr *a)
{
	buf_lit(b, "IN IP");
	buf_char(b, a->sa.sa_family == AF_INET6 ? '6' : '4');
	buf_char(b, ' ');
	addr_print_ip(b, a);
}

void sdp_set_address(struct sdp_edits *e, struct str address, const struct addr *now)
{
	char family = now->sa.sa_family == AF_INET6 ? '6' : '4';
	const char *word_end = address.p - 2; /* of "IP4 " right in front of it */
	bool other = (*word_end == '4' || *word_end == '6') && *word_end != family;
	struct buf b = edit(e, other ? word_end : address.p, address.n + (other ? 2 : 0));

	if (other) {
		buf_char(&b, family);
		buf_char(&b, ' ');
	}
	addr_print_ip(&b, now);
	done(e, &b);
}

void sdp_set_port(struct sdp_edits *e, struct str port_text, uint16_t now)
{
	struct buf b = edit(e, port_text.p, port_text.n);

	buf_printf(&b, "%u", now);
	done(e, &b);
}

/* A whole line put in at `at`; the line ends are those of the media line. */
static void add_line(struct sdp_edits *e, const struct sdp_media *m, const char *at,
	const char *name, const struct addr *a, bool rtcp)
{
	const char *text_end = e->sdp->text.p + e->sdp->text.n;
	const char *behind = m->line.p + m->line.n;
	const char *line_end = behind < text_end && *behind == '\n' ? "\n" : "\r\n";
	bool open = at[-1] != '\n'; /* the last line has no end */
	struct buf b = edit(e, at, 0);

	if (open) /* half an end may be there */
		buf_printf(&b, "%s", at[-1] == '\r' ? "\n" : line_end);
	buf_printf(&b, "%s", name);
	if (rtcp)
		buf_printf(&b, "%u ", addr_port(a));
	print_address(&b, a);
	buf_printf(&b, "%s", open ? "" : line_end);
	done(e, &b);
}

void sdp_add_connection(struct sdp_edits *e, const struct sdp_media *m, const struct addr *now)
{
	add_line(e, m, m->head_end, "c=", now, false);
}

void sdp_set_rtcp(struct sdp_edits *e, const struct sdp_media *m, const struct addr *now)
{
	struct buf b;

	if (!m->rtcp_text.p) {
		add_line(e, m, m->end, "a=rtcp:", now, true);
		return;
	}
	b = edit(e, m->rtcp_text.p, m->rtcp_text.n);
	buf_printf(&b, "%u ", addr_port(now));
	print_address(&b, now);
	done(e, &b);
}

/* By place; what was put in first at one place stays in front. */
static void sort(struct sdp_edits *e)
{
	for (unsigned i = 1; i < e->count; i++) {
		struct sdp_edit one = e->list[i];
		unsigned j = i;

		for (; j && e->list[j - 1].at > one.at; j--)
			e->list[j] = e->list[j - 1];
		e->list[j] = one;
	}
}

void sdp_print_edited(struct buf *b, struct sdp_edits *e)
{
	const char *at = e->sdp->text.p, *end = at + e->sdp->text.n;

	sort(e);
	for (unsigned i = 0; i < e->count; i++) {
		const struct sdp_edit *one = &e->list[i];

		BUG_ON(one->at < at);
		buf_add(b, str_make(at, (size_t)(one->at - at)));
		buf_add(b, str_make(one->text, one->n));
		at = one->at + one->removed;
	}
	buf_add(b, str_make(at, (size_t)(end - at)));
}
