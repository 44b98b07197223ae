/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/own.h"

void nat_print_own(struct buf *b, const struct flow *flow, const struct addr *public_address)
{
	struct addr own = flow->local;

	if (addr_set(public_address) && public_address->sa.sa_family == own.sa.sa_family &&
		addr_is_private(&own) && addr_set(&flow->remote) &&
		!addr_is_private(&flow->remote)) {
		own = *public_address;
		addr_set_port(&own, addr_port(&flow->local));
	}
	addr_print(b, &own);
}
