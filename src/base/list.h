/* SPDX-License-Identifier: BSD-3-Clause */
/* Doubly linked lists with the link embedded in the member; a head is a link of its own. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Whether this link is in a list; only for links that were list_init'ed or list_del'ed. */
static inline bool list_linked(const struct list *l)
{
	return l->next != l;
}

static inline void list_insert_after(struct list *at, struct list *l)
{
	l->prev = at;
	l->next = at->next;
	at->next->prev = l;
	at->next = l;
}

static inline void list_push(struct list *head, struct list *l) /* at the front */
{
	list_insert_after(head, l);
}

static inline void list_append(struct list *head, struct list *l) /* at the end */
{
	list_insert_after(head->prev, l);
}

/* Leaves l initialised, so that deleting twice is harmless. */
static inline void list_del(struct list *l)
{
	l->next->prev = l->prev;
	l->prev->next = l->next;
	list_init(l);
}

static inline struct list *list_first(struct list *head)
{
	return list_empty(head) ? NULL : head->next;
}

static inline struct list *list_pop(struct list *head)
{
	struct list *l = list_first(head);

	if (l)
		list_del(l);
	return l;
}

/* Moves all of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* The body may delete `it`, nothing else. */
#define list_each_safe(it, head)                                                                   \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                  \
		it = it##_next, it##_next = it->next)

#endif
