/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/signs.h"

struct signs {
	struct buf *why;
	unsigned weight;
};

enum { ENOUGH = 2 };

static void add(struct signs *s, unsigned weight, const char *what)
{
	if (s->weight)
		buf_lit(s->why, ", ");
	buf_printf(s->why, "%s", what);
	s->weight += weight;
}

static bool is_private(const struct addr *a)
{
	return addr_set(a) && addr_is_private(a);
}

bool nat_alg_signs(const struct nat_claims *c, struct buf *why)
{
	struct signs s = { .why = why };

	if (!addr_set(&c->observed) || addr_is_private(&c->observed))
		return false;
	if (is_private(&c->via) && addr_ip_eq(&c->contact, &c->observed))
		add(&s, 1, "Contact has the public address and Via the private one");
	if (is_private(&c->contact) && addr_ip_eq(&c->via, &c->observed))
		add(&s, 1, "Via has the public address and Contact the private one");
	if (is_private(&c->origin) && addr_ip_eq(&c->media, &c->observed))
		add(&s, ENOUGH, "the SDP has the public address in c= and the private one in o=");
	else if (is_private(&c->contact) && addr_ip_eq(&c->media, &c->observed))
		add(&s, 1, "the SDP has the public address and Contact the private one");
	if (c->surplus && c->sdp)
		add(&s, ENOUGH, "the body is longer than Content-Length says");
	return s.weight >= ENOUGH;
}

static bool is_loopback(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	return a->sa.sa_family == AF_INET && ntohl(a->in4.sin_addr.s_addr) >> 24 == 127;
}

const char *nat_contact_fault(struct str host, const struct addr *own, const struct addr *observed)
{
	if (!addr_set(own)) {
		if (str_ieq(host, STR("localhost")))
			return "names its own machine";
		return str_find(host, '.') == host.n ? "is a name that only its own network knows"
						     : NULL;
	}
	if (addr_is_any(own))
		return "is no address";
	if (is_loopback(own) && !is_loopback(observed))
		return "names its own machine";
	if (addr_is_private(own) && addr_set(observed) && !addr_is_private(observed))
		return "is private, and it is outside";
	return NULL;
}
