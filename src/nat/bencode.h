/* SPDX-License-Identifier: BSD-3-Clause */
/* Bencode, as much of it as a dictionary of texts needs: the control protocol of media relays. */
#ifndef NAT_BENCODE_H
#define NAT_BENCODE_H

#include "base/buf.h"

void bencode_text(struct buf *b, struct str s); /* "3:abc" */
/* The text under that key of a dictionary; p == NULL: there is none, or it is unsound before it. */
struct str bencode_find(struct str dictionary, struct str key);

#endif
