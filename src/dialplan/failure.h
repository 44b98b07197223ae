/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Failure classes: did who was called say no, or could nobody be asked? A provider's answer is the
 * callee's only where it speaks of the callee: that a number does not exist, or may not be called,
 * may be different at the next provider.
 */
#ifndef DIALPLAN_FAILURE_H
#define DIALPLAN_FAILURE_H

#include <stdbool.h>

/* Why legs of a Dial failed: what a script goes by when it decides whether to try another way. */
enum dial_failure {
	FAILURE_NONE,
	FAILURE_UNREACHABLE, /* nobody could be asked: the network, or a provider that cannot */
	FAILURE_NO_ANSWER, /* it rang until the ring time was over */
	FAILURE_REFUSED, /* who was called said no */
};

/* of_peer: an answer came, it is not our own failure to ask. */
enum dial_failure dial_failure_of(bool provider, unsigned status, bool of_peer);
const char *failure_name(enum dial_failure f); /* as scripts see it */

#endif
