/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * c-ares on a worker's event loop. Internal to transport: the resolver asks it. Answers come as
 * callbacks of c-ares, on the worker, possibly within the call that asks.
 */
#ifndef TRANSPORT_DNS_H
#define TRANSPORT_DNS_H

#include <ares.h>

#include "loop/loop.h"

struct dns;

/* servers: "" for the system's, else "ip:port,…". NULL: c-ares cannot be set up. */
struct dns *dns_new(struct worker *w, struct str servers, unsigned timeout_ms, unsigned tries);
/* Everything that is asked fails with ARES_EDESTRUCTION within this call. */
void dns_free(struct dns *d);
ares_channel dns_channel(struct dns *d);
/* Call after every question: c-ares may want to be woken. */
void dns_asked(struct dns *d);

#endif
