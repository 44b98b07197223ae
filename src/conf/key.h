/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key ring's file: [service] key_file, readable by its owner only; or, when systemd hands the
 * service a credential of the name tandem-key (LoadCredential=, in $CREDENTIALS_DIRECTORY), that
 * one, which is never written.
 */
#ifndef CONF_KEY_H
#define CONF_KEY_H

#include "base/keyring.h"
#include "conf/conf.h"

/* Where the ring is read from, for sentences. */
struct key_place {
	char path[4096];
	bool credential;
};
MUST_USE enum err key_find(const struct conf *c, struct key_place *out);

/*
 * Reads the ring; makes the file when it does not exist yet (its directory must). ERR_IO,
 * ERR_SYNTAX, ERR_DENIED (others may read it) with a sentence in `why`.
 */
MUST_USE enum err key_load(const struct conf *c, struct keyring *out, struct buf *why);

/*
 * The right to change the file, ours until the descriptor is closed or the process ends. ERR_BUSY:
 * another command has it; ERR_STATE: it is a credential.
 */
MUST_USE enum err key_lock(const struct conf *c, int *lock, struct buf *why);
/*
 * Replaces the file, with the lock held: whoever reads it meanwhile, or after a crash at any
 * moment, finds the old ring or the new one. Mode 0600, the owner stays.
 */
MUST_USE enum err key_write(const struct conf *c, const struct keyring *r, struct buf *why);

#endif
