/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/child.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { FIRST_FD = 3, FD_MAX = 4096 };

/* Descriptors go to high numbers first, so that none is overwritten before it was moved. */
static bool place_fds(const struct child_start *s)
{
	int high[FD_MAX], program;
	int above = FIRST_FD + (int)s->fd_count + 1;

	if (s->fd_count > FD_MAX)
		return false;
	for (unsigned i = 0; i < s->fd_count; i++) {
		high[i] = fcntl(s->fds[i], F_DUPFD, above);
		if (high[i] < 0)
			return false;
	}
	program = fcntl(s->program, F_DUPFD, above);
	for (unsigned i = 0; i < s->fd_count; i++)
		if (dup2(high[i], FIRST_FD + (int)i) < 0)
			return false;
	if (program < 0 || dup2(program, above - 1) < 0)
		return false;
	return close_range((unsigned)above, ~0U, 0) == 0 &&
		fcntl(above - 1, F_SETFD, FD_CLOEXEC) == 0;
}

static bool drop_root(const struct child_start *s)
{
	if (!s->drop)
		return true;
	return setgroups(0, NULL) == 0 && setresgid(s->gid, s->gid, s->gid) == 0 &&
		setresuid(s->uid, s->uid, s->uid) == 0;
}

static NORETURN void run(const struct child_start *s, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	if (!place_fds(s) || !drop_root(s))
		_exit(126);
	/* After the change of user, which clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	if (s->tunables)
		setenv("GLIBC_TUNABLES", s->tunables, 0);
	fexecve(FIRST_FD + (int)s->fd_count, (char *const *)s->argv, environ);
	_exit(127);
}

enum err child_start(struct child *c, const struct child_start *s, uint64_t now_ms)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0)
		run(s, parent);
	c->started_ms = now_ms;
	if (pid < 0) {
		child_ended(c, now_ms);
		return ERR_IO;
	}
	c->pid = pid;
	return ERR_OK;
}

void child_ended(struct child *c, uint64_t now_ms)
{
	bool settled = c->pid && now_ms - c->started_ms >= CHILD_SETTLED_MS;

	c->pid = 0;
	if (c->backoff_ms == 0 || settled)
		c->backoff_ms = CHILD_BACKOFF_MIN_MS;
	c->restart_ms = now_ms + c->backoff_ms;
	c->backoff_ms *= 2;
	if (c->backoff_ms > CHILD_BACKOFF_MAX_MS)
		c->backoff_ms = CHILD_BACKOFF_MAX_MS;
}
