/* SPDX-License-Identifier: BSD-3-Clause */
#include "provider/summary.h"

enum { ACCOUNT_MAX = 256 };

/* "2/8", blanks allowed. */
static bool take_pair(struct str s, uint32_t *a, uint32_t *b)
{
	size_t slash = str_find(s, '/');
	uint32_t x, y;

	if (slash == s.n || str_u32(str_trim(str_first(s, slash)), &x) ||
		str_u32(str_trim(str_from(s, slash + 1)), &y))
		return false;
	*a = x;
	*b = y;
	return true;
}

/* msg-summary-line: newmsgs SLASH oldmsgs [ LPAREN new-urgentmsgs SLASH old-urgentmsgs RPAREN ] */
static void take_counts(struct str value, struct summary *out)
{
	size_t open = str_find(value, '(');
	struct str urgent = str_from(value, open < value.n ? open + 1 : value.n);

	if (!take_pair(str_first(value, open), &out->voice_new, &out->voice_old))
		return;
	if (!take_pair(
		    str_first(urgent, str_find(urgent, ')')), &out->urgent_new, &out->urgent_old))
		out->urgent_new = out->urgent_old = 0;
}

static void take_line(struct str name, struct str value, struct summary *out)
{
	if (str_ieq(name, STR("Message-Account")))
		out->account = value.n <= ACCOUNT_MAX ? value : STR_NONE;
	else if (str_ieq(name, STR("Voice-Message")))
		take_counts(value, out);
}

enum err summary_parse(struct str body, struct summary *out)
{
	struct str line;
	bool said = false;

	*out = (struct summary){ .waiting = false };
	while (str_line(&body, &line)) {
		size_t colon = str_find(line, ':');
		struct str name = str_trim(str_first(line, colon));
		struct str value = str_trim(str_from(line, colon < line.n ? colon + 1 : line.n));

		if (!str_trim(line).n)
			break; /* header fields of single messages follow: nothing for us */
		if (!str_ieq(name, STR("Messages-Waiting"))) {
			take_line(name, value, out);
			continue;
		}
		said = str_ieq(value, STR("yes")) || str_ieq(value, STR("no"));
		out->waiting = str_ieq(value, STR("yes"));
	}
	return said ? ERR_OK : ERR_SYNTAX;
}
