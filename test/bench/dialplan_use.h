/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What processes have used: this one, and a zygote with its sandboxes, those that have ended
 * included.
 */
#ifndef BENCH_DIALPLAN_USE_H
#define BENCH_DIALPLAN_USE_H

#include <stdint.h>
#include <sys/types.h>

struct use {
	uint64_t zygote_us; /* … of the zygote itself */
	uint64_t sandboxes_us; /* … of its children; ended ones are counted in steps of 10 ms */
	uint64_t zygote_faults, sandbox_faults; /* page faults */
	uint64_t private_kb; /* memory of the living sandboxes that is theirs alone */
	unsigned sandboxes; /* living ones */
};

void use_take(struct use *u, pid_t zygote);
uint64_t use_own_us(void); /* processor time of this process */

#endif
