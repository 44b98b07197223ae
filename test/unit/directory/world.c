/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"
#include "../temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"

const uint8_t world_key[32] = { 1, 2, 3 };
static const struct str secret = { "very secret", 11 };

static void hear(struct event_sink *sink, const struct event_record *r)
{
	struct world *w = container_of(sink, struct world, sink);
	size_t room = sizeof(w->said) - w->said_n - 1;
	int n = snprintf(w->said + w->said_n, room, "%.*s\n", STR_ARG(r->event.text));

	w->said_n += (size_t)n < room ? (size_t)n : 0;
}

static const struct store_customer joe = { .name = { "joe", 3 },
	.password_hash = { "scrypt$x", 8 },
	.suspended_reason = { "none", 4 },
	.calls_max = 7,
	.scripts_max = 3,
	.time_zone = { "Europe/Dublin", 13 },
	.created_ms = 1111 };
static const struct store_domain example = { .name = { "example.com", 11 },
	.aliases = { "sip.example.com\n*\n10.0.0.1:5070", 31 },
	.owner = { "joe", 3 },
	.created_ms = 2222 };
static const struct store_account alice = { .username = { "Alice", 5 },
	.domain = { "example.com", 11 },
	.customer = { "joe", 3 },
	.ha1_md5 = { "aa", 2 },
	.ha1_sha256 = { "bb", 2 },
	.ha1_sha512_256 = { "cc", 2 },
	.out_dialplan = { "main", 4 },
	.in_dialplan = { "in", 2 },
	.incoming_only = true,
	.disabled = true,
	.disabled_reason = { "unpaid", 6 },
	.network_id = { "net", 3 },
	.ip_acl = { "10.", 3 },
	.nat_keepalive = true,
	.dont_mangle = true,
	.media = { "never", 5 },
	.bindings_max = 5,
	.description = { "the blue phone", 14 },
	.created_ms = 3333 };
static const struct store_dialplan plan = { .customer = { "joe", 3 },
	.name = { "main", 4 },
	.type = { "ruby", 4 },
	.script = { "sys.Dial(\"x\")", 13 },
	.accept_non_invite = true,
	.created_ms = 4444,
	.updated_ms = 5555 };
static const struct store_provider gate = { .customer = { "joe", 3 },
	.name = { "Gate", 4 },
	.username = { "u", 1 },
	.auth_username = { "au", 2 },
	.server = { "sip:gate.example", 16 },
	.outbound_proxy = { "sip:proxy", 9 },
	.from = { "sip:me@gate", 11 },
	.custom_headers = { "X: 1", 4 },
	.register_contact = { "sip:me@here", 11 },
	.register_server = { "sip:reg", 7 },
	.register_realm = { "realm", 5 },
	.register_expiry_s = 600,
	.register_enabled = true,
	.disabled = true,
	.disabled_reason = { "why", 3 },
	.created_ms = 6666,
	.updated_ms = 7777 };

static struct str seal(char hex[256])
{
	uint8_t sealed[128];
	size_t n = secret.n + CRYPTO_SEAL_EXTRA;

	crypto_seal(world_key, STR("provider:joe:Gate:password"), secret, sealed);
	str_hex(sealed, n, hex);
	return str_make(hex, 2 * n);
}

static void fill(struct store_db *db)
{
	struct store_provider p = gate;
	char hex[256];
	int64_t id;

	p.password_sealed = seal(hex);
	assert_int_equal(store_customer_add(db, &joe, &id), ERR_OK);
	assert_int_equal(store_domain_add(db, &example, &id), ERR_OK);
	assert_int_equal(store_account_add(db, &alice, &id), ERR_OK);
	assert_int_equal(store_dialplan_put(db, &plan, &id), ERR_OK);
	assert_int_equal(store_provider_add(db, &p, &id), ERR_OK);
}

struct store_db *world_open(struct world *w)
{
	char text[512];
	struct buf why = BUF_OF(text);
	struct store_db *db = NULL;

	assert_int_equal(store_open(str_of(w->url), NULL, &db, &why), ERR_OK);
	return db;
}

void world_keys(struct keyring *keys)
{
	keyring_init_with(keys, world_key);
}

static int setup(void **state, bool stepped)
{
	struct keyring keys;
	struct world *w = mem_new(struct world);
	struct store_config cfg = { .queue_max = 100, .retry_ms = 20 };
	char text[512];
	struct buf why = BUF_OF(text);

	if (!temp_dir_make(w->dir, sizeof(w->dir), "directory"))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/x.db", w->dir);
	snprintf(w->url, sizeof(w->url), "sqlite:%s", w->path);
	w->bus = event_bus_new(false, 16);
	w->sink.take = hear;
	event_bus_add(w->bus, &w->sink);
	w->other = world_open(w);
	fill(w->other);
	w->own = world_open(w);
	cfg.url = str_of(w->url);
	assert_int_equal(stepped ? store_start_stepped(&cfg, w->bus, &w->store, &why)
				 : store_start(&cfg, w->bus, &w->store, &why),
		ERR_OK);
	world_keys(&keys);
	assert_int_equal(directory_new(w->store, w->own, &keys, w->bus, &w->d, &why), ERR_OK);
	*state = w;
	return 0;
}

int world_setup(void **state)
{
	return setup(state, true);
}

int world_setup_threads(void **state)
{
	return setup(state, false);
}

int world_teardown(void **state)
{
	struct world *w = *state;

	store_stop(w->store);
	directory_free(w->d);
	store_close(w->own);
	store_close(w->other);
	temp_dir_remove(w->dir);
	event_bus_free(w->bus);
	free(w);
	return 0;
}

void world_refresh(struct world *w)
{
	unsigned changed;

	assert_int_equal(directory_refresh(w->d, w->own, &changed), ERR_OK);
}

unsigned world_accounts(struct world *w)
{
	struct directory_counts c;

	directory_counts(w->d, &c);
	return (unsigned)c.accounts;
}

/* ---- what must be there ---- */

#define SAME(a, b, field) assert_true(str_eq((a)->field, (b)->field))
#define EQUAL(a, b, field) assert_int_equal((a)->field, (b)->field)

static void expect_customer(struct world *w)
{
	struct customer *c = directory_customer(w->d, STR("joe"));

	assert_non_null(c);
	SAME(c, &joe, password_hash);
	SAME(c, &joe, suspended_reason);
	SAME(c, &joe, time_zone);
	EQUAL(c, &joe, calls_max);
	EQUAL(c, &joe, scripts_max);
	EQUAL(c, &joe, created_ms);
	customer_unref(c);
}

static void expect_domain(struct world *w)
{
	static const char *const hosts[] = { "EXAMPLE.com", "sip.example.com", "anything" };
	char out[64];

	for (int i = 0; i < 3; i++) {
		assert_true(directory_domain(w->d, str_of(hosts[i]), true, out, sizeof(out)));
		assert_string_equal(out, "example.com");
	}
	assert_false(directory_domain(w->d, STR("anything"), false, out, sizeof(out)));
}

static void expect_account(struct world *w)
{
	struct account *a = directory_account(w->d, STR("alice"), STR("example.com"));

	assert_non_null(a);
	SAME(a, &alice, username);
	SAME(a, &alice, customer);
	assert_true(str_eq(a->ha1[CRYPTO_MD5], alice.ha1_md5));
	assert_true(str_eq(a->ha1[CRYPTO_SHA256], alice.ha1_sha256));
	assert_true(str_eq(a->ha1[CRYPTO_SHA512_256], alice.ha1_sha512_256));
	SAME(a, &alice, out_dialplan);
	SAME(a, &alice, in_dialplan);
	EQUAL(a, &alice, incoming_only);
	EQUAL(a, &alice, disabled);
	SAME(a, &alice, disabled_reason);
	SAME(a, &alice, network_id);
	SAME(a, &alice, ip_acl);
	EQUAL(a, &alice, nat_keepalive);
	EQUAL(a, &alice, dont_mangle);
	SAME(a, &alice, media);
	EQUAL(a, &alice, bindings_max);
	SAME(a, &alice, description);
	EQUAL(a, &alice, created_ms);
	account_unref(a);
}

static void expect_dialplan(struct world *w)
{
	struct dialplan *p = directory_dialplan(w->d, STR("joe"), STR("main"));

	assert_non_null(p);
	SAME(p, &plan, type);
	SAME(p, &plan, script);
	EQUAL(p, &plan, accept_non_invite);
	EQUAL(p, &plan, created_ms);
	EQUAL(p, &plan, updated_ms);
	dialplan_unref(p);
}

static void expect_provider(struct world *w)
{
	struct provider *p = directory_provider(w->d, STR("joe"), STR("gate"));

	assert_non_null(p);
	assert_true(str_eq(p->password, secret));
	SAME(p, &gate, username);
	SAME(p, &gate, auth_username);
	SAME(p, &gate, server);
	SAME(p, &gate, outbound_proxy);
	SAME(p, &gate, from);
	SAME(p, &gate, custom_headers);
	SAME(p, &gate, register_contact);
	SAME(p, &gate, register_server);
	SAME(p, &gate, register_realm);
	EQUAL(p, &gate, register_expiry_s);
	EQUAL(p, &gate, register_enabled);
	EQUAL(p, &gate, disabled);
	SAME(p, &gate, disabled_reason);
	EQUAL(p, &gate, created_ms);
	EQUAL(p, &gate, updated_ms);
	provider_unref(p);
}

void world_expect_all(struct world *w)
{
	expect_customer(w);
	expect_domain(w);
	expect_account(w);
	expect_dialplan(w);
	expect_provider(w);
}
