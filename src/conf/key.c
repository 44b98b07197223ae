/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

enum { HEX = 2 * CRYPTO_KEY_BYTES };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static enum err parse(struct str hex, uint8_t *key)
{
	if (hex.n != HEX)
		return ERR_SYNTAX;
	for (unsigned i = 0; i < CRYPTO_KEY_BYTES; i++) {
		int hi = hex_digit(hex.p[2 * i]), lo = hex_digit(hex.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return ERR_SYNTAX;
		key[i] = (uint8_t)(hi << 4 | lo);
	}
	return ERR_OK;
}

/* Written aside and linked into place: two that start at once end up with the same key. */
static enum err make(const char *path, struct buf *why)
{
	char temporary[PATH_MAX], hex[HEX + 2];
	uint8_t key[CRYPTO_KEY_BYTES];
	struct buf name = BUF_OF(temporary);
	struct rng rng;
	bool ok;
	int fd;

	buf_printf(&name, "%s.%d%c", path, (int)getpid(), 0);
	if (!buf_ok(&name))
		return ERR_RANGE;
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		buf_printf(why, "the key file %s cannot be made: %s", path, strerror(errno));
		return ERR_IO;
	}
	rng_init(&rng);
	rng_bytes(&rng, key, sizeof(key));
	str_hex(key, sizeof(key), hex);
	hex[HEX] = '\n';
	ok = write(fd, hex, HEX + 1) == HEX + 1 && fsync(fd) == 0;
	ok = close(fd) == 0 && ok && (link(temporary, path) == 0 || errno == EEXIST);
	if (!ok)
		buf_printf(why, "the key file %s cannot be written: %s", path, strerror(errno));
	unlink(temporary);
	crypto_wipe(key, sizeof(key));
	crypto_wipe(hex, sizeof(hex));
	return ok ? ERR_OK : ERR_IO;
}

static enum err read_key(int fd, const char *path, uint8_t *key, struct buf *why)
{
	char text[HEX + 8];
	struct stat st;
	ssize_t n;
	enum err e;

	if (fstat(fd, &st) != 0 || (st.st_mode & 077)) {
		buf_printf(why, "others may read the key file %s; chmod 600 it", path);
		return ERR_DENIED;
	}
	n = read(fd, text, sizeof(text));
	e = n < 0 ? ERR_IO : parse(str_trim(str_make(text, (size_t)n)), key);
	if (e != ERR_OK)
		buf_printf(why, "the key file %s does not hold %d hex digits", path, HEX);
	crypto_wipe(text, sizeof(text));
	return e;
}

enum err key_load(const struct conf *c, uint8_t key[CRYPTO_KEY_BYTES], struct buf *why)
{
	char path[PATH_MAX];
	enum err e;
	int fd;

	e = str_copy(c->key_file, path, sizeof(path));
	if (e != ERR_OK)
		return e;
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		e = make(path, why);
		if (e != ERR_OK)
			return e;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		buf_printf(why, "the key file %s cannot be read: %s", path, strerror(errno));
		return ERR_IO;
	}
	e = read_key(fd, path, key, why);
	close(fd);
	return e;
}
