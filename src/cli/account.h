/* SPDX-License-Identifier: BSD-3-Clause */
/* What adding one account and importing many share. */
#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include "cli/cli.h"
#include "store/repo.h"

struct account_secrets { /* what a row's HA1 slices borrow from */
	char ha1[3][STORE_HA1_MAX];
};

/* Fills in the row's HA1 values from the password; the password itself is not kept. */
void account_set_password(
	struct store_account *row, struct str password, struct account_secrets *secrets);

/* "auto", "never", "always"; empty is auto. False: it is none of them. */
bool account_take_media(struct str value, struct store_account *row);

#endif
