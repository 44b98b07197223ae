/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a call through a dialplan costs beyond the call itself: the real tandem-dialplan behind the
 * real host, without SIP. Each run dials one account, which answers at once; so every run ends as
 * those of answered calls do, by being told to.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "dialplan/host.h"
#include "dialplan_use.h"
#include "event/event.h"
#include "loop/loop.h"

enum { SCRIPT_MAX = 256 << 10, SETTLE_MS = 200 };

struct plan {
	const char *zygote;
	char *script;
	unsigned runs, at_once, warm_up;
	bool fresh, json;
	struct dialplan_config cfg;
};

struct bench {
	const struct plan *plan;
	struct loop loop;
	struct worker worker;
	struct event_bus *bus;
	struct dialplan_host *host;
	struct dialplan_engine *engine;
	pid_t zygote;
	uint64_t last_customer;
	unsigned left, running;
};

static const char usage[] =
	"dialplan [--warm | --fresh] [-n RUNS] [-c AT-ONCE] [--script FILE] [--json]\n"
	"         [--spare N] [--sandboxes N] [--zygote PROGRAM]\n"
	"  --warm   all runs are one customer's (the default)   --fresh  each has a new customer\n"
	"  --script what runs instead of sys.Dial(\"bob@bench.test\")\n";

static const char request[] =
	"{\"method\": \"INVITE\", \"uri\": \"sip:bob@bench.test\","
	" \"remote\": \"udp:192.0.2.7:5062\", \"local\": \"udp:192.0.2.1:5060\","
	" \"body\": \"v=0\\r\\no=- 1 1 IN IP4 192.0.2.7\\r\\ns=-\\r\\nc=IN IP4 192.0.2.7\\r\\n"
	"t=0 0\\r\\nm=audio 4000 RTP/AVP 0 8 101\\r\\na=rtpmap:101 telephone-event/8000\\r\\n\","
	" \"headers\": ["
	"[\"Via\", \"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK776asdhds;rport\"],"
	"[\"From\", \"\\\"Alice\\\" <sip:alice@bench.test>;tag=1928301774\"],"
	"[\"To\", \"<sip:bob@bench.test>\"], [\"Call-ID\", \"a84b4c76e66710@192.0.2.7\"],"
	"[\"CSeq\", \"314159 INVITE\"], [\"Contact\", \"<sip:alice@192.0.2.7:5062>\"],"
	"[\"User-Agent\", \"Bench/1.0\"], [\"Max-Forwards\", \"70\"],"
	"[\"Content-Type\", \"application/sdp\"], [\"Content-Length\", \"142\"]]}";

static void die(const char *what)
{
	fprintf(stderr, "bench-dialplan: %s\n", what);
	exit(1);
}

static void on_command(void *arg, uint64_t run, uint32_t command, const char *name, json_t *args)
{
	struct bench *b = arg;
	bool dial = strcmp(name, "dial") == 0;

	dialplan_answer(b->engine, run, command,
		dial ? json_pack("{s:b}", "stop", 1) : json_pack("{s:n}", "result"));
}

static void start_one(struct bench *b);

static void on_end(
	void *arg, uint64_t run, enum dialplan_end end, struct str message, unsigned line)
{
	struct bench *b = arg;

	b->running--;
	if (end != DIALPLAN_END_DONE) {
		fprintf(stderr, "bench-dialplan: a run failed: %.*s\n", STR_ARG(message));
		exit(1);
	}
	if (b->left)
		start_one(b);
}

static void start_one(struct bench *b)
{
	static const struct dialplan_handlers handlers = { on_command, on_end };
	struct dialplan plan = { .name = STR("bench"), .script = str_of(b->plan->script) };
	struct dialplan_start s = { .plan = &plan, .call = STR("call-1") };
	char customer[32];
	uint64_t run;

	b->last_customer += b->plan->fresh;
	snprintf(customer, sizeof(customer), "customer%llu", (unsigned long long)b->last_customer);
	s.customer = plan.customer = str_of(customer);
	s.scripts_max = b->plan->at_once + 1;
	s.input = json_pack("{s:s,s:s,s:s,s:{s:s,s:s},s:o}", "direction", "out", "username",
		customer, "dialplan", "bench", "account", "username", "alice", "domain",
		"bench.test", "request", json_loads(request, 0, NULL));
	b->left--;
	b->running++;
	if (dialplan_start(b->engine, &s, &handlers, b, &run))
		die("a run was refused");
}

static void run_all(struct bench *b, unsigned n)
{
	b->left = n;
	for (unsigned i = 0; i < b->plan->at_once && b->left; i++)
		start_one(b);
	while (b->running)
		uv_run(&b->loop.uv, UV_RUN_ONCE);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Until the sandboxes that are to be there are there, and others gone. */
static void settle(struct bench *b)
{
	uint64_t until = now_us() + SETTLE_MS * 1000;

	while (now_us() < until)
		uv_run(&b->loop.uv, UV_RUN_ONCE); /* the host's clock turns it */
}

static void start_zygote(struct bench *b)
{
	char number[16];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		die("no socket pair");
	b->zygote = fork();
	if (b->zygote == 0) {
		fcntl(pair[1], F_SETFD, 0);
		snprintf(number, sizeof(number), "%d", pair[1]);
		execl(b->plan->zygote, b->plan->zygote, "--control", number, (char *)NULL);
		_exit(127);
	}
	if (b->zygote < 0)
		die("cannot fork");
	close(pair[1]);
	dialplan_host_attach(b->host, pair[0]);
}

static void bench_open(struct bench *b, const struct plan *p)
{
	*b = (struct bench){ .plan = p, .bus = event_bus_new(false, 0) };
	worker_init(&b->worker, 0, 1, b->bus);
	if (loop_init(&b->loop, &b->worker))
		die("no event loop");
	b->host = dialplan_host_new(&b->loop.uv, b->bus, &p->cfg);
	b->engine = dialplan_host_engine(b->host, &b->worker);
	start_zygote(b);
	settle(b);
}

static void bench_close(struct bench *b)
{
	dialplan_host_stop(b->host);
	for (int i = 0; i < 10; i++)
		uv_run(&b->loop.uv, UV_RUN_NOWAIT);
	waitpid(b->zygote, NULL, 0);
	dialplan_host_free(b->host);
	loop_fini(&b->loop);
	worker_fini(&b->worker);
	event_bus_free(b->bus);
}

struct outcome {
	double wall_s, core_us, zygote_us, sandboxes_us; /* the latter three: a run */
	double zygote_faults, sandbox_faults, forks; /* a run */
	double private_kb; /* a sandbox */
	double per_core; /* runs a second */
};

static double each(uint64_t before, uint64_t after, unsigned runs)
{
	return (double)(after - before) / runs;
}

static void measure(struct bench *b, struct outcome *o)
{
	struct dialplan_stats stats_before, stats_after;
	struct use before, after;
	unsigned n = b->plan->runs;
	uint64_t start_us, own_us;

	use_take(&before, b->zygote);
	dialplan_host_stats(b->host, &stats_before);
	start_us = now_us();
	own_us = use_own_us();
	run_all(b, n);
	o->wall_s = (double)(now_us() - start_us) / 1e6;
	settle(b); /* sandboxes of these runs that still have to end */
	o->core_us = each(own_us, use_own_us(), n);
	use_take(&after, b->zygote);
	dialplan_host_stats(b->host, &stats_after);
	o->zygote_us = each(before.zygote_us, after.zygote_us, n);
	o->sandboxes_us = each(before.sandboxes_us, after.sandboxes_us, n);
	o->zygote_faults = each(before.zygote_faults, after.zygote_faults, n);
	o->sandbox_faults = each(before.sandbox_faults, after.sandbox_faults, n);
	o->forks = each(stats_before.forks, stats_after.forks, n);
	o->private_kb = after.sandboxes ? (double)after.private_kb / after.sandboxes : 0;
	o->per_core = 1e6 / (o->core_us + o->zygote_us + o->sandboxes_us);
}

static void print_json(const struct bench *b, const struct outcome *o)
{
	json_t *j = json_pack("{s:s,s:i,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "mode",
		b->plan->fresh ? "fresh" : "warm", "runs", (int)b->plan->runs, "seconds", o->wall_s,
		"runs_per_core_s", o->per_core, "core_us", o->core_us, "zygote_us", o->zygote_us,
		"sandbox_us", o->sandboxes_us, "zygote_faults", o->zygote_faults, "sandbox_faults",
		o->sandbox_faults, "forks", o->forks, "private_kb", o->private_kb);

	json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(j);
}

static void print_text(const struct bench *b, const struct outcome *o)
{
	printf("%s: %u runs in %.2f s (%.0f/s)\n", b->plan->fresh ? "fresh" : "warm", b->plan->runs,
		o->wall_s, b->plan->runs / o->wall_s);
	printf("processor time a run: core %.1f us, zygote %.1f us, sandbox %.1f us: "
	       "%.0f runs/s a core\n",
		o->core_us, o->zygote_us, o->sandboxes_us, o->per_core);
	printf("page faults a run: zygote %.1f, sandbox %.1f; forks a run: %.3f; "
	       "private memory of a sandbox: %.0f kB\n",
		o->zygote_faults, o->sandbox_faults, o->forks, o->private_kb);
}

static char *read_script(const char *path)
{
	char *text = mem_zero(SCRIPT_MAX + 1);
	FILE *f = fopen(path, "re");

	if (!f || !fread(text, 1, SCRIPT_MAX, f))
		die("cannot read the script");
	fclose(f);
	return text;
}

static void parse_options(int argc, char **argv, struct plan *p)
{
	static const struct option known[] = { { "warm", no_argument, NULL, 'w' },
		{ "fresh", no_argument, NULL, 'f' }, { "json", no_argument, NULL, 'j' },
		{ "script", required_argument, NULL, 'x' },
		{ "spare", required_argument, NULL, 's' },
		{ "sandboxes", required_argument, NULL, 'm' },
		{ "zygote", required_argument, NULL, 'z' }, { NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "n:c:", known, NULL)) != -1) {
		if (c == 'w' || c == 'f')
			p->fresh = c == 'f';
		else if (c == 'j')
			p->json = true;
		else if (c == 'n')
			p->runs = (unsigned)atoi(optarg);
		else if (c == 'c')
			p->at_once = (unsigned)atoi(optarg);
		else if (c == 'x')
			p->script = read_script(optarg);
		else if (c == 's')
			p->cfg.spare = (unsigned)atoi(optarg);
		else if (c == 'm')
			p->cfg.sandboxes_max = (unsigned)atoi(optarg);
		else if (c == 'z')
			p->zygote = optarg;
		else
			die(usage);
	}
	if (optind < argc || !p->runs || !p->at_once || !p->cfg.sandboxes_max)
		die(usage);
}

/* Where the build puts it: seen from build/test/bench. */
static char *default_zygote(const char *self)
{
	static const char there[] = "/../../src/dialplan/tandem-dialplan";
	const char *slash = strrchr(self, '/');
	size_t n = slash ? (size_t)(slash - self) : 1;
	char *path = mem_alloc(n + sizeof(there));

	memcpy(path, slash ? self : ".", n);
	memcpy(path + n, there, sizeof(there));
	return path;
}

int main(int argc, char **argv)
{
	char *zygote = default_zygote(argv[0]);
	struct plan p = { .zygote = zygote, .runs = 2000, .at_once = 1 };
	struct outcome o;
	struct bench b;

	dialplan_config_default(&p.cfg);
	parse_options(argc, argv, &p);
	if (!p.script)
		p.script = str_dup(STR("sys.Dial(\"bob@bench.test\")\n"));
	signal(SIGPIPE, SIG_IGN);
	bench_open(&b, &p);
	run_all(&b, p.fresh ? p.cfg.sandboxes_max + 20 : 50 * p.at_once);
	settle(&b);
	measure(&b, &o);
	(p.json ? print_json : print_text)(&b, &o);
	bench_close(&b);
	free(p.script);
	free(zygote);
	return 0;
}
