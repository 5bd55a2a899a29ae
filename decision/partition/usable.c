/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/usable.h"

bool partition_is_auto(const struct profile_partition *wanted)
{
	return wanted->by == BY_AUTO && wanted->slices == AMOUNT_AUTO &&
	       wanted->cores == AMOUNT_AUTO;
}

int partition_check_cpus(const struct topology *t, const struct profile_partition *wanted,
			 struct err *e)
{
	struct cpuset missing = cpuset_and_not(&wanted->cpus, &t->allowed);

	if (wanted->all_cpus && cpuset_is_equal(&t->apart, &t->allowed))
		return err_impossible(
			e,
			"all CPUs that are allowed here, %.200s, are isolated or nohz_full (isolated "
			"and nohz_full in /sys/devices/system/cpu, cpuset.cpus.partition of "
			"cgroup v2): name those that slices may have in partition.cpus",
			CPUSET_STRING(&t->allowed));
	if (!wanted->all_cpus && !cpuset_is_empty(&missing))
		return err_impossible(e,
				      "partition.cpus: CPUs %.200s are not among those allowed "
				      "here, %.200s: leave them out",
				      CPUSET_STRING(&missing), CPUSET_STRING(&t->allowed));
	return 0;
}

unsigned partition_usable(const struct topology *t, const struct profile_partition *wanted,
			  uint16_t owner[TOPOLOGY_CPUS])
{
	unsigned usable = 0;

	for (unsigned core = 0; core < t->core_count; core++) {
		bool is_usable = partition_core_cpus(t, wanted, core, NULL) > 0;

		owner[core] = is_usable ? CORE_FREE : CORE_OUTSIDE;
		usable += is_usable;
	}
	return usable;
}

unsigned partition_core_cpus(const struct topology *t, const struct profile_partition *wanted,
			     unsigned core, struct cpuset *add_to)
{
	const struct topology_core *c = &t->cores[core];
	unsigned count = 0;

	for (unsigned i = c->first_cpu; i < c->first_cpu + (unsigned)c->cpus; i++) {
		unsigned cpu = t->cpus[i].os_index;

		if (wanted->all_cpus ? cpuset_has(&t->apart, cpu) : !cpuset_has(&wanted->cpus, cpu))
			continue;
		if (add_to)
			cpuset_add(add_to, cpu);
		count++;
		if (wanted->smt == SMT_ONE)
			break;
	}
	return count;
}

bool partition_core_is_apart(const struct topology *t, const struct profile_partition *wanted,
			     unsigned core)
{
	struct cpuset cpus = {0};

	if (cpuset_is_empty(&t->apart))
		return false;
	partition_core_cpus(t, wanted, core, &cpus);
	return cpuset_intersects(&cpus, &t->apart);
}
