/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs that nobody ordered, in the zygote before it forks: what a first run writes all over the
 * interpreter (inline caches, resolved symbols, code that the tracer touches) is then written once,
 * and shared by all sandboxes instead of copied by each. A child plays core.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dialplan/wire.h"
#include "dialplan/zygote/sandbox.h"

enum { RUNS = 3 };

static const char order[] =
	"l{\"run\":{\"name\":\"rehearsal\",\"script\":\""
	"def same(a, b) = a == b\\n"
	"sys.Log('call of ' + sys.Username)\\n"
	"if sys.Out && req.URI.User =~ /^(\\\\d+|[a-z]+)$/\\n"
	"  name = req.Header.From.FromName || req.Header.from.FromURI.User\\n"
	"  sys.Log(\\\"#{Time.now.hour} #{name} #{req.URI} #{$1} #{same(1, 2)}\\\")\\n"
	"  case req.URI.User\\n"
	"  when '500' then sys.Respond(486, 'Busy')\\n"
	"  else sys.Dial(\\\"#{req.URI.User}@local\\\", 30)\\n"
	"  end\\n"
	"  sys.Log(sys.LastFailureReason.to_s)\\n"
	"end\\n"
	"sys.Dial('all@local')\\n"
	"sys.Log('not reached')\\n"
	"\",\"input\":{\"direction\":\"out\",\"username\":\"nobody\",\"dialplan\":\"rehearsal\","
	"\"account\":{\"username\":\"nobody\",\"domain\":\"localhost\"},\"request\":{"
	"\"method\":\"INVITE\",\"uri\":\"sip:100@localhost;transport=udp\",\"body\":\"v=0\\r\\n\","
	"\"remote\":\"udp:127.0.0.1:5060\",\"local\":\"udp:127.0.0.1:5060\",\"headers\":["
	"[\"Via\",\"SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1;rport\"],"
	"[\"From\",\"\\\"Nobody\\\" <sip:nobody@localhost>;tag=1\"],"
	"[\"To\",\"<sip:100@localhost>\"],[\"Contact\",\"<sip:nobody@127.0.0.1>\"],"
	"[\"Call-ID\",\"1@localhost\"],[\"CSeq\",\"1 INVITE\"],[\"Max-Forwards\",\"70\"]]}}}}";

/* To the two Dials of a run; the commands are numbered on from run to run. */
static const char *const answers[2] = {
	"l{\"answer\":%u,\"result\":{\"result\":\"TimedOut\",\"status\":480,"
	"\"reason\":\"No answer\",\"dialled\":[{\"uri\":\"sip:100@127.0.0.1\",\"status\":480,"
	"\"reason\":\"No answer\",\"headers\":[],\"body\":null,\"state\":\"Completed\"}]}}",
	"l{\"answer\":%u,\"stop\":true}",
};

static bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) >= 0;
}

static bool play_run(int fd, unsigned *command)
{
	char packet[WIRE_PACKET_MAX + 1], answer[512];
	ssize_t n;

	if (!say(fd, order))
		return false;
	while ((n = recv(fd, packet, WIRE_PACKET_MAX, 0)) > 0) {
		packet[n] = 0;
		if (strncmp(packet, "l{\"end\"", 7) == 0)
			return true;
		if (strncmp(packet, "l{\"command\"", 11) != 0)
			continue;
		snprintf(answer, sizeof(answer), answers[*command % 2], *command + 1);
		++*command;
		if (!say(fd, answer))
			return false;
	}
	return false;
}

_Noreturn static void play_core(int fd)
{
	unsigned command = 0;

	for (int i = 0; i < RUNS; i++)
		if (!play_run(fd, &command))
			_exit(1);
	_exit(0);
}

static bool run_one(struct sandbox *s)
{
	bool interrupted, ok;
	json_t *m;

	if (!channel_receive(s, true, &interrupted, &m))
		return false;
	ok = m && sandbox_run(s, json_object_get(m, "run"));
	json_decref(m);
	return ok;
}

bool rehearse(struct sandbox *s)
{
	int pair[2], status = 0;
	bool ok = true;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return false;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		play_core(pair[1]);
	}
	close(pair[1]);
	s->fd = pair[0];
	for (int i = 0; i < RUNS && ok; i++)
		ok = pid > 0 && run_one(s);
	close(s->fd);
	s->fd = -1;
	s->command = 0;
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && ok;
}
