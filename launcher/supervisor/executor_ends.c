/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/executor_ends.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/system/directory.h"
#include "launcher/watch/first_error.h"

enum {
	SPARE = 3, /* beyond those that a slice has at a time: an executor may end once in a while */
	NEWS_MS = 15000,
	LOOK_MS = 2000,
	TELL_MS = 60000,
};

/*
 * The workers' user owns what is below work/, so it is opened as others' is: no links, no other
 * names of a file, nothing that would be waited for.
 */
static bool read_log(const struct site *s, const char *slice, const struct executor_series *x,
		     const char *executor, const char *file, struct first_error *out)
{
	char path[PROFILE_PATH];
	struct err ignored; /* then nothing is known of why */
	cleanup_close int data = cluster_open_data(&s->state->cluster, &ignored);
	cleanup_close int fd = -1;
	struct stat st;

	if (data < 0 || snprintf(path, sizeof(path), "%s/work/%s/%s/%s", slice, x->app, executor,
				 file) >= (int)sizeof(path))
		return false;
	fd = directory_open_below(data, path, O_RDONLY | O_NONBLOCK, &ignored);
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	       first_error_read(fd, 0, out) == 0 && out->has_error;
}

/* A JVM that does not begin says so on its stdout, one that has begun on its stderr. */
static void look(struct executor_series *x, struct site *s, const char *slice, const char *executor)
{
	struct first_error f;

	if (read_log(s, slice, x, executor, "stderr", &f) ||
	    read_log(s, slice, x, executor, "stdout", &f))
		first_error_cause(&f, x->why, sizeof(x->why));
	else if (!x->why[0])
		snprintf(x->why, sizeof(x->why), "see cleave logs %s", slice);
}

void executor_ends_note(struct executor_ends *ends, struct site *s, const struct task_watch *tasks,
			const struct executor_start *start)
{
	const struct slice *slice = &s->state->plan.slices[start->slice];
	struct executor_series *x = &ends->slices[start->slice];
	char before[EXECUTOR_NAME], text[sizeof(x->why) + 128];

	if (!start->executor[0] || start->slice >= s->state->plan.slice_count)
		return;
	if (strcmp(x->app, start->app) != 0) {
		*x = (struct executor_series){0};
		string_copy(x->app, start->app);
	}
	if (strcmp(x->last, start->executor) == 0)
		return; /* it is told a second time */
	string_copy(before, x->last);
	string_copy(x->last, start->executor);
	if (!before[0] || task_watch_has_executor(tasks, x->app, before)) {
		x->count = 0;
		return;
	}
	x->until_ns = s->now_ns + NEWS_MS * CLOCK_MS;
	if (++x->count < slice->executors + SPARE)
		return;
	if (s->now_ns >= x->look_at_ns) {
		look(x, s, slice->name, before);
		x->look_at_ns = s->now_ns + LOOK_MS * CLOCK_MS;
	}
	if (s->now_ns < x->tell_at_ns)
		return;
	x->tell_at_ns = s->now_ns + TELL_MS * CLOCK_MS;
	snprintf(text, sizeof(text), "executors of %.60s end as soon as they begin: %s", x->app,
		 x->why);
	events_note(&s->events, "executor-failed", slice->name, text,
		    {"in_a_row", (int64_t)x->count});
}

const char *executor_ends_why(const struct executor_ends *ends, unsigned slice, uint64_t now_ns)
{
	const struct executor_series *x = &ends->slices[slice];

	return now_ns < x->until_ns ? x->why : "";
}
