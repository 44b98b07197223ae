/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes any SIP phone on this Linux machine take part in a rendezvous (docs/rendezvous.md), without
 * the phone knowing: it reads the token in the answer to the phone's REGISTER as that passes by,
 * and sends STUN requests from the ports that the phone will use for media, again and again.
 *
 *   rendezvous-helper ADDRESS FIRST_PORT LAST_PORT [SECONDS]
 *
 * ADDRESS is the phone's IPv4 address as it writes it into its SDP; the ports are those that it is
 * configured to use for RTP and RTCP. SIP must go by UDP or TCP in the clear. Needs CAP_NET_RAW.
 */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "stun/stun.h"

enum { PACKET_MAX = 65536, TOKEN_MAX = 256, EVERY_S = 15, PORTS_MAX = 256 };

struct helper {
	struct addr own; /* the phone; its port is set as needed */
	uint16_t first, last;
	int sniffer, sender;
	char token[TOKEN_MAX];
	struct addr server; /* STUN; unset: no token was seen yet */
	uint16_t other; /* a second port of it; 0: none */
};

/* ---- the token ---- */

static struct str field_value(struct str text, struct str name)
{
	size_t at = str_find_str(text, name);
	struct str rest = str_from(text, at < text.n ? at + name.n : text.n);

	return str_first(rest, str_find(rest, '\r'));
}

static struct str up_to(struct str s, char end)
{
	return str_first(s, str_find(s, end));
}

/* "<stun:192.0.2.1:5060>;token=…;expires=…;other=…" */
static bool take_header(struct helper *h, struct str v)
{
	struct str host = up_to(field_value(v, STR("<stun:")), '>');
	struct str token = up_to(field_value(v, STR(";token=")), ';');
	struct str other = up_to(field_value(v, STR(";other=")), ';');
	uint32_t port;

	if (addr_parse(host, &h->server) != ERR_OK ||
		str_copy(token, h->token, sizeof(h->token)) != ERR_OK)
		return false;
	h->other = str_u32(other, &port) == ERR_OK ? (uint16_t)port : 0;
	return true;
}

/* True: a token that was not known before. */
static bool take_packet(struct helper *h, struct str packet)
{
	struct str value = field_value(packet, STR("\r\nRendezvous: "));
	char before[TOKEN_MAX];

	memcpy(before, h->token, sizeof(before));
	return str_find_str(packet, STR("SIP/2.0 200")) < packet.n && value.n &&
		take_header(h, value) && strcmp(before, h->token) != 0;
}

/* ---- what is sent in the phone's name ---- */

static void send_from(const struct helper *h, uint16_t port, uint16_t to_port)
{
	char bytes[512];
	struct buf stun = { .p = bytes + sizeof(struct udphdr),
		.max = sizeof(bytes) - sizeof(struct udphdr) };
	struct udphdr *udp = (struct udphdr *)bytes;
	struct addr own = h->own;
	struct sockaddr_in to = h->server.in4;
	uint8_t transaction[12];

	addr_set_port(&own, port);
	to.sin_port = 0; /* a raw socket has none */
	if (getrandom(transaction, sizeof(transaction), 0) != sizeof(transaction))
		return;
	stun_print_request(&stun, transaction, str_of(h->token), &own);
	*udp = (struct udphdr){ .source = htons(port),
		.dest = htons(to_port),
		.len = htons((uint16_t)(sizeof(*udp) + stun.n)) }; /* no checksum: RFC 768 */
	if (sendto(h->sender, bytes, sizeof(*udp) + stun.n, 0, (struct sockaddr *)&to, sizeof(to)) <
		0)
		perror("rendezvous-helper: send");
}

static void send_all(const struct helper *h)
{
	for (unsigned port = h->first; port <= h->last; port++) {
		send_from(h, (uint16_t)port, addr_port(&h->server));
		if (h->other)
			send_from(h, (uint16_t)port, h->other);
	}
}

/* ---- running ---- */

static void run(struct helper *h, time_t until)
{
	static char packet[PACKET_MAX];
	time_t next = 0;

	while (!until || time(NULL) < until) {
		struct pollfd p = { .fd = h->sniffer, .events = POLLIN };
		ssize_t n;

		if (addr_set(&h->server) && time(NULL) >= next) {
			send_all(h);
			next = time(NULL) + EVERY_S;
		}
		if (poll(&p, 1, 1000) <= 0)
			continue;
		n = recv(h->sniffer, packet, sizeof(packet), 0);
		if (n > 0 && take_packet(h, str_make(packet, (size_t)n))) {
			printf("a token is here\n");
			fflush(stdout);
			next = 0;
		}
	}
}

static bool read_arguments(struct helper *h, int argc, char **argv, time_t *until)
{
	uint32_t first, last, seconds = 0;

	if (argc < 4 || argc > 5 || addr_parse_ip(str_of(argv[1]), 0, &h->own) != ERR_OK ||
		h->own.sa.sa_family != AF_INET || str_u32(str_of(argv[2]), &first) != ERR_OK ||
		str_u32(str_of(argv[3]), &last) != ERR_OK || first == 0 || last > UINT16_MAX ||
		last < first || last - first >= PORTS_MAX ||
		(argc == 5 && str_u32(str_of(argv[4]), &seconds) != ERR_OK))
		return false;
	h->first = (uint16_t)first;
	h->last = (uint16_t)last;
	*until = seconds ? time(NULL) + seconds : 0;
	return true;
}

int main(int argc, char **argv)
{
	struct helper h = { .sniffer = -1 };
	time_t until;

	if (!read_arguments(&h, argc, argv, &until)) {
		fprintf(stderr,
			"usage: rendezvous-helper ADDRESS FIRST_PORT LAST_PORT [SECONDS]\n"
			"(at most %d ports)\n",
			PORTS_MAX);
		return 2;
	}
	h.sniffer = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
	h.sender = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
	if (h.sniffer < 0 || h.sender < 0) {
		perror("rendezvous-helper");
		return 1;
	}
	run(&h, until);
	return 0;
}
