/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/plan_make.h"
#include "decision/reconcile/actual.h"

#include "decision/reconcile/drift.h"
#include "decision/reconcile/op.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

static struct topology topology;
static struct profile profile;
static struct facts facts;
static struct plan wanted, actual;
static struct observation seen;
static struct oplist ops;
static struct cpuset all; /* CPUs of the machine, online */

static void make_wanted(int slices)
{
	const struct machine_shape shape = {2, 1, 0, 8, 1, UINT64_C(64) << 30};
	struct err e;

	machine_regular(&shape, &topology);
	profile_default(&profile);
	profile.partition.slices = slices;
	ck_assert_msg(plan_make(&topology, &profile, &facts, &wanted, &e) == 0, "%s", e.msg);
	all = wanted.allowed;
}

static struct observed_group *see(const char *name, const struct cpuset *cpus,
				  const struct cpuset *nodes, uint64_t memory)
{
	struct observed_group *g = &seen.groups[seen.count++];

	*g = (struct observed_group){.cpus = *cpus,
				     .requested = *cpus,
				     .nodes = *nodes,
				     .weight = WEIGHT_DEFAULT,
				     .memory_max_bytes = memory};
	string_copy(g->name, name);
	return g;
}

static void see_all(const struct plan *p)
{
	struct cpuset host = plan_host_cpus(p);

	memset(&seen, 0, sizeof(seen));
	see(GROUP_HOST, &host, &p->host.nodes, 0);
	for (unsigned i = 0; i < p->slice_count; i++)
		see(p->slices[i].name, &p->slices[i].cpus, &p->slices[i].nodes,
		    p->slices[i].memory.max_bytes);
}

static void diff(const struct plan *recorded)
{
	actual_plan(&seen, recorded, &wanted, POLICY_STRICT, &actual);
	ck_assert_int_eq(plan_diff(&actual, &wanted, &ops), 0);
}

START_TEST(what_is_as_wanted_needs_nothing)
{
	make_wanted(4);
	see_all(&wanted);
	diff(&wanted);
	ck_assert_uint_eq(ops.count, 0);
	diff(NULL); /* the record is lost: the kernel's word is enough */
	ck_assert_uint_eq(ops.count, 0);
	seen.groups[1].memory_max_bytes -= 4095; /* as the kernel rounds */
	diff(&wanted);
	ck_assert_uint_eq(ops.count, 0);
	seen.groups[1].memory_max_bytes = 0; /* no memory controller */
	diff(&wanted);
	ck_assert_uint_eq(ops.count, 0);
}
END_TEST

START_TEST(nothing_is_there)
{
	make_wanted(4);
	memset(&seen, 0, sizeof(seen));
	diff(NULL);
	ck_assert_uint_eq(ops.count, 4);
	for (unsigned i = 0; i < ops.count; i++)
		ck_assert_int_eq(ops.ops[i].kind, OP_CREATE);
}
END_TEST

START_TEST(a_widened_slice_is_narrowed)
{
	make_wanted(4);
	see_all(&wanted);
	seen.groups[1].requested = cpuset_or(&seen.groups[1].requested, &seen.groups[2].requested);
	diff(&wanted);
	ck_assert_uint_eq(ops.count, 1);
	ck_assert_int_eq(ops.ops[0].kind, OP_SET_CPUS);
	ck_assert_str_eq(ops.ops[0].name, "slice-0");
	ck_assert(cpuset_is_equal(&ops.ops[0].cpus, &wanted.slices[0].cpus));
}
END_TEST

/* What `from` had in force after the first `count` ops. */
static void replay(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < seen.count; k++) {
			struct observed_group *g = &seen.groups[k];

			if (strcmp(g->name, ops.ops[i].name) != 0)
				continue;
			if (ops.ops[i].kind == OP_SET_CPUS)
				g->cpus = g->requested = ops.ops[i].cpus;
			else if (ops.ops[i].kind == OP_SET_WEIGHT)
				g->weight = ops.ops[i].weight;
		}
}

/* No slice runs on another's home CPUs while that one's weight is the default. */
static bool lending_is_guarded(void)
{
	for (unsigned donor = 0; donor < wanted.slice_count; donor++) {
		const struct observed_group *d = observed_find(&seen, wanted.slices[donor].name);

		for (unsigned i = 0; i < wanted.slice_count; i++) {
			const struct observed_group *g =
				observed_find(&seen, wanted.slices[i].name);

			if (i != donor && d->weight == WEIGHT_DEFAULT &&
			    cpuset_intersects(&g->requested, &wanted.slices[donor].cpus))
				return false;
		}
	}
	return true;
}

static bool nothing_is_lent(void)
{
	for (unsigned i = 0; i < wanted.slice_count; i++) {
		const struct observed_group *g = observed_find(&seen, wanted.slices[i].name);

		if (g->weight != WEIGHT_DEFAULT ||
		    !cpuset_is_equal(&g->requested, &wanted.slices[i].cpus))
			return false;
	}
	return true;
}

START_TEST(loans_of_a_dead_supervisor_end_and_weights_go_down_last)
{
	make_wanted(4);
	see_all(&wanted);
	/* 1 lends to 0 and 2, 3 was raised for a loan that did not begin. */
	for (unsigned to = 0; to <= 2; to += 2) {
		struct cpuset part = {0};

		cpuset_add(&part, to ? cpuset_first(&wanted.slices[1].cpus)
				     : cpuset_next(&wanted.slices[1].cpus,
						   cpuset_first(&wanted.slices[1].cpus)));
		seen.groups[1 + to].requested = cpuset_or(&seen.groups[1 + to].requested, &part);
	}
	seen.groups[2].weight = seen.groups[4].weight = WEIGHT_MAX;
	for (unsigned lost = 0; lost < 2; lost++) {
		struct observation before = seen;

		diff(lost ? NULL : &wanted);
		ck_assert_uint_eq(ops.count, 4);
		for (unsigned i = 0; i < 4; i++) {
			ck_assert_int_eq(ops.ops[i].kind, i < 2 ? OP_SET_CPUS : OP_SET_WEIGHT);
			replay(i + 1);
			ck_assert(lending_is_guarded());
		}
		ck_assert(nothing_is_lent());
		diff(&wanted);
		ck_assert_uint_eq(ops.count, 0);
		seen = before;
	}
}
END_TEST

/*
 * Killed anywhere while loans come and go: what is left leads back to the plan, guarded after each
 * step, and no slice is made anew.
 */
START_TEST(killed_at_any_op_of_lending)
{
	static struct plan from, to;
	unsigned long long random = test_seed();

	make_wanted(8);
	from = wanted;
	for (unsigned round = 0; round < 3000; round++) {
		unsigned cut;

		if (round % 20 == 0) { /* begin at home again */
			from = wanted;
			see_all(&wanted);
		}
		to = wanted;
		for (unsigned donor = 0; donor < 8; donor += 2) {
			unsigned borrower = 1 + 2 * (unsigned)(test_random(&random) % 4);
			struct cpuset some = {{test_random(&random)}};

			some = cpuset_and(&some, &wanted.slices[donor].cpus);
			if (!cpuset_is_empty(&some))
				to.loans[to.loan_count++] = (struct loan){.from = donor,
									  .to = borrower,
									  .mode = LOANS_SHARED,
									  .cpus = some};
		}
		ck_assert_int_eq(plan_diff(&from, &to, &ops), 0);
		cut = ops.count ? (unsigned)(test_random(&random) % (ops.count + 1)) : 0;
		replay(cut);
		ck_assert(lending_is_guarded());
		if (cut == ops.count) {
			from = to;
			continue;
		}
		diff(test_random(&random) % 2 ? &wanted : NULL);
		for (unsigned i = 0; i < ops.count; i++) {
			ck_assert(ops.ops[i].kind == OP_SET_CPUS ||
				  ops.ops[i].kind == OP_SET_WEIGHT);
			replay(i + 1);
			ck_assert_msg(lending_is_guarded(), "seed %lu round %u op %u", test_seed(),
				      round, i);
		}
		ck_assert_msg(nothing_is_lent(), "seed %lu round %u", test_seed(), round);
		diff(&wanted);
		ck_assert_uint_eq(ops.count, 0);
		from = wanted;
	}
}
END_TEST

START_TEST(a_gap_is_filled)
{
	make_wanted(4);
	see_all(&wanted);
	seen.groups[2] = seen.groups[--seen.count]; /* slice-1 is gone */
	diff(&wanted);
	ck_assert_uint_ge(ops.count, 1);
	ck_assert_int_eq(ops.ops[ops.count - 1].kind, OP_CREATE);
	ck_assert_str_eq(ops.ops[ops.count - 1].name, "slice-1");
	for (unsigned i = 0; i < ops.count; i++)
		ck_assert_str_eq(ops.ops[i].name, "slice-1");
}
END_TEST

START_TEST(other_limits_and_nodes_are_made_anew)
{
	make_wanted(4);
	see_all(&wanted);
	seen.groups[1].memory_max_bytes /= 2;
	cpuset_add(&seen.groups[2].nodes, wanted.slices[3].nodes.words[0] & 2 ? 1 : 0);
	cpuset_add(&seen.groups[2].nodes, 1);
	diff(&wanted);
	ck_assert_uint_eq(ops.count, 4);
	ck_assert_int_eq(ops.ops[0].kind, OP_REMOVE);
	ck_assert_int_eq(ops.ops[1].kind, OP_REMOVE);
	ck_assert_int_eq(ops.ops[2].kind, OP_CREATE);
	/* Where the policy does not bind, a group has all nodes and that is right. */
	seen.groups[1].memory_max_bytes *= 2;
	actual_plan(&seen, &wanted, &wanted, POLICY_PREFERRED, &actual);
	ck_assert_int_eq(plan_diff(&actual, &wanted, &ops), 0);
	ck_assert_uint_eq(ops.count, 0);
}
END_TEST

START_TEST(more_slices_than_wanted)
{
	static struct plan four;

	make_wanted(4);
	four = wanted;
	see_all(&four);
	make_wanted(2);
	diff(&four);
	ck_assert_uint_eq(ops.count, 6); /* their memory differs: all are removed, two are made */
	ck_assert_int_eq(ops.ops[3].kind, OP_REMOVE);
	ck_assert_int_eq(ops.ops[4].kind, OP_CREATE);
}
END_TEST

START_TEST(the_host_group)
{
	make_wanted(4);
	see_all(&wanted);
	seen.groups[0].requested = wanted.slices[0].cpus;
	diff(&wanted);
	ck_assert_uint_eq(ops.count, 1);
	ck_assert_int_eq(ops.ops[0].kind, OP_SET_HOST);
}
END_TEST

/* ---- what somebody else has written */

/* As the kernel does while all of them are there. */
static void write_cpus(struct observed_group *g, const struct cpuset *cpus)
{
	g->requested = g->cpus = *cpus;
}

START_TEST(drift_is_found_and_put_back)
{
	static struct op found[DRIFT_OPS];
	struct cpuset both;

	make_wanted(4);
	see_all(&wanted);
	ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 0);
	both = cpuset_or(&wanted.slices[0].cpus, &wanted.slices[1].cpus);
	write_cpus(&seen.groups[1], &wanted.slices[1].cpus); /* not its own */
	write_cpus(&seen.groups[2], &both);
	seen.groups[4].weight = 7;
	ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 3);
	ck_assert_str_eq(found[0].name, "slice-1"); /* narrows, so it comes first */
	ck_assert(cpuset_is_equal(&found[0].cpus, &wanted.slices[1].cpus));
	ck_assert_str_eq(found[1].name, "slice-0");
	ck_assert_int_eq(found[2].kind, OP_SET_WEIGHT);
	ck_assert_str_eq(found[2].name, "slice-3");
	ck_assert_uint_eq(found[2].weight, WEIGHT_DEFAULT);
	/* A loan in force is no drift. */
	see_all(&wanted);
	wanted.loans[wanted.loan_count++] = (struct loan){
		.from = 1, .to = 0, .mode = LOANS_SHARED, .cpus = wanted.slices[1].cpus};
	write_cpus(&seen.groups[1], &both);
	seen.groups[2].weight = WEIGHT_MAX;
	ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 0);
}
END_TEST

/*
 * Random writings: what narrows comes before what widens, and afterwards nothing is left to repair.
 */
START_TEST(repairs_lead_back)
{
	static struct op found[DRIFT_OPS];
	unsigned long long random = test_seed();

	make_wanted(4);
	for (unsigned round = 0; round < 2000; round++) {
		bool widened = false;
		unsigned count;

		see_all(&wanted);
		for (unsigned i = 0; i < seen.count; i++) {
			struct cpuset some = {{test_random(&random) & 0xffff}};

			if (!cpuset_is_empty(&some) && test_random(&random) % 2)
				write_cpus(&seen.groups[i], &some);
			if (test_random(&random) % 3 == 0)
				seen.groups[i].weight =
					1 + (unsigned)(test_random(&random) % WEIGHT_MAX);
		}
		count = drift_find(&seen, &wanted, &all, found);
		for (unsigned k = 0; k < count; k++) {
			struct observed_group *g = NULL;

			for (unsigned i = 0; i < seen.count; i++)
				if (strcmp(seen.groups[i].name, found[k].name) == 0)
					g = &seen.groups[i];
			ck_assert_ptr_nonnull(g);
			if (found[k].kind == OP_SET_WEIGHT) {
				g->weight = found[k].weight;
				continue;
			}
			if (!cpuset_is_subset(&found[k].cpus, &g->requested))
				widened = true;
			else
				ck_assert_msg(!widened, "seed %lu round %u: %s narrows late",
					      test_seed(), round, g->name);
			write_cpus(g, &found[k].cpus);
		}
		ck_assert_msg(drift_find(&seen, &wanted, &all, found) == 0, "seed %lu round %u: %s",
			      test_seed(), round, found[0].name);
	}
}
END_TEST

/*
 * v1 takes a CPU that went offline out of cpuset.cpus for good, v2 only out of the effective set.
 */
static void take_offline(const struct cpuset *gone, bool for_good)
{
	all = cpuset_and_not(&wanted.allowed, gone);
	for (unsigned i = 0; i < seen.count; i++) {
		struct observed_group *g = &seen.groups[i];

		g->cpus = cpuset_and_not(&g->cpus, gone);
		if (for_good)
			g->requested = cpuset_and_not(&g->requested, gone);
	}
}

START_TEST(what_is_offline_is_nobodys_drift)
{
	static struct op found[DRIFT_OPS];
	const struct observed_group *host;
	struct cpuset host_cpus;
	unsigned count;

	make_wanted(4);
	host_cpus = plan_host_cpus(&wanted);
	for (unsigned v1 = 0; v1 < 2; v1++) {
		struct cpuset gone = {0}, rest;

		cpuset_add(&gone, cpuset_first(&wanted.slices[2].cpus));
		rest = cpuset_and_not(&wanted.slices[2].cpus, &gone);
		see_all(&wanted);
		take_offline(&gone, v1);
		ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 0);
		/* Somebody writes to the same slice meanwhile: what is there is put back. */
		write_cpus(&seen.groups[3], &wanted.slices[0].cpus);
		ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 1);
		ck_assert(cpuset_is_equal(&found[0].cpus, &rest));
		write_cpus(&seen.groups[3], &found[0].cpus);
		ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 0);
		/* It comes back, by itself only to those that still ask for it. */
		all = wanted.allowed;
		for (unsigned i = 0; i < seen.count; i++)
			seen.groups[i].cpus = seen.groups[i].requested;
		host = observed_find(&seen, GROUP_HOST);
		count = drift_find(&seen, &wanted, &all, found);
		ck_assert_uint_eq(count, v1 && cpuset_intersects(&gone, &host_cpus) ? 2 : 1);
		ck_assert_str_eq(found[count - 1].name, "slice-2");
		ck_assert(cpuset_is_equal(&found[count - 1].cpus, &wanted.slices[2].cpus));
		ck_assert(!v1 || !cpuset_intersects(&host->requested, &gone));
	}
}
END_TEST

START_TEST(a_slice_without_any_cpu_is_left_alone)
{
	static struct op found[DRIFT_OPS];

	make_wanted(4);
	see_all(&wanted);
	take_offline(&wanted.slices[1].cpus, true);
	ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 0);
	ck_assert(drift_is_stranded(&wanted, 1, &all));
	ck_assert(!drift_is_stranded(&wanted, 0, &all));
	/* A borrower of CPUs that are there is not stranded, and has just these. */
	wanted.loans[wanted.loan_count++] = (struct loan){
		.from = 0, .to = 1, .mode = LOANS_SHARED, .cpus = wanted.slices[0].cpus};
	ck_assert(!drift_is_stranded(&wanted, 1, &all));
	ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 2);
	ck_assert_str_eq(found[0].name, "slice-0");
	ck_assert_int_eq(found[0].kind, OP_SET_WEIGHT);
	ck_assert(cpuset_is_equal(&found[1].cpus, &wanted.slices[0].cpus));
}
END_TEST

START_TEST(an_op_asks_only_for_cpus_that_are_there)
{
	struct op op = {.kind = OP_SET_CPUS};

	make_wanted(4);
	op.cpus = cpuset_or(&wanted.slices[0].cpus, &wanted.slices[1].cpus);
	all = wanted.slices[1].cpus;
	ck_assert(drift_clip(&op, &all));
	ck_assert(cpuset_is_equal(&op.cpus, &wanted.slices[1].cpus));
	all = wanted.slices[2].cpus;
	ck_assert(!drift_clip(&op, &all));
	op = (struct op){.kind = OP_SET_WEIGHT, .weight = WEIGHT_MAX};
	ck_assert(drift_clip(&op, &all));
}
END_TEST

/* Right as written, but somebody narrowed the group above: v2 shows it in the effective set. */
/* What a group has lost of its CPUs, and whether giving them back is all that there is to do. */
static bool gives_back(const struct cpuset *lost, const struct cpuset *returned)
{
	struct op found[DRIFT_OPS];
	unsigned count;

	seen.groups[1].requested = cpuset_and_not(&wanted.slices[0].cpus, lost);
	seen.groups[1].cpus = seen.groups[1].requested;
	count = drift_find(&seen, &wanted, &all, found);
	return drift_gives_back(&seen, found, count, returned);
}

START_TEST(cpus_that_come_back_are_nobodys_drift)
{
	struct cpuset one = {0}, two = {0}, others;

	make_wanted(2);
	see_all(&wanted);
	cpuset_add(&one, cpuset_first(&wanted.slices[0].cpus));
	two = one;
	cpuset_add(&two, cpuset_next(&wanted.slices[0].cpus, cpuset_first(&one)));
	ck_assert(gives_back(&one, &one));
	ck_assert(gives_back(&one, &two));
	ck_assert(!gives_back(&two, &one));
	ck_assert(!gives_back(&one, &wanted.slices[1].cpus));
	seen.groups[1].weight = WEIGHT_MAX; /* that is somebody's */
	ck_assert(!gives_back(&one, &one));
	seen.groups[1].weight = WEIGHT_DEFAULT;
	others = cpuset_or(&wanted.slices[1].cpus, &two);
	seen.groups[2].requested = seen.groups[2].cpus = others; /* and so is this */
	ck_assert(!gives_back(&one, &one));
}
END_TEST

START_TEST(a_set_that_is_not_in_force_is_drift)
{
	static struct op found[DRIFT_OPS];

	make_wanted(4);
	see_all(&wanted);
	cpuset_remove(&seen.groups[1].cpus, cpuset_first(&seen.groups[1].cpus));
	ck_assert_uint_eq(drift_find(&seen, &wanted, &all, found), 1);
	ck_assert_str_eq(found[0].name, "slice-0");
}
END_TEST

START_TEST(three_repairs_in_ten_seconds)
{
	const uint64_t second = 1000000000;
	struct drift_repairs d = {0};

	ck_assert(drift_may_repair(&d, 1 * second));
	ck_assert(drift_may_repair(&d, 2 * second));
	ck_assert(drift_may_repair(&d, 3 * second));
	ck_assert(!drift_may_repair(&d, 4 * second));
	ck_assert(!drift_may_repair(&d, 10 * second));
	ck_assert(drift_may_repair(&d, 11 * second));
	ck_assert(!drift_may_repair(&d, 11 * second));
	ck_assert(drift_may_repair(&d, 12 * second));
}
END_TEST

TEST_MAIN("actual",
	  test_case("plan", what_is_as_wanted_needs_nothing, nothing_is_there,
		    a_widened_slice_is_narrowed,
		    loans_of_a_dead_supervisor_end_and_weights_go_down_last,
		    killed_at_any_op_of_lending, a_gap_is_filled,
		    other_limits_and_nodes_are_made_anew, more_slices_than_wanted, the_host_group,
		    drift_is_found_and_put_back, repairs_lead_back,
		    what_is_offline_is_nobodys_drift, a_slice_without_any_cpu_is_left_alone,
		    an_op_asks_only_for_cpus_that_are_there, cpus_that_come_back_are_nobodys_drift,
		    a_set_that_is_not_in_force_is_drift, three_repairs_in_ten_seconds))
