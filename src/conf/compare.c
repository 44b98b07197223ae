/* SPDX-License-Identifier: BSD-3-Clause */
/* What differs between two configurations: for reloading. */
#include "conf/conf.h"

static bool same_listen(const struct conf *a, const struct conf *b)
{
	if (a->listen_count != b->listen_count)
		return false;
	for (unsigned i = 0; i < a->listen_count; i++)
		if (!str_eq(a->listen[i], b->listen[i]))
			return false;
	return true;
}

static bool same_ua(const struct conf *a, const struct conf *b)
{
	if (a->ua_count != b->ua_count)
		return false;
	for (unsigned i = 0; i < a->ua_count; i++)
		if (!str_eq(a->ua[i].pattern, b->ua[i].pattern) ||
			a->ua[i].expires_max_s != b->ua[i].expires_max_s ||
			a->ua[i].contact_lists != b->ua[i].contact_lists)
			return false;
	return true;
}

static bool same_algorithms(const struct conf *a, const struct conf *b)
{
	if (a->algorithm_count != b->algorithm_count)
		return false;
	for (unsigned i = 0; i < a->algorithm_count; i++)
		if (!str_eq(a->algorithms[i], b->algorithms[i]))
			return false;
	return true;
}

/* A category's level that only follows [log] level is no difference of its own. */
static bool same_level(const struct conf *a, const struct conf *b, const struct conf_option *o)
{
	enum event_level x = *(const enum event_level *)((const char *)a + o->offset);
	enum event_level y = *(const enum event_level *)((const char *)b + o->offset);

	return x == y || (!o->initial && x == a->log_level_all && y == b->log_level_all);
}

static bool same_certificates(const struct conf *a, const struct conf *b)
{
	bool same = a->certificate_count == b->certificate_count;

	for (unsigned i = 0; same && i < a->certificate_count; i++)
		same = str_eq(a->certificates[i].chain, b->certificates[i].chain) &&
			str_eq(a->certificates[i].key, b->certificates[i].key);
	return same;
}

static bool same(const struct conf *a, const struct conf *b, const struct conf_option *o)
{
	const void *x = (const char *)a + o->offset, *y = (const char *)b + o->offset;

	switch (o->type) {
	case CONF_LISTEN:
		return same_listen(a, b);
	case CONF_UA_RULE:
		return same_ua(a, b);
	case CONF_CERTIFICATE:
		return same_certificates(a, b);
	case CONF_ALGORITHMS:
		return same_algorithms(a, b);
	case CONF_NUMBER:
		return *(const unsigned *)x == *(const unsigned *)y;
	case CONF_LOG_TO:
		return *(const bool *)x == *(const bool *)y;
	case CONF_LEVEL:
		return same_level(a, b, o);
	case CONF_TEXT:
	case CONF_PATH:
	case CONF_STORE_URL:
		break;
	}
	return str_eq(*(const struct str *)x, *(const struct str *)y);
}

void conf_compare(const struct conf *a, const struct conf *b,
	void (*visit)(const struct conf_option *o, void *arg), void *arg)
{
	for (unsigned i = 0; i < conf_option_count; i++)
		if (!same(a, b, &conf_options[i]))
			visit(&conf_options[i], arg);
}
