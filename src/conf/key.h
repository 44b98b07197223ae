/* SPDX-License-Identifier: BSD-3-Clause */
/* The cluster's key: 32 bytes in hex in a file of its own, readable by its owner only. */
#ifndef CONF_KEY_H
#define CONF_KEY_H

#include "base/crypto.h"
#include "conf/conf.h"

/*
 * Reads [service] key_file; makes it when it does not exist yet (its directory must). ERR_IO,
 * ERR_SYNTAX, ERR_DENIED (others may read it) with a sentence in `why`.
 */
MUST_USE enum err key_load(const struct conf *c, uint8_t key[CRYPTO_KEY_BYTES], struct buf *why);

#endif
