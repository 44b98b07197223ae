/* SPDX-License-Identifier: BSD-3-Clause */
/* The one table of options. test/lint/options.sh holds man/tandem.conf.5 against it. */
#include "conf/conf.h"

#define AT(field) offsetof(struct conf, field)
#define NUMBER(section, key, field, initial, min, max, help)                                       \
	{                                                                                          \
		section, key, CONF_NUMBER, AT(field), initial, min, max, false, help               \
	}
#define LEVEL(name, category)                                                                      \
	{                                                                                          \
		"log", "level." name, CONF_LEVEL, AT(log_levels[category]), NULL, 0, 0, true,      \
			"Lowest level of this category that is logged."                            \
	}

const struct conf_option conf_options[] = {
	{ "sip", "listen", CONF_LISTEN, 0, "udp:*:5060 tcp:*:5060", 0, 0, false,
		"Address to listen on, as udp:ADDRESS:PORT, tcp: or tls:; may be repeated." },
	NUMBER("sip", "workers", workers, "0", 0, 64,
		"Threads that handle SIP; 0 means one a processor."),
	{ "sip", "server", CONF_TEXT, AT(server), "Tandem", 0, 0, false,
		"What the Server and User-Agent header fields say." },
	NUMBER("sip", "t1_ms", t1_ms, "500", 10, 10000,
		"Round trip time estimate T1 of RFC 3261, milliseconds."),
	NUMBER("sip", "t2_ms", t2_ms, "4000", 10, 60000,
		"Longest interval between retransmissions, T2, milliseconds."),
	NUMBER("sip", "t4_ms", t4_ms, "5000", 10, 60000,
		"How long a message may stay in the network, T4, milliseconds."),
	NUMBER("sip", "overload_delay_ms", overload_delay_ms, "20", 0, 10000,
		"Messages that wait longer mean overload: new calls are refused; 0 means never."),
	NUMBER("sip", "connections_max", connections_max, "10000", 1, 1000000,
		"Connections a worker holds open."),
	NUMBER("sip", "connections_per_ip_max", connections_per_ip_max, "1000", 1, 1000000,
		"Connections held open with one address, by all workers together."),
	NUMBER("sip", "message_bytes_max", message_bytes_max, "65535", 1300, 65535,
		"Longest message that is accepted."),
	NUMBER("sip", "connection_idle_s", connection_idle_s, "3900", 10, 86400,
		"A connection without a word for so long is closed."),
	NUMBER("sip", "connection_message_s", connection_message_s, "10", 1, 600,
		"A message that was begun on a connection must be complete after this."),
	NUMBER("sip", "connect_s", connect_s, "10", 1, 120,
		"How long opening a connection may take."),
	NUMBER("sip", "connection_dead_s", connection_dead_s, "60", 0, 3600,
		"A connection whose other end acknowledges nothing for so long is closed."),
	NUMBER("sip", "connection_queue_bytes", connection_queue_bytes, "1048576", 65536, 67108864,
		"How much may wait to be sent on one connection before it is closed."),
	{ "sip", "dns_servers", CONF_TEXT, AT(dns_servers), "", 0, 0, false,
		"Name servers as ADDRESS:PORT, separated by commas; empty means the system's." },
	{ "sip", "dns_probe", CONF_TEXT, AT(dns_probe), ".", 0, 0, false,
		"A name that must exist: a server that does not know it is not believed when it "
		"says "
		"that others do not." },
	{ "sip", "enum_roots", CONF_TEXT, AT(enum_roots), "e164.arpa e164.org", 0, 0, false,
		"Where sys.ENUMLookup looks for telephone numbers, in this order." },
	NUMBER("sip", "dns_timeout_ms", dns_timeout_ms, "4000", 100, 60000,
		"How long looking up a name may take."),
	NUMBER("sip", "dns_tries", dns_tries, "2", 1, 10, "How often a name server is asked."),

	{ "tls", "certificate", CONF_CERTIFICATE, 0, NULL, 0, 0, true,
		"Files with a certificate, those that lead to who signed it, and its key, in PEM; "
		"may be repeated: the name that a phone asks for chooses, else it is the first." },
	{ "tls", "clients", CONF_TEXT, AT(tls_clients), "no", 0, 0, true,
		"Whether phones must have a certificate of their own: no, ask or require." },
	{ "tls", "client_ca", CONF_PATH, AT(tls_client_ca), NULL, 0, 0, true,
		"Certificates in PEM of those who sign phones' certificates." },
	{ "tls", "verify", CONF_TEXT, AT(tls_verify), "yes", 0, 0, true,
		"Whether providers must prove who they are: yes, wildcards (names like "
		"*.example.com count) or no." },
	{ "tls", "ca", CONF_PATH, AT(tls_ca), NULL, 0, 0, true,
		"Certificates in PEM of those who sign providers' certificates; else the "
		"system's." },
	NUMBER("tls", "handshake_s", tls_handshake_s, "10", 1, 120,
		"How long a TLS handshake may take."),
	NUMBER("tls", "handshakes_per_ip", tls_handshakes_per_ip, "100", 0, 100000,
		"TLS handshakes that an address may begin in a second, with each worker; 0: any "
		"number."),

	{ "stun", "rendezvous", CONF_TEXT, AT(stun_rendezvous), "asked", 0, 0, false,
		"Whether phones are given tokens to tell where their media sockets are: always, "
		"asked (those that list \"rendezvous\" in Supported) or no." },

	NUMBER("registrar", "expires_min_s", expires_min_s, "120", 1, 86400,
		"Shortest registration; shorter wishes are answered 423."),
	NUMBER("registrar", "expires_max_s", expires_max_s, "3600", 1, 604800,
		"Longest registration; longer wishes are cut."),
	NUMBER("registrar", "bindings_max", bindings_max, "10", 1, 64,
		"Phones that one account may register, unless the account says otherwise."),
	NUMBER("registrar", "keepalive_s", keepalive_s, "25", 0, 120,
		"How often a datagram keeps the NAT of a phone open that registered by UDP; less "
		"where the NAT is seen to need it. 0: never."),
	{ "registrar", "user_agent", CONF_UA_RULE, 0, NULL, 0, 0, false,
		"Rule for phones whose User-Agent matches; may be repeated, the first match "
		"wins." },

	NUMBER("provider", "registers_per_second", registers_per_second, "200", 1, 100000,
		"Registrations at providers that are begun or refreshed in a second."),
	NUMBER("provider", "registers_per_host", registers_per_host, "50", 1, 100000,
		"The same, at one provider's server."),

	{ "auth", "algorithms", CONF_ALGORITHMS, 0, "MD5", 0, 0, false,
		"Digest algorithms that are offered, in this order." },
	NUMBER("auth", "nonce_s", nonce_s, "300", 10, 86400, "How long a nonce is good for."),
	NUMBER("auth", "nonces_max", nonces_max, "65536", 64, 10000000,
		"Nonces whose use a worker remembers, against replays."),

	NUMBER("call", "ring_s", ring_s, "180", 5, 3600, "How long a Dial rings by default."),
	NUMBER("call", "calls_max", calls_max, "20", 1, 1000000,
		"Concurrent calls of a customer without a limit of its own."),
	NUMBER("call", "calls_total_max", calls_total_max, "20000", 1, 1000000,
		"Concurrent calls of one worker."),
	NUMBER("call", "duration_max_s", duration_max_s, "0", 0, 604800,
		"An answered call is ended after this; 0 means never."),
	NUMBER("call", "session_expires_s", session_expires_s, "1800", 90, 86400,
		"Session timer (RFC 4028): a call whose ends are gone lives no longer than this."),
	NUMBER("call", "session_min_s", session_min_s, "90", 90, 86400,
		"Shortest session timer that is accepted."),

	{ "nat", "public_address", CONF_TEXT, AT(public_address), "", 0, 0, false,
		"Address of our own network as the outside sees it, for our Contact and for SDP." },
	{ "nat", "media_relay", CONF_TEXT, AT(media_relay), "", 0, 0, false,
		"ADDRESS:PORT of an rtpengine's ng protocol (UDP): the media of calls between "
		"phones that has no way otherwise goes through it. Empty: there is none." },
	{ "nat", "media_relay_when", CONF_TEXT, AT(media_relay_when), "none", 0, 0, false,
		"How bad the way for media must look before the relay is asked: none or "
		"doubtful." },

	{ "store", "url", CONF_STORE_URL, AT(store_url), "sqlite:tandem.db", 0, 0, false,
		"The database." },
	NUMBER("store", "queue_max", store_queue_max, "100000", 100, 10000000,
		"Writes that may wait while the database is away."),
	NUMBER("store", "retry_ms", store_retry_ms, "1000", 10, 60000,
		"Time between attempts while the database is away."),

	NUMBER("dialplan", "sandboxes_max", dialplan.sandboxes_max, "128", 1, 10000,
		"Sandboxes that may exist at once, idle ones included."),
	NUMBER("dialplan", "spare", dialplan.spare, "4", 0, 1000,
		"Fresh sandboxes that are kept ready for a customer's first call."),
	NUMBER("dialplan", "runs_max", dialplan.runs_max, "500", 1, 1000000,
		"Runs after which a sandbox is replaced."),
	NUMBER("dialplan", "runs_per_customer_max", dialplan.runs_per_customer_max, "20", 1, 10000,
		"Scripts of one customer that may run at once, unless the customer has a limit."),
	NUMBER("dialplan", "run_s", dialplan.run_s, "10", 1, 3600,
		"How long a script may run; Dial adds its ring time."),
	NUMBER("dialplan", "run_max_s", dialplan.run_max_s, "300", 1, 86400,
		"How long a script may run in all."),
	NUMBER("dialplan", "memory_mb", dialplan.memory_mb, "128", 32, 65536,
		"Memory that a sandbox may use."),
	NUMBER("dialplan", "cpu_s", dialplan.cpu_s, "5", 1, 3600,
		"Processor time that one run may use."),
	NUMBER("dialplan", "log_lines_max", dialplan.log_lines_max, "1000", 1, 100000,
		"Lines that one run may log."),
	NUMBER("dialplan", "idle_s", dialplan.idle_s, "120", 1, 86400,
		"A sandbox without work for so long is ended."),
	NUMBER("dialplan", "queue_max", dialplan.queue_max, "200", 1, 100000,
		"Runs that may wait for a sandbox."),
	NUMBER("dialplan", "queue_s", dialplan.queue_s, "5", 1, 60,
		"How long a run may wait for a sandbox."),
	NUMBER("dialplan", "grace_ms", dialplan.grace_ms, "2000", 100, 60000,
		"Time for the ensure blocks of a script that is told to end."),
	{ "dialplan", "common", CONF_PATH, AT(dialplan.common), NULL, 0, 0, false,
		"A Ruby file that stands in front of every Ruby dialplan." },

	{ "log", "to", CONF_LOG_TO, AT(log_journal), "stderr", 0, 0, false,
		"Where the log goes: stderr or journald." },
	{ "log", "level", CONF_LEVEL, AT(log_level_all), "info", 0, 0, true,
		"Lowest level that is logged: debug, info, notice, warning, error or none." },
	LEVEL("service", EVENT_CAT_SERVICE),
	LEVEL("sip", EVENT_CAT_SIP),
	LEVEL("registrar", EVENT_CAT_REGISTRAR),
	LEVEL("provider", EVENT_CAT_PROVIDER),
	LEVEL("call", EVENT_CAT_CALL),
	LEVEL("dialplan", EVENT_CAT_DIALPLAN),
	LEVEL("store", EVENT_CAT_STORE),
	LEVEL("security", EVENT_CAT_SECURITY),
	NUMBER("log", "memory", log_memory, "5000", 10, 1000000,
		"Events that are remembered for `tandem log`."),
	NUMBER("log", "queue", log_queue, "20000", 100, 10000000,
		"Events that may wait to be written; what comes on top is counted and lost."),

	{ "service", "user", CONF_TEXT, AT(user), "tandem", 0, 0, false,
		"User that the service runs as when it is started by root." },
	{ "service", "dialplan_user", CONF_TEXT, AT(dialplan_user), "tandem-sandbox", 0, 0, false,
		"User that dialplans run as when the service is started by root." },
	{ "service", "data_dir", CONF_PATH, AT(data_dir), "/var/lib/tandem", 0, 0, false,
		"Directory of the database, the key and the control socket." },
	{ "service", "key_file", CONF_PATH, AT(key_file), "tandem.key", 0, 0, false,
		"The key that seals secrets in the database; made at the first start." },
	{ "service", "node", CONF_TEXT, AT(node), "", 0, 0, false,
		"What this node is called among those on the same database; empty: as its host." },
	{ "service", "control", CONF_PATH, AT(control), "control.sock", 0, 0, false,
		"Socket on which the running service takes commands." },
};

_Static_assert(sizeof(conf_options) / sizeof(conf_options[0]) <= CONF_OPTIONS_MAX, "raise it");

const unsigned conf_option_count = sizeof(conf_options) / sizeof(conf_options[0]);
