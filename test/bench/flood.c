/* SPDX-License-Identifier: BSD-3-Clause */
/* Whoever sends without end and cares for no answer: requests that are challenged, each a new one.
 */
#include <time.h>

#include "base/buf.h"
#include "bench.h"

static void ignore(void *arg, struct str text)
{
	(void)arg;
	(void)text;
}

static void print(
	struct buf *b, const struct agents_config *cfg, const struct net *n, uint64_t number)
{
	const char *method = cfg->mode == MODE_FLOOD_INVITE ? "INVITE" : "REGISTER";
	const char *at = cfg->mode == MODE_FLOOD_INVITE ? "u1@" : "";
	unsigned socket = (unsigned)(number % cfg->net.sockets);

	buf_printf(b,
		"%s sip:%s%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;rport;branch=z9hG4bKf%llx\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:u0@%s>;tag=f%llx\r\nTo: <sip:u%d@%s>\r\n"
		"Call-ID: %llx@flood\r\nCSeq: 1 %s\r\nContact: <sip:u0@%s:%u>\r\n"
		"Content-Length: 0\r\n\r\n",
		method, at, cfg->domain, net_local(n), net_port(n, socket),
		(unsigned long long)number, cfg->domain, (unsigned long long)number,
		cfg->mode == MODE_FLOOD_INVITE, cfg->domain, (unsigned long long)number, method,
		net_local(n), net_port(n, socket));
}

/* The kernel drops the answers when the sockets' buffers are full; nobody reads them. */
void flood_run(const struct agents_config *cfg, double rate, double seconds)
{
	struct net *n = net_new(&cfg->net, ignore, NULL);
	uint64_t begun = now_us(), sent = 0, number = begun << 20, elapsed = 0;
	const struct timespec nap = { .tv_nsec = 1000000 };
	double cpu = pace_cpu_seconds();

	while ((double)elapsed < seconds * 1e6) {
		for (; (double)sent < rate * (double)elapsed / 1e6; sent++) {
			char text[TEXT_MAX];
			struct buf b = BUF_OF(text);

			print(&b, cfg, n, number++);
			net_send(n, (unsigned)((number - 1) % cfg->net.sockets), buf_str(&b));
			if (sent % 1024 == 0 && (double)(now_us() - begun) > seconds * 1e6)
				break;
		}
		net_flush(n);
		nanosleep(&nap, NULL);
		elapsed = now_us() - begun;
	}
	cpu = pace_cpu_seconds() - cpu;
	printf("{\"sent\":%llu,\"seconds\":%.3f,\"load_cpu\":%.3f,\"cpu_seconds\":%.3f}\n",
		(unsigned long long)sent, (double)elapsed / 1e6, cpu * 1e6 / (double)elapsed, cpu);
	net_free(n);
}
