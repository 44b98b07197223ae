/* SPDX-License-Identifier: BSD-3-Clause */
/* Passwords come from a prompt (twice, without echo) or, with --password-stdin, from the first
 * line of standard input. Never from arguments, which every user of the machine can read. */
#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

#include "cli/cli.h"

enum { PASSWORD_MIN = 6, PASSWORD_MAX = 128 };

struct password {
	char text[PASSWORD_MAX + 2];
	struct str value; /* borrows from text */
};

/* Complains and returns false when there is none or it will not do. min: PASSWORD_MIN, or less for
 * one that somebody else chose. */
bool password_read(const struct cli *c, const char *for_whom, unsigned min, struct password *out);
/* "why it will not do", or NULL. */
const char *password_fault(struct str password, unsigned min);
void password_wipe(struct password *p);

#endif
