/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/host_cpus.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/harness.h"

static struct topology t;

/* What the files hold (NULL: they are not there), and what is read. */
static const struct {
	const char *isolated, *nohz_full, *partitions, *command_line;
	const char *are_isolated, *are_nohz_full, *are_rcu_nocbs;
} table[] = {
	{NULL, NULL, NULL, NULL, "", "", ""},
	{"\n", "\n", "\n", "\n", "", "", ""},
	{"2-3,6\n", "4-7\n", NULL, "isolcpus=2,3,6 nohz_full=4-7\n", "2-3,6", "4-7", ""},
	/* not for load balancing: the kernel does not list them */
	{"\n", "1\n", NULL, "isolcpus=nohz,1\n", "", "1", ""},
	{"\n", "  (null)\n", NULL, "", "", "", ""},
	{"frog\n", "-\n", "7-5\n", "rcu_nocbs=frog", "", "", ""},
	{"2\n", NULL, "4-5\n", "", "2,4-5", "", ""},
	{NULL, NULL, NULL, "quiet rcu_nocbs=1-3,6 x", "", "", "1-3,6"},
	{NULL, NULL, NULL, "rcu-nocbs=5", "", "", "5"},
	{NULL, NULL, NULL, "\"rcu_nocbs=5\" y", "", "", "5"},
	{NULL, NULL, NULL, "rcu_nocbs=\"1,5\"", "", "", "1,5"},
	{NULL, NULL, NULL, "rcu_nocbs", "", "", "0-7"},
	{NULL, NULL, NULL, "rcu_nocbs=all", "", "", "0-7"},
	{NULL, NULL, NULL, "rcu_nocbs=4-N", "", "", "4-7"},
	{NULL, NULL, NULL, "rcu_nocbs=0-7:1/2", "", "", "0,2,4,6"},
	{NULL, NULL, NULL, "rcu_nocbs=0-7:2/4,7", "", "", "0-1,4-5,7"},
	{NULL, NULL, NULL, "rcu_nocbs=6-999999999999999999999", "", "", "6-7"},
	{NULL, NULL, NULL, "rcu_nocbs=1 rcu_nocbs=2", "", "", "2"},
	{NULL, NULL, NULL, "rcu_nocbs=1,,2", "", "", ""},
	{NULL, NULL, NULL, "rcu_nocbs=3-1", "", "", ""},
	{NULL, NULL, NULL, "rcu_nocbs=0-7:0/2", "", "", ""},
	{NULL, NULL, NULL, "rcu_nocbs=0-7:1/0", "", "", ""},
	{NULL, NULL, NULL, "rcu_nocbs_x=1 xrcu_nocbs=1 rcu_nocb=1", "", "", ""},
	{NULL, NULL, NULL, "quiet -- rcu_nocbs=1", "", "", ""},
};

START_TEST(cpus_apart_are_what_the_kernel_says)
{
	int root;

	test_put("sys/devices/system/cpu/possible", "0-7\n");
	root = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(root, 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		test_put("sys/devices/system/cpu/isolated", table[i].isolated);
		test_put("sys/devices/system/cpu/nohz_full", table[i].nohz_full);
		test_put("sys/fs/cgroup/cpuset.cpus.isolated", table[i].partitions);
		test_put("proc/cmdline", table[i].command_line);
		memset(&t, 0xff, sizeof(t));
		host_cpus_read(root, "/sys/fs/cgroup", &t);
		ck_assert_msg(
			!strcmp(CPUSET_STRING(&t.isolated), table[i].are_isolated) &&
				!strcmp(CPUSET_STRING(&t.nohz_full), table[i].are_nohz_full) &&
				!strcmp(CPUSET_STRING(&t.rcu_nocbs), table[i].are_rcu_nocbs),
			"row %zu: isolated %s, nohz_full %s, rcu_nocbs %s", i,
			CPUSET_STRING(&t.isolated), CPUSET_STRING(&t.nohz_full),
			CPUSET_STRING(&t.rcu_nocbs));
	}
	close(root);
}
END_TEST

/* The partitions of a v2 tree that is mounted nowhere are not asked for. */
START_TEST(without_a_v2_tree_there_are_no_partitions)
{
	int root;

	test_put("cpuset.cpus.isolated", "3\n");
	root = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	host_cpus_read(root, "", &t);
	ck_assert(cpuset_is_empty(&t.isolated));
	close(root);
}
END_TEST

TEST_MAIN("host_cpus", test_case("files", cpus_apart_are_what_the_kernel_says,
				 without_a_v2_tree_there_are_no_partitions))
