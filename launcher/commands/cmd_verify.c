/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <sched.h>
#include <sys/syscall.h>

#include "containers/where/tree.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/reconcile/differences.h"
#include "decision/reconcile/drift.h"
#include "launcher/commands/answers.h"
#include "launcher/commands/running.h"
#include "launcher/commands/up.h"
#include "launcher/show/table.h"
#include "launcher/system/json.h"
#include "launcher/system/listening.h"

enum { PIDS_MAX = 4096, LOOKS = 3, ANSWER_MS = 5000 };

/* Everything that one look needs; too large for the stack. */
struct look {
	struct cluster cluster; /* where its state is; the state's own may be out of date */
	struct state state;
	struct driver *driver;
	enum verify_depth depth;
	struct answers answers;
	struct status status; /* the supervisor's, for the loans */
	struct observation seen;
	struct sample samples[SLICES_MAX + 2]; /* of seen.groups */
	struct drifts drifts;
	struct op repairs[DRIFT_OPS];
	unsigned repair_count;
	pid_t pids[PIDS_MAX];
};

/* Those in it that were not started by us. */
static void check_strangers(struct look *l, const char *group)
{
	struct strangers found = {0};
	struct err ignored; /* it has just ended, say */

	if (l->driver->ops->strangers)
		l->driver->ops->strangers(l->driver, group, &found, &ignored);
	for (unsigned i = 0; i < found.listed; i++) {
		/* Forked, not executed: it is told by its program, which an update replaces. */
		if (found.items[i].pid == l->state.supervisor.pid)
			continue;
		drifts_add(&l->drifts, DRIFT_FOREIGN, group,
			   "process %d (%s) of user %d is in %s and was not started by cleave",
			   (int)found.items[i].pid, found.items[i].name, (int)found.items[i].uid,
			   group);
	}
	if (found.count > found.listed)
		drifts_add(&l->drifts, DRIFT_FOREIGN, group, "so are %u more in %s",
			   found.count - found.listed, group);
}

/* The processes of a group, and whether the one that the state names for it is among them. */
static int check_group(struct look *l, unsigned index, struct err *e)
{
	const struct observed_group *g = &l->seen.groups[index];
	const struct process_id *owner = NULL;
	const struct slice *s = NULL;
	const int any_port[2] = {0, 0};
	struct in_addr master = {0};
	uint32_t address = 0; /* beside loopback; 0: a name, which only the user knows */
	bool is_inside = false;
	int count = l->driver->ops->pids(l->driver, g->name, l->pids, PIDS_MAX, e);

	if (count < 0)
		return count;
	if (!strcmp(g->name, GROUP_HOST)) {
		owner = &l->state.master_process;
		/* Of the master, and of drivers: SPARK_LOCAL_IP may have led one elsewhere. */
		if (inet_pton(AF_INET, l->state.master.address, &master) == 1)
			address = ntohl(master.s_addr);
	}
	for (unsigned i = 0; i < l->state.plan.slice_count; i++) {
		if (!strcmp(l->state.plan.slices[i].name, g->name)) {
			s = &l->state.plan.slices[i];
			owner = &l->state.workers[i].id;
		}
	}
	for (int i = 0; i < count && i < PIDS_MAX; i++) {
		pid_t pid = l->pids[i];
		struct cpuset mask = {0};
		struct err why;

		is_inside |= owner && owner->pid == pid;
		/* A process that has ended since it was listed is no drift. */
		if (syscall(SYS_sched_getaffinity, pid, sizeof(mask.words), mask.words) < 0)
			continue;
		verify_process(g->name, pid, true, &mask, &g->cpus, &l->drifts);
		if (s)
			address = s->address;
		if (address && listening_check(g->name, pid, address, any_port, &why) == -EPERM)
			drifts_add(&l->drifts, DRIFT_SOCKET, g->name, "%.200s", why.msg);
	}
	check_strangers(l, g->name);
	if (owner && owner->pid && !is_inside && process_is_alive(owner))
		verify_process(g->name, owner->pid, false, &g->cpus, &g->cpus, &l->drifts);
	if (l->driver->ops->sample(l->driver, g->name, &l->samples[index], e))
		return e->code;
	if (s)
		verify_locality(&l->state.profile, g->name, &l->samples[index], &l->drifts);
	return 0;
}

static void note_answer(struct look *l, const char *group, const char *name, pid_t pid,
			enum answer_kind answer)
{
	switch (answer) {
	case ANSWER_NOT_ASKED:
	case ANSWER_GIVEN:
		break;
	case ANSWER_WRONG:
		drifts_add(&l->drifts, DRIFT_NO_ANSWER, group,
			   "%s (pid %d) does not answer: something else does, at its port %d", name,
			   (int)pid, l->state.master.ui_port);
		break;
	case ANSWER_NONE:
		drifts_add(&l->drifts, DRIFT_NO_ANSWER, group,
			   "%s (pid %d) lives and did not answer within %d s", name, (int)pid,
			   ANSWER_MS / 1000);
		break;
	case ANSWER_DEAD:
		drifts_add(&l->drifts, DRIFT_NO_ANSWER, group, "%s does not run", name);
		break;
	}
}

static void note_answers(struct look *l)
{
	const struct state *s = &l->state;
	char name[NAME_MAX_BYTES + 16];

	note_answer(l, GROUP_HOST, "the master", s->master_process.pid, l->answers.master);
	for (unsigned i = 0; i < s->plan.slice_count; i++) {
		snprintf(name, sizeof(name), "the worker of %s", s->plan.slices[i].name);
		note_answer(l, s->plan.slices[i].name, name, s->workers[i].id.pid,
			    l->answers.workers[i]);
	}
}

static int take_a_look(struct look *l, struct err *e)
{
	int r = running_status(&l->cluster, &l->status, NULL, e);

	/* The loans in force, as the supervisor reports them; where it is dead, none. */
	if (r == -ETIMEDOUT)
		return r;
	l->state.plan.loan_count = 0;
	if (r == 0)
		status_plan_loans(&l->status, &l->state.plan);
	l->drifts.count = 0;
	l->seen.count = 0;
	r = l->driver ? l->driver->ops->observe(l->driver, &l->seen, e) : 0;
	if (r < 0)
		return r;
	verify_groups(&l->state.plan, &l->state.profile, &l->seen, l->depth, &l->drifts);
	for (unsigned i = 0; r == 0 && i < l->seen.count; i++)
		r = check_group(l, i, e);
	note_answers(l);
	return r;
}

/* Put CPUs and weights back, and look again. The supervisor is the only writer while it lives. */
static int repair(struct look *l, const char *cgroup_root, struct err *e)
{
	cleanup_close int lock = -1;
	struct cpuset allowed, nodes;
	struct tree tree;
	int r = tree_read(cgroup_root, &tree, e);

	if (r == 0)
		r = tree_allowed(&tree, &allowed, &nodes, e);
	if (r < 0)
		return r;
	l->repair_count = drift_find(&l->seen, &l->state.plan, &allowed, l->repairs);
	r = up_again(&l->state, &lock, e);
	for (unsigned i = 0; r == 0 && lock >= 0 && i < l->repair_count; i++)
		r = driver_execute(l->driver, &l->repairs[i], NULL, NULL, NULL, e);
	/* Daemons may be others by now. */
	if (r == 0)
		r = state_read(&l->cluster, &l->state, e);
	if (r == 0)
		r = answers_ask(&l->state, ANSWER_MS, &l->answers, e);
	return r == 0 ? take_a_look(l, e) : r;
}

static int print_text(const struct look *l, struct err *e)
{
	static const char *const titles[] = {"group",	   "CPUs",   "nodes", ">weight",
					     ">processes", ">local", NULL};
	cleanup_table struct table table;

	table_init(&table, titles);
	for (unsigned i = 0; i < l->seen.count; i++) {
		const struct observed_group *g = &l->seen.groups[i];

		table_add(&table, "%s", g->name);
		table_add(&table, "%s", CPUSET_STRING(&g->cpus));
		table_add(&table, "%s", CPUSET_STRING(&g->nodes));
		table_add(&table, "%u", g->weight);
		table_add(&table, "%u", l->samples[i].processes);
		table_add(&table, "%.0f %%", 100 * sample_local_share(&l->samples[i]));
	}
	if (table_print(&table, stdout) < 0)
		return err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < l->repair_count; i++)
		printf("repaired: %s\n",
		       op_format(&l->repairs[i], &l->state.plan, (char[CPUSET_TEXT + 256]){0},
				 CPUSET_TEXT + 256));
	for (unsigned i = 0; i < l->drifts.count && i < DRIFTS_MAX; i++)
		printf("drift: %s\n", FOREIGN(l->drifts.items[i].text));
	if (!l->drifts.count)
		printf("plan and kernel agree\n");
	return 0;
}

static int print_all_json(const struct look *l, struct err *e)
{
	json_t *groups = json_array(), *drift = json_array();
	json_t *all =
		json_pack("{s:s, s:s, s:s, s:i, s:o, s:o}", "schema", "cleave.verify/1", "name",
			  l->state.plan.name, "state", l->drifts.count ? "drift" : "ok", "repaired",
			  (int)l->repair_count, "groups", groups, "drift", drift);
	int failed = !all;

	for (unsigned i = 0; !failed && i < l->seen.count; i++) {
		const struct observed_group *g = &l->seen.groups[i];

		failed |= json_array_append_new(
			groups, json_pack("{s:s, s:s, s:s, s:i, s:i, s:f}", "name", g->name, "cpus",
					  CPUSET_STRING(&g->cpus), "nodes",
					  CPUSET_STRING(&g->nodes), "weight", (int)g->weight,
					  "processes", (int)l->samples[i].processes, "local_share",
					  sample_local_share(&l->samples[i])));
	}
	for (unsigned i = 0; !failed && i < l->drifts.count && i < DRIFTS_MAX; i++) {
		const struct drift *d = &l->drifts.items[i];

		failed |= json_array_append_new(
			drift,
			json_pack("{s:s, s:o, s:o, s:b}", "kind", drift_kind_name(d->kind), "group",
				  json_text(d->group), "message", json_text(d->text), "repairable",
				  drift_is_repairable(d->kind)));
	}
	if (failed) {
		json_decref(all);
		all = NULL;
	}
	return json_print(all, JSON_INDENT(2), e);
}

static int verify(const struct options *o, struct look *l, struct err *e)
{
	int r = answers_ask(&l->state, ANSWER_MS, &l->answers, e);

	l->depth =
		l->driver && !strcmp(l->driver->ops->name, "affinity") ? VERIFY_CPUS : VERIFY_ALL;
	/* A loan may begin or end between two questions: what differs is looked at again. */
	for (unsigned i = 0; r == 0 && i < LOOKS && (i == 0 || l->drifts.count); i++)
		r = take_a_look(l, e);
	if (r == 0 && o->repair && l->drifts.count)
		r = repair(l, o->roots.cgroup_root, e);
	if (r == 0)
		r = o->json ? print_all_json(l, e) : print_text(l, e);
	return r ? r : l->drifts.count ? ERR_DRIFT : 0;
}

static int run_verify(const struct invocation *in, struct err *e)
{
	const struct options *o = &in->options;
	cleanup_free struct look *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_errno(e, -ENOMEM, "verifying");
	r = running_cluster(o, in->operand, &l->cluster, e);
	if (r == 0)
		r = state_read(&l->cluster, &l->state, e);
	if (r == -ENOENT)
		return err_set(e, r, "cluster %s is not up: there is nothing to verify",
			       l->cluster.name);
	if (r == 0)
		r = running_driver(o, &l->state, &l->driver, e);
	if (r == 0 || r == -ENOENT) /* then all groups are missing */
		r = verify(o, l, e);
	running_driver_closep(&l->driver);
	return r;
}

static const struct option options[] = {
	{OPTION_CLUSTER},
	{"repair", NULL, "put CPUs and weights back", OPTION(repair)},
	{OPTION_JSON},
	{0},
};

const struct command cmd_verify = {
	.name = "verify",
	.arguments = "[NAME]",
	.summary = "Compare plan, kernel and processes",
	.details = "Compares the plan in force with the groups' CPUs, memory nodes, weights and "
		   "limits, with the affinity of their processes, where these listen, and where "
		   "their memory is; asks the master and the workers whether they answer. Exits "
		   "with 4 if something differs.",
	.options = options,
	.max_operands = 1,
	.run = run_verify,
};
