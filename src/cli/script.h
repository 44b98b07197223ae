/* SPDX-License-Identifier: BSD-3-Clause */
/* A dialplan's text, and the program that reads it in a jail (tandem-dialplan). */
#ifndef CLI_SCRIPT_H
#define CLI_SCRIPT_H

#include "cli/cli.h"

enum {
	SCRIPT_BYTES_MAX = 256 * 1024,
	SCRIPT_REPORT_MAX = 1024 * 1024,
};

/* Into the command's arena; "-" is standard input. Complains and returns false. */
bool script_read(struct cli *c, const char *file, struct str *out);
/* What to call the file in complaints. */
const char *script_name(const char *file);
/*
 * `tandem-dialplan MODE NAME` on the script; what it prints goes to `out`. Returns its exit code;
 * below 0: it could not be run (complained).
 */
int script_ask(const char *mode, const char *name, struct str script, int out);

#endif
