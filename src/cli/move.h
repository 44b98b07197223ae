/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving in from the original (facts 2.14): what its files say, as records of named texts, whoever
 * wrote them: its XML persistence (move_xml.c) or a dump of its tables (move_sql.c). What is made
 * of a record is move_row.c's and move_provider.c's business; who belongs together, and what was
 * said about it, import_original.c's.
 *
 * Everything read is hostile: files, values and records have limits, XML with a document type is
 * refused before anything in it is believed.
 */
#ifndef CLI_MOVE_H
#define CLI_MOVE_H

#include "cli/cli.h"
#include "store/repo.h"

enum {
	MOVE_FILE_MAX = 256 << 20, /* bytes */
	MOVE_FIELDS_MAX = 64, /* of a record */
	MOVE_VALUE_MAX = 1 << 20, /* bytes */
	MOVE_RECORDS_MAX = 2000000,
	MOVE_FLAWS_MAX = 2000, /* bytes of what is said about one record */
};

/* In the order in which they are taken: each refers to those before it. */
enum move_kind {
	MOVE_CUSTOMER,
	MOVE_DOMAIN,
	MOVE_DIALPLAN,
	MOVE_RULE, /* of the simple wizard: part of its dialplan here */
	MOVE_PROVIDER,
	MOVE_ACCOUNT,
	MOVE_PAIR, /* of a dialplan's own data */
	MOVE_CDR,
	MOVE_OTHER, /* is there, and has no place here */
	MOVE_KINDS,
};

struct move_field {
	struct str name, value; /* name in lower case */
};

struct move_record {
	enum move_kind kind;
	const char *file;
	unsigned line;
	size_t number; /* in the order in which they were read */
	struct str owner; /* customer in lower case; empty: nobody's */
	struct move_field *fields;
	unsigned count;
};

struct move_source {
	struct arena arena; /* of all texts */
	struct move_record *records;
	size_t count, room;
	char *text; /* the file that is being read */
	char why[512]; /* what was wrong with a file */
};

void move_source_init(struct move_source *s);
void move_source_fini(struct move_source *s);
/* The table, or the XML file without ".xml", is of this kind; MOVE_KINDS: of none we know. */
enum move_kind move_kind_of(struct str table);
/* Copies the fields; the owner comes from them. false: there are too many, s->why says so. */
bool move_source_add(struct move_source *s, const char *file, unsigned line, enum move_kind kind,
	const struct move_field *fields, unsigned count);
/* Whole file into s->text, with a NUL behind it. */
bool move_source_read(struct move_source *s, const char *path, size_t *n);

/* One file; false with s->why: it cannot be read as what it should be. */
bool move_xml(struct move_source *s, const char *path);
bool move_sql(struct move_source *s, const char *path);

/* ---- what a record says ---- */
/* The first of the names that is there, trimmed; "" when none is. */
struct str move_text(const struct move_record *r, const char *name, const char *other);
struct str move_verbatim(const struct move_record *r, const char *name); /* not trimmed */
bool move_flag(const struct move_record *r, const char *name, const char *other, bool usual);
uint32_t move_number(const struct move_record *r, const char *name, uint32_t usual);
int64_t move_time(const struct move_record *r, const char *name); /* 0: none */

/* ---- what becomes of it ---- */
enum move_result {
	MOVE_TAKEN,
	MOVE_CHANGED, /* taken, but not as it was */
	MOVE_UPDATED, /* it was there, and is now as the original has it */
	MOVE_UNCHANGED, /* it was there, and the same */
	MOVE_KEPT, /* it was there, and other than the original's */
	MOVE_LEFT, /* there is no place for it here: left out */
	MOVE_REFUSED, /* and with it all of its customer */
	MOVE_RESULTS,
};

struct move { /* the import at work */
	struct cli *cli;
	struct arena rows; /* of the present record */
	struct keyring keys;
	int64_t now_ms;
	bool update;
	const struct move_record *siblings; /* of the same customer, the present one among them */
	size_t sibling_count;
	char flaw_text[MOVE_FLAWS_MAX];
	struct buf flaws; /* what was changed, kept or refused about the present record */
};

/* Adds to what is said about the present record. */
void move_flaw(struct move *m, const char *fmt, ...) PRINTF(2, 3);
/* The error of writing a record; ERR_OK: `done`. */
enum move_result move_wrote(struct move *m, enum err e, enum move_result done);
/* One for each kind; `name` is what to call the record in the report. */
typedef enum move_result move_take_fn(
	struct move *m, const struct move_record *r, struct str *name);
move_take_fn move_customer, move_domain, move_dialplan, move_rule, move_provider, move_account,
	move_pair, move_cdr, move_other;

/* move_rule.c: the rules of a wizard's dialplan as its text (dialplan/wizard.h), into m->rows. */
struct str move_rules_text(struct move *m, const struct move_record *plan);

#endif
