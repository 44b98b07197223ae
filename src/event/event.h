/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: everything that happens and that an operator or a customer may want to know is one
 * struct event. Log, console, traces and counters are sinks of the bus. There is no other logging.
 *
 * event_emit may be called from any thread and never blocks: sinks that write run on the bus's
 * own thread behind a bounded queue; what does not fit is dropped and counted, and the count is
 * reported. Secrets never enter an event.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/lock.h"

enum event_level {
	EVENT_DEBUG,
	EVENT_INFO,
	EVENT_NOTICE,
	EVENT_WARNING,
	EVENT_ERROR,
	EVENT_LEVEL_NONE
};

/* category, what it covers; log levels are set per category: [log] level.sip = debug */
#define EVENT_CATEGORIES(X)                                                                        \
	X(SERVICE, "start, stop, configuration, processes")                                        \
	X(SIP, "messages, parse faults, transport")                                                \
	X(REGISTRAR, "phones registering")                                                         \
	X(PROVIDER, "our registrations at providers")                                              \
	X(CALL, "calls and their legs")                                                            \
	X(DIALPLAN, "scripts: log lines, errors, limits")                                          \
	X(STORE, "database")                                                                       \
	X(SECURITY, "failed authentication, refused requests")

enum event_category {
#define X(c, text) EVENT_CAT_##c,
	EVENT_CATEGORIES(X)
#undef X
		EVENT_CATEGORY_COUNT
};

/* kind, category, level, name as printed. Add a row to add a kind. */
#define EVENT_KINDS(X)                                                                             \
	X(SERVICE_START, SERVICE, NOTICE, "service.start")                                         \
	X(SERVICE_STOP, SERVICE, NOTICE, "service.stop")                                           \
	X(SERVICE_CONFIG, SERVICE, NOTICE, "service.config")                                       \
	X(SERVICE_KEYS, SERVICE, NOTICE, "service.keys")                                           \
	X(SERVICE_CERTIFICATES, SERVICE, NOTICE, "service.certificates")                           \
	X(NETWORK, SERVICE, NOTICE, "service.network")                                             \
	X(PROCESS_DIED, SERVICE, ERROR, "process.died")                                            \
	X(PROCESS_START, SERVICE, INFO, "process.start")                                           \
	X(EVENTS_LOST, SERVICE, WARNING, "events.lost")                                            \
	X(LISTEN, SERVICE, NOTICE, "sip.listen")                                                   \
	X(SIP_RECEIVED, SIP, DEBUG, "sip.received")                                                \
	X(SIP_SENT, SIP, DEBUG, "sip.sent")                                                        \
	X(SIP_MALFORMED, SIP, INFO, "sip.malformed")                                               \
	X(SIP_DROPPED, SIP, DEBUG, "sip.dropped")                                                  \
	X(OVERLOAD_BEGIN, SIP, WARNING, "overload.begin")                                          \
	X(OVERLOAD_END, SIP, NOTICE, "overload.end")                                               \
	X(OVERLOAD_FLOOD, SECURITY, WARNING, "overload.flood")                                     \
	X(SIP_SEND_FAILED, SIP, INFO, "sip.send-failed")                                           \
	X(SIP_FRAGMENTED, SIP, INFO, "sip.fragmented")                                             \
	X(CONNECTION_OPEN, SIP, DEBUG, "connection.open")                                          \
	X(CONNECTION_CLOSED, SIP, DEBUG, "connection.closed")                                      \
	X(CONNECTION_REFUSED, SIP, INFO, "connection.refused")                                     \
	X(CONNECTION_TLS, SIP, INFO, "connection.tls")                                             \
	X(DNS_RESOLVED, SIP, DEBUG, "dns.resolved")                                                \
	X(DNS_FAILED, SIP, WARNING, "dns.failed")                                                  \
	X(TARGET_DOWN, SIP, NOTICE, "target.down")                                                 \
	X(TARGET_UP, SIP, NOTICE, "target.up")                                                     \
	X(DNS_RECOVERED, SIP, NOTICE, "dns.recovered")                                             \
	X(REGISTERED, REGISTRAR, INFO, "register.bound")                                           \
	X(REFRESHED, REGISTRAR, DEBUG, "register.refreshed")                                       \
	X(UNREGISTERED, REGISTRAR, INFO, "register.removed")                                       \
	X(EXPIRED, REGISTRAR, INFO, "register.expired")                                            \
	X(REGISTER_REFUSED, REGISTRAR, INFO, "register.refused")                                   \
	X(REGISTER_NAT, REGISTRAR, INFO, "register.nat")                                           \
	X(PROVIDER_REGISTERED, PROVIDER, INFO, "provider.registered")                              \
	X(PROVIDER_REFRESHED, PROVIDER, DEBUG, "provider.refreshed")                               \
	X(PROVIDER_FAILED, PROVIDER, WARNING, "provider.failed")                                   \
	X(PROVIDER_CREDENTIALS, PROVIDER, WARNING, "provider.needs-credentials")                   \
	X(PROVIDER_HELD, PROVIDER, NOTICE, "provider.held")                                        \
	X(PROVIDER_LEFT, PROVIDER, INFO, "provider.left")                                          \
	X(NODE_DIED, SERVICE, WARNING, "node.died")                                                \
	X(NODE_LOST, SERVICE, WARNING, "node.lost")                                                \
	X(AUTH_CHALLENGED, SECURITY, DEBUG, "auth.challenged")                                     \
	X(AUTH_FAILED, SECURITY, NOTICE, "auth.failed")                                            \
	X(REQUEST_REFUSED, SECURITY, INFO, "request.refused")                                      \
	X(PROVIDER_MESSAGES, PROVIDER, INFO, "provider.messages")                                  \
	X(PROVIDER_MWI, PROVIDER, INFO, "provider.mwi")                                            \
	X(PROVIDER_PASSWORD, PROVIDER, WARNING, "provider.password")                               \
	X(CALL_START, CALL, INFO, "call.start")                                                    \
	X(CALL_STATE, CALL, DEBUG, "call.state")                                                   \
	X(CALL_LEG, CALL, INFO, "call.leg")                                                        \
	X(CALL_RINGING, CALL, INFO, "call.ringing")                                                \
	X(CALL_ANSWERED, CALL, INFO, "call.answered")                                              \
	X(CALL_REFUSED, CALL, INFO, "call.refused")                                                \
	X(CALL_ENDED, CALL, INFO, "call.ended")                                                    \
	X(CALL_NOTE, CALL, DEBUG, "call.note")                                                     \
	X(CALL_MEDIA, CALL, DEBUG, "call.media")                                                   \
	X(CALL_TROUBLE, CALL, NOTICE, "call.trouble")                                              \
	X(SCRIPT_START, DIALPLAN, DEBUG, "dialplan.start")                                         \
	X(SCRIPT_LOG, DIALPLAN, INFO, "dialplan.log")                                              \
	X(SCRIPT_COMMAND, DIALPLAN, DEBUG, "dialplan.command")                                     \
	X(SCRIPT_ERROR, DIALPLAN, WARNING, "dialplan.error")                                       \
	X(SCRIPT_KILLED, DIALPLAN, WARNING, "dialplan.killed")                                     \
	X(SCRIPT_END, DIALPLAN, DEBUG, "dialplan.end")                                             \
	X(SANDBOX, DIALPLAN, DEBUG, "dialplan.sandbox")                                            \
	X(STORE_TROUBLE, STORE, ERROR, "store.trouble")                                            \
	X(STORE_RECOVERED, STORE, NOTICE, "store.recovered")                                       \
	X(STORE_MIGRATED, STORE, NOTICE, "store.migrated")                                         \
	X(STORE_CHANGED, STORE, DEBUG, "store.changed")

enum event_kind {
#define X(k, cat, level, name) EV_##k,
	EVENT_KINDS(X)
#undef X
		EVENT_KIND_COUNT
};

enum {
	EVENT_FIELDS_MAX = 10,
	EVENT_BYTES_MAX = 4096, /* of all values together; longer ones are cut */
	EVENT_PRINT_MAX = 6 * EVENT_BYTES_MAX + 1024, /* always room for one printed event */
};

/* All slices are borrowed for the duration of event_emit. Empty ones are left out. */
struct event {
	enum event_kind kind;
	struct str call; /* our call id (one for all legs) */
	struct str account; /* user@domain */
	struct str customer; /* owner: who may see it */
	struct str text; /* a sentence for people */
	struct {
		const char *key; /* static */
		struct str value;
	} fields[EVENT_FIELDS_MAX];
	unsigned field_count;
};

static inline void event_field(struct event *e, const char *key, struct str value)
{
	if (value.n && e->field_count < EVENT_FIELDS_MAX) {
		e->fields[e->field_count].key = key;
		e->fields[e->field_count++].value = value;
	}
}

struct event_bus;

const char *event_kind_name(enum event_kind k);
enum event_level event_kind_level(enum event_kind k);
enum event_category event_kind_category(enum event_kind k);
const char *event_level_name(enum event_level l);
const char *event_category_name(enum event_category c);
const char *event_category_text(enum event_category c); /* what it covers */
/* By name, ignoring case; EVENT_LEVEL_NONE is called "none". ERR_NOT_FOUND. */
MUST_USE enum err event_level_parse(struct str s, enum event_level *out);
MUST_USE enum err event_category_parse(struct str s, enum event_category *out);

/* Cheap test before work is spent on building an event that nobody wants. bus may be NULL. */
bool event_wanted(const struct event_bus *bus, enum event_kind k);
void event_emit(struct event_bus *bus, const struct event *e);
/* Convenience: kind, call, account, printf text. */
void event_note(struct event_bus *bus, enum event_kind k, struct str call, struct str account,
	const char *fmt, ...) PRINTF(5, 6);

/*
 * Sinks. `take` runs on the bus's thread with a rendered copy; it may be slow but not for ever.
 * In tests a bus without thread calls sinks at once.
 */
struct event_record { /* what sinks get: everything copied */
	int64_t wall_ms;
	uint64_t seq;
	struct event event;
};

struct event_sink {
	struct event_sink *next;
	enum event_level min[EVENT_CATEGORY_COUNT]; /* per category; EVENT_LEVEL_NONE: nothing */
	void (*take)(struct event_sink *s, const struct event_record *r);
};

struct event_bus *event_bus_new(bool threaded, unsigned queue_max);
void event_bus_free(struct event_bus *bus); /* delivers what is queued */
void event_bus_add(struct event_bus *bus, struct event_sink *s);
void event_bus_remove(
	struct event_bus *bus, struct event_sink *s); /* when it returns, take is not running */
/* New levels for a sink that is in the bus. Not from within a sink's `take`, as all of these. */
void event_bus_set_levels(struct event_bus *bus, struct event_sink *s,
	const enum event_level min[EVENT_CATEGORY_COUNT]);
uint64_t event_bus_lost(struct event_bus *bus); /* since it was made */
void event_bus_report_locks(struct event_bus *bus, lock_report_fn *report, void *arg);
/* Tests: time stamps come from here instead of the system. */
void event_bus_set_clock(struct event_bus *bus, const struct clock *c);

/*
 * key=value line without line end: time, level, kind, then the fields. Values are quoted where
 * needed; control characters (C1 and direction overrides too) and bytes that are not UTF-8 are
 * escaped, so that a line is safe for a terminal whoever sent the value. What does not fit into
 * `b` is left out from the end, marked by "...".
 */
void event_print_line(struct buf *b, const struct event_record *r);
/* The escaping alone, without quotes: for whatever else prints values from outside. */
void event_print_safe(struct buf *b, struct str s);
/* One JSON object without line end. */
void event_print_json(struct buf *b, const struct event_record *r);

#endif
