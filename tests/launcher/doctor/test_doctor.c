/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor concludes from facts, and who uses the CPUs. */

#include "launcher/doctor/doctor.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "launcher/commands/command.h"
#include "tests/containers/fake_root.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

extern const struct command cmd_doctor;

static struct doctor_facts facts;
static struct findings findings;

/* What matters to the default profile. */
static int read_facts(struct err *e)
{
	static struct profile defaults;

	profile_default(&defaults);
	return doctor_read(&defaults, &(struct roots){0}, 10, &facts, e);
}

static const struct finding *find(const char *name)
{
	doctor_judge(&facts, &findings);
	for (unsigned i = 0; i < findings.count; i++)
		if (!strcmp(findings.items[i].name, name))
			return &findings.items[i];
	return NULL;
}

static void v2_machine(void)
{
	memset(&facts, 0, sizeof(facts));
	facts.place.layout.unified.version = 2;
	snprintf(facts.place.layout.unified.mount, LAYOUT_PATH, "/sys/fs/cgroup");
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		facts.place.layout.controllers[c] = facts.place.layout.unified;
	facts.clone3 = true;
	facts.has_name = facts.has_utf8 = true;
	memset(&facts.limits, 0xff, sizeof(facts.limits)); /* none */
	facts.decided.kind = PLACEMENT_CGROUP2;
	snprintf(facts.nodes, sizeof(facts.nodes), "0-1");
	snprintf(facts.numa_balancing, sizeof(facts.numa_balancing), "1");
}

START_TEST(the_refusal_is_the_one_that_up_gives)
{
	v2_machine();
	ck_assert_int_eq(find("groups")->kind, FINDING_OK);
	facts.place_result = -13;
	snprintf(facts.place_error.msg, sizeof(facts.place_error.msg), "uid 7 may not; run that");
	ck_assert_int_eq(find("groups")->kind, FINDING_MISSING);
	ck_assert_str_eq(find("groups")->what, "uid 7 may not; run that");
}
END_TEST

/* Machines on which `up` fails: the same sentence, and no "ok" beside it that it contradicts. */
START_TEST(what_up_would_say_is_missing)
{
	for (unsigned i = 0; i < FAILING_MACHINES; i++) {
		const struct failing_machine *m = &failing_machines[i];
		const struct finding *finding;

		v2_machine();
		facts.place_result =
			failing_machine_place(i, &facts.place, &facts.decided, &facts.place_error);
		finding = find("groups");
		ck_assert_msg(finding->kind == FINDING_MISSING, "%s", m->name);
		ck_assert_str_eq(finding->what, facts.place_error.msg);
		ck_assert_uint_gt(findings.missing, 0);
		finding = m->not_ok ? find(m->not_ok) : NULL;
		ck_assert_msg(!m->not_ok || finding->kind == FINDING_MISSING, "%s: %s: %s", m->name,
			      m->not_ok, finding->what);
	}
}
END_TEST

START_TEST(what_is_missing_comes_with_its_fix)
{
	v2_machine();
	facts.place.layout.controllers[CONTROLLER_CPUSET].version = 0;
	ck_assert_int_eq(find("cpuset")->kind, FINDING_MISSING);
	ck_assert_str_eq(find("cpuset")->fix, "backend: affinity (in the profile)");
	facts.place.layout.controllers[CONTROLLER_IO].version = 0;
	ck_assert_int_eq(find("io")->kind, FINDING_NOTE);
	ck_assert_str_eq(find("pressure")->fix, "psi=1 (on the kernel command line)");
	facts.pressure = true;
	ck_assert_str_eq(find("pressure")->fix, "");
	ck_assert_ptr_nonnull(strstr(find("oom")->what, "CAP_SYS_RESOURCE"));
	facts.oom_protects = true;
	ck_assert_str_eq(find("oom")->fix, "");
	ck_assert_int_eq(find("clone3")->kind, FINDING_OK);
	facts.clone3 = false;
	ck_assert_int_eq(find("clone3")->kind, FINDING_NOTE);
}
END_TEST

START_TEST(balancing_matters_only_between_nodes)
{
	v2_machine();
	ck_assert_ptr_nonnull(find("numa-balancing"));
	snprintf(facts.nodes, sizeof(facts.nodes), "0");
	ck_assert_ptr_null(find("numa-balancing"));
	ck_assert_int_eq(find("numa")->kind, FINDING_NOTE);
}
END_TEST

START_TEST(v1_says_what_it_lacks)
{
	v2_machine();
	ck_assert_ptr_null(find("memory-v1"));
	facts.decided.kind = PLACEMENT_CGROUP1;
	facts.place.systemd = true;
	ck_assert_ptr_nonnull(find("memory-v1"));
	ck_assert_ptr_nonnull(strstr(find("systemd")->what, "cleave down"));
}
END_TEST

/* What `up` needs is counted, what it can do without is not; the exit code is 3, or 0. */
START_TEST(what_up_cannot_do_without_is_missing)
{
	const struct invocation json = {.options.json = true};
	struct err e = {0};

	v2_machine();
	ck_assert_ptr_nonnull(find("spark"));
	ck_assert_uint_eq(findings.missing, 0);
	facts.place.layout.controllers[CONTROLLER_IO].version = 0;
	ck_assert_int_eq(find("io")->kind, FINDING_NOTE);
	ck_assert_uint_eq(findings.missing, 0);
	facts.spark_result = -2;
	ck_assert_int_eq(find("spark")->kind, FINDING_MISSING);
	ck_assert_uint_eq(findings.missing, 1);
	facts.place.layout.controllers[CONTROLLER_CPU].version = 0;
	ck_assert_int_eq(find("cpu")->kind, FINDING_MISSING);
	ck_assert_uint_eq(findings.missing, 2);

	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
	setenv("SPARK_HOME", "/nonexistent", 1);
	ck_assert_int_eq(cmd_doctor.run(&json, &e), ERR_IMPOSSIBLE);
}
END_TEST

START_TEST(a_machine_that_lacks_nothing_is_fine)
{
	const struct invocation text = {0};
	char home[PROFILE_PATH], jdk[PROFILE_PATH];
	struct err e = {0};

	spark_tree_fake(test_directory(), spark_tree_java, home, jdk);
	setenv("SPARK_HOME", home, 1);
	setenv("JAVA_HOME", jdk, 1);
	ck_assert_int_eq(read_facts(&e), 0);
	ck_assert_msg(facts.spark_result == 0, "%s", facts.spark_error.msg);
	doctor_judge(&facts, &findings);
	if (findings.missing)
		test_skip("no slices can be made here: see cleave doctor");
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
	ck_assert_int_eq(cmd_doctor.run(&text, &e), 0);
}
END_TEST

/* Which ones they are; what `up` warns of and what `run` refuses is a note. */
START_TEST(java_and_python_are_told)
{
	v2_machine();
	string_copy(facts.spark.version, "4.1.0");
	string_copy(facts.spark.java_full, "17.0.15");
	string_copy(facts.spark.java_vendor, "Debian");
	string_copy(facts.spark.java_home, "/jdk");
	facts.spark.java_version = 17;
	string_copy(facts.spark.python, "/usr/bin/python3");
	string_copy(facts.spark.python_version, "3.11.2");
	ck_assert_int_eq(find("java")->kind, FINDING_OK);
	ck_assert_str_eq(find("java")->what, "17.0.15 (Debian) at /jdk");
	ck_assert_int_eq(find("python3")->kind, FINDING_OK);
	ck_assert_str_eq(find("python3")->what, "3.11.2 at /usr/bin/python3");
	ck_assert_ptr_null(find("pyspark-python"));
	facts.spark.java_version = 18;
	ck_assert_int_eq(find("java")->kind, FINDING_NOTE);
	ck_assert_str_eq(find("java")->what,
			 "Spark 4.1.0 is documented for Java 17 or 21, not for Java 18 at /jdk: "
			 "it may fail (jvm.home)");
	facts.spark.python[0] = '\0';
	ck_assert_int_eq(find("python3")->kind, FINDING_NOTE);
	ck_assert_str_eq(find("python3")->fix, "apt-get install python3");
	string_copy(facts.spark.python_trouble, "/x/python3 failed (status 127)");
	ck_assert_int_eq(find("python3")->kind, FINDING_NOTE);
	ck_assert_str_eq(find("python3")->what,
			 "the one on PATH cannot be used: /x/python3 failed (status 127)");
	facts.python_result = -ENOENT;
	string_copy(facts.python_error.msg, "PYSPARK_PYTHON=/x: there is no such program");
	ck_assert_int_eq(find("pyspark-python")->kind, FINDING_NOTE);
	ck_assert_ptr_nonnull(strstr(find("pyspark-python")->what, facts.python_error.msg));
	ck_assert_uint_eq(findings.missing, 0);
}
END_TEST

/* As `up` finds them: a python3 that does not answer, a Java that this Spark cannot run on. */
START_TEST(what_up_would_find_is_told)
{
	char home[PROFILE_PATH], jdk[PROFILE_PATH], path[PROFILE_PATH + 64], java[1024];
	struct err e = {0};

	snprintf(java, sizeof(java),
		 "#!/bin/sh\nprintf '    java.version = 25.0.1\\n    java.home = %%s\\n' "
		 "\"${0%%/bin/java}\" >&2\n");
	spark_tree_fake(test_directory(), java, home, jdk);
	setenv("SPARK_HOME", home, 1);
	setenv("JAVA_HOME", jdk, 1);
	setenv("PYSPARK_PYTHON", "/nonexistent/python", 1);
	snprintf(path, sizeof(path), "%s/shims", test_directory());
	spark_tree_program(path, "python3", "#!/bin/sh\necho no python >&2; exit 127\n");
	snprintf(path, sizeof(path), "%s/shims:/usr/bin:/bin", test_directory());
	setenv("PATH", path, 1);
	ck_assert_int_eq(read_facts(&e), 0);
	ck_assert_ptr_nonnull(strstr(find("spark")->what, "JAVA_HOME: "));
	ck_assert_ptr_nonnull(strstr(find("spark")->what, "set jvm.home to a Java 17 or 21"));
	ck_assert_uint_gt(findings.missing, 0);
	spark_tree_fake(test_directory(), spark_tree_java, home, jdk);
	ck_assert_int_eq(read_facts(&e), 0);
	ck_assert_str_eq(find("java")->what + strlen("21.0.3 (Nobody) at "), facts.spark.java_home);
	ck_assert_ptr_nonnull(strstr(find("python3")->what, "failed (status 127): no python"));
	ck_assert_ptr_nonnull(strstr(find("pyspark-python")->what,
				     "PYSPARK_PYTHON=/nonexistent/python: there is no such"));
}
END_TEST

/* Whether JVMs start from an archive is told, and never counted as missing. */
START_TEST(the_archive_of_classes_is_told)
{
	static const struct {
		int result;
		enum finding_kind kind;
		const char *what;
	} cases[] = {
		{0, FINDING_OK, "from the archive of classes /c/uid-0.7.jsa"},
		{-ENOENT, FINDING_NOTE, "there is none: it is made after the next up or run"},
		{-ECANCELED, FINDING_NOTE, "JVMs start slower: there is none"},
		{-EOPNOTSUPP, FINDING_NOTE, "JVMs start slower: there is none"},
		{-EPERM, FINDING_NOTE, "JVMs start slower: there is none"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		v2_machine();
		facts.archive_result = cases[i].result;
		string_copy(facts.archive.path, "/c/uid-0.7.jsa");
		string_copy(facts.archive_error.msg, "there is none");
		ck_assert_int_eq(find("fast-start")->kind, cases[i].kind);
		ck_assert_str_eq(find("fast-start")->what, cases[i].what);
		ck_assert_uint_eq(findings.missing, 0);
	}
	facts.spark_result = -ENOENT;
	ck_assert_ptr_null(find("fast-start"));
}
END_TEST

/* Read with the rest of the facts: of a Spark and a JDK without an archive of its own. */
START_TEST(a_jdk_without_archives_is_named)
{
	char home[PROFILE_PATH], jdk[PROFILE_PATH], path[PROFILE_PATH + 32];
	struct err e = {0};

	spark_tree_fake(test_directory(), spark_tree_java, home, jdk);
	setenv("SPARK_HOME", home, 1);
	setenv("JAVA_HOME", jdk, 1);
	ck_assert_int_eq(read_facts(&e), 0);
	ck_assert_int_eq(facts.archive_result, -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(find("fast-start")->what, "lib/server/classes.jsa"));
	snprintf(path, sizeof(path), "%s/lib/server", jdk);
	spark_tree_program(path, "classes.jsa", "");
	ck_assert_int_eq(read_facts(&e), 0);
	ck_assert_int_eq(facts.archive_result, -ENOENT);
	ck_assert_ptr_nonnull(strstr(find("fast-start")->what, getenv("XDG_CACHE_HOME")));
}
END_TEST

/* A name is bytes, JSON is UTF-8. */
START_TEST(a_process_may_have_any_name)
{
	const struct invocation json = {.options.json = true};
	struct err e = {0};
	pid_t pid = fork();
	int r;

	if (pid == 0) {
		prctl(PR_SET_NAME, "odd\xff");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			;
	}
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
	r = cmd_doctor.run(&json, &e);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_msg(r >= 0, "%s", e.msg);
}
END_TEST

START_TEST(the_greediest_come_first)
{
	const struct proc_stat before[] = {{1, "a", 5, 100, 0, 1, 'R', 1},
					   {2, "b", 5, 100, 0, 1, 'R', 1},
					   {4, "d", 5, 9000, 0, 1, 'S', 1}};
	/* 1 used 0.5 CPUs, 2 two, 3 is new, 4 is another process with an old number. */
	const struct proc_stat after[] = {{1, "a", 5, 150, 0, 1, 'R', 1},
					  {2, "b", 5, 300, 0, 1, 'R', 1},
					  {3, "c", 9, 100, 0, 1, 'R', 1},
					  {4, "e", 9, 10, 0, 1, 'S', 1}};
	struct busy busy[2];

	ck_assert_uint_eq(busy_compare(before, 3, after, 4, 1.0, 100, 0.2, busy, 2), 2);
	ck_assert_int_eq(busy[0].pid, 2);
	ck_assert_double_eq_tol(busy[0].cpus, 2.0, 1e-9);
	ck_assert_int_eq(busy[1].pid, 3);
	ck_assert_uint_eq(busy_compare(before, 3, before, 3, 1.0, 100, 0.2, busy, 2), 0);
}
END_TEST

/* Two nodes of 64 GB, CPUs 0-7. */
static void two_nodes(void)
{
	memset(&facts, 0, sizeof(facts));
	facts.machine.cpu_count = 8;
	facts.machine.node_count = 2;
	for (unsigned cpu = 0; cpu < 8; cpu++)
		cpuset_add(&facts.machine.allowed, cpu);
	for (unsigned i = 0; i < 2; i++)
		facts.machine.nodes[i] = (struct topology_node){.id = (uint16_t)(2 * i),
								.allowed = true,
								.memory_bytes = UINT64_C(64) << 30};
}

static struct cpuset cpus(const char *list)
{
	struct cpuset out;

	ck_assert_int_eq(cpuset_parse(list, &out, &(struct err){0}), 0);
	return out;
}

static void ck_finding(const char *name, enum finding_kind kind, const char *what, const char *fix)
{
	const struct finding *f = find(name);

	ck_assert_msg(f != NULL, "nothing is said of %s", name);
	ck_assert_int_eq(f->kind, kind);
	ck_assert_str_eq(f->what, what);
	ck_assert_str_eq(f->fix, fix);
}

START_TEST(memory_that_cannot_be_had_is_said)
{
	two_nodes();
	ck_finding("huge-pages", FINDING_OK, "none are reserved", "");
	ck_assert_ptr_null(find("memory-held"));
	ck_assert_ptr_null(find("balloon"));
	ck_assert_ptr_null(find("memory-offline"));
	facts.machine.nodes[0].huge_bytes = UINT64_C(56) << 30;
	facts.machine.nodes[1].huge_bytes = UINT64_C(1) << 30;
	ck_finding(
		"huge-pages", FINDING_NOTE,
		"reserved, and no heap is made of them: 56 GB of 64 GB on node 0, 1 GB of 64 GB on "
		"node 2",
		"sysctl vm.nr_hugepages=0, or no hugepages= on the kernel command line");
	facts.machine.nodes[0].held_bytes = UINT64_C(1) << 30; /* of 8: what any kernel needs */
	facts.machine.nodes[0].free_bytes = UINT64_C(7) << 30;
	ck_assert_ptr_null(find("memory-held"));
	facts.machine.nodes[1].held_bytes = UINT64_C(40) << 30;
	facts.machine.nodes[1].free_bytes = UINT64_C(23) << 30;
	facts.largest = 17;
	facts.largest_bytes = UINT64_C(39) << 30;
	snprintf(facts.largest_name, sizeof(facts.largest_name), "a\nb");
	ck_finding("memory-held", FINDING_NOTE,
		   "in use now, by the kernel and all that runs: 40 GB of 63 GB on node 2; most by "
		   "process 17 (a\\nb), 39 GB",
		   "");
	facts.largest_bytes = UINT64_C(4) << 30; /* most of it are files in tmpfs */
	ck_finding("memory-held", FINDING_NOTE,
		   "in use now, by the kernel and all that runs: 40 GB of 63 GB on node 2", "");
	facts.balloon_bytes = UINT64_C(3) << 30;
	ck_finding("balloon", FINDING_NOTE,
		   "3 GB are taken by the balloon of a virtual machine: no slice has them", "");
	facts.offline_bytes = UINT64_C(2) << 30;
	ck_finding("memory-offline", FINDING_NOTE,
		   "2 GB are in blocks that are offline: no slice has them",
		   "echo online > /sys/devices/system/memory/memoryN/state");
}
END_TEST

START_TEST(cpus_that_are_apart_are_said)
{
	two_nodes();
	ck_assert_ptr_null(find("isolated-cpus"));
	ck_assert_ptr_null(find("nohz-full-cpus"));
	ck_assert_ptr_null(find("rcu-nocbs-cpus"));
	facts.machine.isolated = cpus("2-3,8"); /* 8 is not ours */
	facts.machine.nohz_full = cpus("3");
	facts.machine.rcu_nocbs = cpus("2-9");
	ck_finding("isolated-cpus", FINDING_NOTE,
		   "CPUs 2-3 are left out: the kernel balances no load between isolated CPUs "
		   "(isolcpus=, partitions of cgroup v2)",
		   "partition.cpus with those that slices may have (in the profile)");
	ck_finding("nohz-full-cpus", FINDING_NOTE,
		   "CPUs 3 are left out: they are for one thread each (nohz_full=)",
		   "partition.cpus with those that slices may have (in the profile)");
	ck_finding("rcu-nocbs-cpus", FINDING_NOTE,
		   "other CPUs do RCU's work for CPUs 2-7 (rcu_nocbs=), which hurts nobody", "");
	facts.names_cpus = true;
	facts.named_cpus = cpus("0-2");
	ck_finding(
		"isolated-cpus", FINDING_NOTE,
		"CPUs 2 are in partition.cpus: the kernel balances no load between isolated CPUs "
		"(isolcpus=, partitions of cgroup v2)",
		"slices of one CPU there, or partition.cpus without them");
	ck_finding("nohz-full-cpus", FINDING_NOTE,
		   "CPUs 3 are not in partition.cpus: they are for one thread each (nohz_full=)",
		   "");
}
END_TEST

START_TEST(a_machine_that_cannot_be_cut_is_missing)
{
	two_nodes();
	ck_finding("machine", FINDING_OK, "can be cut as the profile says", "");
	facts.machine_result = -22;
	snprintf(facts.machine_error.msg, sizeof(facts.machine_error.msg), "all CPUs are isolated");
	ck_finding("machine", FINDING_MISSING, "all CPUs are isolated", "");
	ck_assert_ptr_nonnull(find("huge-pages"));
	facts.machine.cpu_count = 0; /* not even read */
	ck_finding("machine", FINDING_MISSING, "all CPUs are isolated", "");
	ck_assert_ptr_null(find("huge-pages"));
}
END_TEST

START_TEST(this_machine_can_be_examined)
{
	struct err e = {0};

	ck_assert_msg(read_facts(&e) == 0, "%s", e.msg);
	ck_assert_str_ne(facts.kernel, "");
	doctor_judge(&facts, &findings);
	ck_assert_uint_lt(findings.count, FINDINGS_MAX);
	ck_assert_ptr_nonnull(find("groups"));
}
END_TEST

START_TEST(who_spark_runs_as)
{
	v2_machine();
	snprintf(facts.cluster.user, sizeof(facts.cluster.user), "alice");
	facts.cluster.uid = 1000;
	ck_assert_str_eq(find("user")->what, "Spark runs as alice (uid 1000)");
	ck_assert_int_eq(find("user")->kind, FINDING_OK);
	ck_assert_ptr_null(find("locale"));
	facts.has_utf8 = false;
	ck_assert_int_eq(find("locale")->kind, FINDING_NOTE);
	facts.has_name = false;
	ck_assert_int_eq(find("user")->kind, FINDING_MISSING);
	ck_assert_ptr_nonnull(strstr(find("user")->what, "user 1000 has no entry in the password"));
	facts.cluster_result = -2;
	snprintf(facts.cluster_error.msg, sizeof(facts.cluster_error.msg), "there is no user x");
	ck_assert_int_eq(find("user")->kind, FINDING_MISSING);
	ck_assert_str_eq(find("user")->what, "there is no user x");
}
END_TEST

START_TEST(limits_that_end_a_jvm)
{
	v2_machine();
	facts.limits_use = (struct limits_use){.uid = 7, .jvms = 3, .heap_mb = 450};
	ck_assert_ptr_null(find("limits"));
	ck_assert_ptr_null(find("open-files"));
	ck_assert_ptr_null(find("address-space"));
	facts.limits.hard[LIMIT_ADDRESSES] = (rlim_t)1 << 30;
	ck_assert_int_eq(find("limits")->kind, FINDING_MISSING);
	ck_assert_ptr_nonnull(strstr(find("limits")->what, "address space is 1024 MB here"));
	facts.limits.hard[LIMIT_ADDRESSES] = (rlim_t)1 << 40;
	facts.limits.hard[LIMIT_FILES] = 4096;
	ck_assert_ptr_null(find("limits"));
	ck_assert_int_eq(find("address-space")->kind, FINDING_NOTE);
	ck_assert_int_eq(find("open-files")->kind, FINDING_NOTE);
}
END_TEST

START_TEST(where_a_cluster_keeps_its_things)
{
	struct directory_look *data = &facts.directories[SPARK_DATA],
			      *scratch = &facts.directories[SPARK_SCRATCH];

	v2_machine();
	ck_assert_ptr_null(find("data-directory"));
	*data = (struct directory_look){.path = "/d",
					.free_bytes = UINT64_C(2) << 30,
					.bytes = UINT64_C(10) << 30,
					.free_files = 100000,
					.files = 1000000};
	ck_assert_int_eq(find("data-directory")->kind, FINDING_OK);
	data->free_files = 99999;
	ck_assert_int_eq(find("data-directory")->kind, FINDING_NOTE);
	ck_assert_ptr_nonnull(strstr(find("data-directory")->what, "99999 inodes free of 1000000"));
	data->files = data->free_files = 0; /* not counted, as on btrfs */
	ck_assert_int_eq(find("data-directory")->kind, FINDING_OK);
	data->bytes = UINT64_C(21) << 30;
	ck_assert_ptr_nonnull(strstr(find("data-directory")->what, "/d has 2 GB free of 21 GB"));
	/* With room elsewhere for what is large, logs need little. */
	*scratch = (struct directory_look){
		.path = "/s", .free_bytes = UINT64_C(1) << 30, .bytes = UINT64_C(2) << 30};
	ck_assert_int_eq(find("data-directory")->kind, FINDING_OK);
	ck_assert_int_eq(find("scratch")->kind, FINDING_OK);
	scratch->free_bytes--;
	ck_assert_int_eq(find("scratch")->kind, FINDING_NOTE);
	scratch->result = -30;
	snprintf(scratch->error.msg, sizeof(scratch->error.msg), "/s is mounted read-only");
	ck_assert_int_eq(find("scratch")->kind, FINDING_MISSING);
	ck_assert_str_eq(find("scratch")->what, "/s is mounted read-only");
}
END_TEST

TEST_MAIN("doctor",
	  test_case("judge", the_refusal_is_the_one_that_up_gives, what_up_would_say_is_missing,
		    what_is_missing_comes_with_its_fix, balancing_matters_only_between_nodes,
		    v1_says_what_it_lacks, what_up_cannot_do_without_is_missing,
		    a_machine_that_lacks_nothing_is_fine, the_archive_of_classes_is_told,
		    a_jdk_without_archives_is_named, java_and_python_are_told,
		    what_up_would_find_is_told, who_spark_runs_as, limits_that_end_a_jvm,
		    where_a_cluster_keeps_its_things, this_machine_can_be_examined),

	  test_case("machine", memory_that_cannot_be_had_is_said, cpus_that_are_apart_are_said,
		    a_machine_that_cannot_be_cut_is_missing),
	  test_case("busy", the_greediest_come_first, a_process_may_have_any_name))
