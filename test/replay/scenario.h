/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a scenario and plays it: see README.md for the language. */
#ifndef REPLAY_SCENARIO_H
#define REPLAY_SCENARIO_H

#include <stdbool.h>

/* True: all came as the file says. Otherwise what went wrong is printed with file and line. */
bool scenario_play(const char *path, bool verbose);

#endif
