/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison of plan and kernel: each kind of drift is seen, and its repair is what undoes it.
 */

#include "decision/reconcile/differences.h"

#include "tests/harness.h"

static struct plan plan;
static struct profile profile;
static struct observation seen;
static struct drifts drifts;

static struct cpuset set(const char *text)
{
	struct cpuset out;
	struct err e;

	ck_assert_int_eq(cpuset_parse(text, &out, &e), 0);
	return out;
}

/* Two slices of four CPUs, host on CPU 8, and a kernel that agrees. */
static void agree(void)
{
	memset(&plan, 0, sizeof(plan));
	memset(&seen, 0, sizeof(seen));
	memset(&drifts, 0, sizeof(drifts));
	profile_default(&profile);
	snprintf(plan.name, sizeof(plan.name), "p");
	plan.slice_count = 2;
	plan.allowed = set("0-8");
	plan.host.cpus = set("8");
	for (unsigned i = 0; i < 2; i++) {
		struct slice *s = &plan.slices[i];
		struct observed_group *g = &seen.groups[i];

		s->id = i;
		snprintf(s->name, sizeof(s->name), "slice-%u", i);
		s->cpus = set(i ? "4-7" : "0-3");
		s->nodes = set(i ? "1" : "0");
		s->memory.max_bytes = UINT64_C(4) << 30;
		*g = (struct observed_group){.cpus = s->cpus,
					     .nodes = s->nodes,
					     .requested = s->cpus,
					     .weight = WEIGHT_DEFAULT,
					     .memory_max_bytes = s->memory.max_bytes};
		memcpy(g->name, s->name, sizeof(g->name));
	}
	seen.groups[2] = (struct observed_group){.name = "host", .cpus = set("8"), .weight = 100};
	seen.groups[3] = (struct observed_group){.name = "supervisor", .cpus = set("0-8")};
	seen.count = 4;
}

static void compare(void)
{
	drifts.count = 0;
	verify_groups(&plan, &profile, &seen, VERIFY_ALL, &drifts);
}

static void expect_one(enum drift_kind kind, const char *group, const char *words)
{
	compare();
	ck_assert_msg(drifts.count == 1, "%u drifts, the first: %s", drifts.count,
		      drifts.items[0].text);
	ck_assert_str_eq(drift_kind_name(drifts.items[0].kind), drift_kind_name(kind));
	ck_assert_str_eq(drifts.items[0].group, group);
	ck_assert_msg(strstr(drifts.items[0].text, words), "%s", drifts.items[0].text);
}

START_TEST(agreement_is_no_drift)
{
	agree();
	compare();
	ck_assert_uint_eq(drifts.count, 0);
}
END_TEST

START_TEST(each_difference_is_one_drift)
{
	agree();
	seen.groups[0].cpus = set("0-2");
	expect_one(DRIFT_CPUS, "slice-0", "runs on CPUs 0-2, the plan says 0-3");
	agree();
	seen.groups[1].nodes = set("0-1");
	expect_one(DRIFT_NODES, "slice-1", "0-1, the plan says 1");
	agree();
	seen.groups[1].weight = 9999;
	expect_one(DRIFT_WEIGHT, "slice-1", "9999, the plan says 100");
	agree();
	seen.groups[0].memory_max_bytes = 0;
	expect_one(DRIFT_MEMORY, "slice-0", "limit of 0 bytes, the plan says 4294967296");
	agree();
	seen.groups[2].cpus = set("0-8");
	expect_one(DRIFT_CPUS, "host", "0-8, the plan says 8");
	agree();
	snprintf(seen.groups[3].name, sizeof(seen.groups[3].name), "slice-7");
	expect_one(DRIFT_GROUP_EXTRA, "slice-7", "is in no plan");
	agree();
	seen.groups[1] = seen.groups[3];
	seen.count = 3;
	expect_one(DRIFT_GROUP_MISSING, "slice-1", "slice-1 has no group");
}
END_TEST

START_TEST(a_loan_in_force_is_no_drift)
{
	agree();
	plan.loan_count = 1;
	plan.loans[0] = (struct loan){.from = 1, .to = 0, .mode = LOANS_SHARED, .cpus = set("4-5")};
	compare();
	ck_assert_uint_eq(drifts.count, 2); /* the borrower's CPUs, the donor's weight */
	seen.groups[0].cpus = set("0-5");
	seen.groups[1].weight = WEIGHT_MAX;
	compare();
	ck_assert_uint_eq(drifts.count, 0);
}
END_TEST

START_TEST(policies_that_spill_over_have_more_nodes)
{
	agree();
	seen.groups[0].nodes = set("0-1");
	profile.memory.policy = POLICY_PREFERRED;
	compare();
	ck_assert_uint_eq(drifts.count, 0);
	seen.groups[0].nodes = set("1");
	expect_one(DRIFT_NODES, "slice-0", "");
}
END_TEST

START_TEST(without_limits_only_cpus_count)
{
	agree();
	seen.groups[0].weight = 5;
	seen.groups[0].memory_max_bytes = 0;
	drifts.count = 0;
	verify_groups(&plan, &profile, &seen, VERIFY_CPUS, &drifts);
	ck_assert_uint_eq(drifts.count, 0);
}
END_TEST

START_TEST(processes_are_inside_and_not_narrower)
{
	struct cpuset all = set("0-63"), group = set("0-3"), narrow = set("0-1");

	agree();
	verify_process("slice-0", 42, true, &group, &group, &drifts);
	verify_process("slice-0", 42, true, &all, &group, &drifts);
	ck_assert_uint_eq(drifts.count, 0);
	verify_process("slice-0", 42, true, &narrow, &group, &drifts);
	verify_process("slice-0", 43, false, &group, &group, &drifts);
	ck_assert_uint_eq(drifts.count, 2);
	ck_assert_int_eq(drifts.items[0].kind, DRIFT_AFFINITY);
	ck_assert_ptr_nonnull(strstr(drifts.items[0].text, "bound to CPUs 0-1 of 0-3"));
	ck_assert_int_eq(drifts.items[1].kind, DRIFT_OUTSIDE);
}
END_TEST

START_TEST(pages_are_on_their_own_nodes)
{
	struct sample s = {.anon_bytes = UINT64_C(1) << 30, .anon_local_bytes = UINT64_C(1) << 30};

	agree();
	verify_locality(&profile, "slice-0", &s, &drifts);
	s.anon_local_bytes -= 40 << 20; /* 96 % */
	verify_locality(&profile, "slice-0", &s, &drifts);
	ck_assert_uint_eq(drifts.count, 0);
	s.anon_local_bytes -= 40 << 20; /* 92 % */
	verify_locality(&profile, "slice-0", &s, &drifts);
	ck_assert_uint_eq(drifts.count, 1);
	ck_assert_int_eq(drifts.items[0].kind, DRIFT_LOCALITY);
	profile.memory.policy = POLICY_NONE;
	verify_locality(&profile, "slice-0", &s, &drifts);
	s = (struct sample){.anon_bytes = 1 << 20};
	profile.memory.policy = POLICY_STRICT;
	verify_locality(&profile, "slice-0", &s, &drifts); /* too little to tell */
	ck_assert_uint_eq(drifts.count, 1);
}
END_TEST

START_TEST(a_flood_of_drifts_is_counted)
{
	agree();
	for (unsigned i = 0; i < DRIFTS_MAX + 10; i++)
		drifts_add(&drifts, DRIFT_SOCKET, "slice-0", "%u", i);
	ck_assert_uint_eq(drifts.count, DRIFTS_MAX + 10);
	ck_assert_str_eq(drifts.items[DRIFTS_MAX - 1].text, "511");
}
END_TEST

TEST_MAIN("verify", test_case("compare", agreement_is_no_drift, each_difference_is_one_drift,
			      a_loan_in_force_is_no_drift, policies_that_spill_over_have_more_nodes,
			      without_limits_only_cpus_count, processes_are_inside_and_not_narrower,
			      pages_are_on_their_own_nodes, a_flood_of_drifts_is_counted))
