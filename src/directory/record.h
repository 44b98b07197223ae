/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records: immutable, counted, one allocation each with all of their text. And tables of them:
 * striped locks, look-up by a key that ignores case.
 */
#ifndef DIRECTORY_RECORD_H
#define DIRECTORY_RECORD_H

#include "base/hash.h"
#include "base/lock.h"
#include "base/str.h"

enum { RECORD_STRIPES = 64, RECORD_KEY_MAX = 512 };

/* One text field: where it stands in the stored row and where in the record. */
struct record_field {
	size_t row, record;
};

struct record_kind {
	size_t bytes; /* of the record; its first member is the count of references */
	const struct record_field *fields;
	unsigned count;
	size_t secret; /* offset of a text that is wiped when the record is freed, 0: none */
};

/* A new record with one reference; `row`'s fields copied, everything else zero. */
void *record_new(const struct record_kind *kind, struct str key, const void *row);
struct str record_key(void *record); /* lives as long as the record */
void *record_ref(void *record);
void record_unref(void *record); /* NULL is fine */

struct record_stripe {
	struct rwlock lock;
	struct hash hash;
};

struct record_table {
	struct record_stripe stripes[RECORD_STRIPES];
	unsigned generation; /* of the present full load */
};

void record_table_init(struct record_table *t);
void record_table_fini(struct record_table *t);
/* Takes over the reference; replaces the record with the same key. */
void record_put(struct record_table *t, void *record);
void record_remove(struct record_table *t, struct str key);
void *record_get(struct record_table *t, struct str key); /* a new reference, or NULL */
size_t record_count(struct record_table *t);
void record_report_locks(
	struct record_table *t, const char *name, lock_report_fn *report, void *arg);
/* A full load: begin, record_put everything, end removes what was not put. */
void record_load_begin(struct record_table *t);
void record_load_end(struct record_table *t);
void record_each(struct record_table *t, void (*visit)(void *record, void *arg), void *arg);

#endif
