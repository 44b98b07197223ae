/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dialplan_use.h"

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

uint64_t use_own_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
		(uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* To the nanosecond, unlike what stat has. */
static uint64_t running_us(pid_t pid)
{
	FILE *f = open_proc(pid, "schedstat");
	uint64_t ns = 0;

	if (f && fscanf(f, "%" SCNu64, &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns / 1000;
}

struct stat_line {
	uint64_t faults, faults_of_ended; /* minor ones */
	uint64_t ended_us; /* processor time of children that were waited for */
};

/* Fields as proc(5) numbers them; the second one may hold anything in its brackets. */
static void read_stat(pid_t pid, struct stat_line *out)
{
	FILE *f = open_proc(pid, "stat");
	char line[1024];
	const char *rest;
	long user = 0, system = 0;

	*out = (struct stat_line){ 0 };
	if (!f)
		return;
	rest = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (rest)
		sscanf(rest + 1,
			" %*c %*d %*d %*d %*d %*d %*u %" SCNu64 " %" SCNu64
			" %*u %*u %*u %*u %ld %ld",
			&out->faults, &out->faults_of_ended, &user, &system);
	out->ended_us = (uint64_t)(user + system) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	fclose(f);
}

static uint64_t private_kb(pid_t pid)
{
	FILE *f = open_proc(pid, "smaps_rollup");
	char line[256];
	uint64_t kb, sum = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Dirty: %" SCNu64, &kb) == 1)
			sum += kb;
	if (f)
		fclose(f);
	return sum;
}

static void add_sandbox(struct use *u, pid_t pid)
{
	struct stat_line s;

	read_stat(pid, &s);
	u->sandboxes++;
	u->sandboxes_us += running_us(pid);
	u->sandbox_faults += s.faults;
	u->private_kb += private_kb(pid);
}

void use_take(struct use *u, pid_t zygote)
{
	struct stat_line s;
	char name[64];
	FILE *children;
	int pid;

	snprintf(name, sizeof(name), "task/%d/children", (int)zygote);
	read_stat(zygote, &s);
	*u = (struct use){ .zygote_us = running_us(zygote),
		.sandboxes_us = s.ended_us,
		.zygote_faults = s.faults,
		.sandbox_faults = s.faults_of_ended };
	children = open_proc(zygote, name);
	while (children && fscanf(children, "%d", &pid) == 1)
		add_sandbox(u, pid);
	if (children)
		fclose(children);
}
