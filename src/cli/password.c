/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/crypto.h"
#include "cli/password.h"

const char *password_fault(struct str password, unsigned min)
{
	if (password.n < min && min == 1)
		return "there is no password";
	if (password.n < min)
		return "a password has at least 6 characters";
	if (password.n > PASSWORD_MAX)
		return "a password has at most 128 characters";
	for (size_t i = 0; i < password.n; i++)
		if ((unsigned char)password.p[i] < ' ' || password.p[i] == 0x7f)
			return "a password has no control characters";
	return NULL;
}

/* One line, read byte by byte so that nothing behind it is swallowed. */
static bool read_line(int fd, struct password *out)
{
	size_t n = 0;
	ssize_t got;
	char ch;

	while ((got = read(fd, &ch, 1)) == 1 && ch != '\n')
		if (n < sizeof(out->text))
			out->text[n++] = ch;
	if (n && out->text[n - 1] == '\r')
		n--;
	out->value = str_make(out->text, n);
	return got == 1 || n > 0;
}

static bool prompt(const char *question, struct password *out)
{
	struct termios shown, hidden;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &shown) != 0)
		return false;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	fprintf(stderr, "%s: ", question);
	(void)!tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	ok = read_line(STDIN_FILENO, out);
	(void)!tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	fprintf(stderr, "\n");
	return ok;
}

static bool prompt_twice(const char *for_whom, struct password *out)
{
	struct password again;
	char question[256];
	bool same;

	snprintf(question, sizeof(question), "Password for %s", for_whom);
	if (!prompt(question, out) || !prompt("The same once more", &again)) {
		cli_fail(CLI_FAILED, "no password was given");
		return false;
	}
	same = str_eq(out->value, again.value);
	password_wipe(&again);
	if (!same)
		cli_fail(CLI_FAILED, "the two differ; nothing was changed");
	return same;
}

bool password_read(const struct cli *c, const char *for_whom, unsigned min, struct password *out)
{
	const char *fault;

	if (!cli_has(c, "--password-stdin") && !isatty(STDIN_FILENO)) {
		cli_fail(CLI_USAGE,
			"there is no terminal to ask for a password; give it on "
			"standard input with --password-stdin");
		return false;
	}
	if (!cli_has(c, "--password-stdin")) {
		if (!prompt_twice(for_whom, out))
			return false;
	} else if (!read_line(STDIN_FILENO, out)) {
		cli_fail(CLI_USAGE, "there is no password on standard input");
		return false;
	}
	fault = password_fault(out->value, min);
	if (fault)
		cli_fail(CLI_USAGE, "%s", fault);
	return fault == NULL;
}

void password_wipe(struct password *p)
{
	crypto_wipe(p->text, sizeof(p->text));
}
