/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_RECONCILE_OP_H
#define DECISION_RECONCILE_OP_H

/*
 * One step from one plan to another, and the list that plan_diff() makes of them.
 * decision/README.md has the order and what holds after every prefix. A list borrows the plan that
 * it leads to.
 */

#include "decision/base/cpuset.h"
#include "decision/plan/plan.h"

enum op_kind {
	OP_SET_CPUS,   /* write `cpus` to the slice's cpuset.cpus: narrower, wider or moved */
	OP_SET_WEIGHT, /* write `weight` */
	OP_REMOVE,     /* stop what runs in the slice and remove its group */
	OP_CREATE,     /* make the group with everything in `slice`; its worker is started in it */
	OP_SET_HOST,   /* write `cpus` and the nodes to the host group (GROUP_HOST) */
};

enum { OPLIST_MAX = 8 * SLICES_MAX };

struct op {
	enum op_kind kind;
	unsigned slice; /* id in `to`; in `from` for one that is not, or no longer, in `to` */
	char name[NAME_MAX_BYTES + 1];
	struct cpuset cpus; /* OP_SET_CPUS, OP_SET_HOST, OP_CREATE; never empty */
	unsigned weight;    /* OP_SET_WEIGHT, OP_CREATE */
};

struct oplist {
	const struct plan *to; /* borrowed: OP_CREATE reads nodes, memory … of its slice there */
	unsigned count;
	struct op ops[OPLIST_MAX];
};

/*
 * The steps from `from` (what is: its plan_effective_cpus() are the kernel's) to `to` (what is
 * wanted). Slices are told apart by name. One is changed in place only if its old and new home CPUs
 * intersect and nodes, slots, memory, address and JVM options are equal; else it is removed and
 * created. What a loan keeps stays in force throughout if its parties' home sets stay. A weight
 * that is raised for nobody (a crash came between) is written in `from` as a shared loan of no
 * CPUs. The host group moves once, between shrink and create. An empty plan as `from` starts from
 * nothing; as `to` it removes every slice and leaves the host group to driver_destroy(). Equal
 * plans give no ops. Return 0; never fails on plans that pass plan_check().
 */
int plan_diff(const struct plan *from, const struct plan *to, struct oplist *out);

/* "create slice-0 cpus 0-14 nodes 0 memory 60 GB": one line for --dry-run and the events. */
char *op_format(const struct op *op, const struct plan *to, char *text, size_t size);

#endif
