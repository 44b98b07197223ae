/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a configuration file: inih finds sections and keys, the table knows what they mean. */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "conf/nearest.h"
#include "conf/value.h"

struct reader { /* of one file */
	struct conf *conf;
	struct buf *errors;
	struct str rest; /* of the text */
	unsigned line;
	unsigned faults;
	unsigned given[CONF_OPTIONS_MAX]; /* line that set an option, by its row; 0: not set */
};

static void fault_prefix(struct reader *r)
{
	r->faults++;
	buf_printf(r->errors, "%.*s:%u: ", STR_ARG(r->conf->file), r->line);
}

/* inih asks for the next line, as fgets; here lines are counted. */
static char *next_line(char *out, int max, void *arg)
{
	struct reader *r = arg;
	size_t n;

	if (str_empty(r->rest))
		return NULL;
	n = str_find(r->rest, '\n');
	r->line++;
	if (n + 2 > (size_t)max) {
		fault_prefix(r);
		buf_printf(r->errors, "this line is too long (at most %d characters)\n", max - 2);
		out[0] = 0;
	} else {
		memcpy(out, r->rest.p, n);
		out[n] = 0;
	}
	r->rest = str_from(r->rest, n + 1);
	return out;
}

static void suggest_section(struct reader *r, const char *section)
{
	struct nearest n = { .wanted = str_of(section) };

	for (unsigned i = 0; i < conf_option_count; i++)
		nearest_offer(&n, str_of(conf_options[i].section));
	fault_prefix(r);
	buf_printf(r->errors, "there is no section [%s]", section);
	if (n.found)
		buf_printf(r->errors, "; did you mean [%.*s]?", STR_ARG(n.best));
	buf_lit(r->errors, "\n");
}

static void suggest_key(struct reader *r, const char *section, const char *key)
{
	struct nearest n = { .wanted = str_of(key) };
	const char *other = NULL;
	bool section_known = false;

	for (unsigned i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (strcmp(o->section, section) == 0) {
			section_known = true;
			nearest_offer(&n, str_of(o->key));
		} else if (strcmp(o->key, key) == 0) {
			other = o->section;
		}
	}
	if (!section_known) {
		suggest_section(r, section);
		return;
	}
	fault_prefix(r);
	buf_printf(r->errors, "[%s] has no option \"%s\"", section, key);
	if (other)
		buf_printf(r->errors, "; it belongs into [%s]", other);
	else if (n.found)
		buf_printf(r->errors, "; did you mean \"%.*s\"?", STR_ARG(n.best));
	buf_lit(r->errors, "\n");
}

static const struct conf_option *find_option(const char *section, const char *key)
{
	for (unsigned i = 0; i < conf_option_count; i++)
		if (strcmp(conf_options[i].section, section) == 0 &&
			strcmp(conf_options[i].key, key) == 0)
			return &conf_options[i];
	return NULL;
}

static int on_pair(void *arg, const char *section, const char *key, const char *value)
{
	struct reader *r = arg;
	const struct conf_option *o = find_option(section, key);
	bool repeatable = o &&
		(o->type == CONF_LISTEN || o->type == CONF_UA_RULE || o->type == CONF_CERTIFICATE);
	char text[512];
	struct buf why = BUF_OF(text);
	unsigned *given;

	if (!o) {
		suggest_key(r, section, key);
		return 1;
	}
	given = &r->given[o - conf_options];
	if (*given && !repeatable) {
		fault_prefix(r);
		buf_printf(r->errors, "%s was set in line %u already\n", key, *given);
		return 1;
	}
	*given = r->line;
	if (conf_value_set(r->conf, o, str_of(value), &why) != ERR_OK) {
		fault_prefix(r);
		buf_printf(r->errors, "%s = %s: %.*s\n", key, value, STR_ARG(buf_str(&why)));
	}
	return 1;
}

static void set_defaults(struct conf *c, const struct reader *r)
{
	char text[512];
	struct buf why = BUF_OF(text);

	for (unsigned i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (o->initial && !r->given[i])
			BUG_ON(conf_value_set(c, o, str_of(o->initial), &why) != ERR_OK);
	}
}

/* Levels: what a category's own row says, else what `level` says. */
static void settle_levels(struct conf *c, const struct reader *r)
{
	for (unsigned i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (o->type == CONF_LEVEL && !o->initial && !r->given[i])
			memcpy((char *)c + o->offset, &c->log_level_all, sizeof(c->log_level_all));
	}
}

static struct str absolute(struct conf *c, struct str dir, struct str path)
{
	if (str_starts(path, STR("/")))
		return path;
	return str_of(arena_printf(&c->arena, "%.*s/%.*s", STR_ARG(dir), STR_ARG(path)));
}

static void settle_paths(struct conf *c)
{
	struct str dir = str_first(c->file, str_rfind(c->file, '/'));
	struct str scheme = STR("sqlite:");

	c->data_dir = absolute(c, dir, c->data_dir);
	c->key_file = absolute(c, c->data_dir, c->key_file);
	c->control = absolute(c, c->data_dir, c->control);
	for (unsigned i = 0; i < c->certificate_count; i++) {
		struct conf_certificate *one = &c->certificates[i];

		one->chain = absolute(c, c->data_dir, one->chain);
		if (one->key.n)
			one->key = absolute(c, c->data_dir, one->key);
	}
	if (c->tls_client_ca.n)
		c->tls_client_ca = absolute(c, c->data_dir, c->tls_client_ca);
	if (c->tls_ca.n)
		c->tls_ca = absolute(c, c->data_dir, c->tls_ca);
	if (c->dialplan.common.n)
		c->dialplan.common = absolute(c, c->data_dir, c->dialplan.common);
	c->store_url = str_of(arena_printf(&c->arena, "sqlite:%.*s",
		STR_ARG(absolute(c, c->data_dir, str_from(c->store_url, scheme.n)))));
}

static void fault_at(struct reader *r, const char *section, const char *key, const char *what)
{
	r->line = r->given[find_option(section, key) - conf_options];
	fault_prefix(r);
	buf_printf(r->errors, "[%s] %s %s\n", section, key, what);
}

static bool is_one_of(struct str word, const char *a, const char *b, const char *c)
{
	return str_eq(word, str_of(a)) || str_eq(word, str_of(b)) || str_eq(word, str_of(c));
}

static void check_tls(struct reader *r)
{
	const struct conf *c = r->conf;

	for (unsigned i = 0; i < c->listen_count; i++)
		if (str_istarts(c->listen[i], STR("tls:")) && c->certificate_count == 0) {
			fault_at(r, "sip", "listen", "with tls: needs a [tls] certificate");
			break;
		}
	if (!is_one_of(c->tls_clients, "no", "ask", "require"))
		fault_at(r, "tls", "clients", "must be no, ask or require");
	else if (!str_eq(c->tls_clients, STR("no")) && !c->tls_client_ca.n)
		fault_at(r, "tls", "clients", "needs a client_ca");
	if (!is_one_of(c->tls_verify, "yes", "wildcards", "no"))
		fault_at(r, "tls", "verify", "must be yes, wildcards or no");
}

static void check_together(struct reader *r)
{
	const struct conf *c = r->conf;
	struct addr relay;

	check_tls(r);
	if (!is_one_of(c->stun_rendezvous, "always", "asked", "no"))
		fault_at(r, "stun", "rendezvous", "must be always, asked or no");
	if (c->media_relay.n && addr_parse(c->media_relay, &relay))
		fault_at(r, "nat", "media_relay", "must be ADDRESS:PORT, the address as a number");
	if (!str_eq(c->media_relay_when, STR("none")) &&
		!str_eq(c->media_relay_when, STR("doubtful")))
		fault_at(r, "nat", "media_relay_when", "must be none or doubtful");

	if (c->expires_min_s > c->expires_max_s)
		fault_at(r, "registrar", "expires_min_s", "is above expires_max_s");
	if (c->session_min_s > c->session_expires_s)
		fault_at(r, "call", "session_min_s", "is above session_expires_s");
	if (c->control.n > 100)
		fault_at(r, "service", "control", "is too long for a socket (100 characters)");
}

enum err conf_parse(struct str text, struct str path, struct conf **out, struct buf *errors)
{
	struct conf *c = mem_new(struct conf);
	struct reader r = { .conf = c, .errors = errors, .rest = text };
	int bad_line;

	*out = NULL;
	arena_init(&c->arena, 16 * 1024);
	c->file = arena_str(&c->arena, path);
	c->text = arena_str(&c->arena, text);
	bad_line = ini_parse_stream(next_line, &r, on_pair, &r);
	if (bad_line > 0) {
		r.line = (unsigned)bad_line;
		fault_prefix(&r);
		buf_lit(errors, "this is neither \"[section]\" nor \"key = value\"\n");
	}
	set_defaults(c, &r);
	settle_levels(c, &r);
	settle_paths(c);
	check_together(&r);
	if (r.faults) {
		conf_free(c);
		return ERR_SYNTAX;
	}
	*out = c;
	return ERR_OK;
}

static enum err read_file(const char *path, char **text, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return ERR_IO;
	*text = mem_alloc(CONF_BYTES_MAX + 1);
	*n = 0;
	while ((got = read(fd, *text + *n, CONF_BYTES_MAX + 1 - *n)) > 0)
		*n += (size_t)got;
	close(fd);
	if (got == 0 && *n <= CONF_BYTES_MAX)
		return ERR_OK;
	if (got == 0)
		errno = EFBIG;
	free(*text);
	return ERR_IO;
}

enum err conf_load(const char *path, struct conf **out, struct buf *errors)
{
	char real[PATH_MAX], *text;
	size_t n;
	enum err e;

	*out = NULL;
	if (!realpath(path, real) || read_file(real, &text, &n) != ERR_OK) {
		buf_printf(errors, "%s: cannot be read: %s\n", path, strerror(errno));
		return ERR_IO;
	}
	e = conf_parse(str_make(text, n), str_of(real), out, errors);
	free(text);
	return e;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	arena_fini(&c->arena);
	free(c);
}
