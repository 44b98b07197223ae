/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arenas: memory that is freed all at once. One a message, one a dialog, one a job. The maximum
 * is set when it is made; asking for more aborts the program only if the caller did not check
 * what a peer can make grow, so check sizes before.  Out of memory aborts.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	char *at, *end; /* free part of the newest chunk */
	size_t chunk_bytes;
};

/*
 * chunk_bytes: how much is asked from malloc at first; each time after that it is twice as much, up
 * to 64 KiB (larger wishes get a chunk of their own). Close to what is usually needed is best.
 */
void arena_init(struct arena *a, size_t chunk_bytes);
void arena_fini(struct arena *a);
/* Frees all but the first chunk. */
void arena_reset(struct arena *a);
/* Zeroed, aligned to 16. */
void *arena_alloc(struct arena *a, size_t bytes);
/* A copy; terminated by a NUL beyond n. STR_NONE stays STR_NONE. */
struct str arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

/* malloc, calloc and realloc that abort when memory is out. */
void *mem_alloc(size_t bytes);
void *mem_zero(size_t bytes);
void *mem_grow(void *p, size_t bytes);
#define mem_new(type) ((type *)mem_zero(sizeof(type)))

#endif
