/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "directory/directory.h"
#include "directory/domains.h"
#include "directory/record.h"
#include "event/event.h"
#include "store/repo.h"

enum { FULL_LOAD_FROM = 5000, SECRET_MAX = 512, CONTEXT_MAX = 256 };

struct directory {
	uint8_t key[32];
	struct event_bus *events;
	struct domains domains;
	struct record_table customers, accounts, dialplans, providers;
	uint64_t seq; /* of the last change taken over */
};

#define FIELD(row, record, name)                                                                   \
	{                                                                                          \
		offsetof(struct row, name), offsetof(struct record, name)                          \
	}
#define KIND(record_struct, list, secret_at)                                                       \
	{                                                                                          \
		.bytes = sizeof(struct record_struct), .fields = list,                             \
		.count = sizeof(list) / sizeof(*list), .secret = secret_at                         \
	}

/* "a/b" or "a@b" as a key in mem. */
static struct str joined(struct str a, char sep, struct str b, char mem[RECORD_KEY_MAX])
{
	struct buf out = { .p = mem, .max = RECORD_KEY_MAX };

	buf_add(&out, a);
	buf_char(&out, sep);
	buf_add(&out, b);
	return buf_ok(&out) ? buf_str(&out) : STR_NONE;
}

/* ---- customers ---- */

static const struct record_field customer_fields[] = {
	FIELD(store_customer, customer, name),
	FIELD(store_customer, customer, suspended_reason),
	FIELD(store_customer, customer, time_zone),
};
static const struct record_kind customer_kind = KIND(customer, customer_fields, 0);

static void put_customer(const struct store_customer *row, void *arg)
{
	struct directory *d = arg;
	struct customer *c = record_new(&customer_kind, row->name, row);

	c->id = row->id;
	c->suspended = row->suspended;
	c->calls_max = row->calls_max;
	c->scripts_max = row->scripts_max;
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
	FIELD(store_account, account, ip_acl),
	{ offsetof(struct store_account, ha1_md5), offsetof(struct account, ha1[CRYPTO_MD5]) },
	{ offsetof(struct store_account, ha1_sha256),
		offsetof(struct account, ha1[CRYPTO_SHA256]) },
	{ offsetof(struct store_account, ha1_sha512_256),
		offsetof(struct account, ha1[CRYPTO_SHA512_256]) },
};
static const struct record_kind account_kind = KIND(account, account_fields, 0);

static void put_account(const struct store_account *row, void *arg)
{
	struct directory *d = arg;
	char mem[RECORD_KEY_MAX];
	struct str aor = joined(row->username, '@', row->domain, mem);
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

static void put_dialplan(const struct store_dialplan *row, void *arg)
{
	struct directory *d = arg;
	char mem[RECORD_KEY_MAX];
	struct str key = joined(row->customer, '/', row->name, mem);
	struct dialplan *p;

	if (!key.n)
		return;
	p = record_new(&dialplan_kind, key, row);
	p->id = row->id;
	p->accept_non_invite = row->accept_non_invite;
	p->version = hash_stable(row->script);
	record_put(&d->dialplans, p);
}

/* ---- providers ---- */

struct provider_row { /* with the password opened */
	struct store_provider p;
	struct str password;
};

static const struct record_field provider_fields[] = {
	FIELD(store_provider, provider, customer),
	FIELD(store_provider, provider, name),
	FIELD(store_provider, provider, username),
	FIELD(store_provider, provider, auth_username),
	FIELD(provider_row, provider, password),
	FIELD(store_provider, provider, server),
	FIELD(store_provider, provider, outbound_proxy),
	FIELD(store_provider, provider, from),
	FIELD(store_provider, provider, custom_headers),
	FIELD(store_provider, provider, register_contact),
	FIELD(store_provider, provider, register_server),
	FIELD(store_provider, provider, register_realm),
	FIELD(store_provider, provider, disabled_reason),
};
static const struct record_kind provider_kind =
	KIND(provider, provider_fields, offsetof(struct provider, password));

/* The sealed password opened into mem; empty when it is not sealed with our key. */
static struct str open_password(
	struct directory *d, const struct store_provider *p, uint8_t mem[SECRET_MAX])
{
	char context_text[CONTEXT_MAX], sealed[SECRET_MAX];
	struct buf context = BUF_OF(context_text);
	size_t n;

	buf_printf(&context, "provider:%.*s:%.*s:password", STR_ARG(p->customer), STR_ARG(p->name));
	if (!p->password_sealed.n)
		return STR("");
	if (!buf_ok(&context) || str_unhex(p->password_sealed, sealed, sizeof(sealed), &n) ||
		crypto_open(d->key, buf_str(&context), str_make(sealed, n), mem)) {
		event_note(d->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"the password of provider %.*s of %.*s cannot be opened: it was sealed "
			"with another key file; set it anew",
			STR_ARG(p->name), STR_ARG(p->customer));
		return STR("");
	}
	return str_make((char *)mem, n - CRYPTO_SEAL_EXTRA);
}

static void put_provider(const struct store_provider *row, void *arg)
{
	struct directory *d = arg;
	char key_mem[RECORD_KEY_MAX];
	uint8_t secret[SECRET_MAX];
	struct provider_row full = { .p = *row, .password = open_password(d, row, secret) };
	struct str key = joined(row->customer, '/', row->name, key_mem);
	struct provider *p;

	if (key.n) {
		p = record_new(&provider_kind, key, &full);
		p->id = row->id;
		p->register_expiry_s = row->register_expiry_s;
		p->register_enabled = row->register_enabled;
		p->disabled = row->disabled;
		record_put(&d->providers, p);
	}
	crypto_wipe(secret, sizeof(secret));
}

/* ---- loading all ---- */

static enum err load_all(struct directory *d, struct store_db *db)
{
	struct record_table *const tables[] = { &d->customers, &d->accounts, &d->dialplans,
		&d->providers };
	uint64_t seq;
	enum err e = store_change_latest(db, &seq);

	for (int i = 0; i < 4; i++)
		record_load_begin(tables[i]);
	if (!e)
		e = domains_load(&d->domains, db);
	if (!e)
		e = store_customer_list(db, put_customer, d);
	if (!e)
		e = store_account_list(db, put_account, d);
	if (!e)
		e = store_dialplan_list(db, put_dialplan, d);
	if (!e)
		e = store_provider_list(db, put_provider, d);
	if (e)
		return e;
	for (int i = 0; i < 4; i++)
		record_load_end(tables[i]);
	d->seq = seq;
	return ERR_OK;
}

enum err directory_new(struct store *s, struct store_db *db, const uint8_t key[32],
	struct event_bus *events, struct directory **out, struct buf *why)
{
	struct directory *d = mem_new(struct directory);
	enum err e;

	(void)s;
	memcpy(d->key, key, sizeof(d->key));
	d->events = events;
	domains_init(&d->domains);
	record_table_init(&d->customers);
	record_table_init(&d->accounts);
	record_table_init(&d->dialplans);
	record_table_init(&d->providers);
	e = load_all(d, db);
	if (e) {
		buf_printf(why, "customers and accounts could not be read: %s", err_text(e));
		directory_free(d);
		return e;
	}
	*out = d;
	return ERR_OK;
}

void directory_free(struct directory *d)
{
	if (!d)
		return;
	domains_fini(&d->domains);
	record_table_fini(&d->customers);
	record_table_fini(&d->accounts);
	record_table_fini(&d->dialplans);
	record_table_fini(&d->providers);
	crypto_wipe(d->key, sizeof(d->key));
	free(d);
}

/* ---- following changes ---- */

struct change {
	struct change *next;
	struct str kind, name;
};

struct changes {
	struct arena arena;
	struct change *first, **last;
	uint64_t expected, seq;
	unsigned count;
	bool gap; /* older changes were pruned before we saw them */
};

static void collect(uint64_t seq, struct str kind, struct str name, void *arg)
{
	struct changes *all = arg;
	struct change *c;

	if (all->count++ == 0)
		all->gap = seq != all->expected;
	all->seq = seq;
	if (all->count > FULL_LOAD_FROM)
		return;
	c = arena_new(&all->arena, struct change);
	c->kind = arena_str(&all->arena, kind);
	c->name = arena_str(&all->arena, name);
	*all->last = c;
	all->last = &c->next;
}

/* Reads one row anew; what is gone is forgotten. */
static enum err follow_customer(
	struct directory *d, struct store_db *db, struct str name, struct arena *a)
{
	struct store_customer row;
	enum err e = store_customer_get(db, name, a, &row);

	if (!e)
		put_customer(&row, d);
	else if (e == ERR_NOT_FOUND)
		record_remove(&d->customers, name);
	return e;
}

static enum err follow_account(
	struct directory *d, struct store_db *db, struct str aor, struct arena *a)
{
	size_t at = str_rfind(aor, '@');
	struct store_account row;
	enum err e = store_account_get(db, str_first(aor, at), str_from(aor, at + 1), a, &row);

	if (!e)
		put_account(&row, d);
	else if (e == ERR_NOT_FOUND)
		record_remove(&d->accounts, aor);
	return e;
}

static enum err follow_dialplan(
	struct directory *d, struct store_db *db, struct str key, struct arena *a)
{
	size_t slash = str_find(key, '/');
	struct store_dialplan row;
	enum err e =
		store_dialplan_get(db, str_first(key, slash), str_from(key, slash + 1), a, &row);

	if (!e)
		put_dialplan(&row, d);
	else if (e == ERR_NOT_FOUND)
		record_remove(&d->dialplans, key);
	return e;
}

static enum err follow_provider(
	struct directory *d, struct store_db *db, struct str key, struct arena *a)
{
	size_t slash = str_find(key, '/');
	struct store_provider row;
	enum err e =
		store_provider_get(db, str_first(key, slash), str_from(key, slash + 1), a, &row);

	if (!e)
		put_provider(&row, d);
	else if (e == ERR_NOT_FOUND)
		record_remove(&d->providers, key);
	return e;
}

static enum err follow_domain(
	struct directory *d, struct store_db *db, struct str name, struct arena *a)
{
	(void)name;
	(void)a;
	return domains_load(&d->domains, db);
}

static enum err follow(
	struct directory *d, struct store_db *db, const struct change *c, struct arena *a)
{
	static const struct {
		struct str kind;
		enum err (*follow)(
			struct directory *, struct store_db *, struct str, struct arena *);
	} kinds[] = {
		{ { "customer", 8 }, follow_customer },
		{ { "account", 7 }, follow_account },
		{ { "dialplan", 8 }, follow_dialplan },
		{ { "provider", 8 }, follow_provider },
		{ { "domain", 6 }, follow_domain },
	};
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (str_eq(c->kind, kinds[i].kind))
			e = kinds[i].follow(d, db, c->name, a);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err follow_all(struct directory *d, struct store_db *db, const struct changes *all)
{
	struct arena rows;
	enum err e = ERR_OK;

	arena_init(&rows, 16384);
	for (const struct change *c = all->first; c && !e; c = c->next) {
		e = follow(d, db, c, &rows);
		arena_reset(&rows);
	}
	arena_fini(&rows);
	return e;
}

enum err directory_refresh(struct directory *d, struct store_db *db, unsigned *changed)
{
	struct changes all = { .expected = d->seq + 1, .seq = d->seq };
	uint64_t latest;
	enum err e;

	*changed = 0;
	arena_init(&all.arena, 4096);
	all.last = &all.first;
	e = store_changes(db, d->seq, collect, &all);
	/* a younger database than ours: it was replaced behind our back */
	if (!e && all.count == 0)
		e = store_change_latest(db, &latest);
	if (!e && all.count == 0 && latest < d->seq)
		all.gap = true;
	if (!e && (all.gap || all.count > FULL_LOAD_FROM)) {
		e = load_all(d, db);
	} else if (!e && all.count) {
		e = follow_all(d, db, &all);
		if (!e)
			d->seq = all.seq;
	}
	*changed = all.count;
	arena_fini(&all.arena);
	return e;
}

/* ---- look-ups ---- */

bool directory_domain(struct directory *d, struct str host, bool wildcard, char *out, size_t max)
{
	return domains_find(&d->domains, host, wildcard, out, max);
}

bool directory_domain_of(
	struct directory *d, const struct sip_uri *uri, bool wildcard, char *out, size_t max)
{
	char text[RECORD_KEY_MAX];
	struct buf b = BUF_OF(text);

	if (uri->port) {
		buf_add(&b, uri->host);
		buf_char(&b, ':');
		buf_u64(&b, uri->port);
		if (buf_ok(&b) && domains_find(&d->domains, buf_str(&b), false, out, max))
			return true;
	}
	return domains_find(&d->domains, uri->host, wildcard, out, max);
}

struct account *directory_account(struct directory *d, struct str username, struct str domain)
{
	char mem[RECORD_KEY_MAX];
	struct str key = joined(username, '@', domain, mem);

	return key.n ? record_get(&d->accounts, key) : NULL;
}

struct account *directory_account_dotted(
	struct directory *d, struct str username, struct str domain)
{
	struct account *a = directory_account(d, username, domain);
	size_t dot = str_rfind(username, '.');

	if (a || dot == username.n)
		return a;
	return directory_account(d, str_from(username, dot + 1), domain);
}

struct customer *directory_customer(struct directory *d, struct str name)
{
	return record_get(&d->customers, name);
}

struct dialplan *directory_dialplan(struct directory *d, struct str customer, struct str name)
{
	char mem[RECORD_KEY_MAX];
	struct str key = joined(customer, '/', name, mem);

	return key.n ? record_get(&d->dialplans, key) : NULL;
}

struct provider *directory_provider(struct directory *d, struct str customer, struct str name)
{
	char mem[RECORD_KEY_MAX];
	struct str key = joined(customer, '/', name, mem);

	return key.n ? record_get(&d->providers, key) : NULL;
}

void account_unref(struct account *a)
{
	record_unref(a);
}

void customer_unref(struct customer *c)
{
	record_unref(c);
}

void dialplan_unref(struct dialplan *p)
{
	record_unref(p);
}

void provider_unref(struct provider *p)
{
	record_unref(p);
}

struct account *account_ref(struct account *a)
{
	return record_ref(a);
}

struct dialplan *dialplan_ref(struct dialplan *p)
{
	return record_ref(p);
}

void directory_counts(struct directory *d, struct directory_counts *out)
{
	*out = (struct directory_counts){
		.customers = record_count(&d->customers),
		.domains = domains_count(&d->domains),
		.accounts = record_count(&d->accounts),
		.dialplans = record_count(&d->dialplans),
		.providers = record_count(&d->providers),
	};
}
