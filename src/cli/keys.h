/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands over keys share. The order of a rotation is what makes it safe to be killed at
 * any moment: the new key is in the file before the service is told, the service has it before the
 * first password is sealed with it, and the old one stays until nobody asks for it. Run again, it
 * finds passwords under another key than the current one and goes on with these.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "cli/cli.h"
#include "store/repo.h"

enum { KEYS_UNKNOWN_MAX = 8 }; /* ids of keys that are not here, told one by one */

/* Who is sealed by what. */
struct keys_census {
	const struct keyring *keys;
	unsigned under[KEYRING_MAX];
	unsigned waiting; /* not under the current key, but with one that is here */
	unsigned broken; /* no key opens them */
	char unknown[KEYS_UNKNOWN_MAX][KEYRING_ID + 1];
	unsigned unknown_count[KEYS_UNKNOWN_MAX], unknown_kinds, unknown_all;
};

/* Reads all sealed passwords, and opens them. Complains; returns an exit code. */
int keys_census(struct cli *c, const struct keyring *keys, struct keys_census *out);
/* Whether the ring opens the row's password: into secret, which the caller wipes. */
bool keys_open(const struct keyring *keys, const struct store_provider *p,
	uint8_t secret[KEYRING_SECRET_MAX], size_t *n);

/* Runs a command with the file locked, the ring read and the database open. */
int keys_with(struct cli *c, int (*run)(struct cli *c, struct keyring *keys));
/* Makes a key that does not seal yet. Complains and returns false. */
bool keys_add(struct keyring *keys);
bool keys_write(struct cli *c, const struct keyring *keys);
/* Lets the service read the file; CLI_OK when it seals as the file says, or does not run. */
int keys_tell_service(struct cli *c, const struct keyring *keys);

#endif
