/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The objects of a call, for the files of this folder only.
 *
 *   call ── a, b: leg            the two sides; b only once somebody answered
 *     ├─ relays: relay           requests within the dialogs that are under way
 *     └─ setup                   all that is needed until the call is answered and acknowledged
 *          └─ runs: run          who decides: a script, or the built-in route
 *               └─ dial          one Dial: groups of attempts
 *                    └─ attempt  one INVITE out (early dialogs: leg), or a run of the callee's plan
 *
 * A callee's own dialplan is a run whose parent is the attempt that reached it: so a call through
 * several plans is one call with one A-leg, and whoever answers at the end is bridged directly.
 *
 * Everything in `setup` lives in its arena. Legs, relays and calls are on the heap and freed at the
 * end of the turn, never within a callback.
 */
#ifndef CALL_MODEL_H
#define CALL_MODEL_H

#include <jansson.h>

#include "base/arena.h"
#include "base/hash.h"
#include "call/call.h"
#include "dialplan/dialstring.h"
#include "dialplan/failure.h"
#include "directory/directory.h"
#include "event/event.h"
#include "loop/worker.h"
#include "nat/path.h"
#include "store/repo.h"

enum {
	CALL_T1_MS = 500,
	CALL_T2_MS = 4000,
	CALL_ACK_WAIT_MS = 64 * CALL_T1_MS,
	CALL_RUN_DEPTH_MAX = 8, /* dialplans that lead to each other */
	CALL_REDIRECTS_MAX = 5, /* followed within one Dial */
	CALL_FORKS_MAX = 16, /* early dialogs of one attempt */
	CALL_RELAYS_MAX = 16, /* requests under way within one call */
	CALL_FORECASTS_MAX = 50, /* sys.MediaPath of one execution */
	CALL_RING_MAX_S = 180,
	CALL_CSEQ_HEADROOM = 1000, /* what a restart adds to the stored CSeq */
};

struct call_layer {
	struct call_env env;
	struct call_config cfg;
	char *user_agent;
	struct dialog_table dialogs; /* owner: struct leg */
	struct hash by_id;
	struct list calls;
	size_t count;
	char *enum_roots;
	struct list numbers; /* ENUM look-ups under way: number.c */
	struct crypto_block *contact_key; /* contact.c */
};

enum call_state {
	CALL_ROUTING, /* nothing but 100 was sent to the caller */
	CALL_RINGING, /* 18x was sent */
	CALL_ANSWERED, /* 2xx was sent */
	CALL_ENDED, /* final; requests under way are finished, then it is freed */
};

/* What the CDR says about the call so far; slices live in the call's arena. */
struct call_record {
	struct str direction, a_call_id, b_call_id, from, to, request_uri, destination;
	struct str provider, dialplan, a_remote, b_remote;
	int64_t started_ms, ringing_ms, answered_ms, ended_ms;
	uint32_t status;
	struct str reason, ended_by, end_reason;
	uint32_t legs;
};

struct call {
	struct call_layer *layer;
	struct list link;
	struct hash_node node; /* by id */
	struct deferred deferred;
	struct arena arena;
	struct str id;
	enum call_state state;
	enum sip_method method; /* INVITE or MESSAGE */
	bool from_provider; /* record.provider is where it came from */
	bool counted; /* in the customer's limit */
	bool freeing;
	struct str customer, account;
	struct leg *a, *b;
	struct setup *setup; /* NULL later, and in restored calls */
	struct list relays;
	struct timer limit; /* duration of the answered call */
	struct timer again; /* again.c */
	unsigned again_s; /* dr= of the leg that was answered; 0: no */
	int64_t limit_ms; /* wall clock, 0: none */
	struct call_record record;
};

/* What is known of a side for the addresses in its SDP: media.c. */
struct media_peer {
	struct addr seen; /* behind a proxy: where that saw it; else unset, the flow tells */
	enum nat_policy policy;
	enum nat_kind kind;
	bool provider;
	bool leave; /* ma=false */
	char *network; /* id of its account's network; NULL: none */
	struct nat_outcome said; /* of its SDP, as the other side got it last */
	enum nat_path path; /* last told, of the callee's leg */
	bool path_told;
	struct relay_ports *ports; /* of the callee: the media relay's; NULL: none takes part */
};

/* One side of a call. */
struct leg {
	struct list link; /* in attempt->legs while early */
	struct call *call;
	struct attempt *attempt; /* NULL: A-leg, or answered */
	struct dialog d;
	bool b_side;
	bool ended; /* BYE came or went */
	bool bye_after_ack; /* hang up once the ACK is there: RFC 3261 15 */
	struct provider *provider; /* answers its challenges within the dialog: credentials.c */
	struct addr home; /* the provider's address: where its INVITE went, or came from */
	char *realm; /* that the provider asked for; NULL: it did not */
	struct relay *invite; /* INVITE under way, in either direction */
	uint32_t rseq; /* last reliable provisional seen */
	int64_t stored_row; /* 0: none yet */
	uint32_t stored_cseq; /* what the store knows */
	uint64_t stored_target;
	struct { /* RFC 4028 */
		unsigned interval_s;
		bool negotiated; /* by both; else we only look whether the peer is alive */
		bool ours; /* we refresh */
		struct timer timer;
	} session;
	bool allows_update;
	bool contact_rewritten; /* that was told */
	struct str aor; /* of the phone; empty: it is none, or not known */
	bool outside; /* the peer is no phone of ours: it says itself where it is reached */
	char *sdp; /* last body sent there; kept only where refreshing needs it */
	size_t sdp_n;
	struct media_peer media;
	char transfer; /* tr= of the Dial that led to it: 'n', 'p', 'c', or 0 */
	unsigned answers_again; /* its 2xx came again: it has not heard our ACK */
};

/* What a run, and the legs that it dials, know about who calls. */
struct caller {
	struct sip_msg *req; /* the A-leg's request, borrowed from the setup */
	struct str uri; /* request URI as this run sees it */
	struct str user;
	struct str from_display, from_uri, from_user, from_host;
	struct str type, body;
};

struct setup {
	struct arena arena;
	struct call *call;
	struct sip_msg *req; /* a reference; NULL: the call was set up and no script runs */
	struct tx_server *tx;
	struct list runs;
	struct leg *early; /* whose session description the caller has */
	struct attempt *winner;
	unsigned max_forwards; /* for the next hop */
	bool rel, rel_required; /* the caller knows 100rel */
	bool acked;
	struct { /* a reliable provisional answer to the caller, RFC 3262 */
		uint32_t rseq;
		bool waiting;
		struct leg *leg; /* whom the PRACK is for; NULL: nobody */
		uint32_t peer_rseq, peer_cseq;
		struct timer timer;
		unsigned wait_ms, waited_ms;
	} prack;
};

struct run {
	struct list link;
	struct call *call;
	struct attempt *parent; /* NULL: the caller's own */
	unsigned depth;
	struct caller caller;
	const char *direction; /* "out", "in", "redirect" */
	struct str customer;
	struct account *account;
	struct dialplan *plan; /* NULL: built-in route */
	uint64_t script;
	bool running;
	bool over; /* its result was used */
	uint32_t command;
	bool command_open; /* a dial that is not answered yet */
	struct dial *dial;
	unsigned legs; /* dialled so far */
	unsigned forecasts; /* sys.MediaPath */
	unsigned status;
	struct str reason;
	struct wizard_state *wizard; /* wizard_run.c */
	bool redirected; /* rm=n was used */
	struct str redirect_uri;
};

enum dial_result { DIAL_FAILED, DIAL_TIMED_OUT, DIAL_ERROR, DIAL_REDIRECT };

struct dial {
	struct run *run;
	struct list attempts;
	unsigned group, groups;
	unsigned limit_s, ring_s;
	bool starting; /* attempts are being started: no conclusions yet */
	bool over;
	bool refused; /* one of its legs makes the whole of it an error */
	struct timer ring;
	struct { /* sys.SetFromHeader and relatives */
		struct str from_name, from_user, from_host;
		struct str *headers; /* "Name: value" */
		unsigned header_count;
		bool content;
		struct str type, body;
	} custom;
	unsigned redirects;
	unsigned status;
	struct str reason;
	struct str redirect_uri;
	enum dial_failure failure; /* the most that is known */
	json_t *dialled;
};

enum attempt_kind { ATTEMPT_BINDING, ATTEMPT_PROVIDER, ATTEMPT_DIRECT, ATTEMPT_LOOPBACK };
enum attempt_state { ATTEMPT_WAITING, ATTEMPT_TRYING, ATTEMPT_FAILED, ATTEMPT_ANSWERED };

struct attempt {
	struct list link;
	struct dial *dial;
	struct call *call;
	enum attempt_kind kind;
	enum attempt_state state;
	const struct dial_leg *leg; /* options */
	unsigned group, delay_s;
	bool delayed; /* its timer runs */
	struct timer delay;
	struct str uri, to, route;
	struct str path; /* bindings: whole Route value; empty: none */
	struct str hop; /* where it goes first; empty: route, or uri */
	struct flow flow; /* bindings */
	struct str instance; /* whose phone that is, if it says so */
	bool spare; /* another flow of a phone that is called already: if that one fails */
	struct account *account; /* bindings, loopback: who is called; a reference */
	struct provider *provider; /* a reference */
	bool trusted; /* the server that they are for: credentials may be used */
	struct str from; /* value without tag */
	struct str contact_user, contact;
	struct str call_id, tag;
	uint32_t cseq;
	unsigned session_s;
	bool session_retried;
	struct uac *uac;
	bool uac_done;
	struct str body; /* of the INVITE, for where it goes */
	struct addr body_for;
	bool asking; /* the media relay; the request waits for that */
	struct relay_ports *ports; /* in the setup's arena; NULL: none takes part */
	struct nat_outcome said; /* of the caller's SDP in it */
	struct uac *old_uac; /* refused with 422 */
	struct list legs; /* early dialogs */
	unsigned forks;
	struct relay *relay; /* once answered */
	struct run *child;
	bool rang;
};

/* A request within a dialog on its way to the other side, or one of our own (from == NULL). */
struct relay {
	struct list link;
	struct call *call;
	struct deferred deferred;
	struct leg *from, *to;
	struct tx_server *in;
	struct uac *out;
	bool ended, out_done, borrowed; /* borrowed: `out` belongs to the attempt */
	bool rerouted; /* was sent again by resolving, its flow being gone */
	struct sip_msg *req; /* NULL: ours */
	enum sip_method method;
	struct str name;
	uint32_t cseq, in_cseq;
	struct str rack, reason; /* rack: PRACK; reason: our BYE */
	bool with_sdp; /* our re-INVITE */
	struct arena arena;
	void (*done)(struct relay *r, unsigned status, struct sip_msg *rsp); /* ours */
	bool late_offer;
	bool answered; /* INVITE: 2xx went to `from` */
	bool in_acked, out_acked;
	struct str ack_type, ack_body;
	struct str body; /* of the request, as `to` gets it */
	struct timer timer; /* repeats the 2xx, then lets late 2xx be acknowledged */
	unsigned wait_ms, waited_ms;
};

/* For sends whose failure somebody else hears of: the transaction, or a timer. */
static inline void best_effort(enum err e)
{
	(void)e;
}

/* ---- call.c ---- */
struct call *call_new(struct call_layer *l, struct str id, struct str customer, struct str account);
void call_forget_if_done(struct call *c);
void call_abandon(struct call *c);
void call_set_state(struct call *c, enum call_state s);
PRINTF(3, 4) void call_event(struct call *c, enum event_kind k, const char *fmt, ...);
struct call *call_find(struct call_layer *l, struct str id);
/* The answered call is over: `why` for the CDR and events. Both dialogs get BYE but those that
 * ended. */
void call_end(struct call *c, const char *by, struct str why, struct str reason_value);
/* Final failure to the caller; ends the call. */
void call_reject(struct call *c, unsigned status, struct str reason, const struct sip_extra *extra,
	unsigned extra_count);
/* reason: the Reason value that the caller gave; may be empty. */
void call_cancelled(struct call *c, struct str reason);
void call_accept_message(struct call *c);
void call_answered(struct call *c, struct attempt *at, struct leg *b, struct sip_msg *rsp);
void call_arm_limit(struct call *c, int64_t now_ms);
struct worker *call_worker(const struct call *c);
struct tx_layer *call_tx(const struct call *c);
struct str call_flow_text(struct arena *a, const struct flow *f, bool remote);

/* ---- origin.c: which provider a request comes from; references, or NULL ---- */
struct provider *origin_by_token(struct call_layer *l, struct sip_msg *req);
struct provider *origin_by_name(struct call_layer *l, const struct sip_uri *uri);
struct provider *origin_by_address(
	struct call_layer *l, const struct sip_uri *uri, const struct addr *from);
struct account *origin_account(
	struct call_layer *l, const struct provider *p, const struct sip_uri *called);

void origin_print(struct buf *b, struct str uri); /* without the token */

/* ---- setup.c ---- */
struct setup *setup_new(struct call *c, struct sip_msg *req, struct tx_server *tx);
/* Everything but the winner is cancelled, scripts are ended. */
void setup_stop(struct setup *s, struct str reason, bool answered);
void setup_free(struct setup *s);
void setup_free_if_done(struct setup *s);
extern const struct tx_server_handlers setup_tx_handlers;

/* ---- caller.c ---- */
void caller_of_request(struct caller *c, struct sip_msg *req, struct arena *a);
json_t *caller_json(const struct caller *c, const struct flow *flow);
/* What stands for ${dst} and the others. */
void caller_substitutions(const struct caller *c, struct dial_substitutions *sub, struct arena *a);
struct str caller_substitute(const struct caller *c, struct str text, struct arena *a);
/* json_string of anything: bytes that are not UTF-8 become '?'. */
json_t *call_json(struct str s);

/* ---- run.c ---- */
/* A run whose script is still running; NULL: it, or its call, is over. */
struct run *run_find(struct call_layer *l, struct str call, uint64_t script);
struct run *run_new(struct call *c, struct attempt *parent, const struct caller *caller);
void run_start(struct run *r);
/* It failed for good: the caller, or the leg that led here, gets status and reason. */
void run_failed(struct run *r, unsigned status, struct str reason);
void run_dial_done(struct run *r, struct dial *d, enum dial_result result);
void run_abort(struct run *r, bool answered);
void run_redirect(struct run *r, struct str uri);

/* ---- script.c ---- */
void script_on_command(void *arg, uint64_t run, uint32_t command, const char *name, json_t *args);
void script_answer(struct run *r, uint32_t command, json_t *result);
void script_stop_command(struct run *r, uint32_t command);

/* ---- number.c: sys.ENUMLookup ---- */
void number_command(struct run *r, uint32_t command, struct str text);
void numbers_end(struct call_layer *l);

/* ---- storage.c: a script's key-value pairs ---- */
bool storage_command(struct run *r, uint32_t command, const char *name, json_t *args);

/* ---- dial.c ---- */
struct dial *dial_new(struct run *r);
/* Legs of a parsed dial string become attempts; then the first group starts. */
void dial_start(struct dial *d, const struct dial_plan *plan);
void dial_attempt_failed(
	struct attempt *at, unsigned status, struct str reason, struct sip_msg *rsp);
void dial_cancel(struct dial *d, struct str reason, const struct attempt *but);
void dial_check(struct dial *d);
/* Attempts that joined the present group are started. */
void dial_resume(struct dial *d);
/* Starts the first group; with nobody to call, the dial fails at once. */
void dial_begin(struct dial *d);

/* ---- target.c: what a destination means ---- */
void target_add(struct dial *d, const struct dial_leg *leg);
bool target_is_local(struct call_layer *l, struct str host, char *domain, size_t max);
void target_add_account(struct dial *d, const struct dial_leg *leg, struct account *acc);
void target_redirect(struct attempt *at, struct str contact);
struct provider *target_provider(const struct attempt *at);
struct account *target_account(
	struct call_layer *l, struct str uri, struct str user, struct str domain);
/* The same phone has another flow: its attempt waits no longer. */
bool target_next_flow(struct attempt *failed);

/* ---- contact.c ---- */
struct crypto_block *contact_key(const uint8_t *key);
/* Our Contact on a flow, for the dialog with these names. secure: its URI is sips (RFC 5630 3.1).
 */
void contact_print(struct buf *b, const struct call_layer *l, struct str user,
	const struct flow *flow, bool secure, struct str call_id, struct str tag);
/* False: a request within the dialog that is not from its peer. */
bool contact_check(struct leg *l, const struct sip_msg *req, const struct flow *flow);

/* ---- attempt.c ---- */
struct attempt *attempt_new(
	struct dial *d, const struct dial_leg *leg, enum attempt_kind kind, struct str uri);
void attempt_start(struct attempt *at);
void attempt_send(struct attempt *at); /* what waited for the media relay */
/* It is at `contact` (a Contact value); rsp NULL: its dialplan says so. */
void attempt_redirected(struct attempt *at, unsigned status, struct str reason, struct str contact,
	struct sip_msg *rsp);
void attempt_cancel(struct attempt *at, struct str reason);
void attempt_release(struct attempt *at);

/* ---- from.c: From, To, Contact and custom headers of a leg (facts 4.5) ---- */
void from_prepare(struct attempt *at);
void from_print_custom(struct buf *b, const struct attempt *at);
struct str from_custom(const struct attempt *at, const char *name);
/* "Name: value"; false for what is no header field, or one that only we write. */
bool from_split(struct str line, struct str *name, struct str *value);
bool from_is_fixed(struct str name);

/* ---- fields.c: which header fields pass through ---- */
void fields_print_request(struct buf *b, const struct sip_msg *from);
unsigned fields_of_response(const struct sip_msg *from, struct sip_extra *out, unsigned max);
struct str fields_type(const struct sip_msg *m);
#define CALL_ALLOW STR("INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, NOTIFY")

/* ---- progress.c: provisional answers, 100rel ---- */
/* It failed: the caller may hear the early media of another one. */
void progress_forget(struct attempt *at);
void progress_on_response(struct attempt *at, struct leg *leg, struct sip_msg *rsp);
void progress_from_script(struct call *c, unsigned status, struct str reason);
void progress_on_prack(struct leg *a, struct sip_msg *req, const struct flow *flow);

/* ---- leg.c ---- */
struct leg *leg_new(struct call *c, bool b_side);
void leg_free(struct leg *l);
struct leg *leg_peer(const struct leg *l);
struct flow leg_way(const struct leg *l); /* of requests to it */
void leg_bye(struct leg *l, struct str reason);
enum err leg_send_ack(
	struct leg *l, uint32_t cseq, struct str authorization, struct str type, struct str body);

/* ---- credentials.c: whom we tell who we are ---- */
/* The provider's, or those that the dial string has. */
bool credentials_of_attempt(const struct attempt *at, struct digest_credentials *out);
/* Whether what the INVITE was authorized with may go where the dialog is now. */
bool credentials_may_go(const struct leg *l, const struct flow *flow);
/* For a request within the dialog; *realm: the only one to answer, empty: any. */
bool credentials_of_leg(const struct leg *l, const struct flow *flow, const struct sip_uri *hop,
	struct digest_credentials *out, struct str *realm);
void credentials_take_over(struct leg *l, const struct attempt *at);
void credentials_of_caller(struct leg *l, struct provider *p, const struct flow *flow);
/* What a restart must know, as members of a row's JSON. */
void credentials_print(const struct leg *l, json_t *row);
void credentials_restore(struct leg *l, const json_t *row);

/* ---- again.c: dr= ---- */
void again_init(struct call *c);
void again_arm(struct call *c);

/* ---- relay.c ---- */
struct relay *relay_new(struct leg *from, struct leg *to, enum sip_method m, struct str name);
enum err relay_send(struct relay *r);
void relay_end(struct relay *r);
void relay_fail(struct relay *r, unsigned status); /* answers, then ends it */
/* Takes over the answered first INVITE. */
void relay_adopt(struct call *c, struct attempt *at, struct sip_msg *rsp);
void relay_wait_ack(struct relay *r);
void relay_on_ack(struct relay *r, struct sip_msg *ack);
void relay_on_2xx_again(struct relay *r);
struct relay *relay_find_invite(struct leg *from, uint32_t cseq);
void relay_own(struct leg *to, enum sip_method m, struct str reason, bool with_sdp,
	void (*done)(struct relay *r, unsigned status, struct sip_msg *rsp));

/* ---- bridge.c: requests within the dialogs ---- */
struct relay *bridge_accept(
	struct leg *from, struct leg *to, struct sip_msg *req, const struct flow *flow);
void bridge_on_request(struct leg *l, struct sip_msg *req, const struct flow *flow);
void bridge_reply(struct call *c, struct sip_msg *req, const struct flow *flow, unsigned status,
	struct str reason);

/* ---- media.c: addresses in SDP, of every offer and answer ---- */
/* acc: the caller's own, NULL for calls from outside; p: the provider that it comes from, or NULL
 */
void media_of_caller(
	struct leg *a, const struct account *acc, const struct provider *p, struct sip_msg *req);
/* What the callee's leg takes over from the attempt that reached it. */
void media_take_over(struct leg *l, const struct attempt *at);
bool media_leaves(const struct attempt *at); /* ma=false, here or on the way here */
/* The body of the attempt's request towards `flow`; in the setup's arena. */
struct str media_offer(struct attempt *at, const struct flow *flow);
/* The body of a message from one leg as the other gets it: its own, or in memory to be freed. */
struct media_body {
	struct str text;
	char *mem;
};
struct media_body media_pass(struct leg *from, struct leg *to, const struct sip_msg *m);
void media_body_free(struct media_body *b);
/* The first 2xx: what the caller's SDP became for who answered. */
void media_answered(struct call *c, struct attempt *at);
/* What a restart must know. */
void media_print(const struct leg *l, json_t *row);
void media_restore(struct leg *l, const json_t *row);
struct nat_side media_side_of(const struct leg *l);
struct nat_media media_between(
	const struct call *c, const struct nat_side *from, const struct nat_side *to, bool leave);
/* by_words: what Via or Contact show; rendezvous may know better. */
enum nat_kind media_kind(const struct call *c, const struct addr *observed, enum nat_kind by_words);
struct nat_end media_end_of(const struct leg *l);
/* Offer and answer are known: says so where no way for media is in sight. */
void media_judge(struct call *c);

/* ---- forecast.c: sys.MediaPath ---- */
json_t *forecast_media(struct run *r, const struct dial_plan *plan);
/* Whether the way to a phone looks as bad as that, or worse; *m: its two sides, `why`: a clause. */
bool forecast_attempt(
	const struct attempt *at, enum nat_path worst, struct nat_media *m, struct buf *why);

/* ---- relayed.c: calls whose media goes through an external relay ---- */
bool relayed_ask(struct attempt *at); /* true: attempt_send() is called later */
void relayed_drop(struct attempt *at); /* it is over; its ports too unless it was answered */
void relayed_take_over(struct leg *l, const struct attempt *at);
void relayed_end(const struct leg *l); /* the answered call is over */
void relayed_between(const struct leg *from, const struct leg *to, struct nat_media *m);
void relayed_print(const struct leg *l, json_t *media);
void relayed_restore(struct leg *l, const json_t *media);

/* ---- diagnosis.c: what goes wrong, in words ---- */
void diagnosis_of_peer(struct leg *l, const struct sip_msg *m, const struct flow *flow);
void diagnosis_no_ack(struct leg *l);
void diagnosis_of_end(struct call *c, const char *by, int64_t seconds);
void diagnosis_unreachable(struct leg *l, enum err why, bool gone);

/* ---- session.c: RFC 4028 ---- */
bool session_accepts(struct call_layer *l, struct sip_msg *req, const struct flow *flow);
/* What the answer to the A-leg's INVITE or UPDATE says; starts the timer. */
unsigned session_answer(
	struct leg *l, const struct sip_msg *req, struct sip_extra *out, char *text, size_t max);
void session_print_offer(struct buf *b, const struct leg *l);
void session_keep_sdp(struct leg *l, struct str type, struct str body);
void session_on_answer(struct leg *l, const struct sip_msg *rsp);
void session_start(struct leg *l);
void session_stop(struct leg *l);
void session_fire(struct timer *t);

/* ---- cdr.c ---- */
void cdr_put(struct call *c);

/* ---- restore.c ---- */
void restore_put(struct call *c);
void restore_put_if_changed(struct call *c, struct leg *l);
void restore_remove(struct call *c);

/* ---- limits.c ---- */
bool call_limits_take(struct call_limits *l, struct str customer, unsigned max);
void call_limits_give(struct call_limits *l, struct str customer);

#endif
