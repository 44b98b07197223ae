/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "directory/domains.h"

struct domain_name {
	struct hash_node node;
	char *name; /* what is looked for */
	char *canonical; /* what it stands for, lower case */
};

struct domain_row { /* one allocation with its text */
	struct domain_row *next;
	struct store_domain row;
	char text[];
};

struct loading {
	struct hash names, aliases;
	struct domain_row *rows, **last;
	char *wildcard;
};

static char *lower_dup(struct str s)
{
	char *z = str_dup(s);

	for (size_t i = 0; i < s.n; i++)
		if (z[i] >= 'A' && z[i] <= 'Z')
			z[i] |= 0x20;
	return z;
}

static struct domain_name *find(const struct hash *h, struct str name)
{
	for (struct hash_node *n = hash_find(h, hash_istr(name)); n; n = hash_next(n)) {
		struct domain_name *d = container_of(n, struct domain_name, node);

		if (str_ieq(str_of(d->name), name))
			return d;
	}
	return NULL;
}

/* The first to claim a name keeps it. */
static void add(struct hash *h, struct str name, struct str canonical)
{
	struct domain_name *d;

	if (!name.n || find(h, name))
		return;
	d = mem_new(struct domain_name);
	d->name = str_dup(name);
	d->canonical = lower_dup(canonical);
	hash_add(h, &d->node, hash_istr(name));
}

static void drop_name(struct hash_node *n, void *arg)
{
	struct domain_name *d = container_of(n, struct domain_name, node);

	hash_del(arg, n);
	free(d->name);
	free(d->canonical);
	free(d);
}

static void drop_all(struct hash *h)
{
	hash_each(h, drop_name, h);
	hash_fini(h);
}

static char *keep_text(char *to, struct str *s)
{
	if (s->n)
		memcpy(to, s->p, s->n);
	s->p = to;
	return to + s->n;
}

static void keep_row(struct loading *l, const struct store_domain *row)
{
	struct domain_row *r = mem_alloc(sizeof(*r) + row->name.n + row->aliases.n + row->owner.n);
	char *at = r->text;

	r->next = NULL;
	r->row = *row;
	at = keep_text(at, &r->row.name);
	at = keep_text(at, &r->row.aliases);
	keep_text(at, &r->row.owner);
	*l->last = r;
	l->last = &r->next;
}

static void drop_rows(struct domain_row *r)
{
	while (r) {
		struct domain_row *next = r->next;

		free(r);
		r = next;
	}
}

static void load_one(const struct store_domain *row, void *arg)
{
	struct loading *l = arg;
	struct str rest = row->aliases, alias;

	keep_row(l, row);
	add(&l->names, row->name, row->name);
	while (str_cut(&rest, '\n', &alias)) {
		alias = str_trim(alias);
		if (!str_eq(alias, STR("*")))
			add(&l->aliases, alias, row->name);
		else if (!l->wildcard)
			l->wildcard = lower_dup(row->name);
	}
}

void domains_init(struct domains *d)
{
	rwlock_init(&d->lock);
	hash_init(&d->names, 8);
	hash_init(&d->aliases, 8);
	d->rows = NULL;
	d->wildcard = NULL;
}

void domains_fini(struct domains *d)
{
	drop_all(&d->names);
	drop_all(&d->aliases);
	drop_rows(d->rows);
	free(d->wildcard);
	rwlock_fini(&d->lock);
}

enum err domains_load(struct domains *d, struct store_db *db)
{
	struct loading l = { .wildcard = NULL }, old;
	enum err e;

	l.rows = NULL;
	l.last = &l.rows;
	hash_init(&l.names, 8);
	hash_init(&l.aliases, 8);
	e = store_domain_list(db, load_one, &l);
	if (!e) {
		rwlock_write(&d->lock);
		old = (struct loading){ d->names, d->aliases, d->rows, NULL, d->wildcard };
		d->names = l.names;
		d->aliases = l.aliases;
		d->rows = l.rows;
		d->wildcard = l.wildcard;
		rwlock_give(&d->lock);
		l = old;
	}
	drop_all(&l.names);
	drop_all(&l.aliases);
	drop_rows(l.rows);
	free(l.wildcard);
	return e;
}

bool domains_find(struct domains *d, struct str host, bool wildcard, char *out, size_t max)
{
	const struct domain_name *n;
	const char *found;
	bool ok;

	rwlock_read(&d->lock);
	n = find(&d->names, host);
	if (!n)
		n = find(&d->aliases, host);
	found = n ? n->canonical : wildcard ? d->wildcard : NULL;
	ok = found && str_copy(str_of(found), out, max) == ERR_OK;
	rwlock_give(&d->lock);
	return ok;
}

size_t domains_count(struct domains *d)
{
	size_t n;

	rwlock_read(&d->lock);
	n = d->names.count;
	rwlock_give(&d->lock);
	return n;
}

enum err domains_each(
	struct domains *d, enum err (*visit)(const struct store_domain *row, void *arg), void *arg)
{
	enum err e = ERR_OK;

	rwlock_read(&d->lock);
	for (const struct domain_row *r = d->rows; r && !e; r = r->next)
		e = visit(&r->row, arg);
	rwlock_give(&d->lock);
	return e;
}
