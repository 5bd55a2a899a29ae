/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that the caller was started under, from trees with a few files each. */

#include "containers/where/limits.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

/* "PATH TEXT" each, below "c/" in the test's directory; a hierarchy of the caller's group `own`. */
struct machine {
	int version;
	const char *root, *own;
	const char *files[12];
	const char *cpus, *cpus_by, *nodes;
	uint64_t memory_bytes, quota_milli;
	const char *memory_by, *quota_by;
};

static void write_file(unsigned number, const char *line)
{
	static char text[CPUSET_TEXT + 64];
	const char *blank = strchr(line, ' ');
	char path[512];

	snprintf(path, sizeof(path), "%u/c%.*s", number, (int)(blank - line), line);
	snprintf(text, sizeof(text), "%s\n", blank + 1);
	test_put(path, text);
}

static const struct machine machines[] = {
	/* Slurm on cgroup v2, in a unit of systemd's; our groups go to system.slice. */
	{2,
	 "",
	 "/system.slice/slurmstepd.scope/job_7/step_0",
	 {"/cpuset.cpus.effective 0-127", "/system.slice/cpuset.cpus.effective 0-127",
	  "/system.slice/slurmstepd.scope/job_7/cpuset.cpus.effective 0-3",
	  "/system.slice/slurmstepd.scope/job_7/step_0/cpuset.cpus.effective 0-3",
	  "/system.slice/slurmstepd.scope/job_7/cpuset.cpus 0-3",
	  "/system.slice/slurmstepd.scope/job_7/cpuset.mems 1",
	  "/system.slice/slurmstepd.scope/job_7/cpuset.mems.effective 1",
	  "/system.slice/slurmstepd.scope/job_7/memory.max 4294967296",
	  "/system.slice/slurmstepd.scope/job_7/step_0/memory.max max",
	  "/system.slice/slurmstepd.scope/job_7/memory.high max"},
	 "0-3",
	 "/system.slice/slurmstepd.scope/job_7",
	 "1",
	 UINT64_C(4294967296),
	 0,
	 "/system.slice/slurmstepd.scope/job_7",
	 ""},
	/* A user's session: cpuset is not enabled so far down; the slice has the limits. */
	{2,
	 "",
	 "/user.slice/user-7.slice/session-1.scope",
	 {"/user.slice/cpuset.cpus.effective 4-5", "/cpuset.cpus.effective 0-7",
	  "/user.slice/cpuset.cpus 4-5", "/user.slice/user-7.slice/memory.max 8000000000",
	  "/user.slice/user-7.slice/memory.high 2000000000",
	  "/user.slice/user-7.slice/session-1.scope/memory.max 9000000000",
	  "/user.slice/cpu.max 350000 100000", "/user.slice/user-7.slice/cpu.max max 100000"},
	 "4-5",
	 "/user.slice",
	 "",
	 2000000000,
	 3500,
	 "/user.slice/user-7.slice",
	 "/user.slice"},
	/* The root lacks what partitions have (here 1), and whoever names no CPUs has its parent's. */
	{2,
	 "",
	 "/system.slice",
	 {"/cpuset.cpus.effective 0,2-3", "/cpuset.mems.effective 0",
	  "/system.slice/cpuset.cpus.effective 0,2-3", "/system.slice/cpuset.cpus \n"},
	 "",
	 "",
	 "",
	 0,
	 0,
	 "",
	 ""},
	/* A container of its own namespace: docker run --cpus=1.5 --cpuset-cpus=2,4. */
	{2,
	 "",
	 "",
	 {"/cpuset.cpus.effective 2,4", "/cpuset.cpus 2,4", "/cpuset.mems.effective 0",
	  "/cpuset.mems 0", "/memory.max 1073741824", "/cpu.max 150000 100000"},
	 "2,4",
	 "/",
	 "0",
	 1073741824,
	 1500,
	 "/",
	 "/"},
	/* The same in v1, where what is mounted is a part. */
	{1,
	 "/docker/4f",
	 "",
	 {"/cpuset.effective_cpus 2,4", "/cpuset.effective_mems 0",
	  "/memory.limit_in_bytes 1073741824", "/cpu.cfs_quota_us 150000",
	  "/cpu.cfs_period_us 100000"},
	 "2,4",
	 "/docker/4f",
	 "0",
	 1073741824,
	 1500,
	 "/docker/4f",
	 "/docker/4f"},
	/* Slurm's task/cgroup on v1; no quota, no limit in the step. */
	{1,
	 "",
	 "/slurm/uid_7/job_7/step_0",
	 {"/cpuset.effective_cpus 0-63", "/slurm/cpuset.effective_cpus 0-63",
	  "/slurm/uid_7/cpuset.effective_cpus 8-15", "/slurm/uid_7/job_7/cpuset.effective_cpus 8",
	  "/slurm/uid_7/job_7/step_0/cpuset.effective_cpus 8",
	  "/slurm/uid_7/job_7/memory.limit_in_bytes 4000000000",
	  "/memory.limit_in_bytes 9223372036854771712", "/cpu.cfs_quota_us -1",
	  "/cpu.cfs_period_us 100000"},
	 "8",
	 "/slurm/uid_7/job_7",
	 "",
	 4000000000,
	 0,
	 "/slurm/uid_7/job_7",
	 ""},
	/* In the host group of a cluster: what is above all of cleave's groups. */
	{2,
	 "",
	 "/system.slice/cleave-a.scope/host",
	 {"/cpuset.cpus.effective 0-7", "/system.slice/cpuset.cpus.effective 0-5",
	  "/system.slice/cpuset.cpus 0-5", "/system.slice/cleave-a.scope/host/cpuset.cpus 0",
	  "/system.slice/cleave-a.scope/host/cpuset.cpus.effective 0",
	  "/system.slice/cleave-a.scope/memory.max 5"},
	 "0-5",
	 "/system.slice",
	 "",
	 0,
	 0,
	 "",
	 ""},
	/* Nothing says anything, and nonsense limits nothing. */
	{2, "", "/a", {"/a/cpu.max x", "/cpu.max 100 0"}, "", "", "", 0, 0, "", ""},
	{0, "", "", {NULL}, "", "", "", 0, 0, "", ""},
};

START_TEST(a_group_of_the_callers_own_says_so)
{
	for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		const struct machine *m = &machines[i];
		struct cgroup_layout layout = {0};
		struct caller_limits l;
		struct err e = {0};
		cleanup_close int root = -1;
		char path[512];

		write_file(i, "/x -");
		for (unsigned k = 0; k < 10 && m->files[k]; k++)
			write_file(i, m->files[k]);
		for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
			layout.controllers[c].version = m->version;
			snprintf(layout.controllers[c].mount, LAYOUT_PATH, "/c");
			snprintf(layout.controllers[c].root, LAYOUT_PATH, "%s", m->root);
			snprintf(layout.controllers[c].own, LAYOUT_PATH, "%s", m->own);
		}
		snprintf(path, sizeof(path), "%s/%u", test_directory(), i);
		root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_ge(root, 0);
		ck_assert_msg(caller_limits_read(root, &layout, &l, &e) == 0, "%u: %s", i, e.msg);
		ck_assert_str_eq(CPUSET_STRING(&l.cpus), m->cpus);
		ck_assert_str_eq(l.cpus_by, m->cpus_by);
		ck_assert_str_eq(CPUSET_STRING(&l.nodes), m->nodes);
		ck_assert_uint_eq(l.memory_bytes, m->memory_bytes);
		ck_assert_str_eq(l.memory_by, m->memory_by);
		ck_assert_uint_eq(l.quota_milli, m->quota_milli);
		ck_assert_str_eq(l.quota_by, m->quota_by);
	}
}
END_TEST

/* What cannot be read is an error, not "no limit"; a set may have 4096 CPUs, every second one. */
START_TEST(what_is_there_is_read)
{
	struct cgroup_layout layout = {.controllers = {{.version = 2, .mount = "/c"}}};
	static char line[CPUSET_TEXT + 64];
	struct cpuset odd = {0};
	struct caller_limits l;
	struct err e = {0};
	cleanup_close int root = -1;
	char path[512];

	for (unsigned i = 1; i < CPUSET_MAX; i += 2)
		cpuset_add(&odd, i);
	snprintf(line, sizeof(line), "/cpuset.cpus.effective %s", CPUSET_STRING(&odd));
	write_file(0, line);
	write_file(0, "/cpuset.cpus 0"); /* the group is a part of the tree */
	snprintf(path, sizeof(path), "%s/0", test_directory());
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_msg(caller_limits_read(root, &layout, &l, &e) == 0, "%s", e.msg);
	ck_assert(cpuset_is_equal(&l.cpus, &odd));
	write_file(0, "/cpuset.cpus.effective 0-x");
	ck_assert_int_lt(caller_limits_read(root, &layout, &l, &e), 0);
	ck_assert_msg(strstr(e.msg, "cpuset.cpus.effective"), "%s", e.msg);
}
END_TEST

TEST_MAIN("limits", test_case("limits", a_group_of_the_callers_own_says_so, what_is_there_is_read))
