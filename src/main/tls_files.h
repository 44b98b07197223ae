/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files that the [tls] section names: read by the supervisor, which may still be root, and
 * handed to core, which may not read private keys, as one text in a memfd.
 */
#ifndef MAIN_TLS_FILES_H
#define MAIN_TLS_FILES_H

#include "conf/conf.h"
#include "transport/tls.h"

/* A memfd, or -1: `why` names the file that could not be read. */
int tls_files_open(const struct conf *c, struct buf *why);

struct tls_files {
	char *text; /* which the settings borrow from */
	size_t n;
	struct tls_settings settings;
};

/* Reads such a memfd, and closes it. */
MUST_USE enum err tls_files_read(int fd, struct tls_files *out);
void tls_files_free(struct tls_files *f); /* wipes it */

#endif
