/* SPDX-License-Identifier: BSD-3-Clause */
/* What time it is elsewhere, without touching the process's own zone. Any thread. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/str.h"

/*
 * Seconds east of UTC in a zone at that time: "Europe/Berlin" by the system's zone files, or a text
 * with a fixed offset in front, as "(UTC+01:00) Amsterdam", "GMT-5" or "+05:30". Empty or unknown:
 * 0, and false.
 */
bool zone_offset(struct str zone, int64_t at_s, int32_t *offset_s);

#endif
