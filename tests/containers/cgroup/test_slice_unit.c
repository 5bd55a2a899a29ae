/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups that are slice units of systemd's, over plain files: what systemd is asked for, where the
 * driver then writes, and what systemd puts back.
 * link: -Wl,--wrap=statfs -Wl,--wrap=mkdirat -Wl,--wrap=unlinkat -Wl,--wrap=openat
 * link: -Wl,--wrap=pwrite -Wl,--wrap=cgroup_layout_read -Wl,--wrap=systemd_execute
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "containers/driver.h"
#include "containers/proc/control_file.h"
#include "containers/where/systemd.h"
#include "containers/where/tree.h"
#include "containers/where/unit.h"
#include "tests/containers/plain_tree.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static char root[300];
static char asked[4096];  /* what systemd was asked for: "make UNIT start UNIT stop UNIT " */
static unsigned failures; /* of the next calls */

#define OWN   "system-cleave_my_demo.slice"
#define SLICE OWN "/system-cleave_my_demo-s0.slice"

int __wrap_systemd_execute(const char *const *argv, struct err *e);

/* ---- systemd, as far as a unit's group goes */

static void enable(const char *group)
{
	static const char *const words[] = {"+cpuset", "+cpu", "+memory", "+io"};
	char path[600];
	struct err e = {0};

	snprintf(path, sizeof(path), "%s/%s/cgroup.subtree_control", root, group);
	for (unsigned i = 0; i < 4; i++)
		real_do(control_write(AT_FDCWD, path, words[i], &e));
}

int __wrap_systemd_execute(const char *const *argv, struct err *e)
{
	bool makes = !strcmp(argv[0], "busctl");
	const char *verb = makes ? "make" : argv[1], *unit = makes ? argv[7] : argv[2];
	char cluster[NAME_MAX_BYTES + 1], group[NAME_MAX_BYTES + 1], path[600];

	snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), "%s %s ", verb, unit);
	if (failures) {
		failures--;
		return err_set(e, -EIO, "%s: Unit %s was already loaded", argv[0], unit);
	}
	if (strstr(unit, "-controllers.slice"))
		return 0;
	ck_assert(unit_parse(unit, cluster, group));
	snprintf(path, sizeof(path), "%s/%s%s%s", root, OWN, group[0] ? "/" : "",
		 group[0] ? unit : "");
	if (makes) {
		enable("");
		ck_assert(mkdirat(AT_FDCWD, path, 0755) == 0 || errno == EEXIST);
		if (!group[0])
			enable(OWN);
	} else if (!strcmp(verb, "stop")) {
		unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
	}
	return 0;
}

/* ---- the driver */

static int open_driver(enum driver_intent intent, struct driver **d, struct err *e)
{
	char location[400];
	struct driver_request r = {.intent = intent,
				   .cluster = "my-demo",
				   .backend = BACKEND_DOCKER,
				   .engine_cgroups = "systemd",
				   .location = location};

	snprintf(root, sizeof(root), "%s/tree", test_directory());
	plain_tree_mount(root);
	snprintf(location, sizeof(location), "slices engine=systemd cpuset=%s", root);
	asked[0] = '\0';
	return driver_open(&r, d, e);
}

static struct driver *open_tree(void)
{
	struct driver *d;
	struct err e = {0};

	real_do(open_driver(DRIVER_MAKE, &d, &e));
	return d;
}

static const char *file_of(const char *group, const char *file)
{
	static char text[CONTROL_TEXT];
	char path[600];
	struct err e = {0};

	snprintf(path, sizeof(path), "%s/%s/%s", root, group, file);
	real_do(control_read(AT_FDCWD, path, text, sizeof(text), &e));
	return text;
}

static void write_over(const char *group, const char *file, const char *text)
{
	char path[600];
	struct err e = {0};

	snprintf(path, sizeof(path), "%s/%s/%s", root, group, file);
	real_do(control_write(AT_FDCWD, path, text, &e));
}

static bool is_there(const char *group)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", root, group);
	return access(path, F_OK) == 0;
}

START_TEST(groups_are_units_from_up_to_down)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	char parent[PROFILE_PATH];
	struct err e = {0};

	ck_assert_str_eq(asked, "make " OWN " start " OWN " ");
	asked[0] = '\0';
	g.memory.max_bytes = 1 << 30;
	real_do(d->ops->create(d, &g, &e));
	ck_assert_str_eq(asked, "make system-cleave_my_demo-s0.slice "
				"make system-cleave_my_demo-s0-controllers.slice "
				"start system-cleave_my_demo-s0-controllers.slice ");
	ck_assert_str_eq(file_of(SLICE, "cpuset.cpus"), "0");
	ck_assert_str_eq(file_of(SLICE, "memory.max"), "1073741824");
	ck_assert_str_eq(file_of(SLICE, "memory.oom.group"), "1");
	real_do(d->ops->parent(d, "slice-0", parent, &e));
	ck_assert_str_eq(parent, "system-cleave_my_demo-s0.slice");
	real_do(d->ops->parent(d, GROUP_HOST, parent, &e));
	ck_assert_str_eq(parent, "system-cleave_my_demo-host.slice");
	asked[0] = '\0';
	real_do(d->ops->remove(d, "slice-0", &e));
	ck_assert_str_eq(asked, "stop system-cleave_my_demo-s0.slice ");
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
	ck_assert(!is_there(OWN));
}
END_TEST

START_TEST(they_are_found_by_their_names)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0"), host = real_group(d, GROUP_HOST, "0");
	static struct observation seen;
	struct observed_group *slice;
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	asked[0] = '\0';
	real_do(d->ops->create(d, &host, &e)); /* which has processes, and no unit in it */
	ck_assert_str_eq(asked, "make system-cleave_my_demo-host.slice "
				"start system-cleave_my_demo-host.slice ");
	d->ops->close(d);
	real_do(open_driver(DRIVER_OBSERVE, &d, &e));
	ck_assert_str_eq(asked, "");
	real_do(d->ops->observe(d, &seen, &e));
	ck_assert_int_eq(seen.count, 2);
	ck_assert_ptr_nonnull(observed_find(&seen, GROUP_HOST));
	slice = &seen.groups[strcmp(seen.groups[0].name, "slice-0") != 0];
	ck_assert_str_eq(slice->name, "slice-0");
	ck_assert_str_eq(CPUSET_STRING(&slice->cpus), "0");
	d->ops->close(d);
	d = open_tree();
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(d->ops->remove(d, GROUP_HOST, &e));
	real_do(driver_destroy(d, &e));
	ck_assert_int_eq(open_driver(DRIVER_OBSERVE, &d, &e), -ENOENT);
}
END_TEST

START_TEST(what_a_dead_cluster_left_is_made_anew)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	struct err e = {0};

	asked[0] = '\0';
	failures = 1;
	real_do(d->ops->create(d, &g, &e));
	ck_assert_str_eq(asked, "make system-cleave_my_demo-s0.slice "
				"stop system-cleave_my_demo-s0.slice "
				"make system-cleave_my_demo-s0.slice "
				"make system-cleave_my_demo-s0-controllers.slice "
				"start system-cleave_my_demo-s0-controllers.slice ");
	real_do(d->ops->remove(d, "slice-0", &e));
	failures = 100;
	ck_assert_int_eq(d->ops->create(d, &g, &e), -EIO);
	failures = 0;
	ck_assert_msg(strstr(e.msg, "creating slice-0: systemd did not make "
				    "system-cleave_my_demo-s0.slice: busctl: Unit"),
		      "%s", e.msg);
	ck_assert(!is_there(SLICE));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(who_has_processes_is_not_stopped)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	write_over(SLICE, "cgroup.events", "populated 1\nfrozen 0\n");
	asked[0] = '\0';
	ck_assert_int_eq(d->ops->remove(d, "slice-0", &e), -EBUSY);
	ck_assert_str_eq(asked, "");
	write_over(SLICE, "cgroup.events", "populated 0\nfrozen 0\n");
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(a_group_is_empty_when_its_last_thread_has_ended)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	/* As between the end of a JVM's process and that of its last thread. */
	write_over(SLICE, "cgroup.events", "populated 1\nfrozen 0\n");
	ck_assert_int_eq(d->ops->kill(d, "slice-0", 0, &e), -ETIMEDOUT);
	ck_assert_msg(strstr(e.msg, "threads of slice-0 are still ending"), "%s", e.msg);
	write_over(SLICE, "cgroup.events", "populated 0\nfrozen 0\n");
	real_do(d->ops->kill(d, "slice-0", 0, &e));
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(what_systemd_puts_back_is_seen)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	struct observed_group seen;
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->set_weight(d, "slice-0", WEIGHT_MAX, &e));
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert_int_eq(seen.weight, WEIGHT_MAX);
	write_over(SLICE, "cpu.weight", "100"); /* as daemon-reload does */
	write_over(SLICE, "memory.oom.group", "0");
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert_int_eq(seen.weight, 100);
	ck_assert_str_eq(file_of(SLICE, "memory.oom.group"), "1");
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(other_clusters_find_their_cpus_taken)
{
	struct driver *d = open_tree();
	struct group_spec g = real_group(d, "slice-0", "0");
	struct err e = {0};
	struct tree tree;
	struct claims claims;

	real_do(d->ops->create(d, &g, &e));
	real_do(tree_read(NULL, &tree, &e));
	real_do(tree_claims(&tree, "other", &claims, &e));
	ck_assert(!claims.has_own);
	ck_assert_str_eq(CPUSET_STRING(&claims.taken), "0");
	ck_assert_str_eq(claims.taken_by, "my-demo");
	real_do(tree_claims(&tree, "my-demo", &claims, &e));
	ck_assert(claims.has_own);
	ck_assert(cpuset_is_empty(&claims.taken));
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

TEST_MAIN("slice_unit",
	  test_case("slice_unit", groups_are_units_from_up_to_down, they_are_found_by_their_names,
		    what_a_dead_cluster_left_is_made_anew, who_has_processes_is_not_stopped,
		    a_group_is_empty_when_its_last_thread_has_ended, what_systemd_puts_back_is_seen,
		    other_clusters_find_their_cpus_taken))
