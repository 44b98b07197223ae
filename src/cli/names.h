/* SPDX-License-Identifier: BSD-3-Clause */
/* What names may look like (facts 2.2, 2.5, 2.6). */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "base/arena.h"

/* Each: NULL when the name is fine, else what is wrong with it. */
const char *name_customer_fault(struct str name); /* lower case already */
const char *name_account_fault(struct str username, struct str customer);
const char *name_domain_fault(struct str name); /* lower case already */
const char *name_alias_fault(struct str name); /* a domain's, or "*", "local", "host:5060" */
const char *name_dialplan_fault(struct str name);
const char *name_provider_fault(struct str name);

struct str name_lower(struct arena *a, struct str s);
/* "user@domain": both parts, the domain in lower case; false when it is not of that form. */
bool name_split_aor(struct arena *a, struct str aor, struct str *user, struct str *domain);

#endif
