/* SPDX-License-Identifier: BSD-3-Clause */
/* One registration at a provider, and the agent around it: the inside of src/provider. */
#ifndef PROVIDER_REGISTRATION_H
#define PROVIDER_REGISTRATION_H

#include "base/hash.h"
#include "event/event.h"
#include "provider/agent.h"

enum provider_state {
	PROVIDER_WAITING,
	PROVIDER_TRYING,
	PROVIDER_REGISTERED,
	PROVIDER_BACKING_OFF,
	PROVIDER_NEEDS_CREDENTIALS,
	PROVIDER_HELD,
	PROVIDER_LEAVING,
	PROVIDER_STATE_COUNT,
};

enum {
	PROVIDER_KEY_MAX = 256, /* "customer/name" */
	PROVIDER_REASON_MAX = 512,
	PROVIDER_PROBE_MS = 3600000,
	REGISTRATION_SOON_MS = 2000, /* within it, spread: the reason to wait may be over */
	PROVIDER_URI_MAX = 1024,
	PROVIDER_TURNS_MAX = 4, /* requests that an answer leads to at once, in one try */
	PROVIDER_EXPIRY_MAX_S = 86400,
};

/* Why the last try failed: what decides how long to wait, and what may end the waiting early. */
enum provider_cause {
	CAUSE_NONE,
	CAUSE_NO_NAME, /* the name does not exist, says who must know */
	CAUSE_NO_DNS, /* nobody could be asked */
	CAUSE_NETWORK, /* nothing could be sent */
	CAUSE_SILENCE, /* nothing came back */
	CAUSE_REFUSED, /* an answer that says no */
};

/* ---- the rates (pace.c) ---- */
struct provider_pace { /* one registrar's, counted by its registrations */
	struct hash_node node;
	unsigned refs;
	uint64_t free_us; /* when the next may go */
	uint16_t n;
	char host[];
};

struct provider_home { /* outlives the agent while writes of it are on their way */
	struct provider_agent *agent; /* NULL: it is gone */
	unsigned refs;
};

struct provider_agent {
	struct provider_env env;
	struct provider_home *home;
	struct turn_hook look; /* do we still have the lease? */
	uint64_t lease;
	struct provider_config cfg;
	struct hash registrations; /* by customer/name */
	struct hash paces; /* by host */
	uint64_t free_us;
	uint64_t heard_ms; /* monotonic; when any provider answered last */
	bool cut_off; /* a try failed, and nobody answered from its beginning on */
	unsigned states[PROVIDER_STATE_COUNT]; /* of the settled */
	uint64_t requests, successes;
	struct hash mwis; /* mwi.c: by Call-ID */
	uint64_t mwi_free_us; /* when the next may begin */
	uint64_t notify_free_ms; /* unsolicited NOTIFYs are taken at this pace */
	struct list probes; /* probe.c */
	unsigned probe_count;
};

struct provider_ids { /* of a request outside of dialogs */
	char call_id[33], tag[17];
};

struct registration {
	struct hash_node node;
	struct provider_agent *agent;
	struct provider *provider; /* the settings in use; a reference */
	int64_t fence; /* the number of our lease on the row */
	struct provider *next; /* those to go on with, when what is out has ended; or NULL */
	bool gone; /* there is no provider any more: take it back, then end */
	enum provider_state state, settled; /* settled: the last one but trying */
	struct timer timer;
	struct uac *uac; /* a REGISTER is out */
	bool slot; /* its turn by the rates is when the timer fires */
	struct provider_pace *pace;

	uint64_t began_ms; /* monotonic; this try */
	uint64_t expires_ms; /* monotonic; 0: not registered */
	uint32_t asked_s; /* expiry that is asked for */
	int64_t since_ms, next_ms; /* for people */
	char *reason;
	enum provider_cause cause;
	unsigned failures; /* in a row */
	unsigned rejections; /* of fresh nonces, in a row */
	unsigned turns; /* answers in this try that led to another request at once */
	uint64_t unknown_since_ms; /* monotonic; the name has not existed since; 0: it does */

	struct provider_ids ids;
	char token[DIRECTORY_TOKEN_CHARS + 1];
	uint32_t cseq; /* of the last request */
	char *redirect; /* a 3xx's contact, for this try */
	char *contact; /* what was sent, without < and > */
	char *registrar; /* who answered last */
	char *challenge; /* answered last */
	unsigned challenge_status;
	uint32_t nc;

	bool storing, store_again; /* stored.c */
	struct mwi *mwi; /* NULL: no subscription */
};

static inline struct worker *registration_worker(const struct registration *r)
{
	return r->agent->env.uac.worker;
}

static inline uint64_t registration_now(const struct registration *r)
{
	return registration_worker(r)->clock.mono_ms;
}

struct str provider_state_name(enum provider_state s);

/* ---- agent.c ---- */
/* "customer/name" in lower case, as names ignore case. */
struct str provider_key(struct str customer, struct str name, char mem[PROVIDER_KEY_MAX]);
struct registration *provider_agent_find(
	const struct provider_agent *a, struct str customer, struct str name);

/* ---- registration.c ---- */
void registration_enter(struct registration *r, enum provider_state s);
void registration_arm(struct registration *r, uint64_t ms);
void registration_set_reason(struct registration *r, const char *text); /* "": none */
bool registration_is_registered(const struct registration *r);
void registration_try(struct registration *r); /* a request goes out */
/* What is out has ended: stored, and what waited for that. It may be freed. */
void registration_settle(struct registration *r);
struct registration *registration_new(struct provider_agent *a, struct provider *p);
void registration_free(struct registration *r); /* and out of the agent's table */
void registration_begin(struct registration *r); /* a new one, or one with new settings */
/* Other settings; NULL: it is to be taken back. */
void registration_configure(struct registration *r, struct provider *p);

/* ---- outcome.c ---- */
extern const struct uac_handlers registration_handlers;
/* Ends a try; wait_ms 0: later each time. The text says why. It may be freed. */
void registration_fail(struct registration *r, enum provider_cause cause, enum provider_state state,
	uint64_t wait_ms, const char *fmt, ...) PRINTF(5, 6);
void registration_wake(struct registration *r); /* the reason to wait may be over */
void registrations_wake(struct provider_agent *a); /* all of them */
void registration_retry(struct registration *r); /* whatever the reason was, unless held */

void registration_say(struct registration *r, enum event_kind kind, const char *text);

/* ---- request.c ---- */
struct str provider_registrar(const struct provider *p); /* URI as configured */
struct provider_where { /* of requests that concern the account */
	char uri[PROVIDER_URI_MAX], next_hop[PROVIDER_URI_MAX];
	size_t uri_n, next_hop_n;
	struct str domain; /* of From and To */
};
/* ERR_SYNTAX: what is configured is no SIP URI. */
MUST_USE enum err provider_where(const struct provider *p, struct provider_where *out);
void provider_credentials(const struct provider *p, struct digest_credentials *out);
void provider_new_tag(const struct provider_env *env, struct provider_ids *ids);
void provider_new_call_id(const struct provider_env *env, struct provider_ids *ids);
/* All but what the method has of its own, which stands between them. */
void provider_print_head(struct buf *b, const struct provider *p, const struct provider_ids *ids,
	uint32_t cseq, enum sip_method method);
void provider_print_tail(struct buf *b, const struct provider *p, struct str user_agent);
/* The URI of our Contact there. */
void provider_print_contact(const struct provider_agent *a, struct buf *b, const struct provider *p,
	const char *token, const struct flow *flow);
/* Writes the header fields, for the uac's handlers. */
void registration_print(
	void *arg, struct uac *u, struct buf *b, uint32_t cseq, const struct flow *flow);
/* ERR_SYNTAX: what is configured is no SIP URI. */
MUST_USE enum err registration_send(struct registration *r, const struct uac_handlers *h);

/* ---- answer.c ---- */
/* Seconds that a 200 grants to our contact; 0: none. `how` says where it was read. */
uint32_t registration_granted(
	const struct registration *r, const struct sip_msg *rsp, const char **how);

/* ---- mwi.c: the subscription to messages waiting ---- */
/* After a change: begins one, leaves it alone, or takes it back. */
void mwi_look(struct registration *r);
void mwi_drop(struct registration *r); /* it goes without a word */
void mwi_leave(struct registration *r); /* it is taken back */
void mwi_drop_all(struct provider_agent *a);

/* ---- probe.c ---- */
void provider_probes_end(struct provider_agent *a);

/* ---- pace.c ---- */
struct provider_pace *provider_pace_get(struct provider_agent *a, struct str host);
void provider_pace_put(struct provider_agent *a, struct provider_pace *p); /* NULL is fine */
/* Takes the next turn; returns how long it is away, in ms. */
uint64_t provider_pace_take(struct provider_agent *a, struct provider_pace *p, bool refresh);

/* ---- stored.c ---- */
/* A new one takes up where the row says. */
void registration_go_on(struct registration *r, const struct store_provider_binding *row);
void registration_store(struct registration *r);
void registration_forget_row(struct registration *r);
void registration_drop_row(struct provider_agent *a, const struct store_provider_binding *row);
void provider_home_leave(struct provider_home *h);
/* Which settings a row was made with. */
void registration_settings(const struct provider *p, struct buf *b);

#endif
