/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The location table: which bindings each address of record has. Shared by all workers (striped
 * locks), journaled to the store: a change is acknowledged (done) once it is stored. Look-ups read
 * memory. Expired bindings vanish from look-ups at once and from memory and store by sweeps.
 */
#ifndef LOCATION_LOCATION_H
#define LOCATION_LOCATION_H

#include "base/lock.h"
#include "store/store.h"
#include "transport/transport.h"

enum {
	LOCATION_BINDINGS_MAX = 64, /* hard limit per AOR */
	LOCATION_SHARDS = 64,
	KEEPALIVE_MAX_S = 127,
};

struct location;

struct binding { /* slices borrow: from the caller when put, from the visit when listed */
	struct str contact; /* URI */
	struct str instance;
	uint32_t reg_id;
	struct str call_id;
	uint32_t cseq;
	uint32_t q1000;
	int64_t expires_ms; /* wall clock */
	int64_t updated_ms;
	struct str user_agent, path;
	struct flow flow; /* that the REGISTER arrived on */
	uint8_t keepalive_s; /* a datagram goes there so often, to keep a NAT open; 0: none; not
				stored */
	int64_t row; /* read only: its row in the store */
	bool lost; /* read only: the connection that it arrived on is gone */
};

/*
 * Which binding of an AOR: that of this instance and reg-id (RFC 5626 section 6), or, where one of
 * the two has no reg-id, that of this contact, byte by byte (RFC 3261 19.1.4 is the registrar's).
 */
struct binding_key {
	struct str contact, instance;
	uint32_t reg_id; /* 0: none */
};

static inline struct binding_key binding_key(const struct binding *b)
{
	return (struct binding_key){ b->contact, b->instance, b->instance.n ? b->reg_id : 0 };
}

static inline bool binding_key_eq(const struct binding_key *a, const struct binding_key *b)
{
	return a->reg_id && b->reg_id ? a->reg_id == b->reg_id && str_eq(a->instance, b->instance)
				      : str_eq(a->contact, b->contact);
}

/* s: NULL for a table that is only loaded and read. */
MUST_USE enum err location_new(
	struct store *s, struct event_bus *events, unsigned workers, struct location **out);
void location_free(struct location *l);
/* At start: all stored bindings. now_ms: those expired are left out. */
MUST_USE enum err location_load(
	struct location *l, struct store_db *db, int64_t now_ms, size_t *count);

/* The bindings of an AOR, not expired nor lost, best q first and newest first among equals. Returns
 * the number of visits. The table is locked during the visits: no calls back into it. */
unsigned location_each(struct location *l, struct str aor, int64_t now_ms,
	void (*visit)(const struct binding *b, void *arg), void *arg);

/*
 * All-or-nothing change of one AOR. `change` runs under the AOR's lock with the present bindings
 * (lost ones too) and says what they shall be: it fills out->put (insert or replace) and
 * out->remove, or refuses by returning an error (nothing changes then).
 * done(arg, err) is called later on `w`, never within this call: ERR_OK when stored;
 * ERR_DB… when the store is away (memory has the change, it will be stored when it is back);
 * the error of `change` itself is returned at once and done does not come.
 */
struct location_change { /* the counts are zero at first; what is beyond them is not looked at */
	struct binding put[LOCATION_BINDINGS_MAX];
	unsigned put_count;
	struct binding_key remove[LOCATION_BINDINGS_MAX];
	unsigned remove_count;
};
typedef enum err location_change_fn(
	void *arg, const struct binding *present, unsigned count, struct location_change *out);
typedef void location_done(void *arg, enum err e);
MUST_USE enum err location_update(struct location *l, struct worker *w, struct str aor,
	location_change_fn *change, void *change_arg, location_done *done, void *done_arg);

/* Where the phone with that contact is reached now; false: it is not registered, or lost. */
bool location_flow(
	struct location *l, struct str aor, struct str contact, int64_t now_ms, struct flow *out);

/* Has it bindings of lost connections? Those that location_each leaves out. */
bool location_lost(struct location *l, struct str aor, int64_t now_ms);

/* Every binding of every AOR, for commands; locks one stripe at a time. */
void location_list(struct location *l, int64_t now_ms,
	void (*visit)(struct str aor, const struct binding *b, void *arg), void *arg);
/* Removes what has expired; emits EV_EXPIRED for each; bounded work per call, returns how many. */
unsigned location_sweep(struct location *l, int64_t now_ms);
/*
 * The flows of one shard (0 … LOCATION_SHARDS - 1) to which a keep-alive is due at or before that
 * second of a monotonic clock; their next turns are set. At most `max`: if it is as many, there may
 * be more.
 */
unsigned location_keepalive(
	struct location *l, unsigned shard, uint64_t second, struct flow *out, unsigned max);
/* Those that are kept so, for people. */
size_t location_kept(struct location *l);
/* After location_load: how often, as what is loaded does not tell. Bindings by UDP only. */
void location_keepalive_all(struct location *l,
	uint8_t (*seconds)(struct str aor, const struct binding *b, void *arg), void *arg);
/* A connection is gone: its bindings stay until they expire, but are not reachable. Any thread. */
void location_conn_closed(struct location *l, uint64_t conn);
size_t location_count(struct location *l);
void location_report_locks(struct location *l, lock_report_fn *report, void *arg);

#endif
