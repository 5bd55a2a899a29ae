/* SPDX-License-Identifier: Apache-2.0 */
/* backend: affinity, with real processes: masks, threads, adoption, the end. No right is needed. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "containers/driver.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static struct driver *open_affinity(const char *cluster)
{
	struct driver_request r = {.cluster = cluster, .backend = BACKEND_AFFINITY};
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

TEST_MAIN("affinity", test_case("affinity", a_process_is_bound_and_counted,
				a_new_mask_reaches_children_and_threads,
				another_driver_finds_processes_again, weights_are_impossible))
