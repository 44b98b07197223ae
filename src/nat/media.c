/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/media.h"

enum nat_policy nat_policy_of(struct str text)
{
	if (str_ieq(text, STR("never")))
		return NAT_NEVER;
	return str_ieq(text, STR("always")) ? NAT_ALWAYS : NAT_AUTO;
}

static bool outside(const struct nat_side *s)
{
	return addr_set(&s->observed) && !addr_is_private(&s->observed);
}

/* Whether the SDP passes as it is, whatever addresses are in it. */
static bool keeps_all(const struct nat_media *m, bool ice, enum nat_reason *why)
{
	const struct nat_side *from = &m->from, *to = &m->to;

	if (ice)
		*why = NAT_KEPT_ICE;
	else if (m->leave)
		*why = NAT_KEPT_OPTION;
	else if (from->policy == NAT_NEVER || (to->provider && to->policy == NAT_NEVER))
		*why = NAT_KEPT_POLICY;
	else if (from->network.n && str_ieq(from->network, to->network))
		*why = NAT_KEPT_NETWORK;
	else if (from->policy != NAT_ALWAYS && addr_set(&from->observed) &&
		addr_ip_eq(&from->observed, &to->observed))
		*why = NAT_KEPT_ADDRESS;
	else
		return false;
	return true;
}

/* 224.0.0.0/4, ff00::/8 */
static bool is_multicast(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
	return IN_MULTICAST(ntohl(a->in4.sin_addr.s_addr));
}

/* As far as one can tell without a netmask: /24, or /64. */
static bool same_network(const struct addr *a, const struct addr *b)
{
	struct addr_range around = { .base = *b, .bits = 64 };

	if (b->sa.sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&b->in6.sin6_addr))
		around.bits = 96 + 24;
	return addr_in_range(a, &around);
}

static bool seen_by_rendezvous(const struct nat_media *m, const struct addr *own, struct addr *seen)
{
	if (!m->rendezvous || !addr_port(own) ||
		!m->rendezvous->find(m->rendezvous->arg, &m->from.observed, own, seen) ||
		!addr_port(seen))
		return false;
	return !addr_is_private(seen) || !outside(&m->to);
}

static enum nat_reason give(const struct addr *ip, enum nat_reason why, struct addr *now)
{
	uint16_t port = addr_port(now);

	if (addr_ip_eq(ip, now))
		return NAT_KEPT_REACHABLE;
	*now = *ip;
	addr_set_port(now, port);
	return why;
}

/* A router's public address stands for what is behind it of the same family only. */
static bool same_family(const struct addr *a, const struct addr *b)
{
	return a->sa.sa_family == b->sa.sa_family;
}

/* What is told to the other side instead of `own`; *now begins as that. */
static enum nat_reason decide(const struct nat_media *m, const struct addr *own, struct addr *now)
{
	const struct addr *observed = &m->from.observed;
	struct addr seen;

	*now = *own;
	if (addr_is_any(own) || is_multicast(own))
		return NAT_NO_MEDIA;
	if (seen_by_rendezvous(m, own, &seen)) {
		*now = seen;
		return NAT_BY_RENDEZVOUS;
	}
	if (m->from.policy != NAT_ALWAYS) {
		if (!addr_is_private(own))
			return NAT_KEPT_REACHABLE;
		if (addr_is_private(observed) && same_network(own, observed) && !outside(&m->to))
			return NAT_KEPT_REACHABLE;
	}
	if (outside(&m->from) || (addr_set(observed) && !outside(&m->to)))
		return give(observed, NAT_BY_SIGNALLING, now);
	if (addr_set(observed) && addr_set(&m->public_address) &&
		same_family(own, &m->public_address))
		return give(&m->public_address, NAT_BY_PUBLIC_ADDRESS, now);
	return addr_is_private(own) ? NAT_KEPT_NO_WAY : NAT_KEPT_REACHABLE;
}

/* The same for a media line, which a relay may take. */
static enum nat_reason decide_line(
	const struct nat_media *m, unsigned line, const struct addr *own, struct addr *now)
{
	enum nat_reason why = decide(m, own, now);

	if (why == NAT_NO_MEDIA || line >= m->relay_count || !addr_set(&m->relay[line]))
		return why;
	*now = m->relay[line];
	return NAT_BY_RELAY;
}

enum nat_reason nat_media_address(
	const struct nat_media *m, const struct addr *own, struct addr *now)
{
	enum nat_reason why;

	*now = *own;
	return keeps_all(m, false, &why) ? why : decide(m, own, now);
}

/* ---- one SDP ---- */

struct rewriting {
	const struct nat_media *m;
	const struct sdp *sdp;
	struct sdp_edits *edits;
	struct nat_outcome *out;
	struct addr session; /* what the session's c= line will say; unset: it has none of use */
};

static bool parse_ip(struct str text, uint16_t port, struct addr *out)
{
	return text.n && text.p[0] != '[' && addr_parse_ip(text, port, out) == ERR_OK;
}

static void note(
	struct rewriting *r, enum nat_reason why, const struct addr *own, const struct addr *now)
{
	struct nat_outcome *o = r->out;

	if (why == NAT_NO_MEDIA || (o->reason != NAT_NO_MEDIA && why != NAT_KEPT_NO_WAY))
		return;
	o->reason = why;
	o->stated = *own;
	o->given = *now;
}

static void set_connection(struct rewriting *r, const struct sdp_media *media,
	const struct addr *own, const struct addr *now)
{
	if (media->own_connection.p) {
		if (!addr_ip_eq(own, now))
			sdp_set_address(r->edits, media->own_connection, now);
	} else if (!addr_ip_eq(&r->session, now)) {
		sdp_add_connection(r->edits, media, now);
	}
}

/* A relay listens for RTCP at the next port, or for both at the same one. */
static struct addr relayed_rtcp(const struct sdp_media *media, const struct addr *now)
{
	struct addr rtcp = *now;

	if (media->rtcp_port != media->port)
		addr_set_port(&rtcp, (uint16_t)(addr_port(now) + 1));
	return rtcp;
}

/* a=rtcp as it stands (RFC 3605); now: where the media itself goes, for that reason. */
static void set_stated_rtcp(struct rewriting *r, const struct sdp_media *media, enum nat_reason why,
	const struct addr *now)
{
	struct str ip = media->rtcp_address.p ? media->rtcp_address : media->connection;
	struct addr own, seen;

	if (!media->rtcp_port || !parse_ip(ip, media->rtcp_port, &own) ||
		decide(r->m, &own, &seen) == NAT_NO_MEDIA)
		return;
	if (why == NAT_BY_RELAY)
		seen = relayed_rtcp(media, now);
	if (media->rtcp_address.p && !addr_ip_eq(&own, &seen))
		sdp_set_address(r->edits, media->rtcp_address, &seen);
	if (!media->rtcp_address.p && !addr_ip_eq(now, &seen))
		sdp_set_rtcp(r->edits, media, &seen);
	else if (addr_port(&seen) != media->rtcp_port)
		sdp_set_port(r->edits, media->rtcp_text, addr_port(&seen));
}

/* Not stated: the next port (RFC 3550); said where rendezvous saw it elsewhere. */
static void set_usual_rtcp(struct rewriting *r, const struct sdp_media *media,
	const struct addr *own, const struct addr *now)
{
	struct addr rtcp = *own, seen;

	if (media->port == UINT16_MAX || str_find_str(media->proto, STR("RTP")) == media->proto.n)
		return;
	addr_set_port(&rtcp, media->port + 1);
	if (!seen_by_rendezvous(r->m, &rtcp, &seen))
		return;
	if (!addr_ip_eq(&seen, now) || addr_port(&seen) != addr_port(now) + 1)
		sdp_set_rtcp(r->edits, media, &seen);
}

static void rewrite_media(struct rewriting *r, unsigned line)
{
	const struct sdp_media *media = &r->sdp->media[line];
	struct addr own, now;
	enum nat_reason why;

	if (!media->port || !parse_ip(media->connection, media->port, &own))
		return;
	why = decide_line(r->m, line, &own, &now);
	note(r, why, &own, &now);
	set_connection(r, media, &own, &now);
	if (why == NAT_NO_MEDIA)
		return;
	if (addr_port(&now) != media->port)
		sdp_set_port(r->edits, media->port_text, addr_port(&now));
	if (media->rtcp_text.p)
		set_stated_rtcp(r, media, why, &now);
	else if (why == NAT_BY_RENDEZVOUS)
		set_usual_rtcp(r, media, &own, &now);
}

/* The first media description without a line of its own decides what the session's line says. */
static void rewrite_session(struct rewriting *r)
{
	const struct sdp *sdp = r->sdp;
	struct addr own;
	unsigned line = 0;
	uint16_t port = 0;
	bool used = false;

	for (unsigned i = 0; i < sdp->media_count; i++) {
		const struct sdp_media *media = &sdp->media[i];

		used = used || media->port;
		if (media->port && !media->own_connection.p && !port) {
			port = media->port;
			line = i;
		}
	}
	if (!used || !parse_ip(sdp->session_connection, port, &own))
		return;
	(void)decide_line(r->m, line, &own, &r->session);
	if (!addr_ip_eq(&own, &r->session))
		sdp_set_address(r->edits, sdp->session_connection, &r->session);
}

/* The address of the first media line in use, for an SDP that stays as it is. */
static void note_stated(const struct sdp *sdp, enum nat_reason why, struct nat_outcome *out)
{
	for (unsigned i = 0; i < sdp->media_count; i++) {
		const struct sdp_media *media = &sdp->media[i];

		if (media->port && parse_ip(media->connection, media->port, &out->stated) &&
			!addr_is_any(&out->stated)) {
			out->reason = why;
			out->given = out->stated;
			return;
		}
	}
	out->stated = (struct addr){ 0 };
}

bool nat_media_plan(struct nat_rewrite *rewrite, struct str text, const struct nat_media *m)
{
	struct sdp *sdp = &rewrite->sdp;
	struct rewriting r = { .m = m, .sdp = sdp, .edits = &rewrite->edits, .out = &rewrite->out };
	enum nat_reason why;

	rewrite->out = (struct nat_outcome){ .reason = NAT_NO_MEDIA };
	sdp_edits_init(&rewrite->edits, sdp);
	if (sdp_parse(text, sdp) != ERR_OK) {
		rewrite->out.reason = NAT_UNREADABLE;
		return false;
	}
	rewrite->out.ice = sdp->ice;
	if (keeps_all(m, sdp->ice, &why)) {
		note_stated(sdp, why, &rewrite->out);
		return false;
	}
	rewrite_session(&r);
	for (unsigned i = 0; i < sdp->media_count; i++)
		rewrite_media(&r, i);
	return rewrite->edits.count > 0;
}

/* ---- words ---- */

static const char *words(enum nat_reason why)
{
	static const char *const names[] = {
		[NAT_NO_MEDIA] = "names no address",
		[NAT_UNREADABLE] = "cannot be read: it passes as it is",
		[NAT_KEPT_ICE] = "stays: ICE finds the way",
		[NAT_KEPT_OPTION] = "stays: the dial string says ma=false",
		[NAT_KEPT_POLICY] = "stays: the policy says never",
		[NAT_KEPT_NETWORK] = "stays: both have the same network id",
		[NAT_KEPT_ADDRESS] = "stays: both are behind one address",
		[NAT_KEPT_REACHABLE] = "stays: the other side can reach it",
		[NAT_KEPT_NO_WAY] = "stays: it is private, and no better one is known",
		[NAT_BY_SIGNALLING] = "where its signalling comes from",
		[NAT_BY_PUBLIC_ADDRESS] = "the public address of our own network",
		[NAT_BY_RENDEZVOUS] = "where its media socket was seen",
		[NAT_BY_RELAY] = "the media relay",
	};

	return names[why];
}

void nat_outcome_print(struct buf *b, const struct nat_outcome *o)
{
	if (addr_set(&o->stated)) {
		addr_print(b, &o->stated);
		buf_char(b, ' ');
	}
	if (o->reason >= NAT_BY_SIGNALLING) {
		buf_lit(b, "became ");
		addr_print(b, &o->given);
		buf_lit(b, ", ");
	}
	buf_printf(b, "%s", words(o->reason));
}
