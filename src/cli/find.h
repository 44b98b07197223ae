/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding rows by name. When there is none they complain, with the nearest name that there is,
 * and return the exit code; CLI_OK otherwise. Rows live in the command's arena. */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include "cli/cli.h"
#include "store/repo.h"

int find_customer(struct cli *c, struct str name, struct store_customer *out);
int find_domain(struct cli *c, struct str name, struct store_domain *out);
int find_account(struct cli *c, struct str aor, struct store_account *out);
int find_dialplan(struct cli *c, struct str customer, struct str name, struct store_dialplan *out);
int find_provider(struct cli *c, struct str customer, struct str name, struct store_provider *out);

/* The customer named by --customer; the only one there is when it was not given. */
int find_customer_option(struct cli *c, struct store_customer *out);

#endif
