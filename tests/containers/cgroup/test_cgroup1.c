/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real kernel with cgroup v1 controllers (and the v2 tree beside them, if there is one): groups
 * below cleave-test-v1-PID in each hierarchy, gone afterwards.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containers/driver.h"
#include "containers/proc/control_file.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static char own_root[64]; /* several runs may be on this machine at once */

static __attribute__((constructor)) void name_root(void)
{
	snprintf(own_root, sizeof(own_root), "cleave-test-v1-%d", getpid());
}

static __attribute__((destructor)) void clean(void)
{
	real_clean(own_root);
}

static struct driver *open_here(const char *cluster, const char *location, char *why, size_t size)
{
	struct driver_request r = {.cluster = cluster,
				   .cgroup_root = own_root,
				   .backend = BACKEND_CGROUP,
				   .location = location};

	if (geteuid() != 0) {
		snprintf(why, size, "not root");
		return NULL;
	}
	return real_open(&r, why, size);
}

#define OPEN_OR_SKIP(d, cluster)                                         \
	struct err e = {0};                                              \
	char why_[ERR_TEXT];                                             \
	struct driver *d = open_here(cluster, NULL, why_, sizeof(why_)); \
	if (!d)                                                          \
	test_skip("no cgroup v1 here: %s", why_)

static const char *allowed_cpus(void)
{
	static char text[CPUSET_TEXT];
	struct cpuset cpus = real_allowed();

	return cpuset_format(&cpus, text, sizeof(text));
}

START_TEST(a_group_has_what_it_was_made_with)
{
	OPEN_OR_SKIP(d, "made");
	struct group_spec g = real_group(d, "slice-0", "0");
	static struct observation o;

	g.memory.max_bytes = 64 << 20;
	g.memory.swap_bytes = 0;
	g.weight = 300;
	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->observe(d, &o, &e));
	ck_assert_uint_eq(o.count, 1);
	ck_assert_str_eq(o.groups[0].name, "slice-0");
	ck_assert(cpuset_is_equal(&o.groups[0].cpus, &g.cpus));
	ck_assert(cpuset_is_equal(&o.groups[0].nodes, &g.nodes));
	ck_assert_uint_eq(o.groups[0].weight, 300);
	ck_assert_uint_eq(o.groups[0].memory_max_bytes, 64 << 20);
	ck_assert(!o.groups[0].populated);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(d->ops->remove(d, "slice-0", &e)); /* gone already is success */
	real_do(driver_destroy(d, &e));
	ck_assert(!real_tree_has("", own_root));
}
END_TEST

START_TEST(every_weight_survives_the_conversion)
{
	OPEN_OR_SKIP(d, "weights");
	struct group_spec g = real_group(d, "slice-0", "0");
	char path[4096], where[64] = "cpu=";
	const char *base = strstr(driver_location(d), where);
	static const struct {
		unsigned weight;
		uint64_t shares;
	} table[] = {{1, 2}, {100, 1024}, {10000, 262144}};

	ck_assert_ptr_nonnull(base);
	snprintf(path, sizeof(path), "%.*s/cleave/weights/slice-0/cpu.shares",
		 (int)strcspn(base + 4, " "), base + 4);
	real_do(d->ops->create(d, &g, &e));
	/* set_weight() reads back and compares, so a weight that is not invertible fails here. */
	for (unsigned weight = 1; weight <= WEIGHT_MAX; weight += weight < 300 ? 1 : 97)
		real_do(d->ops->set_weight(d, "slice-0", weight, &e));
	for (unsigned i = 0; i < 3; i++) {
		uint64_t shares = 0;

		real_do(d->ops->set_weight(d, "slice-0", table[i].weight, &e));
		real_do(control_read_number(AT_FDCWD, path, &shares, &e));
		ck_assert_uint_eq(shares, table[i].shares);
	}
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(a_process_is_in_all_groups_from_its_first_instruction)
{
	OPEN_OR_SKIP(d, "born");
	struct group_spec g = real_group(d, "slice-3", "0");
	char text[4096];

	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(real_run(d, "slice-3",
				  "read x </proc/self/cgroup; cat /proc/self/cgroup; "
				  "grep Cpus_allowed_list /proc/self/status",
				  text, sizeof(text)),
			 0);
	ck_assert_msg(strstr(text, "cpuset:/"), "%s", text);
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		if (strstr(line, ":cpuset:") == line + 1 || strstr(line, ":memory:") == line + 1 ||
		    strstr(line, ":cpu:") == line + 1 || !strncmp(line, "0::", 3))
			ck_assert_msg(!strncmp(strchr(line, '\n') - 20, "/cleave/born/slice-3", 20),
				      "%s", line);
	ck_assert_msg(strstr(text, "Cpus_allowed_list:\t0\n"), "%s", text);
	real_do(d->ops->remove(d, "slice-3", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* A mask inherited from the caller (taskset) would be intersected with every later cpuset. */
START_TEST(a_wider_cpuset_reaches_a_running_process)
{
	OPEN_OR_SKIP(d, "wider");
	struct cpuset all, one = {0}, effective;
	struct group_spec g;
	char text[512] = "";
	int in[2], out[2], status;
	pid_t pid;
	ssize_t n;

	real_do(cpuset_parse(allowed_cpus(), &all, &e));
	cpuset_add(&one, cpuset_first(&all));
	if (cpuset_count(&all) < 2) {
		driver_destroy(d, &e);
		test_skip("one CPU");
	}
	g = real_group(d, "slice-0", CPUSET_STRING(&one));
	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(pipe2(in, 0) | pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one.words), (cpu_set_t *)one.words), 0);
	/* Other descriptors do not reach the child, so the pipe is found by its path in ours. */
	snprintf(text, sizeof(text),
		 "echo; read x </proc/%d/fd/%d; grep Cpus_allowed_list /proc/self/status", getpid(),
		 in[0]);
	pid = real_spawn(d, "slice-0", text, out[1]);
	real_wait_byte(out[0]);
	real_do(d->ops->set_cpus(d, "slice-0", &all, &effective, &e));
	ck_assert(cpuset_is_equal(&effective, &all));
	ck_assert_int_eq(write(in[1], "\n", 1), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	n = read(out[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	ck_assert_msg(strstr(text, CPUSET_STRING(&all)), "%s", text);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(kill_ends_everything_and_only_that)
{
	OPEN_OR_SKIP(d, "kill");
	struct group_spec a = real_group(d, "slice-0", "0"), b = real_group(d, "slice-1", "0");
	pid_t bystander, pid, pids[64];
	int out[2];

	real_do(d->ops->create(d, &a, &e));
	real_do(d->ops->create(d, &b, &e));
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	bystander = real_spawn(d, "slice-1", "exec sleep 100", -1);
	/* Children in sessions of their own, ignoring signals. */
	pid = real_spawn(
		d, "slice-0",
		"trap '' TERM INT HUP; for i in 1 2 3 4 5; do setsid sleep 100 & done; echo; wait",
		out[1]);
	real_wait_byte(out[0]);
	ck_assert_int_ge(d->ops->pids(d, "slice-0", pids, 64, &e), 2);
	ck_assert_int_lt(d->ops->remove(d, "slice-0", &e), 0);
	ck_assert_msg(strstr(e.msg, "still has processes"), "%s", e.msg);
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	ck_assert_int_eq(d->ops->pids(d, "slice-0", pids, 64, &e), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(waitpid(bystander, NULL, WNOHANG), 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(d->ops->kill(d, "slice-1", 5000, &e));
	ck_assert_int_eq(waitpid(bystander, NULL, 0), bystander);
	real_do(d->ops->remove(d, "slice-1", &e));
	real_do(d->ops->kill(d, "slice-1", 100, &e)); /* no group: nothing to end */
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(a_sample_counts_time_memory_and_processes)
{
	OPEN_OR_SKIP(d, "sample");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct sample before, after;
	int out[2];
	pid_t pid;

	g.memory.max_bytes = 128 << 20;
	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->sample(d, "slice-0", &before, &e));
	ck_assert_uint_eq(before.processes, 0);
	ck_assert_uint_eq(before.memory_max_bytes, 128 << 20);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid = real_spawn(d, "slice-0",
			 "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo; exec sleep 100",
			 out[1]);
	real_wait_byte(out[0]);
	real_do(d->ops->sample(d, "slice-0", &after, &e));
	ck_assert_uint_eq(after.processes, 1);
	ck_assert_uint_gt(after.cpu_usage_us, before.cpu_usage_us);
	ck_assert_uint_gt(after.memory_bytes, 0);
	ck_assert_uint_gt(after.at_ns, before.at_ns);
	ck_assert_uint_le(after.anon_local_bytes, after.anon_bytes);
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	waitpid(pid, NULL, 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* The kernel keeps a v1 list of processes while it is read again and again. */
START_TEST(a_tick_sees_each_process_come_and_go)
{
	OPEN_OR_SKIP(d, "usage");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct sample s, busy;
	pid_t pids[4];
	int out[2];

	real_do(d->ops->create(d, &g, &e));
	for (unsigned i = 0; i < 4; i++) {
		real_do(d->ops->usage(d, "slice-0", &s, &e));
		ck_assert_uint_eq(s.processes, i);
		pids[i] = real_spawn(d, "slice-0", "exec sleep 100", -1);
	}
	real_do(d->ops->usage(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.processes, 4);
	kill(pids[0], SIGKILL);
	waitpid(pids[0], NULL, 0);
	real_do(d->ops->usage(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.processes, 3);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pids[0] = real_spawn(
		d, "slice-0",
		"i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo; exec sleep 100", out[1]);
	real_wait_byte(out[0]);
	real_do(d->ops->usage(d, "slice-0", &busy, &e));
	ck_assert_uint_gt(busy.cpu_usage_us, s.cpu_usage_us);
	ck_assert_uint_gt(busy.at_ns, s.at_ns);
	ck_assert_uint_ge(busy.pressure_us, s.pressure_us);
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	for (unsigned i = 0; i < 4; i++)
		waitpid(pids[i], NULL, 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	ck_assert_int_lt(d->ops->usage(d, "slice-0", &s, &e), 0);
	real_do(driver_destroy(d, &e));
}
END_TEST

static const char *file_below(const struct driver *d, const char *group, const char *controller,
			      const char *file)
{
	static char path[4096];
	char word[64];
	const char *base;

	snprintf(word, sizeof(word), "%s=", controller);
	base = strstr(driver_location(d), word);
	ck_assert_ptr_nonnull(base);
	base += strlen(word);
	snprintf(path, sizeof(path), "%.*s/%s/%s", (int)strcspn(base, " "), base, group, file);
	return path;
}

START_TEST(what_somebody_else_wrote_is_seen)
{
	OPEN_OR_SKIP(d, "look");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct observed_group seen;

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert(cpuset_is_equal(&seen.requested, &g.cpus) &&
		  cpuset_is_equal(&seen.cpus, &g.cpus));
	ck_assert_uint_eq(seen.weight, WEIGHT_DEFAULT);
	real_do(control_write(AT_FDCWD,
			      file_below(d, "cleave/look/slice-0", "cpuset", "cpuset.cpus"),
			      allowed_cpus(), &e));
	real_do(control_write(AT_FDCWD, file_below(d, "cleave/look/slice-0", "cpu", "cpu.shares"),
			      "262144", &e));
	real_do(d->ops->look(d, "slice-0", &seen, &e));
	ck_assert_str_eq(CPUSET_STRING(&seen.requested), allowed_cpus());
	ck_assert_uint_eq(seen.weight, WEIGHT_MAX);
	real_do(d->ops->remove(d, "slice-0", &e));
	ck_assert_int_eq(d->ops->look(d, "slice-0", &seen, &e), -ENOENT);
	real_do(driver_destroy(d, &e));
}
END_TEST

/* As after a CPU was offline and came back: groups in between lack it, and so each below. */
START_TEST(lost_cpus_are_given_back_to_the_groups_in_between)
{
	OPEN_OR_SKIP(d, "lost");
	static const char *const groups[] = {"cleave/lost", "cleave", "."};
	struct group_spec g = real_group(d, "slice-0", "0");
	struct cpuset all, cpus;

	real_do(cpuset_parse(allowed_cpus(), &all, &e));
	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(d->ops->allowed(d, &cpus, &e), 0);
	ck_assert(cpuset_is_equal(&cpus, &all));
	if (cpuset_is_equal(&all, &g.cpus)) {
		real_do(d->ops->remove(d, "slice-0", &e));
		real_do(driver_destroy(d, &e));
		test_skip("one CPU");
	}
	for (unsigned i = 0; i < 3; i++)
		real_do(control_write(AT_FDCWD, file_below(d, groups[i], "cpuset", "cpuset.cpus"),
				      "0", &e));
	ck_assert_int_lt(d->ops->set_cpus(d, "slice-0", &all, NULL, &e), 0);
	ck_assert_int_eq(d->ops->allowed(d, &cpus, &e), 1);
	ck_assert(cpuset_is_equal(&cpus, &all));
	real_do(d->ops->set_cpus(d, "slice-0", &all, NULL, &e));
	ck_assert_int_eq(d->ops->allowed(d, &cpus, &e), 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(processes_that_hot_unplug_moved_are_brought_back)
{
	OPEN_OR_SKIP(d, "unplug");
	struct group_spec g = real_group(d, "slice-0", "0"), h = real_group(d, "slice-1", "0");
	char cpus[4096], procs[4096], pid[16];
	pid_t children[3], bystander;

	snprintf(cpus, sizeof(cpus), "%s",
		 file_below(d, "cleave/unplug/slice-0", "cpuset", "cpuset.cpus"));
	snprintf(procs, sizeof(procs), "%s",
		 file_below(d, "cleave/unplug", "cpuset", "cgroup.procs"));
	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->create(d, &h, &e));
	bystander = real_spawn(d, "slice-1", "exec sleep 100", -1);
	for (unsigned i = 0; i < 3; i++)
		children[i] = real_spawn(d, "slice-0", "exec sleep 100", -1);
	ck_assert_int_eq(d->ops->bring_back(d, "slice-0", &e), 0);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(pid, sizeof(pid), "%d", children[i]);
		real_do(control_write(AT_FDCWD, procs, pid, &e));
	}
	snprintf(pid, sizeof(pid), "%d", bystander);
	real_do(control_write(AT_FDCWD, procs, pid, &e));
	/* The cpuset that they left has no CPU, and cannot take them before it has. */
	real_do(control_write(AT_FDCWD, cpus, "\n", &e));
	ck_assert_int_eq(d->ops->pids(d, "slice-0", NULL, 0, &e), 0);
	ck_assert_int_eq(d->ops->bring_back(d, "slice-0", &e), -ENOSPC);
	ck_assert_msg(strstr(e.msg, "slice-0/cgroup.procs"), "%s", e.msg);
	real_do(d->ops->set_cpus(d, "slice-0", &g.cpus, NULL, &e));
	ck_assert_int_eq(d->ops->bring_back(d, "slice-0", &e), 3);
	ck_assert_int_eq(d->ops->bring_back(d, "slice-0", &e), 0);
	ck_assert_int_eq(d->ops->pids(d, "slice-0", NULL, 0, &e), 3);
	ck_assert_int_eq(d->ops->bring_back(d, "slice-1", &e), 1);
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	real_do(d->ops->kill(d, "slice-1", 5000, &e));
	while (wait(NULL) > 0)
		;
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(d->ops->remove(d, "slice-1", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

static atomic_bool end_threads;
static pthread_barrier_t threads_run;

static void *spin(void *arg)
{
	pthread_barrier_wait(&threads_run);
	while (!atomic_load(&end_threads))
		;
	return arg;
}

static sem_t wake;

static void *rest(void *arg)
{
	pthread_barrier_wait(&threads_run);
	while (sem_wait(&wake))
		;
	return arg;
}

/* This process, with two threads that spin, two that sleep, and the one that asks. */
START_TEST(runnable_threads_are_counted_and_all_threads_brought_back)
{
	OPEN_OR_SKIP(d, "runs");
	struct group_spec g = real_group(d, GROUP_SUPERVISOR, "0");
	void *(*const bodies[])(void *) = {spin, spin, rest, rest};
	pthread_t threads[4];
	unsigned runnable = 0, inside = 0;
	char pid[16], text[65536];

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->runnable(d, GROUP_SUPERVISOR, &runnable, &e));
	ck_assert_uint_eq(runnable, 0);
	real_do(d->ops->enter(d, GROUP_SUPERVISOR, &e));
	pthread_barrier_init(&threads_run, NULL, 5);
	sem_init(&wake, 0, 0);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, bodies[i], NULL), 0);
	pthread_barrier_wait(&threads_run);
	/* The sleepers may still be on their way. */
	for (unsigned turn = 0; turn < 500 && runnable != 3; turn++) {
		real_do(d->ops->runnable(d, GROUP_SUPERVISOR, &runnable, &e));
		poll(NULL, 0, 10);
	}
	snprintf(pid, sizeof(pid), "%d", getpid());
	real_do(control_write(AT_FDCWD, file_below(d, "cleave/runs", "cpuset", "cgroup.procs"), pid,
			      &e));
	ck_assert_int_eq(d->ops->bring_back(d, GROUP_SUPERVISOR, &e), 1);
	real_do(control_read(AT_FDCWD, file_below(d, "cleave/runs/supervisor", "cpuset", "tasks"),
			     text, sizeof(text), &e));
	for (const char *c = text; *c; c++)
		inside += *c == '\n';
	atomic_store(&end_threads, true);
	sem_post(&wake);
	sem_post(&wake);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(runnable, 3);
	ck_assert_uint_eq(inside + 1, 5);
	real_do(d->ops->enter(d, NULL, &e));
	real_do(d->ops->remove(d, GROUP_SUPERVISOR, &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(out_of_memory_is_counted)
{
	OPEN_OR_SKIP(d, "oom");
	struct group_spec g = real_group(d, "slice-0", "0");
	struct sample s;
	char text[64];

	g.memory.max_bytes = 16 << 20;
	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(real_run(d, "slice-0",
				  "exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null",
				  text, sizeof(text)),
			 128 + SIGKILL);
	real_do(d->ops->sample(d, "slice-0", &s, &e));
	ck_assert_uint_ge(s.oom_kills, 1);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(cpus_that_are_not_there_are_an_error)
{
	OPEN_OR_SKIP(d, "absent");
	struct group_spec g = real_group(d, "slice-0", "0"),
			  absent = real_group(d, "slice-1", "4000");
	struct cpuset none = {0};

	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_lt(d->ops->set_cpus(d, "slice-0", &absent.cpus, NULL, &e), 0);
	ck_assert_msg(strstr(e.msg, "4000"), "%s", e.msg);
	ck_assert_int_lt(d->ops->set_cpus(d, "slice-0", &none, NULL, &e), 0);
	ck_assert_msg(strstr(e.msg, "without a CPU"), "%s", e.msg);
	ck_assert_int_lt(d->ops->create(d, &absent, &e), 0);
	/* What failed half-way left nothing. */
	ck_assert(!real_tree_has(own_root, "slice-1"));
	ck_assert_int_lt(d->ops->set_cpus(d, "../../../x", &g.cpus, NULL, &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* Who only shows what there is makes nothing, and needs no right to. */
START_TEST(an_observer_makes_nothing)
{
	struct driver_request request = {.cluster = "seen",
					 .cgroup_root = own_root,
					 .backend = BACKEND_CGROUP,
					 .intent = DRIVER_OBSERVE};
	static struct observation o;
	struct driver *observer;
	char location[PROFILE_PATH];
	struct err none;
	OPEN_OR_SKIP(d, "other");
	struct group_spec g = real_group(d, "slice-0", "0");

	ck_assert_int_eq(driver_open(&request, &observer, &none), -ENOENT);
	ck_assert(!real_tree_has(own_root, "seen"));
	real_do(driver_destroy(d, &e));
	ck_assert(!real_tree_has("", own_root));
	ck_assert_int_eq(driver_open(&request, &observer, &none), -ENOENT);
	ck_assert(!real_tree_has("", own_root));

	d = open_here("seen", NULL, why_, sizeof(why_));
	real_do(d->ops->create(d, &g, &e));
	real_do(driver_open(&request, &observer, &e));
	real_do(observer->ops->observe(observer, &o, &e));
	ck_assert_uint_eq(o.count, 1);
	ck_assert(cpuset_is_equal(&o.groups[0].cpus, &g.cpus));
	observer->ops->close(observer);
	/* A location whose groups are gone, as after a reboot. */
	snprintf(location, sizeof(location), "%s", driver_location(d));
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
	request.cgroup_root = NULL;
	request.location = location;
	ck_assert_int_eq(driver_open(&request, &observer, &none), -ENOENT);
	ck_assert(!real_tree_has("", own_root));
	ck_assert(!real_tree_has("cleave", "seen"));
}
END_TEST

/* A process in a group that is called as ours, in a tree that is somebody else's. */
START_TEST(a_group_elsewhere_of_the_same_name_is_another)
{
	struct driver *there;
	struct driver_request request = {.cluster = "same", .backend = BACKEND_CGROUP};
	struct group_spec g;
	char elsewhere[80];
	pid_t ours, other;
	OPEN_OR_SKIP(d, "same");

	snprintf(elsewhere, sizeof(elsewhere), "%s/deleg", own_root);
	request.cgroup_root = elsewhere;
	g = real_group(d, "slice-0", "0");
	real_do(d->ops->create(d, &g, &e));
	real_do(driver_open(&request, &there, &e));
	real_do(there->ops->create(there, &g, &e));
	ours = real_spawn(d, "slice-0", "sleep 100; :", -1);
	other = real_spawn(there, "slice-0", "sleep 100; :", -1);
	ck_assert(d->ops->has(d, "slice-0", ours));
	ck_assert(there->ops->has(there, "slice-0", other));
	ck_assert(!d->ops->has(d, "slice-0", other));
	ck_assert(!there->ops->has(there, "slice-0", ours));
	ck_assert(!d->ops->has(d, "slice-1", ours));
	real_do(there->ops->kill(there, "slice-0", 5000, &e));
	waitpid(other, NULL, 0);
	real_do(there->ops->remove(there, "slice-0", &e));
	real_do(driver_destroy(there, &e));
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	waitpid(ours, NULL, 0);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(another_driver_finds_the_groups_again)
{
	OPEN_OR_SKIP(d, "adopted");
	struct group_spec g = real_group(d, "slice-0", "0"), h = real_group(d, "host", "0");
	static struct observation o;
	char location[PROFILE_PATH], why[ERR_TEXT];
	struct driver *other;
	pid_t pid;

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->create(d, &h, &e));
	pid = real_spawn(d, "slice-0", "exec sleep 100", -1);
	snprintf(location, sizeof(location), "%s", driver_location(d));
	d->ops->close(d); /* as kill -9 does */
	other = open_here("adopted", location, why, sizeof(why));
	ck_assert_msg(other, "%s", why);
	real_do(other->ops->observe(other, &o, &e));
	ck_assert_uint_eq(o.count, 2);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(o.groups[i].populated, !strcmp(o.groups[i].name, "slice-0"));
	real_do(other->ops->kill(other, "slice-0", 5000, &e));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	real_do(other->ops->remove(other, "slice-0", &e));
	real_do(other->ops->remove(other, "host", &e));
	real_do(driver_destroy(other, &e));
	ck_assert(!real_tree_has("", own_root));
}
END_TEST

START_TEST(a_group_made_anew_by_another_driver_is_observed)
{
	OPEN_OR_SKIP(d, "anew");
	struct group_spec g = real_group(d, "slice-0", "0");
	static struct observation o;
	char why[ERR_TEXT];
	struct driver *other = open_here("anew", driver_location(d), why, sizeof(why));

	ck_assert_msg(other, "%s", why);
	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->observe(d, &o, &e));
	real_do(other->ops->remove(other, "slice-0", &e));
	g.weight = 300;
	real_do(other->ops->create(other, &g, &e));
	other->ops->close(other);
	real_do(d->ops->observe(d, &o, &e)); /* its descriptors are of the group that is gone */
	ck_assert_uint_eq(o.count, 1);
	ck_assert_uint_eq(o.groups[0].weight, 300);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(two_clusters_see_each_other)
{
	OPEN_OR_SKIP(d, "one");
	struct group_spec g = real_group(d, "slice-0", "0");
	char by[NAME_MAX_BYTES + 1], why[ERR_TEXT];
	struct cpuset taken;
	struct driver *two = open_here("two", NULL, why, sizeof(why));

	ck_assert_msg(two, "%s", why);
	real_do(d->ops->create(d, &g, &e));
	taken = real_taken(own_root, "two", by);
	ck_assert(cpuset_has(&taken, 0));
	taken = real_taken(own_root, "one", by);
	ck_assert_msg(strcmp(by, "one") != 0, "a cluster takes its own CPUs");
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
	ck_assert_msg(real_tree_has("", own_root),
		      "the parent went while another cluster was in it");
	real_do(driver_destroy(two, &e));
	ck_assert(!real_tree_has("", own_root));
}
END_TEST

START_TEST(the_supervisor_enters_its_leaf_and_leaves_it)
{
	OPEN_OR_SKIP(d, "enter");
	struct group_spec g = real_group(d, GROUP_SUPERVISOR, "0");
	char before[4096], inside[4096], after[4096];

	g.weight = WEIGHT_MAX;
	real_do(d->ops->create(d, &g, &e));
	real_do(control_read(AT_FDCWD, "/proc/self/cgroup", before, sizeof(before), &e));
	real_do(d->ops->enter(d, GROUP_SUPERVISOR, &e));
	real_do(control_read(AT_FDCWD, "/proc/self/cgroup", inside, sizeof(inside), &e));
	ck_assert_ptr_nonnull(strstr(inside, "/cleave/enter/supervisor"));
	real_do(d->ops->enter(d, NULL, &e));
	real_do(control_read(AT_FDCWD, "/proc/self/cgroup", after, sizeof(after), &e));
	ck_assert_str_eq(before, after);
	real_do(d->ops->remove(d, GROUP_SUPERVISOR, &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(ops_of_a_plan_are_applied_in_order)
{
	OPEN_OR_SKIP(d, "ops");
	static struct plan plan;
	static struct oplist ops;
	static struct profile profile;
	static struct observation o;
	size_t done;

	profile_default(&profile);
	plan.slice_count = 1;
	snprintf(plan.slices[0].name, sizeof(plan.slices[0].name), "slice-0");
	cpuset_add(&plan.slices[0].cpus, 0);
	plan.slices[0].nodes = plan.host.nodes = d->nodes;
	ops.ops[ops.count++] = (struct op){OP_SET_HOST, 0, "host", plan.slices[0].cpus, 0};
	ops.ops[ops.count++] = (struct op){OP_CREATE, 0, "slice-0", plan.slices[0].cpus, 100};
	ops.ops[ops.count++] = (struct op){OP_SET_WEIGHT, 0, "slice-0", {{0}}, WEIGHT_MAX};
	ops.ops[ops.count++] = (struct op){OP_SET_CPUS, 0, "slice-9", plan.slices[0].cpus, 0};
	for (done = 0; done < 3; done++)
		real_do(driver_execute(d, &ops.ops[done], &plan, &profile, NULL, &e));
	ck_assert_int_lt(driver_execute(d, &ops.ops[done], &plan, &profile, NULL, &e), 0);
	ck_assert_msg(strstr(e.msg, "slice-9"), "%s", e.msg);
	real_do(d->ops->observe(d, &o, &e));
	ck_assert_uint_eq(o.count, 2);
	real_do(driver_execute(d, &(struct op){.kind = OP_REMOVE, .name = "slice-0"}, &plan,
			       &profile, NULL, &e));
	real_do(d->ops->remove(d, "host", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* As the sentence about missing rights says: root makes the group and gives it away. */
static void give_away(const char *location, uid_t uid)
{
	char file[1024], path[512];

	for (const char *c = strchr(location, '/'); c; c = strchr(c, '/')) {
		size_t size = strcspn(c, " ");

		snprintf(path, sizeof(path), "%.*s", (int)size, c);
		c += size;
		ck_assert(!mkdir(path, 0755) || errno == EEXIST);
		ck_assert_int_eq(chown(path, uid, uid), 0);
		for (unsigned i = 0; i < 4; i++) {
			static const char *const files[] = {"cgroup.procs", "tasks", "cpuset.cpus",
							    "cpuset.mems"};

			snprintf(file, sizeof(file), "%s/%s", path, files[i]);
			ck_assert(!chown(file, uid, uid) || errno == ENOENT);
		}
	}
}

START_TEST(a_user_works_in_what_root_gave_him)
{
	OPEN_OR_SKIP(d, "probe");
	struct group_spec g = real_group(d, "slice-0", "0");
	char location[PROFILE_PATH], text[4096];

	snprintf(location, sizeof(location), "%s", driver_location(d));
	real_do(driver_destroy(d, &e));
	give_away(location, 65534);
	ck_assert_int_eq(setresgid(65534, 65534, 65534) | setresuid(65534, 65534, 65534), 0);
	d = real_open(&(struct driver_request){.cluster = "mine", .cgroup_root = own_root}, why_,
		      sizeof(why_));
	ck_assert_msg(d, "%s", why_);
	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(real_run(d, "slice-0", "cat /proc/self/cgroup", text, sizeof(text)), 0);
	ck_assert_msg(strstr(text, "/cleave/mine/slice-0"), "%s", text);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
	ck_assert(!real_tree_has(own_root, "cleave"));
}
END_TEST

TEST_MAIN("cgroup1",
	  test_case("groups", a_group_has_what_it_was_made_with,
		    every_weight_survives_the_conversion, cpus_that_are_not_there_are_an_error,
		    an_observer_makes_nothing, a_group_elsewhere_of_the_same_name_is_another,
		    another_driver_finds_the_groups_again,
		    a_group_made_anew_by_another_driver_is_observed, two_clusters_see_each_other,
		    ops_of_a_plan_are_applied_in_order),
	  test_case("processes", a_process_is_in_all_groups_from_its_first_instruction,
		    a_wider_cpuset_reaches_a_running_process, kill_ends_everything_and_only_that,
		    the_supervisor_enters_its_leaf_and_leaves_it,
		    a_user_works_in_what_root_gave_him),
	  test_case("samples", a_sample_counts_time_memory_and_processes, out_of_memory_is_counted,
		    a_tick_sees_each_process_come_and_go,
		    runnable_threads_are_counted_and_all_threads_brought_back),
	  test_case("others", what_somebody_else_wrote_is_seen,
		    lost_cpus_are_given_back_to_the_groups_in_between,
		    processes_that_hot_unplug_moved_are_brought_back))
