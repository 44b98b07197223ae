/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What name servers said, shared by all workers. Bounded; the oldest goes. An answer is fresh for
 * its time to live, and good for another day when no server answers.
 *
 * Any thread. Times are struct clock's mono_ms.
 */
#ifndef TRANSPORT_DNS_CACHE_H
#define TRANSPORT_DNS_CACHE_H

#include "base/lock.h"
#include "transport/dns_answer.h"

struct dns_cache;

struct dns_cache *dns_cache_new(unsigned entries_max);
void dns_cache_free(struct dns_cache *c); /* NULL is fine */

enum dns_freshness { DNS_FRESH, DNS_STALE, DNS_NOTHING };
/* *out with a reference. DNS_NOTHING: NULL. *left_s: how long it stays fresh. */
enum dns_freshness dns_cache_get(struct dns_cache *c, enum dns_type type, struct str name,
	uint64_t now_ms, struct dns_answer **out, uint32_t *left_s);
/* Takes a reference of its own. A failure leaves what was known, and is remembered for 5 s. */
uint32_t dns_cache_keeps_s(const struct dns_answer *a); /* how long it is fresh */
void dns_cache_put(struct dns_cache *c, enum dns_type type, struct str name, uint64_t now_ms,
	struct dns_answer *a);
/* Nobody could be asked about it a moment ago. */
bool dns_cache_failed(struct dns_cache *c, enum dns_type type, struct str name, uint64_t now_ms);
/* A server answers again: what failed is asked anew. */
void dns_cache_forget_failures(struct dns_cache *c);
/* Tests: all that is known is older by so much. */
void dns_cache_age(struct dns_cache *c, uint64_t ms);
void dns_cache_report_lock(struct dns_cache *c, lock_report_fn *report, void *arg);

#endif
