/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cost/facts.h"

int facts_check_cpus(const struct facts *f, const struct cpuset *cpus, struct err *e)
{
	struct cpuset both = cpuset_and(cpus, &f->taken);

	if (cpuset_is_empty(&both))
		return 0;
	return err_impossible(e,
			      "partition.cpus: CPUs %.300s belong to the cluster %s: write CPUs "
			      "without them",
			      CPUSET_STRING(&both), f->taken_by);
}
