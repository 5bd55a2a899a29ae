/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else uses the CPUs: clusters, and processes outside of every slice.
 */

#include "launcher/doctor/room.h"

void others_judge(const struct doctor_facts *f, struct findings *out)
{
	if (!cpuset_is_empty(&f->claims.taken))
		finding_add(out, FINDING_NOTE, "clusters", "",
			    "CPUs %.300s belong to running clusters (%s)",
			    CPUSET_STRING(&f->claims.taken), f->claims.taken_by);
	if (!cpuset_is_empty(&f->claims.claimed))
		finding_add(
			out, FINDING_NOTE, "claims", "",
			"CPUs %.300s are claimed by groups of user %u, who may run there; that keeps "
			"no cluster of others from them",
			CPUSET_STRING(&f->claims.claimed), (unsigned)f->claims.claimed_by);
	for (unsigned i = 0; i < f->busy_count; i++)
		finding_add(out, FINDING_NOTE, "busy", "",
			    "process %d (%s) outside of every slice uses %.1f CPUs", f->busy[i].pid,
			    f->busy[i].name, f->busy[i].cpus);
}
