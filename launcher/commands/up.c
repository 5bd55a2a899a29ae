/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/up.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/commands/follow.h"
#include "launcher/commands/running.h"
#include "launcher/commands/train.h"
#include "launcher/commands/wanted.h"
#include "launcher/protocol/control.h"
#include "launcher/protocol/state_recover.h"
#include "launcher/supervisor/supervisor.h"
#include "launcher/system/interrupts.h"
#include "launcher/system/lock.h"

enum {
	HOLDER_PATIENCE_MS = 5000, /* a supervisor that has the lock and does not answer yet */
	DOWN_PATIENCE_MS = 60000,
	RETRY_MS = 50,
};

/* ---- who supervises */

struct holder {
	int lock; /* >= 0: nobody supervises, and we may */
	int fd;	  /* >= 0: connected to the supervisor */
	pid_t supervisor;
};

static void holder_release(const struct holder *h)
{
	if (h->lock >= 0)
		close(h->lock);
	if (h->fd >= 0)
		close(h->fd);
}
#define cleanup_holder __attribute__((cleanup(holder_release)))

/*
 * Get the lock, or a connection to who has it. A holder may be just beginning, or just ending: try
 * until then or a signal.
 */
static int holder_find(const struct cluster *c, unsigned patience_ms, const struct interrupts *held,
		       struct holder *out, struct err *e)
{
	uint64_t end_ns = clock_now_ns() + patience_ms * CLOCK_MS;
	pid_t holder;
	int r;

	*out = (struct holder){-1, -1, 0};
	for (;;) {
		r = lock_take(c, &out->lock, &holder, e);
		if (r != -EBUSY)
			return r;
		if (control_connect(c, &out->fd, &out->supervisor, e) == 0)
			return 0;
		if (clock_left_ms(end_ns) <= 0 || (held && interrupts_pending(held)))
			return err_set(e, -EBUSY,
				       "cluster %s is held by process %d, which does not answer: "
				       "another up or down may be under way",
				       c->name, (int)holder);
		poll(NULL, 0, RETRY_MS);
	}
}

static _Noreturn void die_of(int signal_number)
{
	signal(signal_number, SIG_DFL);
	raise(signal_number);
	_exit(128 + signal_number);
}

/* ---- up: what is wanted */

/* What the groups of a cluster tell whose state cannot be read. */
static bool recover(const struct options *o, const struct profile *p, struct cluster *c,
		    struct state *out)
{
	struct driver_request request = {
		.intent = DRIVER_OBSERVE,
		.cluster = c->name,
		.cgroup_root = o->roots.cgroup_root,
		.backend = p->backend,
	};
	cleanup_driver struct driver *d = NULL;
	struct spark_engine engine;
	struct err ignored; /* then there is nothing to tell */

	if (cluster_user(p, c, &ignored) ||
	    (profile_has_engine(p) && spark_find_engine(p, &engine, &ignored)))
		return false;
	if (profile_has_engine(p))
		request.engine_cgroups = engine.cgroup_driver;
	request.user = c->uid;
	return driver_open(&request, &d, &ignored) == 0 && state_recover_daemons(c, d, out) > 0;
}

/*
 * From PROFILE, on the heap; the inputs it is made of are large and gone afterwards. `lost` says
 * why the state of a cluster that runs cannot be read, or code 0.
 */
static int make_wanted(const struct invocation *up, struct state **out, struct err *lost,
		       struct err *e)
{
	const struct options *o = &up->options;
	cleanup_free struct inputs *in = calloc(1, sizeof(*in));
	cleanup_free struct state *wanted = calloc(1, sizeof(*wanted));
	cleanup_free struct state *known = calloc(1, sizeof(*known));
	bool is_read = false, is_known = false;
	struct err ignored; /* reported when what is wanted is made */
	struct cluster c;
	int r;

	if (!in || !wanted || !known)
		return err_set(e, -ENOMEM, "no memory for a plan");
	in->application = up->words;
	r = inputs_profile(up->operand, in, e);
	if (r)
		return r;
	if (cluster_paths(o->roots.state_dir, in->profile.name, &c, &ignored) == 0) {
		is_read = state_read(&c, known, lost) == 0;
		is_known = is_read || recover(o, &in->profile, &c, known);
	}
	if (is_read || !is_known)
		lost->code = 0;
	r = wanted_make(o, is_known ? known : NULL, in, wanted, e);
	if (!r)
		*out = take_pointer(wanted);
	return r;
}

/* ---- up: a supervisor that works on it */

static int send_apply(int fd, const struct state *wanted, struct err *e)
{
	struct control_request request = {.command = CONTROL_APPLY,
					  .state = json_table_build(&state_table, wanted, e)};
	cleanup_free char *text = NULL;
	int r = request.state ? control_request_format(&request, &text, e) : e->code;

	control_request_release(&request);
	return r ? r : control_send(fd, text, e);
}

/* Fork a supervisor that has the lock of `holder` and the other end of its descriptor. */
static int start_supervisor(const char *cgroup_root, struct state *wanted, struct holder *holder,
			    struct err *e)
{
	int ends[2];
	pid_t pid;

	malloc_trim(0); /* what a forked supervisor need not carry along */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return err_errno(e, -errno, "socketpair");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct supervisor_start start = {
			.kind = SUPERVISOR_DAEMON,
			.cluster = wanted->cluster,
			.cgroup_root = cgroup_root,
			.wanted = wanted,
			.lock = holder->lock,
			.client = ends[1],
			.client_pid = getppid(),
		};
		struct err ours;

		close(ends[0]);
		if (supervisor_run(&start, &ours) == 0)
			_exit(0);
		dprintf(STDERR_FILENO, "cleave: %s\n", ours.msg);
		_exit((int)ours.exit);
	}
	close(ends[1]);
	holder->fd = ends[0];
	holder->supervisor = pid;
	return pid < 0 ? err_errno(e, -errno, "cannot start a supervisor") : 0;
}

/* What only a failed `up` made goes again; the directories of a running cluster are not empty. */
static void drop_empty(const struct cluster *c)
{
	struct err ignored;

	if (!cluster_has_file(c, "state.json") && !cluster_has_file(c, "home.json"))
		cluster_remove(c, REMAINS_DATA, &ignored);
}

/* Make the cluster's directories, and find out who supervises. */
static int holder_begin(const struct cluster *c, const struct interrupts *held, struct holder *out,
			struct err *e)
{
	int r = cluster_make(c, e);

	return r ? r : holder_find(c, HOLDER_PATIENCE_MS, held, out, e);
}

/* `lost`: what could not be read of the state. A dead supervisor's successor found the same. */
static void print_outcome(const struct cluster *c, const struct reply *done, const struct err *lost)
{
	if (done->rebuilt[0] || lost->code)
		fprintf(stderr, "cleave: the state of %s was made anew: %s\n", c->name,
			FOREIGN(done->rebuilt[0] ? done->rebuilt : lost->msg));
	else if (done->is_adopted)
		fprintf(stderr, "cleave: the supervisor of %s was dead; what it left was adopted\n",
			c->name);
}

int up_ensure(const struct invocation *up, enum reply_result *result, struct state *out,
	      struct err *e)
{
	cleanup_free struct state *wanted = NULL;
	cleanup_holder struct holder holder = {-1, -1, 0};
	struct reply done = {0};
	struct interrupts held;
	int signal_number = 0;
	struct err lost;
	int r = make_wanted(up, &wanted, &lost, e);

	if (r)
		return r;
	interrupts_hold(&held);
	r = holder_begin(&wanted->cluster, &held, &holder, e);
	if (!r && holder.fd >= 0)
		r = send_apply(holder.fd, wanted, e);
	else if (!r)
		r = start_supervisor(up->options.roots.cgroup_root, wanted, &holder, e);
	if (r && holder.lock >= 0)
		drop_empty(&wanted->cluster);
	else if (holder.lock >= 0)
		close(take_fd(holder.lock)); /* the supervisor has its copy */
	if (!r)
		r = progress_follow(holder.fd, &done, &signal_number, e);
	if (r == -ETIMEDOUT)
		running_mute(&wanted->cluster, holder.supervisor, e);
	interrupts_release(&held);
	if (signal_number)
		die_of(signal_number);
	if (r)
		return r;
	print_outcome(&wanted->cluster, &done, &lost);
	*result = done.result;
	return state_read(&wanted->cluster, out, e);
}

int up_again(const struct state *s, int *lock, struct err *e)
{
	cleanup_holder struct holder holder = {-1, -1, 0};
	struct reply done = {0};
	int signal_number = 0;
	int r = holder_find(&s->cluster, HOLDER_PATIENCE_MS, NULL, &holder, e);

	*lock = -1;
	if (r)
		return r;
	if (holder.lock >= 0) {
		*lock = take_fd(holder.lock);
		return 0;
	}
	r = send_apply(holder.fd, s, e);
	if (!r)
		r = progress_follow(holder.fd, &done, &signal_number, e);
	if (r == -ETIMEDOUT)
		running_mute(&s->cluster, holder.supervisor, e);
	if (signal_number)
		die_of(signal_number);
	return r;
}

/* ---- up: a supervisor that is this process */

/* The terminal's side: a process that shows progress, and ends when all is up. */
static pid_t fork_progress(const struct invocation *up, const struct cluster *c,
			   const struct err *lost, int lock, const int ends[2])
{
	cleanup_free struct state *s = NULL;
	struct reply done = {0};
	int signal_number;
	struct err ignored; /* the supervisor's to show */
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0) {
		close(ends[0]);
		return pid;
	}
	close(ends[1]);
	close(lock);
	if (progress_follow(ends[0], &done, &signal_number, &ignored) == 0) {
		print_outcome(c, &done, lost);
		if (running_state(c, &s, &ignored) == 0)
			train_in_background(&up->options, s);
	}
	_exit(0);
}

int up_foreground(const struct invocation *up, struct err *e)
{
	cleanup_free struct state *wanted = NULL;
	cleanup_holder struct holder holder = {-1, -1, 0};
	struct supervisor_start start = {.kind = SUPERVISOR_FOREGROUND,
					 .cgroup_root = up->options.roots.cgroup_root};
	struct interrupts held;
	struct err lost;
	int ends[2];
	int r = make_wanted(up, &wanted, &lost, e);

	if (r)
		return r;
	start.cluster = wanted->cluster;
	interrupts_hold(&held);
	r = holder_begin(&start.cluster, &held, &holder, e);
	if (!r && holder.fd >= 0)
		r = err_set(e, -EBUSY, "cluster %s has a supervisor already (process %d)",
			    start.cluster.name, (int)holder.supervisor);
	if (!r && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		r = err_errno(e, -errno, "socketpair");
	if (r && holder.lock >= 0)
		drop_empty(&start.cluster);
	if (!r) {
		start.client_pid = fork_progress(up, &start.cluster, &lost, holder.lock, ends);
		start.client = ends[1];
		start.lock = holder.lock;
		start.wanted = take_pointer(wanted);
		r = supervisor_run(&start, e);
	}
	interrupts_release(&held);
	return r;
}

/* ---- down */

/*
 * Its exit is judged by a pidfd: a zombie is dead, a reused pid is not waited for. -ECONNRESET: it
 * has exited without a word.
 */
static int down_by_supervisor(const struct cluster *c, const struct holder *holder, struct err *e)
{
	struct pollfd end = {.events = POLLIN};
	cleanup_close int pidfd = -1;
	struct reply done = {0};
	int r;

	/* While it is connected: later its number may be another process's. */
	end.fd = pidfd = pidfd_open(holder->supervisor, 0);
	if (pidfd < 0 && errno != ESRCH)
		return err_errno(e, -errno, "process %d", (int)holder->supervisor);
	r = control_send(holder->fd, "{\"cmd\":\"down\"}", e);
	if (!r)
		r = progress_follow(holder->fd, &done, NULL, e);
	if (r == -ETIMEDOUT)
		return running_mute(c, holder->supervisor, e);
	if (r && r != -ECONNRESET)
		return r;
	if (pidfd >= 0 && poll(&end, 1, DOWN_PATIENCE_MS) == 0)
		return err_set(e, -ETIMEDOUT,
			       "the supervisor (process %d) did not exit within %d s",
			       (int)holder->supervisor, DOWN_PATIENCE_MS / 1000);
	return r;
}

/* As far as one can who finds it now: -ECONNRESET, the supervisor that was asked has ended first. */
static int try_down(const struct options *o, const struct cluster *c, struct err *e)
{
	cleanup_holder struct holder holder = {-1, -1, 0};
	struct supervisor_start alone = {.kind = SUPERVISOR_ONCE,
					 .cluster = *c,
					 .cgroup_root = o->roots.cgroup_root,
					 .client = -1};
	int r = holder_find(c, DOWN_PATIENCE_MS, NULL, &holder, e);

	if (!r && holder.fd >= 0)
		return down_by_supervisor(c, &holder, e);
	alone.lock = holder.lock;
	if (!r)
		r = supervisor_run(&alone, e);
	if (alone.signal_number) {
		fprintf(stderr, "cleave: %s\n", e->msg);
		die_of(alone.signal_number);
	}
	return r;
}

int down_cluster(const struct options *o, const char *name, struct err *e)
{
	struct cluster c;
	int r = cluster_paths(o->roots.state_dir, name, &c, e);
	bool is_there = !r && access(c.state, F_OK) == 0;

	if (r)
		return r;
	while (is_there) {
		r = try_down(o, &c, e);
		is_there = r == -ECONNRESET && access(c.state, F_OK) == 0;
	}
	if (r == -ECONNRESET)
		r = 0;
	if (!r && o->purge)
		r = cluster_remove(&c, REMAINS_NOTHING, e);
	return r;
}
