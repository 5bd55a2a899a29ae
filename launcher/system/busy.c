#include "launcher/system/busy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

/*
 * "PID (name) S …": the name may hold anything, blanks and parentheses included; fields are counted
 * from its end.
 */
bool cpu_time_parse(const char *line, struct cpu_time *out)
{
	const char *open = strchr(line, '('), *field = strrchr(line, ')');
	struct cpu_time t = {0};
	uint64_t pid, value;

	if (!open || !field || field < open || !control_number(line, &pid) || pid > INT32_MAX)
		return false;
	t.pid = (pid_t)pid;
	snprintf(t.name, sizeof(t.name), "%.*s", (int)(field - open - 1), open + 1);
	field++;
	for (unsigned number = 3; number <= 22; number++) {
		if (*field++ != ' ' || !*field)
			return false;
		if (number == 14 || number == 15 || number == 22) {
			if (!control_number(field, &value))
				return false;
			if (number == 22)
				t.start = value;
			else
				t.ticks += value;
		}
		field += strcspn(field, " ");
	}
	*out = t;
	return true;
}

/* Keep `out` sorted, the greediest first. */
static unsigned insert(struct busy *out, unsigned count, unsigned size, const struct busy *b)
{
	unsigned place = count;

	while (place > 0 && out[place - 1].cpus < b->cpus)
		place--;
	if (place >= size)
		return count;
	if (count < size)
		count++;
	memmove(&out[place + 1], &out[place], (count - 1 - place) * sizeof(*out));
	out[place] = *b;
	return count;
}

unsigned busy_compare(const struct cpu_time *before, size_t before_count,
		      const struct cpu_time *after, size_t after_count, double seconds,
		      double ticks_per_second, double least, struct busy *out, unsigned size)
{
	unsigned count = 0;
	size_t k = 0;

	for (size_t i = 0; i < after_count; i++) {
		const struct cpu_time *a = &after[i];
		struct busy b = {.pid = a->pid};
		uint64_t ticks = a->ticks;

		while (k < before_count && before[k].pid < a->pid)
			k++;
		if (k < before_count && before[k].pid == a->pid && before[k].start == a->start)
			ticks = a->ticks - before[k].ticks;
		b.cpus = (double)ticks / ticks_per_second / seconds;
		memcpy(b.name, a->name, sizeof(b.name));
		if (b.cpus >= least)
			count = insert(out, count, size, &b);
	}
	return count;
}

static int by_pid(const void *a, const void *b)
{
	const struct cpu_time *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int read_all(struct cpu_time **list, size_t *count, struct err *e)
{
	size_t size = 1024, used = 0;
	cleanup_free struct cpu_time *times = malloc(size * sizeof(*times));
	DIR *proc = times ? opendir("/proc") : NULL;
	struct dirent *entry;

	if (!proc)
		return err_errno(e, -errno, "cannot list /proc");
	while ((entry = readdir(proc))) {
		char path[300], line[2048];

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (used == size) {
			struct cpu_time *more = reallocarray(times, size *= 2, sizeof(*times));

			if (!more) {
				closedir(proc);
				return err_errno(e, -ENOMEM, "listing processes");
			}
			times = more;
		}
		snprintf(path, sizeof(path), "%s/stat", entry->d_name);
		if (control_read(dirfd(proc), path, line, sizeof(line), &(struct err){0}) > 0 &&
		    cpu_time_parse(line, &times[used]))
			used++;
	}
	closedir(proc);
	qsort(times, used, sizeof(*times), by_pid);
	*list = take_pointer(times);
	*count = used;
	return 0;
}

static bool is_ours(pid_t pid)
{
	char path[64], text[8192];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	return pid == getpid() ||
	       (control_read(AT_FDCWD, path, text, sizeof(text), &(struct err){0}) > 0 &&
		(strstr(text, "/cleave/") || strstr(text, "/cleave-")));
}

int busy_measure(unsigned wait_ms, double least, struct busy *out, unsigned size, struct err *e)
{
	cleanup_free struct cpu_time *before = NULL, *after = NULL;
	uint64_t begin_ns;
	size_t before_count, after_count;
	unsigned count, kept = 0;
	double seconds;
	int rc = read_all(&before, &before_count, e);

	begin_ns = clock_now_ns();
	if (rc == 0) {
		poll(NULL, 0, (int)wait_ms);
		rc = read_all(&after, &after_count, e);
	}
	if (rc)
		return rc;
	seconds = (double)(clock_now_ns() - begin_ns) / 1e9;
	count = busy_compare(before, before_count, after, after_count, seconds,
			     (double)sysconf(_SC_CLK_TCK), least, out, size);
	for (unsigned i = 0; i < count; i++)
		if (!is_ours(out[i].pid))
			out[kept++] = out[i];
	return (int)kept;
}
