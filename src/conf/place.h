/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the service lives: its data directory, and the users that it runs as. */
#ifndef CONF_PLACE_H
#define CONF_PLACE_H

#include <sys/types.h>

#include "conf/conf.h"

struct place {
	bool root; /* we are root: the users below were looked up and are to be used */
	uid_t uid; /* [service] user */
	gid_t gid;
	uid_t sandbox_uid; /* [service] dialplan_user */
	gid_t sandbox_gid;
};

/*
 * Looks up the users when we are root, and makes data_dir (0750, the service user's) if it is
 * missing. ERR_NOT_FOUND, ERR_IO with a sentence in `why` that says what to do.
 */
MUST_USE enum err place_make(const struct conf *c, struct place *out, struct buf *why);

/* A program of ours, beside the one that runs (installed or in the build tree); false: none. */
bool program_find(const char *name, char *out, size_t max);

#endif
