/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The alphabets of SIP (RFC 3261 25.1): one table of all bytes, one bit for each alphabet, so that
 * a parser asks one load for a byte and never a list of characters.
 */
#ifndef SIP_CHARS_H
#define SIP_CHARS_H

#include "base/str.h"

enum sip_chars {
	SIP_TOKEN = 1, /* alphanum / "-.!%*_+`'~" */
	SIP_NAME = 2, /* what we take for a name: visible ASCII but for separators */
	SIP_BLANK = 4, /* SP, HTAB, CR, LF */
	SIP_URI_PLAIN = 8, /* may stand in a URI (RFC 3986, appendix A), but for "%" */
	SIP_SCHEME = 16, /* alphanum / "+-." */
	SIP_HOST = 32, /* alphanum / "-._" */
	SIP_SENT_BY = 64, /* what we take for a host in a Via */
	SIP_LIST_MARK = 128, /* quote, "<" and comma: what a list is cut by */
};

extern const uint8_t sip_chars[256];

static inline bool sip_is(char c, enum sip_chars alphabet)
{
	return sip_chars[(unsigned char)c] & alphabet;
}

/* How many bytes at the start of s are of the alphabet. */
static inline size_t sip_span(struct str s, enum sip_chars alphabet)
{
	size_t i = 0;

	while (i < s.n && sip_is(s.p[i], alphabet))
		i++;
	return i;
}

/* Index of the first byte of the alphabet, or s.n. */
static inline size_t sip_find(struct str s, enum sip_chars alphabet)
{
	size_t i = 0;

	while (i < s.n && !sip_is(s.p[i], alphabet))
		i++;
	return i;
}

#endif
