/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/engine/errand.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "decision/base/cleanup.h"

enum {
	END_PATIENCE_MS = 10000, /* its processes are dead: the engine hears of it in a moment */
	SWEPT = 256,
};

/* ---- in the child */

/* The one of this name is not needed any more, if it is ours. */
static int make_room(struct engine *g, const struct container_spec *spec, struct err *e)
{
	struct container_state there;
	int r = container_find(g, spec->name, spec->cluster, &there, e);

	return r == 0 ? container_remove(g, there.id, e) : r == -ENOENT ? 0 : r;
}

static int begin(struct engine *g, const struct container_spec *spec, struct container_state *out,
		 struct err *e)
{
	char id[CONTAINER_ID];
	struct err ignored;
	int r = make_room(g, spec, e);

	if (!r)
		r = container_create(g, spec, id, e);
	if (r == -ENOENT)
		return err_wrap(e, "docker.image");
	if (r)
		return r;
	r = container_start(g, id, e);
	if (!r)
		r = container_inspect(g, id, out, e);
	if (r)
		container_remove(g, id, &ignored);
	return r;
}

static int end(struct engine *g, const struct container_spec *spec, int log,
	       struct container_state *out, struct err *e)
{
	struct err ignored; /* what it printed, and how it ended, is worth less than that it goes */
	int code;
	int r = container_wait(g, spec->name, END_PATIENCE_MS, &code, e);

	if (r != -ENOENT)
		r = container_find(g, spec->name, spec->cluster, out, e);
	if (r == -ENOENT) {
		*out = (struct container_state){0};
		return 0;
	}
	if (r)
		return r;
	if (log >= 0)
		container_logs(g, out->id, LOGS_NOW, 0, log, &ignored);
	return container_remove(g, out->id, e);
}

static int clear(struct engine *g, const char *cluster, struct err *e)
{
	cleanup_free struct container_state *list = calloc(SWEPT, sizeof(*list));
	int count = list ? container_list(g, cluster, list, SWEPT, e)
			 : err_set(e, -ENOMEM, "no memory for a list of containers");
	int r = 0;

	for (int i = 0; !r && i < count && i < SWEPT; i++)
		r = container_remove(g, list[i].id, e);
	return count < 0 ? count : r;
}

static void run(enum errand_kind kind, const char *socket, const struct container_spec *spec,
		int log, struct errand_result *result)
{
	struct container_state *out = &result->container;
	struct err *e = &result->err;
	struct engine *g;
	int r = engine_open(socket, &g, e);

	if (r)
		return;
	switch (kind) {
	case ERRAND_BEGIN:
		r = begin(g, spec, out, e);
		break;
	case ERRAND_END:
		r = end(g, spec, log, out, e);
		break;
	case ERRAND_UNPAUSE:
		r = container_find(g, spec->name, spec->cluster, out, e);
		if (!r)
			r = container_unpause(g, out->id, e);
		break;
	case ERRAND_CLEAR:
		r = clear(g, spec->cluster, e);
		break;
	}
	if (!r)
		e->code = 0;
	engine_close(g);
}

/* Nothing of the supervisor's but these: a lock that lives on would be its lock still. */
static void close_others(int answer, int log)
{
	int low = log < 0 || answer < log ? answer : log, high = answer > log ? answer : log;

	if (low > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0U, 0);
}

static _Noreturn void child(pid_t parent, enum errand_kind kind, const char *socket,
			    const struct container_spec *spec, int answer, int log)
{
	struct errand_result result = {0};
	sigset_t none;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	close_others(answer, log);
	run(kind, socket, spec, log, &result);
	_exit(send(answer, &result, sizeof(result), MSG_NOSIGNAL) != sizeof(result));
}

/* ---- in the supervisor */

int errand_send(struct errand *out, enum errand_kind kind, const char *socket,
		const struct container_spec *spec, int log, struct err *e)
{
	pid_t parent = getpid(), pid;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return err_errno(e, -errno, "cannot ask the engine: socketpair");
	pid = fork();
	if (pid == 0)
		child(parent, kind, socket, spec, ends[1], log);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_errno(e, -errno, "cannot ask the engine: fork");
	}
	*out = (struct errand){kind, pid, ends[0]};
	return 0;
}

static void forget(struct errand *errand)
{
	waitpid(errand->pid, NULL, WNOHANG); /* else the loop reaps it */
	close(errand->fd);
	*errand = (struct errand){.fd = -1};
}

void errand_take(struct errand *errand, struct errand_result *out)
{
	if (recv(errand->fd, out, sizeof(*out), MSG_DONTWAIT) != sizeof(*out)) {
		*out = (struct errand_result){0};
		err_set(&out->err, -EIO,
			"the process that asks the engine has ended without a word");
	}
	forget(errand);
}

void errand_drop(struct errand *errand)
{
	if (errand->fd < 0)
		return;
	kill(errand->pid, SIGKILL);
	waitpid(errand->pid, NULL, 0);
	forget(errand);
}
