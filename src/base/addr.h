/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket addresses as small values: IPv4 or IPv6, with port. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/buf.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	};
};

enum { ADDR_TEXT_MAX = 64 };

/* sa_family is AF_UNSPEC in a zeroed struct addr: "no address". */
static inline bool addr_set(const struct addr *a)
{
	return a->sa.sa_family != AF_UNSPEC;
}

socklen_t addr_len(const struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_eq(
	const struct addr *a, const struct addr *b); /* address and port; v4-mapped v6 equals v4 */
bool addr_ip_eq(const struct addr *a, const struct addr *b); /* address only */
uint64_t addr_hash(const struct addr *a);
/* "192.0.2.1" or "2001:db8::1", with or without brackets; numeric only, no look-up. */
MUST_USE enum err addr_parse_ip(struct str ip, uint16_t port, struct addr *out);
/* "192.0.2.1:5060", "[2001:db8::1]:5060". */
MUST_USE enum err addr_parse(struct str s, struct addr *out);
void addr_print(struct buf *b, const struct addr *a); /* with port, IPv6 in brackets */
void addr_print_ip(struct buf *b, const struct addr *a); /* no port, IPv6 without brackets */
void addr_print_host(struct buf *b, const struct addr *a); /* no port, IPv6 in brackets */
/* RFC 1918, loopback, link-local, RFC 4193, 100.64/10. */
bool addr_is_private(const struct addr *a);
bool addr_is_any(const struct addr *a);

/* A block of addresses; ports do not count. */
struct addr_range {
	struct addr base;
	unsigned bits; /* that count, of the address as IPv6: a whole IPv4 address has 128 */
};
/* "192.0.2.0/24", "2001:db8::/32"; without a length, that one address. */
MUST_USE enum err addr_range_parse(struct str s, struct addr_range *out);
bool addr_in_range(const struct addr *a, const struct addr_range *range);

#endif
