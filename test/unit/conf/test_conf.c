/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "conf/nearest.h"

static char said[CONF_ERRORS_MAX + 1];

static struct conf *parse(const char *text)
{
	struct buf errors;
	struct conf *c;

	buf_init(&errors, said, CONF_ERRORS_MAX);
	(void)!conf_parse(str_of(text), STR("/etc/tandem/tandem.conf"), &c, &errors);
	said[errors.n] = 0;
	return c;
}

static void refused(const char *text, const char *error)
{
	assert_null(parse(text));
	assert_string_equal(said, error);
}

static void empty_file_gives_defaults(void **state)
{
	struct conf *c = parse("");

	assert_non_null(c);
	assert_int_equal(c->listen_count, 2);
	assert_true(str_eq(c->listen[0], STR("udp:*:5060")));
	assert_true(str_eq(c->listen[1], STR("tcp:*:5060")));
	assert_int_equal(c->t1_ms, 500);
	assert_int_equal(c->bindings_max, 10);
	assert_int_equal(c->algorithm_count, 1);
	assert_true(str_eq(c->store_url, STR("sqlite:/var/lib/tandem/tandem.db")));
	assert_true(str_eq(c->control, STR("/var/lib/tandem/control.sock")));
	for (unsigned i = 0; i < EVENT_CATEGORY_COUNT; i++)
		assert_int_equal(c->log_levels[i], EVENT_INFO);
	conf_free(c);
}

static void values_are_taken(void **state)
{
	struct conf *c = parse("# a comment\n"
			       "[sip]\n"
			       "listen = udp:127.0.0.1:5060 ; behind a blank\n"
			       "listen = tcp:[::1]:5061\n"
			       "workers = 3\n"
			       "[auth]\nalgorithms = sha-256, MD5 SHA-512-256\n"
			       "[registrar]\n"
			       "user_agent = expires=60; contacts=first; ^Cisco (79|78)\n"
			       "user_agent = Snom\n"
			       "[log]\nlevel = warning\nlevel.sip = debug\nto = journald\n"
			       "[service]\ndata_dir = data\nkey_file = /k\n"
			       "[store]\nurl = sqlite:x.db\n");

	assert_string_equal(said, "");
	assert_non_null(c);
	assert_int_equal(c->listen_count, 2);
	assert_true(str_eq(c->listen[0], STR("udp:127.0.0.1:5060")));
	assert_true(str_eq(c->listen[1], STR("tcp:[::1]:5061")));
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->algorithm_count, 3);
	assert_true(str_eq(c->algorithms[0], STR("SHA-256")));
	assert_int_equal(c->ua_count, 2);
	assert_true(str_eq(c->ua[0].pattern, STR("^Cisco (79|78)")));
	assert_int_equal(c->ua[0].expires_max_s, 60);
	assert_false(c->ua[0].contact_lists);
	assert_true(c->ua[1].contact_lists);
	assert_int_equal(c->log_levels[EVENT_CAT_SIP], EVENT_DEBUG);
	assert_int_equal(c->log_levels[EVENT_CAT_CALL], EVENT_WARNING);
	assert_true(c->log_journal);
	assert_true(str_eq(c->data_dir, STR("/etc/tandem/data")));
	assert_true(str_eq(c->key_file, STR("/k")));
	assert_true(str_eq(c->store_url, STR("sqlite:/etc/tandem/data/x.db")));
	conf_free(c);
}

static void faults_name_line_and_remedy(void **state)
{
	refused("[sip]\nlissen = udp:*:5060\n",
		"/etc/tandem/tandem.conf:2: [sip] has no option \"lissen\"; did you mean "
		"\"listen\"?\n");
	refused("[spi]\nlisten = udp:*:5060\n",
		"/etc/tandem/tandem.conf:2: there is no section [spi]; did you mean [sip]?\n");
	refused("[sip]\nring_s = 5\n",
		"/etc/tandem/tandem.conf:2: [sip] has no option \"ring_s\"; it belongs into "
		"[call]\n");
	refused("\n\n[sip]\nworkers = many\n",
		"/etc/tandem/tandem.conf:4: workers = many: must be a number from 0 to 64\n");
	refused("[nat]\nmedia_relay = relay.example.com\n",
		"/etc/tandem/tandem.conf:2: [nat] media_relay must be ADDRESS:PORT, "
		"the address as a number\n");
	refused("[nat]\nmedia_relay_when = always\n",
		"/etc/tandem/tandem.conf:2: [nat] media_relay_when must be none or doubtful\n");
	refused("[sip]\nworkers = 1\nworkers = 2\n",
		"/etc/tandem/tandem.conf:3: workers was set in line 2 already\n");
	refused("[sip]\nwhat is this\n",
		"/etc/tandem/tandem.conf:2: this is neither \"[section]\" nor \"key = value\"\n");
	refused("[registrar]\nexpires_min_s = 4000\n",
		"/etc/tandem/tandem.conf:2: [registrar] expires_min_s is above expires_max_s\n");
	refused("[log]\nlevel = loud\n",
		"/etc/tandem/tandem.conf:2: level = loud: must be debug, info, "
		"notice, warning, error or none\n");
}

static void all_faults_are_told(void **state)
{
	assert_null(parse("[sip]\nworkers = x\nt1_ms = 0\n[auth]\nalgorithms = ROT13\n"));
	assert_non_null(strstr(said, ":2: "));
	assert_non_null(strstr(said, ":3: "));
	assert_non_null(strstr(said, ":5: "));
}

static void wrong_values_are_refused(void **state)
{
	static const char *const wrong[] = { "[sip]\nlisten = 127.0.0.1:5060\n",
		"[sip]\nlisten = udp:example.com:5060\n", "[sip]\nlisten = udp:*:99999\n",
		"[sip]\nlisten = tls:*:5061\n", "[sip]\nlisten =\n",
		"[registrar]\nuser_agent = expires=60\n", "[registrar]\nuser_agent = (\n",
		"[registrar]\nuser_agent = expires=x Cisco\n",
		"[registrar]\nuser_agent = contacts=some Cisco\n", "[auth]\nalgorithms = MD5 MD5\n",
		"[auth]\nalgorithms =\n", "[store]\nurl = mysql:x\n", "[log]\nto = syslog\n",
		"[service]\ndata_dir =\n" };

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(parse(wrong[i]));
		assert_true(said[0] != 0);
	}
}

static void limits_of_repeatable_options(void **state)
{
	char text[8192] = "[sip]\n";

	for (unsigned i = 0; i <= CONF_LISTEN_MAX; i++)
		strcat(text, "listen = udp:127.0.0.1:5060\n");
	assert_null(parse(text));
	assert_non_null(strstr(said, ":34: "));
	strcpy(text, "[registrar]\n");
	for (unsigned i = 0; i <= CONF_UA_RULES_MAX; i++)
		strcat(text, "user_agent = Cisco\n");
	assert_null(parse(text));
	assert_non_null(strstr(said, ":34: "));
}

static void long_lines_are_refused(void **state)
{
	char text[1024] = "[sip]\nserver = ";

	memset(text + strlen(text), 'x', 500);
	assert_null(parse(text));
	assert_non_null(strstr(said, ":2: this line is too long"));
}

static void unreadable_file_says_so(void **state)
{
	struct buf errors;
	struct conf *c;

	buf_init(&errors, said, CONF_ERRORS_MAX);
	assert_int_equal(conf_load("/nonexistent/tandem.conf", &c, &errors), ERR_IO);
	said[errors.n] = 0;
	assert_string_equal(
		said, "/nonexistent/tandem.conf: cannot be read: No such file or directory\n");
}

static void file_is_loaded(void **state)
{
	char path[] = "/tmp/tandem-conf-XXXXXX";
	int fd = mkstemp(path);
	struct buf errors;
	struct conf *c;

	assert_true(write(fd, "[call]\nring_s = 20\n", 19) == 19);
	close(fd);
	buf_init(&errors, said, CONF_ERRORS_MAX);
	assert_int_equal(conf_load(path, &c, &errors), ERR_OK);
	assert_int_equal(c->ring_s, 20);
	assert_true(str_eq(c->text, STR("[call]\nring_s = 20\n")));
	conf_free(c);
	unlink(path);
}

static void note_key(const struct conf_option *o, void *arg)
{
	strcat(arg, o->key);
	strcat(arg, o->reload ? "+ " : " ");
}

static void differences_are_found(void **state)
{
	char keys[200] = "";
	struct conf *a =
		parse("[sip]\nworkers = 1\n[registrar]\nuser_agent = x\n[log]\nlevel.sip = info\n");
	struct conf *b =
		parse("[sip]\nworkers = 2\nlisten = udp:*:5070\n[auth]\nalgorithms = SHA-256\n"
		      "[log]\nlevel.sip = debug\n[service]\nuser = u\n");

	conf_compare(a, a, note_key, keys);
	assert_string_equal(keys, "");
	conf_compare(a, b, note_key, keys);
	assert_string_equal(keys, "listen workers user_agent algorithms level.sip+ user ");
	conf_free(a);
	conf_free(b);
}

static void distances(void **state)
{
	assert_int_equal(name_distance(STR("listen"), STR("LISTEN")), 0);
	assert_int_equal(name_distance(STR("lisetn"), STR("listen")), 1);
	assert_int_equal(name_distance(STR(""), STR("abc")), 3);
	assert_int_equal(name_distance(STR("kitten"), STR("sitting")), 3);
	assert_int_equal(name_distance(STR("abc"), STR("abc")), 0);
}

static void nearest_is_kept_when_near_enough(void **state)
{
	struct nearest n = { .wanted = STR("alcie@x") };

	nearest_offer(&n, STR("bob@x"));
	assert_false(n.found);
	nearest_offer(&n, STR("alice@x"));
	nearest_offer(&n, STR("alice@y"));
	assert_true(n.found);
	assert_true(str_eq(n.best, STR("alice@x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_file_gives_defaults),
		cmocka_unit_test(values_are_taken),
		cmocka_unit_test(faults_name_line_and_remedy),
		cmocka_unit_test(all_faults_are_told),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(limits_of_repeatable_options),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(unreadable_file_says_so),
		cmocka_unit_test(file_is_loaded),
		cmocka_unit_test(differences_are_found),
		cmocka_unit_test(distances),
		cmocka_unit_test(nearest_is_kept_when_near_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
