/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fields of a provider: one row each, from which options, JSON, tables and the columns of an
 * import come. A field is called the same everywhere: "auth_username" in JSON and in an import,
 * --auth-username as an option.
 *
 * All that the original's record has is here, but for Google Voice, which is no more; its marks
 * "read only" and "disabled by the administrator" are disabled, with a reason.
 */
#ifndef CLI_PROVIDER_FIELDS_H
#define CLI_PROVIDER_FIELDS_H

#include <jansson.h>

#include "base/arena.h"
#include "store/repo.h"

struct taking;

struct provider_field {
	const char *key, *title;
	size_t offset; /* in struct store_provider */
	size_t max; /* characters */
	bool (*take)(struct taking *t);
	void (*put)(json_t *o, const char *key, const void *from);
};

extern const struct provider_field provider_fields[];
extern const unsigned provider_field_count;

const struct provider_field *provider_field_find(struct str key); /* or NULL */
/* Adds it to a JSON object. */
void provider_field_put(
	json_t *o, const struct provider_field *f, const struct store_provider *row);

/*
 * Checks the text and sets the field; text from the arena or the caller's. Yes and no for what is
 * switched; several headers stand one a line. "" empties what may be empty. False with a sentence
 * in `why` that says what is wrong and what would be right.
 */
bool provider_field_take(const struct provider_field *f, struct arena *a, struct str value,
	struct store_provider *row, struct buf *why);
/* What only the whole row tells: what is missing, or does not fit together. */
bool provider_check(const struct store_provider *row, struct buf *why);
/* A row as it is before anything was said about it. */
void provider_init(struct store_provider *row);

#endif
