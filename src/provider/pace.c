/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rates: one request after the other, of the agent and of each registrar. Whoever comes takes
 * the next free turn and waits for it; an agent with nothing to do has one at once.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "provider/registration.h"

struct provider_pace *provider_pace_get(struct provider_agent *a, struct str host)
{
	uint64_t h;
	struct provider_pace *p;

	host = str_first(host, UINT8_MAX);
	h = hash_istr(host);
	for (struct hash_node *n = hash_find(&a->paces, h); n; n = hash_next(n)) {
		p = container_of(n, struct provider_pace, node);
		if (str_ieq(str_make(p->host, p->n), host)) {
			p->refs++;
			return p;
		}
	}
	p = mem_zero(sizeof(*p) + host.n);
	p->refs = 1;
	p->n = (uint16_t)host.n;
	if (host.n)
		memcpy(p->host, host.p, host.n);
	hash_add(&a->paces, &p->node, h);
	return p;
}

void provider_pace_put(struct provider_agent *a, struct provider_pace *p)
{
	if (!p || --p->refs)
		return;
	hash_del(&a->paces, &p->node);
	free(p);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Refreshes wait for their registrar's turns only, so that a crowd of others cannot delay them. */
uint64_t provider_pace_take(struct provider_agent *a, struct provider_pace *p, bool refresh)
{
	uint64_t now = a->env.uac.worker->clock.mono_ms * 1000;
	uint64_t turn = later(now, p->free_us);

	if (!refresh) {
		turn = later(turn, a->free_us);
		/* those who wait for a slow registrar do not use up the turns of the others */
		a->free_us = later(now, a->free_us) + 1000000 / a->cfg.per_second;
	}
	p->free_us = turn + 1000000 / a->cfg.per_host;
	return (turn - now + 999) / 1000;
}
