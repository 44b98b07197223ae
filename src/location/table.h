/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table itself: shards, each with a lock and a hash of AORs; an AOR has a list of bindings,
 * one allocation each with all of its text. User agents, which thousands of phones share, are kept
 * once.
 */
#ifndef LOCATION_TABLE_H
#define LOCATION_TABLE_H

#include "base/hash.h"
#include "base/lock.h"
#include "location/expiry.h"
#include "location/location.h"

enum { SHARDS = 64 };

struct entry { /* one binding */
	struct entry *next;
	struct aor *aor;
	struct hash_node conn; /* in the shard's hash, while flow.conn is open */
	int64_t expires_ms, updated_ms;
	int64_t row; /* in the store */
	struct flow flow;
	struct agent *agent;
	uint32_t cseq;
	uint32_t reg_id;
	uint32_t expiry_at; /* place in the heap */
	bool lost; /* its connection is gone */
	uint16_t q1000;
	uint16_t contact_n, instance_n, call_id_n, path_n;
	char text[]; /* contact, instance, call_id, path */
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

struct shard {
	struct lock lock;
	struct hash aors;
	struct hash agents;
	struct hash conns; /* of entries, by their connection */
	struct expiry expiry;
	size_t bindings;
};

void shard_init(struct shard *s);
void shard_fini(struct shard *s);
struct aor *shard_find(struct shard *s, struct str aor);
/* Under the lock. Replaces the binding with the same contact; b's text is copied. */
void shard_put(struct shard *s, struct str aor, const struct binding *b);
void shard_remove(struct shard *s, struct str aor, struct str contact);
int64_t aor_row_of(const struct aor *a, struct str contact); /* 0: no such binding */
/* Removes what expired by now_ms, at most `max`; tells of each before it goes. */
unsigned shard_sweep(struct shard *s, int64_t now_ms, unsigned max,
	void (*gone)(struct str aor, const struct binding *b, void *arg), void *arg);
/* Marks what came over that connection as lost. */
void shard_conn_closed(struct shard *s, uint64_t conn);
void shard_each(struct shard *s, void (*visit)(struct aor *a, void *arg), void *arg);
void entry_view(const struct entry *e, struct binding *out);
struct str aor_text(const struct aor *a);

#endif
