/* SPDX-License-Identifier: BSD-3-Clause */
#include "dialplan/failure.h"

const char *failure_name(enum dial_failure f)
{
	switch (f) {
	case FAILURE_NONE:
		return "";
	case FAILURE_UNREACHABLE:
		return "Unreachable";
	case FAILURE_NO_ANSWER:
		return "NoAnswer";
	case FAILURE_REFUSED:
		return "Refused";
	}
	return "";
}

/* Busy, away, declined, cannot talk that way. */
static bool speaks_of_callee(unsigned status)
{
	return status == 480 || status == 486 || status == 487 || status == 488 || status == 493 ||
		status / 100 == 6;
}

static bool is_network(unsigned status)
{
	return status == 408 || status == 401 || status == 407 || status == 430 ||
		status / 100 == 5 || status / 100 == 3;
}

enum dial_failure dial_failure_of(bool provider, unsigned status, bool of_peer)
{
	if (!of_peer || is_network(status))
		return FAILURE_UNREACHABLE;
	if (provider && !speaks_of_callee(status))
		return FAILURE_UNREACHABLE;
	return FAILURE_REFUSED;
}
