/* SPDX-License-Identifier: BSD-3-Clause */
/* The tandem program: a command, or a process that `tandem serve` started. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "main/core.h"
#include "main/supervisor.h"
#include "main/tls_files.h"

static bool is_hidden(struct str path)
{
	char *name = str_dup(path);
	bool hidden = access(name, R_OK) != 0 && errno == EACCES;

	free(name);
	return hidden;
}

/* What may be read by whoever asks; keys often may not, which is as it should be. */
static bool check_certificates(const struct conf *conf, struct buf *errors)
{
	static const uint8_t no_key[CRYPTO_KEY_BYTES];
	struct tls_files files;
	struct tls *tls = NULL;
	bool hidden = false;
	int fd;
	enum err e;

	for (unsigned i = 0; i < conf->certificate_count; i++) {
		const struct conf_certificate *one = &conf->certificates[i];

		hidden = hidden || is_hidden(one->chain) || (one->key.n && is_hidden(one->key));
	}
	if (hidden)
		return true;
	fd = tls_files_open(conf, errors);
	if (fd < 0) {
		buf_lit(errors, "\n");
		return false;
	}
	e = tls_files_read(fd, &files);
	if (e == ERR_OK)
		e = tls_new(&files.settings, no_key, &tls, errors);
	if (e != ERR_OK)
		buf_lit(errors, "\n");
	tls_free(tls);
	tls_files_free(&files);
	return e == ERR_OK;
}

static bool check(const struct conf *conf, struct buf *errors)
{
	struct roles_config roles;
	struct net_config net;

	return settings_net(conf, settings_workers(conf), &net, errors) == ERR_OK &&
		settings_roles(conf, &roles, errors) == ERR_OK && check_certificates(conf, errors);
}

int main(int argc, char **argv)
{
	static const struct cli_hooks hooks = { .serve = supervisor_serve, .check = check };

	if (argc > 1 && strcmp(argv[1], "--core") == 0)
		return core_main(argc, argv);
	return cli_main(argc, argv, &hooks);
}
