/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table itself: shards, each with a lock and a hash of AORs; an AOR has a list of bindings,
 * one allocation each with all of its text. What thousands of phones share is kept once and
 * counted: user agents, and our ends of the flows.
 */
#ifndef LOCATION_TABLE_H
#define LOCATION_TABLE_H

#include "base/hash.h"
#include "base/list.h"
#include "base/lock.h"
#include "location/expiry.h"
#include "location/location.h"

struct entry { /* one binding; in front of it a struct conn_link or keep_link, if it has one */
	struct entry *next;
	struct aor *aor;
	struct agent *agent;
	struct end *end;
	int64_t expires_ms, updated_ms;
	int64_t row; /* in the store */
	uint32_t cseq;
	uint32_t reg_id;
	uint32_t expiry_at; /* place in the heap */
	uint16_t q1000;
	uint16_t contact_n, instance_n, call_id_n, path_n;
	uint8_t remote_n;
	bool connected; /* it came over a connection */
	bool lost; /* which is gone */
	bool kept; /* datagrams keep its way through a NAT open */
	uint8_t keepalive_s; /* how often; 0: not */
	char text[]; /* contact, instance, call_id, path; the first remote_n bytes of its address */
};

struct conn_link { /* in the shard's hash, while the connection is open */
	struct hash_node node;
	uint64_t conn;
};

struct keep_link { /* in the slot of the shard's wheel of the second when the next goes out */
	struct list link;
};

struct aor {
	struct hash_node node;
	struct entry *entries;
	uint16_t n;
	char text[];
};

struct agent { /* a User-Agent text, counted */
	struct hash_node node;
	unsigned refs;
	uint16_t n;
	char text[];
};

struct end { /* our end of a flow, counted */
	struct hash_node node;
	unsigned refs;
	enum tp_proto proto;
	uint16_t listener;
	struct addr local;
};

struct shard {
	struct lock lock;
	struct hash aors;
	struct hash agents;
	struct hash ends;
	struct hash conns; /* of struct conn_link */
	struct list keep[KEEPALIVE_MAX_S + 1]; /* of struct keep_link, by second */
	uint64_t keep_at; /* the second that is looked at, less keep_offset */
	uint64_t keep_offset; /* seconds when nobody looked */
	unsigned kept;
	struct expiry expiry;
	size_t bindings;
	int64_t last_row; /* the greatest of any binding that is or was here */
};

void shard_init(struct shard *s);
void shard_fini(struct shard *s);
/*
 * All of these under the lock. h: hash_istr(aor), whose upper bits chose the shard. An AOR without
 * bindings is removed by shard_tidy.
 */
struct aor *shard_find(struct shard *s, struct str aor, uint64_t h); /* NULL: none */
struct aor *shard_get(struct shard *s, struct str aor, uint64_t h); /* makes it */
void shard_tidy(struct shard *s, struct aor *a);
/* Replaces the binding with the same key; b's text is copied. */
void aor_put(struct shard *s, struct aor *a, const struct binding *b);
void aor_remove(struct shard *s, struct aor *a, const struct binding_key *key);
int64_t aor_row_of(const struct aor *a, const struct binding_key *key); /* 0: no such binding */
/* Removes what expired by now_ms, at most `max`; tells of each before it goes. */
unsigned shard_sweep(struct shard *s, int64_t now_ms, unsigned max,
	void (*gone)(struct str aor, const struct binding *b, void *arg), void *arg);
/* Marks what came over that connection as lost. */
void shard_conn_closed(struct shard *s, uint64_t conn);
/*
 * The flows to which a keep-alive is due at or before that second, and their next turn is set; at
 * most `max`: if it is as many, there may be more.
 */
unsigned shard_keep(struct shard *s, uint64_t second, struct flow *out, unsigned max);
void shard_each(struct shard *s, void (*visit)(struct aor *a, void *arg), void *arg);
void entry_view(const struct entry *e, struct binding *out);
struct str aor_text(const struct aor *a);

#endif
