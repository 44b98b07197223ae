/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry/box.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "dialplan/wire.h"

enum { CONTROL_FD = 3, FORK_S = 20, MEMORY_MB = 128, CPU_S = 5 };

struct running {
	const struct dry_box_handlers *h;
	void *arg;
	int fd;
	char *text; /* of the message that is coming in */
	size_t n;
	unsigned logs;
	unsigned commands;
	int64_t deadline_ms;
	bool ended;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

_Noreturn static void child(const char *program, int fd)
{
	if (fd == CONTROL_FD) {
		_exit(127);
	}
	if (dup2(fd, CONTROL_FD) < 0)
		_exit(127);
	execl(program, "tandem-dialplan", "--control", "3", (char *)NULL);
	_exit(127);
}

bool dry_box_start(struct dry_box *b, const char *program)
{
	int pair[2], high;

	*b = (struct dry_box){ .control = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return false;
	high = fcntl(pair[1], F_DUPFD_CLOEXEC, CONTROL_FD + 1);
	close(pair[1]);
	b->pid = high < 0 ? -1 : fork();
	if (b->pid == 0)
		child(program, high);
	if (high >= 0)
		close(high);
	b->control = pair[0];
	if (b->pid > 0)
		return true;
	close(pair[0]);
	b->control = -1;
	return false;
}

void dry_box_stop(struct dry_box *b)
{
	int status;

	if (b->control >= 0)
		close(b->control); /* it ends, and its sandboxes with it */
	if (b->pid > 0)
		waitpid(b->pid, &status, 0);
	*b = (struct dry_box){ .control = -1 };
}

/* ---- the zygote ---- */

static ssize_t receive_report(int from, struct wire_control *m, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} space;
	struct iovec io = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr h = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes) };
	ssize_t n = recvmsg(from, &h, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;

	*fd = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	return n;
}

static bool readable(int fd, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = deadline_ms - now_ms();

	while (left > 0) {
		int n = poll(&p, 1, (int)left);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		left = deadline_ms - now_ms();
	}
	return false;
}

static bool tell(struct dry_box *b, uint32_t kind)
{
	struct wire_control m = {
		.kind = kind, .sandbox = b->last, .memory_mb = MEMORY_MB, .cpu_s = CPU_S
	};

	return send(b->control, &m, sizeof(m), MSG_NOSIGNAL) == sizeof(m);
}

/* A new sandbox's channel, or -1. */
static int fork_box(struct dry_box *b)
{
	int64_t deadline_ms = now_ms() + FORK_S * 1000;
	struct wire_control m;
	int fd = -1;

	b->last++;
	if (!tell(b, WIRE_FORK))
		return -1;
	while (readable(b->control, deadline_ms) &&
		receive_report(b->control, &m, &fd) == (ssize_t)sizeof(m)) {
		if (m.kind == WIRE_FORKED && m.sandbox == b->last)
			return fd;
		if (fd >= 0)
			close(fd);
		if (m.kind == WIRE_FORK_FAILED)
			break;
	}
	return -1;
}

/* ---- the sandbox ---- */

static bool say(struct running *r, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t n = text ? strlen(text) : 0, at = 0;
	bool ok = text && n <= WIRE_TO_SANDBOX_MAX;

	while (ok && at < n) {
		char packet[WIRE_PACKET_MAX];
		size_t piece = n - at < sizeof(packet) - 1 ? n - at : sizeof(packet) - 1;

		packet[0] = at + piece == n ? WIRE_LAST : WIRE_MORE;
		memcpy(packet + 1, text + at, piece);
		ok = send(r->fd, packet, piece + 1, MSG_NOSIGNAL) == (ssize_t)piece + 1;
		at += piece;
	}
	free(text);
	json_decref(message);
	return ok;
}

/* A whole message; NULL: none came in time, or none that is allowed. */
static json_t *hear(struct running *r, const char **fault)
{
	char packet[WIRE_PACKET_MAX];
	ssize_t n;

	r->n = 0;
	do {
		*fault = "it ran longer than it may";
		if (!readable(r->fd, r->deadline_ms))
			return NULL;
		*fault = "the sandbox ended (did it use too much memory or processor time?)";
		n = recv(r->fd, packet, sizeof(packet), 0);
		if (n <= 0)
			return NULL;
		*fault = "it broke the rules of its channel";
		if (r->n + (size_t)n - 1 > WIRE_FROM_SANDBOX_MAX)
			return NULL;
		memcpy(r->text + r->n, packet + 1, (size_t)n - 1);
		r->n += (size_t)n - 1;
	} while (packet[0] == WIRE_MORE);
	return json_loadb(r->text, r->n, 0, NULL);
}

static struct str text_of(const json_t *j)
{
	return json_is_string(j) ? str_make(json_string_value(j), json_string_length(j)) : STR_NONE;
}

static const char *on_command(struct running *r, json_t *m)
{
	const char *name = json_string_value(json_object_get(m, "name"));
	json_t *args = json_object_get(m, "args"), *answer;

	if (!name || !json_is_object(args))
		return "it broke the rules of its channel";
	if (++r->commands > DRY_COMMANDS_MAX)
		return "it gave more than 500 commands";
	answer = r->h->on_command(r->arg, name, args);
	json_object_set(answer, "answer", json_object_get(m, "command"));
	return say(r, answer) ? NULL : "the sandbox ended";
}

static const char *on_message(struct running *r, json_t *m)
{
	const json_t *log = json_object_get(m, "log"), *line = json_object_get(m, "line");
	const char *end = json_string_value(json_object_get(m, "end"));

	if (json_is_string(log)) {
		if (++r->logs > DRY_LOGS_MAX)
			return "it wrote more than 1000 log lines";
		r->h->on_log(r->arg, text_of(log));
		return NULL;
	}
	if (json_object_get(m, "command"))
		return on_command(r, m);
	if (!end)
		return "it broke the rules of its channel";
	r->ended = true;
	r->h->on_end(r->arg, end, text_of(json_object_get(m, "message")),
		json_integer_value(line) > 0 ? (unsigned)json_integer_value(line) : 0);
	return NULL;
}

static void converse(struct running *r)
{
	const char *fault = NULL;

	while (!r->ended && !fault) {
		json_t *m = hear(r, &fault);

		if (!m)
			break;
		fault = on_message(r, m);
		json_decref(m);
	}
	if (!r->ended)
		r->h->on_end(r->arg, "killed", str_of(fault), 0);
}

void dry_box_run(struct dry_box *b, const char *name, struct str script, json_t *input,
	const struct dry_box_handlers *h, void *arg)
{
	struct running r = { .h = h, .arg = arg, .fd = fork_box(b) };
	json_t *text = json_stringn(script.p ? script.p : "", script.n);

	if (r.fd < 0 || !text) {
		h->on_end(arg, "killed",
			text ? STR("no sandbox could be started") : STR("the script is not UTF-8"),
			0);
		json_decref(input);
		json_decref(text);
	} else {
		r.text = mem_alloc(WIRE_FROM_SANDBOX_MAX);
		r.deadline_ms = now_ms() + DRY_RUN_S * 1000;
		if (say(&r,
			    json_pack("{s:{s:s,s:o,s:o}}", "run", "name", name, "script", text,
				    "input", input)))
			converse(&r);
		else
			h->on_end(arg, "killed", STR("the sandbox does not take it"), 0);
		free(r.text);
	}
	if (r.fd >= 0)
		close(r.fd);
	(void)tell(b, WIRE_KILL);
}
