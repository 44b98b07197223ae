/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/sinks.h"

static const struct clock fixed = { .wall_ms = 1257682341000 };

static void print_line(const struct event *e, char *out, size_t max)
{
	struct event_record r = { .wall_ms = fixed.wall_ms, .seq = 7, .event = *e };
	struct buf b;

	buf_init(&b, out, max - 1);
	event_print_line(&b, &r);
	out[b.n] = 0;
}

static void print_json(const struct event *e, char *out, size_t max)
{
	struct event_record r = { .wall_ms = fixed.wall_ms, .seq = 7, .event = *e };
	struct buf b;

	buf_init(&b, out, max - 1);
	event_print_json(&b, &r);
	out[b.n] = 0;
	assert_true(buf_ok(&b));
}

static void line_has_the_fields_in_order(void **state)
{
	char out[EVENT_PRINT_MAX];
	struct event e = { .kind = EV_CALL_START,
		.call = STR("c1"),
		.account = STR("alice@x.org"),
		.text = STR("calls bob") };

	event_field(&e, "to", STR("sip:bob@x.org"));
	event_field(&e, "empty", STR_NONE);
	print_line(&e, out, sizeof(out));
	assert_string_equal(out,
		"2009-11-08T12:12:21.000Z info    call.start call=c1 "
		"account=alice@x.org to=sip:bob@x.org text=\"calls bob\"");
}

/* Nothing that a peer sends may reach a terminal as it is. */
static void hostile_values_are_escaped(void **state)
{
	static const char hostile[] = "a\x1b[2J\r\nforged level=error\t\x7f\xc2\x9b"
				      "31m\xff\xe2\x80\xae\"\\\xc0\xaf\xed\xa0\x80\xc3\xa9";
	char out[EVENT_PRINT_MAX];
	struct event e = { .kind = EV_SIP_MALFORMED, .text = str_of(hostile) };

	print_line(&e, out, sizeof(out));
	assert_string_equal(out,
		"2009-11-08T12:12:21.000Z info    sip.malformed text=\"a\\x1b[2J\\r\\n"
		"forged level=error\\t\\x7f\\u009b31m\\xff\\u202e\\\"\\\\"
		"\\xc0\\xaf\\xed\\xa0\\x80\xc3\xa9\"");
	print_json(&e, out, sizeof(out));
	for (const char *p = out; *p; p++)
		assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	assert_non_null(strstr(out, "\\u001b[2J\\r\\nforged"));
	assert_non_null(strstr(out, "\xef\xbf\xbd"));
}

static void every_byte_alone_is_harmless(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		char byte = (char)c, out[EVENT_PRINT_MAX];
		struct event e = { .kind = EV_SIP_MALFORMED, .text = str_make(&byte, 1) };

		print_line(&e, out, sizeof(out));
		for (const char *p = out; *p; p++)
			assert_true(*p >= 0x20 && *p != 0x7f);
	}
}

static void line_without_room_is_marked(void **state)
{
	char out[80];
	struct event e = { .kind = EV_CALL_START, .call = STR("c1"), .text = STR_NONE };
	char big[200];

	memset(big, 'x', sizeof(big));
	e.text = str_make(big, sizeof(big));
	print_line(&e, out, sizeof(out));
	assert_non_null(strstr(out, "call=c1"));
	assert_string_equal(out + strlen(out) - 4, " ...");
}

static void json_is_one_object(void **state)
{
	char out[EVENT_PRINT_MAX];
	struct event e = { .kind = EV_REGISTERED, .account = STR("a@b"), .customer = STR("demo") };

	event_field(&e, "contact", STR("sip:a@1.2.3.4"));
	event_field(&e, "expires", STR("60"));
	print_json(&e, out, sizeof(out));
	assert_string_equal(out,
		"{\"seq\":7,\"time\":\"2009-11-08T12:12:21.000Z\",\"level\":\"info\","
		"\"category\":\"registrar\",\"kind\":\"register.bound\",\"account\":\"a@b\","
		"\"customer\":\"demo\",\"fields\":{\"contact\":\"sip:a@1.2.3.4\",\"expires\":"
		"\"60\"}}");
}

struct counter {
	struct event_sink sink;
	pthread_mutex_t *gate;
	unsigned count;
	uint64_t last_seq;
	bool ordered;
	unsigned lost_reports;
};

static void count_take(struct event_sink *s, const struct event_record *r)
{
	struct counter *c = (struct counter *)s;

	if (c->gate) {
		pthread_mutex_lock(c->gate);
		pthread_mutex_unlock(c->gate);
	}
	if (r->event.kind == EV_EVENTS_LOST) {
		c->lost_reports++;
		return;
	}
	c->ordered = c->ordered && r->seq > c->last_seq;
	c->last_seq = r->seq;
	c->count++;
}

static void counter_init(struct counter *c, enum event_level level)
{
	*c = (struct counter){ .sink.take = count_take, .ordered = true };
	for (unsigned i = 0; i < EVENT_CATEGORY_COUNT; i++)
		c->sink.min[i] = level;
}

static void direct_bus_delivers_at_once(void **state)
{
	struct event_bus *bus = event_bus_new(false, 1);
	struct counter c;

	counter_init(&c, EVENT_INFO);
	assert_false(event_wanted(bus, EV_CALL_START));
	assert_false(event_wanted(NULL, EV_CALL_START));
	event_bus_add(bus, &c.sink);
	assert_true(event_wanted(bus, EV_CALL_START));
	assert_false(event_wanted(bus, EV_CALL_STATE));
	event_note(bus, EV_CALL_START, STR("c"), STR_NONE, "n %d", 1);
	event_note(bus, EV_CALL_STATE, STR("c"), STR_NONE, "not wanted");
	assert_int_equal(c.count, 1);
	event_bus_remove(bus, &c.sink);
	event_note(bus, EV_CALL_START, STR("c"), STR_NONE, "nobody");
	assert_int_equal(c.count, 1);
	event_bus_free(bus);
}

static void levels_change_while_running(void **state)
{
	struct event_bus *bus = event_bus_new(false, 1);
	enum event_level min[EVENT_CATEGORY_COUNT];
	struct counter c;

	counter_init(&c, EVENT_LEVEL_NONE);
	event_bus_add(bus, &c.sink);
	assert_false(event_wanted(bus, EV_PROCESS_DIED));
	for (unsigned i = 0; i < EVENT_CATEGORY_COUNT; i++)
		min[i] = EVENT_LEVEL_NONE;
	min[EVENT_CAT_SIP] = EVENT_DEBUG;
	event_bus_set_levels(bus, &c.sink, min);
	assert_true(event_wanted(bus, EV_SIP_RECEIVED));
	assert_false(event_wanted(bus, EV_PROCESS_DIED));
	event_bus_remove(bus, &c.sink);
	event_bus_free(bus);
}

static void *emit_many(void *arg)
{
	for (unsigned i = 0; i < 2000; i++)
		event_note(arg, EV_CALL_START, STR("c"), STR("a@b"), "event %u", i);
	return NULL;
}

static void threaded_bus_delivers_all_before_it_ends(void **state)
{
	struct event_bus *bus = event_bus_new(true, 10000);
	struct counter c;
	pthread_t t[4];

	counter_init(&c, EVENT_INFO);
	event_bus_add(bus, &c.sink);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, emit_many, bus), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	event_bus_free(bus);
	assert_int_equal(c.count, 8000);
	assert_true(c.ordered);
	assert_int_equal(c.lost_reports, 0);
}

/* A sink that does not come forward: emitters go on, and what is lost is said. */
static void full_queue_drops_and_reports(void **state)
{
	struct event_bus *bus = event_bus_new(true, 10);
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct counter c;
	uint64_t lost;

	counter_init(&c, EVENT_INFO);
	c.gate = &gate;
	event_bus_add(bus, &c.sink);
	pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < 100; i++)
		event_note(bus, EV_CALL_START, STR("c"), STR_NONE, "event %u", i);
	lost = event_bus_lost(bus);
	pthread_mutex_unlock(&gate);
	event_bus_free(bus);
	assert_true(lost >= 80); /* kept: a full queue, and at most as many in the thread's hand */
	assert_int_equal(c.count + lost, 100);
	assert_true(c.lost_reports >= 1);
}

static void collect(const struct event_record *r, void *arg)
{
	char *seen = arg;
	size_t n = strlen(seen);

	seen[n] = r->event.call.n ? r->event.call.p[0] : '-';
	seen[n + 1] = 0;
}

static void memory_keeps_the_newest(void **state)
{
	struct event_bus *bus = event_bus_new(false, 1);
	struct event_memory m;
	struct event_filter f;
	char why[100], seen[32] = "";
	struct buf w = BUF_OF(why);

	event_memory_init(&m, 4, EVENT_INFO);
	event_bus_add(bus, &m.sink);
	for (const char *p = "abcdef"; *p; p++)
		event_note(bus, EV_CALL_START, str_make(p, 1), STR_NONE, "x");
	assert_int_equal(event_filter_parse(STR(""), &f, &w), ERR_OK);
	event_memory_each(&m, &f, 100, collect, seen);
	assert_string_equal(seen, "cdef");
	seen[0] = 0;
	event_memory_each(&m, &f, 2, collect, seen);
	assert_string_equal(seen, "ef");
	seen[0] = 0;
	assert_int_equal(event_filter_parse(STR("call=d"), &f, &w), ERR_OK);
	event_memory_each(&m, &f, 2, collect, seen);
	assert_string_equal(seen, "d");
	event_bus_remove(bus, &m.sink);
	event_memory_fini(&m);
	event_bus_free(bus);
}

static void long_values_are_cut_in_copies(void **state)
{
	static char big[3 * EVENT_BYTES_MAX];
	struct event_record r = { .event = { .kind = EV_SIP_RECEIVED, .call = STR("id") } }, *c;

	memset(big, 'x', sizeof(big));
	r.event.text = str_make(big, sizeof(big));
	event_field(&r.event, "k", STR("v"));
	c = event_record_copy(&r);
	assert_true(str_eq(c->event.call, STR("id")));
	assert_int_equal(c->event.text.n, EVENT_BYTES_MAX - 2);
	assert_int_equal(c->event.fields[0].value.n, 0);
	free(c);
}

static bool matches(const char *words, const struct event *e)
{
	char why[200];
	struct buf w = BUF_OF(why);
	struct event_filter f;

	assert_int_equal(event_filter_parse(str_of(words), &f, &w), ERR_OK);
	return event_filter_match(&f, e);
}

static void filters_hold_all_words(void **state)
{
	struct event e = { .kind = EV_REGISTER_REFUSED,
		.call = STR("c1"),
		.account = STR("Alice@x.org"),
		.customer = STR("demo"),
		.text = STR("Too many bindings") };

	event_field(&e, "remote", STR("udp:192.0.2.1:5060"));
	assert_true(matches("", &e));
	assert_true(matches("level=debug kind=register account=alice@X.ORG customer=demo", &e));
	assert_true(matches("category=sip,registrar BINDINGS 192.0.2", &e));
	assert_false(matches("level=notice", &e));
	assert_false(matches("category=sip", &e));
	assert_false(matches("kind=call", &e));
	assert_false(matches("call=c", &e));
	assert_false(matches("bindings nowhere", &e));
	e.kind = EV_REFRESHED;
	assert_false(matches("", &e));
}

static void wrong_filters_say_why(void **state)
{
	static const char *const wrong[] = { "level=loud", "category=sip,tea",
		"1 2 3 4 5 6 7 8 9" };

	for (unsigned i = 0; i < 3; i++) {
		char why[200];
		struct buf w = BUF_OF(why);
		struct event_filter f;

		assert_int_not_equal(event_filter_parse(str_of(wrong[i]), &f, &w), ERR_OK);
		assert_true(w.n > 0);
	}
}

static void log_writes_lines(void **state)
{
	enum event_level min[EVENT_CATEGORY_COUNT] = { 0 };
	struct event_bus *bus = event_bus_new(false, 1);
	struct event_log log;
	char text[200];
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	event_log_init(&log, fds[1], min);
	event_bus_set_clock(bus, &fixed);
	event_bus_add(bus, &log.sink);
	event_note(bus, EV_SERVICE_START, STR_NONE, STR_NONE, "hello");
	n = read(fds[0], text, sizeof(text) - 1);
	text[n] = 0;
	assert_string_equal(text, "2009-11-08T12:12:21.000Z notice  service.start text=hello\n");
	event_bus_remove(bus, &log.sink);
	event_log_fini(&log);
	event_bus_free(bus);
	close(fds[0]);
	close(fds[1]);
}

static void journal_gets_priority_and_fields(void **state)
{
	enum event_level min[EVENT_CATEGORY_COUNT] = { 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct event_bus *bus = event_bus_new(false, 1);
	char dir[] = "/tmp/tandem-journal-XXXXXX", got[1000];
	struct event_log log;
	ssize_t n;
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/socket", dir);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(event_log_init_journal(&log, sun.sun_path, min), ERR_OK);
	event_bus_add(bus, &log.sink);
	event_note(bus, EV_PROCESS_DIED, STR("c9"), STR_NONE, "core\nforged");
	n = recv(fd, got, sizeof(got) - 1, 0);
	assert_true(n > 0);
	got[n] = 0;
	assert_memory_equal(got, "PRIORITY=3\n", 11);
	assert_non_null(memmem(got, (size_t)n, "TANDEM_CALL\n\2\0\0\0\0\0\0\0c9\n", 23));
	assert_non_null(memmem(got, (size_t)n, "core\\nforged", 12));
	event_bus_remove(bus, &log.sink);
	event_log_fini(&log);
	event_bus_free(bus);
	close(fd);
	unlink(sun.sun_path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_has_the_fields_in_order),
		cmocka_unit_test(hostile_values_are_escaped),
		cmocka_unit_test(every_byte_alone_is_harmless),
		cmocka_unit_test(line_without_room_is_marked),
		cmocka_unit_test(json_is_one_object),
		cmocka_unit_test(direct_bus_delivers_at_once),
		cmocka_unit_test(levels_change_while_running),
		cmocka_unit_test(threaded_bus_delivers_all_before_it_ends),
		cmocka_unit_test(full_queue_drops_and_reports),
		cmocka_unit_test(memory_keeps_the_newest),
		cmocka_unit_test(long_values_are_cut_in_copies),
		cmocka_unit_test(filters_hold_all_words),
		cmocka_unit_test(wrong_filters_say_why),
		cmocka_unit_test(log_writes_lines),
		cmocka_unit_test(journal_gets_priority_and_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
