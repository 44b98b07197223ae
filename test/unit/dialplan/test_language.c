/* SPDX-License-Identifier: BSD-3-Clause */
/* sys and req: every function that there is, by what scripts log and what commands arrive. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

const char *dp_executable;

static int open_all(void **state)
{
	struct dp *d = calloc(1, sizeof(*d));

	dp_open(d, NULL);
	*state = d;
	return 0;
}

static int close_all(void **state)
{
	dp_close(*state);
	free(*state);
	return 0;
}

/* Each line of the script is logged. */
static void says(struct dp *d, const char *expression, const char *expected)
{
	char script[2048], line[1024];

	snprintf(script, sizeof(script), "sys.Log((%s).inspect)", expression);
	snprintf(line, sizeof(line), "%s\n", expected);
	if (strcmp(line, dp_logged(d, script)) != 0)
		fail_msg("%s\nis %s", expression, d->log);
}

struct expected {
	const char *name, *args; /* JSON of the command that must come */
	const char *result; /* JSON to answer with */
};

static json_t *expect(struct dp_run *r, uint32_t command, const char *name, json_t *args)
{
	const struct expected *e = r->arg;
	char *text = json_dumps(args, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *result = json_loads(e->result, JSON_DECODE_ANY, NULL);

	assert_string_equal(e->name, name);
	assert_string_equal(e->args, text);
	free(text);
	return dp_result(result);
}

/* One command; what the expression becomes. */
static void commands(struct dp *d, const char *script, const char *name, const char *args,
	const char *result, const char *expected)
{
	struct expected e = { name, args, result };
	struct dp_run r = { .answer = expect, .arg = &e };
	char text[2048], line[1024];

	snprintf(text, sizeof(text), "sys.Log((%s).inspect)", script);
	snprintf(line, sizeof(line), "%s\n", expected);
	d->log_n = 0;
	d->log[0] = 0;
	dp_run(d, &r, "carol", text);
	if (r.end != DIALPLAN_END_DONE)
		fail_msg("%s\nline %u: %s", script, r.line, r.message);
	if (strcmp(line, d->log) != 0)
		fail_msg("%s\nis %s", script, d->log);
	assert_int_equal(1, r.commands);
}

static void properties(void **state)
{
	struct dp *d = *state;

	says(d, "[sys.Out, sys.In, sys.Redirect]", "[true, false, false]");
	says(d, "[sys.out, sys.in]", "[true, false]");
	says(d, "[sys.Username, sys.username, sys.DialPlanName, sys.dial_plan_name]",
		"[\"carol\", \"carol\", \"demo\", \"demo\"]");
	says(d, "[sys.FromSIPAccount.SIPUsername, sys.FromSIPAccount.SIPDomain]",
		"[\"alice\", \"example.org\"]");
	says(d, "sys.Trace = false; sys.Trace", "false");
	says(d,
		"[sys.LastFailureReason, sys.LastFailureMessage, sys.LastFailureStatus, "
		"sys.LastDialled]",
		"[nil, nil, None, []]");
	says(d, "sys.WhoAmI", "\"tandem-dialplan\"");
	says(d, "sys.RedirectURI", "nil");
	says(d, "def f = sys.Username; class A; def g = req.URI.User; end; [f, A.new.g]",
		"[\"carol\", \"300\"]");
}

#define DIAL(more)                                                                                 \
	"{\"content\":null,\"from\":null,\"headers\":[],\"limit\":0,\"ring\":0,\"string\":\"a@"    \
	"b\"" more "}"

static void dial_forms(void **state)
{
	struct dp *d = *state;
	const char *out = "{\"result\":\"TimedOut\"}";

	commands(d, "sys.Dial('a@b')", "dial", DIAL(""), out, "TimedOut");
	commands(d, "sys.dial 'a@b'", "dial", DIAL(""), out, "TimedOut");
	commands(d, "args = ['a@b', 20, 60]; sys.Dial(*args)", "dial",
		"{\"content\":null,\"from\":null,\"headers\":[],\"limit\":60,\"ring\":20,"
		"\"string\":\"a@b\"}",
		out, "TimedOut");
	commands(d, "sys.Dial('a@b', '20', nil, nil)", "dial",
		"{\"content\":null,\"from\":null,\"headers\":[],\"limit\":0,\"ring\":20,"
		"\"string\":\"a@b\"}",
		out, "TimedOut");
	commands(d, "sys.SetFromHeader('Joe', nil, 'example.net'); sys.Dial('a@b')", "dial",
		"{\"content\":null,\"from\":{\"host\":\"example.net\",\"name\":\"Joe\"},"
		"\"headers\":[],"
		"\"limit\":0,\"ring\":0,\"string\":\"a@b\"}",
		out, "TimedOut");
	commands(d, "sys.SetFromHeader('Joe', nil, 'x'); sys.ClearFromHeader(); sys.Dial('a@b')",
		"dial", DIAL(""), out, "TimedOut");
	commands(d,
		"sys.SetCustomSIPHeader('X-A', '1'); sys.SetCustomSIPHeader('X-B: 2');"
		"sys.SetCustomSIPHeader('X-C', '3'); sys.RemoveCustomSIPHeader('x-c');"
		"sys.SetCustomContent('text/plain', 'hi'); sys.Dial('a@b')",
		"dial",
		"{\"content\":{\"body\":\"hi\",\"type\":\"text/plain\"},\"from\":null,"
		"\"headers\":[\"X-A: 1\",\"X-B: 2\"],\"limit\":0,\"ring\":0,\"string\":\"a@b\"}",
		out, "TimedOut");
	commands(d,
		"sys.SetCustomContent('hi'); sys.ClearCustomBody;"
		"sys.SetCustomSIPHeader('X-A', '1'); sys.ClearCustomSIPHeaders; sys.Dial('a@b')",
		"dial", DIAL(""), out, "TimedOut");
}

static void forbidden_headers(void **state)
{
	assert_string_equal("The Via header cannot be set by a dialplan.\n"
			    "\"X: a\r\nY: b\" cannot be a header.\n"
			    "Custom headers: none\n",
		dp_logged(*state,
			"sys.SetCustomSIPHeader('Via', 'x')\n"
			"sys.SetCustomSIPHeader('X', \"a\\r\\nY: b\")\n"
			"sys.PrintCustomSIPHeaders()"));
}

static void dial_results(void **state)
{
	struct dp *d = *state;
	const char *busy =
		"{\"result\":\"Failed\",\"status\":486,\"reason\":\"Busy Here\",\"dialled\":"
		"[{\"uri\":\"sip:a@b\",\"status\":486,\"reason\":\"Busy Here\","
		"\"headers\":[[\"X-Why\",\"lunch\"]],\"body\":\"\",\"state\":\"Completed\"},"
		"{\"uri\":\"sip:c@d\",\"status\":0,\"reason\":null}]}";
	const char *moved =
		"{\"result\":\"Redirect\",\"status\":302,\"reason\":\"Moved\","
		"\"redirect_uri\":\"sip:x@y\",\"dialled\":[{\"uri\":\"sip:a@b\",\"status\":302,"
		"\"reason\":\"Moved\"}]}";

	commands(d,
		"r = sys.Dial('a@b'); [r, r == 'Failed', r == :Failed, r.to_s == 'Failed', r == 3, "
		"\"#{r}\", r =~ /Fail/, 'is ' + r, r != 'TimedOut']",
		"dial", DIAL(""), busy,
		"[Failed, true, true, true, true, \"Failed\", 0, \"is Failed\", true]");
	commands(d, "case sys.Dial('a@b') when 'TimedOut' then 1 when 'Failed' then 2 end", "dial",
		DIAL(""), busy, "2");
	commands(d,
		"sys.Dial('a@b'); [sys.LastFailureStatus, sys.LastFailureStatus == 486, "
		"sys.LastFailureStatus == 'BusyHere', sys.last_failure_status.to_s, "
		"sys.LastFailureReason]",
		"dial", DIAL(""), busy, "[BusyHere, true, true, \"BusyHere\", \"Busy Here\"]");
	commands(d,
		"sys.Dial('a@b'); t = sys.LastDialled[0]; f = t.TransactionFinalResponse; "
		"[f.StatusCode, f.Status, f.ReasonPhrase, f.Header.UnknownHeaders, "
		"f.header.unknown_headers, "
		"t.TransactionRequestURI.ToString(), t.TransactionState, "
		"sys.LastDialled[1].TransactionFinalResponse, sys.LastDialled.Count, "
		"sys.LastDialled[2].nil?]",
		"dial", DIAL(""), busy,
		"[486, BusyHere, \"Busy Here\", [\"X-Why: lunch\"], [\"X-Why: lunch\"], "
		"\"sip:a@b\", "
		"\"Completed\", nil, 2, true]");
	commands(d, "sys.Dial('a@b'); [sys.RedirectURI.User, sys.RedirectResponse.StatusCode]",
		"dial", DIAL(""), moved, "[\"x\", 302]");
}

static void respond(void **state)
{
	struct dp *d = *state;

	commands(d, "sys.Respond(480, 'Gone fishing')", "respond",
		"{\"headers\":[],\"reason\":\"Gone fishing\",\"redirect_uri\":null,\"status\":480}",
		"null", "nil");
	commands(d, "sys.respond(603, nil, 'X-A: 1|X-B: 2')", "respond",
		"{\"headers\":[\"X-A: 1\",\"X-B: "
		"2\"],\"reason\":null,\"redirect_uri\":null,\"status\":603}",
		"null", "nil");
	commands(d, "sys.Respond(302, 'Moved', 'sip:x@y|X-A: 1')", "respond",
		"{\"headers\":[\"X-A: "
		"1\"],\"reason\":\"Moved\",\"redirect_uri\":\"sip:x@y\",\"status\":302}",
		"null", "nil");
	commands(d, "sys.Respond('BusyHere', 'x')", "respond",
		"{\"headers\":[],\"reason\":\"x\",\"redirect_uri\":null,\"status\":486}", "null",
		"nil");
}

static void accounts(void **state)
{
	struct dp *d = *state;

	commands(d, "sys.IsAvailable()", "is_available",
		"{\"domain\":\"local\",\"user\":\"carol\"}", "true", "true");
	commands(d, "sys.IsAvailable('bob')", "is_available",
		"{\"domain\":\"local\",\"user\":\"bob\"}", "false", "false");
	commands(d, "sys.is_available 'bob', 'x.org'", "is_available",
		"{\"domain\":\"x.org\",\"user\":\"bob\"}", "null", "false");
	commands(d, "sys.IsMine('bob')", "is_mine", "{\"domain\":\"local\",\"user\":\"bob\"}",
		"true", "true");
	commands(d, "sys.DoesSIPAccountExist('bob', 'x.org')", "account_exists",
		"{\"domain\":\"x.org\",\"user\":\"bob\"}", "true", "true");
	commands(d, "sys.GetCanonicalDomain('local')", "canonical_domain", "{\"domain\":\"local\"}",
		"\"example.org\"", "\"example.org\"");
	commands(d, "sys.ENUMLookup('+43123')", "enum_lookup", "{\"number\":\"+43123\"}",
		"\"example.org\"", "\"example.org\"");
	commands(d, "p = sys.MediaPath('bob@local'); [p.State, p.reason]", "media_path",
		"{\"destination\":\"bob@local\"}", "{\"path\":\"none\",\"reason\":\"x\"}",
		"[\"none\", \"x\"]");
	commands(d, "sys.media_path('bob').State", "media_path", "{\"destination\":\"bob\"}",
		"null", "\"\"");
	commands(d, "sys.GetCurrentCallCount()", "call_count", "{}", "4", "4");
	commands(d, "sys.GetBindings()", "get_bindings", "{\"domain\":null,\"user\":null}", "null",
		"nil");
	commands(d,
		"b = sys.GetBindings('bob', 'x.org'); [b.Count, b[0].ContactURI, "
		"b[0].MangledContactURI, "
		"b[0].UserAgent, b[0].Expiry, b[0].user_agent]",
		"get_bindings", "{\"domain\":\"x.org\",\"user\":\"bob\"}",
		"[{\"contact\":\"sip:a@b\",\"mangled\":\"sip:a@c\",\"user_agent\":\"Phone\","
		"\"expiry\":60}]",
		"[1, \"sip:a@b\", \"sip:a@c\", \"Phone\", 60, \"Phone\"]");
}

static void key_value_pairs(void **state)
{
	struct dp *d = *state;

	commands(d, "sys.DBWrite('a', 1)", "db_write", "{\"key\":\"a\",\"value\":\"1\"}", "null",
		"nil");
	commands(d, "sys.DBRead('a')", "db_read", "{\"key\":\"a\"}", "\"1\"", "\"1\"");
	commands(d, "sys.db_read('a')", "db_read", "{\"key\":\"a\"}", "null", "nil");
	commands(d, "sys.DBDelete('a')", "db_delete", "{\"key\":\"a\"}", "null", "nil");
	commands(d, "sys.DBGetKeys", "db_keys", "{}", "[\"a\",\"b\"]", "[\"a\", \"b\"]");
	commands(d, "sys.LastFailureReason = 'tired'", "last_failure",
		"{\"reason\":\"tired\",\"status\":0}", "null", "\"tired\"");
}

static void logging(void **state)
{
	assert_string_equal("1\n\n[1, nil]\nx y\nab\nc\nformat 7\nnil\nwarned\nGr\xc3\xbc\xc3\x9f"
			    "e\n",
		dp_logged(*state,
			"sys.Log(1)\nsys.Log(nil)\np [1, nil]\nputs 'x y'\n"
			"print 'a'\nprint \"b\\nc\\n\"\nprintf \"format %d\\n\", 7\np nil\n"
			"warn 'warned'\n"
			"sys.Log(\"Gr\\xfc\\xdf\\x65\")"));
}

static void request_uri(void **state)
{
	struct dp *d = *state;

	says(d, "[req.Method, req.method, req.Body, req.SIPVersion]",
		"[\"INVITE\", \"INVITE\", \"v=0\\r\\n\", \"SIP/2.0\"]");
	says(d, "[req.URI.User, req.URI.Host, req.URI.Scheme, req.uri.user]",
		"[\"300\", \"example.org\", \"sip\", \"300\"]");
	says(d, "[req.URI.ToString(), req.URI.to_string, \"#{req.URI}\", req.URI.to_s]",
		"[\"sip:300@example.org;transport=udp\", \"sip:300@example.org;transport=udp\", "
		"\"sip:300@example.org;transport=udp\", \"sip:300@example.org;transport=udp\"]");
	says(d,
		"[req.URI.ToAOR(), req.URI.ToParameterlessString(), req.URI.CanonicalAddress, "
		"req.URI.Protocol]",
		"[\"300@example.org\", \"sip:300@example.org\", \"sip:300@example.org:5060\", "
		"\"udp\"]");
	says(d,
		"q = req.URI.Parameters; [q.Count, q.Get('TRANSPORT'), q.Has('lr'), q.GetKeys, "
		"q.ToString()]",
		"[1, \"udp\", false, [\"transport\"], \";transport=udp\"]");
	says(d,
		"q = req.URI.Parameters; q.Set('a', 'b'); q.Remove('transport'); "
		"req.URI.ToString()",
		"\"sip:300@example.org;a=b\"");
	says(d, "req.URI.User = 'x'; req.URI.ToString()", "\"sip:x@example.org;transport=udp\"");
	says(d, "[req.URI =~ /300@/, req.URI.User =~ /x/, req.URI.User.to_s =~ /^3/]",
		"[4, nil, 0]");
	says(d, "[req.URI == 'sip:300@example.org;transport=udp', req.URI.CopyOf() == req.URI]",
		"[true, true]");
	says(d, "n = req.URI.User.to_s; n.gsub!('3', '4'); [n, req.URI.User]",
		"[\"400\", \"300\"]");
	says(d, "[req.RemoteSIPEndPoint.ToString(), req.LocalSIPEndPoint.Port]",
		"[\"udp:192.0.2.7:5062\", 5060]");
	says(d, "SIPSorcery::SIP::SIPURI.ParseSIPURIRelaxed('a@b:5070').ToString()",
		"\"sip:a@b:5070\"");
	says(d, "SIPSorcery::SIP::SIPURI.ParseSIPURIRelaxed('sip:host').User", "nil");
	says(d, "SIPSorcery::SIP::SIPURI.ParseSIPURIRelaxed('sip:host').User =~ /300/", "nil");
}

static void request_headers(void **state)
{
	struct dp *d = *state;

	says(d,
		"f = req.Header.From; [f.FromName, f.FromURI.User, f.FromURI.ToString(), "
		"f.FromTag]",
		"[\"Alice \\\"A\\\"\", \"alice\", \"sip:alice@example.org;x=1\", \"abc\"]");
	says(d,
		"[req.Header.from.FromURI.User, req.header.from.from_name, "
		"req.Header.From.from_uri.host]",
		"[\"alice\", \"Alice \\\"A\\\"\", \"example.org\"]");
	says(d,
		"req.Header.From.FromName = 'Bo'; [req.Header.From.ToString(), "
		"\"#{req.Header.From}\"]",
		"[\"\\\"Bo\\\" <sip:alice@example.org;x=1>;tag=abc\", "
		"\"\\\"Bo\\\" <sip:alice@example.org;x=1>;tag=abc\"]");
	says(d,
		"t = req.Header.To; [t.ToName, t.ToURI.User, t.ToTag, t.ToString(), "
		"t.ToUserField.Name]",
		"[nil, \"300\", nil, \"<sip:300@example.org>\", nil]");
	says(d,
		"c = req.Header.Contact; [c.Count, c[0].ContactURI.ToString(), c[0].Expires, "
		"c[1].ContactName, c[1].Q]",
		"[2, \"sip:alice@10.0.0.7:5062\", \"60\", \"B, C\", \"0.5\"]");
	says(d,
		"v = req.Header.Vias; t = v.TopViaHeader; [v.Count, t.Host, t.Port, t.Branch, "
		"t.ReceivedFromIPAddress, t.ContactAddress, v[1].Host, v[1].Port]",
		"[2, \"10.0.0.7\", 5062, \"z9hG4bK77\", \"192.0.2.7\", \"10.0.0.7:5062\", "
		"\"[2001:db8::1]\", 0]");
	says(d,
		"h = req.Header; [h.CallId, h.CSeq, h.CSeqMethod, h.UserAgent, h.MaxForwards, "
		"h.ContentLength, h.Expires, h.Subject, h.user_agent, h.call_id]",
		"[\"1234@10.0.0.7\", 2, \"INVITE\", \"Phone/1.0\", 70, 5, -1, nil, \"Phone/1.0\", "
		"\"1234@10.0.0.7\"]");
	says(d,
		"h = req.Header; [h.UnknownHeaders, h.GetUnknownHeaderValue('x-colour'), "
		"h.GetUnknownHeaderValue('x')]",
		"[[\"X-Colour: blue\"], \"blue\", nil]");
	says(d, "req.Header.ToString().Contains('X-Colour: blue')", "true");
	says(d, "req.ToString().StartsWith('INVITE sip:300@example.org;transport=udp SIP/2.0')",
		"true");
	says(d, "req.Header.Subject = 'hi'; req.Header.Subject", "\"hi\"");
	says(d, "req.Copy().URI.User", "\"300\"");
}

static void dotnet_strings(void **state)
{
	struct dp *d = *state;

	says(d,
		"s = 'Hello'; [s.Substring(1), s.Substring(1, 2), s.Length, s.Contains('ell'), "
		"s.StartsWith('He'), s.EndsWith('x'), s.IndexOf('l'), s.LastIndexOf('l'), "
		"s.IndexOf('z')]",
		"[\"ello\", \"el\", 5, true, true, false, 2, 3, -1]");
	says(d,
		"[' x '.Trim(), '00x0'.TrimStart('0'), '00x0'.TrimEnd('0'), 'aXbX'.Replace('X', "
		"'-')]",
		"[\"x\", \"x0\", \"00x\", \"a-b-\"]");
	says(d,
		"['aB'.ToUpper(), 'aB'.ToLower(), '7'.PadLeft(3, '0'), 'a,b'.Split(','), "
		"'abc'.Remove(1, 1)]",
		"[\"AB\", \"ab\", \"007\", [\"a\", \"b\"], \"ac\"]");
	says(d,
		"[5.ToString(), nil.ToString(), [1].Count, {1 => 2}.Count, "
		"String.IsNullOrEmpty('')]",
		"[\"5\", \"\", 1, 1, true]");
	says(d, "'abc'.replace('x')", "\"x\""); /* Ruby's own stays */
}

static void standard_library(void **state)
{
	struct dp *d = *state;

	says(d,
		"require 'json'; require 'time'; require 'set'; require 'digest/md5'; "
		"[JSON.parse('[1]'), JSON.generate({a: 1}), Digest::MD5.hexdigest('a'), "
		"Set[1].include?(1)]",
		"[[1], \"{\\\"a\\\":1}\", \"0cc175b9c0f1b6a831c399e269772661\", true]");
	says(d, "Time.at(0).utc.strftime('%Y-%m-%d')", "\"1970-01-01\"");
	says(d, "(Time.now - 60) < Time.now", "true");
	says(d, "Date.new(2009, 11, 8).wday", "0");
	says(d, "case '0123' when /^0(\\d+)$/ then [$1, $~[0], $'] end",
		"[\"123\", \"0123\", \"\"]");
	says(d, "eval('1 + 1')", "2");
	says(d, "sleep 0.01; 1", "1");
	says(d, "Time.now.localtime.to_s.length > 10", "true");
	says(d, "SecureRandom.hex(4).length", "8");
}

/* More than the interpreter has stacks for at the start; the zygote rearranges those. */
static void fibers(void **state)
{
	struct dp *d = *state;

	assert_string_equal("1\n2\n", dp_logged(d, "e = [1, 2].each\np e.next, e.next"));
	assert_string_equal("100 4950\n",
		dp_logged(d,
			"list = (0...100).map { |i| Fiber.new { Fiber.yield i; :end } }\n"
			"puts \"#{list.length} #{list.sum(&:resume)}\"\n"
			"list.each(&:resume)"));
	assert_string_equal("SystemStackError\nSystemStackError\n3\n",
		dp_logged(d,
			"def deeper = deeper\n"
			"nested = []\n"
			"20_000.times { nested = [nested] }\n"
			"Fiber.new { begin; deeper; rescue SystemStackError; p $!.class; end "
			"}.resume\n"
			"Fiber.new { begin; nested.hash; nested.inspect; rescue SystemStackError; "
			"p $!.class; end }.resume\n"
			"p Fiber.new { 3 }.resume"));
}

static void errors_name_line_and_reason(void **state)
{
	static const struct {
		const char *script, *message;
		unsigned line;
	} rows[] = {
		{ "x = 1\nif x\n  foo(\nend\n", "syntax error: unexpected", 4 },
		{ "\n\nnil.foo", "undefined method `foo' for nil:NilClass (NoMethodError)", 3 },
		{ "sys.Nothing('x')", "undefined method `Nothing'", 1 },
		{ "def f\n  raise 'oops'\nend\n\nf", "oops (RuntimeError)", 2 },
		{ "\nInteger('x')", "invalid value for Integer(): \"x\" (ArgumentError)", 2 },
		{ "begin\n  sys.Dial('a')\nensure\n  raise 'late'\nend", "late (RuntimeError)", 4 },
		{ "sys.Log('ok')\n\nunknown_thing",
			"undefined local variable or method `unknown_thing'", 3 },
		{ "throw :x", "uncaught throw :x", 1 },
		{ "sys.DBWrite({})", "wrong number of arguments", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dp_run r = { 0 };

		dp_run(*state, &r, "carol", rows[i].script);
		if (r.end != DIALPLAN_END_ERROR || !strstr(r.message, rows[i].message) ||
			(rows[i].line && r.line != rows[i].line))
			fail_msg("%s\nended %d, line %u: %s", rows[i].script, r.end, r.line,
				r.message);
	}
}

static json_t *stop(struct dp_run *r, uint32_t command, const char *name, json_t *args)
{
	return json_pack("{s:b}", "stop", 1);
}

/* The abort (facts 3.5): each script, and what it logs. */
static void the_abort(void **state)
{
	static const char *const rows[][2] = {
		{ "sys.Dial('a')\nsys.Log('after')", "" },
		{ "begin\n sys.Dial('a')\nrescue => e\n sys.Log(e.message)\nend",
			"Thread was being aborted.\n" },
		{ "begin\n sys.Dial('a')\nrescue\n sys.Log('x') unless $!.to_s =~ /Thread was "
		  "being aborted./\n"
		  "end",
			"" },
		{ "begin\n sys.Dial('a')\nensure\n sys.Log('one')\n "
		  "sys.Log('two')\nend\nsys.Log('after')",
			"one\ntwo\n" },
		{ "begin\n begin\n  sys.Dial('a')\n rescue\n  sys.Log('inner')\n end\n "
		  "sys.Log('between')\n"
		  "rescue\n sys.Log('outer')\nensure\n sys.Log('last')\nend\nsys.Log('after')",
			"inner\nouter\nlast\n" },
		{ "def f\n sys.Dial('a')\nrescue\n sys.Log('in f')\nend\nf\nsys.Log('after')",
			"in f\n" },
		{ "3.times do |i|\n begin\n  sys.Dial('a')\n rescue\n  sys.Log(i)\n end\nend",
			"0\n" },
		{ "while true\n begin\n  sys.Dial('a')\n rescue\n  sys.Log('w')\n end\nend",
			"w\n" },
		{ "begin\n begin\n  sys.Dial('a')\n rescue\n  sys.Log(1)\n  retry\n ensure\n  "
		  "sys.Log(2)\n"
		  " end\nend",
			"1\n2\n" },
		{ "begin\n sys.Dial('a')\nrescue\n raise\nend", "" },
		{ "begin\n sys.Dial('a')\nrescue => e\n raise e\nend", "" },
		{ "begin\n sys.Dial('a')\nrescue\n begin\n  sys.GetCurrentCallCount\n rescue\n  "
		  "sys.Log('no')\n"
		  " end\nend",
			"no\n" },
		{ "x = (sys.Dial('a') rescue 5)\nsys.Log(x)", "" },
	};
	struct dp *d = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dp_run r = { .answer = stop };

		d->log_n = 0;
		d->log[0] = 0;
		dp_run(d, &r, "carol", rows[i][0]);
		if (r.end != DIALPLAN_END_DONE || r.commands != 1)
			fail_msg("%s\nended %d, line %u: %s", rows[i][0], r.end, r.line, r.message);
		if (strcmp(rows[i][1], d->log) != 0)
			fail_msg("%s\nlogged: %s", rows[i][0], d->log);
	}
}

/* The caller cancels: while the script waits, computes, sleeps, or has not begun. */
static json_t *later(struct dp_run *r, uint32_t command, const char *name, json_t *args)
{
	dialplan_stop(r->dp->engine, r->id);
	return NULL;
}

static void stopped_from_outside(void **state)
{
	struct dp *d = *state;
	struct dp_run r = { .answer = later };

	d->log_n = 0;
	dp_run(d, &r, "carol", "begin\n sys.Dial('a')\nensure\n sys.Log('bye')\nend");
	assert_int_equal(DIALPLAN_END_DONE, r.end);
	assert_string_equal("bye\n", d->log);

	d->log_n = 0;
	dp_start(d, &r, "carol", "begin\n sys.Log('in')\n loop { }\nensure\n sys.Log('bye')\nend");
	while (!d->log_n)
		dp_turn(d);
	dialplan_stop(d->engine, r.id);
	dp_wait(d, &r);
	assert_int_equal(DIALPLAN_END_DONE, r.end);
	assert_string_equal("in\nbye\n", d->log);

	dp_start(d, &r, "carol", "sleep");
	dialplan_stop(d->engine, r.id);
	dp_wait(d, &r);
	assert_int_equal(DIALPLAN_END_DONE, r.end);
}

static void detached_runs_are_silent(void **state)
{
	struct dp *d = *state;
	struct dp_run r = { .answer = stop };

	dp_start(d, &r, "carol", "sys.Dial('a')");
	dialplan_detach(d->engine, r.id);
	assert_string_equal("x\n", dp_logged(d, "sys.Log('x')"));
	assert_int_equal(0, r.commands);
	assert_false(r.ended);
}

static void a_long_script_arrives_whole(void **state)
{
	static char script[DIALPLAN_SCRIPT_MAX + 2];
	struct dp_run r = { 0 };
	struct dp *d = *state;
	size_t n = 0, last;

	while (n < DIALPLAN_SCRIPT_MAX - 64)
		n += (size_t)sprintf(script + n, "# \x01\x02\"\\ comment\n");
	last = (size_t)sprintf(script + n, "sys.Log(__LINE__ > 10000)");
	assert_true(n + last < DIALPLAN_SCRIPT_MAX);
	assert_string_equal("true\n", dp_logged(d, script));
	memset(script, '#', DIALPLAN_SCRIPT_MAX + 1);
	dp_run(d, &r, "carol", script);
	assert_int_equal(DIALPLAN_END_REFUSED, r.end);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(properties),
		cmocka_unit_test(dial_forms),
		cmocka_unit_test(forbidden_headers),
		cmocka_unit_test(dial_results),
		cmocka_unit_test(respond),
		cmocka_unit_test(accounts),
		cmocka_unit_test(key_value_pairs),
		cmocka_unit_test(logging),
		cmocka_unit_test(request_uri),
		cmocka_unit_test(request_headers),
		cmocka_unit_test(dotnet_strings),
		cmocka_unit_test(standard_library),
		cmocka_unit_test(fibers),
		cmocka_unit_test(errors_name_line_and_reason),
		cmocka_unit_test(the_abort),
		cmocka_unit_test(stopped_from_outside),
		cmocka_unit_test(detached_runs_are_silent),
		cmocka_unit_test(a_long_script_arrives_whole),
	};

	dp_executable = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, open_all, close_all);
}
