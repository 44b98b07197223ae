/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>

#include "base/addr.h"
#include "base/hash.h"

socklen_t addr_len(const struct addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in4);
}

uint16_t addr_port(const struct addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in4.sin_port);
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
	else
		a->in4.sin_port = htons(port);
}

/* The address in 16 bytes, IPv4 as a mapped one; false for "no address". */
static bool mapped(const struct addr *a, uint8_t out[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	if (a->sa.sa_family == AF_INET6) {
		memcpy(out, &a->in6.sin6_addr, 16);
		return true;
	}
	memcpy(out, prefix, 12);
	memcpy(out + 12, &a->in4.sin_addr, 4);
	return a->sa.sa_family == AF_INET;
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	uint8_t x[16], y[16];
	bool a_set = mapped(a, x), b_set = mapped(b, y);

	return a_set == b_set && (!a_set || memcmp(x, y, 16) == 0);
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_ip_eq(a, b) && addr_port(a) == addr_port(b);
}

uint64_t addr_hash(const struct addr *a)
{
	char key[18];
	uint16_t port = addr_port(a);

	mapped(a, (uint8_t *)key);
	memcpy(key + 16, &port, 2);
	return hash_str(str_make(key, sizeof(key)));
}

enum err addr_parse_ip(struct str ip, uint16_t port, struct addr *out)
{
	char text[INET6_ADDRSTRLEN];

	if (ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']') {
		ip = str_make(ip.p + 1, ip.n - 2);
		if (str_find(ip, ':') == ip.n)
			return ERR_SYNTAX;
	}
	memset(out, 0, sizeof(*out));
	if (ip.n == 0 || str_find(ip, '\0') < ip.n || str_copy(ip, text, sizeof(text)))
		return ERR_SYNTAX;
	if (inet_pton(AF_INET, text, &out->in4.sin_addr) == 1)
		out->sa.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &out->in6.sin6_addr) == 1)
		out->sa.sa_family = AF_INET6;
	else
		return ERR_SYNTAX;
	addr_set_port(out, port);
	return ERR_OK;
}

enum err addr_parse(struct str s, struct addr *out)
{
	size_t colon = str_rfind(s, ':');
	struct str ip = str_first(s, colon);
	uint32_t port;

	if (colon == s.n || str_u32(str_from(s, colon + 1), &port) || port > UINT16_MAX)
		return ERR_SYNTAX;
	if (ip.n && ip.p[0] != '[' && str_find(ip, ':') < ip.n)
		return ERR_SYNTAX; /* IPv6 needs its brackets here */
	return addr_parse_ip(ip, (uint16_t)port, out);
}

/* One in every message: inet_ntop would go through printf. */
static void print_ip4(struct buf *b, const uint8_t ip[4])
{
	char text[INET_ADDRSTRLEN];
	size_t n = 0;

	for (int i = 0; i < 4; i++) {
		if (ip[i] >= 100)
			text[n++] = (char)('0' + ip[i] / 100);
		if (ip[i] >= 10)
			text[n++] = (char)('0' + ip[i] / 10 % 10);
		text[n++] = (char)('0' + ip[i] % 10);
		text[n++] = '.';
	}
	buf_add(b, str_make(text, n - 1));
}

void addr_print_ip(struct buf *b, const struct addr *a)
{
	char text[INET6_ADDRSTRLEN];

	if (a->sa.sa_family == AF_INET)
		print_ip4(b, (const uint8_t *)&a->in4.sin_addr);
	else if (a->sa.sa_family == AF_INET6)
		buf_add(b, str_of(inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof(text))));
}

void addr_print_host(struct buf *b, const struct addr *a)
{
	bool brackets = a->sa.sa_family == AF_INET6;

	if (brackets)
		buf_char(b, '[');
	addr_print_ip(b, a);
	if (brackets)
		buf_char(b, ']');
}

void addr_print(struct buf *b, const struct addr *a)
{
	addr_print_host(b, a);
	buf_char(b, ':');
	buf_u64(b, addr_port(a));
}

static bool private4(const uint8_t ip[4])
{
	return ip[0] == 10 || ip[0] == 127 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
		(ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
		(ip[0] == 100 && (ip[1] & 0xc0) == 64);
}

bool addr_is_private(const struct addr *a)
{
	uint8_t ip[16];

	if (!mapped(a, ip))
		return false;
	if (a->sa.sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return private4(ip + 12);
	return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr) ||
		IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr) || (ip[0] & 0xfe) == 0xfc;
}

bool addr_is_any(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
	return a->sa.sa_family == AF_INET && a->in4.sin_addr.s_addr == INADDR_ANY;
}

/* ---- ranges ---- */

enum err addr_range_parse(struct str s, struct addr_range *out)
{
	size_t slash = str_find(s, '/');
	enum err e = addr_parse_ip(str_first(s, slash), 0, &out->base);
	bool v4 = out->base.sa.sa_family == AF_INET;
	uint32_t bits = v4 ? 32 : 128;

	if (e)
		return e;
	if (slash < s.n && (str_u32(str_from(s, slash + 1), &bits) || bits > (v4 ? 32u : 128u)))
		return ERR_SYNTAX;
	out->bits = v4 ? 96 + bits : bits;
	return ERR_OK;
}

bool addr_in_range(const struct addr *a, const struct addr_range *range)
{
	uint8_t x[16], y[16];
	unsigned whole = range->bits / 8, rest = range->bits % 8;

	if (!mapped(a, x) || !mapped(&range->base, y) || memcmp(x, y, whole) != 0)
		return false;
	return rest == 0 || (x[whole] ^ y[whole]) >> (8 - rest) == 0;
}
