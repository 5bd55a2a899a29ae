/* SPDX-License-Identifier: Apache-2.0 */
/* What processes and CPUs use, from texts of /proc and from processes of the test's own. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/measure/sample.h"
#include "tests/harness.h"

enum { MIB = 1 << 20, WAIT_MS = 20, WAITS = 500 };

static struct cpuset cpus(const char *text)
{
	struct cpuset set;
	struct err e;

	ck_assert_int_eq(cpuset_parse(text, &set, &e), 0);
	return set;
}

/* ---- texts */

static const char stat_text[] = "cpu  1000 0 1000 9000 1000 0 0 0 0 0\n"
				"cpu0 100 5 200 300 40 3 2 50 77 0\n"
				"cpu1 1 1 1 1 1 1 1 1 0 0\n"
				"cpu10 10 10 10 10 10 10 10 10 0 0\n"
				"intr 123 4 5\n";

START_TEST(times_are_those_of_the_asked_cpus)
{
	struct cpuset first = cpus("0"), two = cpus("0,10"), missing = cpus("0,2"), none = {0};
	struct cpu_times t = {0};

	ck_assert(cpu_times_parse(stat_text, &first, &t));
	/* Guest time, the ninth number, is in the first one already. */
	ck_assert_uint_eq(t.all, 700);
	ck_assert_uint_eq(t.idle, 340);
	ck_assert(cpu_times_parse(stat_text, &two, &t));
	ck_assert_uint_eq(t.all, 780);
	ck_assert_uint_eq(t.idle, 360);
	ck_assert(!cpu_times_parse(stat_text, &missing, &t));
	ck_assert(!cpu_times_parse(stat_text, &none, &t));
	ck_assert(!cpu_times_parse("", &first, &t));
	ck_assert_uint_eq(t.all, 780);
}
END_TEST

START_TEST(idle_is_a_share_of_the_time_between)
{
	const struct cpu_times before = {100, 400}, after = {150, 600}, back = {90, 600};

	ck_assert_double_eq_tol(cpu_times_idle(&before, &after), 0.25, 1e-9);
	ck_assert(cpu_times_idle(&before, &before) < 0);
	/* iowait may go back (Documentation/filesystems/proc.rst) */
	ck_assert(cpu_times_idle(&before, &back) < 0);
}
END_TEST

/* Two nodes of four CPUs each, and a node of memory alone. */
static const struct topology *machine(void)
{
	static struct topology t;

	t.node_count = 3;
	for (unsigned i = 0; i < 3; i++)
		t.nodes[i].id = (uint16_t)i;
	t.nodes[0].cpus = cpus("0-3");
	t.nodes[1].cpus = cpus("4-7");
	return &t;
}

START_TEST(pages_and_cpus_on_the_same_node_are_local)
{
	const struct cpuset all = cpus("0-7"), first = cpus("0-3"), most = cpus("0-5"), none = {0};
	struct node_bytes n = {0};

	ck_assert(node_bytes_local(&n, machine(), &all) < 0);
	node_bytes_add(&n,
		       "55d0 default file=/usr/bin/java mapped=3 N0=2 N1=1 kernelpagesize_kB=4\n");
	node_bytes_add(&n, "7f00 bind:0 anon=1 dirty=1 N0=1 kernelpagesize_kB=2048\n");
	node_bytes_add(&n, "7ffd default stack anon=2 dirty=2 N1=2 kernelpagesize_kB=4\n");
	node_bytes_add(&n, "7ffe default\n");
	node_bytes_add(&n, "junk N N=1 N9999999=7 Nx=4 N0= kernelpagesize_kB=nothing\n");
	ck_assert_uint_eq(n.bytes[0], 2 * 4096 + 2 * MIB);
	ck_assert_uint_eq(n.bytes[1], 3 * 4096);

	n = (struct node_bytes){.bytes = {3 * MIB, MIB}};
	ck_assert_double_eq_tol(node_bytes_local(&n, machine(), &first), 0.75, 1e-9);
	/* Unbound on two nodes: half, wherever the pages are. */
	ck_assert_double_eq_tol(node_bytes_local(&n, machine(), &all), 0.5, 1e-9);
	ck_assert_double_eq_tol(node_bytes_local(&n, machine(), &most), 0.75 * 4 / 6 + 0.25 * 2 / 6,
				1e-9);
	ck_assert(node_bytes_local(&n, machine(), &none) < 0);
	n.bytes[2] = 4 * MIB;
	ck_assert_double_eq_tol(node_bytes_local(&n, machine(), &first), 0.375, 1e-9);
}
END_TEST

START_TEST(written_bytes_are_the_disks)
{
	ck_assert_uint_eq(io_written("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: "
				     "5\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n"),
			  4096);
	ck_assert_uint_eq(io_written("cancelled_write_bytes: 7"), 0);
	ck_assert_uint_eq(io_written(""), 0);
}
END_TEST

/* ---- processes */

/* A child with a child that has so much memory; both wait until they are killed. */
static pid_t start_family(size_t bytes, pid_t *grandchild)
{
	int ends[2];
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		pid_t own = fork();

		if (own == 0) {
			volatile char *memory = malloc(bytes + 1);

			for (size_t i = 0; i < bytes; i += 1024)
				memory[i] = 1;
			own = getpid();
			if (write(ends[1], &own, sizeof(own)) != sizeof(own))
				_exit(1);
		}
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ends[0], grandchild, sizeof(*grandchild)), sizeof(*grandchild));
	close(ends[0]);
	close(ends[1]);
	return child;
}

START_TEST(memory_of_grandchildren_counts)
{
	cleanup_sampler struct sampler s = {0};
	struct topology one = {.node_count = 1};
	pid_t grandchild, child = start_family(64 * MIB, &grandchild);

	ck_assert_int_eq(sampler_begin(&s, &child, 1, &one), 0);
	ck_assert_uint_eq(sampler_peak_bytes(&s), UINT64_MAX);
	sampler_look(&s);
	ck_assert_uint_eq(s.family.count, 2);
	ck_assert_uint_ge(sampler_peak_bytes(&s), 64 * MIB);
	ck_assert_uint_lt(sampler_peak_bytes(&s), 1024 * (uint64_t)MIB);
	ck_assert_double_eq(sampler_local_share(&s), 1);
	/* It is too early: nothing is looked at. */
	s.peak_bytes = 0;
	sampler_look(&s);
	ck_assert_uint_eq(s.peak_bytes, 0);

	family_kill(&s.family);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(family_wait(&s.family, WAIT_MS * WAITS));
}
END_TEST

/* One whose parent ended is init's, and is ended all the same. */
START_TEST(orphans_stay_in_the_family)
{
	cleanup_family struct family f = {0};
	pid_t grandchild, child = start_family(0, &grandchild);

	ck_assert_int_eq(family_add(&f, child), 0);
	ck_assert_int_eq(family_add(&f, child), 0);
	ck_assert_int_eq(family_look(&f), 0);
	ck_assert_uint_eq(f.count, 2);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(kill(grandchild, 0), 0);
	ck_assert(!family_wait(&f, 0));
	family_kill(&f);
	ck_assert(family_wait(&f, WAIT_MS * WAITS));
}
END_TEST

/* What a child wrote is its parent's once that has waited for it, and is not counted twice. */
START_TEST(children_that_were_waited_for_are_told_by_their_parent)
{
	struct sampler s = {.has_written = true, .written_before = 10};
	struct relative items[] = {
		{.id = {100, 1}, .parent = 1, .is_here = true, .written_bytes = 50},
		{.id = {101, 1}, .parent = 100, .is_here = true, .written_bytes = 7},
		{.id = {102, 1}, .parent = 100, .is_here = false, .written_bytes = 40},
		{.id = {103, 1}, .parent = 102, .is_here = false, .written_bytes = 3},
	};

	s.family = (struct family){items, 4, 4};
	ck_assert_uint_eq(sampler_written_bytes(&s), 50 + 7 + 3 - 10);
	s.has_written = false;
	ck_assert_uint_eq(sampler_written_bytes(&s), UINT64_MAX);
}
END_TEST

TEST_MAIN("sample",
	  test_case("texts", times_are_those_of_the_asked_cpus, idle_is_a_share_of_the_time_between,
		    pages_and_cpus_on_the_same_node_are_local, written_bytes_are_the_disks),
	  test_case("processes", memory_of_grandchildren_counts, orphans_stay_in_the_family,
		    children_that_were_waited_for_are_told_by_their_parent))
