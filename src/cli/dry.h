/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands that run dialplans dry share. */
#ifndef CLI_DRY_H
#define CLI_DRY_H

#include "dry/box.h"

/* Starts tandem-dialplan; complains and returns false. */
bool dry_box_open(struct dry_box *b);

#endif
