#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <sys/syscall.h>

#include "containers/where/tree.h"
#include "decision/base/cleanup.h"
#include "decision/reconcile/differences.h"
#include "decision/reconcile/drift.h"
#include "launcher/commands/command.h"
#include "launcher/commands/running.h"
#include "launcher/commands/up.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/state.h"
#include "launcher/show/table.h"
#include "launcher/system/listening.h"

enum { PIDS_MAX = 4096, LOOKS = 3 };

/* Everything that one look needs; too large for the stack. */
struct look {
	struct cluster cluster; /* where its state is; the state's own may be out of date */
	struct state state;
	struct driver *driver;
	const char *cgroup_root;
	enum verify_depth depth;
	struct observation seen;
	struct sample samples[SLICES_MAX + 2]; /* of seen.groups */
	struct drifts drifts;
	struct op repairs[DRIFT_OPS];
	unsigned repair_count;
	pid_t pids[PIDS_MAX];
};

static void release(struct look **look)
{
	if (*look && (*look)->driver)
		(*look)->driver->ops->close((*look)->driver);
	free(*look);
}

static const struct slice *slice_of(const struct look *l, const char *group)
{
	for (unsigned i = 0; i < l->state.plan.slice_count; i++)
		if (!strcmp(l->state.plan.slices[i].name, group))
			return &l->state.plan.slices[i];
	return NULL;
}

/* A process that has ended since it was listed is no drift. */
static void check_pid(struct look *l, const struct observed_group *g, pid_t pid)
{
	const struct slice *s = slice_of(l, g->name);
	struct cpuset mask = {0};
	struct err e = {0};
	const int any_port[2] = {0, 0};

	if (syscall(SYS_sched_getaffinity, pid, sizeof(mask.words), mask.words) < 0)
		return;
	verify_process(g->name, pid, true, &mask, &g->cpus, &l->drifts);
	if (s && listening_check(g->name, pid, s->address, any_port, &e) == -EPERM)
		drifts_add(&l->drifts, DRIFT_SOCKET, g->name, "%.200s", e.msg);
}

static bool has_pid(const struct look *l, int count, pid_t pid)
{
	for (int i = 0; i < count && i < PIDS_MAX; i++)
		if (l->pids[i] == pid)
			return true;
	return false;
}

/* The process that the state file names for a group: a slice's worker, the host group's master. */
static const struct process_id *recorded(const struct look *l, const char *group)
{
	const struct slice *s;

	if (!strcmp(group, GROUP_HOST))
		return &l->state.master_process;
	s = slice_of(l, group);
	return s ? &l->state.workers[s->id].id : NULL;
}

static int check_group(struct look *l, unsigned index, struct err *e)
{
	const struct observed_group *g = &l->seen.groups[index];
	const struct process_id *owner = recorded(l, g->name);
	int count = l->driver->ops->pids(l->driver, g->name, l->pids, PIDS_MAX, e);

	if (count < 0)
		return count;
	for (int i = 0; i < count && i < PIDS_MAX; i++)
		check_pid(l, g, l->pids[i]);
	if (owner && owner->pid && process_is_alive(owner) && !has_pid(l, count, owner->pid))
		verify_process(g->name, owner->pid, false, &g->cpus, &g->cpus, &l->drifts);
	count = l->driver->ops->sample(l->driver, g->name, &l->samples[index], e);
	if (count == 0 && slice_of(l, g->name))
		verify_locality(&l->state.profile, g->name, &l->samples[index], &l->drifts);
	return count;
}

static int take_a_look(struct look *l, struct err *e)
{
	int rc;

	running_loans(&l->cluster, &l->state.plan);
	rc = l->driver->ops->observe(l->driver, &l->seen, e);
	l->drifts.count = 0;
	if (rc < 0)
		return rc;
	verify_groups(&l->state.plan, &l->state.profile, &l->seen, l->depth, &l->drifts);
	for (unsigned i = 0; rc == 0 && i < l->seen.count; i++)
		rc = check_group(l, i, e);
	return rc;
}

/* The supervisor is the only writer while it lives. */
static int write_repairs(const struct look *l, struct err *e)
{
	cleanup_close int lock = -1;
	int rc = up_again(&l->state, &lock, e);

	for (unsigned i = 0; rc == 0 && lock >= 0 && i < l->repair_count; i++)
		rc = driver_execute(l->driver, &l->repairs[i], NULL, NULL, NULL, e);
	return rc;
}

/* Put CPUs and weights back, and look again. */
static int repair(struct look *l, struct err *e)
{
	struct cpuset allowed, nodes;
	struct tree tree;
	int rc = tree_read(l->cgroup_root, &tree, e);

	if (rc == 0)
		rc = tree_allowed(&tree, &allowed, &nodes, e);
	if (rc < 0)
		return rc;
	l->repair_count = drift_find(&l->seen, &l->state.plan, &allowed, l->repairs);
	rc = write_repairs(l, e);
	return rc == 0 ? take_a_look(l, e) : rc;
}

static double local_share(const struct sample *s)
{
	return s->anon_bytes ? (double)s->anon_local_bytes / (double)s->anon_bytes : 1.0;
}

static int print_text(const struct look *l)
{
	static const char *const titles[] = {"group",	   "CPUs",   "nodes", ">weight",
					     ">processes", ">local", NULL};
	cleanup_table struct table table;
	int rc;

	table_init(&table, titles);
	for (unsigned i = 0; i < l->seen.count; i++) {
		const struct observed_group *g = &l->seen.groups[i];

		table_add(&table, "%s", g->name);
		table_add(&table, "%s", CPUSET_STRING(&g->cpus));
		table_add(&table, "%s", CPUSET_STRING(&g->nodes));
		table_add(&table, "%u", g->weight);
		table_add(&table, "%u", l->samples[i].processes);
		table_add(&table, "%.0f %%", 100 * local_share(&l->samples[i]));
	}
	rc = table_print(&table, "", stdout);
	for (unsigned i = 0; i < l->repair_count; i++)
		printf("repaired: %s\n",
		       op_format(&l->repairs[i], &l->state.plan, (char[CPUSET_TEXT + 256]){0},
				 CPUSET_TEXT + 256));
	for (unsigned i = 0; i < l->drifts.count && i < DRIFTS_MAX; i++)
		printf("drift: %s\n", l->drifts.items[i].text);
	if (!l->drifts.count)
		printf("plan and kernel agree\n");
	return rc;
}

static int print_json(const struct look *l, struct err *e)
{
	json_t *groups = json_array(), *drift = json_array();
	json_t *all =
		json_pack("{s:s, s:s, s:s, s:i, s:o, s:o}", "schema", "cleave.verify/1", "name",
			  l->state.plan.name, "state", l->drifts.count ? "drift" : "ok", "repaired",
			  (int)l->repair_count, "groups", groups, "drift", drift);
	int rc = 0;

	for (unsigned i = 0; all && i < l->seen.count; i++) {
		const struct observed_group *g = &l->seen.groups[i];

		rc |= json_array_append_new(
			groups, json_pack("{s:s, s:s, s:s, s:i, s:i, s:f}", "name", g->name, "cpus",
					  CPUSET_STRING(&g->cpus), "nodes",
					  CPUSET_STRING(&g->nodes), "weight", (int)g->weight,
					  "processes", (int)l->samples[i].processes, "local_share",
					  local_share(&l->samples[i])));
	}
	for (unsigned i = 0; all && i < l->drifts.count && i < DRIFTS_MAX; i++) {
		const struct drift *d = &l->drifts.items[i];

		rc |= json_array_append_new(
			drift, json_pack("{s:s, s:s, s:s, s:b}", "kind", drift_kind_name(d->kind),
					 "group", d->group, "message", d->text, "repairable",
					 drift_is_repairable(d->kind)));
	}
	if (!all || rc || json_dumpf(all, stdout, JSON_INDENT(2)))
		rc = err_errno(e, -ENOMEM, "cannot print JSON");
	else
		putchar('\n');
	json_decref(all);
	return rc;
}

static int open_cluster(const struct invocation *in, struct look *l, struct err *e)
{
	const struct options *o = &in->options;
	char name[NAME_MAX_BYTES + 1];
	int rc = load_cluster_name(o, in->operand_count ? in->operands[0] : NULL, name, e);

	if (rc == 0)
		rc = cluster_paths(o->roots.state_dir, name, &l->cluster, e);
	if (rc == 0)
		rc = state_read(&l->cluster, &l->state, e);
	if (rc == -ENOENT)
		return err_set(e, rc, "cluster %s is not up: there is nothing to verify", name);
	if (rc < 0)
		return rc;
	l->cgroup_root = o->roots.cgroup_root;
	rc = running_driver(o, &l->state, &l->driver, e);
	if (rc == 0)
		l->depth = !strcmp(l->driver->ops->name, "affinity") ? VERIFY_CPUS : VERIFY_ALL;
	return rc;
}

static int run(const struct invocation *in, struct err *e)
{
	__attribute__((cleanup(release))) struct look *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_errno(e, -ENOMEM, "verifying");
	rc = open_cluster(in, l, e);
	/* A loan may begin or end between two questions: what differs is looked at again. */
	for (unsigned i = 0; rc == 0 && i < LOOKS && (i == 0 || l->drifts.count); i++)
		rc = take_a_look(l, e);
	if (rc == 0 && in->options.repair && l->drifts.count)
		rc = repair(l, e);
	if (rc == 0)
		rc = in->options.json ? print_json(l, e) : print_text(l);
	if (rc < 0)
		return rc;
	return l->drifts.count ? ERR_DRIFT : 0;
}

static const struct option options[] = {
	OPTION_CLUSTER,
	{"repair", NULL, "put CPUs and weights back", offsetof(struct options, repair)},
	OPTION_JSON,
	OPTION_END};

const struct command cmd_verify = {
	.name = "verify",
	.arguments = "[NAME]",
	.summary = "Compare plan, kernel and processes",
	.details = "Compares the plan in force with the groups' CPUs, memory nodes, weights and "
		   "limits, with the affinity of their processes, where these listen, and where "
		   "their memory is. Exits with 4 if something differs.",
	.options = options,
	.max_operands = 1,
	.failure = 1,
	.run = run,
};
