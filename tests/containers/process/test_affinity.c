/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend: affinity, with real processes: masks, threads, adoption, the end; and strangers, which
 * need root.
 * link: -Wl,--wrap=poll -Wl,--wrap=proc_list
 */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "containers/driver.h"
#include "containers/proc/process.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

enum { WORKERS = 65533, STRANGER = 65534 };

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
DIR *__real_proc_list(pid_t pid);
DIR *__wrap_proc_list(pid_t pid);

static unsigned waits, walks; /* so far */

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	waits++;
	return __real_poll(fds, count, timeout_ms);
}

DIR *__wrap_proc_list(pid_t pid)
{
	walks += !pid;
	return __real_proc_list(pid);
}

static struct driver *open_affinity(const char *cluster)
{
	struct driver_request r = {
		.cluster = cluster, .backend = BACKEND_AFFINITY, .user = WORKERS};
	struct driver *d;
	struct err e = {0};

	ck_assert_msg(driver_open(&r, &d, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(d->ops->name, "affinity");
	return d;
}

static struct cpuset mask_of(pid_t pid)
{
	struct cpuset mask = {0};

	ck_assert_int_gt(syscall(SYS_sched_getaffinity, pid, sizeof(mask.words), mask.words), 0);
	return mask;
}

static struct group_spec first_cpu(const struct driver *d, const char *name)
{
	struct group_spec g = {.name = name, .weight = WEIGHT_DEFAULT, .nodes = d->nodes};
	struct cpuset all = real_allowed();

	cpuset_add(&g.cpus, cpuset_first(&all));
	return g;
}

static void end_all(struct driver *d, const char *group, pid_t pid)
{
	struct err e = {0};

	real_do(d->ops->kill(d, group, 5000, &e));
	if (pid)
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	real_do(d->ops->remove(d, group, &e));
}

START_TEST(a_process_is_bound_and_counted)
{
	struct driver *d = open_affinity("aff-bound");
	struct group_spec g = first_cpu(d, "slice-0");
	struct sample s;
	struct cpuset mask;
	struct err e = {0};
	pid_t pid, pids[8];
	int out[2];

	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid = real_spawn(d, "slice-0", "echo; exec sleep 100", out[1]);
	real_wait_byte(out[0]);
	mask = mask_of(pid);
	ck_assert(cpuset_is_equal(&mask, &g.cpus));
	ck_assert_int_eq(d->ops->pids(d, "slice-0", pids, 8, &e), 1);
	ck_assert_int_eq(pids[0], pid);
	ck_assert_int_eq(d->ops->pids(d, "slice-1", pids, 8, &e), 0);
	real_do(d->ops->sample(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.processes, 1);
	ck_assert_uint_gt(s.memory_bytes, 0);
	ck_assert_int_lt(d->ops->remove(d, "slice-0", &e), 0);
	end_all(d, "slice-0", pid);
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(a_new_mask_reaches_children_and_threads)
{
	struct driver *d = open_affinity("aff-mask");
	struct group_spec g = first_cpu(d, "slice-0");
	struct cpuset all = real_allowed(), effective;
	struct err e = {0};
	pid_t pid, pids[16];
	int out[2], n;

	if (cpuset_count(&all) < 2)
		test_skip("one CPU");
	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid = real_spawn(d, "slice-0", "for i in 1 2 3; do sleep 100 & done; echo; wait", out[1]);
	real_wait_byte(out[0]);
	real_do(d->ops->set_cpus(d, "slice-0", &all, &effective, &e));
	n = d->ops->pids(d, "slice-0", pids, 16, &e);
	ck_assert_int_eq(n, 4);
	for (int i = 0; i < n; i++) {
		struct cpuset mask = mask_of(pids[i]);

		ck_assert_msg(cpuset_is_equal(&mask, &all), "pid %d: %s", pids[i],
			      CPUSET_STRING(&mask));
	}
	end_all(d, "slice-0", pid);
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(another_driver_finds_processes_again)
{
	struct driver *d = open_affinity("aff-again");
	struct group_spec g = first_cpu(d, "slice-5");
	static struct observation o;
	struct err e = {0};
	int out[2];
	pid_t pid;

	real_do(d->ops->create(d, &g, &e));
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid = real_spawn(d, "slice-5", "echo; exec sleep 100", out[1]);
	real_wait_byte(out[0]);
	d->ops->close(d);
	d = open_affinity("aff-again");
	real_do(d->ops->observe(d, &o, &e));
	ck_assert_uint_eq(o.count, 1);
	ck_assert_str_eq(o.groups[0].name, "slice-5");
	ck_assert(o.groups[0].populated);
	ck_assert(cpuset_is_equal(&o.groups[0].cpus, &g.cpus));
	ck_assert(cpuset_is_equal(&o.groups[0].nodes, &g.nodes));
	/* A cluster whose name begins alike has nothing to do with it. */
	d->ops->close(d);
	d = open_affinity("aff");
	real_do(d->ops->observe(d, &o, &e));
	ck_assert_uint_eq(o.count, 0);
	d->ops->close(d);
	d = open_affinity("aff-again");
	real_do(d->ops->observe(d, &o, &e));
	ck_assert_int_lt(d->ops->destroy(d, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "still has processes"));
	end_all(d, "slice-5", pid);
	real_do(driver_destroy(d, &e));
}
END_TEST

START_TEST(weights_are_impossible)
{
	struct driver *d = open_affinity("aff-weight");
	struct group_spec g = first_cpu(d, "slice-0");
	struct err e = {0};

	real_do(d->ops->create(d, &g, &e));
	real_do(d->ops->set_weight(d, "slice-0", WEIGHT_DEFAULT, &e));
	ck_assert_int_lt(d->ops->set_weight(d, "slice-0", WEIGHT_MAX, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_int_lt(d->ops->set_cpus(d, "slice-9", &g.cpus, NULL, &e), 0);
	ck_assert_int_lt(d->ops->set_cpus(d, "", &g.cpus, NULL, &e), 0);
	d->ops->close(d);
}
END_TEST

/* ---- strangers */

struct impostor {
	uid_t real, effective;
	const char *program; /* of python3 */
	const char *mark;    /* NULL: it has no environment at all */
};

/* Start one, and wait until its program runs. */
static pid_t start_impostor(const struct impostor *s)
{
	char python[] = "python3", option[] = "-c", program[300], mark[100] = "";
	char *argv[] = {python, option, program, NULL};
	char *envp[] = {s->mark ? mark : NULL, NULL};
	int out[2];
	pid_t pid;

	snprintf(program, sizeof(program),
		 "import os, time; %s; os.write(1, b'.'); time.sleep(100)", s->program);
	snprintf(mark, sizeof(mark), "CLEAVE_GROUP=%s", s->mark ? s->mark : "");
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		if (setresuid(s->real, s->effective, s->effective) == 0)
			execve("/usr/bin/python3", argv, envp);
		_exit(127);
	}
	close(out[1]);
	real_wait_byte(out[0]);
	close(out[0]);
	return pid;
}

static void end_stranger(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/*
 * A mark proves nothing of a process that is nobody's of ours, whoever it is executed as: neither
 * seen nor killed, nor in the way of who makes the cluster or ends it.
 */
START_TEST(marks_of_strangers_count_for_nothing)
{
	static const struct impostor strangers[] = {
		{STRANGER, STRANGER, "0", "aff-str/slice-0:0:0"},
		/* A set-uid program; one that has become root altogether, as su does. */
		{STRANGER, 0, "0", "aff-str/slice-0:0:0"},
		{STRANGER, 0, "os.setresuid(0, 0, 0)", "aff-str/slice-0:0:0"},
		{STRANGER, 0, "os.setresuid(65533, 65533, 65533)", "aff-str/slice-0:0:0"},
	};
	static struct observation o;
	struct driver *d;
	struct err e = {0};
	pid_t pid, pids[8];

	if (geteuid() || access("/usr/bin/python3", X_OK))
		test_skip("root and python3 are needed");
	for (unsigned i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		pid = start_impostor(&strangers[i]);
		d = open_affinity("aff-str");
		real_do(d->ops->observe(d, &o, &e));
		ck_assert_msg(o.count == 0, "stranger %u", i);
		ck_assert_int_eq(d->ops->pids(d, "slice-0", pids, 8, &e), 0);
		ck_assert(!d->ops->has(d, "slice-0", pid));
		real_do(d->ops->kill(d, "slice-0", 5000, &e));
		ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
		real_do(driver_destroy(d, &e));
		end_stranger(pid);
	}
}
END_TEST

/* The workers' user is no stranger. */
START_TEST(marks_of_the_workers_user_count)
{
	static const struct impostor worker = {WORKERS, WORKERS, "0", "aff-user/slice-0:0:0"};
	struct driver *d;
	struct err e = {0};
	pid_t pid, pids[8];

	if (geteuid() || access("/usr/bin/python3", X_OK))
		test_skip("root and python3 are needed");
	pid = start_impostor(&worker);
	d = open_affinity("aff-user");
	ck_assert_int_eq(d->ops->pids(d, "slice-0", pids, 8, &e), 1);
	ck_assert_int_eq(pids[0], pid);
	ck_assert(d->ops->has(d, "slice-0", pid));
	ck_assert(!d->ops->has(d, "slice-1", pid));
	end_all(d, "slice-0", pid);
	real_do(driver_destroy(d, &e));
}
END_TEST

/* Who has no environment for good is not waited for as if it were executing a program. */
START_TEST(empty_environments_do_not_stop_a_walk)
{
	const struct impostor empty = {geteuid(), geteuid(), "0", NULL};
	static struct observation o;
	struct driver *d;
	struct err e = {0};
	pid_t pids[40];

	if (access("/usr/bin/python3", X_OK))
		test_skip("python3 is needed");
	for (unsigned i = 0; i < 40; i++)
		pids[i] = start_impostor(&empty);
	waits = 0;
	d = open_affinity("aff-empty");
	ck_assert_uint_le(waits, 20);
	real_do(d->ops->observe(d, &o, &e));
	ck_assert_uint_le(waits, 40);
	for (unsigned i = 0; i < 40; i++)
		end_stranger(pids[i]);
	real_do(driver_destroy(d, &e));
}
END_TEST

/* What is asked of all groups at one tick is one walk. */
START_TEST(questions_share_a_walk)
{
	static const char *const names[] = {"slice-0", "slice-1", "slice-2", "slice-3"};
	struct driver *d = open_affinity("aff-walks");
	static struct observation o;
	struct sample s;
	struct err e = {0};
	pid_t pid, pids[8];

	for (unsigned i = 0; i < 4; i++) {
		struct group_spec g = first_cpu(d, names[i]);

		real_do(d->ops->create(d, &g, &e));
	}
	walks = 0;
	real_do(d->ops->observe(d, &o, &e));
	for (unsigned i = 0; i < 4; i++) {
		real_do(d->ops->sample(d, names[i], &s, &e));
		real_do(d->ops->pids(d, names[i], pids, 8, &e));
	}
	ck_assert_uint_le(walks, 2); /* a slow machine may need another */
	/* What we start is seen at once. */
	pid = real_spawn(d, "slice-1", "sleep 100; :", -1);
	ck_assert_int_ge(d->ops->pids(d, "slice-1", pids, 8, &e), 1);
	end_all(d, "slice-1", pid);
	d->ops->close(d);
}
END_TEST

TEST_MAIN("affinity",
	  test_case("affinity", a_process_is_bound_and_counted,
		    a_new_mask_reaches_children_and_threads, another_driver_finds_processes_again,
		    weights_are_impossible),
	  test_case("strangers", marks_of_strangers_count_for_nothing,
		    marks_of_the_workers_user_count, empty_environments_do_not_stop_a_walk,
		    questions_share_a_walk))
