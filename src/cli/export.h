/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own data as files: one for each kind of row, which `tandem export` writes and `tandem import`
 * reads back equal. A file is an object {"tandem": 1, "kind": …, "rows": [ … ]}; the fields are
 * those of store/repo.h but for ids, in the order of the table in export_rows.c. Times are ISO
 * 8601; text that is not UTF-8 is {"hex": …}. Passwords are as the database has them: hashes, HA1,
 * sealed.
 */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include <jansson.h>

#include "cli/cli.h"
#include "store/repo.h"

enum { EXPORT_VERSION = 1, EXPORT_KINDS = 7, EXPORT_FILE_MAX = 512 << 20 };

struct export_row { /* any of them */
	union {
		struct store_customer customer;
		struct store_domain domain;
		struct store_account account;
		struct store_dialplan dialplan;
		struct store_provider provider;
		struct store_cdr cdr;
		struct export_value {
			struct str customer, key, value;
		} value;
	};
};

struct export_kind {
	const char *name; /* of the kind, and of its file: "accounts.json" */
	const struct export_field *fields;
	unsigned count;
	/* Appends the rows of a customer, or all without a name, to an array. */
	enum err (*list)(struct store_db *db, struct str customer, json_t *rows);
	/* ERR_NOT_FOUND: there is no such row. */
	enum err (*get)(struct store_db *db, const struct export_row *like, struct arena *a,
		struct export_row *out);
	enum err (*put)(struct store_db *db, const struct export_row *row, bool is_new);
};

/* In the order in which they are read back: each refers to those before it. */
extern const struct export_kind export_kinds[EXPORT_KINDS];

json_t *export_json(const struct export_kind *k, const struct export_row *row);
/* Texts borrow from the JSON or the arena. false with `why`: a field is missing, or of another
 * kind. */
bool export_row_of(const struct export_kind *k, const json_t *o, struct arena *a,
	struct export_row *out, struct buf *why);

#endif
