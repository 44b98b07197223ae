/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "bed.h"
#include "location/location.h"
#include "paths.h"

enum { BATCH = 64, EXPIRES_MS = 3600 * 1000 }; /* bindings in a commit */

/* A phone registers again: its one binding is replaced. */
static enum err put_one(
	void *arg, const struct binding *present, unsigned count, struct location_change *out)
{
	const struct binding *b = arg;

	(void)present;
	(void)count;
	out->put[0] = *b;
	out->put_count = 1;
	return ERR_OK;
}

static void stored(void *arg, enum err e)
{
	unsigned *count = arg;

	BUG_ON(e != ERR_OK);
	++*count;
}

static void update(struct bed *bed, unsigned i, unsigned round, unsigned *done)
{
	struct world *w = &bed->world;
	char aor[64], contact[96];
	struct binding b = { .call_id = STR("3f9c2a7be1d84d16b0a5c8e7f4d3b2a1@192.168.1.23"),
		.instance = STR("<urn:uuid:00000000-0000-1000-8000-001565a1b2c3>"),
		.cseq = round,
		.q1000 = 1000,
		.expires_ms = w->worker.clock.wall_ms + EXPIRES_MS,
		.updated_ms = w->worker.clock.wall_ms,
		.user_agent = STR("DeskPhone T46 66.86.0.15"),
		.flow = { .proto = TP_UDP, .local = bed->phones[0]->addr } };

	snprintf(aor, sizeof(aor), "phone%03u@example.com", i);
	snprintf(contact, sizeof(contact), "sip:phone%03u@192.168.1.23:5060;transport=UDP", i);
	b.contact = str_of(contact);
	b.flow.remote = bed->phones[i % PHONES]->addr;
	BUG_ON(location_update(w->location, &w->worker, str_of(aor), put_one, &b, stored, done) !=
		ERR_OK);
}

static void batch(struct bed *b, unsigned round)
{
	unsigned done = 0;

	for (unsigned i = 0; i < BATCH; i++)
		update(b, i, round, &done);
	world_settle(&b->world);
	BUG_ON(done != BATCH);
}

void path_store_binding(unsigned n)
{
	struct bed *b = bed_new();
	unsigned round = 0;

	while (round < 4)
		batch(b, ++round);
	count_choose(PART_STORE);
	for (unsigned i = 0; i < n; i += BATCH)
		batch(b, ++round);
	count_choose(PART_NONE);
	bed_free(b);
}
