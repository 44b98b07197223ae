/* SPDX-License-Identifier: BSD-3-Clause */
/* Where in a message's body the SDP is: all of it, or a part of a multipart body (RFC 2046). */
#ifndef NAT_BODY_H
#define NAT_BODY_H

#include "base/str.h"

/*
 * type: the Content-Type. A slice of the body; p == NULL: there is no SDP in it. Parts within parts
 * are not looked at, nor are encoded ones (Content-Transfer-Encoding but 7bit, 8bit, binary).
 */
struct str nat_body_sdp(struct str type, struct str body);

#endif
