/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sandbox may do. This file is the security policy: no descriptor but the channel, no file,
 * no socket, no process, no signal to others, bounded memory and processor time.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dialplan/zygote/sandbox.h"

enum { NOBODY = 65534, FD_MAX = 1024 };

/* Real and saved ids as well: whoever started us may be root for the time being somebody else. */
bool jail_drop(unsigned uid, unsigned gid)
{
	uid_t user = geteuid();
	gid_t group = getegid();

	if (user == 0) {
		user = uid ? uid : NOBODY;
		group = gid ? gid : NOBODY;
		if (setgroups(0, NULL))
			return false;
	}
	if (setresgid(group, group, group) || setresuid(user, user, user))
		return false;
	umask(077);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && chdir("/") == 0;
}

static bool limit(int what, rlim_t soft, rlim_t hard)
{
	struct rlimit r = { .rlim_cur = soft, .rlim_max = hard };

	return setrlimit(what, &r) == 0;
}

size_t jail_address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f) {
		if (fscanf(f, "%lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* The soft limit on CPU is moved by the zygote before every run (WIRE_CPU). */
static bool set_limits(const struct sandbox *s, unsigned memory_mb, unsigned cpu_s)
{
	rlim_t memory = s->address_space + ((rlim_t)memory_mb << 20);

	return limit(RLIMIT_AS, memory, memory) && limit(RLIMIT_CPU, cpu_s, RLIM_INFINITY) &&
		limit(RLIMIT_FSIZE, 0, 0) && limit(RLIMIT_CORE, 0, 0) &&
		limit(RLIMIT_NPROC, 0, 0) && limit(RLIMIT_MEMLOCK, 0, 0) &&
		limit(RLIMIT_MSGQUEUE, 0, 0) && limit(RLIMIT_NOFILE, 64, 64);
}

/* 0, 1 and 2 are /dev/null; Ruby keeps an eventfd of its own for signals. */
static bool close_others(int channel)
{
	unsigned from = 3;

	for (int fd = 3; fd < FD_MAX; fd++) {
		if (fd != channel && !rb_reserved_fd_p(fd))
			continue;
		if ((unsigned)fd > from && close_range(from, (unsigned)fd - 1, 0))
			return false;
		from = (unsigned)fd + 1;
	}
	return close_range(from, ~0u, 0) == 0;
}

static bool null_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok = fd >= 0;

	for (int i = 0; ok && i < 3; i++)
		ok = dup2(fd, i) == i;
	if (fd > 2)
		close(fd);
	return ok;
}

/* Names that this libseccomp does not know are left out: denied. */
static const char *const allowed[] = {
	/* the channel */
	"read",
	"write",
	"writev",
	"recvfrom",
	"recvmsg",
	"sendto",
	"sendmsg",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"close",
	/* memory; mmap and mprotect see below */
	"munmap",
	"mremap",
	"madvise",
	"brk",
	/* time */
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"getrusage",
	"times",
	"timer_create",
	"timer_settime",
	"timer_gettime",
	"timer_delete",
	/* locks; signals come, and none can be sent */
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"restart_syscall",
	"futex",
	"sched_yield",
	"set_robust_list",
	"rseq",
	"membarrier",
	"sched_getaffinity",
	/* what is known anyway */
	"getpid",
	"gettid",
	"getppid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getrandom",
	"fstat",
	"newfstatat",
	"lseek",
	"uname",
	"getrlimit",
	"exit",
	"exit_group",
};

/* A path is looked at by newfstatat; only descriptors may be. */
static bool allow_plain(scmp_filter_ctx f)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		int call = seccomp_syscall_resolve_name(allowed[i]);

		if (call == __NR_SCMP_ERROR)
			continue;
		if (call == SCMP_SYS(newfstatat)) {
			if (seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1,
				    SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)))
				return false;
			continue;
		}
		if (seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0))
			return false;
	}
	return true;
}

static bool allow_guarded(scmp_filter_ctx f)
{
	return !seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
		!seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
		!seccomp_rule_add(
			f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFL)) &&
		!seccomp_rule_add(
			f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFD));
}

/* What libseccomp makes of the rules, for every sandbox to come: making it takes a millisecond. */
bool jail_prepare(struct sandbox *s)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int fd = memfd_create("filter", MFD_CLOEXEC);
	bool ok = f && fd >= 0 && allow_plain(f) && allow_guarded(f) &&
		!seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2) && !seccomp_export_bpf(f, fd);
	off_t n = ok ? lseek(fd, 0, SEEK_END) : 0;

	s->filter = ok ? malloc((size_t)n) : NULL;
	ok = s->filter && pread(fd, s->filter, (size_t)n, 0) == n;
	s->filter_n = (unsigned short)(n / (off_t)sizeof(struct sock_filter));
	if (fd >= 0)
		close(fd);
	if (f)
		seccomp_release(f);
	return ok;
}

static bool filter_calls(const struct sandbox *s)
{
	struct sock_fprog program = { .len = s->filter_n, .filter = s->filter };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

bool jail_enter(const struct sandbox *s, int fd, unsigned memory_mb, unsigned cpu_s)
{
	return prctl(PR_SET_PDEATHSIG, 9 /* SIGKILL */, 0, 0, 0) == 0 && getppid() != 1 &&
		null_stdio() && close_others(fd) && set_limits(s, memory_mb, cpu_s) &&
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_calls(s);
}
