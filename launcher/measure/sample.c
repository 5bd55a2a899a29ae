/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/measure/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"

enum {
	LOOK_MS = 250,
	LOOK_COST = 20,	      /* times what a look takes until the next one */
	MAPS_FIRST_MS = 1000, /* executors are there by then, and a short job not yet at its end */
	MAPS_MS = 5000,
	/* The kernel walks all pages of a process for numa_maps, with its memory locked. */
	MAPS_COST = 100,
	MAPS_LEAST = 64, /* only of processes with at least 1/64 of what all have resident */
};

/* ---- the CPUs */

bool cpu_times_parse(const char *text, const struct cpuset *cpus, struct cpu_times *out)
{
	struct cpu_times sum = {0};
	unsigned found = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		enum { IDLE = 3, IOWAIT, FIELDS = 8 }; /* guest time is in user time already */
		unsigned long cpu;
		char *at;

		line += *line == '\n';
		if (strncmp(line, "cpu", 3) != 0 || line[3] < '0' || line[3] > '9')
			continue;
		cpu = strtoul(line + 3, &at, 10);
		if (cpu >= CPUSET_MAX || !cpuset_has(cpus, (unsigned)cpu))
			continue;
		for (unsigned i = 0; i < FIELDS; i++) {
			uint64_t ticks = strtoull(at, &at, 10);

			sum.all += ticks;
			sum.idle += i == IDLE || i == IOWAIT ? ticks : 0;
		}
		found++;
	}
	if (!found || found != cpuset_count(cpus))
		return false;
	*out = sum;
	return true;
}

bool cpu_times_read(const struct cpuset *cpus, struct cpu_times *out)
{
	enum { STAT_TEXT = 1 << 20 }; /* 4096 CPUs, and a line of all interrupts */
	cleanup_free char *text = malloc(STAT_TEXT);
	struct err ignored;

	return text && control_read(AT_FDCWD, "/proc/stat", text, STAT_TEXT, &ignored) >= 0 &&
	       cpu_times_parse(text, cpus, out);
}

double cpu_times_idle(const struct cpu_times *before, const struct cpu_times *after)
{
	if (after->all <= before->all || after->idle < before->idle)
		return -1;
	return (double)(after->idle - before->idle) / (double)(after->all - before->all);
}

/* ---- pages */

void node_bytes_add(struct node_bytes *n, const char *line)
{
	static const char unit[] = " kernelpagesize_kB=";
	const char *size = strstr(line, unit);
	uint64_t kilobytes = 4;

	if (size)
		control_number(size + sizeof(unit) - 1, &kilobytes);
	for (const char *at = line; (at = strstr(at, " N"));) {
		char *end;
		unsigned long node = strtoul(at += 2, &end, 10);

		if (end > at && *end == '=' && node < TOPOLOGY_NODE_IDS)
			n->bytes[node] += strtoull(end + 1, NULL, 10) * kilobytes << 10;
	}
}

double node_bytes_local(const struct node_bytes *n, const struct topology *t,
			const struct cpuset *cpus)
{
	double all = 0, local = 0, allowed = cpuset_count(cpus);

	for (unsigned i = 0; i < TOPOLOGY_NODE_IDS; i++)
		all += (double)n->bytes[i];
	if (all <= 0 || allowed <= 0)
		return -1;
	for (unsigned i = 0; i < t->node_count; i++) {
		struct cpuset own = cpuset_and(&t->nodes[i].cpus, cpus);

		local += (double)n->bytes[t->nodes[i].id] / all * cpuset_count(&own) / allowed;
	}
	return local;
}

static bool read_node_bytes(pid_t pid, struct node_bytes *out)
{
	cleanup_fclose FILE *file = NULL;
	cleanup_free char *line = NULL;
	char path[64];
	size_t size = 0;

	*out = (struct node_bytes){0};
	snprintf(path, sizeof(path), "/proc/%d/numa_maps", (int)pid);
	file = control_open_lines(AT_FDCWD, path);
	while (file && getline(&line, &size, file) > 0)
		node_bytes_add(out, line);
	return file && !ferror(file);
}

static bool read_affinity(pid_t pid, struct cpuset *out)
{
	size_t size = CPU_ALLOC_SIZE(CPUSET_MAX);
	cpu_set_t *set = CPU_ALLOC(CPUSET_MAX);
	bool is_read = set && sched_getaffinity(pid, size, set) == 0;

	*out = (struct cpuset){0};
	for (unsigned cpu = 0; is_read && cpu < CPUSET_MAX; cpu++)
		if (CPU_ISSET_S(cpu, size, set))
			cpuset_add(out, cpu);
	if (set)
		CPU_FREE(set);
	return is_read;
}

/* ---- processes */

uint64_t io_written(const char *text)
{
	static const char key[] = "\nwrite_bytes: ";
	const char *at = strstr(text, key);
	uint64_t bytes = 0;

	return at && control_number(at + sizeof(key) - 1, &bytes) ? bytes : 0;
}

static uint64_t read_resident(pid_t pid)
{
	uint64_t pages = 0;
	char text[256];
	const char *second;

	if (proc_read_text(pid, "statm", text, sizeof(text)) > 0 && (second = strchr(text, ' ')))
		control_number(second + 1, &pages);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void read_written(struct sampler *s, struct relative *process)
{
	char text[1024];

	if (proc_read_text(process->id.pid, "io", text, sizeof(text)) > 0) {
		uint64_t bytes = io_written(text);

		s->has_written = true;
		if (bytes > process->written_bytes)
			process->written_bytes = bytes;
	}
}

int sampler_begin(struct sampler *s, const pid_t *pids, unsigned count, const struct topology *t)
{
	*s = (struct sampler){.topology = t,
			      .next_maps_ns = clock_now_ns() + MAPS_FIRST_MS * CLOCK_MS};
	for (unsigned i = 0; i < count; i++)
		if (family_add(&s->family, pids[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < s->family.count; i++) {
		read_written(s, &s->family.items[i]);
		s->written_before += s->family.items[i].written_bytes;
	}
	return 0;
}

static void look_at_maps(struct sampler *s, const uint64_t *resident, uint64_t sum)
{
	cleanup_free struct node_bytes *pages = malloc(sizeof(*pages));

	for (size_t i = 0; pages && i < s->family.count; i++) {
		const struct relative *process = &s->family.items[i];
		struct cpuset cpus;
		double share;

		if (!resident[i] || resident[i] < sum / MAPS_LEAST ||
		    !read_affinity(process->id.pid, &cpus) ||
		    !read_node_bytes(process->id.pid, pages))
			continue;
		share = node_bytes_local(pages, s->topology, &cpus);
		if (share < 0)
			continue;
		s->local_sum += share * (double)resident[i];
		s->local_weight += (double)resident[i];
	}
}

void sampler_look(struct sampler *s)
{
	uint64_t begin_ns = clock_now_ns(), sum = 0, after_ns;
	cleanup_free uint64_t *resident = NULL;

	if (begin_ns < s->next_ns || family_look(&s->family) < 0)
		return;
	resident = calloc(s->family.count + 1, sizeof(*resident));
	if (!resident)
		return;
	for (size_t i = 0; i < s->family.count; i++) {
		if (!s->family.items[i].is_here)
			continue;
		resident[i] = read_resident(s->family.items[i].id.pid);
		sum += resident[i];
		read_written(s, &s->family.items[i]);
	}
	if (sum > s->peak_bytes)
		s->peak_bytes = sum;
	after_ns = clock_now_ns();
	s->next_ns = begin_ns + LOOK_MS * CLOCK_MS;
	if (s->next_ns < after_ns + LOOK_COST * (after_ns - begin_ns))
		s->next_ns = after_ns + LOOK_COST * (after_ns - begin_ns);
	/* On one node all memory is local. */
	if (s->topology->node_count < 2 || after_ns < s->next_maps_ns)
		return;
	look_at_maps(s, resident, sum);
	begin_ns = after_ns;
	after_ns = clock_now_ns();
	s->next_maps_ns = after_ns + MAPS_MS * CLOCK_MS;
	if (s->next_maps_ns < after_ns + MAPS_COST * (after_ns - begin_ns))
		s->next_maps_ns = after_ns + MAPS_COST * (after_ns - begin_ns);
}

double sampler_local_share(const struct sampler *s)
{
	if (s->topology->node_count < 2)
		return 1;
	return s->local_weight > 0 ? s->local_sum / s->local_weight : -1;
}

uint64_t sampler_peak_bytes(const struct sampler *s)
{
	return s->peak_bytes ? s->peak_bytes : UINT64_MAX;
}

uint64_t sampler_written_bytes(const struct sampler *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->family.count; i++) {
		const struct relative *child = &s->family.items[i];
		bool is_told = false; /* by its parent */

		for (size_t j = 0; !child->is_here && j < s->family.count; j++)
			is_told |= s->family.items[j].id.pid == child->parent &&
				   s->family.items[j].is_here;
		sum += is_told ? 0 : child->written_bytes;
	}
	if (!s->has_written)
		return UINT64_MAX;
	return sum > s->written_before ? sum - s->written_before : 0;
}

void sampler_release(struct sampler *s)
{
	family_release(&s->family);
}
