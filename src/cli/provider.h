/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands over providers share: passwords, which are never written in the clear. */
#ifndef CLI_PROVIDER_H
#define CLI_PROVIDER_H

#include "cli/cli.h"
#include "store/repo.h"

enum { PROVIDER_PASSWORD_MIN = 1 }; /* somebody else chose it */

/*
 * Seals the password under the current key, bound to the row (customer and name are set), so that
 * it is good nowhere else. Within the transaction that writes the row: no key that is needed for it
 * can go meanwhile. Without keys it complains and returns false, and nothing may be written.
 */
bool provider_seal(struct cli *c, struct str password, struct store_provider *row);
/* The same with keys that were read, into the arena. */
void provider_seal_with(const struct keyring *keys, struct arena *a, struct str password,
	struct store_provider *row);
/* Whether the row's password cannot be opened with the keys that are here; then `why` in words. */
bool provider_password_fault(struct cli *c, const struct store_provider *row, struct buf *why);

#endif
