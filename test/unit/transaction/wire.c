/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "wire.h"

enum { START_MS = 1000000, MESSAGE_MAX = 2 * SIP_MSG_MAX };

static enum err op_send(struct transport *t, const struct flow *flow, struct str bytes, uint64_t id)
{
	struct wire *w = container_of(t, struct wire, transport);
	struct sent *s = &w->sent[w->count];
	struct sip_fault fault;

	if (w->refuse)
		return w->refuse;
	if (w->refuse_tcp && flow->proto == TP_TCP)
		return w->refuse_tcp;
	assert_true(w->count < WIRE_SENT_MAX);
	*s = (struct sent){ .flow = *flow, .id = id, .at_ms = w->worker.clock.mono_ms - START_MS };
	assert_int_equal(sip_msg_parse(bytes, &s->msg, &fault), ERR_OK);
	w->count++;
	return ERR_OK;
}

static enum err op_route(struct transport *t, enum tp_proto proto, const struct addr *remote,
	struct str name, struct flow *out)
{
	struct wire *w = container_of(t, struct wire, transport);

	*out = w->udp;
	out->proto = proto;
	out->remote = *remote;
	return ERR_OK;
}

static bool op_takes_tcp(struct transport *t, const struct addr *remote)
{
	return container_of(t, struct wire, transport)->takes_tcp;
}

static const struct transport_ops ops = {
	.route = op_route, .send = op_send, .takes_tcp = op_takes_tcp
};

void wire_init(struct wire *w, const struct tx_layer_handlers *h, void *arg)
{
	const struct tx_timing timing = { 500, 4000, 5000 };

	*w = (struct wire){ .count = 0 };
	worker_init(&w->worker, 0, 1, NULL);
	rng_init_seed(&w->worker.rng, 1);
	w->worker.clock = (struct clock){ .mono_ms = START_MS, .wall_ms = START_MS };
	wheel_init(&w->worker.wheel, START_MS);
	w->transport = (struct transport){ .ops = &ops, .worker = &w->worker };
	w->udp.proto = TP_UDP;
	assert_int_equal(addr_parse(STR("192.0.2.1:5060"), &w->udp.local), ERR_OK);
	assert_int_equal(addr_parse(STR("192.0.2.9:5070"), &w->udp.remote), ERR_OK);
	w->tcp = w->udp;
	w->tcp.proto = TP_TCP;
	w->tcp.conn = 7;
	w->layer = tx_layer_new(&w->worker, &w->transport, &timing, h, arg);
}

void wire_fini(struct wire *w)
{
	struct tx_counts counts;

	worker_end_turn(&w->worker);
	counts = tx_layer_counts(w->layer);
	assert_int_equal(counts.servers, 0);
	assert_int_equal(counts.clients, 0);
	assert_int_equal(w->worker.wheel.armed, 0);
	tx_layer_free(w->layer);
	worker_fini(&w->worker);
	for (unsigned i = 0; i < w->count; i++)
		sip_msg_unref(w->sent[i].msg);
}

void wire_advance(struct wire *w, uint64_t ms)
{
	uint64_t until = w->worker.clock.mono_ms + ms;

	worker_end_turn(&w->worker);
	for (;;) {
		uint64_t next = wheel_next_ms(&w->worker.wheel);

		if (next > until)
			next = until;
		w->worker.clock.mono_ms = next;
		wheel_advance(&w->worker.wheel, next);
		worker_end_turn(&w->worker);
		if (next == until)
			return;
	}
}

void wire_receive(struct wire *w, const struct flow *flow, const char *fmt, ...)
{
	char *text = mem_alloc(MESSAGE_MAX), *bytes = mem_alloc(2 * MESSAGE_MAX);
	struct sip_fault fault;
	struct sip_msg *m;
	size_t n = 0;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, MESSAGE_MAX, fmt, args);
	va_end(args);
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			bytes[n++] = '\r';
		bytes[n++] = *p;
	}
	assert_int_equal(sip_msg_parse(str_make(bytes, n), &m, &fault), ERR_OK);
	tx_layer_on_message(w->layer, m, flow);
	sip_msg_unref(m);
	free(text);
	free(bytes);
	worker_end_turn(&w->worker);
}

const struct sip_msg *wire_last(const struct wire *w)
{
	assert_true(w->count > 0);
	return w->sent[w->count - 1].msg;
}

const char *wire_text(struct str s)
{
	static char ring[8][512];
	static unsigned next;
	char *out = ring[next++ % 8];

	assert_int_equal(str_copy(s, out, sizeof(ring[0])), ERR_OK);
	return out;
}
