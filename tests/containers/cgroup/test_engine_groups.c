/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups that a container engine makes below ours, on the real kernel with cgroup v1: the test makes
 * them as runc does, a directory in every hierarchy with a copy of the parent's cpuset.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "containers/driver.h"
#include "containers/proc/control_file.h"
#include "containers/where/layout.h"
#include "decision/base/cleanup.h"
#include "decision/reconcile/drift.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static char own_root[64]; /* several runs may be on this machine at once */

static __attribute__((constructor)) void name_root(void)
{
	snprintf(own_root, sizeof(own_root), "cleave-test-engine-%d", getpid());
}

static __attribute__((destructor)) void clean(void)
{
	real_clean(own_root);
}

static struct driver *open_here(const char *cluster, char *why, size_t size)
{
	struct driver_request r = {.cluster = cluster,
				   .cgroup_root = own_root,
				   .backend = BACKEND_DOCKER,
				   .engine_cgroups = "cgroupfs"};

	if (geteuid() != 0) {
		snprintf(why, size, "not root");
		return NULL;
	}
	return real_open(&r, why, size);
}

#define OPEN_OR_SKIP(d, cluster)                                   \
	struct err e = {0};                                        \
	char why_[ERR_TEXT];                                       \
	struct driver *d = open_here(cluster, why_, sizeof(why_)); \
	if (!d)                                                    \
	test_skip("no cgroup v1 here: %s", why_)

/* ---- as an engine does */

static char top[PROFILE_PATH]; /* the parent that the engine was told */

/* `below` it in the hierarchy of that controller; "": in cgroup v2's tree. NULL: not mounted. */
static const char *place_in(const char *controller, const char *below)
{
	struct err e = {0};
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = cgroup_mountinfo_read(root, &e);
	char *next = text;
	static char path[CONTROL_PATH];
	char group[2 * PROFILE_PATH];
	struct cgroup_mount m;

	ck_assert_ptr_nonnull(text);
	snprintf(group, sizeof(group), "%s%s%s", top, below[0] ? "/" : "", below);
	while (cgroup_mount_next(&next, &m))
		if ((controller[0] ? m.version == 1 && control_has_word(m.options, controller)
				   : m.version == 2) &&
		    cgroup_mount_to_path(&m, group, path, sizeof(path)))
			return path;
	return NULL;
}

static const char *const hierarchies[] = {"cpuset",  "cpu",	"cpuacct", "memory", "blkio",
					  "freezer", "devices", "pids",	   ""};
enum { HIERARCHIES = sizeof(hierarchies) / sizeof(hierarchies[0]) };

static void make_all(const char *path)
{
	char part[CONTROL_PATH];

	for (const char *c = path + 1; (c = strchr(c, '/')); c++) {
		snprintf(part, sizeof(part), "%.*s", (int)(c - path), path);
		ck_assert(!mkdir(part, 0755) || errno == EEXIST);
	}
	ck_assert(!mkdir(path, 0755) || errno == EEXIST);
}

static void make_container(struct driver *d, const char *group, const char *id)
{
	static const char *const copied[] = {"cpuset.cpus", "cpuset.mems"};
	char from[64], to[128], text[CPUSET_TEXT];
	struct err e = {0};

	real_do(d->ops->parent(d, group, top, &e));
	for (unsigned i = 0; i < HIERARCHIES; i++)
		if (place_in(hierarchies[i], id))
			make_all(place_in(hierarchies[i], id));
	for (unsigned i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "%s", copied[i]);
		real_do(control_read(AT_FDCWD, place_in("cpuset", from), text, sizeof(text), &e));
		snprintf(to, sizeof(to), "%s/%s", id, copied[i]);
		real_do(control_write(AT_FDCWD, place_in("cpuset", to), text, &e));
	}
}

static void put_into(const char *id, pid_t pid)
{
	char file[128], text[16];
	struct err e = {0};

	snprintf(file, sizeof(file), "%s/cgroup.procs", id);
	snprintf(text, sizeof(text), "%d", pid);
	for (unsigned i = 0; i < HIERARCHIES; i++)
		if (place_in(hierarchies[i], file))
			real_do(control_write(AT_FDCWD, place_in(hierarchies[i], file), text, &e));
}

static void remove_container(const char *id)
{
	for (unsigned i = 0; i < HIERARCHIES; i++)
		if (place_in(hierarchies[i], id))
			ck_assert_int_eq(rmdir(place_in(hierarchies[i], id)), 0);
}

/*
 * A child of ours, without a mark but what is given, that executes `script` once it is in the group.
 * Returns when it has written something, or has ended.
 */
static pid_t run_in(const char *id, const char *script, const char *mark)
{
	char shell[] = "sh", option[] = "-c", path[] = "PATH=/usr/bin:/bin";
	char *text = strdup(script), *marked = strdup(mark), byte;
	char *argv[] = {shell, option, text, NULL}, *envp[] = {path, marked, NULL};
	int go[2], out[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(go, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (read(go[0], &byte, 1) == 1 && dup2(out[1], 1) == 1)
			execve("/bin/sh", argv, envp);
		_exit(127);
	}
	put_into(id, pid);
	close(out[1]);
	ck_assert_int_eq(write(go[1], ".", 1), 1);
	ck_assert_int_ge(read(out[0], &byte, 1), 0);
	close(out[0]);
	close(go[0]);
	close(go[1]);
	free(text);
	free(marked);
	return pid;
}

static char *text_of(const char *controller, const char *file, char *text, size_t size)
{
	struct err e = {0};

	real_do(control_read(AT_FDCWD, place_in(controller, file), text, size, &e));
	return text;
}

static const char *cpus_of_process(pid_t pid)
{
	static char text[8192];
	char file[64], *line;
	struct err e = {0};

	snprintf(file, sizeof(file), "/proc/%d/status", pid);
	real_do(control_read(AT_FDCWD, file, text, sizeof(text), &e));
	line = strstr(text, "Cpus_allowed_list:\t");
	ck_assert_ptr_nonnull(line);
	line += strlen("Cpus_allowed_list:\t");
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void end(struct driver *d, const char *group, pid_t pid)
{
	struct err e = {0};

	real_do(d->ops->kill(d, group, 5000, &e));
	if (pid)
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	real_do(d->ops->remove(d, group, &e));
	real_do(driver_destroy(d, &e));
	ck_assert(!real_tree_has("", own_root));
}

/* ---- CPUs */

START_TEST(a_loan_reaches_what_runs_in_a_container)
{
	OPEN_OR_SKIP(d, "loan");
	struct cpuset all = real_allowed(), one = {0}, other = {0}, effective;
	struct group_spec g;
	char text[CPUSET_TEXT];
	pid_t pid;

	if (cpuset_count(&all) < 2) {
		driver_destroy(d, &e);
		test_skip("one CPU");
	}
	cpuset_add(&one, cpuset_first(&all));
	other = cpuset_and_not(&all, &one);
	g = real_group(d, "slice-0", CPUSET_STRING(&one));
	real_do(d->ops->create(d, &g, &e));
	make_container(d, "slice-0", "0123abcd");
	pid = run_in("0123abcd", "echo; exec sleep 100", "A=");
	ck_assert_str_eq(cpus_of_process(pid), CPUSET_STRING(&one));
	/* Wider, others, and narrower again. */
	const struct cpuset sets[] = {all, one, other, one, all};

	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		real_do(d->ops->set_cpus(d, "slice-0", &sets[i], &effective, &e));
		ck_assert(cpuset_is_equal(&effective, &sets[i]));
		ck_assert_str_eq(text_of("cpuset", "0123abcd/cpuset.cpus", text, sizeof(text)),
				 CPUSET_STRING(&sets[i]));
		ck_assert_str_eq(cpus_of_process(pid), CPUSET_STRING(&sets[i]));
	}
	end(d, "slice-0", pid);
}
END_TEST

/* As `docker update --cpuset-cpus` does; and a group in the container's. */
START_TEST(other_cpus_of_a_container_are_drift_and_mended)
{
	OPEN_OR_SKIP(d, "drift");
	struct cpuset all = real_allowed(), one = {0};
	static struct observation seen;
	static struct plan plan;
	static struct op ops[DRIFT_OPS];
	struct group_spec g = real_group(d, "slice-0", CPUSET_STRING(&all));
	char text[CPUSET_TEXT];

	if (cpuset_count(&all) < 2) {
		driver_destroy(d, &e);
		test_skip("one CPU");
	}
	cpuset_add(&one, cpuset_first(&all));
	plan.slice_count = 1;
	snprintf(plan.slices[0].name, sizeof(plan.slices[0].name), "slice-0");
	plan.slices[0].cpus = all;
	real_do(d->ops->create(d, &g, &e));
	make_container(d, "slice-0", "0123abcd");
	make_container(d, "slice-0", "0123abcd/inner");
	real_do(driver_look(d, &plan, &seen, &e));
	ck_assert_uint_eq(drift_find(&seen, &plan, &all, ops), 0);
	real_do(control_write(AT_FDCWD, place_in("cpuset", "0123abcd/inner/cpuset.cpus"),
			      CPUSET_STRING(&one), &e));
	real_do(control_write(AT_FDCWD, place_in("cpuset", "0123abcd/cpuset.cpus"),
			      CPUSET_STRING(&one), &e));
	real_do(driver_look(d, &plan, &seen, &e));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert(cpuset_is_equal(&seen.groups[0].cpus, &one));
	ck_assert(cpuset_is_equal(&seen.groups[0].requested, &all));
	ck_assert_uint_eq(drift_find(&seen, &plan, &all, ops), 1);
	ck_assert_int_eq(ops[0].kind, OP_SET_CPUS);
	real_do(driver_execute(d, &ops[0], NULL, NULL, NULL, &e));
	ck_assert_str_eq(text_of("cpuset", "0123abcd/inner/cpuset.cpus", text, sizeof(text)),
			 CPUSET_STRING(&all));
	real_do(d->ops->set_cpus(d, "slice-0", &one, NULL, &e));
	ck_assert_str_eq(text_of("cpuset", "0123abcd/inner/cpuset.cpus", text, sizeof(text)),
			 CPUSET_STRING(&one));
	/* One that has no CPUs yet is just being made. */
	real_do(d->ops->parent(d, "slice-0", top, &e));
	make_all(place_in("cpuset", "young"));
	real_do(d->ops->look(d, "slice-0", &seen.groups[0], &e));
	ck_assert(cpuset_is_equal(&seen.groups[0].cpus, &one));
	end(d, "slice-0", 0);
}
END_TEST

/* ---- processes */

START_TEST(what_runs_in_a_container_is_in_the_group)
{
	OPEN_OR_SKIP(d, "inside");
	struct group_spec g = real_group(d, "slice-0", "0");
	static struct observation seen;
	struct strangers strangers;
	struct sample s, later;
	unsigned runnable = 0;
	pid_t pids[4], pid, foreign, runtime;

	g.memory.max_bytes = 64 << 20;
	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->usage(d, "slice-0", &s, &e));
	make_container(d, "slice-0", "aa");
	make_container(d, "slice-0", "bb");
	pid = run_in("aa", "echo; while :; do :; done", GROUP_VARIABLE "=inside/slice-0");
	foreign = run_in("bb", "echo; exec sleep 100", "A=");
	ck_assert_int_eq(d->ops->pids(d, "slice-0", pids, 4, &e), 2);
	ck_assert_int_eq(pids[0] + pids[1], pid + foreign);
	ck_assert_int_eq(d->ops->pids(d, "slice-0", pids, 1, &e), 2);
	ck_assert_int_eq(d->ops->pids(d, "slice-0", NULL, 0, &e), 2);
	ck_assert(d->ops->has(d, "slice-0", pid));
	ck_assert(!d->ops->has(d, "slice-1", pid));
	real_do(d->ops->usage(d, "slice-0", &later, &e));
	ck_assert_uint_eq(later.processes, 2);
	for (unsigned turn = 0; turn < 500 && runnable != 1; turn++) {
		real_do(d->ops->runnable(d, "slice-0", &runnable, &e));
		poll(NULL, 0, 10);
	}
	ck_assert_uint_eq(runnable, 1);
	real_do(d->ops->sample(d, "slice-0", &later, &e));
	ck_assert_uint_gt(later.cpu_usage_us, s.cpu_usage_us);
	ck_assert_uint_gt(later.memory_bytes, 0);
	ck_assert_uint_gt(later.anon_bytes, 0);
	real_do(d->ops->observe(d, &seen, &e));
	ck_assert_uint_eq(seen.count, 1);
	ck_assert(seen.groups[0].populated);
	ck_assert(!seen.groups[0].is_frozen);
	/* An engine gives its containers the environment that it was told. */
	runtime = run_in("bb", "echo 'runc:[2:INIT]' >/proc/$$/comm; echo; kill -STOP $$", "A=");
	real_do(d->ops->strangers(d, "slice-0", &strangers, &e));
	ck_assert_uint_eq(strangers.count, 1);
	ck_assert_int_eq(strangers.items[0].pid, foreign);
	real_do(d->ops->expel(d, "slice-0", &strangers, &e));
	ck_assert(d->ops->has(d, "slice-0", runtime));
	ck_assert_int_eq(kill(runtime, SIGKILL), 0);
	ck_assert_int_eq(waitpid(runtime, NULL, 0), runtime);
	ck_assert_int_eq(d->ops->pids(d, "slice-0", pids, 4, &e), 1);
	ck_assert_int_eq(pids[0], pid);
	ck_assert_int_eq(d->ops->create(d, &g, &e), -EEXIST);
	ck_assert_int_eq(d->ops->remove(d, "slice-0", &e), -EBUSY);
	ck_assert_int_eq(kill(foreign, SIGKILL), 0);
	ck_assert_int_eq(waitpid(foreign, NULL, 0), foreign);
	end(d, "slice-0", pid);
}
END_TEST

/* The kernel has put it into the nearest group above that has a CPU. */
START_TEST(a_container_that_lost_its_last_cpu_gets_its_processes_back)
{
	OPEN_OR_SKIP(d, "lost");
	struct group_spec g = real_group(d, "slice-0", "0");
	char pid_text[16], text[8192], file[64];
	struct err ignored;
	pid_t pid;

	real_do(d->ops->create(d, &g, &e));
	make_container(d, "slice-0", "aa");
	pid = run_in("aa", "echo; exec sleep 100", "A=");
	ck_assert_int_eq(d->ops->bring_back(d, "slice-0", &e), 0);
	snprintf(pid_text, sizeof(pid_text), "%d", pid);
	real_do(control_write(AT_FDCWD, place_in("cpuset", "../cgroup.procs"), pid_text, &e));
	real_do(control_write(AT_FDCWD, place_in("cpuset", "aa/cpuset.cpus"), "\n", &e));
	ck_assert_int_eq(d->ops->bring_back(d, "slice-0", &ignored), -ENOSPC);
	real_do(d->ops->set_cpus(d, "slice-0", &g.cpus, NULL, &e));
	ck_assert_int_eq(d->ops->bring_back(d, "slice-0", &e), 1);
	ck_assert_int_eq(d->ops->bring_back(d, "slice-0", &e), 0);
	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	real_do(control_read(AT_FDCWD, file, text, sizeof(text), &e));
	ck_assert_msg(strstr(text, ":cpuset:") && strstr(strstr(text, ":cpuset:"), "/slice-0/aa\n"),
		      "%s", text);
	end(d, "slice-0", pid);
}
END_TEST

START_TEST(a_paused_container_is_told_and_ends)
{
	OPEN_OR_SKIP(d, "paused");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct observed_group seen;
	char text[64];
	pid_t pid;

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert(!seen.is_frozen);
	make_container(d, "slice-0", "aa");
	if (!place_in("freezer", "aa")) {
		end(d, "slice-0", 0);
		test_skip("no freezer in cgroup v1");
	}
	pid = run_in("aa", "echo; exec sleep 100", "A=");
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert(!seen.is_frozen);
	real_do(control_write(AT_FDCWD, place_in("freezer", "aa/freezer.state"), "FROZEN", &e));
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert(seen.is_frozen);
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_str_eq(text_of("freezer", "aa/freezer.state", text, sizeof(text)), "THAWED");
	end(d, "slice-0", 0);
}
END_TEST

START_TEST(kills_for_memory_are_counted_after_the_container_has_gone)
{
	OPEN_OR_SKIP(d, "oom");
	static const char hungry[] = "exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null";
	static const char *const ids[] = {"aa", "bb", "cc"};
	struct group_spec g = real_group(d, "slice-0", "0");
	struct sample s;
	int status;

	g.memory.max_bytes = 16 << 20;
	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->sample(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.oom_kills, 0);
	for (unsigned i = 0; i < 3; i++) {
		make_container(d, "slice-0", ids[i]);
		ck_assert_int_gt(waitpid(run_in(ids[i], hungry, "A="), &status, 0), 0);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (i < 2) {
			real_do(d->ops->sample(d, "slice-0", &s, &e));
			ck_assert_uint_eq(s.oom_kills, i + 1);
		} /* the last is gone before anybody has looked */
		remove_container(ids[i]);
		real_do(d->ops->sample(d, "slice-0", &s, &e));
		ck_assert_uint_eq(s.oom_kills, i + 1);
	}
	/* Out of memory in the group above, by somebody else: all below it are told. */
	ck_assert_int_eq(control_write(AT_FDCWD, place_in("memory", "../memory.limit_in_bytes"),
				       "8388608", &e),
			 0);
	make_container(d, "slice-0", "../other");
	ck_assert_int_gt(waitpid(run_in("../other", hungry, "A="), &status, 0), 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	real_do(d->ops->sample(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.oom_kills, 3);
	remove_container("../other");
	end(d, "slice-0", 0);
}
END_TEST

/* ---- the end, and the begin */

START_TEST(what_a_dead_engine_left_goes_with_the_group)
{
	OPEN_OR_SKIP(d, "left");
	struct group_spec g = real_group(d, "slice-0", "0");
	char theirs[CONTROL_PATH];

	real_do(d->ops->create(d, &g, &e));
	make_container(d, "slice-0", "aa");
	make_container(d, "slice-0", "aa/inner");
	make_container(d, "slice-0", "bb");
	/* A group that a crash left in the engine's hierarchies only, and one that is not ours. */
	*strrchr(top, '/') = '\0';
	make_all(place_in("freezer", "slice-5/cc"));
	make_all(place_in("freezer", "theirs"));
	snprintf(theirs, sizeof(theirs), "%s", place_in("freezer", "theirs"));
	/* Made anew over them. */
	real_do(d->ops->create(d, &g, &e));
	ck_assert(!real_tree_has(own_root, "bb"));
	make_container(d, "slice-0", "aa");
	make_container(d, "slice-0", "aa/inner");
	real_do(d->ops->remove(d, "slice-0", &e));
	ck_assert(!real_tree_has(own_root, "slice-0"));
	real_do(d->ops->remove(d, "slice-0", &e));
	ck_assert_int_eq(d->ops->destroy(d, &e), -EBUSY);
	ck_assert(real_tree_has(own_root, "theirs"));
	ck_assert(!real_tree_has(own_root, "slice-5"));
	ck_assert_int_eq(rmdir(theirs), 0);
	real_do(driver_destroy(d, &e));
	ck_assert(!real_tree_has("", own_root));
}
END_TEST

START_TEST(the_engine_is_told_one_parent_and_the_place_is_found_again)
{
	OPEN_OR_SKIP(d, "again");
	struct driver_request r = {.cluster = "again"};
	struct group_spec g = real_group(d, "slice-0", "0");
	char parent[PROFILE_PATH], wanted[PROFILE_PATH], location[PROFILE_PATH];

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->parent(d, "slice-0", parent, &e));
	snprintf(wanted, sizeof(wanted), "/%s/cleave/again/slice-0", own_root);
	ck_assert_msg(strstr(parent, wanted), "%s", parent);
	ck_assert_int_lt(d->ops->parent(d, "../x", parent, &e), 0);
	/* All of ours are at that path. */
	snprintf(top, sizeof(top), "%s", parent);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_msg(access(place_in(hierarchies[i], ""), F_OK) == 0, "%s",
			      place_in(hierarchies[i], ""));
	make_container(d, "slice-0", "aa");
	snprintf(location, sizeof(location), "%s", driver_location(d));
	ck_assert_msg(strstr(location, " engine=cgroupfs "), "%s", location);
	d->ops->close(d);
	r.location = location; /* whatever the engine says now, or does not */
	real_do(driver_open(&r, &d, &e));
	ck_assert_ptr_nonnull(d->ops->parent);
	end(d, "slice-0", 0);
	/* Without an engine there is nobody to be told. */
	r = (struct driver_request){.cluster = "again", .cgroup_root = own_root};
	real_do(driver_open(&r, &d, &e));
	ck_assert_ptr_null(d->ops->parent);
	real_do(driver_destroy(d, &e));
}
END_TEST

/* As `docker update --memory` writes one. */
START_TEST(a_limit_below_counts_as_the_groups)
{
	OPEN_OR_SKIP(d, "limit");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct observation seen;

	g.memory.max_bytes = 64 << 20;
	real_do(d->ops->create(d, &g, &e));
	make_container(d, "slice-0", "aa");
	real_do(d->ops->observe(d, &seen, &e));
	ck_assert_uint_eq(observed_find(&seen, "slice-0")->memory_max_bytes, 64 << 20);
	real_do(control_write(AT_FDCWD, place_in("memory", "aa/memory.limit_in_bytes"), "32M", &e));
	real_do(d->ops->observe(d, &seen, &e));
	ck_assert_uint_eq(observed_find(&seen, "slice-0")->memory_max_bytes, 32 << 20);
	remove_container("aa");
	real_do(d->ops->observe(d, &seen, &e));
	ck_assert_uint_eq(observed_find(&seen, "slice-0")->memory_max_bytes, 64 << 20);
	end(d, "slice-0", 0);
}
END_TEST

/* Only v2 throttles what is below a group, too. */
START_TEST(io_limits_are_refused)
{
	OPEN_OR_SKIP(d, "io");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct profile_io io = {.device = "8:0", .read_bps = 1000};

	g.io = &io;
	g.io_count = 1;
	ck_assert_int_lt(d->ops->create(d, &g, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert(!real_tree_has(own_root, "slice-0"));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(more_containers_than_there_is_room_for_are_an_error)
{
	OPEN_OR_SKIP(d, "many");
	struct group_spec g = real_group(d, "slice-0", "0");
	char id[16];

	real_do(d->ops->create(d, &g, &e));
	for (unsigned i = 0; i < 65; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		real_do(d->ops->parent(d, "slice-0", top, &e));
		make_all(place_in("cpuset", id));
	}
	ck_assert_int_eq(d->ops->set_cpus(d, "slice-0", &g.cpus, NULL, &e), -E2BIG);
	ck_assert_msg(strstr(e.msg, "more than 64 groups"), "%s", e.msg);
	ck_assert_int_eq(rmdir(place_in("cpuset", "c64")), 0);
	real_do(d->ops->set_cpus(d, "slice-0", &g.cpus, NULL, &e));
	end(d, "slice-0", 0);
}
END_TEST

TEST_MAIN("engine groups",
	  test_case("CPUs", a_loan_reaches_what_runs_in_a_container,
		    other_cpus_of_a_container_are_drift_and_mended),
	  test_case("processes", what_runs_in_a_container_is_in_the_group,
		    a_container_that_lost_its_last_cpu_gets_its_processes_back,
		    a_paused_container_is_told_and_ends,
		    kills_for_memory_are_counted_after_the_container_has_gone),
	  test_case("life", what_a_dead_engine_left_goes_with_the_group,
		    the_engine_is_told_one_parent_and_the_place_is_found_again,
		    a_limit_below_counts_as_the_groups, io_limits_are_refused,
		    more_containers_than_there_is_room_for_are_an_error))
