/* SPDX-License-Identifier: BSD-3-Clause */
/* Request methods: RFC 3261, 3262 PRACK, 3311 UPDATE, 6086 INFO, 3428 MESSAGE, 6665, 3515, 3903. */
#ifndef SIP_METHOD_H
#define SIP_METHOD_H

#include "base/str.h"

#define SIP_METHODS(X)                                                                             \
	X(INVITE)                                                                                  \
	X(ACK)                                                                                     \
	X(BYE)                                                                                     \
	X(CANCEL)                                                                                  \
	X(REGISTER)                                                                                \
	X(OPTIONS)                                                                                 \
	X(PRACK)                                                                                   \
	X(UPDATE)                                                                                  \
	X(INFO)                                                                                    \
	X(MESSAGE)                                                                                 \
	X(SUBSCRIBE)                                                                               \
	X(NOTIFY)                                                                                  \
	X(REFER)                                                                                   \
	X(PUBLISH)

enum sip_method {
	SIP_UNKNOWN, /* carried verbatim by its name */
#define X(m) SIP_##m,
	SIP_METHODS(X)
#undef X
		SIP_METHOD_COUNT
};

enum sip_method sip_method_parse(struct str name); /* methods are case-sensitive */
struct str sip_method_name(enum sip_method m); /* STR("") for SIP_UNKNOWN */

#endif
