/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/measure/tune.h"
#include "launcher/system/files.h"
#include "profiles/load.h"

enum { LAST_WORDS = 12, LOOK_MS = 500 };

static double now_s(void)
{
	return (double)clock_now_ns() / 1e9;
}

const char *tuning_sizes(const struct candidate *c, struct sizes_text *out)
{
	snprintf(out->text, sizeof(out->text), "%u slice%s of %u core%s", c->slices,
		 c->slices == 1 ? "" : "s", c->cores, c->cores == 1 ? "" : "s");
	return out->text;
}

/* ---- one step: this program with other words */

struct step {
	const char *what;  /* "up", "run", "down" */
	const char *probe; /* "probe 2 of 6: 2 slices of 1 core" */
	const char *log;
	double begin;
	bool is_terminal;
	bool is_shielded; /* from the terminal's signals */
};

/* A foreground_turn: wait, and count the seconds on a terminal. */
static int step_turn(void *context, struct pollfd *fds, unsigned count, struct err *e)
{
	const struct step *s = context;

	if (s->is_terminal) {
		fprintf(stderr, "\r\033[K%s: %s, %.0f s", s->probe, s->what, now_s() - s->begin);
		fflush(stderr);
	}
	if (poll(fds, count, s->is_terminal ? LOOK_MS : -1) < 0 && errno != EINTR)
		return err_errno(e, -errno, "cannot poll");
	return 0;
}

static int spawn_step(const struct step *s, char *const *argv, const sigset_t *mask, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	short flags = POSIX_SPAWN_SETSIGMASK;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, s->log,
					 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	posix_spawnattr_setsigmask(&attributes, mask);
	if (s->is_shielded) {
		posix_spawnattr_setpgroup(&attributes, 0);
		flags |= POSIX_SPAWN_SETPGROUP;
	}
	posix_spawnattr_setflags(&attributes, flags);
	r = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* `words` ends with NULL. -EINTR if a signal came. */
static int take_step(struct tuning *t, struct step *s, const char *const *words,
		     char *const *application, struct err *e)
{
	struct foreground *f = &t->foreground;
	cleanup_argv struct argv argv = {0};
	cleanup_free char *tail = NULL;
	int status;

	s->what = words[0];
	argv_add(&argv, "cleave");
	if (t->roots->state_dir)
		argv_addf(&argv, "--state-dir=%s", t->roots->state_dir);
	if (t->roots->cgroup_root)
		argv_addf(&argv, "--cgroup-root=%s", t->roots->cgroup_root);
	for (; *words; words++)
		argv_add(&argv, *words);
	for (; application && *application; application++)
		argv_add(&argv, *application);
	if (argv.failed)
		return err_set(e, -ENOMEM, "out of memory");
	status = spawn_step(s, argv.items, &f->before, &f->pid);
	if (status < 0)
		return err_errno(e, status, "cannot start cleave %s", s->what);
	f->count = 0;
	f->pidfd = pidfd_open(f->pid, 0);
	if (f->pidfd < 0)
		return err_errno(e, -errno, "process %d", (int)f->pid);
	s->begin = now_s();
	status = foreground_wait(f, step_turn, s, e);
	if (s->is_terminal)
		fputs("\r\033[K", stderr);
	close(take_fd(f->pidfd));
	if (status >= 0 && f->interrupts && !s->is_shielded)
		return err_set(e, -EINTR, "interrupted");
	if (status <= 0)
		return status;
	if (file_tail(s->log, LAST_WORDS, &tail) == 0 && *tail)
		fprintf(stderr, "%s\n", tail);
	return err_set(e, -EIO, "%s: %s ended with exit code %d; its last words are above",
		       s->probe, strcmp(s->what, "run") != 0 ? s->what : "the application", status);
}

/* ---- a probe */

void tuning_probe_profile(const struct tuning *t, unsigned option, struct profile *out)
{
	const struct candidate *c = tuning_candidate(t, option);

	*out = t->in.profile;
	out->partition.by = c->choice.by;
	out->partition.slices = c->choice.slices;
	out->partition.cores = c->choice.cores;
	out->workload.data_size = (struct size){SIZE_BYTES, t->data_bytes};
	out->jvm.gc = c->gc;
	out->spark.executors = (int)c->executors;
	if (t->tune.heap_bytes[option])
		out->memory.heap = (struct size){SIZE_BYTES, t->tune.heap_bytes[option]};
}

static int write_profile(const struct tuning *t, unsigned option, const char *path, struct err *e)
{
	cleanup_free struct profile *p = malloc(sizeof(*p));
	cleanup_free char *text = NULL;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	tuning_probe_profile(t, option, p);
	if (profile_emit(p, &text, e) < 0)
		return e->code;
	return file_replace(path, text, strlen(text), 0600, e);
}

int tuning_probe_run(struct tuning *t, unsigned option, double *seconds, struct err *e)
{
	cleanup_argv struct argv application = {0};
	char profile[PROFILE_PATH + 16], log[PROFILE_PATH + 16], probe[128];
	const char *const up[] = {"up", profile, NULL};
	const char *const run[] = {"run", "--cluster", t->in.profile.name, "--", NULL};
	const char *const down[] = {"down", t->in.profile.name, "--purge", NULL};
	struct step s = {.probe = probe, .log = log, .is_terminal = isatty(STDERR_FILENO) == 1};
	unsigned interrupts;
	struct err ours;
	int r;

	snprintf(profile, sizeof(profile), "%s/probe.yaml", t->directory);
	snprintf(log, sizeof(log), "%s/log", t->directory);
	snprintf(probe, sizeof(probe), "probe %u of at most %d: %s", t->count + 1, MODEL_PROBES,
		 TUNING_SIZES(tuning_candidate(t, option)));
	if (tuning_words(t, t->count, &application, e) < 0 ||
	    write_profile(t, option, profile, e) < 0)
		return e->code;
	r = take_step(t, &s, up, NULL, e);
	if (r >= 0)
		r = take_step(t, &s, run, application.items, e);
	if (r >= 0)
		*seconds = now_s() - s.begin;
	/* Whatever happened, and whatever else the user presses now: the cluster goes. */
	interrupts = t->foreground.interrupts;
	t->foreground.interrupts = 0;
	s.is_shielded = true;
	if (take_step(t, &s, down, NULL, &ours) < 0 && r >= 0) {
		*e = ours;
		r = ours.code;
	}
	t->foreground.interrupts += interrupts;
	return r;
}
