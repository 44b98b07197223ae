/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket's server (protocol: cli/control.h). It lives on core's main loop; what it
 * wants to know from workers it asks by messages and collects. Clients are few and bounded; one
 * that does not read is told so and dropped.
 */
#ifndef MAIN_CONTROL_H
#define MAIN_CONTROL_H

#include "main/core.h"

struct control *control_server_new(struct core *c, int listening);
/* The supervisor has answered core_want_keys: answers who waits for it. */
void control_keys_told(struct control *c, bool read);
/* Drops the clients; before the workers stop. */
void control_server_close(struct control *c);
/* When the loop has run out and the workers have answered. */
void control_server_free(struct control *c);

#endif
