#include "launcher/commands/up.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/commands/follow.h"
#include "launcher/commands/wanted.h"
#include "launcher/protocol/control.h"
#include "launcher/protocol/state_recover.h"
#include "launcher/supervisor/supervisor.h"
#include "launcher/system/files.h"
#include "launcher/system/interrupts.h"
#include "launcher/system/lock.h"

enum {
	HOLDER_PATIENCE_MS = 5000, /* a supervisor that has the lock and does not answer yet */
	DOWN_PATIENCE_MS = 60000,
	RETRY_MS = 50,
};

static void pause_ms(unsigned ms)
{
	poll(NULL, 0, (int)ms);
}

/* ---- who supervises */

struct grip {
	int lock; /* >= 0: nobody supervises, and we may */
	int fd;	  /* >= 0: connected to the supervisor */
	pid_t supervisor;
};

static void grip_release(const struct grip *g)
{
	if (g->lock >= 0)
		close(g->lock);
	if (g->fd >= 0)
		close(g->fd);
}
#define cleanup_grip __attribute__((cleanup(grip_release)))

/* Get the lock, or a connection to who has it. A holder may be just beginning, or just ending: try until then or a signal. */
static int grip_cluster(const struct cluster *c, unsigned patience_ms,
			const struct interrupts *held, struct grip *out, struct err *e)
{
	uint64_t end = clock_now_ns() / CLOCK_MS + patience_ms;
	pid_t holder;
	int r;

	*out = (struct grip){-1, -1, 0};
	for (;;) {
		r = lock_take(c, &out->lock, &holder, e);
		if (r != -EBUSY)
			return r;
		if (control_connect(c, &out->fd, &out->supervisor, e) == 0)
			return 0;
		if (clock_now_ns() / CLOCK_MS >= end || (held && interrupts_pending(held)))
			return err_set(e, -EBUSY,
				       "cluster %s is held by process %d, which does not answer: "
				       "another up or down may be under way",
				       c->name, (int)holder);
		pause_ms(RETRY_MS);
	}
}

/* ---- up */

static int send_apply(int fd, const struct state *wanted, struct err *e)
{
	struct control_request request = {.command = CONTROL_APPLY,
					  .state = json_table_build(&state_table, wanted, e)};
	cleanup_free char *text = NULL;
	int r = request.state ? control_request_format(&request, &text, e) : e->code;

	control_request_release(&request);
	return r ? r : control_send(fd, text, e);
}

static _Noreturn void be_the_supervisor(struct supervisor_start *start)
{
	struct err e;
	int r = supervisor_run(start, &e);

	if (r) {
		dprintf(STDERR_FILENO, "cleave: %s\n", e.msg);
		_exit((int)e.exit);
	}
	_exit(0);
}

/* Fork a supervisor that has the lock and the other end of *fd. */
static int start_supervisor(const struct options *o, const struct grip *grip, struct state *wanted,
			    int *fd, struct err *e)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return err_errno(e, -errno, "socketpair");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct supervisor_start start = {
			.kind = SUPERVISOR_DAEMON,
			.cluster = wanted->cluster,
			.cgroup_root = o->roots.cgroup_root,
			.wanted = wanted,
			.lock = grip->lock,
			.client = ends[1],
			.client_pid = getppid(),
		};

		close(ends[0]);
		be_the_supervisor(&start);
	}
	close(ends[1]);
	*fd = ends[0];
	return pid < 0 ? err_errno(e, -errno, "cannot start a supervisor") : 0;
}

/* `lost`: what this command could not read of the state before. A dead supervisor's successor found the same. */
static void tell_outcome(const struct cluster *c, const struct outcome *outcome,
			 const struct err *lost)
{
	if (outcome->rebuilt[0] || lost->code)
		fprintf(stderr, "cleave: the state of %s was made anew: %s\n", c->name,
			outcome->rebuilt[0] ? outcome->rebuilt : lost->msg);
	else if (outcome->adopted)
		fprintf(stderr, "cleave: the supervisor of %s was dead; what it left was adopted\n",
			c->name);
}

static _Noreturn void die_of(int signal_number)
{
	signal(signal_number, SIG_DFL);
	raise(signal_number);
	_exit(128 + signal_number);
}

/* The directories that only a failed `up` made go again; those of a running cluster are not empty. */
static void drop_empty(const struct cluster *c)
{
	char path[PROFILE_PATH];
	struct err ignored;

	if (cluster_file(c, "state.json", path, &ignored) == 0 && access(path, F_OK) != 0 &&
	    cluster_file(c, "home.json", path, &ignored) == 0 && access(path, F_OK) != 0)
		cluster_remove(c, REMAINS_DATA, &ignored);
}

/* What is known of a cluster that runs; NULL: nothing. `lost` says why its state is not, or code 0. */
static struct state *read_known(const struct options *o, const char *profile, struct err *lost)
{
	cleanup_free struct profile *p = calloc(1, sizeof(*p));
	struct state *known = calloc(1, sizeof(*known));
	struct cluster c;
	struct err ignored; /* told when the wish is made */

	lost->code = 0;
	if (p && known && load_profile(profile, p, &ignored) == 0 &&
	    cluster_paths(o->roots.state_dir, p->name, &c, &ignored) == 0) {
		if (state_read(&c, known, lost) == 0) {
			lost->code = 0;
			return known;
		}
		if (state_recover_daemons(&c, known))
			return known;
	}
	lost->code = 0;
	free(known);
	return NULL;
}

/* What is wanted, on the heap; the inputs it was made of are large and gone afterwards. */
static int make_wish(const struct options *o, const char *profile, struct state **out,
		     struct err *lost, struct err *e)
{
	cleanup_free struct inputs *inputs = calloc(1, sizeof(*inputs));
	cleanup_free struct state *wanted = calloc(1, sizeof(*wanted));
	cleanup_free struct state *known = read_known(o, profile, lost);
	int r;

	if (!inputs || !wanted)
		return err_set(e, -ENOMEM, "no memory for a plan");
	r = wish_make(o, profile, known, inputs, wanted, e);
	if (!r)
		*out = take_pointer(wanted);
	return r;
}

static int send_or_start(const struct options *o, struct grip *grip, struct state *wanted,
			 struct err *e)
{
	if (grip->fd >= 0)
		return send_apply(grip->fd, wanted, e);
	malloc_trim(0); /* what a forked supervisor need not carry along */
	return start_supervisor(o, grip, wanted, &grip->fd, e);
}

/* Make the directories, and have a supervisor that works on what is wanted. */
static int engage(const struct options *o, struct state *wanted, const struct interrupts *held,
		  struct grip *grip, struct err *e)
{
	int r = cluster_make(&wanted->cluster, e);

	if (r)
		return r;
	r = grip_cluster(&wanted->cluster, HOLDER_PATIENCE_MS, held, grip, e);
	if (!r)
		r = send_or_start(o, grip, wanted, e);
	if (r && grip->lock >= 0)
		drop_empty(&wanted->cluster);
	else if (grip->lock >= 0)
		close(take_fd(grip->lock));
	return r;
}

int up_ensure(const struct options *o, const char *profile, enum up_result *result,
	      struct state *out, struct err *e)
{
	cleanup_free struct state *wanted = NULL;
	cleanup_grip struct grip grip = {-1, -1, 0};
	struct outcome outcome = {0};
	struct interrupts held;
	int signal_number = 0;
	struct err lost;
	int r = make_wish(o, profile, &wanted, &lost, e);

	if (r)
		return r;
	interrupts_hold(&held);
	r = engage(o, wanted, &held, &grip, e);
	if (!r)
		r = progress_follow(grip.fd, &outcome, &signal_number, e);
	interrupts_release(&held);
	if (signal_number)
		die_of(signal_number);
	if (r)
		return r;
	tell_outcome(&wanted->cluster, &outcome, &lost);
	*result = outcome.result;
	return state_read(&wanted->cluster, out, e);
}

int up_again(const struct state *s, int *lock, struct err *e)
{
	cleanup_grip struct grip grip = {-1, -1, 0};
	struct outcome outcome = {0};
	int signal_number = 0;
	int r = grip_cluster(&s->cluster, HOLDER_PATIENCE_MS, NULL, &grip, e);

	*lock = -1;
	if (r)
		return r;
	if (grip.lock >= 0) {
		*lock = take_fd(grip.lock);
		return 0;
	}
	r = send_apply(grip.fd, s, e);
	if (!r)
		r = progress_follow(grip.fd, &outcome, &signal_number, e);
	if (signal_number)
		die_of(signal_number);
	return r;
}

/* The terminal's side of a supervisor in the foreground: shows progress, and ends when all is up. */
static _Noreturn void show_foreground(int fd, const struct cluster *c, const struct err *lost)
{
	struct outcome outcome = {0};
	int signal_number;
	struct err e;

	if (progress_follow(fd, &outcome, &signal_number, &e) == 0)
		tell_outcome(c, &outcome, lost);
	_exit(0); /* an error is the supervisor's to show */
}

/* Like engage(), for a supervisor that is this process. */
static int engage_foreground(struct supervisor_start *start, const struct interrupts *held,
			     struct grip *grip, int ends[2], struct err *e)
{
	int r = cluster_make(&start->cluster, e);

	if (!r)
		r = grip_cluster(&start->cluster, HOLDER_PATIENCE_MS, held, grip, e);
	if (!r && grip->fd >= 0)
		r = err_set(e, -EBUSY, "cluster %s has a supervisor already (process %d)",
			    start->cluster.name, (int)grip->supervisor);
	if (!r && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		r = err_errno(e, -errno, "socketpair");
	if (r && grip->lock >= 0)
		drop_empty(&start->cluster);
	return r;
}

/* From here on the lock and the wish are the supervisor's. */
static int run_foreground(struct supervisor_start *start, struct grip *grip, const int ends[2],
			  const struct err *lost, struct err *e)
{
	fflush(NULL);
	start->client_pid = fork();
	if (start->client_pid == 0) {
		close(ends[1]);
		close(grip->lock);
		show_foreground(ends[0], &start->cluster, lost);
	}
	close(ends[0]);
	start->client = ends[1];
	start->lock = grip->lock;
	return supervisor_run(start, e);
}

int up_foreground(const struct options *o, const char *profile, struct err *e)
{
	struct state *wanted = NULL;
	cleanup_grip struct grip grip = {-1, -1, 0};
	struct supervisor_start start = {.kind = SUPERVISOR_FOREGROUND,
					 .cgroup_root = o->roots.cgroup_root};
	struct interrupts held;
	struct err lost;
	int ends[2];
	int r = make_wish(o, profile, &wanted, &lost, e);

	if (r)
		return r;
	start.cluster = wanted->cluster;
	start.wanted = wanted;
	interrupts_hold(&held);
	r = engage_foreground(&start, &held, &grip, ends, e);
	if (r)
		free(wanted);
	else
		r = run_foreground(&start, &grip, ends, &lost, e);
	interrupts_release(&held);
	return r;
}

/* ---- down */

/* Judged by a pidfd: a zombie is dead, a reused pid is not waited for. */
static int wait_for_exit(pid_t pid, unsigned timeout_ms, struct err *e)
{
	cleanup_close int pidfd = pidfd_open(pid, 0);
	struct pollfd fd = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0)
		return errno == ESRCH ? 0 : err_errno(e, -errno, "process %d", (int)pid);
	if (poll(&fd, 1, (int)timeout_ms) == 0)
		return err_set(e, -ETIMEDOUT,
			       "the supervisor (process %d) did not exit within %u s", (int)pid,
			       timeout_ms / 1000);
	return 0;
}

static int down_by_supervisor(const struct grip *grip, struct err *e)
{
	struct outcome outcome = {0};
	int signal_number;
	int r = control_send(grip->fd, "{\"cmd\":\"down\"}", e);

	if (!r)
		r = progress_follow(grip->fd, &outcome, &signal_number, e);
	if (r == -ECONNRESET)
		r = 0; /* it has gone without a word: its exit tells */
	return r ? r : wait_for_exit(grip->supervisor, DOWN_PATIENCE_MS, e);
}

static int down_alone(const struct options *o, const struct cluster *c, const struct grip *grip,
		      struct err *e)
{
	struct supervisor_start start = {
		.kind = SUPERVISOR_ONCE,
		.cluster = *c,
		.cgroup_root = o->roots.cgroup_root,
		.lock = grip->lock,
		.client = -1,
	};

	return supervisor_run(&start, e);
}

int down_cluster(const struct options *o, const char *name, struct err *e)
{
	cleanup_grip struct grip grip = {-1, -1, 0};
	struct cluster c;
	int r = cluster_paths(o->roots.state_dir, name, &c, e);

	if (r)
		return r;
	if (access(c.state, F_OK) == 0) {
		r = grip_cluster(&c, DOWN_PATIENCE_MS, NULL, &grip, e);
		if (!r && grip.fd >= 0)
			r = down_by_supervisor(&grip, e);
		else if (!r)
			r = down_alone(o, &c, &grip, e);
	}
	if (!r && o->purge)
		r = cluster_remove(&c, REMAINS_NOTHING, e);
	return r;
}
