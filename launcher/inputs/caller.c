/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/caller.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>

#include "containers/proc/control_file.h"
#include "decision/base/foreign.h"
#include "decision/base/size_text.h"

static void __attribute__((format(printf, 2, 3))) note(struct caller *c, const char *format, ...)
{
	va_list args;

	if (c->note_count == CALLER_NOTES)
		return;
	va_start(args, format);
	vsnprintf(c->notes[c->note_count++], PLAN_TEXT, format, args);
	va_end(args);
}

int caller_read(const struct tree *t, struct caller *out, struct err *e)
{
	struct caller c = {.uid = geteuid()};
	int r = tree_caller_limits(t, &c.limits, e);

	if (r == 0)
		r = control_read_cpuset(AT_FDCWD, "/sys/devices/system/cpu/online", &c.online_cpus,
					e);
	if (r < 0)
		return r;
	/* A kernel without NUMA has one node, and no such file. */
	if (control_read_cpuset(AT_FDCWD, "/sys/devices/system/node/has_memory", &c.online_nodes,
				&(struct err){0}) < 0)
		cpuset_add(&c.online_nodes, 0);
	*out = c;
	return 0;
}

/* One kind of what a cpuset allows: CPUs, or memory nodes. */
static int restrict_set(struct caller *c, const char *what, const struct cpuset *limit,
			const char *by, const struct cpuset *online, struct cpuset *set,
			struct err *e)
{
	struct cpuset lost = cpuset_and_not(online, limit), both = cpuset_and(set, limit);

	if (cpuset_is_empty(limit) || cpuset_is_empty(&lost))
		return 0;
	if (cpuset_is_empty(&both))
		return err_impossible(
			e,
			"your own group %.200s allows %s %.60s, and where the groups "
			"would be made there are %.60s: none is in both; start cleave "
			"elsewhere, or choose another place with --cgroup-root",
			FOREIGN(by), what, CPUSET_STRING(limit), CPUSET_STRING(set));
	note(c, "your own group %.120s allows %s %.40s of %.40s%s", FOREIGN(by), what,
	     CPUSET_STRING(limit), CPUSET_STRING(online),
	     c->uid == 0 && !cpuset_is_subset(set, limit)
		     ? "; as root write partition.cpus to go beyond"
		     : "");
	*set = both;
	return 0;
}

/* `place`: the CPUs where the groups are made, which nobody goes beyond. */
static void note_beyond(struct caller *c, const struct profile_partition *wanted,
			const struct cpuset *place)
{
	const struct caller_limits *l = &c->limits;
	struct cpuset had = cpuset_and(&wanted->cpus, place);
	struct cpuset beyond = cpuset_and_not(&had, &l->cpus);

	if (!cpuset_is_empty(&l->cpus) && !cpuset_is_empty(&beyond))
		note(c,
		     "partition.cpus: CPUs %.60s are beyond what your own group %.120s allows, %.40s",
		     CPUSET_STRING(&beyond), FOREIGN(l->cpus_by), CPUSET_STRING(&l->cpus));
	if (l->quota_milli && l->quota_milli < 1000 * (uint64_t)cpuset_count(&wanted->cpus))
		note(c,
		     "partition.cpus: %u CPUs are beyond the time of %" PRIu64 ".%02" PRIu64
		     " CPUs that your own group %.120s has",
		     cpuset_count(&wanted->cpus), l->quota_milli / 1000, l->quota_milli % 1000 / 10,
		     FOREIGN(l->quota_by));
}

int caller_restrict(struct caller *c, const struct profile_partition *wanted,
		    struct topology_source *source, struct err *e)
{
	const struct caller_limits *l = &c->limits;
	struct cpuset cpus = source->cpus, nodes = source->nodes;
	int r;

	c->note_count = 0;
	c->goes_beyond = c->uid == 0 && wanted && !wanted->all_cpus;
	if (c->goes_beyond)
		note_beyond(c, wanted, &cpus);
	if (c->goes_beyond && !cpuset_is_subset(&cpus, &l->cpus))
		return 0;
	r = restrict_set(c, "CPUs", &l->cpus, l->cpus_by, &c->online_cpus, &cpus, e);
	if (r < 0 || c->goes_beyond)
		return r;
	r = restrict_set(c, "memory nodes", &l->nodes, l->nodes_by, &c->online_nodes, &nodes, e);
	if (r < 0)
		return r;
	source->cpus = cpus;
	source->nodes = nodes;
	if (l->memory_bytes &&
	    (!source->memory_limit_bytes || l->memory_bytes < source->memory_limit_bytes))
		source->memory_limit_bytes = l->memory_bytes;
	return 0;
}

static bool is_memory_cut(const struct caller *c, const struct topology *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->node_count; i++)
		if (t->nodes[i].allowed) /* no group is charged for huge pages */
			sum += t->nodes[i].memory_bytes - t->nodes[i].huge_bytes;
	/* The nodes' shares of the limit are rounded down. */
	return c->limits.memory_bytes && sum && sum + t->node_count >= c->limits.memory_bytes;
}

void caller_restrict_cores(struct caller *c, const struct topology *t,
			   struct profile_partition *wanted)
{
	const struct caller_limits *l = &c->limits;
	uint64_t cores, threads = 1;

	if (is_memory_cut(c, t))
		note(c,
		     c->goes_beyond ? "partition.cpus: your own group %.120s has a memory limit of "
				      "%s, and what is planned is beyond it"
				    : "your own group %.120s has a memory limit of %s",
		     FOREIGN(l->memory_by), SIZE_STRING(l->memory_bytes));
	if (!l->quota_milli || c->goes_beyond)
		return;
	for (unsigned i = 0; wanted->smt != SMT_ONE && i < t->core_count; i++)
		threads = t->cores[i].cpus > threads ? t->cores[i].cpus : threads;
	cores = (l->quota_milli - 1) / (1000 * threads) + 1;
	if (cores >= t->core_count ||
	    (wanted->max_cores != AMOUNT_ALL && (uint64_t)wanted->max_cores <= cores))
		return;
	wanted->max_cores = (int)cores;
	note(c,
	     "your own group %.120s has the time of %" PRIu64 ".%02" PRIu64
	     " CPUs: partition.max_cores counts as %" PRIu64,
	     FOREIGN(l->quota_by), l->quota_milli / 1000, l->quota_milli % 1000 / 10, cores);
}
