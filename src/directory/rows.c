/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows to records. */
#include "base/crypto.h"
#include "directory/directory_int.h"
#include "event/event.h"

enum { CONTEXT_MAX = 256, FAULT_MAX = 128, ID_SHOWN = 16, UNOPENED_TOLD = 20 };

#define FIELD(row, record, name)                                                                   \
	{                                                                                          \
		offsetof(struct row, name), offsetof(struct record, name)                          \
	}
#define KIND(record_struct, list, secret_at)                                                       \
	{                                                                                          \
		.bytes = sizeof(struct record_struct), .fields = list,                             \
		.count = sizeof(list) / sizeof(*list), .secret = secret_at                         \
	}

/* ---- customers ---- */

static const struct record_field customer_fields[] = {
	FIELD(store_customer, customer, name),
	FIELD(store_customer, customer, suspended_reason),
	FIELD(store_customer, customer, time_zone),
	FIELD(store_customer, customer, password_hash),
};
static const struct record_kind customer_kind = KIND(customer, customer_fields, 0);

void directory_put_customer(const struct store_customer *row, void *arg)
{
	struct directory *d = arg;
	struct customer *c = record_new(&customer_kind, row->name, row);

	c->id = row->id;
	c->suspended = row->suspended;
	c->calls_max = row->calls_max;
	c->scripts_max = row->scripts_max;
	c->created_ms = row->created_ms;
	record_put(&d->customers, c);
}

/* ---- accounts ---- */

static const struct record_field account_fields[] = {
	FIELD(store_account, account, username),
	FIELD(store_account, account, domain),
	FIELD(store_account, account, customer),
	FIELD(store_account, account, out_dialplan),
	FIELD(store_account, account, in_dialplan),
	FIELD(store_account, account, disabled_reason),
	FIELD(store_account, account, network_id),
	FIELD(store_account, account, media),
	FIELD(store_account, account, ip_acl),
	FIELD(store_account, account, description),
	{ offsetof(struct store_account, ha1_md5), offsetof(struct account, ha1[CRYPTO_MD5]) },
	{ offsetof(struct store_account, ha1_sha256),
		offsetof(struct account, ha1[CRYPTO_SHA256]) },
	{ offsetof(struct store_account, ha1_sha512_256),
		offsetof(struct account, ha1[CRYPTO_SHA512_256]) },
};
static const struct record_kind account_kind = KIND(account, account_fields, 0);

void directory_put_account(const struct store_account *row, void *arg)
{
	struct directory *d = arg;
	char mem[RECORD_KEY_MAX];
	struct str aor = directory_join(row->username, '@', row->domain, mem);
	struct account *a;

	if (!aor.n)
		return;
	a = record_new(&account_kind, aor, row);
	a->id = row->id;
	a->aor = record_key(a);
	a->incoming_only = row->incoming_only;
	a->disabled = row->disabled;
	a->nat_keepalive = row->nat_keepalive;
	a->dont_mangle = row->dont_mangle;
	a->bindings_max = row->bindings_max;
	a->created_ms = row->created_ms;
	record_put(&d->accounts, a);
}

/* ---- dialplans ---- */

static const struct record_field dialplan_fields[] = {
	FIELD(store_dialplan, dialplan, customer),
	FIELD(store_dialplan, dialplan, name),
	FIELD(store_dialplan, dialplan, type),
	FIELD(store_dialplan, dialplan, script),
};
static const struct record_kind dialplan_kind = KIND(dialplan, dialplan_fields, 0);

void directory_put_dialplan(const struct store_dialplan *row, void *arg)
{
	struct directory *d = arg;
	char mem[RECORD_KEY_MAX];
	struct str key = directory_join(row->customer, '/', row->name, mem);
	struct dialplan *p;

	if (!key.n)
		return;
	p = record_new(&dialplan_kind, key, row);
	p->id = row->id;
	p->accept_non_invite = row->accept_non_invite;
	p->version = hash_stable(row->script);
	p->created_ms = row->created_ms;
	p->updated_ms = row->updated_ms;
	record_put(&d->dialplans, p);
}

/* ---- providers ---- */

struct provider_row { /* with the password opened */
	struct store_provider p;
	struct str password, password_fault;
};

static const struct record_field provider_fields[] = {
	FIELD(store_provider, provider, customer),
	FIELD(store_provider, provider, name),
	FIELD(store_provider, provider, username),
	FIELD(store_provider, provider, auth_username),
	FIELD(store_provider, provider, password_sealed),
	FIELD(provider_row, provider, password),
	FIELD(provider_row, provider, password_fault),
	FIELD(store_provider, provider, server),
	FIELD(store_provider, provider, outbound_proxy),
	FIELD(store_provider, provider, from),
	FIELD(store_provider, provider, custom_headers),
	FIELD(store_provider, provider, register_contact),
	FIELD(store_provider, provider, register_server),
	FIELD(store_provider, provider, register_realm),
	FIELD(store_provider, provider, disabled_reason),
	FIELD(store_provider, provider, transport),
	FIELD(store_provider, provider, addresses),
	FIELD(store_provider, provider, media),
};
static const struct record_kind provider_kind =
	KIND(provider, provider_fields, offsetof(struct provider, password));

static enum err open_password(struct directory *d, const struct store_provider *p,
	uint8_t secret[KEYRING_SECRET_MAX], size_t *n)
{
	char text[CONTEXT_MAX];
	struct buf context = BUF_OF(text);
	enum err e;

	store_provider_context(p, &context);
	if (!buf_ok(&context))
		return ERR_SYNTAX;
	lock_take(&d->keys_lock);
	e = keyring_open(&d->keys, buf_str(&context), p->password_sealed, secret, n);
	lock_give(&d->keys_lock);
	return e;
}

/* A thousand of them are told by their number. */
static void unopened(
	struct directory *d, const struct store_provider *p, enum err why, struct buf *b)
{
	struct event e = { .kind = EV_PROVIDER_PASSWORD, .customer = p->customer };
	char text[2 * FAULT_MAX];
	struct buf said = BUF_OF(text);

	if (why == ERR_NOT_FOUND) {
		__atomic_store_n(&d->lacks_keys, true, __ATOMIC_RELEASE);
		buf_printf(b, "its password was sealed with key %.*s, which is not here",
			STR_ARG(str_first(p->password_sealed,
				str_find(str_first(p->password_sealed, ID_SHOWN), ':'))));
	} else {
		buf_lit(b, "its password was altered in the database; set it anew");
	}
	if (d->unopened++ >= UNOPENED_TOLD)
		return;
	buf_printf(&said, "provider %.*s of customer %.*s cannot be used: %.*s", STR_ARG(p->name),
		STR_ARG(p->customer), STR_ARG(buf_str(b)));
	e.text = buf_str(&said);
	event_field(&e, "provider", p->name);
	event_emit(d->events, &e);
}

void directory_note_unopened(struct directory *d)
{
	if (d->unopened > UNOPENED_TOLD)
		event_note(d->events, EV_PROVIDER_PASSWORD, STR_NONE, STR_NONE,
			"the passwords of %u more providers cannot be opened",
			d->unopened - UNOPENED_TOLD);
	d->unopened = 0;
}

void directory_seal(
	struct directory *d, struct str password, struct store_provider *row, struct buf *sealed)
{
	char text[CONTEXT_MAX];
	struct buf context = BUF_OF(text);

	store_provider_context(row, &context);
	lock_take(&d->keys_lock);
	keyring_seal(&d->keys, buf_str(&context), password, sealed);
	lock_give(&d->keys_lock);
	row->password_sealed = buf_str(sealed);
}

static bool same_provider(const struct provider *a, const struct provider *b)
{
	for (unsigned i = 0; i < provider_kind.count; i++) {
		size_t at = provider_fields[i].record;
		const void *one = (const char *)a + at, *other = (const char *)b + at;

		if (!str_eq(*(const struct str *)one, *(const struct str *)other))
			return false;
	}
	return a->id == b->id && a->register_expiry_s == b->register_expiry_s &&
		a->register_enabled == b->register_enabled && a->disabled == b->disabled &&
		a->rate_per_minute == b->rate_per_minute && a->mwi == b->mwi &&
		a->created_ms == b->created_ms && a->updated_ms == b->updated_ms;
}

/* With the password opened, or why it was not. NULL: names that are too long. */
static struct provider *new_provider(struct directory *d, const struct store_provider *row)
{
	char key_mem[RECORD_KEY_MAX], fault_mem[FAULT_MAX];
	uint8_t secret[KEYRING_SECRET_MAX];
	struct provider_row full = { .p = *row, .password = STR(""), .password_fault = STR("") };
	struct str key = directory_join(row->customer, '/', row->name, key_mem);
	struct buf fault = BUF_OF(fault_mem);
	struct provider *p;
	size_t n = 0;
	enum err e;

	if (!key.n)
		return NULL;
	e = row->password_sealed.n ? open_password(d, row, secret, &n) : ERR_OK;
	if (e == ERR_OK) {
		full.password = str_make((char *)secret, n);
		full.p.password_sealed = STR("");
	} else {
		unopened(d, row, e, &fault);
	}
	full.password_fault = buf_str(&fault);
	p = record_new(&provider_kind, key, &full);
	crypto_wipe(secret, sizeof(secret));
	p->id = row->id;
	p->register_expiry_s = row->register_expiry_s;
	p->register_enabled = row->register_enabled;
	p->rate_per_minute = row->rate_per_minute;
	p->mwi = row->mwi;
	p->disabled = row->disabled;
	p->created_ms = row->created_ms;
	p->updated_ms = row->updated_ms;
	return p;
}

bool directory_take_provider(struct directory *d, const struct store_provider *row)
{
	struct provider *new = new_provider(d, row), *old;
	bool same;

	if (!new)
		return false;
	old = record_get(&d->providers, record_key(new));
	same = old && same_provider(old, new);
	directory_index_provider(d, same ? old : new, old);
	/* The one that stays is put, too: it is of the present load. */
	record_put(&d->providers, same ? old : new);
	record_unref(same ? new : old);
	return !same;
}

void directory_drop_provider(struct directory *d, struct str key)
{
	struct provider *old = record_get(&d->providers, key);

	if (old)
		directory_unindex_provider(d, old);
	record_remove(&d->providers, key);
	record_unref(old);
}

void directory_put_provider(const struct store_provider *row, void *arg)
{
	(void)directory_take_provider(arg, row);
}

/* ---- loading all ---- */

enum err directory_load(struct directory *d, struct store_db *db)
{
	struct record_table *const tables[] = { &d->customers, &d->accounts, &d->dialplans,
		&d->providers, &d->tokens };
	uint64_t seq;
	enum err e = store_change_latest(db, &seq);

	for (int i = 0; i < 5; i++)
		record_load_begin(tables[i]);
	if (!e)
		e = domains_load(&d->domains, db);
	if (!e)
		e = store_customer_list(db, directory_put_customer, d);
	if (!e)
		e = store_account_each(db, directory_put_account, d);
	if (!e)
		e = store_dialplan_list(db, directory_put_dialplan, d);
	if (!e)
		e = store_provider_list(db, directory_put_provider, d);
	if (e)
		return e;
	for (int i = 0; i < 5; i++)
		record_load_end(tables[i]);
	pinned_sweep(&d->pinned, &d->providers);
	d->seq = seq;
	directory_note_unopened(d);
	return ERR_OK;
}
