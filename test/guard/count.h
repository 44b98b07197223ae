/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What callgrind counts. At any time one part of the program is at work; only the instructions of
 * the part that was chosen count. Phones, network and trace of the replay harness are PART_HARNESS;
 * roles and everything below them, when the harness hands them a message or time, are
 * PART_SERVICE; SQLite and the jobs on it are PART_STORE.
 *
 * Where the harness enters the service or the store, the linker's --wrap puts us between them
 * (meson.build), so that it stays as it is. Random secrets are fixed the same way: hash chains
 * are as long in every run. Without valgrind nothing of this has an effect.
 */
#ifndef GUARD_COUNT_H
#define GUARD_COUNT_H

enum part { PART_NONE, PART_HARNESS, PART_SERVICE, PART_STORE };

/* From now on this part counts; nothing did before. PART_NONE: that is the end. */
void count_choose(enum part chosen);
/* What follows is that part's work, until count_leave with what count_enter returned. */
enum part count_enter(enum part part);
void count_leave(enum part before);

#endif
