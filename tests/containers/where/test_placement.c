/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where groups live, decided from recorded machines; the sentences that say what is missing.
 * link: -Wl,--wrap=statfs
 */

#include "containers/where/placement.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "decision/base/cleanup.h"
#include "tests/containers/trees.h"
#include "tests/harness.h"

static struct placement_facts facts_of(const char *tree, uid_t uid)
{
	cleanup_close int root = tree_open(tree);
	struct placement_facts f;
	struct err e = {0};

	ck_assert_msg(placement_facts_read(root, uid, &f, &e) == 0, "%s: %s", tree, e.msg);
	return f;
}

/*
 * As a user who may write none of it: the recorded files themselves belong to whoever runs the
 * test.
 */
static struct placement_facts without_rights(struct placement_facts f)
{
	f.uid = 1000;
	f.may_write_unified = false;
	memset(f.may_write, 0, sizeof(f.may_write));
	return f;
}

static struct placement place(const struct placement_facts *f)
{
	struct placement p;
	struct err e = {0};

	ck_assert_msg(placement_decide(f, BACKEND_AUTO, NULL, ROOT_NONE, NULL, &p, &e) == 0, "%s",
		      e.msg);
	return p;
}

static void refuse(const struct placement_facts *f, enum err_exit exit_class, const char *words[])
{
	struct placement p;
	struct err e = {0};

	ck_assert_int_lt(placement_decide(f, BACKEND_AUTO, NULL, ROOT_NONE, NULL, &p, &e), 0);
	ck_assert_msg(e.exit == exit_class, "%d: %s", e.exit, e.msg);
	for (; *words; words++)
		ck_assert_msg(strstr(e.msg, *words), "\"%s\" is missing in: %s", *words, e.msg);
}
#define REFUSE(f, exit_class, ...) refuse(f, exit_class, (const char *[]){__VA_ARGS__, NULL})

START_TEST(root_under_systemd_gets_a_scope)
{
	struct placement_facts f = facts_of("debian12-root", 0);
	struct placement p = place(&f);

	ck_assert_int_eq(p.kind, PLACEMENT_SCOPE);
	ck_assert(!p.user_manager);
}
END_TEST

START_TEST(a_user_needs_cpuset_from_his_manager)
{
	struct placement_facts f = facts_of("debian12-user", 1000);
	struct placement p;

	ck_assert_str_eq(f.user_controllers, "cpu memory pids");
	REFUSE(&f, ERR_FAILED, "Delegate=cpu cpuset io memory pids", "user@.service.d",
	       "daemon-reload", "systemd-run --user --scope -p Delegate=yes");
	f = facts_of("debian12-delegated", 1000);
	p = place(&f);
	ck_assert_int_eq(p.kind, PLACEMENT_SCOPE);
	ck_assert(p.user_manager);
	f.user_manager = false;
	REFUSE(&f, ERR_FAILED, "loginctl enable-linger 1000");
}
END_TEST

START_TEST(without_systemd_groups_are_below_the_callers)
{
	struct placement_facts f = facts_of("bare-v2", 0);
	struct placement p = place(&f);

	ck_assert(f.root_of_v2);
	ck_assert_int_eq(p.kind, PLACEMENT_CGROUP2);
	ck_assert_str_eq(p.base[CONTROLLER_CPUSET], "/sys/fs/cgroup");
	f = without_rights(f);
	REFUSE(&f, ERR_FAILED, "uid 1000", "run cleave as root", "chown -R 1000");
}
END_TEST

START_TEST(a_container_with_processes_in_its_root_is_told_what_to_do)
{
	struct placement_facts f = facts_of("container-v2", 0);

	ck_assert(!f.root_of_v2);
	REFUSE(&f, ERR_FAILED, "holds processes", "mkdir /sys/fs/cgroup/shell",
	       "--cgroup-root /sys/fs/cgroup");
	f.v2_enabled = true;
	ck_assert_int_eq(place(&f).kind, PLACEMENT_CGROUP2);
}
END_TEST

START_TEST(v1_has_a_base_in_each_hierarchy)
{
	struct placement_facts f = facts_of("hybrid", 0);
	struct placement p = place(&f);

	ck_assert_int_eq(p.kind, PLACEMENT_CGROUP1);
	ck_assert_str_eq(p.base[CONTROLLER_CPUSET], "/sys/fs/cgroup/cpuset");
	ck_assert_str_eq(p.base[CONTROLLER_MEMORY], "/sys/fs/cgroup/my memory/jobs/job 7");
	ck_assert_str_eq(p.unified, "/sys/fs/cgroup/unified");
	f = facts_of("container-v1", 0);
	p = place(&f);
	ck_assert_str_eq(p.base[CONTROLLER_CPU], "/sys/fs/cgroup/cpu,cpuacct");
	ck_assert_str_eq(p.unified, "");
	f = without_rights(f);
	REFUSE(&f, ERR_FAILED, "/sys/fs/cgroup/cpuset", "chown -R 1000");
}
END_TEST

START_TEST(missing_controllers_are_impossible)
{
	struct placement_facts f = facts_of("no-cpuset", 0);

	REFUSE(&f, ERR_IMPOSSIBLE, "no cpuset controller", "cgroup_disable=cpuset",
	       "backend: affinity");
	f = facts_of("bare-v2", 0);
	snprintf(f.own_controllers, sizeof(f.own_controllers), "cpuset cpu pids");
	REFUSE(&f, ERR_IMPOSSIBLE, "not given the memory controller", "echo +memory");
	f = facts_of("mixed", 0);
	REFUSE(&f, ERR_IMPOSSIBLE, "cpuset is in cgroup v1 but memory in v2", "cgroup_no_v1");
	f = facts_of("nothing", 0);
	REFUSE(&f, ERR_IMPOSSIBLE, "no cpuset controller is mounted", "mount -t cgroup2");
}
END_TEST

START_TEST(affinity_needs_nothing)
{
	struct placement_facts f = facts_of("nothing", 1000);
	struct placement p;
	struct err e = {0};

	ck_assert_int_eq(placement_decide(&f, BACKEND_AFFINITY, NULL, ROOT_NONE, NULL, &p, &e), 0);
	ck_assert_int_eq(p.kind, PLACEMENT_AFFINITY);
}
END_TEST

/* Memory is elsewhere here, and an engine makes one path in all hierarchies. */
START_TEST(for_an_engine_all_groups_are_at_one_path)
{
	struct placement_facts f = facts_of("hybrid", 0);
	cleanup_close int root = tree_open("hybrid");
	struct placement p;
	struct err e = {0};

	ck_assert_int_lt(placement_decide(&f, BACKEND_DOCKER, NULL, ROOT_NONE, NULL, &p, &e), 0);
	ck_assert_int_eq(placement_facts_align(root, &f, &e), 0);
	ck_assert_int_eq(placement_decide(&f, BACKEND_DOCKER, "cgroupfs", ROOT_NONE, NULL, &p, &e),
			 0);
	ck_assert_str_eq(p.base[CONTROLLER_CPUSET], "/sys/fs/cgroup/cpuset");
	ck_assert_str_eq(p.base[CONTROLLER_MEMORY], "/sys/fs/cgroup/my memory");
	ck_assert_str_eq(p.unified, "/sys/fs/cgroup/unified");
	ck_assert_str_eq(p.engine, "cgroupfs");
	ck_assert_int_eq(
		placement_decide(&f, BACKEND_DOCKER, "cgroupfs", ROOT_NAME, "mine", &p, &e), 0);
	ck_assert_str_eq(p.base[CONTROLLER_MEMORY], "/sys/fs/cgroup/my memory/mine");
	ck_assert_int_lt(placement_decide(&f, BACKEND_DOCKER, "systemd", ROOT_NONE, NULL, &p, &e),
			 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_msg(strstr(e.msg, "native.cgroupdriver=cgroupfs"), "%s", e.msg);
}
END_TEST

START_TEST(what_groups_have_in_common_ends_with_a_whole_name)
{
	static const struct {
		const char *root[3], *own[3], *common[3]; /* NULL: it is not to be had */
	} cases[] = {
		{{"", "", ""}, {"/a/b", "/a/bc", "/a/b"}, {"/a", "/a", "/a"}},
		{{"", "", ""}, {"/a/b", "/a/b/c", "/a/b"}, {"/a/b", "/a/b", "/a/b"}},
		{{"", "", ""}, {"/a", "/b", "/a"}, {"", "", ""}},
		{{"/docker/1", "/docker/1", ""}, {"", "/x", "/docker/1/y"}, {"", "", "/docker/1"}},
		{{"", "", ""}, {"/a/cleave/demo/host", "/a", "/a/b"}, {"/a", "/a", "/a"}},
		{{"/docker/1", "/docker/1", ""}, {"", "", "/docker"}, {NULL}},
		{{"/docker/1", "/docker/12", ""}, {"", "", "/docker"}, {NULL}},
	};
	cleanup_close int root = tree_open("hybrid");

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct placement_facts f = {0};
		struct hierarchy *all = f.layout.controllers;
		struct err e = {0};
		int r;

		for (unsigned c = 0; c < 3; c++) {
			all[c].version = 1;
			snprintf(all[c].mount, LAYOUT_PATH, "/mount/%u", c);
			snprintf(all[c].root, LAYOUT_PATH, "%s", cases[i].root[c]);
			snprintf(all[c].own, LAYOUT_PATH, "%s", cases[i].own[c]);
		}
		r = placement_facts_align(root, &f, &e);
		ck_assert_msg((r == 0) == (cases[i].common[0] != NULL), "case %u: %s", i, e.msg);
		ck_assert(r == 0 || (e.exit == ERR_IMPOSSIBLE && strstr(e.msg, "/mount/")));
		for (unsigned c = 0; r == 0 && c < 3; c++)
			ck_assert_str_eq(all[c].own, cases[i].common[c]);
	}
}
END_TEST

static int for_systemds_engine(const struct placement_facts *f, enum root_kind root,
			       struct placement *p, struct err *e)
{
	return placement_decide(f, BACKEND_DOCKER, "systemd", root, "mine", p, e);
}

START_TEST(an_engine_with_systemds_driver_gets_units)
{
	struct placement_facts f = facts_of("debian12-root", 0);
	struct placement p;
	struct err e = {0};

	ck_assert_msg(for_systemds_engine(&f, ROOT_NONE, &p, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(p.kind, PLACEMENT_SLICES);
	ck_assert_str_eq(p.base[CONTROLLER_CPUSET], "/sys/fs/cgroup/system.slice");
	ck_assert_str_eq(p.base[CONTROLLER_IO], "/sys/fs/cgroup/system.slice");
	ck_assert_str_eq(p.engine, "systemd");
	ck_assert(!p.user_manager);

	f = facts_of("debian12-delegated", 1000);
	ck_assert_msg(for_systemds_engine(&f, ROOT_NONE, &p, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(p.base[CONTROLLER_CPUSET],
			 "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice");
	ck_assert(p.user_manager);

	f = facts_of("debian12-user", 1000); /* without cpuset from the manager */
	ck_assert_int_lt(for_systemds_engine(&f, ROOT_NONE, &p, &e), 0);
	ck_assert_msg(strstr(e.msg, "delegate.conf"), "%s", e.msg);
}
END_TEST

START_TEST(systemds_driver_has_its_places)
{
	static const struct {
		const char *tree, *words;
		enum root_kind root;
	} table[] = {
		{"hybrid", "in cgroup v1", ROOT_NONE},
		{"bare-v2", "where systemd is not running", ROOT_NONE},
		{"debian12-root", "below --cgroup-root", ROOT_CGROUP2},
		{"hybrid", "below --cgroup-root", ROOT_NAME},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct placement_facts f = facts_of(table[i].tree, 0);
		struct placement p;
		struct err e = {0};

		ck_assert_int_lt(for_systemds_engine(&f, table[i].root, &p, &e), 0);
		ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
		ck_assert_msg(strstr(e.msg, table[i].words) &&
				      strstr(e.msg, "native.cgroupdriver=cgroupfs"),
			      "%s", e.msg);
	}
}
END_TEST

START_TEST(cgroup_root_overrides)
{
	struct placement_facts f = facts_of("hybrid", 0);
	struct placement p;
	struct err e = {0};

	ck_assert_int_eq(placement_decide(&f, BACKEND_AUTO, NULL, ROOT_NAME, "mine", &p, &e), 0);
	ck_assert_str_eq(p.base[CONTROLLER_CPU], "/sys/fs/cgroup/cpu/mine");
	ck_assert_str_eq(p.unified, "/sys/fs/cgroup/unified/mine");
	ck_assert(p.base_is_ours);
	ck_assert_int_lt(placement_decide(&f, BACKEND_AUTO, NULL, ROOT_NAME, "../mine", &p, &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_int_eq(placement_decide(&f, BACKEND_AUTO, NULL, ROOT_CGROUP2, "/c/x", &p, &e), 0);
	ck_assert_int_eq(p.kind, PLACEMENT_CGROUP2);
	ck_assert_str_eq(p.base[CONTROLLER_MEMORY], "/c/x");
}
END_TEST

static long file_system; /* of every path; 0: the real one */

int __real_statfs(const char *path, struct statfs *out);
int __wrap_statfs(const char *path, struct statfs *out);
int __wrap_statfs(const char *path, struct statfs *out)
{
	int r = __real_statfs(path, out);

	if (file_system)
		out->f_type = file_system;
	return r;
}

START_TEST(what_cgroup_root_names)
{
	static const struct {
		const char *path;
		long type;
		int result;
		enum root_kind root;
		const char *words;
	} cases[] = {
		{NULL, 0, 0, ROOT_NONE, ""},
		{"mine", 0, 0, ROOT_NAME, ""},
		{"/", CGROUP2_SUPER_MAGIC, 0, ROOT_CGROUP2, ""},
		{"/", CGROUP_SUPER_MAGIC, -1, 0, "/ is inside a cgroup v1 mount"},
		{"/tmp", TMPFS_MAGIC, -1, 0, "/tmp is a directory outside of the cgroup tree"},
		{"/none/x", 0, -1, 0, "/none/x: No such file"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum root_kind root = 0;
		struct err e = {0};
		int r;

		file_system = cases[i].type;
		r = placement_root(cases[i].path, &root, &e);
		file_system = 0;
		ck_assert_int_eq(r < 0, cases[i].result < 0);
		ck_assert_int_eq(root, cases[i].root);
		ck_assert_msg(strstr(e.msg, cases[i].words), "%s", e.msg);
		ck_assert(r == 0 || e.exit == ERR_WRONG);
	}
}
END_TEST

START_TEST(a_process_inside_the_cluster_asks_for_what_is_above)
{
	struct placement_facts f = facts_of("hybrid", 0);
	struct placement p;

	snprintf(f.layout.controllers[CONTROLLER_CPUSET].own, LAYOUT_PATH, "/cleave/demo/host");
	p = place(&f);
	ck_assert_str_eq(p.base[CONTROLLER_CPUSET], "/sys/fs/cgroup/cpuset");
}
END_TEST

START_TEST(the_scope_is_made_without_a_shell)
{
	struct scope_command c;
	char all[512] = "";

	placement_scope_command("demo", true, &c);
	for (unsigned i = 0; c.argv[i]; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s|", c.argv[i]);
	ck_assert_str_eq(all,
			 "systemd-run|--user|--scope|--quiet|--collect|--unit=cleave-demo.scope|"
			 "--description=slices of cleave|-p|Delegate=yes|--|sleep|infinity|");
	placement_scope_command("demo", false, &c);
	ck_assert_str_eq(c.argv[1], "--scope");
}
END_TEST

START_TEST(the_line_of_the_state_file_reads_back)
{
	static const char *const trees[] = {"hybrid", "container-v1", "bare-v2",
					    "debian12-delegated"};
	struct err e = {0};

	for (unsigned i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		struct placement_facts f = facts_of(trees[i], i == 3 ? 1000 : 0);
		struct placement p = place(&f), back;
		char text[PROFILE_PATH], small[20];

		if (p.kind == PLACEMENT_SCOPE) /* as after the scope was made */
			for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
				snprintf(p.base[c], sizeof(p.base[c]), "/c/cleave-x.scope");
		if (i % 2)
			snprintf(p.engine, sizeof(p.engine), "cgroupfs");
		ck_assert_int_eq(placement_format(&p, text, sizeof(text), &e), 0);
		ck_assert_int_eq(strstr(text, " engine=cgroupfs ") != NULL, i % 2);
		ck_assert_msg(placement_parse(text, &back, &e) == 0, "%s", e.msg);
		ck_assert_mem_eq(&p, &back, sizeof(p));
		ck_assert_int_eq(placement_format(&p, small, sizeof(small), &e), -ENAMETOOLONG);
		if (i != 3)
			continue;
		ck_assert_int_eq(for_systemds_engine(&f, ROOT_NONE, &p, &e), 0);
		ck_assert_int_eq(placement_format(&p, text, sizeof(text), &e), 0);
		ck_assert_msg(placement_parse(text, &back, &e) == 0, "%s", e.msg);
		ck_assert_mem_eq(&p, &back, sizeof(p));
	}
}
END_TEST

START_TEST(other_lines_are_refused)
{
	static const char *const bad[] = {"",
					  "cgroup3 cpuset=/a",
					  "cgroup2",
					  "cgroup2 cpuset=a",
					  "cgroup2 cpuset=/a/../b",
					  "cgroup2 cpuset",
					  "cgroup2 cpuset=/a\\9",
					  "cgroup2 cpuset=/a\\000b",
					  "cgroup1 unified=/a",
					  "cgroup2 color=/a cpuset=/b",
					  "cgroup2 engine= cpuset=/b",
					  "cgroup2 engine=a-name-that-is-too-long cpuset=/b",
					  "throw-away cpuset=/a"};
	struct placement p;
	struct err e;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e = (struct err){0};
		ck_assert_msg(placement_parse(bad[i], &p, &e) < 0, "\"%s\" was accepted", bad[i]);
		ck_assert_int_eq(e.exit, ERR_WRONG);
	}
}
END_TEST

TEST_MAIN("placement",
	  test_case("systemd", root_under_systemd_gets_a_scope,
		    a_user_needs_cpuset_from_his_manager, the_scope_is_made_without_a_shell,
		    an_engine_with_systemds_driver_gets_units, systemds_driver_has_its_places),
	  test_case("below", without_systemd_groups_are_below_the_callers,
		    a_container_with_processes_in_its_root_is_told_what_to_do,
		    v1_has_a_base_in_each_hierarchy, missing_controllers_are_impossible,
		    affinity_needs_nothing, for_an_engine_all_groups_are_at_one_path,
		    what_groups_have_in_common_ends_with_a_whole_name, cgroup_root_overrides,
		    what_cgroup_root_names, a_process_inside_the_cluster_asks_for_what_is_above),
	  test_case("state", the_line_of_the_state_file_reads_back, other_lines_are_refused))
