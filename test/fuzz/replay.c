/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a fuzz target over the files of its corpus, in the ordinary test run: replay DIR… */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { INPUT_MAX = 1 << 20 };

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	size_t n = f && data ? fread(data, 1, INPUT_MAX, f) : 0;
	uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees reading beyond it */

	if (!f || !data || !exact)
		return -1;
	for (size_t i = 0; i < n; i++)
		exact[i] = data[i];
	LLVMFuzzerTestOneInput(exact, n);
	fclose(f);
	free(exact);
	free(data);
	return 0;
}

static int run_folder(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	char path[4096];
	int count = 0;

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (run_file(path))
			return -1;
		count++;
	}
	if (d)
		closedir(d);
	return count;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int count = run_folder(argv[i]);

		printf("%s: %d inputs\n", argv[i], count);
		if (count < 1)
			return 1;
	}
	return 0;
}
