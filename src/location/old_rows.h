/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of the store that a newer row of the same binding replaced, or that say that the binding is
 * gone. They are deleted later, in the order of their numbers, once half as many wait as there are
 * bindings: phones refresh in any order, and a delete at once would touch a page each. For each row
 * that comes two are deleted, so that it never becomes a crowd.
 *
 * Until then the newest row of a binding counts (location_load), and as rows go in order it is the
 * last to go. Numbers that are forgotten (a crash, the database being away) are found again at the
 * next start.
 */
#ifndef LOCATION_OLD_ROWS_H
#define LOCATION_OLD_ROWS_H

#include "store/store.h"

struct old_rows;

struct old_rows *old_rows_new(struct store *s); /* s outlives it but for store_stop */
void old_rows_free(struct old_rows *o);
/* Any thread; after what replaces them was posted to the store. bindings: how many there are. */
void old_rows_add(struct old_rows *o, const int64_t *rows, unsigned count, size_t bindings);

#endif
