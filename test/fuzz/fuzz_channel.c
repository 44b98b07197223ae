/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile sandbox: its packets are pieces of the input, each led by a length byte. The host must
 * neither crash nor report a run twice.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "dialplan/host_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void on_command(void *arg, uint64_t run, uint32_t command, const char *name, json_t *args)
{
	struct dialplan_engine *e = arg;

	dialplan_answer(e, run, command, json_pack("{s:n}", "result"));
}

static unsigned ends;

static void on_end(
	void *arg, uint64_t run, enum dialplan_end end, struct str message, unsigned line)
{
	BUG_ON(++ends > 1);
}

static void turn(struct dialplan_host *h, struct worker *w)
{
	for (int i = 0; i < 3; i++) {
		uv_run(h->loop, UV_RUN_NOWAIT);
		worker_run_inbox(w);
	}
}

static void start(struct dialplan_host *h, struct dialplan_engine *e)
{
	static const struct dialplan_handlers handlers = { on_command, on_end };
	struct dialplan plan = { .name = STR("fuzz"), .script = STR("x") };
	struct dialplan_start s = { .plan = &plan, .customer = STR("c"), .input = json_object() };
	uint64_t run;

	BUG_ON(dialplan_start(e, &s, &handlers, e, &run) != ERR_OK);
}

static void play(struct dialplan_host *h, struct worker *w, int fd, const uint8_t *data, size_t n)
{
	while (n > 1) {
		size_t piece = data[0] < n - 1 ? data[0] : n - 1;

		if (send(fd, data + 1, piece, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		turn(h, w);
		data += piece + 1;
		n -= piece + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct dialplan_config cfg;
	struct dialplan_host *h;
	struct dialplan_engine *e;
	struct worker w;
	uv_loop_t loop;
	int pair[2];

	ends = 0;
	BUG_ON(uv_loop_init(&loop) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	worker_init(&w, 0, 1, NULL);
	dialplan_config_default(&cfg);
	h = dialplan_host_new(&loop, NULL, &cfg);
	e = dialplan_host_engine(h, &w);
	box_open(box_new(h), pair[0], 1);
	start(h, e);
	turn(h, &w);
	play(h, &w, pair[1], data, n);
	close(pair[1]);
	dialplan_host_stop(h);
	uv_run(&loop, UV_RUN_DEFAULT);
	worker_run_inbox(&w);
	BUG_ON(ends != 1);
	dialplan_host_free(h);
	worker_fini(&w);
	BUG_ON(uv_loop_close(&loop));
	return 0;
}
