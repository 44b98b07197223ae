/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our Contact in the dialogs of a call. It carries a token, a MAC over the dialog's Call-ID and our
 * tag: who sends to it was told it, and where it comes back without, something on the way rewrites
 * what it does not understand (a router's "SIP ALG").
 */
#include "call/model.h"

#include "base/crypto.h"
#include "nat/own.h"

enum { TOKEN_BYTES = 8, TOKEN_CHARS = 2 * TOKEN_BYTES };

#define PARAM STR(";tandem=")

struct crypto_block *contact_key(const uint8_t *key)
{
	uint8_t mac[32];
	struct crypto_block *block;

	crypto_hmac_sha256(key, STR("contact of a call"), mac);
	block = crypto_block_new(mac);
	crypto_wipe(mac, sizeof(mac));
	return block;
}

static struct str token(
	const struct call_layer *l, struct str call_id, struct str tag, char out[TOKEN_CHARS + 1])
{
	uint64_t words[2] = { hash_stable(call_id), hash_stable(tag) };
	uint8_t in[CRYPTO_BLOCK], mac[CRYPTO_BLOCK];

	_Static_assert(sizeof(words) == sizeof(in), "one block");
	memcpy(in, words, sizeof(in));
	crypto_block_mac(l->contact_key, in, mac);
	str_hex(mac, TOKEN_BYTES, out);
	return str_make(out, TOKEN_CHARS);
}

/* "<sip:user@192.0.2.1:5060;transport=tcp;tandem=…>" */
void contact_print(struct buf *b, const struct call_layer *l, struct str user,
	const struct flow *flow, bool secure, struct str call_id, struct str tag)
{
	char mem[TOKEN_CHARS + 1];

	buf_add(b, secure ? STR("<sips:") : STR("<sip:"));
	if (!str_empty(user)) {
		buf_add(b, user);
		buf_char(b, '@');
	}
	nat_print_own(b, flow, &l->cfg.public_address);
	if (flow->proto != TP_UDP && !secure) {
		buf_lit(b, ";transport=");
		buf_add(b, tp_proto_name(flow->proto));
	}
	buf_add(b, PARAM);
	buf_add(b, token(l, call_id, tag, mem));
	buf_char(b, '>');
}

/* The URI that a request within the dialog names: is it the Contact that we gave? */
enum whose { OURS, REWRITTEN, FORGED };

static enum whose check(const struct leg *l, const struct sip_uri *uri)
{
	struct str ours = l->d.local_contact, given = sip_uri_param(uri, STR("tandem"));
	char mem[TOKEN_CHARS + 1];
	struct str good = token(l->call->layer, l->d.call_id, l->d.local_tag, mem);

	if (str_find_str(ours, PARAM) == ours.n) /* of a version before this one */
		return OURS;
	if (given.p && !(given.n == good.n && crypto_equal(given.p, good.p, good.n)))
		return FORGED;
	return given.p && str_find_str(ours, uri->host) < ours.n ? OURS : REWRITTEN;
}

bool contact_check(struct leg *l, const struct sip_msg *req, const struct flow *flow)
{
	enum whose is = check(l, &req->uri);
	bool moved = !addr_ip_eq(&flow->remote, &l->d.flow.remote);
	char from[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(from);

	if (is == OURS)
		return true;
	addr_print(&b, &flow->remote);
	if (is == FORGED || moved) {
		call_event(l->call, EV_CALL_NOTE,
			"%.*s from %.*s was refused: it comes neither from the %s's address nor "
			"with the Contact that we gave",
			STR_ARG(req->method_name), STR_ARG(buf_str(&b)),
			l->b_side ? "callee" : "caller");
		return false;
	}
	if (!l->contact_rewritten)
		call_event(l->call, EV_CALL_NOTE,
			"our Contact came back from the %s as %.*s: something on the way rewrites "
			"SIP, perhaps a router's \"SIP ALG\", which is best switched off",
			l->b_side ? "callee" : "caller", STR_ARG(str_first(req->request_uri, 200)));
	l->contact_rewritten = true;
	return true;
}
