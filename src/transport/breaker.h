/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Targets that did not answer lately: they are tried last, for a minute, then for twice as long
 * each time they fail again, up to ten minutes. Without it every call to a provider whose first
 * server is dead would wait 32 s (RFC 3261 17.1.1.2) before the second one is tried.
 *
 * Shared by all workers; any thread. Times are struct clock's mono_ms.
 */
#ifndef TRANSPORT_BREAKER_H
#define TRANSPORT_BREAKER_H

#include "transport/resolver.h"

struct breaker;

struct breaker *breaker_new(void);
void breaker_free(struct breaker *b); /* NULL is fine */
/* True: it is news. *for_s: how long it is tried last. */
bool breaker_failed(struct breaker *b, const struct target *t, uint64_t now_ms, uint32_t *for_s);
bool breaker_answered(struct breaker *b, const struct target *t); /* true: it had failed */
void breaker_forget(struct breaker *b); /* the network is another one now */
/* Those that did not answer behind the others, and marked; order is kept. */
void breaker_sort(struct breaker *b, struct targets *t, uint64_t now_ms);

#endif
