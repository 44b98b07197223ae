/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "main/launch.h"

/*
 * Records "WORD LENGTH NAME\n" followed by so many bytes: chain (begins a pair), key, client_ca,
 * ca; clients and verify have a number and no bytes.
 */
enum { FILE_MAX = 256 * 1024, ALL_MAX = 8 * 1024 * 1024 };

/* ---- writing ---- */

static bool add_file(struct buf *b, const char *word, struct str path, struct buf *why)
{
	char *bytes = mem_alloc(FILE_MAX), *name = str_dup(path);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, FILE_MAX);
	bool fine = n >= 0 && n < FILE_MAX;

	if (fine) {
		buf_printf(b, "%s %zd %s\n", word, n, name);
		buf_add(b, str_make(bytes, (size_t)n));
	} else {
		buf_printf(why, "[tls] %s: %s", name,
			n < 0 ? strerror(errno) : "is too long for a certificate");
	}
	if (fd >= 0)
		close(fd);
	crypto_wipe(bytes, FILE_MAX);
	free(bytes);
	free(name);
	return fine;
}

static unsigned number_of(struct str word, const char *zero, const char *one)
{
	return str_eq(word, str_of(zero)) ? 0 : str_eq(word, str_of(one)) ? 1 : 2;
}

static bool add_all(struct buf *b, const struct conf *c, struct buf *why)
{
	buf_printf(b, "clients %u -\nverify %u -\n", number_of(c->tls_clients, "no", "ask"),
		number_of(c->tls_verify, "yes", "wildcards"));
	for (unsigned i = 0; i < c->certificate_count; i++) {
		const struct conf_certificate *one = &c->certificates[i];

		if (!add_file(b, "chain", one->chain, why) ||
			(one->key.n && !add_file(b, "key", one->key, why)))
			return false;
	}
	return (!c->tls_client_ca.n || add_file(b, "client_ca", c->tls_client_ca, why)) &&
		(!c->tls_ca.n || add_file(b, "ca", c->tls_ca, why));
}

int tls_files_open(const struct conf *c, struct buf *why)
{
	char *mem = mem_alloc(ALL_MAX);
	struct buf b = { .p = mem, .max = ALL_MAX };
	int fd = -1;

	if (add_all(&b, c, why)) {
		fd = buf_ok(&b) ? launch_text_fd("tandem.tls", buf_str(&b)) : -1;
		if (fd < 0)
			buf_lit(why, "[tls] the certificates are too long together");
	}
	crypto_wipe(mem, b.n);
	free(mem);
	return fd;
}

/* ---- reading ---- */

static void take(
	struct tls_settings *s, struct str word, uint32_t number, struct str name, struct str bytes)
{
	if (str_eq(word, STR("clients")))
		s->clients = number;
	else if (str_eq(word, STR("verify")))
		s->verify = number;
	else if (str_eq(word, STR("chain")) && s->count < TLS_PAIRS_MAX)
		s->pairs[s->count++] = (struct tls_pair){ .file = name, .chain = bytes };
	else if (str_eq(word, STR("key")) && s->count)
		s->pairs[s->count - 1].key = bytes;
	else if (str_eq(word, STR("client_ca")))
		s->client_ca = bytes;
	else if (str_eq(word, STR("ca")))
		s->ca = bytes;
}

enum err tls_files_read(int fd, struct tls_files *out)
{
	struct str rest, line, word, count;
	uint32_t number;
	enum err e;

	*out = (struct tls_files){ .n = 0 };
	e = launch_read_text(fd, ALL_MAX, &out->text, &out->n);
	rest = str_make(out->text, out->n);
	while (!e && rest.n && str_cut(&rest, '\n', &line)) {
		bool bytes;

		if (!str_cut(&line, ' ', &word) || !str_cut(&line, ' ', &count) ||
			str_u32(count, &number))
			return ERR_SYNTAX;
		bytes = !str_eq(word, STR("clients")) && !str_eq(word, STR("verify"));
		if (bytes && number > rest.n)
			return ERR_SYNTAX;
		take(&out->settings, word, number, line, str_first(rest, bytes ? number : 0));
		rest = str_from(rest, bytes ? number : 0);
	}
	return e;
}

void tls_files_free(struct tls_files *f)
{
	if (f->text)
		crypto_wipe(f->text, f->n);
	free(f->text);
	f->text = NULL;
}
