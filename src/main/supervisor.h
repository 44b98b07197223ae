/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `tandem serve`: the supervisor. It reads configuration and key, opens the listening sockets and
 * the control socket, and keeps core and the dialplan process running: what dies is started again
 * after 0.1 s, doubling to 10 s. It holds the sockets, so that nothing that arrives meanwhile is
 * refused. It speaks no SIP and opens no database.
 *
 * SIGTERM, SIGINT: orderly stop, in bounded time; a second one stops at once.
 * SIGHUP: reads the configuration again; what cannot be taken over is said.
 *
 * Started by root, core runs as [service] user and the sandboxes as [service] dialplan_user.
 */
#ifndef MAIN_SUPERVISOR_H
#define MAIN_SUPERVISOR_H

/* Returns an exit code when the service has ended. */
int supervisor_serve(const char *conf_path);

#endif
