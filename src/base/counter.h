/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters that one thread at a time writes and any thread reads: no atomic addition, and no torn
 * value either.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdint.h>

static inline void counter_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

#endif
