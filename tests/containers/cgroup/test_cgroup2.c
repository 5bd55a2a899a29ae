/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The v2 driver over plain files: what it writes, what it reads, and that it believes only what it
 * reads back.
 * link: -Wl,--wrap=statfs -Wl,--wrap=mkdirat -Wl,--wrap=unlinkat -Wl,--wrap=openat
 * link: -Wl,--wrap=pwrite -Wl,--wrap=cgroup_layout_read
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "containers/driver.h"
#include "containers/proc/control_file.h"
#include "containers/where/tree.h"
#include "tests/containers/plain_tree.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static char root[300];

static struct driver *open_tree(const char *cluster)
{
	struct driver_request r = {.cluster = cluster, .cgroup_root = root};
	struct driver *d;
	struct err e = {0};

	snprintf(root, sizeof(root), "%s/tree", test_directory());
	plain_tree_mount(root);
	ck_assert_msg(driver_open(&r, &d, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(d->ops->name, "cgroup2");
	return d;
}

static const char *file_of(const char *group, const char *file)
{
	static char text[CONTROL_TEXT];
	char path[600];
	struct err e = {0};

	snprintf(path, sizeof(path), "%s/cleave/t/%s/%s", root, group, file);
	ck_assert_msg(control_read(AT_FDCWD, path, text, sizeof(text), &e) >= 0, "%s", e.msg);
	return text;
}

/* Put a file with this text in place of whatever is there. */
static void put(const char *group, const char *file, const char *text)
{
	char path[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cleave/t/%s/%s", root, group, file);
	unlink(path);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void unlink_file(const char *group, const char *file)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/cleave/t/%s/%s", root, group, file);
	ck_assert_int_eq(unlink(path), 0);
}

/* The same file with another text: descriptors of it stay good. */
static void write_over(const char *group, const char *file, const char *text)
{
	struct err e = {0};
	char path[600];

	snprintf(path, sizeof(path), "%s/cleave/t/%s/%s", root, group, file);
	real_do(control_write(AT_FDCWD, path, text, &e));
}

static bool is_there(const char *path)
{
	char full[600];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return access(full, F_OK) == 0;
}

START_TEST(a_slice_is_written_as_v2_has_it)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0-3,8");
	struct profile_io io = {.device = "8:0", .read_bps = 1000, .write_iops = 7};
	struct err e = {0};

	g.weight = 500;
	g.memory = (struct slice_memory){.max_bytes = UINT64_C(8) << 30,
					 .high_bytes = UINT64_C(7) << 30,
					 .low_bytes = 1 << 30,
					 .swap_bytes = 0};
	g.io = &io;
	g.io_count = 1;
	real_do(d->ops->create(d, &g, &e));
	ck_assert_str_eq(file_of("slice-0", "cpuset.cpus"), "0-3,8");
	ck_assert_str_eq(file_of("slice-0", "cpuset.mems"), CPUSET_STRING(&d->nodes));
	ck_assert_str_eq(file_of("slice-0", "cpu.weight"), "500");
	ck_assert_str_eq(file_of("slice-0", "memory.max"), "8589934592");
	ck_assert_str_eq(file_of("slice-0", "memory.high"), "7516192768");
	ck_assert_str_eq(file_of("slice-0", "memory.swap.max"), "0");
	ck_assert_str_eq(file_of("slice-0", "memory.oom.group"), "1");
	ck_assert_str_eq(file_of("slice-0", "io.max"), "8:0 rbps=1000 wiops=7");
	/* Protection has to be given at every level above. */
	ck_assert_str_eq(file_of("slice-0", "memory.low"), "1073741824");
	ck_assert_str_eq(file_of("", "memory.low"), "1073741824");
	ck_assert_str_eq(file_of("..", "memory.low"), "1073741824");
	g.name = "slice-1";
	real_do(d->ops->create(d, &g, &e));
	ck_assert_str_eq(file_of("", "memory.low"), "2147483648");
	real_do(d->ops->remove(d, "slice-1", &e));
	real_do(d->ops->create(d, &g, &e)); /* again: a sum, not a growing one */
	ck_assert_str_eq(file_of("..", "memory.low"), "2147483648");
	real_do(d->ops->remove(d, "slice-1", &e));
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
	ck_assert(!is_there("cleave"));
}
END_TEST

START_TEST(the_host_group_is_not_one_for_oom)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, GROUP_HOST, "0");
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	ck_assert_str_eq(file_of("host", "memory.oom.group"), "0");
	ck_assert_str_eq(file_of("host", "memory.max"), "max");
	real_do(d->ops->remove(d, GROUP_HOST, &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* v2 takes CPUs that the parent lacks, and ignores them. */
START_TEST(an_ignored_write_is_an_error)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0-1");
	struct cpuset wider, effective = {0}, untouched = {0};
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	d->ops->close(d);
	put("slice-0", "cpuset.cpus.effective", "0-1\n");
	d = open_tree("t");
	real_do(cpuset_parse("0-3", &wider, &e));
	ck_assert_int_lt(d->ops->set_cpus(d, "slice-0", &wider, &effective, &e), 0);
	ck_assert_msg(strstr(e.msg, "given CPUs 0-3 but runs on 0-1: CPUs 2-3"), "%s", e.msg);
	ck_assert(cpuset_is_equal(&effective, &untouched));
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(a_shorter_set_replaces_a_longer_one)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0-3,100-120");
	struct cpuset one = {0}, effective;
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	cpuset_add(&one, 2);
	real_do(d->ops->set_cpus(d, "slice-0", &one, &effective, &e));
	ck_assert_str_eq(file_of("slice-0", "cpuset.cpus"), "2");
	real_do(d->ops->set_weight(d, "slice-0", WEIGHT_MAX, &e));
	real_do(d->ops->set_weight(d, "slice-0", 1, &e));
	ck_assert_str_eq(file_of("slice-0", "cpu.weight"), "1");
	ck_assert_int_lt(d->ops->set_weight(d, "slice-0", 0, &e), 0);
	ck_assert_int_lt(d->ops->set_weight(d, "slice-0", WEIGHT_MAX + 1, &e), 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(a_sample_reads_the_counters)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct sample s;
	struct err e = {0};

	cpuset_add(&g.nodes, 0);
	real_do(d->ops->create(d, &g, &e));
	put("slice-0", "memory.current", "1000\n");
	put("slice-0", "memory.events",
	    "low 1\nhigh 22\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n");
	put("slice-0", "memory.numa_stat",
	    "inactive_anon N0=1 N1=2\nanon N0=600 N1=400 N200=24\nfile N0=7 N1=8\n");
	d->ops->close(d);
	put("slice-0", "cpu.stat", "usage_usec 123456\nuser_usec 1\nsystem_usec 2\n");
	d = open_tree("t");
	real_do(d->ops->sample(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.cpu_usage_us, 123456);
	ck_assert_uint_eq(s.memory_bytes, 1000);
	ck_assert_uint_eq(s.memory_max_bytes, 0);
	ck_assert_uint_eq(s.throttled, 22);
	ck_assert_uint_eq(s.oom_kills, 5);
	ck_assert_uint_eq(s.anon_bytes, 1024);
	ck_assert_uint_eq(s.anon_local_bytes, 600);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(a_tick_reads_what_is_kept_open)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0");
	static char processes[6000 * 7 + 1];
	struct sample s, before = {.at_ns = 7};
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	d->ops->close(d);
	put("slice-0", "cpu.stat", "usage_usec 123456\nuser_usec 1\nsystem_usec 2\n");
	put("slice-0", "cpu.pressure",
	    "some avg10=0.12 avg60=0.00 avg300=0.00 total=4711\n"
	    "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
	for (unsigned i = 0; i < 6000; i++) /* more than one page */
		snprintf(processes + 7 * i, 8, "%06u\n", i + 1);
	put("slice-0", "cgroup.procs", processes);
	d = open_tree("t");
	real_do(d->ops->usage(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.cpu_usage_us, 123456);
	ck_assert_uint_eq(s.processes, 6000);
	ck_assert_uint_eq(s.known, SAMPLE_PRESSURE);
	ck_assert_uint_eq(s.pressure_us, 4711);
	ck_assert_uint_gt(s.at_ns, 0);
	ck_assert_uint_eq(s.memory_bytes, 0);
	d->ops->close(d);
	/* A kernel without pressure: unknown, which is no error. */
	put("slice-0", "cpu.pressure", "");
	d = open_tree("t");
	real_do(d->ops->usage(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.known, 0);
	ck_assert_uint_eq(s.pressure_us, 0);
	ck_assert_int_eq(d->ops->usage(d, "slice-1", &before, &e), -ENOENT);
	ck_assert_uint_eq(before.at_ns, 7);
	unlink_file("slice-0", "cpu.pressure");
	put("slice-0", "cgroup.procs", "");
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(a_look_sees_what_somebody_wrote)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0-3");
	struct observed_group seen = {.memory_max_bytes = 1};
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert_str_eq(seen.name, "slice-0");
	ck_assert_str_eq(CPUSET_STRING(&seen.requested), "0-3");
	ck_assert_str_eq(CPUSET_STRING(&seen.cpus), "0-3");
	ck_assert(cpuset_is_equal(&seen.nodes, &d->nodes));
	ck_assert_uint_eq(seen.weight, WEIGHT_DEFAULT);
	ck_assert_uint_eq(seen.memory_max_bytes, 0);
	write_over("slice-0", "cpuset.cpus", "2\n");
	write_over("slice-0", "cpu.weight", "77\n");
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert_str_eq(CPUSET_STRING(&seen.requested), "2");
	ck_assert_uint_eq(seen.weight, 77);
	ck_assert_int_eq(d->ops->look(d, "slice-1", &seen, &e), -ENOENT);
	ck_assert_int_lt(d->ops->look(d, "../x", &seen, &e), 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(what_groups_can_have)
{
	struct driver *d = open_tree("t");
	struct cpuset cpus, online;
	struct err e = {0};

	real_do(control_read_cpuset(AT_FDCWD, "/sys/devices/system/cpu/online", &online, &e));
	real_do(d->ops->allowed(d, &cpus, &e));
	ck_assert(cpuset_is_equal(&cpus, &online));
	d->ops->close(d);
	/* The group above shows more than the cluster's own has: somebody wrote to that. */
	put("../..", "cpuset.cpus.effective", "0-7\n");
	put("..", "cpuset.cpus", "0-3\n");
	put("", "cpuset.cpus", "0-2\n");
	put("", "cpuset.cpus.effective", "0-2\n"); /* which no kernel changes here */
	d = open_tree("t");
	ck_assert_int_eq(d->ops->allowed(d, &cpus, &e), 1);
	ck_assert_str_eq(CPUSET_STRING(&cpus), "0-2"); /* what it still cannot have is not in it */
	ck_assert_str_eq(file_of("", "cpuset.cpus"), "");
	ck_assert_str_eq(file_of("..", "cpuset.cpus"), "");
	write_over("", "cpuset.cpus.effective", "0-7\n");
	ck_assert_int_eq(d->ops->allowed(d, &cpus, &e), 0);
	ck_assert_str_eq(CPUSET_STRING(&cpus), "0-7");
	unlink_file("../..", "cpuset.cpus.effective");
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(foreign_groups_are_neither_seen_nor_removed)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-1", "0");
	static struct observation o;
	char path[600];
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	snprintf(path, sizeof(path), "%s/cleave/t/theirs", root);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	real_do(d->ops->observe(d, &o, &e));
	ck_assert_uint_eq(o.count, 1);
	ck_assert_int_lt(d->ops->remove(d, "theirs", &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	real_do(d->ops->remove(d, "slice-1", &e));
	ck_assert_int_lt(driver_destroy(d, &e), 0);
	ck_assert(is_there("cleave/t/theirs"));
	rmdir(path);
	d = open_tree("t");
	real_do(driver_destroy(d, &e));
	ck_assert(!is_there("cleave"));
}
END_TEST

START_TEST(controllers_are_enabled_and_taken_back)
{
	static const char *const at[] = {"../..", "..", ""};
	struct driver *d = open_tree("t"), *other;
	char path[600], text[256];
	struct err e = {0};

	for (unsigned i = 0; i < 3; i++)
		ck_assert_str_eq(file_of(at[i], "cgroup.subtree_control"), "cpuset cpu io memory ");
	snprintf(path, sizeof(path), "%s/cleave", root);
	if (getxattr(path, "user.cleave.enabled", NULL, 0) < 0)
		test_skip("no file system here that notes what was enabled");
	other = open_tree("u");
	real_do(driver_destroy(d, &e));
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", root);
	real_do(control_read(AT_FDCWD, path, text, sizeof(text), &e));
	ck_assert_str_eq(text, "cpuset cpu io memory ");
	real_do(driver_destroy(other, &e));
	real_do(control_read(AT_FDCWD, path, text, sizeof(text), &e));
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(a_threaded_group_is_refused)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0");
	char path[600];
	struct err e = {0};

	snprintf(path, sizeof(path), "%s/cleave/t/slice-0", root);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	put("slice-0", "cgroup.procs", "");
	put("slice-0", "cgroup.type", "domain threaded\n");
	ck_assert_int_eq(d->ops->create(d, &g, &e), -EBUSY);
	ck_assert_msg(strstr(e.msg, "\"domain threaded\""), "%s", e.msg);
	ck_assert(!is_there("cleave/t/slice-0"));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* No process can be in a plain tree, but the file may say so. */
START_TEST(who_was_moved_in_is_named)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct strangers s;
	struct err e = {0};
	char program[] = "cat", *argv[] = {program, NULL}, *envp[] = {NULL}, byte, text[16];
	int in[2], out[2];
	pid_t pid;

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->strangers(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.count, 0);
	snprintf(text, sizeof(text), "%d\n", getpid()); /* about to become another program */
	put("slice-0", "cgroup.procs", text);
	real_do(d->ops->strangers(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.count, 0);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execve("/bin/cat", argv, envp);
		_exit(127);
	}
	ck_assert_int_eq(write(in[1], ".", 1), 1); /* it answers when it is another program */
	ck_assert_int_eq(read(out[0], &byte, 1), 1);
	snprintf(text, sizeof(text), "%d\n", pid);
	put("slice-0", "cgroup.procs", text);
	real_do(d->ops->strangers(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.count, 1);
	ck_assert_int_eq(s.items[0].pid, pid);
	ck_assert_str_eq(s.items[0].name, "cat");
	close(in[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	put("slice-0", "cgroup.procs", "");
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(the_place_is_found_again)
{
	struct driver *d = open_tree("t");
	struct group_spec g = real_group(d, "slice-0", "0,2");
	struct driver_request r = {.cluster = "t"};
	char location[PROFILE_PATH];
	static struct observation o;
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	snprintf(location, sizeof(location), "%s", driver_location(d));
	d->ops->close(d);
	r.location = location; /* without --cgroup-root */
	real_do(driver_open(&r, &d, &e));
	real_do(d->ops->observe(d, &o, &e));
	ck_assert_uint_eq(o.count, 1);
	ck_assert(cpuset_is_equal(&o.groups[0].cpus, &g.cpus));
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* Who only shows what there is makes nothing, above the cluster's own group neither. */
START_TEST(an_observer_makes_nothing)
{
	struct driver_request r = {.cluster = "t", .cgroup_root = root, .intent = DRIVER_OBSERVE};
	static struct observation o;
	struct driver *d, *observer;
	struct group_spec g;
	char path[600];
	struct err e;

	d = open_tree("t");
	real_do(driver_destroy(d, &e));
	ck_assert_int_eq(driver_open(&r, &observer, &e), -ENOENT);
	ck_assert(!is_there("cleave"));
	d = open_tree("t");
	g = real_group(d, "slice-0", "0-3");
	real_do(d->ops->create(d, &g, &e));
	real_do(driver_open(&r, &observer, &e));
	real_do(observer->ops->observe(observer, &o, &e));
	ck_assert_uint_eq(o.count, 1);
	/* Half a group, as a crash leaves it, is for the next `up` to remove. */
	snprintf(path, sizeof(path), "%s/cleave/t/slice-1", root);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	real_do(observer->ops->observe(observer, &o, &e));
	ck_assert_uint_eq(o.count, 1);
	ck_assert(is_there("cleave/t/slice-1"));
	observer->ops->close(observer);
	ck_assert_int_eq(rmdir(path), 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* Root must not build in what a stranger has made under the name of a cluster. */
START_TEST(the_group_of_a_stranger_is_refused)
{
	struct driver_request r = {.cluster = "t", .cgroup_root = root};
	struct driver *d, *other;
	char path[600];
	struct err e;

	if (geteuid())
		test_skip("not root");
	d = open_tree("t");
	snprintf(path, sizeof(path), "%s/cleave/t", root);
	ck_assert_int_eq(chown(path, 65534, 65534), 0);
	ck_assert_int_eq(driver_open(&r, &other, &e), -EPERM);
	ck_assert_msg(strstr(e.msg, "user 65534"), "%s", e.msg);
	r.user = 65534; /* the user's own cluster, which root takes down */
	real_do(driver_open(&r, &other, &e));
	other->ops->close(other);
	ck_assert_int_eq(chown(path, 0, 0), 0);
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(home_cpus_of_others_are_read_from_the_tree)
{
	struct driver *d = open_tree("t"), *other = open_tree("u");
	struct group_spec a = real_group(d, "slice-0", "0-3"), b = real_group(d, "slice-1", "4-7"),
			  h = real_group(d, "host", "9");
	char by[NAME_MAX_BYTES + 1];
	struct cpuset taken;
	struct err e = {0};

	real_do(d->ops->create(d, &a, &e));
	real_do(d->ops->create(d, &b, &e));
	real_do(d->ops->create(d, &h, &e));
	taken = real_taken(root, "u", by);
	ck_assert_str_eq(CPUSET_STRING(&taken), "0-7");
	ck_assert_str_eq(by, "t");
	taken = real_taken(root, "t", by);
	ck_assert(cpuset_is_empty(&taken));
	ck_assert_str_eq(by, "");
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(d->ops->remove(d, "slice-1", &e));
	real_do(d->ops->remove(d, "host", &e));
	real_do(driver_destroy(d, &e));
	ck_assert(is_there("cleave/u"));
	real_do(driver_destroy(other, &e));
	ck_assert(!is_there("cleave"));
}
END_TEST

/* A user who makes groups in what is delegated to him keeps nobody from the CPUs. */
START_TEST(groups_of_other_users_take_nothing)
{
	struct driver *d = open_tree("t");
	struct group_spec a = real_group(d, "slice-0", "0-3");
	struct claims claims;
	struct tree tree;
	struct err e = {0};
	char path[600];

	if (geteuid())
		test_skip("not root");
	real_do(d->ops->create(d, &a, &e));
	snprintf(path, sizeof(path), "%s/cleave/t", root);
	ck_assert_int_eq(chown(path, 65534, 65534), 0);
	real_do(tree_read(root, &tree, &e));
	real_do(tree_claims(&tree, "u", &claims, &e));
	ck_assert(cpuset_is_empty(&claims.taken));
	ck_assert_str_eq(claims.taken_by, "");
	ck_assert_str_eq(CPUSET_STRING(&claims.claimed), "0-3");
	ck_assert_uint_eq(claims.claimed_by, 65534);
	tree.facts.uid = 65534; /* to him they are his */
	real_do(tree_claims(&tree, "u", &claims, &e));
	ck_assert_str_eq(CPUSET_STRING(&claims.taken), "0-3");
	ck_assert(cpuset_is_empty(&claims.claimed));
	ck_assert_int_eq(chown(path, 0, 0), 0);
	tree.facts.uid = 65533; /* root's are everybody's business */
	real_do(tree_claims(&tree, "u", &claims, &e));
	ck_assert_str_eq(CPUSET_STRING(&claims.taken), "0-3");
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(names_and_roots_are_checked)
{
	static const char *const names[] = {"",	  "UP", "a/b",
					    "..", "-x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	struct driver *d;
	struct err e;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct driver_request r = {.cluster = names[i], .backend = BACKEND_AFFINITY};

		e = (struct err){0};
		ck_assert_int_lt(driver_open(&r, &d, &e), 0);
		ck_assert_int_eq(e.exit, ERR_WRONG);
	}
	ck_assert_int_lt(
		driver_open(&(struct driver_request){.cluster = "a", .cgroup_root = "/none/x"}, &d,
			    &e),
		0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_msg(strstr(e.msg, "/none/x"), "%s", e.msg);
	ck_assert_int_lt(
		driver_open(&(struct driver_request){.cluster = "a", .cgroup_root = "/tmp"}, &d,
			    &e),
		0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_msg(strstr(e.msg, "/tmp is a directory outside of the cgroup tree"), "%s", e.msg);
}
END_TEST

START_TEST(keys_that_v1_lacks_are_named)
{
	static struct profile p;
	struct strings missing;
	struct err e = {0};
	struct tree tree;

	profile_default(&p);
	snprintf(root, sizeof(root), "%s/tree", test_directory());
	plain_tree_mount(root);
	real_do(tree_read(root, &tree, &e));
	p.memory.high = (struct size){SIZE_PERCENT, 90};
	real_do(tree_missing(&tree, &p, &missing, &e));
	ck_assert_uint_eq(missing.count, 0);
	p.backend = BACKEND_AFFINITY;
	p.io_count = 1;
	real_do(tree_missing(&tree, &p, &missing, &e));
	ck_assert_uint_eq(missing.count, 2);
	ck_assert_str_eq(strings_get(&missing, 0), "memory.high");
	ck_assert_str_eq(strings_get(&missing, 1), "io");
}
END_TEST

TEST_MAIN("cgroup2",
	  test_case("files", a_slice_is_written_as_v2_has_it, the_host_group_is_not_one_for_oom,
		    an_ignored_write_is_an_error, a_shorter_set_replaces_a_longer_one,
		    a_sample_reads_the_counters, a_tick_reads_what_is_kept_open,
		    a_look_sees_what_somebody_wrote, what_groups_can_have,
		    controllers_are_enabled_and_taken_back, a_threaded_group_is_refused),
	  test_case("clusters", foreign_groups_are_neither_seen_nor_removed,
		    who_was_moved_in_is_named, the_place_is_found_again, an_observer_makes_nothing,
		    the_group_of_a_stranger_is_refused, home_cpus_of_others_are_read_from_the_tree,
		    groups_of_other_users_take_nothing, names_and_roots_are_checked,
		    keys_that_v1_lacks_are_named))
