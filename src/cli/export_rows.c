/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows of all kinds as JSON and back, field by field from a table. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/export.h"

enum field_type { TEXT, NUMBER, SWITCH, TIME };

struct export_field {
	const char *name;
	enum field_type type;
	size_t offset;
};

#define FIELD(kind, type, name)                                                                    \
	{                                                                                          \
#name, type, offsetof(struct export_row, kind.name)                                \
	}
#define MOMENT(kind, name)                                                                         \
	{                                                                                          \
#name, TIME, offsetof(struct export_row, kind.name##_ms)                           \
	}
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct export_field customers[] = {
	FIELD(customer, TEXT, name),
	FIELD(customer, TEXT, password_hash),
	FIELD(customer, SWITCH, suspended),
	FIELD(customer, TEXT, suspended_reason),
	FIELD(customer, NUMBER, calls_max),
	FIELD(customer, NUMBER, scripts_max),
	FIELD(customer, TEXT, time_zone),
	MOMENT(customer, created),
};
static const struct export_field domains[] = {
	FIELD(domain, TEXT, name),
	FIELD(domain, TEXT, aliases),
	FIELD(domain, TEXT, owner),
	MOMENT(domain, created),
};
static const struct export_field accounts[] = {
	FIELD(account, TEXT, username),
	FIELD(account, TEXT, domain),
	FIELD(account, TEXT, customer),
	FIELD(account, TEXT, ha1_md5),
	FIELD(account, TEXT, ha1_sha256),
	FIELD(account, TEXT, ha1_sha512_256),
	FIELD(account, TEXT, out_dialplan),
	FIELD(account, TEXT, in_dialplan),
	FIELD(account, SWITCH, incoming_only),
	FIELD(account, SWITCH, disabled),
	FIELD(account, TEXT, disabled_reason),
	FIELD(account, TEXT, network_id),
	FIELD(account, TEXT, ip_acl),
	FIELD(account, SWITCH, nat_keepalive),
	FIELD(account, SWITCH, dont_mangle),
	FIELD(account, TEXT, media),
	FIELD(account, NUMBER, bindings_max),
	FIELD(account, TEXT, description),
	MOMENT(account, created),
};
static const struct export_field dialplans[] = {
	FIELD(dialplan, TEXT, customer),
	FIELD(dialplan, TEXT, name),
	FIELD(dialplan, TEXT, type),
	FIELD(dialplan, TEXT, script),
	FIELD(dialplan, SWITCH, accept_non_invite),
	MOMENT(dialplan, created),
	MOMENT(dialplan, updated),
};
static const struct export_field providers[] = {
	FIELD(provider, TEXT, customer),
	FIELD(provider, TEXT, name),
	FIELD(provider, TEXT, username),
	FIELD(provider, TEXT, auth_username),
	FIELD(provider, TEXT, password_sealed),
	FIELD(provider, TEXT, server),
	FIELD(provider, TEXT, outbound_proxy),
	FIELD(provider, TEXT, from),
	FIELD(provider, TEXT, custom_headers),
	FIELD(provider, TEXT, register_contact),
	FIELD(provider, TEXT, register_server),
	FIELD(provider, TEXT, register_realm),
	FIELD(provider, NUMBER, register_expiry_s),
	FIELD(provider, SWITCH, register_enabled),
	FIELD(provider, SWITCH, disabled),
	FIELD(provider, TEXT, disabled_reason),
	FIELD(provider, TEXT, transport),
	FIELD(provider, NUMBER, rate_per_minute),
	FIELD(provider, SWITCH, mwi),
	FIELD(provider, TEXT, addresses),
	FIELD(provider, TEXT, media),
	MOMENT(provider, created),
	MOMENT(provider, updated),
};
static const struct export_field values[] = {
	FIELD(value, TEXT, customer),
	FIELD(value, TEXT, key),
	FIELD(value, TEXT, value),
};
static const struct export_field calls[] = {
	FIELD(cdr, TEXT, call),
	FIELD(cdr, TEXT, customer),
	FIELD(cdr, TEXT, account),
	FIELD(cdr, TEXT, direction),
	FIELD(cdr, TEXT, a_call_id),
	FIELD(cdr, TEXT, b_call_id),
	FIELD(cdr, TEXT, from),
	FIELD(cdr, TEXT, to),
	FIELD(cdr, TEXT, request_uri),
	FIELD(cdr, TEXT, destination),
	FIELD(cdr, TEXT, provider),
	FIELD(cdr, TEXT, dialplan),
	FIELD(cdr, TEXT, a_remote),
	FIELD(cdr, TEXT, b_remote),
	MOMENT(cdr, started),
	MOMENT(cdr, ringing),
	MOMENT(cdr, answered),
	MOMENT(cdr, ended),
	FIELD(cdr, NUMBER, status),
	FIELD(cdr, TEXT, reason),
	FIELD(cdr, TEXT, ended_by),
	FIELD(cdr, TEXT, end_reason),
	FIELD(cdr, NUMBER, legs),
};

/* ---- to JSON ---- */

static json_t *text_json(struct str s)
{
	json_t *j = json_stringn(s.p ? s.p : "", s.n);
	char *hex;

	if (j)
		return j;
	hex = mem_alloc(2 * s.n + 1);
	str_hex(s.p, s.n, hex);
	j = json_pack("{s:s}", "hex", hex);
	free(hex);
	return j;
}

static json_t *time_json(int64_t ms)
{
	char text[40];
	struct buf b = BUF_OF(text);

	if (ms)
		clock_print_iso(&b, ms);
	return json_stringn(text, b.n);
}

json_t *export_json(const struct export_kind *k, const struct export_row *row)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < k->count; i++) {
		const void *p = (const char *)row + k->fields[i].offset;
		json_t *v = NULL;

		switch (k->fields[i].type) {
		case TEXT:
			v = text_json(*(const struct str *)p);
			break;
		case NUMBER:
			v = json_integer(*(const uint32_t *)p);
			break;
		case SWITCH:
			v = json_boolean(*(const bool *)p);
			break;
		case TIME:
			v = time_json(*(const int64_t *)p);
			break;
		}
		json_object_set_new(o, k->fields[i].name, v);
	}
	return o;
}

/* ---- and back ---- */

static bool take_text(const json_t *v, struct arena *a, struct str *out)
{
	const json_t *hex = json_object_get(v, "hex");
	size_t n = json_string_length(hex), got;
	char *mem;

	if (json_is_string(v)) {
		*out = str_make(json_string_value(v), json_string_length(v));
		return true;
	}
	if (!json_is_string(hex))
		return false;
	mem = arena_alloc(a, n / 2 + 1);
	if (str_unhex(str_make(json_string_value(hex), n), mem, n / 2, &got) != ERR_OK)
		return false;
	*out = str_make(mem, got);
	return true;
}

static bool take_time(const json_t *v, int64_t *out)
{
	struct str s = str_make(json_string_value(v), json_string_length(v));

	*out = 0;
	return json_is_string(v) && (!s.n || clock_parse_iso(s, out) == ERR_OK);
}

static bool take_number(const json_t *v, uint32_t *out)
{
	json_int_t n = json_integer_value(v);

	*out = (uint32_t)n;
	return json_is_integer(v) && n >= 0 && n <= UINT32_MAX;
}

static bool take(const struct export_field *f, const json_t *v, struct arena *a, void *to)
{
	switch (f->type) {
	case TEXT:
		return take_text(v, a, to);
	case NUMBER:
		return take_number(v, to);
	case SWITCH:
		*(bool *)to = json_is_true(v);
		return json_is_boolean(v);
	case TIME:
		return take_time(v, to);
	}
	return false;
}

bool export_row_of(const struct export_kind *k, const json_t *o, struct arena *a,
	struct export_row *out, struct buf *why)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < k->count; i++) {
		const struct export_field *f = &k->fields[i];

		if (take(f, json_object_get(o, f->name), a, (char *)out + f->offset))
			continue;
		buf_printf(why, "\"%s\" is missing, or is not what it should be", f->name);
		return false;
	}
	if (json_object_size(o) == k->count)
		return true;
	buf_lit(why, "there are fields that are not known here");
	return false;
}

/* ---- the tables ---- */

struct listing {
	const struct export_kind *kind;
	struct str customer; /* empty: all */
	json_t *rows;
};

static void add(struct listing *l, struct str owner, const struct export_row *row)
{
	if (!l->customer.n || str_ieq(owner, l->customer))
		json_array_append_new(l->rows, export_json(l->kind, row));
}

#define LISTER(kind, index, owner)                                                                 \
	static void add_##kind(const struct store_##kind *r, void *arg)                            \
	{                                                                                          \
		const struct export_row row = { .kind = *r };                                      \
                                                                                                   \
		add(arg, r->owner, &row);                                                          \
	}                                                                                          \
	static enum err list_##kind(struct store_db *db, struct str customer, json_t *rows)        \
	{                                                                                          \
		struct listing l = { &export_kinds[index], customer, rows };                       \
                                                                                                   \
		return store_##kind##_list(db, add_##kind, &l);                                    \
	}

LISTER(customer, 0, name)
LISTER(dialplan, 2, customer)
LISTER(provider, 3, customer)
LISTER(account, 4, customer)

/* A customer's own domains, and those that its accounts are in. */
struct domains {
	struct listing l;
	json_t *used;
};

static void note_domain(const struct store_account *r, void *arg)
{
	struct domains *d = arg;
	char name[192];

	if ((!d->l.customer.n || str_ieq(r->customer, d->l.customer)) &&
		str_copy(r->domain, name, sizeof(name)) == ERR_OK)
		json_object_set_new(d->used, name, json_true());
}

static void add_domain(const struct store_domain *r, void *arg)
{
	struct domains *d = arg;
	const struct export_row row = { .domain = *r };
	char name[192];

	if (str_copy(r->name, name, sizeof(name)) == ERR_OK && json_object_get(d->used, name))
		add(&d->l, d->l.customer, &row);
	else
		add(&d->l, r->owner, &row);
}

static enum err list_domain(struct store_db *db, struct str customer, json_t *rows)
{
	struct domains d = { { &export_kinds[1], customer, rows }, json_object() };
	enum err e = customer.n ? store_account_each(db, note_domain, &d) : ERR_OK;

	if (!e)
		e = store_domain_list(db, add_domain, &d);
	json_decref(d.used);
	return e;
}

static void add_call(const struct store_cdr *r, void *arg)
{
	const struct export_row row = { .cdr = *r };

	add(arg, r->customer, &row);
}

static enum err list_call(struct store_db *db, struct str customer, json_t *rows)
{
	struct listing l = { &export_kinds[6], customer, rows };

	return store_cdr_list(db, customer, INT32_MAX, add_call, &l);
}

struct owner {
	struct listing l;
	struct store_db *db;
	struct str name;
	enum err e;
};

static void add_value(struct str key, struct str value, void *arg)
{
	struct owner *o = arg;
	const struct export_row row = { .value = { o->name, key, value } };

	add(&o->l, o->name, &row);
}

static enum err list_value(struct store_db *db, struct str customer, json_t *rows)
{
	struct owner o = { .l = { &export_kinds[5], customer, rows }, .db = db };
	json_t *all = json_array(), *c;
	enum err e = list_customer(db, customer, all);
	size_t i;

	json_array_foreach(all, i, c)
	{
		o.name = str_of(json_string_value(json_object_get(c, "name")));
		e = e ? e : store_kv_list(db, o.name, add_value, &o);
	}
	json_decref(all);
	return e;
}

/* ---- rows that are there, and new ones ---- */

static enum err get_customer(
	struct store_db *db, const struct export_row *l, struct arena *a, struct export_row *out)
{
	return store_customer_get(db, l->customer.name, a, &out->customer);
}

static enum err put_customer(struct store_db *db, const struct export_row *r, bool is_new)
{
	int64_t id;

	return is_new ? store_customer_add(db, &r->customer, &id)
		      : store_customer_set(db, &r->customer);
}

static enum err get_domain(
	struct store_db *db, const struct export_row *l, struct arena *a, struct export_row *out)
{
	return store_domain_get(db, l->domain.name, a, &out->domain);
}

static enum err put_domain(struct store_db *db, const struct export_row *r, bool is_new)
{
	int64_t id;

	return is_new ? store_domain_add(db, &r->domain, &id) : store_domain_set(db, &r->domain);
}

static enum err get_account(
	struct store_db *db, const struct export_row *l, struct arena *a, struct export_row *out)
{
	return store_account_get(db, l->account.username, l->account.domain, a, &out->account);
}

static enum err put_account(struct store_db *db, const struct export_row *r, bool is_new)
{
	int64_t id;

	return is_new ? store_account_add(db, &r->account, &id)
		      : store_account_set(db, &r->account);
}

static enum err get_dialplan(
	struct store_db *db, const struct export_row *l, struct arena *a, struct export_row *out)
{
	return store_dialplan_get(db, l->dialplan.customer, l->dialplan.name, a, &out->dialplan);
}

static enum err put_dialplan(struct store_db *db, const struct export_row *r, bool is_new)
{
	int64_t id;

	return store_dialplan_put(db, &r->dialplan, &id);
}

static enum err get_provider(
	struct store_db *db, const struct export_row *l, struct arena *a, struct export_row *out)
{
	return store_provider_get(db, l->provider.customer, l->provider.name, a, &out->provider);
}

static enum err put_provider(struct store_db *db, const struct export_row *r, bool is_new)
{
	int64_t id;

	return is_new ? store_provider_add(db, &r->provider, &id)
		      : store_provider_set(db, &r->provider);
}

static enum err get_value(
	struct store_db *db, const struct export_row *l, struct arena *a, struct export_row *out)
{
	out->value = l->value;
	return store_kv_get(db, l->value.customer, l->value.key, a, &out->value.value);
}

static enum err put_value(struct store_db *db, const struct export_row *r, bool is_new)
{
	return store_kv_put(db, r->value.customer, r->value.key, r->value.value);
}

/* A call is written as it is: its key is nobody else's. */
static enum err get_call(
	struct store_db *db, const struct export_row *l, struct arena *a, struct export_row *out)
{
	*out = *l;
	return ERR_NOT_FOUND;
}

static enum err put_call(struct store_db *db, const struct export_row *r, bool is_new)
{
	return store_cdr_put(db, &r->cdr);
}

const struct export_kind export_kinds[EXPORT_KINDS] = {
	{ "customers", customers, COUNT(customers), list_customer, get_customer, put_customer },
	{ "domains", domains, COUNT(domains), list_domain, get_domain, put_domain },
	{ "dialplans", dialplans, COUNT(dialplans), list_dialplan, get_dialplan, put_dialplan },
	{ "providers", providers, COUNT(providers), list_provider, get_provider, put_provider },
	{ "accounts", accounts, COUNT(accounts), list_account, get_account, put_account },
	{ "values", values, COUNT(values), list_value, get_value, put_value },
	{ "calls", calls, COUNT(calls), list_call, get_call, put_call },
};
