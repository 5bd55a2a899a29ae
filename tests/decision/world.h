/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECISION_WORLD_H
#define TESTS_DECISION_WORLD_H

/*
 * A machine with a monitor, for tests of its rules: time goes by in ticks of 50 ms; who is said to
 * use so many CPUs uses them, whatever it has; what rebalance_step() wants is in force at once. One
 * world a program.
 */

#include "decision/lending/rebalance.h"
#include "tests/decision/machines.h"

enum { SECOND = 20 /* ticks */ };

#define TICK_NS UINT64_C(50000000)

extern struct world {
	struct topology t;
	struct plan p; /* in force */
	struct plan wanted;
	struct rebalance memory;
	struct rebalance_policy policy; /* the default profile's */
	struct sample samples[SLICES_MAX];
	double load[SLICES_MAX]; /* CPUs */
	uint64_t now_ns;
	unsigned changes; /* steps that changed loans */
} world;

/* Equal slices, each at half of its CPUs: neither idle nor busy. */
void world_begin_at(const struct machine_shape *shape, enum partition_by by, unsigned slices);

/*
 * Four packages of four cores, a slice each; and with slice 0 lagging, to which slice 1 lends 4-7.
 */
void world_begin(void);
void world_begin_loan(void);

/* One step, now; that many ticks with one at the end of each. Plans are checked. */
int world_step(void);
void world_pass(unsigned ticks);

/*
 * "1>0:4-7 2>0:8-10! by hand", where ! is exclusive; the reason of the first decision of the last
 * step.
 */
const char *world_loans(void);
enum rebalance_reason world_reason(void);

#define ck_loans(text) ck_assert_str_eq(world_loans(), text)
#define ck_reason(wanted_) \
	ck_assert_str_eq(rebalance_reason_name(world_reason()), rebalance_reason_name(wanted_))

#endif
