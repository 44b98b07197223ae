/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages on streams: where one ends (RFC 3261 18.3). */
#include "sip/msg.h"

/* Value of Content-Length in a head, without allocating. */
static enum err framed_length(struct str head, size_t *length)
{
	struct str line;
	bool found = false;
	uint32_t v = 0;

	str_line(&head, &line);
	while (sip_hdr_line(&head, &line)) {
		size_t colon = str_find(line, ':');

		if (colon >= line.n ||
			sip_hdr_id(str_trim(str_first(line, colon))) != SIP_HDR_CONTENT_LENGTH)
			continue;
		if (found || str_u32(str_trim(str_from(line, colon + 1)), &v))
			return ERR_SYNTAX;
		found = true;
	}
	*length = v;
	return found ? ERR_OK : ERR_SYNTAX;
}

/* Bytes up to and with the empty line, 0 when it is not there yet, nor in front of `from`. */
static size_t head_length(struct str s, size_t from)
{
	while (from < s.n) {
		size_t nl = from + str_find(str_from(s, from), '\n');

		if (nl + 1 < s.n && s.p[nl + 1] == '\n')
			return nl + 2;
		if (nl + 2 < s.n && s.p[nl + 1] == '\r' && s.p[nl + 2] == '\n')
			return nl + 3;
		from = nl + 1;
	}
	return 0;
}

static enum err find_length(struct sip_framing *f, struct str buffer)
{
	size_t skip = 0, head, body;
	enum err e;

	while (skip < buffer.n && (buffer.p[skip] == '\r' || buffer.p[skip] == '\n'))
		skip++;
	head = head_length(buffer, f->looked > skip ? f->looked : skip);
	if (head == 0) {
		f->looked = buffer.n > 2 ? buffer.n - 2 : 0; /* they may begin the empty line */
		return buffer.n - skip > SIP_MSG_MAX ? ERR_LIMIT : ERR_OK;
	}
	e = framed_length(str_make(buffer.p + skip, head - skip), &body);
	if (e)
		return e;
	if (body > SIP_MSG_MAX || head - skip + body > SIP_MSG_MAX)
		return ERR_LIMIT;
	f->length = head + body;
	return ERR_OK;
}

enum err sip_msg_frame_more(struct sip_framing *f, struct str buffer, size_t *length)
{
	enum err e = f->length ? ERR_OK : find_length(f, buffer);

	*length = !e && f->length && f->length <= buffer.n ? f->length : 0;
	return e;
}

enum err sip_msg_frame(struct str buffer, size_t *length)
{
	struct sip_framing f = { 0 };

	return sip_msg_frame_more(&f, buffer, length);
}
