/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/path.h"

#include "sip/uri.h"

enum nat_kind nat_kind_of(const struct addr *stated, const struct addr *observed, bool udp)
{
	if (!addr_set(stated) || !addr_set(observed))
		return NAT_UNKNOWN;
	if (addr_ip_eq(stated, observed))
		return NAT_NONE;
	if (!udp)
		return NAT_UNKNOWN; /* the port of a connection is nobody's choice */
	return addr_port(stated) == addr_port(observed) ? NAT_KEEPS_PORTS : NAT_CHANGES_PORTS;
}

enum nat_kind nat_kind_of_contact(struct str contact, const struct addr *observed, bool udp)
{
	struct addr stated;
	struct sip_uri uri;

	if (sip_uri_parse(contact, &uri) != ERR_OK ||
		addr_parse_ip(uri.host, sip_uri_port(&uri), &stated) != ERR_OK)
		return NAT_UNKNOWN;
	return nat_kind_of(&stated, observed, udp);
}

const char *nat_kind_words(enum nat_kind k)
{
	static const char *const words[] = {
		[NAT_UNKNOWN] = "perhaps behind a NAT",
		[NAT_NONE] = "not behind a NAT",
		[NAT_KEEPS_PORTS] = "behind a NAT that keeps ports",
		[NAT_CHANGES_PORTS] = "behind a NAT that changes ports",
		[NAT_SYMMETRIC] = "behind a symmetric NAT",
	};

	return words[k];
}

const char *nat_path_name(enum nat_path p)
{
	static const char *const names[] = {
		[NAT_PATH_NONE] = "none",
		[NAT_PATH_DOUBTFUL] = "doubtful",
		[NAT_PATH_LIKELY] = "likely",
		[NAT_PATH_DIRECT] = "direct",
	};

	return names[p];
}

/* What calls itself as we see it and yet names a private media address is not what it seems. */
static enum nat_kind kind_of(const struct nat_end *e)
{
	return e->kind == NAT_NONE && e->said.reason >= NAT_BY_SIGNALLING ? NAT_UNKNOWN : e->kind;
}

/* How good the address is that the other side was given. */
enum reach {
	REACH_NONE, /* nobody outside gets there */
	REACH_WRONG, /* the address is right, the port is not */
	REACH_GUESS, /* right if its NAT keeps ports */
	REACH_SEEN, /* the socket's own mapping; what comes from elsewhere may be kept out */
	REACH_OPEN, /* anybody gets there */
};

static enum reach reach_of(const struct nat_end *e)
{
	bool mapped = e->kind == NAT_CHANGES_PORTS || e->kind == NAT_SYMMETRIC;

	switch (e->said.reason) {
	case NAT_BY_RENDEZVOUS:
		return e->kind == NAT_SYMMETRIC ? REACH_WRONG : REACH_SEEN;
	case NAT_BY_SIGNALLING:
		return mapped ? REACH_WRONG : REACH_GUESS;
	case NAT_BY_PUBLIC_ADDRESS: /* whose router passes media on: [nat] public_address */
		return REACH_OPEN;
	case NAT_KEPT_NO_WAY:
		return REACH_NONE;
	case NAT_KEPT_ICE: /* which the other does not know */
	case NAT_KEPT_OPTION:
	case NAT_KEPT_POLICY:
		return addr_is_private(&e->said.given) ? REACH_NONE : REACH_OPEN;
	default:
		return REACH_OPEN;
	}
}

static bool one_network(const struct nat_end *e)
{
	return e->said.reason == NAT_KEPT_NETWORK || e->said.reason == NAT_KEPT_ADDRESS ||
		(e->said.reason == NAT_KEPT_REACHABLE && addr_is_private(&e->said.given));
}

static int family(const struct addr *a)
{
	bool mapped = a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);

	return mapped ? AF_INET : a->sa.sa_family;
}

static const char *family_name(const struct addr *a)
{
	return family(a) == AF_INET6 ? "IPv6" : "IPv4";
}

static void print_end(struct buf *b, const struct nat_end *e)
{
	buf_printf(b, "%s is ", e->who);
	if (e->said.reason == NAT_BY_RENDEZVOUS && e->kind != NAT_SYMMETRIC) {
		buf_lit(b, "behind a NAT, its media socket known");
	} else if (reach_of(e) == REACH_NONE) {
		buf_lit(b, "told of at a private address");
	} else {
		buf_printf(b, "%s", nat_kind_words(kind_of(e)));
	}
}

static void print_both(struct buf *b, const struct nat_end *x, const struct nat_end *y)
{
	print_end(b, x);
	buf_lit(b, " and ");
	print_end(b, y);
}

/* One end that anybody reaches: the other's packets get there, and show where answers may go. */
static enum nat_path to_open(const struct nat_end *open, const struct nat_end *x, struct buf *why)
{
	enum reach r = reach_of(x);

	if (r >= REACH_SEEN) {
		buf_lit(why, "both can be reached");
		return NAT_PATH_DIRECT;
	}
	print_end(why, x);
	if (open->provider) {
		buf_lit(why, ", and providers answer to where media comes from");
		return NAT_PATH_LIKELY;
	}
	if (r == REACH_GUESS) {
		buf_printf(why, ": %s reaches it if its router keeps port numbers", open->who);
		return NAT_PATH_LIKELY;
	}
	buf_printf(why, ": it is heard only if %s answers to where media comes from", open->who);
	return NAT_PATH_DOUBTFUL;
}

/* Both behind NATs of their own: each must send to where the other really is. */
static enum nat_path between_nats(const struct nat_end *a, const struct nat_end *b, struct buf *why)
{
	enum reach least = reach_of(a) < reach_of(b) ? reach_of(a) : reach_of(b);
	bool both_guessed = reach_of(a) == REACH_GUESS && reach_of(b) == REACH_GUESS;

	print_both(why, a, b);
	if (least >= REACH_SEEN)
		return NAT_PATH_LIKELY;
	if (least <= REACH_WRONG) {
		buf_lit(why, ": nothing gets through unless a router lets anybody in");
		return NAT_PATH_NONE;
	}
	buf_lit(why, ": there is a way if the routers keep port numbers");
	if (both_guessed && (a->kind != NAT_KEEPS_PORTS || b->kind != NAT_KEEPS_PORTS))
		return NAT_PATH_DOUBTFUL;
	return NAT_PATH_LIKELY;
}

enum nat_path nat_path_between(const struct nat_end *a, const struct nat_end *b, struct buf *why)
{
	if (a->said.reason <= NAT_UNREADABLE || b->said.reason <= NAT_UNREADABLE) {
		buf_lit(why, "no media is known of");
		return NAT_PATH_DIRECT;
	}
	if (a->said.ice && b->said.ice) {
		buf_lit(why, "both know ICE");
		return NAT_PATH_LIKELY;
	}
	if (family(&a->said.given) != family(&b->said.given)) {
		buf_printf(why, "the media of %s is on %s, that of %s on %s", a->who,
			family_name(&a->said.given), b->who, family_name(&b->said.given));
		return NAT_PATH_NONE;
	}
	if (one_network(a) || one_network(b)) {
		buf_lit(why, "both are in one network");
		return NAT_PATH_DIRECT;
	}
	if (reach_of(b) == REACH_OPEN)
		return to_open(b, a, why);
	if (reach_of(a) == REACH_OPEN)
		return to_open(a, b, why);
	return between_nats(a, b, why);
}
