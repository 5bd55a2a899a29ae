/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
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
	int n = snprintf(out->text, sizeof(out->text), "%u slice%s of %u core%s", c->slices,
			 c->slices == 1 ? "" : "s", c->cores, c->cores == 1 ? "" : "s");

	if (c->executors > 1)
		snprintf(out->text + n, sizeof(out->text) - (size_t)n, ", %u executors each",
			 c->executors);
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

/*
 * The size of the data stays that of the whole job: slots follow it, where they are not as many a
 * CPU.
 */
void tuning_probe_profile(const struct tuning *t, unsigned option, struct profile *out)
{
	const struct candidate *c = tuning_candidate(t, option);
	double slots_each = t->tune.slots[option] / c->shape.cpus;

	*out = t->in.profile;
	out->partition.by = c->choice.by;
	out->partition.slices = c->choice.slices;
	out->partition.cores = c->choice.cores;
	out->workload.type = t->engine.job.type;
	out->jvm.gc = c->gc;
	out->spark.executors = (int)c->executors;
	if (slots_each >= 1 && slots_each == floor(slots_each))
		out->spark.slots_per_cpu = (int)slots_each;
	if (t->tune.heap_bytes[option]) {
		out->memory.heap = (struct size){SIZE_BYTES, t->tune.heap_bytes[option]};
		out->memory.off_heap =
			(struct size){SIZE_BYTES, c->shape.off_heap_bytes * c->shape.executors};
	}
}

/* The profile, the driver, and the file that it writes to, as whichever user it runs as. */
static int write_files(const struct tuning *t, unsigned option, const char *profile,
		       const char *times, struct err *e)
{
	cleanup_free struct profile *p = malloc(sizeof(*p));
	cleanup_free char *text = NULL;
	char driver[PROFILE_PATH + 16];

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	tuning_probe_profile(t, option, p);
	snprintf(driver, sizeof(driver), "%s/driver.py", t->directory);
	if (profile_emit(p, &text, e) < 0 ||
	    file_replace(profile, text, strlen(text), 0600, e) < 0 ||
	    file_replace(driver, tuning_driver, strlen(tuning_driver), 0644, e) < 0 ||
	    file_replace(times, "", 0, 0666, e) < 0)
		return e->code;
	return chmod(times, 0666) < 0 || chmod(driver, 0644) < 0 ? err_errno(e, -errno, "%s", times)
								 : 0;
}

unsigned tuning_read_times(const char *text, double whole, unsigned count,
			   double seconds[PROBE_RUNS])
{
	double first_end = 0;
	unsigned told = 0;

	seconds[0] = whole;
	/* Repetition 0 is run 0; 1 is not counted; then they follow each other. */
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		char *end;
		unsigned long repetition = strtoul(line, &end, 10);
		unsigned run = repetition ? (unsigned)repetition - 1 : 0;
		double from = strtod(end, &end), to = strtod(end, &end);

		line += *line == '\n';
		if (*end != '\n' || !(to > from) || !(to - from < whole))
			continue;
		if (repetition == 0)
			first_end = to;
		else if (first_end > 0 && to - first_end < whole)
			seconds[0] = whole - (to - first_end);
		if (run == told && repetition != 1 && run < count) {
			if (run)
				seconds[run] = to - from;
			told++;
		}
	}
	return told ? told : 1;
}

int tuning_probe_run(struct tuning *t, unsigned option, double seconds[PROBE_RUNS], unsigned *count,
		     struct err *e)
{
	enum { TIMES_MAX = 64 << 10 };
	cleanup_argv struct argv application = {0};
	cleanup_free char *text = NULL;
	char profile[PROFILE_PATH + 16], log[PROFILE_PATH + 16], times[PROFILE_PATH + 16];
	char probe[192];
	const char *const up[] = {"up", profile, NULL};
	const char *const run[] = {"run", "--cluster", t->in.profile.name, "--", NULL};
	const char *const down[] = {"down", t->in.profile.name, "--purge", NULL};
	struct step s = {.probe = probe, .log = log, .is_terminal = isatty(STDERR_FILENO) == 1};
	double whole = 0;
	unsigned interrupts;
	struct err ours;
	size_t size;
	int r;

	snprintf(profile, sizeof(profile), "%s/probe.yaml", t->directory);
	snprintf(log, sizeof(log), "%s/log", t->directory);
	snprintf(times, sizeof(times), "%s/times", t->directory);
	snprintf(probe, sizeof(probe), "probe %u of at most %d: %s", t->probe_count + 1,
		 PROBES_MOST, TUNING_SIZES(tuning_candidate(t, option)));
	if (tuning_words(t, option, &application, e) < 0 ||
	    write_files(t, option, profile, times, e) < 0)
		return e->code;
	r = take_step(t, &s, up, NULL, e);
	if (r >= 0)
		r = take_step(t, &s, run, application.items, e);
	if (r >= 0)
		whole = now_s() - s.begin;
	/* Whatever happened, and whatever else the user presses now: the cluster goes. */
	interrupts = t->foreground.interrupts;
	t->foreground.interrupts = 0;
	s.is_shielded = true;
	if (take_step(t, &s, down, NULL, &ours) < 0 && r >= 0) {
		*e = ours;
		r = ours.code;
	}
	t->foreground.interrupts += interrupts;
	if (r < 0)
		return r;
	if (file_read(times, TIMES_MAX, &text, &size, e) < 0)
		return e->code;
	*count = tuning_read_times(text, whole, t->tune.options[option].run_count, seconds);
	return 0;
}
