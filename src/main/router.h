/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The router: which role a request is for (facts 3.1). It refuses what is for none, without state.
 */
#ifndef MAIN_ROUTER_H
#define MAIN_ROUTER_H

#include "main/roles.h"

void router_on_request(struct roles *r, struct sip_msg *req, const struct flow *flow);

#endif
