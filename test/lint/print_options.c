/* SPDX-License-Identifier: BSD-3-Clause */
/* "section key default", one a line, for test/lint/options.sh. */
#include <stdio.h>

#include "conf/conf.h"

int main(void)
{
	for (unsigned i = 0; i < conf_option_count; i++)
		printf("%s %s %s\n", conf_options[i].section, conf_options[i].key,
			conf_options[i].initial && *conf_options[i].initial
				? conf_options[i].initial
				: "-");
	return 0;
}
