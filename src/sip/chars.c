/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/chars.h"

#define DIGIT(c) ((c) >= '0' && (c) <= '9')
#define ALPHA(c) (((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define ALNUM(c) (ALPHA(c) || DIGIT(c))
#define VISIBLE(c) ((c) > ' ' && (c) < 0x7f)
#define BLANK(c) ((c) == ' ' || (c) == '\t' || (c) == '\r' || (c) == '\n')

#define TOKEN(c)                                                                                   \
	(ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '!' || (c) == '%' || (c) == '*' ||         \
		(c) == '_' || (c) == '+' || (c) == '`' || (c) == '\'' || (c) == '~')
#define SEPARATOR(c)                                                                               \
	((c) == '(' || (c) == ')' || (c) == '<' || (c) == '>' || (c) == '@' || (c) == ',' ||       \
		(c) == ';' || (c) == ':' || (c) == '\\' || (c) == '"' || (c) == '/' ||             \
		(c) == '[' || (c) == ']' || (c) == '?' || (c) == '=' || (c) == '{' || (c) == '}')
#define URI_PLAIN(c)                                                                               \
	((c) > ' ' && (c) != 0x7f && (c) != '<' && (c) != '>' && (c) != '"' && (c) != '%')
#define SENT_BY(c) (!BLANK(c) && (c) != '<' && (c) != '>' && (c) != '"' && (c) != '@' && (c) != '/')

#define C1(c)                                                                                      \
	(TOKEN(c) ? SIP_TOKEN : 0) | (VISIBLE(c) && !SEPARATOR(c) ? SIP_NAME : 0) |                \
		(BLANK(c) ? SIP_BLANK : 0) | (URI_PLAIN(c) ? SIP_URI_PLAIN : 0) |                  \
		(ALNUM(c) || (c) == '+' || (c) == '-' || (c) == '.' ? SIP_SCHEME : 0) |            \
		(ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' ? SIP_HOST : 0) |              \
		(SENT_BY(c) ? SIP_SENT_BY : 0) |                                                   \
		((c) == '"' || (c) == '<' || (c) == ',' ? SIP_LIST_MARK : 0)
#define C4(c) C1(c), C1((c) + 1), C1((c) + 2), C1((c) + 3)
#define C16(c) C4(c), C4((c) + 4), C4((c) + 8), C4((c) + 12)
#define C64(c) C16(c), C16((c) + 16), C16((c) + 32), C16((c) + 48)

const uint8_t sip_chars[256] = { C64(0), C64(64), C64(128), C64(192) };
