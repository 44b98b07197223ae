/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches this machine's addresses and routes (rtnetlink(7)), so that what waits for the network
 * goes on when it is back, and not at its next try.
 */
#ifndef MAIN_NETWORK_H
#define MAIN_NETWORK_H

#include <uv.h>

#include "event/event.h"

struct network_watch;

enum {
	NETWORK_SETTLE_MS = 200, /* changes come in crowds */
	NETWORK_PAUSE_MS = 5000, /* containers and tunnels come and go all day long */
};

/*
 * `changed` is called on the loop's thread, NETWORK_SETTLE_MS after a change, and NETWORK_PAUSE_MS
 * after it was called before. NULL where the kernel does not tell; an event says so.
 */
struct network_watch *network_watch_new(
	uv_loop_t *uv, struct event_bus *events, void (*changed)(void *arg), void *arg);
void network_watch_free(struct network_watch *n); /* NULL is fine; then let the loop run out */

#endif
