/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/process/memory_policy.h"

#include <errno.h>
#include <numaif.h>

/* Since Linux 5.15; numaif.h of libnuma 2.0.16 does not have it yet. */
enum { MODE_PREFERRED_MANY = 5 };

enum { NODES_MAX = 256 }; /* the bound on node ids (decision/machine/topology.h) */

int memory_policy_set(enum memory_policy policy, const struct cpuset *nodes, enum memory_wall wall)
{
	unsigned long mask[NODES_MAX / (8 * sizeof(unsigned long))];
	int mode = MPOL_DEFAULT;

	switch (policy) {
	case POLICY_NONE:
		break;
	case POLICY_STRICT:
		/*
		 * Inside a cpuset first touch is local already, and MPOL_BIND could not be changed
		 * from outside.
		 */
		mode = wall == WALL_CPUSET ? MPOL_DEFAULT : MPOL_BIND;
		break;
	case POLICY_PREFERRED:
		mode = cpuset_count(nodes) > 1 ? MODE_PREFERRED_MANY : MPOL_PREFERRED;
		break;
	case POLICY_INTERLEAVE:
		mode = MPOL_INTERLEAVE;
		break;
	}
	memcpy(mask, nodes->words, sizeof(mask));
	/* The kernel takes maxnode as one more than the bits it reads (set_mempolicy(2), BUGS). */
	if (mode == MPOL_DEFAULT ? !set_mempolicy(mode, NULL, 0)
				 : !set_mempolicy(mode, mask, NODES_MAX + 1))
		return 0;
	if (errno == EINVAL && mode == MODE_PREFERRED_MANY &&
	    !set_mempolicy(MPOL_PREFERRED, mask, NODES_MAX + 1))
		return 0; /* before 5.15: the lowest of them */
	/* A filter of a container's that forbids it has forbidden others to change the default, too. */
	return errno == ENOSYS || (errno == EPERM && mode == MPOL_DEFAULT) ? 0 : -errno;
}
