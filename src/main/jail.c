/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/jail.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>

/* Core opens files and sockets and starts threads; it never does any of these. */
static const int refused[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setregid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(kexec_load),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(reboot),
};

enum err jail_enter(void)
{
	scmp_filter_ctx filter;
	int bad = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_DENIED;
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return ERR_INTERNAL;
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]) && !bad; i++)
		bad = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (!bad)
		bad = seccomp_load(filter);
	seccomp_release(filter);
	return bad ? ERR_DENIED : ERR_OK;
}
