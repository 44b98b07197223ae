/* SPDX-License-Identifier: BSD-3-Clause */
/* Every repository: what is written is read again, and what is refused is refused by its name. */
#include "fixture.h"
#include "store/table.h"

#include <stdio.h>
#include <string.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define SAME(a, b, field) assert_true(str_eq((a).field, (b).field))
#define EQUAL(a, b, field) assert_int_equal((a).field, (b).field)
#define OK(call) assert_int_equal(call, ERR_OK)

struct open { /* a connection and an arena for one test */
	struct store_db *db;
	struct arena a;
};

static struct open begin(void **state)
{
	struct open o = { .db = fixture_open(*state) };

	arena_init(&o.a, 4096);
	return o;
}

static void end(struct open *o)
{
	arena_fini(&o->a);
	store_close(o->db);
}

/* Values that SQL, C and UTF-8 might trip over. */
static const struct str odd = { "a'b\"c\0d;--%\xc3\xa9", 13 };

static void test_customers(void **state)
{
	struct open o = begin(state);
	struct store_customer row = { .name = STR("ann"),
		.password_hash = STR("scrypt$1"),
		.suspended = true,
		.suspended_reason = odd,
		.calls_max = UINT32_MAX,
		.scripts_max = 2,
		.time_zone = STR("UTC"),
		.created_ms = 1257681600123 };
	struct store_customer got;
	int64_t id;

	OK(store_customer_add(o.db, &row, &id));
	assert_int_equal(store_customer_add(o.db, &row, &id), ERR_EXISTS);
	OK(store_customer_get(o.db, STR("ann"), &o.a, &got));
	assert_int_equal(got.id, id);
	SAME(got, row, name);
	SAME(got, row, password_hash);
	EQUAL(got, row, suspended);
	SAME(got, row, suspended_reason);
	EQUAL(got, row, calls_max);
	EQUAL(got, row, scripts_max);
	SAME(got, row, time_zone);
	EQUAL(got, row, created_ms);
	got.time_zone = STR("");
	got.suspended = false;
	OK(store_customer_set(o.db, &got));
	OK(store_customer_get(o.db, STR("ann"), &o.a, &got));
	assert_int_equal(got.time_zone.n, 0);
	assert_false(got.suspended);
	got.id = 999;
	got.name = STR("nobody");
	assert_int_equal(store_customer_set(o.db, &got), ERR_NOT_FOUND);
	OK(store_customer_remove(o.db, STR("ann")));
	assert_int_equal(store_customer_remove(o.db, STR("ann")), ERR_NOT_FOUND);
	assert_int_equal(store_customer_get(o.db, STR("ann"), &o.a, &got), ERR_NOT_FOUND);
	end(&o);
}

static void test_domains_and_accounts(void **state)
{
	struct open o = begin(state);
	struct store_domain d = { .name = STR("x.example"),
		.aliases = STR("a\nb"),
		.owner = STR("joe"),
		.created_ms = 5 };
	struct store_account row = { .username = STR("Al"),
		.domain = STR("x.example"),
		.customer = STR("joe"),
		.ha1_md5 = STR("1"),
		.ha1_sha256 = STR("2"),
		.ha1_sha512_256 = STR("3"),
		.out_dialplan = STR("o"),
		.in_dialplan = STR("i"),
		.incoming_only = true,
		.disabled = true,
		.disabled_reason = odd,
		.network_id = STR("n"),
		.ip_acl = STR("p"),
		.nat_keepalive = true,
		.dont_mangle = true,
		.media = STR("never"),
		.bindings_max = 4,
		.description = STR("d"),
		.created_ms = 7 };
	struct store_domain gd;
	struct store_account got, other = row;
	char name[300];
	int64_t id;

	assert_int_equal(store_account_add(o.db, &row, &id), ERR_STATE); /* no such domain */
	OK(store_domain_add(o.db, &d, &id));
	assert_int_equal(store_domain_add(o.db, &d, &id), ERR_EXISTS);
	OK(store_domain_get(o.db, STR("x.example"), &o.a, &gd));
	SAME(gd, d, aliases);
	SAME(gd, d, owner);
	EQUAL(gd, d, created_ms);
	gd.aliases = STR("");
	OK(store_domain_set(o.db, &gd));
	other.customer = STR("nobody");
	assert_int_equal(store_account_add(o.db, &other, &id), ERR_STATE);
	OK(store_account_add(o.db, &row, &id));
	other = row;
	other.username = STR("AL");
	assert_int_equal(store_account_add(o.db, &other, &id), ERR_EXISTS); /* ignoring case */
	OK(store_account_get(o.db, STR("aL"), STR("x.example"), &o.a, &got));
	SAME(got, row, username);
	SAME(got, row, customer);
	SAME(got, row, ha1_md5);
	SAME(got, row, ha1_sha256);
	SAME(got, row, ha1_sha512_256);
	SAME(got, row, out_dialplan);
	SAME(got, row, in_dialplan);
	EQUAL(got, row, incoming_only);
	EQUAL(got, row, disabled);
	SAME(got, row, disabled_reason);
	SAME(got, row, network_id);
	SAME(got, row, ip_acl);
	EQUAL(got, row, nat_keepalive);
	EQUAL(got, row, dont_mangle);
	SAME(got, row, media);
	EQUAL(got, row, bindings_max);
	SAME(got, row, description);
	EQUAL(got, row, created_ms);
	got.description = STR("e");
	OK(store_account_set(o.db, &got));
	assert_int_equal(store_domain_remove(o.db, STR("x.example")), ERR_STATE); /* in use */
	memset(name, 'n', sizeof(name));
	other.username = str_make(name, sizeof(name));
	assert_int_equal(store_account_add(o.db, &other, &id), ERR_LIMIT);
	OK(store_account_remove(o.db, STR("AL"), STR("x.example")));
	assert_int_equal(store_account_remove(o.db, STR("al"), STR("x.example")), ERR_NOT_FOUND);
	assert_int_equal(store_account_set(o.db, &got), ERR_NOT_FOUND);
	OK(store_domain_remove(o.db, STR("x.example")));
	assert_int_equal(store_domain_remove(o.db, STR("x.example")), ERR_NOT_FOUND);
	assert_int_equal(store_domain_set(o.db, &gd), ERR_NOT_FOUND);
	end(&o);
}

static void test_dialplans(void **state)
{
	struct open o = begin(state);
	struct store_dialplan row = { .customer = STR("joe"),
		.name = STR("main"),
		.type = STR("ruby"),
		.script = odd,
		.accept_non_invite = true,
		.created_ms = 1,
		.updated_ms = 2 };
	struct store_dialplan got;
	int64_t id, again;

	OK(store_dialplan_put(o.db, &row, &id));
	row.script = STR("changed");
	OK(store_dialplan_put(o.db, &row, &again));
	assert_int_equal(id, again);
	OK(store_dialplan_get(o.db, STR("joe"), STR("main"), &o.a, &got));
	SAME(got, row, script);
	SAME(got, row, type);
	EQUAL(got, row, accept_non_invite);
	EQUAL(got, row, created_ms);
	EQUAL(got, row, updated_ms);
	row.customer = STR("nobody");
	assert_int_equal(store_dialplan_put(o.db, &row, &id), ERR_STATE);
	OK(store_dialplan_remove(o.db, STR("joe"), STR("main")));
	assert_int_equal(store_dialplan_remove(o.db, STR("joe"), STR("main")), ERR_NOT_FOUND);
	assert_int_equal(
		store_dialplan_get(o.db, STR("joe"), STR("main"), &o.a, &got), ERR_NOT_FOUND);
	end(&o);
}

static void test_providers(void **state)
{
	struct open o = begin(state);
	struct store_provider row = { .customer = STR("joe"),
		.name = STR("Gate"),
		.username = STR("u"),
		.auth_username = STR("a"),
		.password_sealed = STR("00ff"),
		.server = STR("sip:s"),
		.outbound_proxy = STR("sip:p"),
		.from = STR("f"),
		.custom_headers = STR("X: 1\nY: 2"),
		.register_contact = STR("c"),
		.register_server = STR("r"),
		.register_realm = STR("m"),
		.register_expiry_s = 600,
		.register_enabled = true,
		.disabled = true,
		.disabled_reason = odd,
		.transport = STR("tcp"),
		.rate_per_minute = 30,
		.mwi = true,
		.addresses = STR("192.0.2.0/24"),
		.media = STR("always"),
		.created_ms = 1,
		.updated_ms = 2 };
	struct store_provider got;
	int64_t id;

	OK(store_provider_add(o.db, &row, &id));
	row.name = STR("GATE");
	assert_int_equal(store_provider_add(o.db, &row, &id), ERR_EXISTS);
	row.customer = STR("nobody");
	assert_int_equal(store_provider_add(o.db, &row, &id), ERR_STATE);
	OK(store_provider_get(o.db, STR("joe"), STR("gate"), &o.a, &got));
	assert_true(str_eq(got.name, STR("Gate")));
	SAME(got, row, username);
	SAME(got, row, auth_username);
	SAME(got, row, password_sealed);
	SAME(got, row, server);
	SAME(got, row, outbound_proxy);
	SAME(got, row, from);
	SAME(got, row, custom_headers);
	SAME(got, row, register_contact);
	SAME(got, row, register_server);
	SAME(got, row, register_realm);
	EQUAL(got, row, register_expiry_s);
	EQUAL(got, row, register_enabled);
	EQUAL(got, row, disabled);
	SAME(got, row, disabled_reason);
	SAME(got, row, transport);
	EQUAL(got, row, rate_per_minute);
	EQUAL(got, row, mwi);
	SAME(got, row, addresses);
	SAME(got, row, media);
	EQUAL(got, row, created_ms);
	EQUAL(got, row, updated_ms);
	got.disabled = false;
	OK(store_provider_set(o.db, &got));
	OK(store_provider_get(o.db, STR("joe"), STR("gate"), &o.a, &got));
	assert_false(got.disabled);
	OK(store_provider_remove(o.db, STR("joe"), STR("gAte")));
	assert_int_equal(store_provider_remove(o.db, STR("joe"), STR("gate")), ERR_NOT_FOUND);
	assert_int_equal(store_provider_set(o.db, &got), ERR_NOT_FOUND);
	end(&o);
}

static void test_provider_messages(void **state)
{
	struct open o = begin(state);
	const struct store_provider p = { .customer = STR("joe"), .name = STR("Gate") };
	struct store_provider_messages row = { .customer = STR("joe"),
		.name = STR("Gate"),
		.waiting = true,
		.voice_new = 1,
		.voice_old = 2,
		.urgent_new = 3,
		.urgent_old = 4,
		.account = STR("sip:joe@vm"),
		.heard_ms = 5000 };
	struct store_provider_messages got;

	OK(store_provider_messages_put(o.db, &row));
	OK(store_provider_messages_get(o.db, STR("joe"), STR("GATE"), &o.a, &got));
	EQUAL(got, row, waiting);
	EQUAL(got, row, voice_new);
	EQUAL(got, row, voice_old);
	EQUAL(got, row, urgent_new);
	EQUAL(got, row, urgent_old);
	SAME(got, row, account);
	EQUAL(got, row, heard_ms);
	row.waiting = false;
	row.name = STR("gate"); /* the same one */
	OK(store_provider_messages_put(o.db, &row));
	OK(store_provider_messages_get(o.db, STR("joe"), STR("gate"), &o.a, &got));
	assert_false(got.waiting);
	OK(store_provider_add(o.db, &p, NULL));
	OK(store_provider_remove(o.db, STR("joe"), STR("gate")));
	assert_int_equal(store_provider_messages_get(o.db, STR("joe"), STR("gate"), &o.a, &got),
		ERR_NOT_FOUND);
	OK(store_provider_add(o.db, &p, NULL));
	OK(store_provider_remove(o.db, STR("joe"), STR("gate"))); /* nothing was kept */
	row.customer = STR("nobody");
	assert_int_equal(store_provider_messages_put(o.db, &row), ERR_STATE);
	end(&o);
}

struct seen {
	unsigned n;
	struct store_binding binding;
	struct store_dialog dialog;
	struct store_cdr cdr;
	struct arena *a;
	char order[64];
};

static void see_binding(const struct store_binding *b, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->binding = *b;
	s->binding.contact = arena_str(s->a, b->contact);
	s->binding.received = arena_str(s->a, b->received);
}

static void test_bindings(void **state)
{
	struct open o = begin(state);
	struct seen seen = { .a = &o.a };
	struct store_binding row = { .aor = STR("a@x"),
		.contact = STR("sip:1"),
		.cseq = UINT32_MAX,
		.q1000 = 700,
		.expires_ms = 1000,
		.updated_ms = 10,
		.received = STR("udp:192.0.2.1:5060"),
		.listener = 3 };

	row.id = 7;
	OK(store_binding_put(o.db, &row));
	row.expires_ms = 2000;
	OK(store_binding_put(o.db, &row)); /* in the place of the first */
	OK(store_binding_list(o.db, see_binding, &seen));
	assert_int_equal(seen.n, 1);
	EQUAL(seen.binding, row, id);
	SAME(seen.binding, row, contact);
	SAME(seen.binding, row, received);
	EQUAL(seen.binding, row, cseq);
	EQUAL(seen.binding, row, q1000);
	EQUAL(seen.binding, row, expires_ms);
	EQUAL(seen.binding, row, updated_ms);
	EQUAL(seen.binding, row, listener);
	row.id = INT64_MAX;
	OK(store_binding_put(o.db, &row));
	OK(store_binding_remove(o.db, 7));
	OK(store_binding_remove(o.db, 7)); /* gone already */
	seen.n = 0;
	OK(store_binding_list(o.db, see_binding, &seen));
	assert_int_equal(seen.n, 1);
	EQUAL(seen.binding, row, id);
	end(&o);
}

struct sealed_seen {
	unsigned n;
	int64_t first, last;
	char sealed[64];
};

static void see_sealed(const struct store_provider *p, void *arg)
{
	struct sealed_seen *s = arg;

	assert_true(str_eq(p->customer, STR("joe")));
	if (s->n++ == 0)
		s->first = p->id;
	s->last = p->id;
	OK(str_copy(p->password_sealed, s->sealed, sizeof(s->sealed)));
}

/* Those of other keys are found piece by piece; setting one leaves the rest of the row. */
static void test_sealed_passwords(void **state)
{
	static const char *const sealed[] = { "aaaaaaaa:01", "", "bbbbbbbb:02", "03",
		"aaaaaaab:04" };
	struct open o = begin(state);
	struct sealed_seen seen = { 0 };
	struct store_provider row = {
		.customer = STR("joe"), .server = STR("s"), .username = STR("u"), .updated_ms = 2
	};
	struct store_provider got;
	int64_t ids[5];

	for (unsigned i = 0; i < 5; i++) {
		char name[] = { (char)('a' + i), 0 };

		row.name = str_of(name);
		row.password_sealed = str_of(sealed[i]);
		OK(store_provider_add(o.db, &row, &ids[i]));
	}
	OK(store_sealed_list(o.db, see_sealed, &seen));
	assert_int_equal(seen.n, 4);
	seen = (struct sealed_seen){ 0 };
	OK(store_sealed_not_under(o.db, STR("aaaaaaaa"), 0, 2, see_sealed, &seen));
	assert_int_equal(seen.n, 2);
	assert_true(seen.first == ids[2] && seen.last == ids[3]);
	assert_string_equal(seen.sealed, "03");
	seen = (struct sealed_seen){ 0 };
	OK(store_sealed_not_under(o.db, STR("aaaaaaaa"), ids[3], 2, see_sealed, &seen));
	assert_true(seen.n == 1 && seen.first == ids[4]);
	OK(store_sealed_set(o.db, ids[3], STR("aaaaaaaa:05")));
	OK(store_provider_get(o.db, STR("joe"), STR("d"), &o.a, &got));
	assert_true(str_eq(got.password_sealed, STR("aaaaaaaa:05")));
	assert_int_equal(got.updated_ms, 2);
	end(&o);
}

/* A database of version 1 comes along with what it holds, in the order of writing. */
static void test_bindings_of_version_1(void **state)
{
	struct open o = begin(state);
	struct seen seen = { .a = &o.a };

	OK(store_exec(o.db,
		"DROP TABLE bindings; DROP TABLE provider_bindings; DROP TABLE nodes; DROP TABLE "
		"fences; ALTER TABLE providers DROP COLUMN transport;"
		"ALTER TABLE providers DROP COLUMN rate_per_minute;"
		"ALTER TABLE providers DROP COLUMN mwi;"
		"ALTER TABLE providers DROP COLUMN addresses; DROP TABLE provider_messages;"
		"ALTER TABLE accounts DROP COLUMN media; ALTER TABLE providers DROP COLUMN media;"
		"DELETE FROM schema_versions WHERE version > 1;"
		"CREATE TABLE bindings (aor, contact, instance, reg_id, call_id, cseq, q1000,"
		" expires, updated, user_agent, path, received, local, listener,"
		" PRIMARY KEY (aor, contact));"
		"CREATE INDEX bindings_expires ON bindings (expires);"
		"INSERT INTO bindings VALUES ('b@x', 'sip:2', '', 0, 'c', 4, 1000,"
		" '2009-11-08T12:00:02.000Z', '2009-11-08T11:00:02.000Z', 'ua', '',"
		" 'udp:192.0.2.1:5060', 'udp:192.0.2.2:5060', 0);"
		"INSERT INTO bindings VALUES ('a@x', 'sip:1', '', 0, 'c', 3, 1000,"
		" '2009-11-08T12:00:01.000Z', '2009-11-08T11:00:01.000Z', 'ua', '',"
		" 'udp:192.0.2.1:5060', 'udp:192.0.2.2:5060', 0);"));
	store_close(o.db);
	o.db = fixture_open(*state);
	OK(store_binding_list(o.db, see_binding, &seen));
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.binding.id, 2);
	assert_true(str_eq(seen.binding.contact, STR("sip:2")));
	assert_int_equal(seen.binding.cseq, 4);
	end(&o);
}

static void see_dialog(const struct store_dialog *d, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->dialog = *d;
	s->dialog.routes = arena_str(s->a, d->routes);
	s->dialog.extra = arena_str(s->a, d->extra);
}

static void test_dialogs(void **state)
{
	struct open o = begin(state);
	struct seen seen = { .a = &o.a };
	struct store_dialog row = { .id = 5,
		.call = STR("c1"),
		.side = 1,
		.routes = STR("<sip:a;lr>, <sip:b;lr>"),
		.local_cseq = 7,
		.remote_cseq = UINT32_MAX,
		.uas = true,
		.secure = true,
		.answered_ms = 100,
		.extra = odd };

	OK(store_dialog_put(o.db, &row));
	row.local_cseq = 8;
	OK(store_dialog_put(o.db, &row));
	OK(store_dialog_list(o.db, see_dialog, &seen));
	assert_int_equal(seen.n, 1);
	SAME(seen.dialog, row, routes);
	SAME(seen.dialog, row, extra);
	EQUAL(seen.dialog, row, side);
	EQUAL(seen.dialog, row, local_cseq);
	EQUAL(seen.dialog, row, remote_cseq);
	EQUAL(seen.dialog, row, uas);
	EQUAL(seen.dialog, row, secure);
	EQUAL(seen.dialog, row, answered_ms);
	assert_int_equal(seen.dialog.limit_ms, 0);
	row.id = 6;
	row.side = 0;
	OK(store_dialog_put(o.db, &row));
	OK(store_dialog_remove(o.db, 5));
	seen.n = 0;
	OK(store_dialog_list(o.db, see_dialog, &seen));
	assert_int_equal(seen.n, 1);
	EQUAL(seen.dialog, row, id);
	OK(store_dialog_remove(o.db, 6));
	OK(store_dialog_remove(o.db, 6)); /* gone already */
	seen.n = 0;
	OK(store_dialog_list(o.db, see_dialog, &seen));
	assert_int_equal(seen.n, 0);
	end(&o);
}

static void see_cdr(const struct store_cdr *c, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->cdr = *c;
	s->cdr.reason = arena_str(s->a, c->reason);
	strncat(s->order, c->call.p, c->call.n);
}

static void test_cdrs(void **state)
{
	struct open o = begin(state);
	struct seen seen = { .a = &o.a };
	struct store_cdr row = { .customer = STR("joe"), .direction = STR("out") };
	static const struct {
		const char *call, *customer;
		int64_t started;
	} calls[] = { { "A", "joe", 1000 }, { "C", "ann", 3000 }, { "B", "joe", 2000 },
		{ "D", "joe", 4000 } };

	for (int i = 0; i < 4; i++) {
		row.call = str_of(calls[i].call);
		row.customer = str_of(calls[i].customer);
		row.started_ms = calls[i].started;
		OK(store_cdr_put(o.db, &row));
		row.status = 200;
		OK(store_cdr_put(o.db, &row)); /* twice is harmless */
	}
	OK(store_cdr_list(o.db, STR_NONE, 3, see_cdr, &seen));
	assert_string_equal(seen.order, "DCB"); /* newest first */
	assert_int_equal(seen.cdr.status, 200);
	assert_int_equal(seen.cdr.started_ms, 2000);
	seen.order[0] = '\0';
	OK(store_cdr_list(o.db, STR("joe"), 10, see_cdr, &seen));
	assert_string_equal(seen.order, "DBA");

	row.call = STR("B"); /* the end of a call leaves its beginning alone */
	row.started_ms = 9000;
	row.ended_ms = 10000;
	row.reason = STR("OK");
	OK(store_cdr_finish(o.db, &row));
	row.call = STR("E"); /* and is a whole row where there is none */
	OK(store_cdr_finish(o.db, &row));
	seen.order[0] = '\0';
	OK(store_cdr_list(o.db, STR_NONE, 4, see_cdr, &seen));
	assert_string_equal(seen.order, "EDCB");
	assert_int_equal(seen.cdr.started_ms, 2000);
	assert_int_equal(seen.cdr.ended_ms, 10000);
	assert_true(str_eq(seen.cdr.reason, STR("OK")));
	end(&o);
}

static void see_key(struct str key, struct str value, void *arg)
{
	struct seen *s = arg;

	(void)value;
	strncat(s->order, key.p, key.n);
}

static void test_keys(void **state)
{
	struct open o = begin(state);
	struct seen seen = { .a = &o.a };
	struct str value;

	OK(store_kv_put(o.db, STR("joe"), STR("b"), odd));
	OK(store_kv_put(o.db, STR("joe"), STR("a"), STR("1")));
	OK(store_kv_put(o.db, STR("joe"), STR("a"), STR("")));
	assert_int_equal(store_kv_put(o.db, STR("nobody"), STR("a"), odd), ERR_STATE);
	OK(store_kv_get(o.db, STR("joe"), STR("b"), &o.a, &value));
	assert_true(str_eq(value, odd));
	OK(store_kv_list(o.db, STR("joe"), see_key, &seen));
	assert_string_equal(seen.order, "ab");
	OK(store_kv_remove(o.db, STR("joe"), STR("a")));
	assert_int_equal(store_kv_remove(o.db, STR("joe"), STR("a")), ERR_NOT_FOUND);
	assert_int_equal(store_kv_get(o.db, STR("joe"), STR("a"), &o.a, &value), ERR_NOT_FOUND);
	OK(store_customer_remove(o.db, STR("joe"))); /* and all that is theirs */
	assert_int_equal(store_kv_get(o.db, STR("joe"), STR("b"), &o.a, &value), ERR_NOT_FOUND);
	end(&o);
}

static void see_change(uint64_t seq, struct str kind, struct str key, void *arg)
{
	struct seen *s = arg;

	s->n++;
	assert_true(seq > 0);
	snprintf(s->order, sizeof(s->order), "%.*s %.*s", STR_ARG(kind), STR_ARG(key));
}

static void test_changes(void **state)
{
	struct open o = begin(state);
	struct seen seen = { .a = &o.a };
	const struct store_domain d = { .name = STR("x.example") };
	uint64_t before, after;

	OK(store_change_latest(o.db, &before));
	OK(store_begin(o.db));
	OK(store_domain_add(o.db, &d, NULL));
	store_rollback(o.db);
	OK(store_change_latest(o.db, &after));
	assert_int_equal(after, before); /* as undone as the change itself */
	OK(store_domain_add(o.db, &d, NULL));
	OK(store_changes(o.db, before, see_change, &seen));
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.order, "domain x.example");
	end(&o);
}

static void test_not_a_url(void **state)
{
	static const char *const urls[] = { "", "x.db", "mysql:host", "sqlite:", ":" };
	char text[256];
	struct store_db *db;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct buf why = BUF_OF(text);

		assert_int_equal(store_open(str_of(urls[i]), NULL, &db, &why), ERR_UNSUPPORTED);
		assert_true(why.n > 0);
	}
}

static void test_no_such_directory(void **state)
{
	char text[256];
	struct buf why = BUF_OF(text);
	struct store_db *db;

	(void)state;
	assert_int_equal(store_open(STR("sqlite:/nowhere/at/all/x.db"), NULL, &db, &why), ERR_DB);
	assert_true(why.n > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_customers),
		TEST(test_domains_and_accounts),
		TEST(test_dialplans),
		TEST(test_providers),
		TEST(test_provider_messages),
		TEST(test_bindings),
		TEST(test_sealed_passwords),
		TEST(test_bindings_of_version_1),
		TEST(test_dialogs),
		TEST(test_cdrs),
		TEST(test_keys),
		TEST(test_changes),
		TEST(test_not_a_url),
		TEST(test_no_such_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
