/* SPDX-License-Identifier: BSD-3-Clause */
#include "count.h"

#include <string.h>
#include <sys/types.h>
#include <valgrind/callgrind.h>

#include "../replay/world.h"

/* One for the process, as callgrind's own switch that it mirrors. */
static struct {
	enum part chosen, at_work;
	bool on;
} state = { .at_work = PART_HARNESS };

static void switch_to(enum part chosen, enum part at_work)
{
	bool on = chosen == at_work;

	state.chosen = chosen;
	state.at_work = at_work;
	if (on == state.on)
		return;
	state.on = on;
	CALLGRIND_TOGGLE_COLLECT;
}

void count_choose(enum part chosen)
{
	if (chosen != PART_NONE)
		CALLGRIND_START_INSTRUMENTATION;
	switch_to(chosen, state.at_work);
	if (chosen == PART_NONE)
		CALLGRIND_STOP_INSTRUMENTATION;
}

enum part count_enter(enum part part)
{
	enum part before = state.at_work;

	switch_to(state.chosen, part);
	return before;
}

void count_leave(enum part before)
{
	switch_to(state.chosen, before);
}

/* ---- between the harness and what it drives: see -Wl,--wrap in meson.build ---- */

void __real_world_send(struct world *w, struct agent *a, struct str bytes);
void __wrap_world_send(struct world *w, struct agent *a, struct str bytes);
unsigned __real_store_step(struct store *s);
unsigned __wrap_store_step(struct store *s);
void __wrap_world_say(struct world *w, const char *fmt, ...);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);

void __wrap_world_send(struct world *w, struct agent *a, struct str bytes)
{
	enum part before = count_enter(PART_SERVICE);

	__real_world_send(w, a, bytes);
	count_leave(before);
}

unsigned __wrap_store_step(struct store *s)
{
	enum part before = count_enter(PART_STORE);
	unsigned n = __real_store_step(s);

	count_leave(before);
	return n;
}

void __wrap_world_say(struct world *w, const char *fmt, ...)
{
	(void)w;
	(void)fmt;
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
	(void)flags;
	memset(out, 0x5a, n);
	return (ssize_t)n;
}
