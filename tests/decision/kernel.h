/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECISION_KERNEL_H
#define TESTS_DECISION_KERNEL_H

/*
 * A model of the kernel to hold plan_diff() against: ops are applied one by one, and after each of
 * them the rules of decision/README.md and decision/lending/README.md (who owns a CPU, who borrows
 * it, whose weight is up) must hold. A broken rule fails the running test with `where`. Large: keep
 * it static; {0} is a kernel without groups.
 */

#include "decision/reconcile/op.h"

struct kernel_group {
	bool exists;
	const struct slice *made; /* what its worker was started with */
	struct cpuset cpus, home; /* home: less what is borrowed, with what is lent exclusively */
	unsigned weight;
};

/* Groups are "slice-<id>"; a loan is what one group has of another's home. */
struct kernel {
	struct kernel_group groups[SLICES_MAX];
	struct cpuset host, host_nodes;
	unsigned ops_seen[OP_SET_HOST + 1]; /* by kind, since the beginning */
	unsigned narrowed, widened;
};

/* As if `p` were in force; it must outlive the groups. The counters stay. */
void kernel_boot(const struct plan *p, struct kernel *k);

/* Apply the first `stop` ops of plan_diff(from, to), and check the rules after each. */
void kernel_walk(struct kernel *k, const struct plan *from, const struct plan *to, unsigned stop,
		 const struct cpuset *allowed, const char *name);

/* The rules alone; and that `to` is in force. */
void kernel_check(const struct kernel *k, const struct cpuset *allowed, const char *where);
void kernel_check_reached(const struct kernel *k, const struct plan *to, const char *where);

/*
 * What is there, as a plan. Slices in reverse, so that nothing leans on places; what was lent
 * exclusively and nobody has yet is no longer known as home, here and in the model.
 */
void kernel_observe(struct kernel *k, const struct plan *like, struct plan *out);

/* Append a loan. */
void plan_add_loan(struct plan *p, unsigned from, unsigned to, enum loan_mode mode,
		   const struct cpuset *cpus);

#endif
