/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files to import: RFC 4180, a header row that names the columns in any order. Every fault is told
 * with its line; lines may hold passwords, and the memory they were in is wiped.
 */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdio.h>

#include "cli/cli.h"

enum { CSV_COLUMNS_MAX = 32, CSV_LINE_MAX = 8192, CSV_FAULTS_SHOWN = 20 };

struct csv {
	const char *file;
	FILE *in;
	const char *const *names; /* of the columns that there may be */
	unsigned name_count; /* at most CSV_COLUMNS_MAX */
	unsigned line, faults;
	unsigned fields; /* in a line */
	int column_of[CSV_COLUMNS_MAX]; /* field → index of its name */
	bool has[CSV_COLUMNS_MAX]; /* name → the file has that column */
	char text[CSV_LINE_MAX]; /* the present line */
};

/* Opens the file and reads its header; `required` names must be there. Complains. */
int csv_open(struct csv *m, const char *file, const char *const *names, unsigned count,
	unsigned required);
void csv_close(struct csv *m);
/* Tells a fault of the present line, the first ones of a file. */
void csv_fault(struct csv *m, const char *what, struct str value);
/* How many were not told. */
void csv_faults_end(const struct csv *m);
/*
 * The next line: values by the index of their names, STR_NONE where the file lacks the column.
 * They live until the next call. False at the end; a line with a fault is told and passed over.
 */
bool csv_next(struct csv *m, struct str *values);

#endif
