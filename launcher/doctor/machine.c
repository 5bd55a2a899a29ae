/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: memory and CPUs that are there but cannot be had, and whether it can be cut at all.
 */

#include "launcher/doctor/room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/size_text.h"
#include "decision/engine/plan_make.h"
#include "launcher/inputs/inputs.h"

#define MEMORY_BLOCKS "/sys/devices/system/memory"

enum { HELD_PART = 8 }; /* less of a node's memory than this is what any kernel needs */

/* ---- the facts */

/* Blocks of memory that are there and were never, or are no longer, brought online. */
static uint64_t offline_bytes(void)
{
	cleanup_closedir DIR *blocks = control_list(AT_FDCWD, MEMORY_BLOCKS);
	char text[64], path[512];
	uint64_t size, sum = 0;
	struct dirent *entry;
	struct err ignored;

	if (!blocks || control_read(AT_FDCWD, MEMORY_BLOCKS "/block_size_bytes", text, sizeof(text),
				    &ignored) < 0)
		return 0;
	size = strtoull(text, NULL, 16);
	while ((entry = readdir(blocks))) {
		if (strncmp(entry->d_name, "memory", 6) != 0)
			continue;
		snprintf(path, sizeof(path), MEMORY_BLOCKS "/%s/state", entry->d_name);
		if (control_read(AT_FDCWD, path, text, sizeof(text), &ignored) > 0 &&
		    !strcmp(text, "offline"))
			sum += size;
	}
	return sum;
}

/* Linux 6.16 and later say how much a balloon has taken. */
static uint64_t balloon_bytes(void)
{
	char text[CONTROL_TEXT];
	const char *line;
	uint64_t kilobytes = 0;

	if (control_read(AT_FDCWD, "/proc/meminfo", text, sizeof(text), &(struct err){0}) < 0)
		return 0;
	line = strstr(text, "\nBalloon:");
	if (line && sscanf(line, " Balloon: %" SCNu64 " kB", &kilobytes) != 1)
		kilobytes = 0;
	return kilobytes * 1024;
}

/* Who has most memory in use, whatever group it is in. */
static void find_largest(struct doctor_facts *out)
{
	cleanup_closedir DIR *processes = proc_list(0);
	pid_t pid;

	while (processes && (pid = proc_next(processes))) {
		struct proc_stat stat;
		char text[256];
		uint64_t pages;

		if (pid == getpid() || proc_read_text(pid, "statm", text, sizeof(text)) < 0 ||
		    sscanf(text, "%*u %" SCNu64, &pages) != 1 ||
		    pages * (uint64_t)sysconf(_SC_PAGESIZE) <= out->largest_bytes ||
		    proc_stat_read(pid, &stat) < 0)
			continue;
		out->largest_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
		out->largest = pid;
		snprintf(out->largest_name, sizeof(out->largest_name), "%s", stat.name);
	}
}

/* As `up` decides, but for what is free only now: CPUs of other clusters, ports, addresses. */
static int try_plan(const struct topology *t, const struct profile *p, struct err *e)
{
	cleanup_free struct plan *plan = malloc(sizeof(*plan));

	if (!plan)
		return err_errno(e, -ENOMEM, "trying a plan");
	return plan_make(t, p, &(struct facts){0}, plan, e);
}

void machine_read(const struct profile *p, const struct tree *tree, struct doctor_facts *out)
{
	cleanup_free struct profile *own = malloc(sizeof(*own));
	struct caller caller = out->caller;
	struct cpuset mask;

	if (!own || out->caller_result < 0)
		return;
	*own = *p;
	out->machine_result = load_machine(tree, &p->partition, &caller, &out->machine, &mask,
					   &out->machine_error);
	if (out->machine_result < 0)
		return;
	caller_restrict_cores(&caller, &out->machine, &own->partition);
	out->offline_bytes = offline_bytes();
	out->balloon_bytes = balloon_bytes();
	find_largest(out);
	out->machine_result = try_plan(&out->machine, own, &out->machine_error);
	out->names_cpus = !p->partition.all_cpus;
	out->named_cpus = p->partition.cpus;
}

/* ---- the findings */

static void judge_huge_pages(const struct topology *t, struct findings *out)
{
	char text[ERR_TEXT] = "";
	size_t used = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		if (n->allowed && n->huge_bytes && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "%s%s of %s on node %u", used ? ", " : "",
						 SIZE_STRING(n->huge_bytes),
						 SIZE_STRING(n->memory_bytes), n->id);
	}
	if (!used)
		finding_add(out, FINDING_OK, "huge-pages", "", "none are reserved");
	else
		finding_add(out, FINDING_NOTE, "huge-pages",
			    "sysctl vm.nr_hugepages=0, or no hugepages= on the kernel command line",
			    "reserved, and no heap is made of them: %s", text);
}

static void judge_apart(const struct doctor_facts *f, const char *name, const char *why,
			const struct cpuset *cpus, struct findings *out)
{
	struct cpuset ours = cpuset_and(cpus, &f->machine.allowed);
	struct cpuset named = cpuset_and(&ours, &f->named_cpus);

	if (cpuset_is_empty(&ours))
		return;
	if (!f->names_cpus)
		finding_add(out, FINDING_NOTE, name,
			    "partition.cpus with those that slices may have (in the profile)",
			    "CPUs %.300s are left out: %s", CPUSET_STRING(&ours), why);
	else if (cpuset_is_empty(&named))
		finding_add(out, FINDING_NOTE, name, "",
			    "CPUs %.300s are not in partition.cpus: %s", CPUSET_STRING(&ours), why);
	else
		finding_add(out, FINDING_NOTE, name,
			    "slices of one CPU there, or partition.cpus without them",
			    "CPUs %.300s are in partition.cpus: %s", CPUSET_STRING(&named), why);
}

static void judge_held(const struct doctor_facts *f, struct findings *out)
{
	char text[ERR_TEXT] = "", name[FOREIGN_CHAR * sizeof(f->largest_name)];
	char most[sizeof(name) + 96] = "";
	uint64_t sum = 0;
	size_t used = 0;

	for (unsigned i = 0; i < f->machine.node_count; i++) {
		const struct topology_node *n = &f->machine.nodes[i];

		sum += n->allowed ? n->held_bytes : 0;
		if (n->allowed && n->held_bytes > (n->free_bytes + n->held_bytes) / HELD_PART &&
		    used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "%s%s of %s on node %u", used ? ", " : "",
						 SIZE_STRING(n->held_bytes),
						 SIZE_STRING(n->free_bytes + n->held_bytes), n->id);
	}
	if (!used)
		return;
	/* It may as well be files in tmpfs, which are no process's. */
	foreign_escape(f->largest_name, name, sizeof(name));
	if (f->largest_bytes > sum / HELD_PART)
		snprintf(most, sizeof(most), "; most by process %d (%s), %s", (int)f->largest, name,
			 SIZE_STRING(f->largest_bytes));
	finding_add(out, FINDING_NOTE, "memory-held", "",
		    "in use now, by the kernel and all that runs: %.400s%s", text, most);
}

void machine_judge(const struct doctor_facts *f, struct findings *out)
{
	const struct topology *t = &f->machine;
	struct cpuset quiet = cpuset_and(&t->rcu_nocbs, &t->allowed);

	if (f->machine_result < 0)
		finding_add(out, FINDING_MISSING, "machine", "", "%s", f->machine_error.msg);
	if (!t->cpu_count)
		return;
	if (f->machine_result == 0)
		finding_add(out, FINDING_OK, "machine", "", "can be cut as the profile says");
	judge_huge_pages(t, out);
	judge_held(f, out);
	if (f->balloon_bytes)
		finding_add(out, FINDING_NOTE, "balloon", "",
			    "%s are taken by the balloon of a virtual machine: no slice has them",
			    SIZE_STRING(f->balloon_bytes));
	if (f->offline_bytes)
		finding_add(out, FINDING_NOTE, "memory-offline",
			    "echo online > " MEMORY_BLOCKS "/memoryN/state",
			    "%s are in blocks that are offline: no slice has them",
			    SIZE_STRING(f->offline_bytes));
	judge_apart(f, "isolated-cpus",
		    "the kernel balances no load between isolated CPUs "
		    "(isolcpus=, partitions of cgroup v2)",
		    &t->isolated, out);
	judge_apart(f, "nohz-full-cpus", "they are for one thread each (nohz_full=)", &t->nohz_full,
		    out);
	if (!cpuset_is_empty(&quiet))
		finding_add(out, FINDING_NOTE, "rcu-nocbs-cpus", "",
			    "other CPUs do RCU's work for CPUs %.300s (rcu_nocbs=), which hurts "
			    "nobody",
			    CPUSET_STRING(&quiet));
}
