/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's end of the control socket. The protocol, one JSON object a line:
 *
 *   client  {"command": "bindings", …}              one request a connection
 *   server  {"row": {…}} *                          as many as there are
 *           {"done": true} | {"error": "sentence"}  and closes
 *
 * Commands: status, bindings, calls, keys {reload}, log {filter, follow, limit, json}, refresh,
 * hangup {call}, provider-test {customer, name}, resolve {uri}.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "cli/cli.h"

/*
 * Sends the request (released) and calls `row` for each row, which it borrows. Returns an exit
 * code: CLI_NOT_RUNNING when nobody listens. Complains unless `quiet`.
 */
int control_ask(
	struct cli *c, json_t *request, void (*row)(json_t *row, void *arg), void *arg, bool quiet);
/* Tells the running service, if there is one, that the database has changed. */
void control_poke(struct cli *c);

#endif
