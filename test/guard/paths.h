/* SPDX-License-Identifier: BSD-3-Clause */
/* The paths whose instructions are counted. Each does its work n times and counts that alone. */
#ifndef GUARD_PATHS_H
#define GUARD_PATHS_H

#include "base/str.h"

/* messages.c: syntax alone. An operation of each is two messages. */
void path_parse(unsigned n); /* an INVITE with SDP and a REGISTER, with all that the roles read */
void path_print(unsigned n); /* a 200 to the REGISTER and the INVITE as it goes on */

/* phones.c: the real roles of a worker in the harness of test/replay, without the store's work */
void path_options(unsigned n);
void path_register_challenge(unsigned n); /* REGISTER, 401 */
void path_register_refresh(unsigned n); /* REGISTER with a valid nonce, 200 */
void path_call(unsigned n); /* INVITE … BYE, two phones, no dialplan */

/* bindings.c: the store's work for a binding that is replaced, many in a commit */
void path_store_binding(unsigned n);

/* messages.c: what a phone offers */
extern const struct str sample_sdp;

#endif
