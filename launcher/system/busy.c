/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/busy.h"

#include <errno.h>
#include <poll.h>

#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

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

unsigned busy_compare(const struct proc_stat *before, size_t before_count,
		      const struct proc_stat *after, size_t after_count, double seconds,
		      double ticks_per_second, double least, struct busy *out, unsigned size)
{
	unsigned count = 0;
	size_t k = 0;

	for (size_t i = 0; i < after_count; i++) {
		const struct proc_stat *a = &after[i];
		struct busy b = {.pid = a->pid};
		uint64_t ticks = a->cpu_ticks;

		while (k < before_count && before[k].pid < a->pid)
			k++;
		if (k < before_count && before[k].pid == a->pid &&
		    before[k].start_ticks == a->start_ticks)
			ticks = a->cpu_ticks - before[k].cpu_ticks;
		b.cpus = (double)ticks / ticks_per_second / seconds;
		memcpy(b.name, a->name, sizeof(b.name));
		if (b.cpus >= least)
			count = insert(out, count, size, &b);
	}
	return count;
}

static int by_pid(const void *a, const void *b)
{
	const struct proc_stat *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int read_all(struct proc_stat **list, size_t *count, struct err *e)
{
	size_t size = 0, used = 0;
	cleanup_free struct proc_stat *found = NULL;
	cleanup_closedir DIR *processes = proc_list(0);
	pid_t pid;

	if (!processes)
		return err_errno(e, -errno, "cannot list /proc");
	while ((pid = proc_next(processes))) {
		if (used == size) {
			struct proc_stat *more = reallocarray(found, size += 1024, sizeof(*found));

			if (!more)
				return err_errno(e, -ENOMEM, "listing processes");
			found = more;
		}
		used += proc_stat_read(pid, &found[used]) == 0;
	}
	if (used)
		qsort(found, used, sizeof(*found), by_pid);
	*list = take_pointer(found);
	*count = used;
	return 0;
}

int busy_measure(unsigned wait_ms, double least, struct busy *out, unsigned size, struct err *e)
{
	cleanup_free struct proc_stat *before = NULL, *after = NULL;
	uint64_t begin_ns;
	size_t before_count, after_count;
	unsigned count, kept = 0;
	double seconds;
	int r = read_all(&before, &before_count, e);

	begin_ns = clock_now_ns();
	if (r == 0) {
		poll(NULL, 0, (int)wait_ms);
		r = read_all(&after, &after_count, e);
	}
	if (r)
		return r;
	seconds = (double)(clock_now_ns() - begin_ns) / 1e9;
	count = busy_compare(before, before_count, after, after_count, seconds,
			     (double)sysconf(_SC_CLK_TCK), least, out, size);
	for (unsigned i = 0; i < count; i++) {
		cleanup_free char *text = proc_read_all(out[i].pid, "cgroup");

		if (out[i].pid != getpid() &&
		    (!text || (!strstr(text, "/cleave/") && !strstr(text, "/cleave-"))))
			out[kept++] = out[i];
	}
	return (int)kept;
}
