/* SPDX-License-Identifier: BSD-3-Clause */
/* What a mailbox says of itself: any bytes; the account stays within them. */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "provider/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str body = str_make((const char *)data, n);
	struct summary s;

	if (summary_parse(body, &s) == ERR_OK && s.account.n)
		BUG_ON(s.account.p < body.p || s.account.p + s.account.n > body.p + body.n);
	return 0;
}
