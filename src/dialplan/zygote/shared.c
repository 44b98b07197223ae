/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that forks share for as long as nobody writes to it. A sandbox that lives for one run pays
 * for every page it touches first (a fault and a copy), so the zygote puts its memory in order
 * before it forks.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dialplan/zygote/sandbox.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* since Linux 6.13 */
#endif

enum {
	HOLE_MIN = 24,
	HOLE_SMALL = 1032,
	HOLE_MAX = HOLE_SMALL * 64,
	HOLES_MAX = 200000,
	GUARDS_MAX = 256,
	LARGE = 64 << 10,
};

/* What is allocated in vain at the end of the heap goes back there. */
static bool fill_hole(size_t n, const char *end)
{
	char *p = malloc(n);

	if (p && p < end)
		return true;
	free(p);
	return false;
}

/*
 * Free pieces lie about between what is in use, and malloc hands these out first: nearly every
 * piece on a page of its own. With the holes filled for good a sandbox takes its memory from the
 * end of the heap, where it lies together. What fills them is never touched and costs nobody.
 */
static void fill_holes(void)
{
	size_t holes = 0;
	const char *end;

	malloc_trim(0);
	end = (char *)sbrk(0) - mallinfo2().keepcost;
	for (size_t n = HOLE_MAX; n >= HOLE_MIN; n = n > HOLE_SMALL ? n / 2 : n - 16)
		while (holes < HOLES_MAX && fill_hole(n, end))
			holes++;
}

struct mapping {
	char *from;
	size_t n;
	char access[5];
};

/* Of those without a file and a name. */
static bool next_anonymous(FILE *maps, struct mapping *m)
{
	unsigned long from, to;
	char line[512], end;

	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s 00000000 00:00 0%c", &from, &to, m->access, &end) !=
				4 ||
			strchr(line, '['))
			continue;
		m->from = (char *)from;
		m->n = to - from;
		return true;
	}
	return false;
}

/*
 * Ruby maps the stacks of 32 fibers, each behind a guard page: 64 mappings for every fork to copy
 * and every exit to undo. Where the kernel knows guards within a mapping they become one.
 */
static void merge_guard(const struct mapping *guard)
{
	if (mprotect(guard->from, guard->n, PROT_READ | PROT_WRITE))
		return;
	if (madvise(guard->from, guard->n, MADV_GUARD_INSTALL))
		mprotect(guard->from, guard->n, PROT_NONE);
}

static void merge_guards(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	struct mapping guards[GUARDS_MAX];
	size_t count = 0;

	while (maps && count < GUARDS_MAX && next_anonymous(maps, &guards[count]))
		count += strcmp(guards[count].access, "---p") == 0;
	if (maps)
		fclose(maps);
	for (size_t i = 0; i < count; i++)
		merge_guard(&guards[i]);
}

static bool is_zero(const char *page, size_t n)
{
	return page[0] == 0 && memcmp(page, page + 1, n - 1) == 0;
}

/* What was never written is a hole in the file. */
static bool write_pages(int fd, const char *p, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < n; at += page)
		if (!is_zero(p + at, page) && pwrite(fd, p + at, page, (off_t)at) != (ssize_t)page)
			return false;
	return true;
}

static void put_into_file(char *p, size_t n)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);

	if (fd < 0)
		return;
	if (ftruncate(fd, (off_t)n) == 0 && write_pages(fd, p, n))
		mmap(p, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
	close(fd);
}

/*
 * Ruby's heap of short-lived arrays is 32 MB, of which it has touched every eighth page; a fork
 * copies an entry of the page tables for each. Pages of a file are not copied, but found when they
 * are needed.
 */
static void put_away_large(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	struct mapping m, large = { 0 };

	while (maps && next_anonymous(maps, &m))
		if (strcmp(m.access, "rw-p") == 0 && m.n >= LARGE && m.n > large.n)
			large = m;
	if (maps)
		fclose(maps);
	if (large.n)
		put_into_file(large.from, large.n);
}

void shared_arrange(void)
{
	fill_holes();
	put_away_large(); /* first: it reads what it puts away, and guards cannot be read */
	merge_guards();
}
