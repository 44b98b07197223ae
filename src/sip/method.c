/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/method.h"

struct str sip_method_name(enum sip_method m)
{
	static const struct str names[SIP_METHOD_COUNT] = { [SIP_UNKNOWN] = { "", 0 },
#define X(m) [SIP_##m] = { #m, sizeof(#m) - 1 },
		SIP_METHODS(X)
#undef X
	};

	return m < SIP_METHOD_COUNT ? names[m] : STR("");
}

enum sip_method sip_method_parse(struct str name)
{
	for (unsigned m = SIP_UNKNOWN + 1; m < SIP_METHOD_COUNT; m++)
		if (str_eq(name, sip_method_name(m)))
			return m;
	return SIP_UNKNOWN;
}
