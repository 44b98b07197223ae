/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory: customers, domains, SIP accounts, dialplans and providers in memory, shared by
 * all workers, so that no call or registration waits for the database. It is loaded at start and
 * follows the store's changes (store_changes), whoever made them: within a second by itself, at
 * once after directory_refresh.
 *
 * Look-ups take a striped lock for the time of a hash look-up and return an immutable record with
 * a counted reference: release it with its _unref. Any thread.
 */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "base/addr.h"
#include "base/keyring.h"
#include "base/lock.h"
#include "sip/digest.h"
#include "sip/uri.h"
#include "store/store.h"

struct directory;

struct customer {
	unsigned refs;
	int64_t id;
	struct str name;
	bool suspended;
	struct str suspended_reason;
	uint32_t calls_max, scripts_max; /* 0: default */
	struct str time_zone;
	struct str password_hash; /* kept for a database that must be written anew */
	int64_t created_ms;
};

struct account {
	unsigned refs;
	int64_t id;
	struct str username, domain, aor; /* aor: "user@domain", canonical */
	struct str customer;
	struct str ha1[3]; /* hex, by enum crypto_digest; empty: none */
	struct str out_dialplan, in_dialplan;
	bool incoming_only, disabled;
	struct str disabled_reason;
	struct str network_id;
	struct str ip_acl;
	bool nat_keepalive, dont_mangle;
	struct str media; /* "never", "always"; empty: auto (nat/media.h) */
	uint32_t bindings_max;
	struct str description;
	int64_t created_ms;
};

struct dialplan {
	unsigned refs;
	int64_t id;
	struct str customer, name, type, script;
	bool accept_non_invite;
	uint64_t version; /* changes with the text */
	int64_t created_ms, updated_ms;
};

struct provider {
	unsigned refs;
	int64_t id;
	struct str customer, name, username, auth_username;
	struct str password_sealed; /* as stored, while it cannot be opened; else empty */
	struct str password; /* opened from the sealed form; wiped when freed */
	struct str password_fault; /* why it could not be opened, in words; else empty */
	struct str server, outbound_proxy, from, custom_headers;
	struct str register_contact, register_server, register_realm;
	uint32_t register_expiry_s;
	bool register_enabled, disabled;
	struct str disabled_reason;
	struct str transport; /* "udp", "tcp", "tls"; empty: as the server's name says */
	uint32_t rate_per_minute; /* registrations at most, 0: the usual */
	bool mwi; /* subscribe there to message-summary */
	struct str addresses; /* where its calls come from, "192.0.2.0/24,..."; empty: anywhere */
	struct str media; /* "never", "always"; empty: auto (nat/media.h) */
	int64_t created_ms, updated_ms;
	bool refuses_us; /* atomic: provider_refuses_us */
};

/*
 * It does not accept who we say we are: calls do not go out through it until its settings change
 * or it accepts us again. What is known on this node; any thread.
 */
static inline bool provider_refuses_us(const struct provider *p)
{
	return __atomic_load_n(&p->refuses_us, __ATOMIC_RELAXED);
}

static inline void provider_set_refuses_us(struct provider *p, bool refuses)
{
	__atomic_store_n(&p->refuses_us, refuses, __ATOMIC_RELAXED);
}

/*
 * keys: they open sealed passwords; copied. ERR_DB… when nothing could be read. When the store must
 * begin a new database, the directory writes back all that it knows.
 */
MUST_USE enum err directory_new(struct store *s, struct store_db *db, const struct keyring *keys,
	struct event_bus *events, struct directory **out, struct buf *why);
void directory_free(struct directory *d);
/* Other keys from now on. What could not be opened is tried again by the next refresh. */
void directory_set_keys(struct directory *d, const struct keyring *keys);
/* Whether a password asked for a key that was not there. Any thread. */
bool directory_lacks_keys(struct directory *d);
/*
 * Reads what changed since last time on `db`, always from one thread. *changed: rows taken over.
 * When the file was deleted or replaced, `db` is opened again and all is read anew, except from
 * one that was just made and is empty: that is ERR_DB until the store has filled it. Now and then
 * (600 times) the tables are checked, so that damage shows before the next start.
 */
MUST_USE enum err directory_refresh(struct directory *d, struct store_db *db, unsigned *changed);

/*
 * Canonical domain of a host as in a URI (facts 2.4): exact name, else alias, else, when `wildcard`
 * is allowed, the domain with alias "*". Ignores case. Copied into out (lower case, NUL).
 */
bool directory_domain(struct directory *d, struct str host, bool wildcard, char *out, size_t max);

/* The same for the host of a URI: "host:port" first, as an alias may be written, then the host. */
bool directory_domain_of(
	struct directory *d, const struct sip_uri *uri, bool wildcard, char *out, size_t max);

/* domain must be canonical. NULL: unknown. User names ignore case. */
struct account *directory_account(struct directory *d, struct str username, struct str domain);
/* The same, and for a dotted name without an account of its own ("x.alice") the part after the
 * last dot (facts 2.5, 12.1.9). */
struct account *directory_account_dotted(
	struct directory *d, struct str username, struct str domain);
struct customer *directory_customer(struct directory *d, struct str name);
struct dialplan *directory_dialplan(struct directory *d, struct str customer, struct str name);
struct provider *directory_provider(struct directory *d, struct str customer, struct str name);
/*
 * What a call from a provider is known by: a parameter "tandem" of the Contact that we register
 * there, in every process of a cluster the same, guessed by nobody. key: the cluster's, 32 bytes.
 * out[DIRECTORY_TOKEN_CHARS + 1]. Names ignore case.
 */
enum { DIRECTORY_TOKEN_CHARS = 16 };
void directory_provider_token(const uint8_t *key, struct str customer, struct str name, char *out);
/* Providers have tokens by this key from now on; once, before anybody looks them up. */
void directory_use_tokens(struct directory *d, const uint8_t *key);
struct provider *directory_provider_by_token(struct directory *d, struct str token);
/* Whether `a` is one of the provider's addresses; yes, if it has none. Ports do not count. */
bool directory_provider_has(const struct provider *p, const struct addr *a);
/* Those that have `a` among their addresses. Locked meanwhile, but accounts may be looked up; keep
 * one with provider_ref. */
void directory_each_at(struct directory *d, const struct addr *a,
	void (*visit)(struct provider *p, void *arg), void *arg);
/* The customer's account of that name (dotted names as above) in the first domain that has one. */
struct account *directory_account_of(struct directory *d, struct str customer, struct str username);

/* All of them, each under the lock of its stripe: keep one with provider_ref. */
void directory_each_provider(
	struct directory *d, void (*visit)(struct provider *p, void *arg), void *arg);
/*
 * Tells of every provider that was added, changed or removed since, after the fact, on the thread
 * that refreshes; without names: any may have. One whose row was written but says the same, or
 * whose password was only sealed with another key, is not changed: its record stays the same one.
 * One watcher, set before the first refresh.
 */
typedef void directory_provider_fn(struct str customer, struct str name, void *arg);
void directory_watch_providers(struct directory *d, directory_provider_fn *changed, void *arg);

void account_unref(struct account *a); /* NULL is fine, in all of them */
void customer_unref(struct customer *c);
void dialplan_unref(struct dialplan *p);
void provider_unref(struct provider *p);
struct account *account_ref(struct account *a);
struct provider *provider_ref(struct provider *p);
struct dialplan *dialplan_ref(struct dialplan *p);

struct directory_counts {
	size_t customers, domains, accounts, dialplans, providers;
};
void directory_counts(struct directory *d, struct directory_counts *out);
void directory_report_locks(struct directory *d, lock_report_fn *report, void *arg);

#endif
