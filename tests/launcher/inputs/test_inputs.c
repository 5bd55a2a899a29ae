/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known before anything is decided, and how often a command looks for it.
 * link: -Wl,--wrap=openat,--wrap=tree_claims
 */

#include "launcher/inputs/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "containers/where/tree.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

static struct inputs in;
static struct err e;

/* The defaults, with a JDK that holds `release` and a java that must not be started. */
static void begin(const char *release)
{
	char bin[PROFILE_PATH + 16];

	memset(&in, 0, sizeof(in));
	ck_assert_int_eq(inputs_profile(NULL, &in, &e), 0);
	snprintf(in.profile.jvm.home, PROFILE_PATH, "%s/jdk", test_directory());
	snprintf(bin, sizeof(bin), "%s/bin", in.profile.jvm.home);
	spark_tree_program(bin, "java", "#!/bin/sh\nkill $PPID\n");
	spark_tree_program(in.profile.jvm.home, "release", release);
}

static bool has_note(const char *text)
{
	for (unsigned i = 0; i < in.plan.note_count; i++)
		if (strstr(in.plan.notes[i], text))
			return true;
	return false;
}

static void ck_java(const struct roots *roots, int release)
{
	/* CPUs that a cluster of somebody else has now are not what is asked here. */
	ck_assert_msg(inputs_read(roots, &in, &e) == 0, "%s", e.msg);
	in.facts.taken = (struct cpuset){0};
	ck_assert_msg(inputs_decide(&in, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(in.facts.java_version, release);
	ck_assert(has_note("the JDK is not known") == !release);
}

START_TEST(the_jdk_is_known_by_its_release)
{
	static const struct roots here;

	begin("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"21.0.3\"\nJAVA_VERSION_DATE=\"2024-04-16\"\n");
	ck_java(&here, 21);
	begin("JAVA_VERSION=\"1.8.0_392\"\n");
	ck_java(&here, 8);
	begin("JAVA_VERSION=\n");
	ck_java(&here, 0);
	begin("");
	ck_java(&here, 0);
	begin("JAVA_VERSION=\"21.0.3\"\n");
	string_copy(in.profile.jvm.home, "/nonexistent");
	ck_java(&here, 0);
}
END_TEST

/* Another machine has another JDK. */
START_TEST(no_fact_of_this_host_is_another_machines)
{
	static const struct roots other = {.topology = "pack:2 numa:1(memory=16GB) core:4 pu:1"};

	begin("JAVA_VERSION=\"21.0.3\"\n");
	ck_java(&other, 0);
}
END_TEST

/* Decided again, nothing is there twice. */
START_TEST(a_plan_may_be_decided_again)
{
	static const struct roots other = {.topology = "pack:2 numa:1(memory=16GB) core:4 pu:1"};
	unsigned notes;

	begin("");
	ck_java(&other, 0);
	ck_assert_uint_eq(in.plan.slices[0].address, PLAN_FIRST_ADDRESS);
	notes = in.plan.note_count;
	in.facts.first_address = PLAN_FIRST_ADDRESS + 100;
	ck_assert_int_eq(inputs_decide(&in, &e), 0);
	ck_assert_uint_eq(in.plan.note_count, notes);
	ck_assert_uint_eq(in.plan.slices[0].address, PLAN_FIRST_ADDRESS + 100);
}
END_TEST

/* ---- the cgroup tree */

static unsigned mounts_read, places_read;

int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	mounts_read += strstr(path, "proc/self/mountinfo") != NULL;
	places_read += strstr(path, "proc/self/cgroup") != NULL;
	return __real_openat(dir, path, flags, mode);
}

START_TEST(a_plan_reads_the_tree_once)
{
	const struct roots here = {0}, elsewhere = {.topology = "pack:2 core:4 pu:1"};

	ck_assert_int_eq(inputs_profile(NULL, &in, &e), 0);
	/* Whether a plan is possible here does not matter: CPUs may be another cluster's. */
	if (inputs_read(&here, &in, &e) < 0 || inputs_decide(&in, &e) < 0)
		ck_assert_msg(e.exit == ERR_IMPOSSIBLE, "%s", e.msg);
	ck_assert_uint_eq(mounts_read, 1);
	ck_assert_uint_eq(places_read, 1);
	ck_assert_msg(inputs_read(&elsewhere, &in, &e) == 0 && inputs_decide(&in, &e) == 0, "%s",
		      e.msg);
	ck_assert_uint_eq(mounts_read, 1);
}
END_TEST

/* ---- what others hold */

static bool is_own_there, claims_are_real = true;

int __real_tree_claims(const struct tree *t, const char *cluster, struct claims *out,
		       struct err *error);
int __wrap_tree_claims(const struct tree *t, const char *cluster, struct claims *out,
		       struct err *error);
/* Where they are not real: the profile's own cluster has CPUs, or there is none. */
int __wrap_tree_claims(const struct tree *t, const char *cluster, struct claims *out,
		       struct err *error)
{
	if (claims_are_real)
		return __real_tree_claims(t, cluster, out, error);
	*out = (struct claims){0};
	ck_assert_str_eq(cluster, in.profile.name);
	out->has_own = is_own_there;
	return 0;
}

static uint64_t held(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < in.topology.node_count; i++)
		sum += in.topology.nodes[i].held_bytes;
	return sum;
}

/* The kernel alone holds some on every machine. */
START_TEST(what_the_own_cluster_holds_is_not_others)
{
	const struct roots here = {0};

	claims_are_real = false;
	ck_assert_int_eq(inputs_profile(NULL, &in, &e), 0);
	ck_assert_msg(inputs_read(&here, &in, &e) == 0, "%s", e.msg);
	ck_assert_uint_gt(held(), 0);
	is_own_there = true;
	ck_assert_int_eq(inputs_read(&here, &in, &e), 0);
	ck_assert_uint_eq(held(), 0);
	/* One without groups (backend: affinity) is known by its state. */
	is_own_there = false;
	ck_assert_int_eq(inputs_read(&here, &in, &e), 0);
	ck_assert_uint_gt(held(), 0);
	inputs_keep_workload(&in, WORKLOAD_AUTO);
	ck_assert_uint_eq(held(), 0);
}
END_TEST

/* A job of one CPU, whose cluster is to be made elsewhere: in the v2 tree, which has no cpuset. */
START_TEST(the_limits_of_a_job_hold_elsewhere)
{
	static struct tree tree;
	const struct hierarchy *h = &tree.facts.layout.controllers[CONTROLLER_CPUSET];
	struct roots elsewhere = {.cgroup_root = tree.facts.layout.unified.mount};
	char above[2 * LAYOUT_PATH], job[3 * LAYOUT_PATH], path[4 * LAYOUT_PATH], text[32];
	struct cpuset cpus, nodes;
	int r;

	ck_assert_msg(tree_read(NULL, &tree, &e) == 0, "%s", e.msg);
	ck_assert_msg(tree_allowed(&tree, &cpus, &nodes, &e) == 0, "%s", e.msg);
	if (h->version != 1 || !tree.facts.layout.unified.version || cpuset_count(&cpus) < 2)
		test_skip("this takes cpuset in cgroup v1, v2 beside it, and two CPUs");
	placement_base(h, above);
	snprintf(job, sizeof(job), "%s/test-inputs-%d", above, getpid());
	if (mkdir(job, 0755))
		test_skip("no group can be made in %s: %s", above, strerror(errno));
	ck_assert_int_eq(inputs_profile(NULL, &in, &e), 0);
	snprintf(path, sizeof(path), "%s/cpuset.cpus", job);
	snprintf(text, sizeof(text), "%u", cpuset_first(&cpus));
	r = control_write(AT_FDCWD, path, text, &e);
	snprintf(path, sizeof(path), "%s/cpuset.mems", job);
	r |= control_write(AT_FDCWD, path, CPUSET_STRING(&nodes), &e);
	snprintf(path, sizeof(path), "%s/cgroup.procs", job);
	snprintf(text, sizeof(text), "%d", getpid());
	r |= control_write(AT_FDCWD, path, text, &e);
	r |= inputs_read(&elsewhere, &in, &e);
	snprintf(path, sizeof(path), "%s/cgroup.procs", above);
	ck_assert_int_eq(control_write(AT_FDCWD, path, text, &(struct err){0}), 0);
	ck_assert_int_eq(rmdir(job), 0);
	ck_assert_msg(r == 0, "%s", e.msg);
	ck_assert_uint_eq(cpuset_count(&in.topology.allowed), 1);
	ck_assert_uint_gt(in.caller.note_count, 0);
	snprintf(path, sizeof(path), "%s/test-inputs-%d allows CPUs %u of", h->own, getpid(),
		 cpuset_first(&cpus));
	ck_assert_msg(strstr(in.caller.notes[0], path), "%s", in.caller.notes[0]);
	/* A plan that fails because of it says so. */
	in.profile.partition.all_cpus = false;
	in.profile.partition.cpus = cpus;
	in.facts.taken = (struct cpuset){0};
	ck_assert_int_lt(inputs_decide(&in, &e), 0);
	ck_assert_msg(strstr(e.msg, "(your own group ") && strstr(e.msg, path), "%s", e.msg);
}
END_TEST

TEST_MAIN("inputs",
	  test_case("facts", the_jdk_is_known_by_its_release,
		    no_fact_of_this_host_is_another_machines, a_plan_may_be_decided_again),
	  test_case("tree", a_plan_reads_the_tree_once, what_the_own_cluster_holds_is_not_others,
		    the_limits_of_a_job_hold_elsewhere))
