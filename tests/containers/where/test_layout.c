/* SPDX-License-Identifier: Apache-2.0 */
/* Reading where the controllers are: recorded machines, and texts that no kernel writes. */

#include "containers/where/layout.h"

#include <errno.h>
#include <fcntl.h>

#include "decision/base/cleanup.h"
#include "tests/containers/fake_root.h"
#include "tests/containers/trees.h"
#include "tests/harness.h"

static struct cgroup_layout layout_of(const char *tree)
{
	cleanup_close int root = tree_open(tree);
	struct cgroup_layout l;
	struct err e = {0};

	ck_assert_msg(cgroup_layout_read(root, &l, &e) == 0, "%s: %s", tree, e.msg);
	return l;
}

static void is_at(const struct hierarchy *h, int version, const char *mount, const char *own)
{
	ck_assert_int_eq(h->version, version);
	ck_assert_str_eq(h->mount, mount);
	ck_assert_str_eq(h->own, own);
}

START_TEST(v2_has_all_controllers_in_one_place)
{
	struct cgroup_layout l = layout_of("debian12-root");

	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		is_at(&l.controllers[c], 2, "/sys/fs/cgroup",
		      "/user.slice/user-0.slice/session-3.scope");
}
END_TEST

START_TEST(v1_is_read_controller_by_controller)
{
	struct cgroup_layout l = layout_of("hybrid");

	is_at(&l.controllers[CONTROLLER_CPU], 1, "/sys/fs/cgroup/cpu", "");
	is_at(&l.controllers[CONTROLLER_CPUACCT], 1, "/sys/fs/cgroup/cpuacct", "");
	is_at(&l.controllers[CONTROLLER_MEMORY], 1, "/sys/fs/cgroup/my memory", "/jobs/job 7");
	is_at(&l.unified, 2, "/sys/fs/cgroup/unified", "");
}
END_TEST

START_TEST(a_mount_of_a_part_of_the_hierarchy_is_its_root)
{
	struct cgroup_layout l = layout_of("container-v1");

	is_at(&l.controllers[CONTROLLER_CPU], 1, "/sys/fs/cgroup/cpu,cpuacct", "");
	is_at(&l.controllers[CONTROLLER_CPUACCT], 1, "/sys/fs/cgroup/cpu,cpuacct", "");
	ck_assert_str_eq(l.controllers[CONTROLLER_CPU].root, "/docker/4f5e");
	ck_assert_str_eq(layout_of("hybrid").controllers[CONTROLLER_CPU].root, "");
	ck_assert_int_eq(l.unified.version, 0);
}
END_TEST

START_TEST(mounts_say_where_a_group_is)
{
	char text[] =
		"500 1 0:50 / / rw - overlay overlay rw,lowerdir=/a:/b\n"
		"nonsense - cgroup\n"
		"611 610 0:28 / /sys/fs/cgroup/my\\040memory rw master:1 - cgroup none rw,memory\n"
		"612 610 0:28 /docker/4f /v2 rw - cgroup2 none rw\n"
		"613 610 0:28 / /v3 rw - cgroup3 none rw\n";
	char *next = text, path[32];
	struct cgroup_mount m;

	ck_assert(cgroup_mount_next(&next, &m));
	ck_assert_int_eq(m.version, 1);
	ck_assert_str_eq(m.root, "");
	ck_assert_str_eq(m.point, "/sys/fs/cgroup/my memory");
	ck_assert_str_eq(m.options, "rw,memory");
	ck_assert(!cgroup_mount_to_path(&m, "/cleave/demo", path, sizeof(path))); /* too long */
	ck_assert(cgroup_mount_to_path(&m, "/a", path, sizeof(path)));
	ck_assert_str_eq(path, "/sys/fs/cgroup/my memory/a");
	ck_assert(cgroup_mount_next(&next, &m));
	ck_assert_int_eq(m.version, 2);
	ck_assert(cgroup_mount_from_top(&m, "/v2/cleave", path, sizeof(path)));
	ck_assert_str_eq(path, "/docker/4f/cleave");
	ck_assert(cgroup_mount_from_top(&m, "/v2", path, sizeof(path)));
	ck_assert_str_eq(path, "/docker/4f");
	ck_assert(!cgroup_mount_from_top(&m, "/v22", path, sizeof(path)));
	ck_assert(cgroup_mount_to_path(&m, "/docker/4f/a", path, sizeof(path)));
	ck_assert_str_eq(path, "/v2/a");
	ck_assert(!cgroup_mount_to_path(&m, "/docker/4", path, sizeof(path)));
	ck_assert(!cgroup_mount_to_path(&m, "/docker/4ff", path, sizeof(path)));
	ck_assert(!cgroup_mount_next(&next, &m));
	ck_assert(!cgroup_mount_next(&next, &m));
}
END_TEST

START_TEST(a_controller_that_v2_does_not_have_is_nowhere)
{
	struct cgroup_layout l = layout_of("no-cpuset");

	ck_assert_int_eq(l.controllers[CONTROLLER_CPUSET].version, 0);
	ck_assert_int_eq(l.controllers[CONTROLLER_MEMORY].version, 2);
	l = layout_of("mixed");
	ck_assert_int_eq(l.controllers[CONTROLLER_CPUSET].version, 1);
	ck_assert_int_eq(l.controllers[CONTROLLER_MEMORY].version, 2);
	l = layout_of("nothing");
	ck_assert_int_eq(l.controllers[CONTROLLER_MEMORY].version, 0);
}
END_TEST

START_TEST(groups_of_another_namespace_count_as_the_root)
{
	struct cgroup_layout l;
	struct err e = {0};
	int r = cgroup_layout_parse("0::/../../other\n",
				    "31 26 0:27 / /c rw - cgroup2 cgroup2 rw\n", "cpuset", &l, &e);

	ck_assert_int_eq(r, 0);
	is_at(&l.unified, 2, "/c", "");
	/* Of two mounts, the one that shows our group is taken. */
	r = cgroup_layout_parse(
		"0::/a/b\n", "1 0 0:1 /x /m1 rw - cgroup2 c rw\n2 0 0:1 /a /m2 rw - cgroup2 c rw\n",
		"", &l, &e);
	ck_assert_int_eq(r, 0);
	is_at(&l.unified, 2, "/m2", "/b");
}
END_TEST

/* 100,000 mounts of containers, 20 MB, with long lines; the one of cgroup is the last. */
START_TEST(mounts_of_others_are_no_matter)
{
	const struct fake_file files[] = {{"proc/self/cgroup", "0::/a\n"},
					  {"c/cgroup.controllers", "cpuset cpu memory\n"},
					  {0}};
	cleanup_close int root = fake_root(0, files);
	static char options[60001];
	struct cgroup_layout l;
	struct err e = {0};
	char path[512];
	FILE *f;

	memset(options, 'o', sizeof(options) - 1);
	snprintf(path, sizeof(path), "%s/root-0/proc/self/mountinfo", test_directory());
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	for (unsigned i = 0; i < 100000; i++)
		fprintf(f,
			"%u 1 0:%u / /var/lib/containers/%.120s/%u rw - overlay overlay rw,%.*s\n",
			i, i, options, i, i % 1000 ? 9 : 60000, options);
	/* A cgroup mount of somebody else's at too long a path, and lines that are none at all. */
	fprintf(f, "7 1 0:27 / /%.600s rw - cgroup2 cgroup2 rw\n", options);
	fputs("nonsense - cgroup\n8 1 - cgroup2\n", f);
	fputs("9 1 0:27 / /c rw - cgroup2 cgroup2 rw\n", f);
	ck_assert_int_gt(ftell(f), 20000000);
	fclose(f);
	ck_assert_msg(cgroup_layout_read(root, &l, &e) == 0, "%s", e.msg);
	is_at(&l.controllers[CONTROLLER_CPUSET], 2, "/c", "/a");
}
END_TEST

/* A process in a hierarchy for each controller, with long paths in each: 60 KB. */
START_TEST(paths_of_many_hierarchies_fit)
{
	static char text[70000], deep[3001];
	const struct fake_file files[] = {
		{"proc/self/cgroup", text},
		{"proc/self/mountinfo", "9 1 0:27 / /c rw - cgroup cgroup rw,cpuset\n"},
		{0}};
	cleanup_close int root = -1;
	struct cgroup_layout l;
	struct err e = {0};
	size_t used = 0;

	memset(deep, 'd', sizeof(deep) - 1);
	for (unsigned i = 20; i > 0; i--)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u:name=x%u:/%s\n", i,
					 i, deep);
	snprintf(text + used, sizeof(text) - used, "0:cpuset:/docker/1\n");
	root = fake_root(0, files);
	ck_assert_msg(cgroup_layout_read(root, &l, &e) == 0, "%s", e.msg);
	is_at(&l.controllers[CONTROLLER_CPUSET], 1, "/c", "/docker/1");
}
END_TEST

START_TEST(the_last_mount_at_a_place_counts)
{
	static const struct {
		const char *mounts;
		bool is_read_only;
	} table[] = {
		{"9 1 0:1 / /c rw - cgroup2 c rw\n", false},
		{"9 1 0:1 / /c rw - cgroup2 c ro\n", true},
		{"9 1 0:1 / /c ro,nosuid - cgroup2 c rw\n", true},
		{"9 1 0:1 / /c rw,errors=ro - cgroup2 c rw\n", false},
		{"9 1 0:1 / /c rw - cgroup2 c rw\n10 9 0:1 / /c ro - cgroup2 c rw\n", true},
		{"9 1 0:1 / /c ro - cgroup2 c rw\n10 9 0:1 / /c rw - cgroup2 c rw\n", false},
		{"9 1 0:1 / /c rw - cgroup2 c rw\n10 9 0:1 / /other ro - cgroup2 c rw\n", false},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct cgroup_layout l;
		struct err e = {0};

		ck_assert_int_eq(cgroup_layout_parse("0::/a\n", table[i].mounts, "cpuset", &l, &e),
				 0);
		ck_assert_msg(l.unified.is_read_only == table[i].is_read_only, "case %u", i);
		ck_assert_str_eq(l.unified.mount, "/c");
	}
}
END_TEST

/* A part of a hierarchy above the whole of it, as in a container that was entered by hand. */
START_TEST(a_mount_hides_those_below_it)
{
	static const struct {
		const char *mounts, *mount, *own;
		int version;
	} table[] = {
		{"9 1 0:1 / /c rw - cgroup c rw,cpuset\n10 9 0:1 /a /c rw - cgroup c rw,cpuset\n",
		 "/c", "/b", 1},
		{"9 1 0:1 / /c/x rw - cgroup c rw,cpuset\n10 9 0:1 /a /c rw - cgroup c rw,cpu\n",
		 "", "", 0},
		{"9 1 0:1 / /c/x rw - cgroup c rw,cpuset\n10 9 0:1 / /c rw - cgroup2 c rw\n", "/c",
		 "/a/b", 2},
		{"9 1 0:1 / /cc rw - cgroup c rw,cpuset\n10 9 0:1 /a /c rw - cgroup c rw,cpu\n",
		 "/cc", "/a/b", 1},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct cgroup_layout l;
		struct err e = {0};

		ck_assert_int_eq(cgroup_layout_parse("2:cpuset:/a/b\n1:cpu:/a/b\n0::/a/b\n",
						     table[i].mounts, "cpuset", &l, &e),
				 0);
		is_at(&l.controllers[CONTROLLER_CPUSET], table[i].version, table[i].mount,
		      table[i].own);
	}
}
END_TEST

START_TEST(what_is_no_mountinfo_is_refused)
{
	static const char *const bad[] = {"x",	 "1 2 3",     "1 2 0:1 / /m rw shared:1",
					  " - ", "1 - c d e", "1 2 0:1 / - cgroup2 a b"};
	struct cgroup_layout l, before;
	struct err e;

	memset(&before, 7, sizeof(before));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		l = before;
		e = (struct err){0};
		ck_assert_int_eq(cgroup_layout_parse("0::/\n", bad[i], "", &l, &e), -EBADMSG);
		ck_assert_msg(strstr(e.msg, "mountinfo"), "%s", e.msg);
		ck_assert_mem_eq(&l, &before, sizeof(l));
	}
}
END_TEST

/*
 * Bytes of a real text, each replaced in turn by a random one: any result, no crash (the sanitizers
 * watch).
 */
START_TEST(damaged_texts_do_no_harm)
{
	static const char real[] =
		"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
		"34 31 0:31 / /sys/\\040fs rw shared:1 - cgroup cgroup rw,cpuset\n"
		"41 31 0:38 / /u rw - cgroup2 cgroup2 rw\n";
	static const char own[] = "3:cpuset:/a/b\n0::/x/y\n";
	unsigned long long random = test_seed();

	for (unsigned i = 0; i < 20000; i++) {
		char info[sizeof(real)], self[sizeof(own)];
		struct cgroup_layout l;
		struct err e = {0};
		int r;

		memcpy(info, real, sizeof(real));
		memcpy(self, own, sizeof(own));
		for (unsigned k = 0; k < 3; k++) {
			info[test_random(&random) % (sizeof(real) - 1)] =
				(char)(1 + test_random(&random) % 255);
			self[test_random(&random) % (sizeof(own) - 1)] =
				(char)(1 + test_random(&random) % 255);
		}
		r = cgroup_layout_parse(self, info, "cpu memory", &l, &e);
		ck_assert_msg(r == 0 || e.msg[0], "seed %lu round %u: no message", test_seed(), i);
	}
}
END_TEST

START_TEST(cleaves_own_part_of_a_path_is_cut)
{
	static const char *const table[][2] = {
		{"/a/cleave/demo/slice-0", "/a"},
		{"/cleave/demo", ""},
		{"/system.slice/cleave-demo.scope/slice-1", "/system.slice"},
		{"/cleaver/x", "/cleaver/x"},
		{"/a/cleave-demo.service", "/a/cleave-demo.service"},
		{"/a/cleave-.scope", "/a/cleave-.scope"},
		{"/system.slice/system-cleave_a.slice/system-cleave_a-host.slice", "/system.slice"},
		{"/app.slice/app-cleave_a.slice", "/app.slice"},
		{"/system.slice/system-cleave.slice", "/system.slice/system-cleave.slice"},
		{"", ""},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char path[80];

		snprintf(path, sizeof(path), "%s", table[i][0]);
		cgroup_path_above_cleave(path);
		ck_assert_str_eq(path, table[i][1]);
	}
}
END_TEST

TEST_MAIN("layout",
	  test_case("layout", v2_has_all_controllers_in_one_place,
		    v1_is_read_controller_by_controller,
		    a_mount_of_a_part_of_the_hierarchy_is_its_root, mounts_say_where_a_group_is,
		    a_controller_that_v2_does_not_have_is_nowhere, mounts_of_others_are_no_matter,
		    paths_of_many_hierarchies_fit, the_last_mount_at_a_place_counts,
		    a_mount_hides_those_below_it, groups_of_another_namespace_count_as_the_root,
		    what_is_no_mountinfo_is_refused, damaged_texts_do_no_harm,
		    cleaves_own_part_of_a_path_is_cut))
