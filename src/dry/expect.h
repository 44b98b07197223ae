/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of expectations, NAME.test beside NAME.rb, .line or .wizard: what dry runs of the script
 * must do. The format is told in docs/dialplans/README.md.
 */
#ifndef DRY_EXPECT_H
#define DRY_EXPECT_H

#include "dry/call.h"

struct dry_tests {
	unsigned passed, failed;
	/* One test: fault is empty or says what was not so, in line `line`. steps is borrowed. */
	void (*on_test)(void *arg, const char *file, unsigned line, struct str title,
		struct str fault, const json_t *steps);
	void *arg;
};

/* Runs all tests of a file. What is wrong with the file itself is a test that failed. */
void dry_test_file(struct dry_box *b, const char *path, struct dry_tests *t);

#endif
