/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/train.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/commands/running.h"
#include "launcher/spark/archive.h"

enum {
	TIMEOUT_S = 600, /* 20 … 100 s on two CPUs, by how busy they are */
	NICE_LEAST = 19,
	LOOK_MS = 500,
};

/* Where it says how it went, below the cluster's data. */
static const char log_file[] = "train.log";

struct training {
	const struct state *state;
	struct driver *driver;
	struct foreground *foreground; /* NULL: in the background */
	int log;
	uint64_t begin_ns;
	bool is_interrupted;
};

static int open_log(const struct cluster *c, struct err *e)
{
	char path[PROFILE_PATH + 16];
	int fd;

	/* Its directory is the caller's. */
	snprintf(path, sizeof(path), "%s/%s", c->data, log_file);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? err_errno(e, -errno, "cannot open %s", path) : fd;
}

/* Wait for its end, a signal of ours, or too long. Its status, or negative errno. */
static int wait_for(struct training *t, pid_t pid, int pidfd, struct err *e)
{
	bool shows = t->foreground && isatty(STDERR_FILENO) == 1;
	int status, r = 0;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = pidfd, .events = POLLIN},
			{.fd = t->foreground ? t->foreground->signals : -1, .events = POLLIN}};
		double seconds = (double)(clock_now_ns() - t->begin_ns) / 1e9;

		if (poll(fds, 2, LOOK_MS) < 0 && errno != EINTR)
			r = err_errno(e, -errno, "cannot poll");
		if (fds[0].revents)
			break;
		if (fds[1].revents && foreground_interrupted(t->foreground))
			r = err_set(e, -EINTR, "interrupted");
		if (seconds > TIMEOUT_S)
			r = err_set(e, -ETIMEDOUT, "it did not end within %d s", TIMEOUT_S);
		if (r)
			break;
		if (shows)
			fprintf(stderr, "\r\033[K%.0f s", seconds);
	}
	if (shows)
		fputs("\r\033[K", stderr);
	if (r)
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	t->is_interrupted |= r == -EINTR;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return r ? r : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Run one JVM to its end, as the workers' user. */
static int run_process(struct training *t, const char *what, const struct process *p, struct err *e)
{
	const struct state *s = t->state;
	bool as_user = s->cluster.user[0] && s->cluster.uid != geteuid();
	struct spawn spawn = {
		.group = GROUP_HOST,
		.file = p->argv.items[0],
		.argv = p->argv.items,
		.envp = p->env.items,
		.directory = p->directory,
		.in = -1,
		.out = t->log,
		.err = t->log,
		.uid = as_user ? s->cluster.uid : (uid_t)-1,
		.gid = s->cluster.gid,
		.user = as_user ? s->cluster.user : NULL,
		.no_new_privileges = as_user,
		.new_session = true, /* Ctrl-C is ours: it would write an archive even then */
		.policy = POLICY_NONE,
		.nodes = s->plan.host.nodes,
	};
	cleanup_close int pidfd = -1;
	pid_t pid;
	int r = t->driver->ops->spawn(t->driver, &spawn, &pid, &pidfd, e);

	if (!r)
		r = wait_for(t, pid, pidfd, e);
	if (r > 0)
		return err_set(e, -ECHILD, "%s ended with exit code %d: see %s/%s", what, r,
			       s->cluster.data, log_file);
	return r < 0 ? err_wrap(e, "%s", what) : 0;
}

/* What was made is tried before it is given to others: a JVM dies of a bad one. */
static int make(struct training *t, const struct spark_cluster *c, struct archive_training *a,
		struct err *e)
{
	cleanup_process struct process trial = {0};
	int r = run_process(t, "the training run", &a->process, e);

	if (!r)
		r = archive_trial(c, a, &trial, e);
	if (!r)
		r = run_process(t, "a JVM with the archive that was made", &trial, e);
	return r ? r : archive_publish(c, a, e);
}

/* 0: it was made. */
static int train(const struct options *o, const struct state *s, struct foreground *f,
		 struct err *e)
{
	struct training t = {.state = s, .foreground = f, .begin_ns = clock_now_ns()};
	const struct spark_cluster c = state_spark(s);
	cleanup_driver struct driver *d = NULL;
	struct archive_training a;
	int before, r;

	if (archive_begin(&c, &a, e))
		return e->code;
	if (f)
		fputs("cleave: making the archive that this Spark starts faster from, once; Ctrl-C "
		      "skips it\n",
		      stderr);
	errno = 0;
	before = getpriority(PRIO_PROCESS, 0);
	setpriority(PRIO_PROCESS, 0, NICE_LEAST); /* inherited */
	r = t.log = open_log(&s->cluster, e);
	if (r >= 0)
		r = running_driver(o, s, &d, e);
	t.driver = d;
	if (!r)
		r = make(&t, &c, &a, e);
	if (t.log >= 0)
		close(t.log);
	/* Where the cluster went meanwhile, that is the reason. */
	archive_end(&c, &a,
		    r && !t.is_interrupted && cluster_has_file(&s->cluster, "state.json") ? e->msg
											  : NULL);
	setpriority(PRIO_PROCESS, 0, before);
	if (f && !r)
		fprintf(stderr, "cleave: it was made in %.0f s\n",
			(double)(clock_now_ns() - t.begin_ns) / 1e9);
	return r;
}

void train_in_foreground(const struct options *o, const struct state *s, struct foreground *f)
{
	struct err e;
	int r = train(o, s, f, &e);

	if (r && r != -EALREADY && r != -EBUSY && r != -ECANCELED && r != -EOPNOTSUPP)
		fprintf(stderr, "cleave: no archive was made: %s\n", e.msg);
}

void train_in_background(const struct options *o, const struct state *s)
{
	struct err ignored;
	sigset_t none;
	int null;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return;
	/* Out of the way of whoever waits for the command: its terminal, its pipes. */
	setsid();
	if (fork() != 0)
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* `run` holds them back */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		_exit(1);
	_exit(train(o, s, NULL, &ignored) ? 1 : 0);
}
