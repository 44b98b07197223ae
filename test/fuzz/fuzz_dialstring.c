/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a dial string: slices stay inside, limits hold, and what came out parses again. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "dialplan/dialstring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct dial_substitutions sub = { .dst = { "4412345", 7 },
	.from_name = { "Al", 2 },
	.from_user = { "al", 2 },
	.from_aor = { "al@x", 4 } };

static void parse_again(const struct dial_leg *leg, struct arena *a)
{
	struct dial_plan *again = arena_new(a, struct dial_plan);
	char text[64];
	struct buf why = BUF_OF(text);

	if (str_find(leg->uri, '&') < leg->uri.n || str_find(leg->uri, '[') < leg->uri.n ||
		str_find(leg->uri, '$') < leg->uri.n || str_find(leg->uri, '|') < leg->uri.n)
		return;
	BUG_ON(dial_parse(leg->uri, &sub, a, again, &why) != ERR_OK || again->count != 1);
	BUG_ON(!str_eq(again->legs[0].host, leg->host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;
	struct dial_plan *plan;
	char text[256];
	struct buf why = BUF_OF(text);

	arena_init(&a, 32768);
	plan = arena_new(&a, struct dial_plan);
	if (dial_parse(str_make((const char *)data, n), &sub, &a, plan, &why) == ERR_OK) {
		BUG_ON(!plan->count || plan->count > DIAL_LEGS_MAX || plan->groups > plan->count);
		for (unsigned i = 0; i < plan->count; i++) {
			BUG_ON(plan->legs[i].delay_s > DIAL_DELAY_MAX_S || !plan->legs[i].host.n);
			parse_again(&plan->legs[i], &a);
		}
	}
	arena_fini(&a);
	return 0;
}
