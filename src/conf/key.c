/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A credential's group bits show its access list, which systemd sets for the service user. */
enum { OTHERS = 077, OTHERS_OF_CREDENTIAL = 007 };

enum err key_find(const struct conf *c, struct key_place *out)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	out->credential = false;
	if (dir && *dir) {
		int n = snprintf(out->path, sizeof(out->path), "%s/tandem-key", dir);

		if (n > 0 && (size_t)n < sizeof(out->path) && access(out->path, F_OK) == 0) {
			out->credential = true;
			return ERR_OK;
		}
	}
	return str_copy(c->key_file, out->path, sizeof(out->path));
}

/* The directory part of a path, which is absolute. */
static void directory_of(const char *path, char dir[PATH_MAX])
{
	size_t slash = str_rfind(str_of(path), '/');

	snprintf(dir, PATH_MAX, "%.*s", slash ? (int)slash : 1, path);
}

/* ---- writing ---- */

static bool write_all(int fd, const struct keyring *r)
{
	char text[KEYRING_TEXT_MAX];
	struct buf b = BUF_OF(text);
	bool ok;

	keyring_print(&b, r);
	ok = buf_ok(&b) && write(fd, b.p, b.n) == (ssize_t)b.n && fsync(fd) == 0;
	crypto_wipe(text, sizeof(text));
	return ok;
}

/* A new file with the ring, on disk; or false, with errno. */
static bool write_aside(const char *path, const struct keyring *r, const struct stat *owner)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = !owner || geteuid() != 0 || fchown(fd, owner->st_uid, owner->st_gid) == 0;
	ok = ok && write_all(fd, r);
	return close(fd) == 0 && ok;
}

/* The name itself must be on disk, too. */
static bool sync_directory(const char *path)
{
	char dir[PATH_MAX];
	bool ok;
	int fd;

	directory_of(path, dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = fsync(fd) == 0;
	close(fd);
	return ok;
}

/* Written aside and linked into place: two that start at once end up with the same ring. */
static enum err make(const char *path, struct buf *why)
{
	char temporary[PATH_MAX + 16];
	struct keyring r;
	bool ok;

	keyring_init(&r);
	snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
	ok = write_aside(temporary, &r, NULL) && (link(temporary, path) == 0 || errno == EEXIST) &&
		sync_directory(path);
	if (!ok)
		buf_printf(why, "the key file %s cannot be made: %s", path, strerror(errno));
	unlink(temporary);
	keyring_wipe(&r);
	return ok ? ERR_OK : ERR_IO;
}

enum err key_lock(const struct conf *c, int *lock, struct buf *why)
{
	struct key_place place;
	char dir[PATH_MAX];
	enum err e = key_find(c, &place);

	if (e != ERR_OK)
		return e;
	if (place.credential) {
		buf_printf(why,
			"the keys are a credential of systemd (%s), which is changed where "
			"it comes from",
			place.path);
		return ERR_STATE;
	}
	directory_of(place.path, dir);
	*lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	e = errno == EWOULDBLOCK ? ERR_BUSY : ERR_IO;
	buf_printf(why, "%s %s%s%s",
		e == ERR_BUSY ? "another command is changing the keys in" : "the directory", dir,
		e == ERR_BUSY ? "" : " cannot be locked: ", e == ERR_BUSY ? "" : strerror(errno));
	if (*lock >= 0)
		close(*lock);
	return e;
}

enum err key_write(const struct conf *c, const struct keyring *r, struct buf *why)
{
	char path[PATH_MAX], new[PATH_MAX + 8];
	struct stat owner;
	enum err e = str_copy(c->key_file, path, sizeof(path));

	if (e != ERR_OK)
		return e;
	snprintf(new, sizeof(new), "%s.new", path);
	unlink(new); /* of one that was killed; the lock says that it is not at work */
	if (stat(path, &owner) == 0 && write_aside(new, r, &owner) && rename(new, path) == 0 &&
		sync_directory(path))
		return ERR_OK;
	buf_printf(why, "the key file %s cannot be written: %s", path, strerror(errno));
	unlink(new);
	return ERR_IO;
}

/* ---- reading ---- */

static enum err check_mode(int fd, const struct key_place *place, struct buf *why)
{
	mode_t others = place->credential ? OTHERS_OF_CREDENTIAL : OTHERS;
	struct stat st;

	if (fstat(fd, &st) == 0 && !(st.st_mode & others))
		return ERR_OK;
	buf_printf(why, "others may read the key file %s; chmod 600 it", place->path);
	return ERR_DENIED;
}

static enum err read_ring(
	int fd, const struct key_place *place, struct keyring *out, struct buf *why)
{
	char text[KEYRING_TEXT_MAX + 1];
	size_t n = 0, said = why->n;
	ssize_t got = 0;
	enum err e;

	while (n < sizeof(text) && (got = read(fd, text + n, sizeof(text) - n)) > 0)
		n += (size_t)got;
	if (got < 0) {
		buf_printf(why, "the key file %s cannot be read: %s", place->path, strerror(errno));
		e = ERR_IO;
	} else if (n == sizeof(text)) {
		buf_printf(why, "the key file %s is too long to be one", place->path);
		e = ERR_SYNTAX;
	} else {
		buf_printf(why, "the key file %s: ", place->path);
		e = keyring_parse(str_make(text, n), out, why);
		if (e == ERR_OK)
			why->n = said;
	}
	crypto_wipe(text, sizeof(text));
	return e;
}

enum err key_load(const struct conf *c, struct keyring *out, struct buf *why)
{
	struct key_place place;
	enum err e = key_find(c, &place);
	int fd;

	if (e != ERR_OK)
		return e;
	if (!place.credential && access(place.path, F_OK) != 0 && errno == ENOENT) {
		e = make(place.path, why);
		if (e != ERR_OK)
			return e;
	}
	fd = open(place.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		buf_printf(why, "the key file %s cannot be read: %s", place.path, strerror(errno));
		return ERR_IO;
	}
	e = check_mode(fd, &place, why);
	if (e == ERR_OK)
		e = read_ring(fd, &place, out, why);
	close(fd);
	return e;
}
