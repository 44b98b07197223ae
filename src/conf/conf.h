/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration: one INI file, one table of options (conf/table.c), one struct. `tandem check`,
 * tandem.conf(5) and the defaults all come from the table; an option without a row does not exist.
 *
 * A file is read whole or refused: every fault is reported as "FILE:LINE: what is wrong and what
 * would be right", one a line. Values are checked here as far as that needs nothing but the text
 * (numbers in range, addresses, patterns); names and paths are not looked up.
 *
 * Relative paths are relative to data_dir, and data_dir to the directory of the file. struct conf
 * holds them absolute. Nothing changes after conf_load; any thread may read it.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/arena.h"
#include "base/buf.h"
#include "event/event.h"

enum {
	CONF_LISTEN_MAX = 32,
	CONF_UA_RULES_MAX = 32,
	CONF_CERTIFICATES_MAX = 64,
	CONF_ALGORITHMS_MAX = 3,
	CONF_BYTES_MAX = 256 * 1024, /* of a file */
	CONF_ERRORS_MAX = 16 * 1024, /* a good size for `errors` */
};

struct conf_ua_rule { /* "expires=SECONDS contacts=first|all PATTERN" */
	struct str pattern; /* extended regular expression, ignoring case */
	unsigned expires_max_s; /* 0: as for everybody */
	bool contact_lists;
};

struct conf_certificate { /* PEM files */
	struct str chain;
	struct str key; /* empty: it stands in the same file */
};

struct conf {
	struct arena arena;
	struct str file; /* absolute path of what was read */
	struct str text; /* its contents, as read */

	/* [sip] */
	struct str listen[CONF_LISTEN_MAX]; /* "udp:127.0.0.1:5060" */
	unsigned listen_count;
	unsigned workers; /* 0: one a processor */
	struct str server;
	unsigned t1_ms, t2_ms, t4_ms;
	unsigned overload_delay_ms; /* 0: never */
	unsigned connections_max, connections_per_ip_max, message_bytes_max;
	unsigned connection_idle_s, connection_message_s, connect_s, connection_dead_s,
		connection_queue_bytes;
	struct str dns_servers, dns_probe, enum_roots;
	unsigned dns_timeout_ms, dns_tries;

	/* [tls] */
	struct conf_certificate certificates[CONF_CERTIFICATES_MAX];
	unsigned certificate_count;
	struct str tls_clients, tls_client_ca, tls_verify, tls_ca;
	unsigned tls_handshake_s, tls_handshakes_per_ip;

	/* [stun] */
	struct str stun_rendezvous;

	/* [registrar] */
	unsigned expires_min_s, expires_max_s, bindings_max, keepalive_s;
	struct conf_ua_rule ua[CONF_UA_RULES_MAX];
	unsigned ua_count;

	/* [provider] */
	unsigned registers_per_second, registers_per_host;

	/* [auth] */
	struct str algorithms[CONF_ALGORITHMS_MAX]; /* "SHA-256" …, in the order offered */
	unsigned algorithm_count;
	unsigned nonce_s, nonces_max;

	/* [call] */
	unsigned ring_s, calls_max, calls_total_max, duration_max_s;
	unsigned session_expires_s, session_min_s;

	/* [nat] */
	struct str public_address;
	struct str media_relay, media_relay_when;

	/* [store] */
	struct str store_url; /* "sqlite:/absolute/path" */
	unsigned store_queue_max, store_retry_ms;

	/* [dialplan] */
	struct conf_dialplan {
		unsigned sandboxes_max, spare, runs_max, runs_per_customer_max;
		unsigned run_s, run_max_s, memory_mb, cpu_s, log_lines_max, idle_s;
		unsigned queue_max, queue_s, grace_ms;
		struct str common; /* path; empty: none */
	} dialplan;

	/* [log] */
	bool log_journal;
	enum event_level log_level_all, log_levels[EVENT_CATEGORY_COUNT];
	unsigned log_memory, log_queue;

	/* [service] */
	struct str user, dialplan_user;
	struct str node; /* empty: the host's name */
	struct str data_dir, key_file, control; /* absolute */
};

/*
 * Reads and checks a file. ERR_IO: it cannot be read; ERR_SYNTAX: something in it is wrong; both
 * say so in `errors`, and *out is NULL then.
 */
MUST_USE enum err conf_load(const char *path, struct conf **out, struct buf *errors);
/* The same for text that was read from `path` (absolute) before. */
MUST_USE enum err conf_parse(
	struct str text, struct str path, struct conf **out, struct buf *errors);
void conf_free(struct conf *c);

/* ---- the table ---- */
enum { CONF_OPTIONS_MAX = 96 };

enum conf_type {
	CONF_NUMBER, /* unsigned, min … max */
	CONF_TEXT, /* one line */
	CONF_PATH, /* made absolute */
	CONF_STORE_URL, /* "sqlite:PATH" */
	CONF_LISTEN, /* repeatable; several in a line are separated by blanks */
	CONF_UA_RULE, /* repeatable */
	CONF_CERTIFICATE, /* repeatable */
	CONF_ALGORITHMS, /* list of digest algorithms */
	CONF_LOG_TO, /* "stderr" or "journald" */
	CONF_LEVEL, /* of events; "level.CATEGORY" that is not set is what "level" is */
};

struct conf_option {
	const char *section, *key;
	enum conf_type type;
	size_t offset; /* in struct conf */
	const char *initial; /* as one would write it; NULL: none */
	unsigned min, max; /* CONF_NUMBER */
	bool reload; /* SIGHUP takes a new value over; else it needs a restart */
	const char *help; /* a sentence */
};

extern const struct conf_option conf_options[];
extern const unsigned conf_option_count;

/* Both were loaded: calls `visit` with every option whose value differs. */
void conf_compare(const struct conf *a, const struct conf *b,
	void (*visit)(const struct conf_option *o, void *arg), void *arg);

#endif
