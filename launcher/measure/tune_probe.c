/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/measure/step.h"
#include "launcher/measure/tune.h"
#include "launcher/system/directory.h"
#include "launcher/system/files.h"
#include "profiles/load.h"

const char *tuning_sizes(const struct candidate *c, struct sizes_text *out)
{
	int n = snprintf(out->text, sizeof(out->text), "%u slice%s of %u core%s", c->slices,
			 c->slices == 1 ? "" : "s", c->cores, c->cores == 1 ? "" : "s");

	if (c->executors > 1)
		snprintf(out->text + n, sizeof(out->text) - (size_t)n, ", %u executors each",
			 c->executors);
	return out->text;
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

/* The profile, the driver, and the file that it writes to, as the workers' user. */
static int write_files(const struct tuning *t, unsigned option, struct err *e)
{
	const struct file_owner of_user = {0600, t->cluster.uid, t->cluster.gid};
	cleanup_close int directory = directory_open(t->directory, DIRECTORY_OWN, e);
	cleanup_free struct profile *p = malloc(sizeof(*p));
	cleanup_free char *text = NULL;

	if (directory < 0 || !p)
		return directory < 0 ? directory : err_set(e, -ENOMEM, "out of memory");
	tuning_probe_profile(t, option, p);
	/* What the probes read and write is there. */
	if (profile_has_engine(p) &&
	    strings_addf(&p->docker.mounts, "%s:%s", t->directory, t->directory))
		return err_set(e, -E2BIG, "docker.mounts: too many to add %s", t->directory);
	if (profile_emit(p, &text, e) < 0 ||
	    file_replace_at(directory, "probe.yaml", text, strlen(text), FILE_OF_CALLER(0600), e) <
		    0 ||
	    file_replace_at(directory, "driver.py", tuning_driver, strlen(tuning_driver),
			    FILE_OF_CALLER(0644), e) < 0)
		return e->code;
	return file_replace_at(directory, "times", "", 0, &of_user, e);
}

/* This program with other words. */
static int take_step(const struct tuning *t, struct step *s, const char *const *words,
		     char *const *application, struct err *e)
{
	int status;

	s->what = words[0];
	status = step_cleave(s, t->roots, words, application, e);
	return step_check(s, status, application ? "the application" : words[0], e);
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
	struct step s = {.foreground = &t->foreground,
			 .title = probe,
			 .log = log,
			 .is_terminal = isatty(STDERR_FILENO) == 1};
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
	if (tuning_words(t, option, &application, e) < 0 || write_files(t, option, e) < 0)
		return e->code;
	r = take_step(t, &s, up, NULL, e);
	if (r >= 0)
		r = take_step(t, &s, run, application.items, e);
	if (r >= 0)
		whole = s.seconds;
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
