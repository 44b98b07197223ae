/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/transport.h"

static const struct {
	struct str lower, upper;
} names[TP_PROTO_COUNT] = {
	[TP_UDP] = { { "udp", 3 }, { "UDP", 3 } },
	[TP_TCP] = { { "tcp", 3 }, { "TCP", 3 } },
	[TP_TLS] = { { "tls", 3 }, { "TLS", 3 } },
	[TP_WS] = { { "ws", 2 }, { "WS", 2 } },
	[TP_WSS] = { { "wss", 3 }, { "WSS", 3 } },
};

struct str tp_proto_name(enum tp_proto p)
{
	return names[p].lower;
}

struct str tp_proto_via(enum tp_proto p)
{
	return names[p].upper;
}

enum err tp_proto_parse(struct str s, enum tp_proto *out)
{
	for (int p = 0; p < TP_PROTO_COUNT; p++) {
		if (str_ieq(s, names[p].lower)) {
			*out = p;
			return ERR_OK;
		}
	}
	return ERR_UNSUPPORTED;
}

static void print_end(struct buf *b, enum tp_proto p, const struct addr *a)
{
	buf_add(b, tp_proto_name(p));
	buf_char(b, ':');
	addr_print(b, a);
}

void flow_print_remote(struct buf *b, const struct flow *f)
{
	print_end(b, f->proto, &f->remote);
}

void flow_print_local(struct buf *b, const struct flow *f)
{
	print_end(b, f->proto, &f->local);
}

bool flow_same_peer(const struct flow *a, const struct flow *b)
{
	return a->proto == b->proto && a->conn == b->conn && addr_eq(&a->remote, &b->remote);
}
