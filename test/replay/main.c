/* SPDX-License-Identifier: BSD-3-Clause */
/* replay [-v] FILE…: plays each scenario; one line each, and how many passed. */
#include <stdio.h>
#include <string.h>

#include "scenario.h"

int main(int argc, char **argv)
{
	int passed = 0, failed = 0, first = 1;
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = first + verbose; i < argc; i++) {
		bool ok = scenario_play(argv[i], verbose);

		printf("%s %s\n", ok ? "ok    " : "FAILED", argv[i]);
		passed += ok;
		failed += !ok;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}
