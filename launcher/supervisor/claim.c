#include "containers/where/tree.h"
#include "decision/cost/facts.h"
#include "launcher/supervisor/parts.h"

enum { PATIENCE_MS = 10000 }; /* longer than another cluster's worker takes to stop */

static int check_cpus(const struct supervisor *s, struct err *e)
{
	const struct plan *plan = &s->wanted->plan;
	struct cpuset cpus = plan->host.cpus;
	struct facts facts = {0};
	struct tree tree;
	int r = tree_read(s->cgroup_root, &tree, e);

	if (!r)
		r = tree_taken(&tree, s->wanted->cluster.name, &facts.taken, facts.taken_by, e);
	for (unsigned i = 0; i < plan->slice_count; i++)
		cpus = cpuset_or(&cpus, &plan->slices[i].cpus);
	return r ? r : facts_check_cpus(&facts, &cpus, e);
}

int lock_groups(struct supervisor *s, struct err *e)
{
	struct tree tree;

	if (s->groups_lock >= 0)
		return 0;
	return tree_read(s->cgroup_root, &tree, e) < 0
		       ? e->code
		       : tree_lock(&tree, PATIENCE_MS, &s->groups_lock, e);
}

int claim_groups(struct supervisor *s, struct err *e)
{
	int r = lock_groups(s, e);

	if (!r && s->wanted)
		r = check_cpus(s, e);
	if (r)
		unlock_groups(s);
	return r;
}

void unlock_groups(struct supervisor *s)
{
	if (s->groups_lock >= 0)
		close(s->groups_lock);
	s->groups_lock = -1;
}
