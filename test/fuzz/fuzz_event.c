/* SPDX-License-Identifier: BSD-3-Clause */
/* Printed events are harmless for a terminal whatever they hold; filters are read or refused. */
#include "event/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_harmless(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		BUG_ON((unsigned char)b->p[i] < ' ' || b->p[i] == 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char text[EVENT_PRINT_MAX];
	struct event_record r = { .event.kind = EV_SIP_MALFORMED };
	struct buf b = BUF_OF(text), why = BUF_OF(text);
	struct event_filter f;

	if (n > EVENT_BYTES_MAX)
		return 0;
	r.event.text = str_make((const char *)data, n);
	event_field(&r.event, "k", str_first(r.event.text, n / 2));
	event_print_line(&b, &r);
	check_harmless(&b);
	b = BUF_OF(text);
	r.event.field_count = 0;
	event_print_json(&b, &r);
	BUG_ON(!buf_ok(&b));
	check_harmless(&b);
	if (event_filter_parse(r.event.text, &f, &why) == ERR_OK)
		(void)event_filter_match(&f, &r.event);
	return 0;
}
