/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups that a container engine makes below ours, in cgroup v2, over plain files.
 * link: -Wl,--wrap=statfs -Wl,--wrap=mkdirat -Wl,--wrap=unlinkat -Wl,--wrap=openat
 * link: -Wl,--wrap=pwrite -Wl,--wrap=cgroup_layout_read -Wl,--wrap=cgroup_mountinfo_read
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "containers/driver.h"
#include "containers/proc/control_file.h"
#include "tests/containers/plain_tree.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

#define CONTAINER \
	"slice-0/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"

static char root[300];

static struct driver *open_tree(void)
{
	struct driver_request r = {.cluster = "t",
				   .cgroup_root = root,
				   .backend = BACKEND_DOCKER,
				   .engine_cgroups = "cgroupfs"};
	struct driver *d;
	struct err e = {0};

	snprintf(root, sizeof(root), "%s/tree", test_directory());
	plain_tree_mount(root);
	ck_assert_msg(driver_open(&r, &d, &e) == 0, "%s", e.msg);
	return d;
}

static char *path_of(const char *group, const char *file)
{
	static char path[800];

	snprintf(path, sizeof(path), "%s/cleave/t/%s%s%s", root, group, file[0] ? "/" : "", file);
	return path;
}

static const char *text_of(const char *group, const char *file)
{
	static char text[CONTROL_TEXT];
	struct err e = {0};

	real_do(control_read(AT_FDCWD, path_of(group, file), text, sizeof(text), &e));
	return text;
}

static void put(const char *group, const char *file, const char *text)
{
	FILE *f;

	unlink(path_of(group, file));
	f = fopen(path_of(group, file), "we");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* As runc does: controllers on the way, and a group that sets no CPUs. */
static void make_container(struct driver *d, const char *path)
{
	put("slice-0", "cgroup.subtree_control", "cpuset cpu memory \n");
	ck_assert_int_eq(mkdirat(AT_FDCWD, path_of(path, ""), 0755), 0);
	ck_assert_str_eq(text_of(path, "cpuset.cpus"), "");
	(void)d;
}

static void end(struct driver *d)
{
	struct err e = {0};

	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
	snprintf(root + strlen(root), sizeof(root) - strlen(root), "/cleave");
	ck_assert_int_ne(access(root, F_OK), 0);
}

START_TEST(a_container_with_cpus_of_its_own_is_made_to_follow)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0-3");
	struct observed_group seen;
	struct cpuset wider;
	char possible[CPUSET_TEXT];
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	make_container(d, CONTAINER);
	real_do(cpuset_parse("0-7", &wider, &e));
	real_do(d->ops->set_cpus(d, "slice-0", &wider, NULL, &e));
	ck_assert_str_eq(text_of("slice-0", "cpuset.cpus"), "0-7");
	ck_assert_str_eq(text_of(CONTAINER, "cpuset.cpus"), "");
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert(cpuset_is_equal(&seen.cpus, &wider));
	/* As `docker update --cpuset-cpus 2` */
	put(CONTAINER, "cpuset.cpus", "2\n");
	put(CONTAINER, "cpuset.cpus.effective", "2\n");
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert_str_eq(CPUSET_STRING(&seen.cpus), "2");
	ck_assert(cpuset_is_equal(&seen.requested, &wider));
	/* What is emptied and still has others, as here where nothing follows, is an error. */
	ck_assert_int_eq(d->ops->set_cpus(d, "slice-0", &wider, NULL, &e), -EIO);
	ck_assert_msg(strstr(e.msg, "docker-0123") && strstr(e.msg, "runs on 2"), "%s", e.msg);
	ck_assert_str_eq(text_of(CONTAINER, "cpuset.cpus"), "");
	put(CONTAINER, "cpuset.cpus", "2\n");
	put(CONTAINER, "cpuset.cpus.effective", "0-7\n");
	real_do(d->ops->set_cpus(d, "slice-0", &wider, NULL, &e));
	ck_assert_str_eq(text_of(CONTAINER, "cpuset.cpus"), "");
	/* The kernel keeps the set of one with processes. */
	real_do(control_read(AT_FDCWD, "/sys/devices/system/cpu/possible", possible,
			     sizeof(possible), &e));
	put(CONTAINER, "cgroup.events", "populated 1\nfrozen 0\n");
	put(CONTAINER, "cpuset.cpus", "2\n");
	real_do(d->ops->set_cpus(d, "slice-0", &wider, NULL, &e));
	ck_assert_str_eq(text_of(CONTAINER, "cpuset.cpus"), possible);
	real_do(d->ops->set_cpus(d, "slice-0", &wider, NULL, &e));
	ck_assert_str_eq(text_of(CONTAINER, "cpuset.cpus"), possible);
	end(d);
}
END_TEST

/* An engine that turns no controller on. */
START_TEST(a_container_without_a_cpuset_follows)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0-3");
	struct observed_group seen;
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(mkdirat(AT_FDCWD, path_of(CONTAINER, ""), 0755), 0);
	unlink(path_of(CONTAINER, "cpuset.cpus.effective"));
	ck_assert_int_ne(access(path_of(CONTAINER, "cpuset.cpus"), F_OK), 0);
	real_do(d->ops->set_cpus(d, "slice-0", &g.cpus, NULL, &e));
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert(cpuset_is_equal(&seen.cpus, &g.cpus));
	end(d);
}
END_TEST

START_TEST(what_is_in_a_container_is_in_the_group)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	static struct observation seen;
	struct sample s;
	struct err e = {0};
	pid_t pids[4];

	real_do(d->ops->create(d, &g, &e));
	make_container(d, CONTAINER);
	make_container(d, "slice-0/other");
	real_do(d->ops->observe(d, &seen, &e));
	ck_assert(!seen.groups[0].populated);
	put(CONTAINER, "cgroup.procs", "3\n5\n");
	put("slice-0/other", "cgroup.procs", "7\n");
	ck_assert_int_eq(d->ops->pids(d, "slice-0", pids, 4, &e), 3);
	ck_assert_int_eq(pids[0] + pids[1] + pids[2], 15);
	real_do(d->ops->usage(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.processes, 3);
	real_do(d->ops->observe(d, &seen, &e));
	ck_assert(seen.groups[0].populated);
	/* In v2 the group's own count has them. */
	put("slice-0", "memory.events", "low 0\nhigh 0\nmax 0\noom 1\noom_kill 2\n");
	put(CONTAINER, "memory.events", "low 0\nhigh 0\nmax 0\noom 1\noom_kill 2\n");
	real_do(d->ops->sample(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.oom_kills, 2);
	put(CONTAINER, "cgroup.procs", "");
	put("slice-0/other", "cgroup.procs", "");
	end(d);
}
END_TEST

START_TEST(a_paused_container_is_told)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	struct observed_group seen;
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	make_container(d, CONTAINER);
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert(!seen.is_frozen);
	put(CONTAINER, "cgroup.events", "populated 1\nfrozen 1\n");
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert(seen.is_frozen);
	end(d);
}
END_TEST

START_TEST(a_slice_for_containers_takes_no_process)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	char program[] = "true", *argv[] = {program, NULL}, *envp[] = {NULL};
	struct spawn s = {.group = "slice-0",
			  .file = "/bin/true",
			  .argv = argv,
			  .envp = envp,
			  .in = -1,
			  .out = -1,
			  .err = -1,
			  .uid = (uid_t)-1};
	struct err e = {0};
	pid_t pid;
	int fd;

	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(d->ops->spawn(d, &s, &pid, &fd, &e), -EBUSY);
	ck_assert_msg(strstr(e.msg, "for the engine's containers"), "%s", e.msg);
	end(d);
}
END_TEST

START_TEST(what_an_engine_left_goes_with_the_group)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	make_container(d, CONTAINER);
	put(CONTAINER, "cgroup.procs", "3\n");
	ck_assert_int_eq(d->ops->remove(d, "slice-0", &e), -EBUSY);
	ck_assert_msg(strstr(e.msg, "docker-0123"), "%s", e.msg);
	put(CONTAINER, "cgroup.procs", "");
	put(CONTAINER, "cgroup.subtree_control", "\n");
	ck_assert_int_eq(mkdirat(AT_FDCWD, path_of(CONTAINER "/payload", ""), 0755), 0);
	end(d);
}
END_TEST

START_TEST(the_parent_is_named_from_the_top)
{
	struct driver *d = open_tree();
	char path[PROFILE_PATH];
	struct err e = {0};

	real_do(d->ops->parent(d, "slice-0", path, &e));
	ck_assert_str_eq(path, "/machine/cleave/t/slice-0");
	real_do(d->ops->parent(d, GROUP_HOST, path, &e));
	ck_assert_str_eq(path, "/machine/cleave/t/host");
	ck_assert_int_lt(d->ops->parent(d, "..", path, &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	real_do(driver_destroy(d, &e));
}
END_TEST

/* systemd's, as one that was made before. */
START_TEST(a_scope_is_told_as_a_parent)
{
	struct driver_request r = {.cluster = "t"};
	char scope[400], location[500], path[PROFILE_PATH];
	struct group_spec g;
	struct driver *d;
	struct err e = {0};

	snprintf(root, sizeof(root), "%s/tree", test_directory());
	plain_tree_mount(root);
	snprintf(scope, sizeof(scope), "%s/system.slice", root);
	ck_assert_int_eq(mkdirat(AT_FDCWD, scope, 0755), 0);
	snprintf(scope, sizeof(scope), "%s/system.slice/cleave-t.scope", root);
	ck_assert_int_eq(mkdirat(AT_FDCWD, scope, 0755), 0);
	snprintf(location, sizeof(location), "scope engine=cgroupfs cpuset=%s", scope);
	r.location = location;
	real_do(driver_open(&r, &d, &e));
	real_do(d->ops->parent(d, "slice-0", path, &e));
	ck_assert_str_eq(path, "/machine/system.slice/cleave-t.scope/slice-0");
	g = real_group(d, "slice-0", "0");
	real_do(d->ops->create(d, &g, &e));
	snprintf(path, sizeof(path), "%s/slice-0/aa", scope);
	ck_assert_int_eq(mkdirat(AT_FDCWD, path, 0755), 0);
	snprintf(path, sizeof(path), "%s/slice-7", scope);
	ck_assert_int_eq(mkdirat(AT_FDCWD, path, 0755), 0);
	snprintf(path, sizeof(path), "%s/pause", scope);
	ck_assert_int_eq(access(path, F_OK), 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
	/* The rest is systemd's to remove. */
	ck_assert_int_eq(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/slice-7", scope);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

TEST_MAIN("engine plain",
	  test_case("files", a_container_with_cpus_of_its_own_is_made_to_follow,
		    a_container_without_a_cpuset_follows, what_is_in_a_container_is_in_the_group,
		    a_paused_container_is_told, a_slice_for_containers_takes_no_process,
		    what_an_engine_left_goes_with_the_group, the_parent_is_named_from_the_top,
		    a_scope_is_told_as_a_parent))
