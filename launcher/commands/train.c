/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/train.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/commands/running.h"
#include "launcher/spark/archive.h"
#include "launcher/system/detach.h"

enum {
	TIMEOUT_S = 600, /* 20 … 100 s on two CPUs, by how busy they are */
	NICE_LEAST = 19,
	LOOK_MS = 500,
	BEGIN_MS = 2000, /* some 10 ms */
};

/* Where it says how it went, below the cluster's data. */
static const char log_file[] = "train.log";

/* From the lock to its end. */
struct training {
	const struct state *state;
	struct spark_cluster cluster;
	struct archive_training archive;
	struct driver *driver;
	struct foreground *foreground; /* NULL: in the background */
	int log;
	uint64_t begin_ns;
	bool is_interrupted;
};

static int open_log(const struct cluster *c, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
	cleanup_close int data = cluster_open_data(c, e);
	int fd = data < 0 ? -1 : openat(data, log_file, flags, 0600);

	if (data < 0)
		return data;
	return fd < 0 ? err_errno(e, -errno, "cannot open %s/%s", c->data, log_file) : fd;
}

static void end(struct training *t, const char *why)
{
	if (t->log >= 0)
		close(take_fd(t->log));
	running_driver_closep(&t->driver);
	archive_end(&t->cluster, &t->archive, why);
}

static int begin(struct training *t, const struct options *o, const struct state *s,
		 struct foreground *f, struct err *e)
{
	int r;

	*t = (struct training){.state = s,
			       .cluster = state_spark(s),
			       .foreground = f,
			       .log = -1,
			       .begin_ns = clock_now_ns()};
	r = archive_begin(&t->cluster, &t->archive, e);
	if (r)
		return r;
	r = t->log = open_log(&s->cluster, e);
	if (r >= 0)
		r = running_driver(o, s, &t->driver, e);
	if (r < 0)
		end(t, NULL);
	return r;
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
	/* With its Python and its executors: it leads a session of its own. */
	if (r)
		kill(-pid, SIGKILL);
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
		.new_session = true,  /* Ctrl-C is ours: it would write an archive even then */
		.dies_with_us = true, /* our end frees the lock: another may begin */
		.policy = POLICY_NONE,
		.nodes = s->plan.host.nodes,
	};
	cleanup_close int pidfd = -1;
	pid_t pid;
	int r = t->driver->ops->spawn(t->driver, &spawn, &pid, &pidfd, e);

	if (!r)
		setpriority(PRIO_PGRP, (id_t)pid, NICE_LEAST);
	if (!r)
		r = wait_for(t, pid, pidfd, e);
	if (r > 0)
		return err_set(e, -ECHILD, "%s ended with exit code %d: see %s/%s", what, r,
			       s->cluster.data, log_file);
	return r < 0 ? err_wrap(e, "%s", what) : 0;
}

/* What was made is tried before it is given to others: a JVM dies of a bad one. */
static int make(struct training *t, struct err *e)
{
	cleanup_process struct process training = {0}, trial = {0};
	int r = spark_training_process(&t->cluster, &t->archive, &training, e);

	if (!r)
		r = run_process(t, "the training run", &training, e);
	if (!r)
		r = spark_trial_process(&t->cluster, &t->archive, &trial, e);
	if (!r)
		r = run_process(t, "a JVM with the archive that was made", &trial, e);
	return r ? r : archive_publish(&t->cluster, &t->archive, e);
}

/* Whether the cluster is there and stays: else its end is the reason of whatever failed. */
static bool is_up(const struct cluster *c)
{
	cleanup_free struct state *now = NULL;
	struct err ignored;

	return running_state(c, &now, &ignored) == 0 &&
	       (now->phase == PHASE_UP || now->phase == PHASE_DEGRADED);
}

/* What was begun, to its end. 0: it was made. */
static int finish(struct training *t, struct err *e)
{
	int r = make(t, e);

	end(t, r && !t->is_interrupted && is_up(&t->state->cluster) ? e->msg : NULL);
	return r;
}

void train_in_foreground(const struct options *o, const struct state *s, struct foreground *f)
{
	struct training t;
	struct err e;
	int r = begin(&t, o, s, f, &e);

	if (!r) {
		fputs("cleave: making the archive that this Spark starts faster from, once; Ctrl-C "
		      "skips it\n",
		      stderr);
		r = finish(&t, &e);
	}
	if (!r)
		fprintf(stderr, "cleave: it was made in %.0f s\n",
			(double)(clock_now_ns() - t.begin_ns) / 1e9);
	else if (r != -EALREADY && r != -EBUSY && r != -ECANCELED && r != -EOPNOTSUPP)
		fprintf(stderr, "cleave: no archive was made: %s\n", FOREIGN(e.msg));
}

/* `begun` is closed when all that it does in the cluster's directories and groups has been begun. */
static _Noreturn void train_alone(const struct options *o, const struct state *s, int begun)
{
	struct training t;
	struct err ignored;
	sigset_t none;

	/* Out of the way of whoever waits for the command: its terminal, its pipes, its locks. */
	if (detach("/dev/null", begun, begun, &ignored))
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* `run` holds them back */
	if (begin(&t, o, s, NULL, &ignored))
		_exit(1);
	close(begun);
	_exit(finish(&t, &ignored) ? 1 : 0);
}

void train_in_background(const struct options *o, const struct state *s)
{
	struct pollfd begun = {.events = POLLIN};
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return;
	pid = fork(); /* which writes nothing of ours: it ends by _exit() */
	if (pid == 0) {
		if (fork() == 0)
			train_alone(o, s, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* A `down` that comes after the command finds all of it. */
	begun.fd = ends[0];
	poll(&begun, 1, BEGIN_MS);
	close(ends[0]);
}
