/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * STUN on every SIP port by UDP (RFC 8489 section 13): whoever asks hears where he comes from, from
 * the socket that he asked. An answer is hardly longer than its request, so nobody is flooded with
 * ours; a source that asks too often is not heard.
 */
#include "stun/stun.h"
#include "transport/net_int.h"

enum { PER_SOURCE_MAX = 100, /* in FAIR_WINDOW_MS */ ANSWER_MAX = 128 };

void stun_serve(struct net_worker *nw, struct str bytes, const struct flow *flow)
{
	struct worker *w = nw->transport.worker;
	const struct net_config *cfg = &nw->net->cfg;
	char mem[ANSWER_MAX];
	struct buf b = BUF_OF(mem);
	struct stun_msg m;

	if (fair_count(&nw->binding_requests, &flow->remote, w->clock.mono_ms) > PER_SOURCE_MAX ||
		stun_parse(bytes, &m) || m.class != STUN_REQUEST || m.method != STUN_BINDING) {
		counter_add(&nw->counters.dropped, 1);
		return;
	}
	counter_add(&nw->counters.stun, 1);
	if (m.unknown_count) {
		stun_print_error(&b, &m, 420);
	} else {
		if (m.token.p && addr_set(&m.own) && cfg->on_media_socket)
			cfg->on_media_socket(cfg->on_media_socket_arg, m.token, &m.own,
				&flow->remote, &flow->local);
		stun_print_success(&b, &m, &flow->remote);
	}
	if (!buf_ok(&b) || udp_send(nw, flow, buf_str(&b), 0))
		counter_add(&nw->counters.dropped, 1);
}
