#include "containers/process/memory_policy.h"

#include <errno.h>
#include <numaif.h>

/* Since Linux 5.15; numaif.h of libnuma 2.0.16 does not have it yet. */
enum { MODE_PREFERRED_MANY = 5 };

struct memory_policy_call memory_policy_prepare(enum memory_policy policy,
						const struct cpuset *nodes, enum memory_wall wall)
{
	struct memory_policy_call call = {.mode = MPOL_DEFAULT};

	switch (policy) {
	case POLICY_NONE:
		return call;
	case POLICY_STRICT:
		/*
		 * Inside a cpuset first touch is local already, and MPOL_BIND could not be changed
		 * from outside.
		 */
		if (wall == WALL_CPUSET)
			return call;
		call.mode = MPOL_BIND;
		break;
	case POLICY_PREFERRED:
		call.mode = cpuset_count(nodes) > 1 ? MODE_PREFERRED_MANY : MPOL_PREFERRED;
		break;
	case POLICY_INTERLEAVE:
		call.mode = MPOL_INTERLEAVE;
		break;
	}
	memcpy(call.nodes, nodes->words, sizeof(call.nodes));
	return call;
}

int memory_policy_set(const struct memory_policy_call *call)
{
	/* The kernel takes maxnode as one more than the bits it reads (set_mempolicy(2), BUGS). */
	bool nodes = call->mode != MPOL_DEFAULT;
	int mode = call->mode;

	if (!set_mempolicy(mode, nodes ? call->nodes : NULL, nodes ? MEMORY_POLICY_NODES + 1 : 0))
		return 0;
	if (errno == EINVAL && mode == MODE_PREFERRED_MANY &&
	    !set_mempolicy(MPOL_PREFERRED, call->nodes, MEMORY_POLICY_NODES + 1))
		return 0; /* before 5.15: the lowest of them */
	return errno == ENOSYS ? 0 : -errno;
}
