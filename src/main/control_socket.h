/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket as the supervisor opens it: one service a socket, mode 0660. */
#ifndef MAIN_CONTROL_SOCKET_H
#define MAIN_CONTROL_SOCKET_H

#include "conf/place.h"

/* A listening descriptor, or -1 with a sentence in `why`: another service may be running. */
int control_socket_open(const struct conf *c, const struct place *p, struct buf *why);
void control_socket_close(const struct conf *c, int fd);

#endif
