/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keep-alives to phones behind NATs, by UDP: four zero bytes from the socket that the phone
 * registered on (facts 1.8), which phones drop and NATs count. Phones that keep their flows open
 * themselves (RFC 5626 section 4.4) get none, and those in our own network, where no NAT is. TCP
 * and TLS connections are the kernel's to watch.
 *
 * Each worker looks after its part of the location table, a tenth of it ten times a second, so that
 * no turn gets long. What a NAT allows is seen when the phone's port changes under the same
 * registration: then the next ones follow each other in half the time.
 */
#include "registrar/registration.h"

#include "event/event.h"

enum { TICK_MS = 100, TURNS = 10, BATCH = 64, KEEPALIVE_MIN_S = 5 };

static const char datagram[4];

/* ---- how often ---- */

/* It says where it is, and is there, in our own network. */
static bool without_nat(const struct binding *b)
{
	struct sip_uri uri;
	struct addr contact;

	return addr_is_private(&b->flow.remote) && !sip_uri_parse(b->contact, &uri) &&
		!addr_parse_ip(uri.host, 0, &contact) && addr_ip_eq(&contact, &b->flow.remote) &&
		sip_uri_port(&uri) == addr_port(&b->flow.remote);
}

static uint8_t usual(const struct account *a, const struct binding *b, unsigned keepalive_s)
{
	if (!a->nat_keepalive || b->flow.proto != TP_UDP || b->reg_id || without_nat(b))
		return 0;
	return (uint8_t)(keepalive_s < KEEPALIVE_MAX_S ? keepalive_s : KEEPALIVE_MAX_S);
}

struct loaded {
	struct directory *directory;
	unsigned keepalive_s;
};

static uint8_t for_loaded(struct str aor, const struct binding *b, void *arg)
{
	const struct loaded *l = arg;
	size_t at = str_find(aor, '@');
	struct account *a = at == aor.n
		? NULL
		: directory_account(l->directory, str_first(aor, at), str_from(aor, at + 1));
	uint8_t s = a ? usual(a, b, l->keepalive_s) : 0;

	account_unref(a);
	return s;
}

void registrar_keep_loaded(struct location *l, struct directory *d, unsigned keepalive_s)
{
	struct loaded loaded = { d, keepalive_s };

	if (keepalive_s)
		location_keepalive_all(l, for_loaded, &loaded);
}

/* The same phone, not restarted, behind the same NAT, at another of its ports. */
static bool nat_forgot(const struct binding *b, const struct binding *before)
{
	return str_eq(b->call_id, before->call_id) && str_eq(b->contact, before->contact) &&
		addr_ip_eq(&b->flow.remote, &before->flow.remote) &&
		addr_port(&b->flow.remote) != addr_port(&before->flow.remote);
}

uint8_t keepalive_for(struct registration *g, const struct binding *b, const struct binding *before)
{
	uint8_t s = usual(g->account, b, g->r->cfg.keepalive_s);

	if (!s || !before || !before->keepalive_s)
		return s;
	if (s > before->keepalive_s) /* what was learnt stays */
		s = before->keepalive_s;
	if (nat_forgot(b, before)) {
		g->nat_forgot_s = s;
		s = s / 2 > KEEPALIVE_MIN_S ? s / 2 : KEEPALIVE_MIN_S;
	}
	return s;
}

void keepalive_tell(const struct registration *g)
{
	event_note(g->r->env.worker->events, EV_REGISTER_NAT, STR_NONE, g->account->aor,
		"the NAT gave the phone another port although it was kept open every %u s: from "
		"now on more often",
		g->nat_forgot_s);
}

/* ---- sending ---- */

static void keep_shard(struct registrar *r, unsigned shard, uint64_t second)
{
	struct flow due[BATCH];
	unsigned n;

	do {
		n = location_keepalive(r->env.location, shard, second, due, BATCH);
		for (unsigned i = 0; i < n; i++)
			if (transport_send(r->env.transport, &due[i],
				    str_make(datagram, sizeof(datagram)), 0))
				return; /* no room: the next turn goes on, these have one more */
	} while (n == BATCH);
}

static void on_tick(struct timer *t)
{
	struct registrar *r = container_of(t, struct registrar, keepalive);
	struct worker *w = r->env.worker;
	uint64_t second = w->clock.mono_ms / 1000;

	r->keepalive_turn = (r->keepalive_turn + 1) % TURNS;
	for (unsigned i = w->id; i < LOCATION_SHARDS; i += w->count)
		if (i / w->count % TURNS == r->keepalive_turn)
			keep_shard(r, i, second);
	timer_start(&w->wheel, t, TICK_MS);
}

void keepalive_start(struct registrar *r)
{
	timer_init(&r->keepalive, on_tick);
	if (r->cfg.keepalive_s)
		timer_start(&r->env.worker->wheel, &r->keepalive, TICK_MS);
}

void keepalive_stop(struct registrar *r)
{
	timer_stop(&r->env.worker->wheel, &r->keepalive);
}
