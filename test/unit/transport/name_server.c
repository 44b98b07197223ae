/* SPDX-License-Identifier: BSD-3-Clause */
#include "name_server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	TYPE_A = 1,
	TYPE_SOA = 6,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_NAPTR = 35,
	MESSAGE_MAX = 60000
};

static uint8_t *put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, unsigned v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

static uint8_t *put_name(uint8_t *p, const char *name)
{
	while (*name && *name != '.') {
		size_t n = strcspn(name, ".");

		*p = (uint8_t)n;
		memcpy(p + 1, name, n);
		p += 1 + n;
		name += n + (name[n] == '.');
	}
	*p = 0;
	return p + 1;
}

static uint8_t *put_string(uint8_t *p, const char *s)
{
	*p = (uint8_t)strlen(s);
	memcpy(p + 1, s, *p);
	return p + 1 + *p;
}

/* ---- records ---- */

static uint8_t *add(struct name_server *s, const char *name, unsigned type, unsigned ttl)
{
	snprintf(s->records[s->count].name, sizeof(s->records[0].name), "%s", name);
	s->records[s->count].type = type;
	s->records[s->count].ttl = ttl;
	return s->records[s->count].data;
}

static void added(struct name_server *s, const uint8_t *end)
{
	s->records[s->count].n = (unsigned)(end - s->records[s->count].data);
	s->count++;
}

void name_server_a(struct name_server *s, const char *name, unsigned ttl, const char *ip)
{
	bool six = strchr(ip, ':') != NULL;
	uint8_t *p = add(s, name, six ? TYPE_AAAA : TYPE_A, ttl);

	inet_pton(six ? AF_INET6 : AF_INET, ip, p);
	added(s, p + (six ? 16 : 4));
}

void name_server_srv(struct name_server *s, const char *name, unsigned ttl, unsigned priority,
	unsigned weight, unsigned port, const char *host)
{
	uint8_t *p = add(s, name, TYPE_SRV, ttl);

	added(s, put_name(put16(put16(put16(p, priority), weight), port), host));
}

void name_server_naptr(struct name_server *s, const char *name, unsigned ttl, unsigned order,
	unsigned preference, const char *flags, const char *services, const char *replacement)
{
	uint8_t *p = put16(put16(add(s, name, TYPE_NAPTR, ttl), order), preference);

	p = put_string(put_string(put_string(p, flags), services), "");
	added(s, put_name(p, replacement));
}

static uint8_t *put_soa(uint8_t *p, unsigned minimum)
{
	p = put_name(put_name(p, "ns."), "host.");
	for (int i = 0; i < 4; i++)
		p = put32(p, 1);
	return put32(p, minimum);
}

void name_server_soa(struct name_server *s, const char *name)
{
	added(s, put_soa(add(s, name, TYPE_SOA, 60), 60));
}

/* ---- answers ---- */

/* Text of the question's name, its end in *end. */
static void question_name(const uint8_t *q, char *out, const uint8_t **end)
{
	const uint8_t *p = q + 12;
	char *start = out;

	for (; *p; p += *p + 1)
		out += sprintf(out, "%.*s.", (int)*p, (const char *)p + 1);
	if (out == start)
		strcpy(out, ".");
	*end = p + 1;
}

static uint8_t *put_record(uint8_t *p, unsigned type, unsigned ttl, const uint8_t *data, unsigned n)
{
	p = put16(p, 0xc00c);
	p = put16(put16(p, type), 1);
	p = put16(put32(p, ttl), n);
	memcpy(p, data, n);
	return p + n;
}

static size_t answer(struct name_server *s, const uint8_t *q, uint8_t *out, bool tcp)
{
	const uint8_t *end;
	char name[1100];
	uint8_t soa[100], *p;
	unsigned type, count = 0, exists = 0;

	question_name(q, name, &end);
	type = (unsigned)(end[0] << 8 | end[1]);
	memcpy(out, q, (size_t)(end + 4 - q));
	p = out + (end + 4 - q);
	memset(out + 6, 0, 6);
	if (s->mode == CUT && !tcp) {
		put16(out + 2, 0x8380);
		return (size_t)(p - out);
	}
	for (unsigned i = 0; i < s->count && s->mode < 100; i++) {
		if (strcasecmp(s->records[i].name, name) != 0)
			continue;
		exists = 1;
		if (s->records[i].type != type)
			continue;
		p = put_record(p, type, s->records[i].ttl, s->records[i].data, s->records[i].n);
		count++;
	}
	put16(out + 2, 0x8180 | (s->mode >= 100 ? s->mode - 100 : exists ? 0 : 3));
	put16(out + 6, count);
	if (!count && s->negative_ttl) {
		p = put_record(p, TYPE_SOA, s->negative_ttl, soa,
			(unsigned)(put_soa(soa, s->negative_ttl) - soa));
		put16(out + 8, 1);
	}
	return (size_t)(p - out);
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
	struct name_server *s = h->data;

	*buf = uv_buf_init(s->buffer, sizeof(s->buffer));
}

static void on_question(
	uv_udp_t *u, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	struct name_server *s = u->data;
	static uint8_t out[MESSAGE_MAX];
	uv_buf_t b;
	size_t size;

	if (n < 16 || !from)
		return;
	s->questions++;
	if (s->mode == SILENT)
		return;
	size = answer(s, (uint8_t *)s->buffer, out, false);
	if (s->mode == GARBAGE)
		memset(out + 12, 0xff, size - 12);
	b = uv_buf_init((char *)out, (unsigned)size);
	uv_udp_try_send(u, &b, 1, from);
}

/* ---- TCP: one question a read is enough here ---- */

static void on_stream(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
	struct name_server *s = st->data;
	static uint8_t out[MESSAGE_MAX + 2];
	uv_buf_t b;
	size_t size;

	if (n < 18) {
		if (n < 0)
			uv_close((uv_handle_t *)st, NULL);
		return;
	}
	s->questions++;
	s->over_tcp++;
	size = answer(s, (uint8_t *)s->buffer + 2, out + 2, true);
	put16(out, (unsigned)size);
	b = uv_buf_init((char *)out, (unsigned)size + 2);
	uv_try_write(st, &b, 1);
}

static void on_connection(uv_stream_t *listening, int status)
{
	struct name_server *s = listening->data;
	uv_tcp_t *t = &s->connections[s->accepted++ % CONNECTIONS_MAX]; /* far fewer are open */

	t->data = s;
	uv_tcp_init(listening->loop, t);
	if (status == 0 && uv_accept(listening, (uv_stream_t *)t) == 0)
		uv_read_start((uv_stream_t *)t, on_alloc, on_stream);
}

void name_server_start(struct name_server *s, struct loop *l)
{
	struct sockaddr_in local = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int n = sizeof(local), ok;

	uv_udp_init(&l->uv, &s->udp);
	uv_tcp_init(&l->uv, &s->tcp);
	s->udp.data = s->tcp.data = s;
	do {
		local.sin_port = 0;
		ok = uv_tcp_bind(&s->tcp, (struct sockaddr *)&local, 0);
		uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&local, &n);
	} while (ok == 0 && uv_udp_bind(&s->udp, (struct sockaddr *)&local, 0) != 0);
	s->port = ntohs(local.sin_port);
	uv_udp_recv_start(&s->udp, on_alloc, on_question);
	uv_listen((uv_stream_t *)&s->tcp, 8, on_connection);
}
