/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"

enum { ALIGN = 16, CHUNK_MAX = 64 << 10 };

struct arena_chunk {
	struct arena_chunk *next; /* older */
	size_t bytes;
	_Alignas(ALIGN) char mem[];
};

static NORETURN void out_of_memory(size_t bytes)
{
	fprintf(stderr, "tandem: out of memory (%zu bytes wanted)\n", bytes);
	abort();
}

void *mem_alloc(size_t bytes)
{
	void *p = malloc(bytes ? bytes : 1);

	if (!p)
		out_of_memory(bytes);
	return p;
}

void *mem_zero(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);

	if (!p)
		out_of_memory(bytes);
	return p;
}

void *mem_grow(void *old, size_t bytes)
{
	void *p = realloc(old, bytes ? bytes : 1);

	if (!p)
		out_of_memory(bytes);
	return p;
}

void arena_init(struct arena *a, size_t chunk_bytes)
{
	*a = (struct arena){ .chunk_bytes = chunk_bytes };
}

static void free_chunks(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_fini(struct arena *a)
{
	free_chunks(a->chunks);
	arena_init(a, a->chunk_bytes);
}

static void use_chunk(struct arena *a, struct arena_chunk *c)
{
	a->at = c->mem;
	a->end = c->mem + c->bytes;
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *first = a->chunks;

	if (!first)
		return;
	while (first->next) {
		struct arena_chunk *older = first->next;

		free(first);
		first = older;
	}
	a->chunks = first;
	use_chunk(a, first);
}

static void add_chunk(struct arena *a, size_t bytes)
{
	size_t usual = a->chunks ? 2 * a->chunks->bytes : a->chunk_bytes;
	size_t size = usual < CHUNK_MAX ? usual : CHUNK_MAX;
	size_t want = bytes > size ? bytes : size;
	struct arena_chunk *c = mem_alloc(sizeof(*c) + want);

	c->bytes = want;
	c->next = a->chunks;
	a->chunks = c;
	use_chunk(a, c);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	size_t take;
	char *p;

	BUG_ON(bytes > SIZE_MAX / 2);
	take = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!a->at || take > (size_t)(a->end - a->at))
		add_chunk(a, take);
	p = a->at;
	a->at += take;
	return memset(p, 0, take);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p;

	if (!s.p)
		return STR_NONE;
	p = arena_alloc(a, s.n + 1);
	memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char mem[512];
	struct buf b = BUF_OF(mem);
	va_list args;
	int n;
	char *p;

	va_start(args, fmt);
	buf_vprintf(&b, fmt, args);
	va_end(args);
	if (buf_ok(&b)) /* nearly always: formatted once */
		return memcpy(arena_alloc(a, b.n + 1), mem, b.n);
	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	BUG_ON(n < 0);
	p = arena_alloc(a, (size_t)n + 1);
	va_start(args, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, args);
	va_end(args);
	return p;
}
