/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of options as one writes them. Internal to conf. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "conf/conf.h"

/* Checks a value and stores it; when it is wrong `why` says what would be right. */
MUST_USE enum err conf_value_set(
	struct conf *c, const struct conf_option *o, struct str value, struct buf *why);

#endif
