/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/body.h"

#include "sip/uri.h"

static struct str media_type(struct str type)
{
	return str_trim(str_first(type, str_find(type, ';')));
}

static bool is_sdp(struct str type)
{
	return str_ieq(media_type(type), STR("application/sdp"));
}

/* boundary=simple or boundary="what ever" */
static struct str boundary_of(struct str type)
{
	struct str value = str_trim(sip_param(type, STR("boundary")));

	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		value = str_make(value.p + 1, value.n - 2);
	return value;
}

/* A delimiter line: "--boundary", or "--boundary--" behind the last part. */
static bool is_delimiter(struct str line, struct str boundary)
{
	return str_starts(line, STR("--")) && str_starts(str_from(line, 2), boundary);
}

static bool is_plain(struct str encoding)
{
	return str_ieq(encoding, STR("7bit")) || str_ieq(encoding, STR("8bit")) ||
		str_ieq(encoding, STR("binary"));
}

/* Reads a part's header up to the empty line behind it; true: what follows is an SDP. */
static bool part_is_sdp(struct str *rest)
{
	bool sdp = false, plain = true;
	struct str line;

	while (str_line(rest, &line) && line.n) {
		size_t colon = str_find(line, ':');
		struct str name = str_trim(str_first(line, colon));
		struct str value = str_trim(str_from(line, colon + 1));

		if (str_ieq(name, STR("Content-Type")) || str_ieq(name, STR("c")))
			sdp = is_sdp(value);
		else if (str_ieq(name, STR("Content-Transfer-Encoding")))
			plain = is_plain(value);
	}
	return sdp && plain;
}

/* Up to the next delimiter; the line end before that belongs to the delimiter. */
static struct str part_body(struct str rest, struct str boundary)
{
	struct str left = rest, line;
	const char *end;

	while (str_line(&left, &line)) {
		if (!is_delimiter(line, boundary))
			continue;
		end = line.p;
		if (end > rest.p && end[-1] == '\n')
			end--;
		if (end > rest.p && end[-1] == '\r')
			end--;
		return str_make(rest.p, (size_t)(end - rest.p));
	}
	return rest;
}

static struct str sdp_part(struct str body, struct str boundary)
{
	struct str rest = body, line;

	while (str_line(&rest, &line))
		if (is_delimiter(line, boundary) && part_is_sdp(&rest))
			return part_body(rest, boundary);
	return STR_NONE;
}

struct str nat_body_sdp(struct str type, struct str body)
{
	struct str boundary;

	if (!body.n)
		return STR_NONE;
	if (is_sdp(type))
		return body;
	if (!str_istarts(type, STR("multipart/")))
		return STR_NONE;
	boundary = boundary_of(type);
	return boundary.n ? sdp_part(body, boundary) : STR_NONE;
}
