/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration files: whatever they hold, they are read or refused with words. */
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char text[CONF_ERRORS_MAX];
	struct buf errors = BUF_OF(text);
	struct conf *c;
	enum err e;

	if (n > 16384)
		return 0;
	e = conf_parse(
		str_make((const char *)data, n), STR("/etc/tandem/tandem.conf"), &c, &errors);
	BUG_ON((e == ERR_OK) != (c != NULL));
	BUG_ON(e != ERR_OK && errors.n == 0 && !errors.full);
	BUG_ON(c && (c->listen_count == 0 || c->data_dir.p[0] != '/' || c->control.p[0] != '/'));
	conf_free(c);
	return 0;
}
