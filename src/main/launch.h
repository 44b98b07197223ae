/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the supervisor and core: which descriptors core finds open when it starts, and what they
 * say to each other on the channel. Both are the same program file.
 *
 *   tandem --core CONF_PATH WORKERS LISTEN_LINES
 */
#ifndef MAIN_LAUNCH_H
#define MAIN_LAUNCH_H

#include "base/keyring.h"

enum launch_fd {
	LAUNCH_CHANNEL = 3, /* SOCK_SEQPACKET to the supervisor */
	LAUNCH_CONF, /* memfd with the text of the configuration */
	LAUNCH_KEY, /* memfd with the key ring */
	LAUNCH_CONTROL, /* listening Unix socket */
	LAUNCH_TLS, /* memfd of tls_files_open */
	LAUNCH_LISTEN, /* the sockets of net_bind, from here on */
};

/* One byte a message; those marked fd carry a descriptor. */
enum launch_message {
	LAUNCH_DIALPLAN = 'D', /* to core, fd: control socket of a fresh dialplan process */
	LAUNCH_RELOAD = 'C', /* to core, fd: memfd with a new configuration */
	LAUNCH_KEYS = 'K', /* to core, fd: memfd with the key ring as it is now; none: unreadable */
	LAUNCH_CERTIFICATES = 'T', /* to core, fd: memfd of tls_files_open as they are now */
	LAUNCH_READY = 'R', /* to the supervisor: core is serving */
	LAUNCH_WANT_KEYS =
		'k', /* to the supervisor: read the key ring again, LAUNCH_KEYS follows */
};

/* fd -1: none. False when the other end is gone. */
bool launch_send(int channel, enum launch_message m, int fd);
/* Received: true, *fd is -1 or a descriptor that is ours now. False: nothing there (errno EAGAIN)
 * or the other end is gone. */
bool launch_receive(int channel, enum launch_message *m, int *fd);

/* A sealed memfd with this text, -1 when there is none to be had. */
int launch_text_fd(const char *name, struct str text);
/* Reads such a descriptor whole; free() *out. Closes it. */
MUST_USE enum err launch_read_text(int fd, size_t max, char **out, size_t *n);

/* The same with a key ring. */
int launch_keys_fd(const struct keyring *r);
MUST_USE enum err launch_read_keys(int fd, struct keyring *out);

#endif
