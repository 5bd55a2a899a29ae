/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller with limits of its own may use, where the groups are made elsewhere. */

#include "launcher/inputs/caller.h"

#include "tests/harness.h"

static struct cpuset set_of(const char *text)
{
	struct cpuset set = {0};
	struct err e = {0};

	ck_assert_int_eq(cpuset_parse(text, &set, &e), 0);
	return set;
}

/* A job of one CPU and 4 GB on a machine of 128 CPUs and 8 nodes. */
static struct caller job(uid_t uid)
{
	struct caller c = {.uid = uid,
			   .online_cpus = set_of("0-127"),
			   .online_nodes = set_of("0-7"),
			   .limits = {.cpus = set_of("3"),
				      .nodes = set_of("0"),
				      .memory_bytes = UINT64_C(4) << 30,
				      .cpus_by = "/slurm/job_7",
				      .nodes_by = "/slurm/job_7",
				      .memory_by = "/slurm/job_7"}};

	return c;
}

static struct topology_source everything(void)
{
	return (struct topology_source){.cpus = set_of("0-127"), .nodes = set_of("0-7")};
}

static bool has_note(const struct caller *c, const char *text)
{
	for (unsigned i = 0; i < c->note_count; i++)
		if (strstr(c->notes[i], text))
			return true;
	return false;
}

START_TEST(the_callers_limits_hold_elsewhere)
{
	const struct profile_partition all = {.all_cpus = true};
	const struct profile_partition some = {.cpus = set_of("0-7")};
	const struct {
		uid_t uid;
		const struct profile_partition *wanted;
	} cases[] = {{0, NULL}, {0, &all}, {1000, NULL}, {1000, &all}, {1000, &some}};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct topology_source source = everything();
		struct caller c = job(cases[i].uid);
		struct err e = {0};

		ck_assert_int_eq(caller_restrict(&c, cases[i].wanted, &source, &e), 0);
		ck_assert_str_eq(CPUSET_STRING(&source.cpus), "3");
		ck_assert_str_eq(CPUSET_STRING(&source.nodes), "0");
		ck_assert_uint_eq(source.memory_limit_bytes, UINT64_C(4) << 30);
		ck_assert(has_note(&c, "your own group /slurm/job_7 allows CPUs 3 of 0-127"));
		ck_assert(has_note(&c, "allows memory nodes 0 of 0-7"));
		ck_assert(has_note(&c, "root write partition.cpus") == (cases[i].uid == 0));
	}
}
END_TEST

START_TEST(root_goes_beyond_by_partition_cpus)
{
	const struct profile_partition some = {.cpus = set_of("0-7")};
	struct topology_source source = everything(), before = source;
	struct caller c = job(0);
	struct err e = {0};

	ck_assert_int_eq(caller_restrict(&c, &some, &source, &e), 0);
	ck_assert(cpuset_is_equal(&source.cpus, &before.cpus));
	ck_assert_uint_eq(source.memory_limit_bytes, 0);
	ck_assert(
		has_note(&c, "CPUs 0-2,4-7 are beyond what your own group /slurm/job_7 allows, 3"));
	/* Not beyond the place itself, which then is what limits. */
	source.cpus = set_of("3");
	ck_assert_int_eq(caller_restrict(&c, &some, &source, &e), 0);
	ck_assert_str_eq(CPUSET_STRING(&source.cpus), "3");
	ck_assert(has_note(&c, "allows CPUs 3 of 0-127") && !has_note(&c, "beyond"));
}
END_TEST

START_TEST(a_place_without_any_of_it_is_refused)
{
	struct topology_source source = everything(), before;
	struct caller c = job(1000);
	struct err e = {0};

	source.cpus = set_of("8-15");
	before = source;
	ck_assert_int_lt(caller_restrict(&c, NULL, &source, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_msg(strstr(e.msg, "/slurm/job_7 allows CPUs 3,") && strstr(e.msg, "8-15"), "%s",
		      e.msg);
	ck_assert(cpuset_is_equal(&source.cpus, &before.cpus));
}
END_TEST

START_TEST(who_has_no_limits_hears_nothing)
{
	struct topology_source source = everything();
	struct caller c = job(1000);
	struct err e = {0};

	c.limits = (struct caller_limits){.cpus = set_of("0-127"), .cpus_by = "/"};
	ck_assert_int_eq(caller_restrict(&c, NULL, &source, &e), 0);
	ck_assert_uint_eq(c.note_count, 0);
	ck_assert_uint_eq(source.memory_limit_bytes, 0);
}
END_TEST

START_TEST(the_least_limit_of_memory_counts)
{
	struct topology_source source = everything();
	struct caller c = job(1000);
	struct err e = {0};

	source.memory_limit_bytes = 1 << 30;
	ck_assert_int_eq(caller_restrict(&c, NULL, &source, &e), 0);
	ck_assert_uint_eq(source.memory_limit_bytes, 1 << 30);
}
END_TEST

/* Time of CPUs becomes a number of cores, rounded up; one that is there already stays. */
START_TEST(a_quota_is_a_ceiling_of_cores)
{
	static const struct {
		uint64_t milli;
		unsigned threads;
		enum smt smt;
		int before, after;
	} cases[] = {
		{4000, 1, SMT_ALL, AMOUNT_ALL, 4},
		{3500, 1, SMT_ALL, AMOUNT_ALL, 4},
		{4000, 2, SMT_ALL, AMOUNT_ALL, 2},
		{4000, 2, SMT_ONE, AMOUNT_ALL, 4},
		{5000, 2, SMT_ALL, AMOUNT_ALL, 3},
		{1, 2, SMT_ALL, AMOUNT_ALL, 1},
		{4000, 1, SMT_ALL, 3, 3},
		{4000, 1, SMT_ALL, 7, 4},
		{8000, 1, SMT_ALL, AMOUNT_ALL, AMOUNT_ALL},
		{0, 1, SMT_ALL, AMOUNT_ALL, AMOUNT_ALL},
	};
	static struct topology t;

	t.core_count = 8;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct profile_partition wanted = {
			.all_cpus = true, .smt = cases[i].smt, .max_cores = cases[i].before};
		struct caller c = {.limits = {.quota_milli = cases[i].milli, .quota_by = "/pod"}};

		for (unsigned core = 0; core < 8; core++)
			t.cores[core].cpus = (uint16_t)cases[i].threads;
		caller_restrict_cores(&c, &t, &wanted);
		ck_assert_msg(wanted.max_cores == cases[i].after, "case %u: %d", i,
			      wanted.max_cores);
		ck_assert(has_note(&c, "your own group /pod has the time of") ==
			  (cases[i].before != cases[i].after));
		c = (struct caller){.limits = c.limits, .goes_beyond = true};
		wanted.max_cores = cases[i].before;
		caller_restrict_cores(&c, &t, &wanted);
		ck_assert_int_eq(wanted.max_cores, cases[i].before);
	}
}
END_TEST

START_TEST(a_limit_of_memory_is_told_where_it_cuts)
{
	struct profile_partition wanted = {.all_cpus = true, .max_cores = AMOUNT_ALL};
	static struct topology t;
	struct caller c = job(1000);

	t.node_count = 1;
	t.nodes[0].allowed = true;
	t.nodes[0].memory_bytes = c.limits.memory_bytes;
	caller_restrict_cores(&c, &t, &wanted);
	ck_assert(has_note(&c, "your own group /slurm/job_7 has a memory limit of 4 GB"));
	c = job(1000);
	t.nodes[0].memory_bytes = c.limits.memory_bytes / 2; /* as much as there is */
	caller_restrict_cores(&c, &t, &wanted);
	ck_assert_uint_eq(c.note_count, 0);
}
END_TEST

TEST_MAIN("caller",
	  test_case("caller", the_callers_limits_hold_elsewhere, root_goes_beyond_by_partition_cpus,
		    a_place_without_any_of_it_is_refused, who_has_no_limits_hears_nothing,
		    the_least_limit_of_memory_counts, a_quota_is_a_ceiling_of_cores,
		    a_limit_of_memory_is_told_where_it_cuts))
