/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of prelude/, embedded by the build in the order of meson.build. */
#ifndef DIALPLAN_ZYGOTE_PRELUDE_H
#define DIALPLAN_ZYGOTE_PRELUDE_H

#include <stddef.h>

struct prelude_file {
	const char *name;
	const char *text;
	size_t n;
};

extern const struct prelude_file prelude_files[]; /* ends with a row without a name */

#endif
