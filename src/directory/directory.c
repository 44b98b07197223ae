/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "directory/directory_int.h"

/* "a/b" or "a@b" as a key in mem. */
struct str directory_join(struct str a, char sep, struct str b, char mem[RECORD_KEY_MAX])
{
	struct buf out = { .p = mem, .max = RECORD_KEY_MAX };

	buf_add(&out, a);
	buf_char(&out, sep);
	buf_add(&out, b);
	return buf_ok(&out) ? buf_str(&out) : STR_NONE;
}

/* ---- life ---- */

enum err directory_new(struct store *s, struct store_db *db, const struct keyring *keys,
	struct event_bus *events, struct directory **out, struct buf *why)
{
	struct directory *d = mem_new(struct directory);
	enum err e;

	d->store = s;
	lock_init(&d->keys_lock);
	d->keys = *keys;
	d->events = events;
	domains_init(&d->domains);
	record_table_init(&d->customers);
	record_table_init(&d->accounts);
	record_table_init(&d->dialplans);
	record_table_init(&d->providers);
	record_table_init(&d->tokens);
	pinned_init(&d->pinned);
	e = directory_load(d, db);
	if (e) {
		buf_printf(why, "customers and accounts could not be read: %s", err_text(e));
		directory_free(d);
		return e;
	}
	if (s)
		store_on_recreated(s, directory_refill, d);
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
	pinned_fini(&d->pinned);
	record_table_fini(&d->tokens);
	record_table_fini(&d->providers);
	keyring_wipe(&d->keys);
	crypto_wipe(d->token_key, sizeof(d->token_key));
	lock_fini(&d->keys_lock);
	free(d);
}

void directory_set_keys(struct directory *d, const struct keyring *keys)
{
	lock_take(&d->keys_lock);
	d->keys = *keys;
	lock_give(&d->keys_lock);
	__atomic_store_n(&d->lacks_keys, false, __ATOMIC_RELEASE);
	__atomic_store_n(&d->retry_passwords, true, __ATOMIC_RELEASE);
}

bool directory_lacks_keys(struct directory *d)
{
	return __atomic_load_n(&d->lacks_keys, __ATOMIC_ACQUIRE);
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
	struct str key = directory_join(username, '@', domain, mem);

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

struct sought {
	struct directory *d;
	struct str customer, username;
	struct account *found;
};

static enum err seek(const struct store_domain *row, void *arg)
{
	struct sought *s = arg;
	struct account *a = directory_account_dotted(s->d, s->username, row->name);

	if (a && str_ieq(a->customer, s->customer)) {
		s->found = a;
		return ERR_EXISTS; /* no further */
	}
	account_unref(a);
	return ERR_OK;
}

struct account *directory_account_of(struct directory *d, struct str customer, struct str username)
{
	struct sought s = { .d = d, .customer = customer, .username = username };
	enum err e = domains_each(&d->domains, seek, &s);

	return e ? s.found : NULL;
}

struct customer *directory_customer(struct directory *d, struct str name)
{
	return record_get(&d->customers, name);
}

struct dialplan *directory_dialplan(struct directory *d, struct str customer, struct str name)
{
	char mem[RECORD_KEY_MAX];
	struct str key = directory_join(customer, '/', name, mem);

	return key.n ? record_get(&d->dialplans, key) : NULL;
}

struct provider *directory_provider(struct directory *d, struct str customer, struct str name)
{
	char mem[RECORD_KEY_MAX];
	struct str key = directory_join(customer, '/', name, mem);

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

struct provider *provider_ref(struct provider *p)
{
	return record_ref(p);
}

struct each_provider {
	void (*visit)(struct provider *p, void *arg);
	void *arg;
};

static void visit_provider(void *record, void *arg)
{
	struct each_provider *each = arg;

	each->visit(record, each->arg);
}

void directory_each_provider(
	struct directory *d, void (*visit)(struct provider *p, void *arg), void *arg)
{
	struct each_provider each = { visit, arg };

	record_each(&d->providers, visit_provider, &each);
}

void directory_watch_providers(struct directory *d, directory_provider_fn *changed, void *arg)
{
	d->watcher = changed;
	d->watcher_arg = arg;
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

void directory_report_locks(struct directory *d, lock_report_fn *report, void *arg)
{
	struct lock_report domains = { .name = "domains" }, pinned = { .name = "pinned" };

	lock_report_add(&domains, &d->domains.lock.use);
	report(arg, &domains);
	lock_report_add(&pinned, &d->pinned.lock.use);
	report(arg, &pinned);
	record_report_locks(&d->customers, "customers", report, arg);
	record_report_locks(&d->accounts, "accounts", report, arg);
	record_report_locks(&d->dialplans, "dialplans", report, arg);
	record_report_locks(&d->providers, "providers", report, arg);
	record_report_locks(&d->tokens, "tokens", report, arg);
}
