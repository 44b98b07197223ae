/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Schema versions: numbered, forward only, each in a transaction of its own. What is released is
 * never edited; a change is a new entry at the end, such that a node that runs the version before
 * can go on working beside it.
 *
 * "%ID%" stands for the engine's self-numbering primary key, "%KEY%" for a 64-bit one that we
 * number.
 */
#include <stdio.h>
#include <stdlib.h>

#include "event/event.h"
#include "store/repo.h"
#include "store/table.h"

#define CHANGES_ON(table, kind, when, key)                                                         \
	"CREATE TRIGGER " table "_changed_" #when " AFTER " #when " ON " table                     \
	" BEGIN INSERT INTO changes (kind, name) VALUES ('" kind "', " key "); END;"
#define CHANGES_OF(table, kind, new_key, old_key)                                                  \
	CHANGES_ON(table, kind, INSERT, new_key)                                                   \
	CHANGES_ON(table, kind, UPDATE, new_key)                                                   \
	CHANGES_ON(table, kind, DELETE, old_key)

static const char *const versions[] = {
	/* 1 */
	"CREATE TABLE customers (id %ID%, name VARCHAR(32) NOT NULL UNIQUE,"
	" password_hash VARCHAR(200) NOT NULL, suspended INTEGER NOT NULL,"
	" suspended_reason VARCHAR(1024) NOT NULL, calls_max INTEGER NOT NULL,"
	" scripts_max INTEGER NOT NULL, time_zone VARCHAR(128) NOT NULL,"
	" created VARCHAR(24) NOT NULL);"

	"CREATE TABLE domains (id %ID%, name VARCHAR(128) NOT NULL UNIQUE,"
	" aliases VARCHAR(2048) NOT NULL, owner VARCHAR(32) NOT NULL,"
	" created VARCHAR(24) NOT NULL);"

	"CREATE TABLE accounts (id %ID%, username VARCHAR(64) NOT NULL,"
	" domain VARCHAR(128) NOT NULL REFERENCES domains(name),"
	" customer VARCHAR(32) NOT NULL REFERENCES customers(name) ON DELETE CASCADE,"
	" username_key VARCHAR(64) NOT NULL,"
	" ha1_md5 VARCHAR(64) NOT NULL, ha1_sha256 VARCHAR(64) NOT NULL,"
	" ha1_sha512_256 VARCHAR(64) NOT NULL,"
	" out_dialplan VARCHAR(64) NOT NULL, in_dialplan VARCHAR(64) NOT NULL,"
	" incoming_only INTEGER NOT NULL, disabled INTEGER NOT NULL,"
	" disabled_reason VARCHAR(256) NOT NULL, network_id VARCHAR(16) NOT NULL,"
	" ip_acl VARCHAR(256) NOT NULL, nat_keepalive INTEGER NOT NULL,"
	" dont_mangle INTEGER NOT NULL, bindings_max INTEGER NOT NULL,"
	" description VARCHAR(1024) NOT NULL, created VARCHAR(24) NOT NULL,"
	" UNIQUE (username_key, domain));"
	"CREATE INDEX accounts_customer ON accounts (customer);"
	"CREATE INDEX accounts_domain ON accounts (domain);"

	"CREATE TABLE dialplans (id %ID%,"
	" customer VARCHAR(32) NOT NULL REFERENCES customers(name) ON DELETE CASCADE,"
	" name VARCHAR(64) NOT NULL, type VARCHAR(12) NOT NULL, script TEXT NOT NULL,"
	" accept_non_invite INTEGER NOT NULL, created VARCHAR(24) NOT NULL,"
	" updated VARCHAR(24) NOT NULL, UNIQUE (customer, name));"

	"CREATE TABLE providers (id %ID%,"
	" customer VARCHAR(32) NOT NULL REFERENCES customers(name) ON DELETE CASCADE,"
	" name VARCHAR(50) NOT NULL, name_key VARCHAR(50) NOT NULL,"
	" username VARCHAR(64) NOT NULL, auth_username VARCHAR(64) NOT NULL,"
	" password_sealed VARCHAR(1024) NOT NULL, server VARCHAR(256) NOT NULL,"
	" outbound_proxy VARCHAR(256) NOT NULL, from_header VARCHAR(256) NOT NULL,"
	" custom_headers VARCHAR(1024) NOT NULL, register_contact VARCHAR(256) NOT NULL,"
	" register_server VARCHAR(256) NOT NULL, register_realm VARCHAR(256) NOT NULL,"
	" register_expiry_s INTEGER NOT NULL, register_enabled INTEGER NOT NULL,"
	" disabled INTEGER NOT NULL, disabled_reason VARCHAR(256) NOT NULL,"
	" created VARCHAR(24) NOT NULL, updated VARCHAR(24) NOT NULL,"
	" UNIQUE (customer, name_key));"

	"CREATE TABLE bindings (aor VARCHAR(200) NOT NULL, contact VARCHAR(767) NOT NULL,"
	" instance VARCHAR(256) NOT NULL, reg_id INTEGER NOT NULL,"
	" call_id VARCHAR(256) NOT NULL, cseq INTEGER NOT NULL, q1000 INTEGER NOT NULL,"
	" expires VARCHAR(24) NOT NULL, updated VARCHAR(24) NOT NULL,"
	" user_agent VARCHAR(256) NOT NULL, path VARCHAR(2048) NOT NULL,"
	" received VARCHAR(80) NOT NULL, local VARCHAR(80) NOT NULL,"
	" listener INTEGER NOT NULL, PRIMARY KEY (aor, contact));"
	"CREATE INDEX bindings_expires ON bindings (expires);"

	"CREATE TABLE dialogs (call VARCHAR(64) NOT NULL, side INTEGER NOT NULL,"
	" call_id VARCHAR(256) NOT NULL, local_tag VARCHAR(128) NOT NULL,"
	" remote_tag VARCHAR(256) NOT NULL, local VARCHAR(1024) NOT NULL,"
	" remote VARCHAR(1024) NOT NULL, remote_target VARCHAR(1024) NOT NULL,"
	" local_contact VARCHAR(512) NOT NULL, routes TEXT NOT NULL,"
	" local_cseq INTEGER NOT NULL, remote_cseq INTEGER NOT NULL, uas INTEGER NOT NULL,"
	" secure INTEGER NOT NULL, flow_remote VARCHAR(80) NOT NULL,"
	" flow_local VARCHAR(80) NOT NULL, listener INTEGER NOT NULL,"
	" customer VARCHAR(32) NOT NULL, account VARCHAR(200) NOT NULL,"
	" answered VARCHAR(24) NOT NULL, limit_at VARCHAR(24) NOT NULL,"
	" session VARCHAR(64) NOT NULL, extra TEXT NOT NULL, PRIMARY KEY (call, side));"

	"CREATE TABLE cdrs (call VARCHAR(64) NOT NULL PRIMARY KEY,"
	" customer VARCHAR(32) NOT NULL, account VARCHAR(200) NOT NULL,"
	" direction VARCHAR(3) NOT NULL, a_call_id VARCHAR(256) NOT NULL,"
	" b_call_id VARCHAR(256) NOT NULL, from_header VARCHAR(1024) NOT NULL,"
	" to_header VARCHAR(1024) NOT NULL, request_uri VARCHAR(1024) NOT NULL,"
	" destination VARCHAR(1024) NOT NULL, provider VARCHAR(50) NOT NULL,"
	" dialplan VARCHAR(64) NOT NULL, a_remote VARCHAR(80) NOT NULL,"
	" b_remote VARCHAR(80) NOT NULL, started VARCHAR(24) NOT NULL,"
	" ringing VARCHAR(24) NOT NULL, answered VARCHAR(24) NOT NULL,"
	" ended VARCHAR(24) NOT NULL, status INTEGER NOT NULL, reason VARCHAR(512) NOT NULL,"
	" ended_by VARCHAR(16) NOT NULL, end_reason VARCHAR(512) NOT NULL,"
	" legs INTEGER NOT NULL);"
	"CREATE INDEX cdrs_started ON cdrs (started);"
	"CREATE INDEX cdrs_customer ON cdrs (customer, started);"

	"CREATE TABLE kv (customer VARCHAR(32) NOT NULL REFERENCES customers(name)"
	" ON DELETE CASCADE, name VARCHAR(256) NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (customer, name));"

	"CREATE TABLE changes (seq %ID%, kind VARCHAR(16) NOT NULL, name VARCHAR(300) NOT "
	"NULL);" CHANGES_OF("customers", "customer", "NEW.name", "OLD.name") CHANGES_OF(
		"domains", "domain", "NEW.name", "OLD.name") CHANGES_OF("accounts", "account",
		"NEW.username || '@' || NEW.domain",
		"OLD.username || '@' || OLD.domain") CHANGES_OF("dialplans", "dialplan",
		"NEW.customer || '/' || NEW.name",
		"OLD.customer || '/' || OLD.name") CHANGES_OF("providers", "provider",
		"NEW.customer || '/' || NEW.name",
		"OLD.customer || '/' || OLD.name") "CREATE TRIGGER changes_bounded AFTER INSERT ON "
						   "changes WHEN NEW.seq % 1000 = 0"
						   " BEGIN DELETE FROM changes WHERE seq < NEW.seq "
						   "- 100000; END;",

	/* 2: bindings in the order of writing (repo.h), without indexes. Version 1 never ran on
	   two nodes, so none can be beside this one. */
	"ALTER TABLE bindings RENAME TO bindings_1;"
	"CREATE TABLE bindings (id %KEY%, aor VARCHAR(200) NOT NULL,"
	" contact VARCHAR(767) NOT NULL,"
	" instance VARCHAR(256) NOT NULL, reg_id INTEGER NOT NULL,"
	" call_id VARCHAR(256) NOT NULL, cseq INTEGER NOT NULL, q1000 INTEGER NOT NULL,"
	" expires VARCHAR(24) NOT NULL, updated VARCHAR(24) NOT NULL,"
	" user_agent VARCHAR(256) NOT NULL, path VARCHAR(2048) NOT NULL,"
	" received VARCHAR(80) NOT NULL, local VARCHAR(80) NOT NULL,"
	" listener INTEGER NOT NULL);"
	"INSERT INTO bindings SELECT ROW_NUMBER() OVER (ORDER BY updated), aor, contact,"
	" instance, reg_id, call_id, cseq, q1000, expires, updated, user_agent, path, received,"
	" local, listener FROM bindings_1;"
	"DROP TABLE bindings_1;",

	/* 3: the same for dialogs */
	"ALTER TABLE dialogs RENAME TO dialogs_2;"
	"CREATE TABLE dialogs (id %KEY%, call VARCHAR(64) NOT NULL, side INTEGER NOT NULL,"
	" call_id VARCHAR(256) NOT NULL, local_tag VARCHAR(128) NOT NULL,"
	" remote_tag VARCHAR(256) NOT NULL, local VARCHAR(1024) NOT NULL,"
	" remote VARCHAR(1024) NOT NULL, remote_target VARCHAR(1024) NOT NULL,"
	" local_contact VARCHAR(512) NOT NULL, routes TEXT NOT NULL,"
	" local_cseq INTEGER NOT NULL, remote_cseq INTEGER NOT NULL, uas INTEGER NOT NULL,"
	" secure INTEGER NOT NULL, flow_remote VARCHAR(80) NOT NULL,"
	" flow_local VARCHAR(80) NOT NULL, listener INTEGER NOT NULL,"
	" customer VARCHAR(32) NOT NULL, account VARCHAR(200) NOT NULL,"
	" answered VARCHAR(24) NOT NULL, limit_at VARCHAR(24) NOT NULL,"
	" session VARCHAR(64) NOT NULL, extra TEXT NOT NULL);"
	"INSERT INTO dialogs SELECT ROW_NUMBER() OVER (ORDER BY call, side), call, side, call_id,"
	" local_tag, remote_tag, local, remote, remote_target, local_contact, routes, local_cseq,"
	" remote_cseq, uas, secure, flow_remote, flow_local, listener, customer, account,"
	" answered, limit_at, session, extra FROM dialogs_2;"
	"DROP TABLE dialogs_2;",

	/* 4: our registrations at providers */
	"CREATE TABLE provider_bindings (customer VARCHAR(32) NOT NULL REFERENCES"
	" customers(name) ON DELETE CASCADE, name_key VARCHAR(50) NOT NULL,"
	" name VARCHAR(50) NOT NULL, state VARCHAR(20) NOT NULL, reason VARCHAR(1024) NOT NULL,"
	" since VARCHAR(24) NOT NULL, next_try VARCHAR(24) NOT NULL,"
	" expires VARCHAR(24) NOT NULL, expiry_s INTEGER NOT NULL, settings VARCHAR(64) NOT NULL,"
	" registrar VARCHAR(80) NOT NULL, contact VARCHAR(1024) NOT NULL,"
	" call_id VARCHAR(256) NOT NULL, cseq INTEGER NOT NULL,"
	" challenge VARCHAR(2048) NOT NULL, challenge_status INTEGER NOT NULL,"
	" nc INTEGER NOT NULL, node VARCHAR(80) NOT NULL, fence INTEGER NOT NULL,"
	" PRIMARY KEY (customer, name_key));"
	"CREATE INDEX provider_bindings_fence ON provider_bindings (fence);"
	"CREATE TABLE nodes (session VARCHAR(80) NOT NULL PRIMARY KEY,"
	" name VARCHAR(64) NOT NULL, beat INTEGER NOT NULL);"
	"CREATE TABLE fences (last INTEGER NOT NULL);"
	"INSERT INTO fences (last) VALUES (0);",

	/* 5: how requests travel to a provider, how many registrations, messages waiting */
	"ALTER TABLE providers ADD COLUMN transport VARCHAR(8) NOT NULL DEFAULT '';"
	"ALTER TABLE providers ADD COLUMN rate_per_minute INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE providers ADD COLUMN mwi INTEGER NOT NULL DEFAULT 0;",

	/* 6: where a provider's calls come from; what it says of messages waiting */
	"ALTER TABLE providers ADD COLUMN addresses VARCHAR(1024) NOT NULL DEFAULT '';"
	"CREATE TABLE provider_messages (customer VARCHAR(32) NOT NULL REFERENCES"
	" customers(name) ON DELETE CASCADE, name_key VARCHAR(50) NOT NULL,"
	" name VARCHAR(50) NOT NULL, waiting INTEGER NOT NULL, voice_new INTEGER NOT NULL,"
	" voice_old INTEGER NOT NULL, urgent_new INTEGER NOT NULL, urgent_old INTEGER NOT NULL,"
	" account VARCHAR(256) NOT NULL, heard VARCHAR(24) NOT NULL,"
	" PRIMARY KEY (customer, name_key));",

	/* 7: what happens to the addresses in SDP */
	("ALTER TABLE accounts ADD COLUMN media VARCHAR(8) NOT NULL DEFAULT '';"
	 "ALTER TABLE providers ADD COLUMN media VARCHAR(8) NOT NULL DEFAULT '';"),
};

enum { VERSION = sizeof(versions) / sizeof(*versions) };

static char *with_dialect(const char *sql, const struct store_driver *d)
{
	struct str rest = str_of(sql), id = STR("%ID%"), key = STR("%KEY%");
	size_t max = rest.n * 2 + 1;
	char *mem = mem_alloc(max);
	struct buf b = { .p = mem, .max = max - 1 };

	while (rest.n) {
		if (str_starts(rest, id)) {
			buf_add(&b, str_of(d->id_column));
			rest = str_from(rest, id.n);
		} else if (str_starts(rest, key)) {
			buf_add(&b, str_of(d->key_column));
			rest = str_from(rest, key.n);
		} else {
			buf_char(&b, rest.p[0]);
			rest = str_from(rest, 1);
		}
	}
	BUG_ON(!buf_ok(&b));
	mem[b.n] = '\0';
	return mem;
}

static enum err read_version(struct store_db *db, unsigned *version)
{
	const struct store_driver *d = store_driver_of(db);
	void *stmt;
	bool row;
	enum err e = store_exec(db,
		"CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER NOT NULL PRIMARY "
		"KEY)");

	if (!e)
		e = store_prepare(db, "SELECT MAX(version) FROM schema_versions", &stmt);
	if (!e)
		e = d->step(stmt, &row);
	if (e)
		return e;
	*version = row ? (unsigned)d->column_integer(stmt, 0) : 0;
	d->reset(stmt);
	return ERR_OK;
}

static enum err apply(struct store_db *db, unsigned version)
{
	char record[96];
	char *sql = with_dialect(versions[version - 1], store_driver_of(db));
	enum err e = store_exec(db, sql);

	free(sql);
	snprintf(record, sizeof(record), "INSERT INTO schema_versions (version) VALUES (%u)",
		version);
	return e ? e : store_exec(db, record);
}

/* Another process may be at it at the same time: the version is read again under the lock. */
static enum err step(struct store_db *db, unsigned *version)
{
	enum err e = store_begin(db);

	if (e)
		return e;
	e = read_version(db, version);
	if (!e && *version < VERSION)
		e = apply(db, ++*version);
	if (!e)
		e = store_commit(db);
	if (e)
		store_rollback(db);
	return e;
}

enum err store_migrate(struct store_db *db, struct event_bus *events, struct buf *why)
{
	unsigned version = 0, before;
	enum err e = read_version(db, &version);

	before = version;
	while (!e && version < VERSION)
		e = step(db, &version);
	if (!e && version > VERSION) {
		buf_printf(why,
			"the database has schema version %u, this program knows %d: "
			"it was written by a newer Tandem; run that one",
			version, VERSION);
		return ERR_UNSUPPORTED;
	}
	if (e) {
		buf_printf(why, "schema version %u: %s", version,
			store_driver_of(db)->error(store_conn_of(db)));
		return e;
	}
	if (before < version)
		event_note(events, EV_STORE_MIGRATED, STR_NONE, STR_NONE,
			"database schema taken from version %u to %u", before, version);
	return ERR_OK;
}
