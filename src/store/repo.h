/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Repositories: typed functions over one table each, run on a struct store_db (see store/store.h
 * for threads). Rows borrow their text from the caller when written and from the row callback's
 * duration (or the arena given) when read. Names are compared as stored; user and domain names
 * ignore ASCII case. Times are milliseconds since 1970 UTC here, ISO 8601 text in the database.
 *
 * Returned errors: ERR_NOT_FOUND, ERR_EXISTS (unique), ERR_STATE (something else still refers to
 * it, or refers to nothing), ERR_DB…; nothing is half done: each function is atomic, alone or in
 * the transaction around it.
 */
#ifndef STORE_REPO_H
#define STORE_REPO_H

#include "base/arena.h"
#include "store/store.h"

enum { STORE_HA1_MAX = 65 };

MUST_USE enum err store_begin(struct store_db *db);
MUST_USE enum err store_commit(struct store_db *db);
void store_rollback(struct store_db *db);

/* ---- customers ---- */
struct store_customer {
	int64_t id;
	struct str name; /* lower case, 1–32 of [a-z0-9_-] */
	struct str password_hash; /* scrypt; empty: cannot log in */
	bool suspended;
	struct str suspended_reason;
	uint32_t calls_max; /* concurrent calls; 0: the configured default */
	uint32_t scripts_max; /* concurrent dialplan runs; 0: default */
	struct str time_zone;
	int64_t created_ms;
};
typedef void store_customer_fn(const struct store_customer *c, void *arg);
MUST_USE enum err store_customer_add(
	struct store_db *db, const struct store_customer *c, int64_t *id);
MUST_USE enum err store_customer_set(
	struct store_db *db, const struct store_customer *c); /* by id */
MUST_USE enum err store_customer_get(
	struct store_db *db, struct str name, struct arena *a, struct store_customer *out);
MUST_USE enum err store_customer_remove(
	struct store_db *db, struct str name); /* and all that is theirs */
MUST_USE enum err store_customer_list(struct store_db *db, store_customer_fn *row, void *arg);

/* ---- domains ---- */
struct store_domain {
	int64_t id;
	struct str name; /* canonical, lower case */
	struct str aliases; /* one a line ("\n" between); "*" and "local" too; "host:5060" is its
			       own alias */
	struct str owner; /* customer, empty: public */
	int64_t created_ms;
};
typedef void store_domain_fn(const struct store_domain *d, void *arg);
MUST_USE enum err store_domain_add(struct store_db *db, const struct store_domain *d, int64_t *id);
MUST_USE enum err store_domain_set(struct store_db *db, const struct store_domain *d);
MUST_USE enum err store_domain_get(
	struct store_db *db, struct str name, struct arena *a, struct store_domain *out);
MUST_USE enum err store_domain_remove(
	struct store_db *db, struct str name); /* ERR_STATE while accounts exist */
MUST_USE enum err store_domain_list(struct store_db *db, store_domain_fn *row, void *arg);

/* ---- SIP accounts ---- */
struct store_account {
	int64_t id;
	struct str username, domain, customer;
	struct str ha1_md5, ha1_sha256,
		ha1_sha512_256; /* hex, realm = domain; never the password */
	struct str out_dialplan, in_dialplan; /* names, empty: none */
	bool incoming_only, disabled;
	struct str disabled_reason;
	struct str network_id;
	struct str ip_acl; /* kept for the original's data */
	bool nat_keepalive, dont_mangle;
	struct str media; /* addresses in its SDP: "never", "always"; empty: auto (nat/media.h) */
	uint32_t bindings_max; /* 0: the configured default */
	struct str description;
	int64_t created_ms;
};
typedef void store_account_fn(const struct store_account *c, void *arg);
MUST_USE enum err store_account_add(
	struct store_db *db, const struct store_account *c, int64_t *id);
MUST_USE enum err store_account_set(struct store_db *db, const struct store_account *c);
MUST_USE enum err store_account_get(struct store_db *db, struct str username, struct str domain,
	struct arena *a, struct store_account *out);
MUST_USE enum err store_account_remove(struct store_db *db, struct str username, struct str domain);
/* By domain and name; a million are sorted for that. */
MUST_USE enum err store_account_list(struct store_db *db, store_account_fn *row, void *arg);
MUST_USE enum err store_account_each(struct store_db *db, store_account_fn *row, void *arg);

/* ---- dialplans ---- */
struct store_dialplan {
	int64_t id;
	struct str customer, name;
	struct str type; /* "ruby" */
	struct str script;
	bool accept_non_invite;
	int64_t created_ms, updated_ms;
};
typedef void store_dialplan_fn(const struct store_dialplan *d, void *arg);
MUST_USE enum err store_dialplan_put(
	struct store_db *db, const struct store_dialplan *d, int64_t *id); /* by customer + name */
MUST_USE enum err store_dialplan_get(struct store_db *db, struct str customer, struct str name,
	struct arena *a, struct store_dialplan *out);
MUST_USE enum err store_dialplan_remove(struct store_db *db, struct str customer, struct str name);
MUST_USE enum err store_dialplan_list(struct store_db *db, store_dialplan_fn *row, void *arg);

/* ---- providers (all of the original's record; section 2.6 of the facts) ---- */
struct store_provider {
	int64_t id;
	struct str customer, name; /* name has no dot */
	struct str username, auth_username;
	struct str password_sealed; /* keyring_seal, context of store_provider_context */
	struct str server; /* SIP URI */
	struct str outbound_proxy, from, custom_headers; /* headers: one a line */
	struct str register_contact, register_server, register_realm;
	uint32_t register_expiry_s;
	bool register_enabled, disabled;
	struct str disabled_reason;
	struct str transport; /* "udp", "tcp", "tls"; empty: as the server's name says */
	uint32_t rate_per_minute; /* registrations at most, 0: the usual */
	bool mwi; /* subscribe there to message-summary */
	struct str addresses; /* where its calls come from, "192.0.2.0/24,..."; empty: anywhere */
	struct str media; /* addresses in SDP: "never", "always"; empty: auto */
	int64_t created_ms, updated_ms;
};
typedef void store_provider_fn(const struct store_provider *p, void *arg);
MUST_USE enum err store_provider_add(
	struct store_db *db, const struct store_provider *p, int64_t *id);
MUST_USE enum err store_provider_set(struct store_db *db, const struct store_provider *p);
MUST_USE enum err store_provider_get(struct store_db *db, struct str customer, struct str name,
	struct arena *a, struct store_provider *out);
MUST_USE enum err store_provider_remove(struct store_db *db, struct str customer, struct str name);
MUST_USE enum err store_provider_list(struct store_db *db, store_provider_fn *row, void *arg);

/* What a provider's sealed password is bound to: "provider:CUSTOMER:NAME:password". */
void store_provider_context(const struct store_provider *p, struct buf *out);

/* Sealed passwords, of which a rotation of keys makes others; nothing else of the row is touched.
 * id, customer, name and password_sealed are set. */
MUST_USE enum err store_sealed_list(struct store_db *db, store_provider_fn *row, void *arg);
/* Those behind row `after` that key `id` did not seal, by id, at most `limit`. */
MUST_USE enum err store_sealed_not_under(struct store_db *db, struct str id, int64_t after,
	unsigned limit, store_provider_fn *row, void *arg);
MUST_USE enum err store_sealed_set(struct store_db *db, int64_t id, struct str password_sealed);

/* ---- what a provider said last of the messages that wait in our mailbox there ---- */
struct store_provider_messages {
	struct str customer, name;
	bool waiting;
	uint32_t voice_new, voice_old, urgent_new, urgent_old;
	struct str account; /* URI of the mailbox; may be empty */
	int64_t heard_ms;
};
MUST_USE enum err store_provider_messages_put(
	struct store_db *db, const struct store_provider_messages *m);
MUST_USE enum err store_provider_messages_get(struct store_db *db, struct str customer,
	struct str name, struct arena *a, struct store_provider_messages *out);
/* ERR_NOT_FOUND. With the provider it goes by itself. */
MUST_USE enum err store_provider_messages_remove(
	struct store_db *db, struct str customer, struct str name);

/* ---- provider bindings: our registrations at providers, one for each provider ---- */
struct store_provider_binding {
	struct str customer, name;
	struct str state, reason; /* words; state: provider/agent.h */
	int64_t since_ms, next_ms; /* in that state since; next try */
	int64_t expires_ms; /* 0: not registered */
	uint32_t expiry_s; /* that is asked for */
	struct str settings; /* which of the provider's settings it was made with */
	struct str registrar; /* who answered: "udp:192.0.2.1:5060" */
	struct str contact, call_id;
	uint32_t cseq; /* the last one used */
	struct str challenge; /* that was answered last; status and count of it */
	uint32_t challenge_status, nc;
	struct str node; /* session of the process that keeps it */
	int64_t fence; /* changes whenever another one takes it */
};
typedef void store_provider_binding_fn(const struct store_provider_binding *b, void *arg);
/* By customer, name and fence, all but the node. ERR_NOT_FOUND: somebody else has it, or nobody. */
MUST_USE enum err store_provider_binding_update(
	struct store_db *db, const struct store_provider_binding *b);
MUST_USE enum err store_provider_binding_remove(
	struct store_db *db, const struct store_provider_binding *b);
MUST_USE enum err store_provider_binding_get(struct store_db *db, struct str customer,
	struct str name, struct arena *a, struct store_provider_binding *out);
MUST_USE enum err store_provider_binding_list(
	struct store_db *db, store_provider_binding_fn *row, void *arg);

/* ---- nodes: the processes that work on this database ---- */
struct store_node {
	struct str session; /* of the process: nobody else ever has it */
	struct str name; /* for people */
	int64_t beat; /* counts while it lives */
};
typedef void store_node_fn(const struct store_node *n, void *arg);
MUST_USE enum err store_node_join(struct store_db *db, const struct store_node *n);
MUST_USE enum err store_node_beat(struct store_db *db, struct str session); /* ERR_NOT_FOUND */
MUST_USE enum err store_node_leave(struct store_db *db, struct str session);
MUST_USE enum err store_node_list(struct store_db *db, store_node_fn *row, void *arg);
/*
 * Within a transaction: a number for what is taken in it. Then, under that number: the provider
 * bindings that no node has, and those that `session` itself has if it wants its `own`; new ones
 * for providers that are to be registered and have none. Then what was taken.
 */
MUST_USE enum err store_fence_next(struct store_db *db, int64_t *fence);
MUST_USE enum err store_provider_binding_take(
	struct store_db *db, struct str session, int64_t fence, bool own);
MUST_USE enum err store_provider_binding_add(struct store_db *db, struct str session, int64_t fence,
	struct str customer, struct str name); /* of one provider; without names: of all */
MUST_USE enum err store_provider_binding_taken(
	struct store_db *db, int64_t fence, store_provider_binding_fn *row, void *arg);

/* ---- bindings ---- */
/*
 * A refresh is a new row at the end, so that a commit touches a few pages instead of one a phone.
 * Of several rows of a binding the one with the greatest id counts; older ones are deleted later
 * (location/old_rows.h). The ids are worker_row_id().
 */
struct store_binding {
	int64_t id;
	struct str aor; /* "user@domain", canonical */
	struct str contact; /* URI as the phone gave it: the key within the AOR */
	struct str instance;
	uint32_t reg_id; /* RFC 5626; kept for later */
	struct str call_id;
	uint32_t cseq;
	uint32_t q1000;
	int64_t expires_ms, updated_ms;
	struct str user_agent;
	struct str path; /* Path values, comma separated */
	struct str received; /* flow_print_remote: "udp:192.0.2.1:40112" */
	struct str local; /* flow_print_local */
	uint32_t listener;
};
typedef void store_binding_fn(const struct store_binding *b, void *arg);
MUST_USE enum err store_binding_put(
	struct store_db *db, const struct store_binding *b); /* insert or replace */
MUST_USE enum err store_binding_remove(struct store_db *db, int64_t id); /* or there is none */
/* The row stays and says that the binding is gone: it has expired. */
MUST_USE enum err store_binding_end(struct store_db *db, int64_t id);
MUST_USE enum err store_binding_list(
	struct store_db *db, store_binding_fn *row, void *arg); /* by id */

/* ---- dialogs in progress: one row per leg of an answered call ---- */
struct store_dialog {
	int64_t id; /* worker_row_id(): the key */
	struct str call; /* our call id: two rows share it */
	uint32_t side; /* 0: A-leg, 1: B-leg */
	struct str call_id, local_tag, remote_tag, local, remote, remote_target, local_contact,
		routes;
	uint32_t local_cseq, remote_cseq;
	bool uas, secure;
	struct str flow_remote, flow_local; /* as in bindings */
	uint32_t listener;
	struct str customer, account;
	int64_t answered_ms,
		limit_ms; /* limit: when the call ends by its duration limit, 0: none */
	struct str session; /* session timer state, "expires;refresher" */
	struct str extra; /* JSON of the owner (CDR so far …) */
};
typedef void store_dialog_fn(const struct store_dialog *d, void *arg);
MUST_USE enum err store_dialog_put(
	struct store_db *db, const struct store_dialog *d); /* insert or replace */
MUST_USE enum err store_dialog_remove(struct store_db *db, int64_t id); /* or there is none */
MUST_USE enum err store_dialog_list(struct store_db *db, store_dialog_fn *row, void *arg);

/* ---- CDRs: one row per call, keyed by our call id, so that writing twice is harmless ---- */
struct store_cdr {
	struct str call, customer, account;
	struct str direction; /* "in", "out" */
	struct str a_call_id, b_call_id, from, to, request_uri,
		destination; /* destination: where the answering leg went */
	struct str provider, dialplan;
	struct str a_remote, b_remote;
	int64_t started_ms, ringing_ms, answered_ms, ended_ms; /* 0: never */
	uint32_t status;
	struct str reason; /* of the final answer */
	struct str ended_by; /* "caller", "callee", "limit", "timer", "restart", "dialplan", "error"
				… */
	struct str end_reason;
	uint32_t legs; /* tried */
};
typedef void store_cdr_fn(const struct store_cdr *c, void *arg);
MUST_USE enum err store_cdr_put(struct store_db *db, const struct store_cdr *c);
/* The same for one that was put when its call began: writes only what changes after that. */
MUST_USE enum err store_cdr_finish(struct store_db *db, const struct store_cdr *c);
/* Newest first; customer empty: all; at most `limit`. */
MUST_USE enum err store_cdr_list(
	struct store_db *db, struct str customer, unsigned limit, store_cdr_fn *row, void *arg);

/* ---- key-value pairs of the customers' scripts ---- */
MUST_USE enum err store_kv_put(
	struct store_db *db, struct str customer, struct str key, struct str value);
MUST_USE enum err store_kv_get(struct store_db *db, struct str customer, struct str key,
	struct arena *a, struct str *value);
MUST_USE enum err store_kv_remove(struct store_db *db, struct str customer, struct str key);
typedef void store_kv_fn(struct str key, struct str value, void *arg);
MUST_USE enum err store_kv_list(
	struct store_db *db, struct str customer, store_kv_fn *row, void *arg);

/*
 * ---- what changed: rows written by triggers in the same transaction as the change, so that every
 * node's directory follows whoever wrote. kind: "customer", "domain", "account", "dialplan",
 * "provider"; key: name, "user@domain", "customer/name".
 */
typedef void store_change_fn(uint64_t seq, struct str kind, struct str key, void *arg);
MUST_USE enum err store_changes(
	struct store_db *db, uint64_t after, store_change_fn *row, void *arg);
MUST_USE enum err store_change_latest(struct store_db *db, uint64_t *seq);

#endif
