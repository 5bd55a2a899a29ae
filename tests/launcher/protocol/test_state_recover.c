/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a cluster whose state is lost: its home sets by home.json, its ports and
 * addresses by its daemons.
 */

#include "launcher/protocol/state_recover.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "decision/reconcile/actual.h"
#include "launcher/system/files.h"
#include "tests/harness.h"

static struct cluster cluster;
static struct plan wanted, recorded, actual;
static struct observation seen;
static struct oplist ops;
static struct err e;

static struct cpuset range(unsigned first, unsigned last)
{
	struct cpuset cpus = {0};

	for (unsigned i = first; i <= last; i++)
		cpuset_add(&cpus, i);
	return cpus;
}

/* Two slices of 16 CPUs, split before CPU `second`. */
static void make_plan(unsigned second, struct plan *p)
{
	memset(p, 0, sizeof(*p));
	p->allowed = p->usable = range(0, 15);
	p->host.shared = true;
	p->slice_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct slice *s = &p->slices[i];

		s->id = i;
		snprintf(s->name, sizeof(s->name), "slice-%u", i);
		s->cpus = i ? range(second, 15) : range(0, second - 1);
		cpuset_add(&s->nodes, 0);
		s->cores = cpuset_count(&s->cpus);
		s->slots = 8;
		s->address = PLAN_FIRST_ADDRESS + i;
	}
}

static void begin(const char *name)
{
	ck_assert_int_eq(cluster_paths(test_directory(), name, &cluster, &e), 0);
	ck_assert_int_eq(cluster_make(&cluster, &e), 0);
}

static struct observed_group *see(const struct slice *s, const struct cpuset *cpus, unsigned weight)
{
	struct observed_group *g = &seen.groups[seen.count++];

	*g = (struct observed_group){
		.cpus = *cpus, .requested = *cpus, .nodes = s->nodes, .weight = weight};
	string_copy(g->name, s->name);
	return g;
}

/* ---- home sets */

START_TEST(without_home_sets_nothing_is_known)
{
	char path[PROFILE_PATH];

	begin("nothing");
	make_plan(8, &wanted);
	recorded.slice_count = 77;
	ck_assert_int_eq(state_recover_plan(&cluster, &wanted, &recorded, &e), -ENOENT);
	ck_assert_int_eq(cluster_file(&cluster, "home.json", path, &e), 0);
	ck_assert_int_eq(file_replace(path, "{", 1, 0600, &e), 0);
	ck_assert_int_eq(state_recover_plan(&cluster, &wanted, &recorded, &e), -EBADMSG);
	ck_assert_uint_eq(recorded.slice_count, 77);
}
END_TEST

/* The sets are those of before, all else as wanted: a worker that runs as wanted stays. */
START_TEST(the_sets_are_those_of_before)
{
	begin("before");
	make_plan(8, &wanted);
	ck_assert_int_eq(home_write(&cluster, &wanted, &e), 0);
	make_plan(4, &wanted);
	ck_assert_msg(state_recover_plan(&cluster, &wanted, &recorded, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(CPUSET_STRING(&recorded.slices[0].cpus), "0-7");
	ck_assert_str_eq(CPUSET_STRING(&recorded.slices[1].cpus), "8-15");
	ck_assert_uint_eq(recorded.slices[1].slots, 8);
	ck_assert_uint_eq(recorded.slices[1].address, PLAN_FIRST_ADDRESS + 1);
	wanted.slice_count = 1; /* the second one is in force none the less */
	ck_assert_int_eq(state_recover_plan(&cluster, &wanted, &recorded, &e), 0);
	ck_assert_uint_eq(recorded.slice_count, 2);
	ck_assert_str_eq(recorded.slices[1].name, "slice-1");
	ck_assert_uint_eq(recorded.slices[1].id, 1);
	ck_assert_str_eq(CPUSET_STRING(&recorded.slices[1].cpus), "8-15");
}
END_TEST

/*
 * Slice 1 lent 8-11 to slice 0 when the supervisor died, the state was lost, and now another split
 * is wanted. What was lent can only be told by the home sets of before: the borrower is narrowed to
 * them before anything else.
 */
START_TEST(a_loan_is_told_from_a_home_set)
{
	struct cpuset lent = range(0, 11), own = range(8, 15), home = range(0, 7);

	begin("loan");
	make_plan(8, &wanted);
	ck_assert_int_eq(home_write(&cluster, &wanted, &e), 0);
	make_plan(4, &wanted);
	memset(&seen, 0, sizeof(seen));
	see(&wanted.slices[0], &lent, WEIGHT_DEFAULT);
	see(&wanted.slices[1], &own, WEIGHT_MAX);
	ck_assert_int_eq(state_recover_plan(&cluster, &wanted, &recorded, &e), 0);
	actual_plan(&seen, &recorded, &wanted, POLICY_STRICT, &actual);
	ck_assert_uint_eq(actual.loan_count, 1);
	ck_assert_uint_eq(actual.loans[0].from, 1);
	ck_assert_uint_eq(actual.loans[0].to, 0);
	ck_assert_str_eq(CPUSET_STRING(&actual.loans[0].cpus), "8-11");
	ck_assert(cpuset_is_equal(&actual.slices[0].cpus, &home));
	ck_assert_int_eq(plan_diff(&actual, &wanted, &ops), 0);
	ck_assert_uint_ge(ops.count, 2);
	ck_assert_int_eq(ops.ops[0].kind, OP_SET_CPUS);
	ck_assert_str_eq(ops.ops[0].name, "slice-0");
	ck_assert(cpuset_is_subset(&ops.ops[0].cpus, &home));
	for (unsigned i = 0; i < ops.count; i++)
		ck_assert_msg(ops.ops[i].kind == OP_SET_CPUS || ops.ops[i].kind == OP_SET_WEIGHT,
			      "op %u stops a worker", i);
}
END_TEST

/* ---- daemons */

enum { STRANGER = 65534 };

static struct driver *driver;

/* Groups without a right: backend affinity. */
static void open_groups(void)
{
	const struct driver_request request = {
		.cluster = cluster.name, .backend = BACKEND_AFFINITY, .user = geteuid()};
	static const char *const names[] = {GROUP_HOST, "slice-1", "slice-2"};

	ck_assert_msg(driver_open(&request, &driver, &e) == 0, "%s", e.msg);
	for (unsigned i = 0; i < 3; i++) {
		struct group_spec g = {
			.name = names[i], .weight = WEIGHT_DEFAULT, .nodes = driver->nodes};

		syscall(SYS_sched_getaffinity, 0, sizeof(g.cpus.words), g.cpus.words);
		ck_assert_msg(driver->ops->create(driver, &g, &e) == 0, "%s", e.msg);
	}
}

/* A process that waits with such options, in a group; the shell keeps them in its command line. */
static pid_t start(const char *group, const char *const options[])
{
	const char *argv[16] = {"sh", "-c", "while :; do read x; done", "daemon"};
	char *envp[] = {NULL};
	int in[2], fd;
	pid_t pid;

	for (unsigned i = 0; options[i]; i++)
		argv[4 + i] = options[i];
	ck_assert_int_eq(pipe(in), 0); /* whose end is never closed */
	ck_assert_msg(driver->ops->spawn(driver,
					 &(struct spawn){.group = group,
							 .file = "/bin/sh",
							 .argv = (char *const *)argv,
							 .envp = envp,
							 .in = in[0],
							 .out = -1,
							 .err = 2,
							 .uid = (uid_t)-1},
					 &pid, &fd, &e) == 0,
		      "%s", e.msg);
	close(fd);
	return pid;
}

/* The same of somebody else, who calls himself what he likes. */
static pid_t start_stranger(const char *group, const char *const options[])
{
	const char *argv[16] = {"sh", "-c", "echo; sleep 60; :", "daemon"};
	char mark[100], *envp[] = {mark, NULL}, byte;
	int out[2];
	pid_t pid;

	for (unsigned i = 0; options[i]; i++)
		argv[4 + i] = options[i];
	snprintf(mark, sizeof(mark), "CLEAVE_GROUP=%s/%s:0:0", cluster.name, group);
	ck_assert_int_eq(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		dup2(out[1], 1);
		if (setresuid(STRANGER, STRANGER, STRANGER) == 0)
			execve("/bin/sh", (char *const *)argv, envp);
		_exit(127);
	}
	close(out[1]);
	ck_assert_int_eq(read(out[0], &byte, 1), 1);
	close(out[0]);
	return pid;
}

static void end_groups(void)
{
	static const char *const names[] = {GROUP_HOST, "slice-1", "slice-2"};

	for (unsigned i = 0; i < 3; i++)
		ck_assert_msg(driver->ops->kill(driver, names[i], 5000, &e) == 0, "%s", e.msg);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	driver->ops->close(driver);
}

START_TEST(daemons_tell_ports_and_addresses)
{
	static struct state found;
	char ours[PROFILE_PATH], work[PROFILE_PATH + 32];
	pid_t master;

	begin("daemons");
	open_groups();
	memset(&found, 0, sizeof(found));
	ck_assert_uint_eq(state_recover_daemons(&cluster, driver, &found), 0);
	ck_assert_int_eq(cluster_file(&cluster, "spark.conf", ours, &e), 0);
	snprintf(work, sizeof(work), "%s/slice-2/work", cluster.data);
	master = start(GROUP_HOST, (const char *const[]){"--host", "127.0.0.1", "--port", "7101",
							 "--webui-port", "8101",
							 "--properties-file", ours, NULL});
	start("slice-2", (const char *const[]){"--host", "127.0.0.42", "--work-dir", work,
					       "--properties-file", ours, NULL});
	start(GROUP_HOST,
	      (const char *const[]){"--host", "127.0.0.1", "--port", "1", "--properties-file",
				    "/elsewhere/spark.conf", NULL});
	ck_assert_uint_eq(state_recover_daemons(&cluster, driver, &found), 2);
	end_groups();
	ck_assert_str_eq(found.master.address, "127.0.0.1");
	ck_assert_int_eq(found.master.port, 7101);
	ck_assert_int_eq(found.master.ui_port, 8101);
	ck_assert_int_eq(found.master_process.pid, master);
	ck_assert_uint_eq(found.plan.slice_count, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(found.plan.slices[i].address, 0x7f000028 + i);
}
END_TEST

/* Whoever has our words in his arguments does not move our workers to his address. */
START_TEST(words_of_strangers_tell_nothing)
{
	static struct state found;
	char ours[PROFILE_PATH], work[PROFILE_PATH + 32];
	pid_t pids[2];

	if (geteuid())
		test_skip("not root");
	begin("strangers");
	open_groups();
	memset(&found, 0, sizeof(found));
	ck_assert_int_eq(cluster_file(&cluster, "spark.conf", ours, &e), 0);
	snprintf(work, sizeof(work), "%s/slice-1/work", cluster.data);
	pids[0] =
		start_stranger(GROUP_HOST, (const char *const[]){"--host", "127.0.0.1", "--port",
								 "7666", "--webui-port", "8666",
								 "--properties-file", ours, NULL});
	pids[1] = start_stranger("slice-1",
				 (const char *const[]){"--host", "127.6.6.6", "--work-dir", work,
						       "--properties-file", ours, NULL});
	ck_assert_uint_eq(state_recover_daemons(&cluster, driver, &found), 0);
	ck_assert_int_eq(found.master.port, 0);
	ck_assert_uint_eq(found.plan.slice_count, 0);
	for (unsigned i = 0; i < 2; i++) {
		kill(-pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	end_groups();
}
END_TEST

/* Not even a process of ours: what is chosen by itself stays on this machine. */
START_TEST(addresses_elsewhere_are_not_recovered)
{
	static struct state found;
	static const char *const hosts[] = {"10.1.2.3", "0.0.0.0", "128.0.0.0", "name"};
	char ours[PROFILE_PATH], work[PROFILE_PATH + 32];

	begin("elsewhere");
	open_groups();
	memset(&found, 0, sizeof(found));
	ck_assert_int_eq(cluster_file(&cluster, "spark.conf", ours, &e), 0);
	snprintf(work, sizeof(work), "%s/slice-1/work", cluster.data);
	for (unsigned i = 0; i < 4; i++)
		start("slice-1", (const char *const[]){"--host", hosts[i], "--work-dir", work,
						       "--properties-file", ours, NULL});
	ck_assert_uint_eq(state_recover_daemons(&cluster, driver, &found), 0);
	ck_assert_uint_eq(found.plan.slice_count, 0);
	end_groups();
}
END_TEST

TEST_MAIN("state_recover",
	  test_case("home", without_home_sets_nothing_is_known, the_sets_are_those_of_before,
		    a_loan_is_told_from_a_home_set),
	  test_case("daemons", daemons_tell_ports_and_addresses, words_of_strangers_tell_nothing,
		    addresses_elsewhere_are_not_recovered))
