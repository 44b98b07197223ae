/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "fixture.h"

enum { PATIENCE_S = 60 };

static const char request[] =
	"{\"method\": \"INVITE\", \"uri\": \"sip:300@example.org;transport=udp\","
	" \"remote\": \"udp:192.0.2.7:5062\", \"local\": \"udp:192.0.2.1:5060\","
	" \"body\": \"v=0\\r\\n\", \"headers\": ["
	"[\"Via\", \"SIP/2.0/UDP 10.0.0.7:5062;branch=z9hG4bK77;received=192.0.2.7\"],"
	"[\"Via\", \"SIP/2.0/TCP [2001:db8::1];branch=z9hG4bK78\"],"
	"[\"f\", \"\\\"Alice \\\\\\\"A\\\\\\\"\\\" <sip:alice@example.org;x=1>;tag=abc\"],"
	"[\"To\", \"<sip:300@example.org>\"],"
	"[\"Contact\", \"<sip:alice@10.0.0.7:5062>;expires=60, \\\"B, C\\\" <sip:b@c>;q=0.5\"],"
	"[\"Call-ID\", \"1234@10.0.0.7\"], [\"CSeq\", \"2 INVITE\"],"
	"[\"User-Agent\", \"Phone/1.0\"], [\"Max-Forwards\", \"70\"],"
	"[\"X-Colour\", \"blue\"], [\"Content-Length\", \"5\"]]}";

static void take_log(struct event_sink *s, const struct event_record *r)
{
	struct dp *d = container_of(s, struct dp, sink);
	struct str text = r->event.text;

	if (getenv("DP_TRACE"))
		fprintf(stderr, "[%s] %.*s\n", event_kind_name(r->event.kind), STR_ARG(text));
	if (r->event.kind != EV_SCRIPT_LOG)
		return;
	d->log = mem_grow(d->log, d->log_n + text.n + 2);
	memcpy(d->log + d->log_n, text.p, text.n);
	d->log_n += text.n;
	d->log[d->log_n++] = '\n';
	d->log[d->log_n] = 0;
}

void dp_start_zygote(struct dp *d)
{
	int pair[2];
	char number[16];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	d->zygote = fork();
	assert_true(d->zygote >= 0);
	if (d->zygote == 0) {
		fcntl(pair[1], F_SETFD, 0);
		snprintf(number, sizeof(number), "%d", pair[1]);
		execl(dp_executable, dp_executable, "--control", number, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	dialplan_host_attach(d->host, pair[0]);
}

void dp_kill_zygote(struct dp *d)
{
	kill(d->zygote, SIGKILL);
	assert_int_equal(d->zygote, waitpid(d->zygote, NULL, 0));
	d->zygote = 0;
}

void dp_open(struct dp *d, const struct dialplan_config *cfg)
{
	memset(d, 0, sizeof(*d));
	d->bus = event_bus_new(false, 0);
	d->sink.take = take_log;
	event_bus_add(d->bus, &d->sink);
	worker_init(&d->worker, 0, 1, d->bus);
	assert_int_equal(ERR_OK, loop_init(&d->loop, &d->worker));
	dialplan_config_default(&d->cfg);
	if (cfg)
		d->cfg = *cfg;
	d->log = mem_zero(1);
	d->host = dialplan_host_new(&d->loop.uv, d->bus, &d->cfg);
	d->engine = dialplan_host_engine(d->host, &d->worker);
	dp_start_zygote(d);
}

void dp_turn(struct dp *d)
{
	uv_run(&d->loop.uv, UV_RUN_ONCE);
}

void dp_close(struct dp *d)
{
	dialplan_host_stop(d->host);
	for (int i = 0; i < 10; i++)
		uv_run(&d->loop.uv, UV_RUN_NOWAIT);
	if (d->zygote)
		waitpid(d->zygote, NULL, 0);
	dialplan_host_free(d->host);
	loop_fini(&d->loop);
	worker_fini(&d->worker);
	event_bus_remove(d->bus, &d->sink);
	event_bus_free(d->bus);
	free(d->log);
}

json_t *dp_result(json_t *value)
{
	return json_pack("{s:o}", "result", value);
}

static void on_command(void *arg, uint64_t run, uint32_t command, const char *name, json_t *args)
{
	struct dp_run *r = arg;
	json_t *answer;

	assert_int_equal(r->id, run);
	r->commands++;
	snprintf(r->last_command, sizeof(r->last_command), "%s", name);
	answer = r->answer ? r->answer(r, command, name, args) : dp_result(json_null());
	if (answer)
		dialplan_answer(r->dp->engine, run, command, answer);
}

static void on_end(
	void *arg, uint64_t run, enum dialplan_end end, struct str message, unsigned line)
{
	struct dp_run *r = arg;

	assert_int_equal(r->id, run);
	assert_false(r->ended);
	r->ended = true;
	r->end = end;
	r->line = line;
	snprintf(r->message, sizeof(r->message), "%.*s", STR_ARG(message));
}

void dp_start(struct dp *d, struct dp_run *r, const char *customer, const char *script)
{
	static const struct dialplan_handlers handlers = { on_command, on_end };
	struct dialplan plan = {
		.customer = str_of(customer), .name = STR("demo"), .script = str_of(script)
	};
	struct dialplan_start s = {
		.plan = &plan, .customer = str_of(customer), .call = STR("call-1")
	};

	r->dp = d;
	r->ended = false;
	r->commands = 0;
	s.input = json_pack("{s:s,s:s,s:s,s:s,s:{s:s,s:s},s:o}", "direction", "out", "username",
		customer, "provider", "trunk", "dialplan", "demo", "account", "username", "alice",
		"domain", "example.org", "request", json_loads(request, 0, NULL));
	assert_non_null(s.input);
	assert_int_equal(ERR_OK, dialplan_start(d->engine, &s, &handlers, r, &r->id));
}

void dp_wait(struct dp *d, const struct dp_run *r)
{
	time_t last = time(NULL) + PATIENCE_S;

	while (!r->ended) {
		dp_turn(d);
		if (time(NULL) > last)
			fail_msg("the run does not end");
	}
}

void dp_run(struct dp *d, struct dp_run *r, const char *customer, const char *script)
{
	dp_start(d, r, customer, script);
	dp_wait(d, r);
}

const char *dp_logged(struct dp *d, const char *script)
{
	struct dp_run r = { 0 };

	d->log_n = 0;
	d->log[0] = 0;
	dp_run(d, &r, "carol", script);
	if (r.end != DIALPLAN_END_DONE)
		fail_msg("%s\nline %u: %s", script, r.line, r.message);
	return d->log;
}
