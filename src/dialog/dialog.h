/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dialogs (RFC 3261 section 12): identifiers, route set, targets, CSeq, and writing requests
 * within them. A struct dialog is embedded in what owns it (a call's leg); its strings live in an
 * arena of its own. No timers, no transactions, no policy.
 */
#ifndef DIALOG_DIALOG_H
#define DIALOG_DIALOG_H

#include "base/arena.h"
#include "base/hash.h"
#include "sip/print.h"
#include "transport/transport.h"

enum dialog_state { DIALOG_NONE, DIALOG_EARLY, DIALOG_CONFIRMED, DIALOG_ENDED };

struct dialog {
	struct arena arena;
	enum dialog_state state;
	bool uas; /* the peer sent the first request */
	bool secure;
	struct str call_id;
	struct str local_tag, remote_tag;
	struct str local; /* From/To value of our side without tag: "\"A\" <sip:a@b>" */
	struct str remote; /* the other side's, without tag */
	struct str remote_target; /* URI of the peer's Contact */
	struct str local_contact; /* whole value of our Contact */
	struct str
		routes; /* route set as a Route value: "<sip:p1;lr>, <sip:p2;lr>", may be empty */
	/* bytes that the three hold which a peer may change without end: they are reused */
	size_t tag_room, target_room, routes_room;
	uint32_t local_cseq; /* last sent */
	uint32_t remote_cseq; /* last received */
	bool remote_cseq_known;
	struct flow flow; /* the flow that requests to the peer take */
	struct hash_node node; /* in a dialog_table by local tag */
	void *owner;
};

/* UAS: from a request that is being answered with local_tag (12.1.1). */
MUST_USE enum err dialog_init_uas(struct dialog *d, const struct sip_msg *req,
	const struct flow *flow, struct str local_tag, struct str contact);
/* UAC: before the request goes out; completed by dialog_on_response (12.1.2). */
void dialog_init_uac(struct dialog *d, struct str call_id, struct str local_tag, struct str local,
	struct str remote, struct str contact, uint32_t cseq);
/* Takes remote tag, target and route set from a dialog-creating response. */
MUST_USE enum err dialog_on_response(
	struct dialog *d, const struct sip_msg *rsp, const struct flow *flow);
/* A copy for a further fork of the same request. */
void dialog_copy(struct dialog *to, const struct dialog *from);
void dialog_fini(struct dialog *d);

/* Target refresh (re-INVITE, UPDATE and their 2xx) and CSeq of an incoming request: 12.2.2.
 * ERR_RANGE: CSeq too low, answer 500. */
MUST_USE enum err dialog_on_request(
	struct dialog *d, const struct sip_msg *req, const struct flow *flow);
void dialog_refresh_target(struct dialog *d, const struct sip_msg *m);

/*
 * Writes the fields of a request within the dialog that every request has, into `rest` of a
 * tx_request: Max-Forwards, Route, From, To, Call-ID, CSeq (next number, or `cseq` when not 0: ACK
 * and CANCEL, PRACK use their own), Contact. The request URI goes to *uri (loose or strict routing:
 * 12.2.1.1), borrowed from the dialog's arena. The caller adds its own fields and the body.
 */
void dialog_print_request(
	struct dialog *d, struct buf *rest, struct str method, uint32_t cseq, struct str *uri);
/* The first hop of a request within the dialog: first Route or the remote target, for the
 * resolver; only needed when the flow is lost. */
MUST_USE enum err dialog_next_hop(const struct dialog *d, struct sip_uri *out);

/* ---- table of the dialogs of one worker ---- */
struct dialog_table {
	struct hash by_tag;
};
void dialog_table_init(struct dialog_table *t);
void dialog_table_fini(struct dialog_table *t);
void dialog_table_add(struct dialog_table *t, struct dialog *d); /* by local tag + Call-ID */
void dialog_table_del(struct dialog_table *t, struct dialog *d);
/* Match of a request within a dialog: Call-ID, To tag = local, From tag = remote. */
struct dialog *dialog_find(const struct dialog_table *t, const struct sip_msg *req);
struct dialog *dialog_find_ids(const struct dialog_table *t, struct str call_id,
	struct str local_tag, struct str remote_tag);

#endif
