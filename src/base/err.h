/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors: one enum for the whole program. Functions that can fail return it and are must-use;
 * results come back through arguments. A SIP status code is data and never an error.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* name, text for people */
#define ERR_LIST(X)                                                                                \
	X(OK, "no error")                                                                          \
	X(SYNTAX, "malformed")                                                                     \
	X(RANGE, "out of range")                                                                   \
	X(LIMIT, "a configured limit is reached")                                                  \
	X(FULL, "no room left")                                                                    \
	X(NOT_FOUND, "not found")                                                                  \
	X(EXISTS, "exists already")                                                                \
	X(STATE, "not possible in this state")                                                     \
	X(DENIED, "not permitted")                                                                 \
	X(UNSUPPORTED, "not supported")                                                            \
	X(TIMEOUT, "timed out")                                                                    \
	X(CLOSED, "closed")                                                                        \
	X(BUSY, "busy, try again")                                                                 \
	X(IO, "input/output error")                                                                \
	X(NETWORK, "network unreachable or refused")                                               \
	X(DNS, "name did not resolve")                                                             \
	X(DB, "database error")                                                                    \
	X(DB_BUSY, "database locked")                                                              \
	X(DB_FULL, "disk full")                                                                    \
	X(DB_CORRUPT, "database damaged")                                                          \
	X(DB_STATEMENT, "the database cannot run this")                                            \
	X(CRYPTO, "cryptographic check failed")                                                    \
	X(INTERNAL, "internal error")

enum err {
#define X(name, text) ERR_##name,
	ERR_LIST(X)
#undef X
		ERR_COUNT
};

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))

/* Never NULL. */
const char *err_text(enum err e);

/*
 * Assertions, on in release too: for our own bugs only. Nothing that a peer, a disk, a database or
 * a script says is asserted.
 */
NORETURN void bug(const char *file, int line, const char *what);
#define BUG_ON(cond)                                                                               \
	do {                                                                                       \
		if (__builtin_expect(!!(cond), 0))                                                 \
			bug(__FILE__, __LINE__, #cond);                                            \
	} while (0)

#endif
