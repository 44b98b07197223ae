/* SPDX-License-Identifier: BSD-3-Clause */
#include "stun/stun.h"

#include <string.h>

enum {
	COOKIE = 0x2112A442,
	FINGERPRINT_XOR = 0x5354554E,
	ATTRIBUTE_HEADER = 4,
	FINGERPRINT_BYTES = ATTRIBUTE_HEADER + 4,
};

enum attribute {
	MAPPED_ADDRESS = 0x0001,
	USERNAME = 0x0006,
	MESSAGE_INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000A,
	MESSAGE_INTEGRITY_SHA256 = 0x001C,
	XOR_MAPPED_ADDRESS = 0x0020,
	SOFTWARE = 0x8022,
	FINGERPRINT = 0x8028,
	RENDEZVOUS_TOKEN = 0xC0D1, /* docs/rendezvous.md */
	RENDEZVOUS_SOCKET = 0xC0D2,
};

/* ---- numbers ---- */

static uint16_t get16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static uint32_t get32(const char *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(struct buf *b, unsigned v)
{
	buf_char(b, (char)(v >> 8));
	buf_char(b, (char)v);
}

static void put32(struct buf *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xFFFF);
}

/* Of ITU-T V.42, bit by bit: a message is short. */
static uint32_t crc32(struct str s)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (uint8_t)s.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
	}
	return ~crc;
}

/* ---- addresses (sections 14.1, 14.2) ---- */

static enum err get_address(struct str v, const uint8_t *mask, struct addr *out)
{
	bool v6 = v.n == 20 && v.p[1] == 2;
	uint8_t port[2], ip[16];

	if (!v6 && !(v.n == 8 && v.p[1] == 1))
		return ERR_SYNTAX;
	for (int i = 0; i < 2; i++)
		port[i] = (uint8_t)v.p[2 + i] ^ mask[i];
	for (int i = 0; i < (v6 ? 16 : 4); i++)
		ip[i] = (uint8_t)v.p[4 + i] ^ mask[i];
	memset(out, 0, sizeof(*out));
	if (v6) {
		out->in6.sin6_family = AF_INET6;
		memcpy(&out->in6.sin6_addr, ip, 16);
	} else {
		out->in4.sin_family = AF_INET;
		memcpy(&out->in4.sin_addr, ip, 4);
	}
	addr_set_port(out, (uint16_t)(port[0] << 8 | port[1]));
	return ERR_OK;
}

static void put_address(
	struct buf *b, enum attribute type, const struct addr *a, const uint8_t *mask)
{
	bool v6 = a->sa.sa_family == AF_INET6;
	const uint8_t *ip =
		v6 ? (const uint8_t *)&a->in6.sin6_addr : (const uint8_t *)&a->in4.sin_addr;

	put16(b, type);
	put16(b, v6 ? 20 : 8);
	buf_char(b, 0);
	buf_char(b, v6 ? 2 : 1);
	put16(b, (unsigned)(addr_port(a) ^ (mask[0] << 8 | mask[1])));
	for (int i = 0; i < (v6 ? 16 : 4); i++)
		buf_char(b, (char)(ip[i] ^ mask[i]));
}

/* The magic cookie and the transaction stand in one row, and so does what addresses are mixed with.
 */
static const uint8_t no_mask[16];

/* ---- parsing ---- */

static bool fingerprint_fits(struct str bytes, size_t at)
{
	return at + FINGERPRINT_BYTES == bytes.n &&
		get32(bytes.p + at + ATTRIBUTE_HEADER) ==
		(crc32(str_first(bytes, at)) ^ FINGERPRINT_XOR);
}

static void not_understood(struct stun_msg *out, uint16_t type)
{
	if (type < 0x8000 && out->unknown_count < STUN_UNKNOWN_MAX)
		out->unknown[out->unknown_count++] = type;
}

static enum err take_attribute(struct stun_msg *out, uint16_t type, struct str v)
{
	switch (type) {
	case RENDEZVOUS_TOKEN:
		out->token = v;
		return ERR_OK;
	case RENDEZVOUS_SOCKET:
		return get_address(v, out->transaction, &out->own);
	case XOR_MAPPED_ADDRESS:
		return get_address(v, out->transaction, &out->mapped);
	case MAPPED_ADDRESS:
		return addr_set(&out->mapped) ? ERR_OK : get_address(v, no_mask, &out->mapped);
	case ERROR_CODE:
		if (v.n < 4)
			return ERR_SYNTAX;
		out->error = (uint16_t)((v.p[2] & 7) * 100 + (uint8_t)v.p[3]);
		return ERR_OK;
	case SOFTWARE:
		out->software = v;
		return ERR_OK;
	case USERNAME:
	case MESSAGE_INTEGRITY:
	case MESSAGE_INTEGRITY_SHA256:
	case UNKNOWN_ATTRIBUTES:
		return ERR_OK; /* whoever asks is told, whatever he says he is */
	default:
		not_understood(out, type);
		return ERR_OK;
	}
}

static enum err take_attributes(struct str bytes, struct stun_msg *out)
{
	size_t at = STUN_HEADER;

	while (at + ATTRIBUTE_HEADER <= bytes.n) {
		uint16_t type = get16(bytes.p + at), n = get16(bytes.p + at + 2);
		struct str v = str_first(str_from(bytes, at + ATTRIBUTE_HEADER), n);

		if (v.n != n)
			return ERR_SYNTAX;
		if (type == FINGERPRINT) {
			out->fingerprint = fingerprint_fits(bytes, at);
			return out->fingerprint ? ERR_OK : ERR_SYNTAX;
		}
		if (take_attribute(out, type, v))
			return ERR_SYNTAX;
		at += ATTRIBUTE_HEADER + ((n + 3u) & ~3u);
	}
	return at == bytes.n ? ERR_OK : ERR_SYNTAX;
}

enum err stun_parse(struct str bytes, struct stun_msg *out)
{
	uint16_t type;

	*out = (struct stun_msg){ .method = 0 };
	if (!stun_is(bytes) || bytes.n % 4 || get16(bytes.p + 2) != bytes.n - STUN_HEADER)
		return ERR_SYNTAX;
	type = get16(bytes.p);
	out->class = (type >> 7 & 2) | (type >> 4 & 1);
	out->method = (type & 0xF) | (type >> 1 & 0x70) | (type >> 2 & 0xF80);
	out->cookie = get32(bytes.p + 4) == COOKIE;
	memcpy(out->transaction, bytes.p + 4, sizeof(out->transaction));
	return take_attributes(bytes, out);
}

/* ---- printing ---- */

static void put_header(struct buf *b, enum stun_class class, const uint8_t transaction[16])
{
	put16(b, (unsigned)((class & 2) << 7 | (class & 1) << 4 | STUN_BINDING));
	put16(b, 0);
	buf_add(b, str_make((const char *)transaction, 16));
}

static void set_length(struct buf *b, size_t n)
{
	b->p[2] = (char)(n >> 8);
	b->p[3] = (char)n;
}

/* The length covers it when the sum is made (section 14.7). */
static void finish(struct buf *b, bool fingerprint)
{
	if (fingerprint) {
		uint32_t sum;

		set_length(b, b->n + FINGERPRINT_BYTES - STUN_HEADER);
		sum = crc32(buf_str(b)) ^ FINGERPRINT_XOR;
		put16(b, FINGERPRINT);
		put16(b, 4);
		put32(b, sum);
	}
	if (buf_ok(b))
		set_length(b, b->n - STUN_HEADER);
}

void stun_print_success(struct buf *b, const struct stun_msg *request, const struct addr *mapped)
{
	put_header(b, STUN_SUCCESS, request->transaction);
	if (request->cookie)
		put_address(b, XOR_MAPPED_ADDRESS, mapped, request->transaction);
	else
		put_address(b, MAPPED_ADDRESS, mapped, no_mask);
	finish(b, request->fingerprint);
}

void stun_print_error(struct buf *b, const struct stun_msg *request, unsigned code)
{
	put_header(b, STUN_ERROR, request->transaction);
	put16(b, ERROR_CODE);
	put16(b, 4);
	put16(b, 0);
	buf_char(b, (char)(code / 100));
	buf_char(b, (char)(code % 100));
	if (request->unknown_count) {
		put16(b, UNKNOWN_ATTRIBUTES);
		put16(b, 2 * request->unknown_count);
		for (unsigned i = 0; i < request->unknown_count; i++)
			put16(b, request->unknown[i]);
		if (request->unknown_count % 2)
			put16(b, 0);
	}
	finish(b, request->fingerprint);
}

void stun_print_request(
	struct buf *b, const uint8_t transaction[12], struct str token, const struct addr *own)
{
	uint8_t row[16] = { 0x21, 0x12, 0xA4, 0x42 };

	memcpy(row + 4, transaction, 12);
	put_header(b, STUN_REQUEST, row);
	if (token.p) {
		put16(b, RENDEZVOUS_TOKEN);
		put16(b, (unsigned)token.n);
		buf_add(b, token);
		for (size_t i = token.n; i % 4; i++)
			buf_char(b, 0);
	}
	if (own && addr_set(own))
		put_address(b, RENDEZVOUS_SOCKET, own, row);
	finish(b, true);
}
