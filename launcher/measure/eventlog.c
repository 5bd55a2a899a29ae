/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/measure/eventlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "launcher/system/json.h"

static const char counter[] = "TotalGCTime";

/* Executors are numbered; the driver is called "driver" and collects for itself. */
static struct eventlog_executor *executor_of(struct eventlog *log, const char *name)
{
	uint64_t id;

	if (!name || !control_number(name, &id) || id > UINT32_MAX)
		return NULL;
	for (unsigned i = 0; i < log->count; i++)
		if (log->executors[i].id == id)
			return &log->executors[i];
	if (log->count == EVENTLOG_EXECUTORS)
		return NULL;
	log->executors[log->count] = (struct eventlog_executor){.id = (uint32_t)id};
	return &log->executors[log->count++];
}

bool eventlog_line(struct eventlog *log, const char *line, size_t size)
{
	/* Most events have none, and looking is a hundred times as fast as parsing. */
	static const char *const events[] = {"SparkListenerTaskEnd",
					     "SparkListenerStageExecutorMetrics"};
	json_auto_t *root = NULL;
	struct eventlog_executor *executor;
	const char *event, *name;
	json_t *metrics, *task, *value;
	struct err ignored; /* whatever it is, it is no event */

	if (size > EVENTLOG_LINE || !memmem(line, size, counter, sizeof(counter) - 1))
		return false;
	root = json_read(line, size, &ignored);
	event = json_string_value(json_object_get(root, "Event"));
	if (!event)
		return false;
	if (!strcmp(event, events[0])) {
		task = json_object_get(root, "Task Info");
		name = json_string_value(json_object_get(task, "Executor ID"));
		metrics = json_object_get(root, "Task Executor Metrics");
	} else if (!strcmp(event, events[1])) {
		name = json_string_value(json_object_get(root, "Executor ID"));
		metrics = json_object_get(root, "Executor Metrics");
	} else {
		return false;
	}
	value = json_object_get(metrics, counter);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	executor = executor_of(log, name);
	if (!executor)
		return false;
	if (executor->gc_ms < (uint64_t)json_integer_value(value))
		executor->gc_ms = (uint64_t)json_integer_value(value);
	return true;
}

double eventlog_gc_seconds(const struct eventlog *log)
{
	double sum = 0;

	for (unsigned i = 0; i < log->count; i++)
		sum += (double)log->executors[i].gc_ms / 1e3;
	return log->count ? sum : -1;
}

/* ---- files */

/* Lines that are too long are passed by without being kept. */
static int read_lines(struct eventlog *log, FILE *file, struct err *e)
{
	cleanup_free char *line = malloc(EVENTLOG_LINE);
	uint64_t total = 0;
	size_t used = 0;
	bool is_long = false;
	int c;

	if (!line)
		return err_set(e, -ENOMEM, "out of memory");
	while ((c = getc_unlocked(file)) != EOF) {
		if (++total > EVENTLOG_BYTES)
			return err_set(e, -EFBIG, "more than %llu bytes",
				       (unsigned long long)EVENTLOG_BYTES);
		if (c != '\n') {
			is_long |= used == EVENTLOG_LINE;
			if (!is_long)
				line[used++] = (char)c;
			continue;
		}
		if (!is_long)
			eventlog_line(log, line, used);
		used = 0;
		is_long = false;
	}
	return ferror(file) ? err_errno(e, -errno, "cannot read it") : 0;
}

/* One regular file; 1: it is something else. */
static int read_file(struct eventlog *log, int directory, const char *name, struct err *e)
{
	/* A pipe would keep us waiting. */
	cleanup_close int fd =
		openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cleanup_fclose FILE *file = NULL;
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return 1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, -errno, "cannot open the event log %.200s", name);
	if (!S_ISREG(st.st_mode))
		return 1;
	file = fdopen(fd, "r");
	if (!file)
		return err_errno(e, -errno, "cannot open the event log %.200s", name);
	take_fd(fd);
	if (read_lines(log, file, e) < 0)
		return err_wrap(e, "event log %.200s", name);
	return 0;
}

/* Parts of one application's log: rolling logs are a directory of files events_N_APPLICATION. */
static int read_parts(struct eventlog *log, int directory, const char *name, struct err *e)
{
	int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	cleanup_closedir DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!list) {
		if (fd >= 0)
			close(fd);
		return fd < 0 && (errno == ELOOP || errno == ENOTDIR)
			       ? 0
			       : err_errno(e, -errno, "cannot list the event log %.200s", name);
	}
	while (r >= 0 && (entry = readdir(list)))
		if (!strncmp(entry->d_name, "events_", strlen("events_")))
			r = read_file(log, dirfd(list), entry->d_name, e);
	return r < 0 ? r : 0;
}

int eventlog_read(const char *directory, double *seconds, struct err *e)
{
	cleanup_closedir DIR *list = opendir(directory);
	cleanup_free struct eventlog *log = malloc(sizeof(*log));
	unsigned applications = 0;
	struct dirent *entry;
	double sum = -1;

	if (!list)
		return err_errno(e, -errno, "cannot list %s", directory);
	if (!log)
		return err_set(e, -ENOMEM, "out of memory");
	while ((entry = readdir(list))) {
		double one;
		int r;

		if (entry->d_name[0] == '.' || ++applications > EVENTLOG_APPLICATIONS)
			continue;
		log->count = 0;
		r = read_file(log, dirfd(list), entry->d_name, e);
		if (r == 1)
			r = read_parts(log, dirfd(list), entry->d_name, e);
		if (r < 0)
			return r;
		one = eventlog_gc_seconds(log);
		if (one >= 0)
			sum = (sum < 0 ? 0 : sum) + one;
	}
	if (applications > EVENTLOG_APPLICATIONS)
		return err_set(e, -E2BIG, "%s has more than %d event logs", directory,
			       EVENTLOG_APPLICATIONS);
	*seconds = sum;
	return 0;
}
