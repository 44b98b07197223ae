/* SPDX-License-Identifier: BSD-3-Clause */
/* What core gives up before it looks at the first message. */
#ifndef MAIN_JAIL_H
#define MAIN_JAIL_H

#include "base/err.h"

/* No new privileges, no other program, no look at other processes; for all threads to come. */
MUST_USE enum err jail_enter(void);

#endif
