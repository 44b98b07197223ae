/* SPDX-License-Identifier: BSD-3-Clause */
/* The world of test/replay with ten accounts and their phones, silent and made for counting. */
#ifndef GUARD_BED_H
#define GUARD_BED_H

#include "../replay/agent.h"
#include "count.h"

enum { PHONES = 10 };

struct bed {
	struct world world;
	const struct transport_ops *harness; /* the network beneath ours, which counts */
	struct transport_ops ops;
	struct agent *phones[PHONES];
};

struct bed *bed_new(void);
void bed_free(struct bed *b);
/* A request of a phone, with the header fields that phones send; uri NULL: within its dialog. */
void bed_request(struct bed *b, unsigned phone, const char *method, const char *uri, bool auth);
void bed_respond(struct bed *b, unsigned phone, unsigned status, const char *method);
/* The next message that the phone received is that: "200" or "INVITE". Ends the program if not. */
void bed_expect(struct bed *b, unsigned phone, const char *what);
void bed_advance(struct bed *b, unsigned s); /* counts as the service's work */

#endif
