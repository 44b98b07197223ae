/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory of its own for a test, with files and no directories in it. */
#ifndef TEST_TEMP_DIR_H
#define TEST_TEMP_DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes its path into dir; name: which test it is of. */
static inline bool temp_dir_make(char *dir, size_t max, const char *name)
{
	snprintf(dir, max, "/tmp/tandem-%s-XXXXXX", name);
	return mkdtemp(dir) != NULL;
}

static inline void temp_dir_remove(const char *dir)
{
	char path[512];
	DIR *d = opendir(dir);

	for (const struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (unlink(path))
			continue; /* "." and ".." */
	}
	closedir(d);
	rmdir(dir);
}

#endif
