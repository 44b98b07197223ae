/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a scenario and plays it: see README.md for the language. */
#ifndef REPLAY_SCENARIO_H
#define REPLAY_SCENARIO_H

#include <stdbool.h>

#include "base/str.h"

/* True: all came as the file says. Otherwise what went wrong is printed with file and line. */
bool scenario_play(const char *path, bool verbose);

/* The text with every "{token C/N}" as that provider's token. To be freed. */
char *scenario_with_tokens(struct str text, size_t *n);

#endif
