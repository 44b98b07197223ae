/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/sdp.h"

static struct str word(struct str *rest)
{
	size_t n = str_find(*rest, ' ');
	struct str w = str_first(*rest, n);

	*rest = str_from(*rest, n + 1);
	return w;
}

/* c=IN IP4 192.0.2.1 or c=IN IP4 224.2.1.1/127/3: the address without TTL and count. */
static struct str connection_address(struct str value)
{
	struct str address;

	if (!str_ieq(word(&value), STR("IN")) || !str_istarts(word(&value), STR("IP")))
		return STR_NONE;
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
	if (str_u32(str_first(port, str_find(port, '/')), &number) || number > UINT16_MAX)
		return ERR_SYNTAX;
	m->port = (uint16_t)number;
	sdp->media_count++;
	return ERR_OK;
}

/* a=rtcp:<port> [IN IP4 <address>] (RFC 3605) */
static void parse_rtcp(struct sdp_media *m, struct str value)
{
	uint32_t port;

	if (str_u32(word(&value), &port) || port > UINT16_MAX)
		return;
	m->rtcp_port = (uint16_t)port;
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

static enum err parse_line(struct parsing *p, struct str line)
{
	struct sdp *sdp = p->sdp;

	if (str_starts(line, STR("m="))) {
		enum err e = parse_media(sdp, line);

		if (!e)
			sdp->media[sdp->media_count - 1].direction = p->direction;
		return e;
	}
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

enum err sdp_parse(struct str text, struct sdp *out)
{
	struct parsing p = { .sdp = out, .direction = SDP_SENDRECV };
	struct str rest = text, line;
	enum err e = ERR_OK;

	*out = (struct sdp){ .text = text };
	if (!str_line(&rest, &line) || !str_eq(line, STR("v=0")))
		return ERR_SYNTAX;
	while (!e && str_line(&rest, &line))
		e = parse_line(&p, line);
	for (unsigned i = 0; i < out->media_count; i++) {
		struct sdp_media *m = &out->media[i];

		m->connection = m->own_connection.p ? m->own_connection : out->session_connection;
		m->ice = m->ice || p.session_ice;
	}
	return e;
}

/* ---- rewriting ---- */

struct place { /* an address in the text, and what it is of */
	struct str address;
	const struct sdp_media *media; /* NULL: the session's */
};

enum { PLACES_MAX = 1 + 2 * SDP_MEDIA_MAX };

/* In the order in which they stand in the text. */
static unsigned find_places(const struct sdp *sdp, struct place places[PLACES_MAX])
{
	unsigned n = 0;

	if (sdp->session_connection.p)
		places[n++] = (struct place){ sdp->session_connection, NULL };
	for (unsigned i = 0; i < sdp->media_count; i++) {
		const struct sdp_media *m = &sdp->media[i];
		struct str first = m->own_connection, second = m->rtcp_address;

		if (first.p && second.p && second.p < first.p) {
			first = m->rtcp_address;
			second = m->own_connection;
		}
		if (first.p)
			places[n++] = (struct place){ first, m };
		if (second.p)
			places[n++] = (struct place){ second, m };
	}
	return n;
}

/* "IP4 " stands right in front of every address; it follows the new address's family. */
static void copy_up_to_family(struct buf *b, const char *from, struct str address, struct str now)
{
	size_t n = (size_t)(address.p - from);
	bool v6 = str_find(now, ':') < now.n;

	buf_add(b, str_make(from, n));
	if (!b->full && b->n >= 2 && (b->p[b->n - 2] == '4' || b->p[b->n - 2] == '6'))
		b->p[b->n - 2] = v6 ? '6' : '4';
}

void sdp_rewrite(struct buf *b, const struct sdp *sdp, sdp_replace_fn *replace, void *arg)
{
	struct place places[PLACES_MAX];
	unsigned count = find_places(sdp, places);
	const char *at = sdp->text.p, *end = at + sdp->text.n;

	for (unsigned i = 0; i < count; i++) {
		struct str now = replace(places[i].address, places[i].media, arg);

		if (!now.p)
			continue;
		copy_up_to_family(b, at, places[i].address, now);
		buf_add(b, now);
		at = places[i].address.p + places[i].address.n;
	}
	buf_add(b, str_make(at, (size_t)(end - at)));
}
