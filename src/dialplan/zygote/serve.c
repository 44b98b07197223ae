/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zygote: forks sandboxes when core asks, hands core their channels, signals them, and reports
 * how they ended. It never looks into a channel and runs no script.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dialplan/wire.h"
#include "dialplan/zygote/sandbox.h"

enum { CHILDREN_MAX = 1024 };

struct child {
	uint64_t sandbox;
	pid_t pid;
};

struct zygote {
	struct sandbox *sandbox;
	int control;
	int deaths; /* signalfd: a child has ended */
	size_t count;
	struct child children[CHILDREN_MAX];
};

static void report(struct zygote *z, struct wire_control *m, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} space = { 0 };
	struct iovec io = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr h = { .msg_iov = &io, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		h.msg_control = space.bytes;
		h.msg_controllen = sizeof(space.bytes);
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	while (sendmsg(z->control, &h, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static VALUE ruby_fork(VALUE method)
{
	return rb_method_call(0, NULL, method);
}

/* By Ruby, so that its own state follows; 0 in the child, < 0 with errno when it failed. */
static pid_t fork_child(const struct sandbox *s)
{
	int failed = 0;
	VALUE pid = rb_protect(ruby_fork, s->fork, &failed);

	if (failed) {
		rb_set_errinfo(Qnil);
		errno = EAGAIN;
		return -1;
	}
	return NIL_P(pid) ? 0 : NUM2INT(pid);
}

static void on_fork(struct zygote *z, const struct wire_control *m)
{
	struct wire_control answer = { .kind = WIRE_FORK_FAILED, .sandbox = m->sandbox };
	int pair[2];
	pid_t pid;

	if (z->count == CHILDREN_MAX ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		answer.status = errno;
		report(z, &answer, -1);
		return;
	}
	pid = fork_child(z->sandbox);
	if (pid == 0)
		sandbox_main(z->sandbox, pair[1], m->memory_mb, m->cpu_s);
	answer.status = errno;
	close(pair[1]);
	if (pid > 0) {
		z->children[z->count++] = (struct child){ m->sandbox, pid };
		answer.kind = WIRE_FORKED;
		answer.pid = pid;
		answer.status = 0;
	}
	report(z, &answer, pid > 0 ? pair[0] : -1);
	close(pair[0]);
}

static void add_cpu(pid_t pid, unsigned cpu_s)
{
	struct rlimit r = { .rlim_max = RLIM_INFINITY };
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return;
	r.rlim_cur = (rlim_t)used.tv_sec + 1 + cpu_s;
	prlimit(pid, RLIMIT_CPU, &r, NULL);
}

static void on_request(struct zygote *z, const struct wire_control *m)
{
	if (m->kind == WIRE_FORK) {
		on_fork(z, m);
		return;
	}
	for (size_t i = 0; i < z->count; i++) {
		pid_t pid = z->children[i].pid; /* not reaped, so the number is still its own */

		if (z->children[i].sandbox != m->sandbox)
			continue;
		if (m->kind == WIRE_KILL)
			kill(pid, SIGKILL);
		else if (m->kind == WIRE_INTERRUPT)
			kill(pid, SIGUSR1);
		else if (m->kind == WIRE_CPU)
			add_cpu(pid, m->cpu_s);
	}
}

static bool forget_child(struct zygote *z, pid_t pid, uint64_t *sandbox)
{
	for (size_t i = 0; i < z->count; i++) {
		if (z->children[i].pid != pid)
			continue;
		*sandbox = z->children[i].sandbox;
		z->children[i] = z->children[--z->count];
		return true;
	}
	return false;
}

static void reap(struct zygote *z)
{
	struct wire_control m = { .kind = WIRE_EXITED };
	struct signalfd_siginfo signal; /* one for any number of deaths */
	struct rusage use;

	if (read(z->deaths, &signal, sizeof(signal)) < 0 && errno != EAGAIN)
		return;
	while ((m.pid = wait4(-1, &m.status, WNOHANG, &use)) > 0) {
		m.cpu_us = (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
			(uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
		m.memory_kb = (uint64_t)use.ru_maxrss;
		if (forget_child(z, m.pid, &m.sandbox))
			report(z, &m, -1);
	}
}

/* false: core is gone. */
static bool take_requests(struct zygote *z)
{
	struct wire_control m;

	for (;;) {
		ssize_t got = recv(z->control, &m, sizeof(m), MSG_DONTWAIT);

		if (got < 0)
			return errno == EAGAIN || errno == EINTR;
		if (got != sizeof(m))
			return false;
		on_request(z, &m);
	}
}

static bool turn(struct zygote *z)
{
	struct pollfd polled[] = { { .fd = z->control, .events = POLLIN },
		{ .fd = z->deaths, .events = POLLIN } };

	if (poll(polled, 2, -1) < 0)
		return errno == EINTR;
	if (polled[1].revents)
		reap(z);
	return !polled[0].revents || take_requests(z);
}

/*
 * Blocked for good: Ruby's handler would wake threads that there are not. Sandboxes inherit that,
 * and have no children.
 */
static int watch_deaths(void)
{
	sigset_t deaths;

	sigemptyset(&deaths);
	sigaddset(&deaths, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &deaths, NULL))
		return -1;
	return signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK);
}

void serve(struct sandbox *s, int control)
{
	struct zygote *z = calloc(1, sizeof(*z));
	struct wire_control ready = { .kind = WIRE_READY, .pid = getpid() };

	if (!z)
		return;
	z->sandbox = s;
	z->control = control;
	z->deaths = watch_deaths();
	if (z->deaths >= 0)
		report(z, &ready, -1);
	while (z->deaths >= 0 && turn(z))
		;
	for (size_t i = 0; i < z->count; i++)
		kill(z->children[i].pid, SIGKILL);
	free(z);
}
