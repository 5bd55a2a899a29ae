/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_MEASURE_SAMPLE_H
#define LAUNCHER_MEASURE_SAMPLE_H

/*
 * What some processes and all that they start use while an application runs, looked up in /proc
 * from time to time by whoever waits for it: memory, bytes to disk, where their pages are. And the
 * time of the CPUs, by /proc/stat.
 */

#include "decision/base/cpuset.h"
#include "decision/machine/topology.h"
#include "launcher/measure/family.h"

/* Ticks since boot, over some CPUs. */
struct cpu_times {
	uint64_t idle, all;
};

/* Read /proc/stat's lines of these CPUs; false: not all of them are there. */
bool cpu_times_parse(const char *text, const struct cpuset *cpus, struct cpu_times *out);
bool cpu_times_read(const struct cpuset *cpus, struct cpu_times *out);

/* Share of the time between two readings that was idle, or waited for disks; negative: no time. */
double cpu_times_idle(const struct cpu_times *before, const struct cpu_times *after);

/* Bytes of a process's pages by the OS index of their node. */
struct node_bytes {
	uint64_t bytes[TOPOLOGY_NODE_IDS];
};

/* Add one line of /proc/PID/numa_maps (Documentation/admin-guide/mm/numa_memory_policy.rst). */
void node_bytes_add(struct node_bytes *n, const char *line);

/*
 * The share of accesses that go to the own node where a process may run on `cpus` and uses all its
 * pages and all these CPUs alike: Σ over nodes of (share of its pages there) × (share of the CPUs
 * that are the node's). Negative: it has no pages.
 */
double node_bytes_local(const struct node_bytes *n, const struct topology *t,
			const struct cpuset *cpus);

/* The number behind "write_bytes: " in /proc/PID/io; 0 without it. */
uint64_t io_written(const char *text);

struct sampler {
	const struct topology *topology; /* borrowed */
	struct family family;
	uint64_t next_ns, next_maps_ns;
	uint64_t peak_bytes;
	uint64_t written_before;	/* by the first processes, when it began */
	bool has_written;		/* /proc/PID/io could be read */
	double local_sum, local_weight; /* over looks and processes, by pages */
};

/* Begin with these processes and their children; `topology` says where the CPUs' nodes are. */
int sampler_begin(struct sampler *s, const pid_t *pids, unsigned count, const struct topology *t);

/* Look, if it is time: by 250 ms, but never more than a twentieth of one CPU's time. */
void sampler_look(struct sampler *s);

/*
 * What came of it; negative or UINT64_MAX: it could not be measured. Bytes that a child wrote are
 * its parent's once the parent has waited for it (kernel/exit.c, wait_task_zombie), so they are
 * counted for a child only while it lives, or if its parent ended first.
 */
double sampler_local_share(const struct sampler *s);
uint64_t sampler_peak_bytes(const struct sampler *s);
uint64_t sampler_written_bytes(const struct sampler *s);

void sampler_release(struct sampler *s);
#define cleanup_sampler __attribute__((cleanup(sampler_release)))

#endif
