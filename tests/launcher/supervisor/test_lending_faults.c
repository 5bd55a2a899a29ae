/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can go wrong while CPUs are lent: deaths of the supervisor, of workers and of the Master; a
 * Spark that lies, stalls or says nothing; somebody else who writes to our groups; a profile
 * applied, and `down`, in the middle of a loan.
 *
 * needs: quiet
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/fake_orders.h"
#include "tests/launcher/fake_spark.h"
#include "tests/launcher/two_slices.h"

enum { A_WHILE_MS = 1000 };

static void lend(void)
{
	two_lag(0);
	ck_assert(own_wait(two_is_lent));
}

static void begin_lending(void)
{
	two_up();
	lend();
}

/* `up` again, whatever it has to do; the workers must have lived through it. */
static void reconcile(void)
{
	struct process_id workers[2] = {own.state.workers[0].id, own.state.workers[1].id};
	enum reply_result result;
	struct err e;

	ck_assert_msg(own_up(&result, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(own.state.phase, PHASE_UP);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(own.state.workers[i].id.pid, workers[i].pid);
		ck_assert(process_is_alive(&workers[i]));
	}
}

static void assert_nothing_runs(void)
{
	ck_assert(!process_is_alive(&own.state.supervisor));
	ck_assert(!process_is_alive(&own.state.master_process));
	for (unsigned i = 0; i < 2; i++)
		ck_assert(!process_is_alive(&own.state.workers[i].id));
}

/* ---- the supervisor */

START_TEST(a_killed_supervisor_leaves_no_loan)
{
	two_begin_or_skip();
	begin_lending();
	own_kill_supervisor();
	ck_assert(two_is_lent()); /* nobody has lost anything */
	two_rest(0);
	reconcile();
	ck_assert(two_is_home());
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_uint_eq(own.status.loan_count, 0);
	lend(); /* and its successor lends */
	two_end();
}
END_TEST

START_TEST(a_killed_supervisor_s_successor_goes_on)
{
	struct plan *before = calloc(1, sizeof(*before));

	two_begin_or_skip();
	begin_lending();
	*before = own.state.plan;
	own_kill_supervisor();
	reconcile();
	for (unsigned i = 0; i < 2; i++) /* what was lent has become nobody's home */
		ck_assert(cpuset_is_equal(&own.state.plan.slices[i].cpus, &before->slices[i].cpus));
	ck_assert(own_wait(two_is_lent));
	two_lag(1);
	ck_assert(own_wait(two_is_home));
	free(before);
	two_end();
}
END_TEST

/* The weight is raised before the CPUs are lent: a crash in between leaves it raised for nobody. */
START_TEST(a_weight_raised_for_nobody_is_restored)
{
	struct err e;

	two_begin_or_skip();
	two_up();
	own_kill_supervisor();
	ck_assert_int_eq(two_driver()->ops->set_weight(two_driver(), "slice-1", WEIGHT_MAX, &e), 0);
	reconcile();
	ck_assert(two_is_home());
	two_end();
}
END_TEST

START_TEST(a_loan_by_hand_dies_with_the_supervisor)
{
	const struct rebalance_request by_hand = {
		.what = REBALANCE_BY_HAND, .from = 1, .to = 0, .cores = 1};

	two_begin_or_skip();
	two_up();
	free(two_must(&by_hand));
	ck_assert(two_is_lent());
	own_kill_supervisor();
	reconcile();
	ck_assert(two_is_home());
	two_end();
}
END_TEST

START_TEST(down_during_a_loan)
{
	two_begin_or_skip();
	begin_lending();
	two_end();
	assert_nothing_runs();
}
END_TEST

START_TEST(down_during_a_loan_of_a_dead_supervisor)
{
	two_begin_or_skip();
	begin_lending();
	own_kill_supervisor();
	two_end();
	assert_nothing_runs();
}
END_TEST

/* ---- a profile applied */

START_TEST(the_same_profile_again)
{
	two_begin_or_skip();
	begin_lending();
	reconcile();
	ck_assert(own_wait(two_is_lent));
	two_end();
}
END_TEST

START_TEST(another_profile_during_a_loan)
{
	struct process_id before[2];

	two_begin_or_skip();
	begin_lending();
	before[0] = own.state.workers[0].id;
	before[1] = own.state.workers[1].id;
	own_set_env("SOMETHING", "else"); /* restarts the workers */
	own_must_come_up(REPLY_CHANGED);
	ck_assert(!process_is_alive(&before[0]) && !process_is_alive(&before[1]));
	ck_assert(own_wait(two_is_lent));
	own.profile.rebalance.mode = REBALANCE_OFF;
	own_write_profile();
	reconcile();
	ck_assert(own_wait(two_is_home));
	two_end();
}
END_TEST

static bool is_one_slice(void)
{
	return own_ask_status() == 0 && own.status.slice_count == 1 && own.status.loan_count == 0 &&
	       cpuset_is_equal(&own.status.slices[0].cpus, &own.state.plan.slices[0].cpus);
}

START_TEST(fewer_slices_during_a_loan)
{
	struct observed_group g;

	two_begin_or_skip();
	begin_lending();
	own.profile.partition.slices = 1;
	own_write_profile();
	own_must_come_up(REPLY_CHANGED);
	ck_assert_uint_eq(own.state.plan.slice_count, 1);
	two_reopen();
	ck_assert(own_wait(is_one_slice));
	g = two_look(0);
	ck_assert(cpuset_is_equal(&g.requested, &own.state.plan.slices[0].cpus));
	ck_assert_uint_eq(g.weight, WEIGHT_DEFAULT);
	own.profile.partition.slices = 2;
	own_write_profile();
	own_must_come_up(REPLY_CHANGED);
	two_reopen();
	ck_assert(own_wait(two_is_lent));
	two_end();
}
END_TEST

/* ---- workers */

static pid_t killed;
static unsigned killed_slice;

static bool worker_is_back(void)
{
	const struct slice_status *s = &own.status.slices[killed_slice];

	return own_ask_status() == 0 && strcmp(s->state, "running") == 0 && s->worker_pid &&
	       s->worker_pid != killed;
}

static void kill_worker(unsigned slice)
{
	killed_slice = slice;
	killed = own.state.workers[slice].id.pid;
	ck_assert_int_eq(kill(killed, SIGKILL), 0);
}

START_TEST(a_borrower_that_dies_gives_back)
{
	two_begin_or_skip();
	begin_lending();
	two_rest(0);
	kill_worker(0);
	ck_assert(own_wait(two_is_home));
	ck_assert(own_wait(worker_is_back));
	ck_assert(two_is_home());
	lend();
	two_end();
}
END_TEST

START_TEST(a_donor_that_dies_lends_again_when_it_is_back)
{
	struct observed_group donor;

	two_begin_or_skip();
	begin_lending();
	kill_worker(1);
	ck_assert(own_wait(worker_is_back));
	donor = two_look(1); /* whatever happened to the loan: its CPUs are its own */
	ck_assert(cpuset_is_equal(&donor.cpus, &own.state.plan.slices[1].cpus));
	ck_assert(own_wait(two_is_lent));
	two_rest(0);
	ck_assert(own_wait(two_is_home));
	two_end();
}
END_TEST

/* Spark lists these executors on slice 0, with two tasks; what else it says stays. */
static void list_executors(const char *ids)
{
	char list[1024] = "", id[8], address[INET_ADDRSTRLEN];
	size_t used = 0;
	int length;

	inet_ntop(AF_INET, &(struct in_addr){htonl(own.state.plan.slices[0].address)}, address,
		  sizeof(address));
	for (; sscanf(ids, "%7s%n", id, &length) == 1; ids += length)
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 "%s{\"id\":\"%s\",\"hostPort\":\"%s:1\","
					 "\"activeTasks\":%u}",
					 used ? "," : "", id, address, used ? 0 : 2);
	fake_order(own.orders, "app-1.executors", "[%s]", list);
}

static bool two_are_listed(void)
{
	return own_ask_status() == 0 && own.status.slices[0].executors == 2;
}

/* Its garbage collector would size itself for CPUs that it will lose again. */
START_TEST(nothing_is_lent_to_a_jvm_that_starts)
{
	two_begin_or_skip();
	two_up();
	two_tell(2, 0, 1);
	lend();
	fake_executors(own.orders, own.state.plan.slices[0].address, "app-1", "9");
	ck_assert(own_wait(two_is_home));
	ck_assert_uint_ge(two_decisions("loan", REBALANCE_STARTING), 1);
	list_executors("0 9"); /* registered */
	ck_assert(own_wait(two_is_lent));
	two_end();
}
END_TEST

/* Of several executors of a slice each has to register, whichever began last. */
START_TEST(nothing_is_lent_until_all_executors_have_registered)
{
	static const char *const orders[] = {"9 10", "12 11"};

	two_begin_or_skip();
	two_up();
	two_tell(2, 0, 1);
	lend();
	for (unsigned i = 0; i < 2; i++) {
		fake_executors(own.orders, own.state.plan.slices[0].address, "app-1", orders[i]);
		ck_assert(own_wait(two_is_home));
		list_executors(i ? "0 11" : "0 9"); /* the other one is missing */
		ck_assert(own_wait(two_are_listed));
		poll(NULL, 0, 1500);
		ck_assert(two_is_home());
		list_executors(i ? "0 11 12" : "0 9 10");
		ck_assert(own_wait(two_is_lent));
	}
	two_end();
}
END_TEST

/* ---- the Master */

static bool master_is_another(void)
{
	return own_ask_status() == 0 && own.status.master_pid && own.status.master_pid != killed;
}

static bool all_is_well(void)
{
	return own_ask_status() == 0 && own.status.alive_workers == 2;
}

START_TEST(without_a_master_loans_go_on)
{
	two_begin_or_skip();
	two_up();
	two_tell(2, 0, 1);
	fake_order(own.orders, "master", "hang");
	killed = own.state.master_process.pid;
	ck_assert_int_eq(kill(killed, SIGKILL), 0);
	ck_assert(own_wait(master_is_another));
	lend();
	two_lag(1);
	ck_assert(own_wait(two_is_home));
	two_rest(1);
	fake_unorder(own.orders, "master");
	ck_assert_int_eq(own_ask_status(), 0);
	kill(own.status.master_pid, SIGKILL);
	ck_assert(own_wait(all_is_well));
	ck_assert(own_wait(two_is_lent));
	two_end();
}
END_TEST

/* ---- REST */

static bool tasks_are_known(void)
{
	return own_ask_status() == 0 && !own.status.monitor.tasks[0] &&
	       own.status.slices[0].executors == 1;
}

/*
 * However Spark answers, the kernel's counters lend and return; and `status` says what is not
 * known.
 */
static void lend_although_rest_is(const char *how)
{
	two_up();
	fake_order(own.orders, "rest", "%s", how);
	two_tell(2, 0, 1);
	ck_assert(own_wait(own_tasks_are_unknown));
	lend();
	ck_assert(own_wait(own_tasks_are_unknown));
	two_lag(1);
	ck_assert(own_wait(two_is_home));
	two_end();
}

START_TEST(rest_is_slow)
{
	two_begin_or_skip();
	lend_although_rest_is("slow");
}
END_TEST

START_TEST(rest_is_garbage)
{
	two_begin_or_skip();
	lend_although_rest_is("garbage");
}
END_TEST

START_TEST(rest_is_huge)
{
	two_begin_or_skip();
	lend_although_rest_is("huge");
}
END_TEST

/* The most that was resident. */
static unsigned long peak_kb(pid_t pid)
{
	char path[64], line[128];
	cleanup_fclose FILE *file = NULL;
	unsigned long kb = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && !kb && fgets(line, sizeof(line), file))
		sscanf(line, "VmHWM: %lu", &kb);
	ck_assert_uint_gt(kb, 0);
	return kb;
}

static bool master_is_silent(void)
{
	return own_ask_status() == 0 && strstr(own.status.monitor.tasks, "the Master has not said");
}

/* Much to parse, of the Master or an application: none of it is, and the loop goes on. */
static void answer_with(const char *who, const char *how, bool (*is_seen)(void))
{
	unsigned long before;

	two_begin_or_skip();
	two_up();
	before = peak_kb(own.state.supervisor.pid);
	fake_order(own.orders, who, "%s", how);
	two_tell(2, 0, 1);
	ck_assert(own_wait(is_seen));
	lend();
	ck_assert_uint_lt(peak_kb(own.state.supervisor.pid) - before, 100 << 10);
	two_end();
}

START_TEST(rest_is_dense)
{
	answer_with("rest", "dense", own_tasks_are_unknown);
}
END_TEST

START_TEST(rest_has_members)
{
	answer_with("rest", "members", own_tasks_are_unknown);
}
END_TEST

START_TEST(rest_is_deep)
{
	answer_with("rest", "deep", own_tasks_are_unknown);
}
END_TEST

START_TEST(master_is_dense)
{
	answer_with("json", "dense", master_is_silent);
}
END_TEST

START_TEST(rest_is_not_there)
{
	two_begin_or_skip();
	lend_although_rest_is("404");
}
END_TEST

START_TEST(rest_that_answers_is_heard)
{
	two_begin_or_skip();
	two_up();
	two_tell(2, 0, 1);
	ck_assert(own_wait(tasks_are_known));
	ck_assert_uint_eq(own.status.slices[0].tasks_running, 2);
	ck_assert_uint_eq(own.status.slices[1].tasks_running, 0);
	two_end();
}
END_TEST

/*
 * The driver lost the events of their ends: the kernel knows better, and the donor would lose
 * nothing anyway.
 */
START_TEST(phantom_tasks_do_not_keep_cpus)
{
	two_begin_or_skip();
	two_up();
	two_tell(2, 2, 1);
	ck_assert(own_wait(tasks_are_known));
	lend();
	poll(NULL, 0, A_WHILE_MS);
	ck_assert(two_is_lent());
	two_end();
}
END_TEST

START_TEST(a_stage_that_begins_revokes)
{
	two_begin_or_skip();
	two_up();
	two_tell(2, 0, 1);
	ck_assert(own_wait(tasks_are_known));
	lend();
	two_tell(2, 0, 2); /* may run on slice 1, too */
	ck_assert(own_wait(two_is_home));
	ck_assert_uint_ge(two_decisions("loan", REBALANCE_DONOR_STAGE), 1);
	ck_assert(own_wait(two_is_lent)); /* it did not use it */
	two_end();
}
END_TEST

/* ---- somebody else writes to our groups */

static bool is_degraded(void)
{
	return own_ask_status() == 0 && own.status.phase == PHASE_DEGRADED;
}

static void write_home_cpus(void)
{
	struct err e;
	int r = two_driver()->ops->set_cpus(two_driver(), "slice-0", &own.state.plan.slices[0].cpus,
					    NULL, &e);

	ck_assert_msg(r == 0, "%s", e.msg);
}

static void write_default_weight(void)
{
	struct err e;

	ck_assert_int_eq(two_driver()->ops->set_weight(two_driver(), "slice-1", WEIGHT_DEFAULT, &e),
			 0);
}

static void drift_during_a_loan(void (*write)(void), const char *what)
{
	begin_lending();
	for (int i = 0; i < 3; i++) {
		write();
		ck_assert(own_wait(two_is_lent));
	}
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.phase, PHASE_UP);
	write();
	ck_assert(own_wait(is_degraded));
	ck_assert_msg(strstr(own.status.why, what), "%s", own.status.why);
	reconcile();
	ck_assert(own_wait(two_is_lent));
	two_end();
}

START_TEST(cpus_written_during_a_loan)
{
	two_begin_or_skip();
	drift_during_a_loan(write_home_cpus, "cpuset.cpus of group slice-0");
}
END_TEST

START_TEST(weights_written_during_a_loan)
{
	two_begin_or_skip();
	drift_during_a_loan(write_default_weight, "weight of group slice-1");
}
END_TEST

/* ---- as after hot-unplug of the last CPU of a cgroup v1 cpuset: processes in the group above */

static char home_group[512];

/* The line of a controller in /proc/PID/cgroup. */
static void group_of(pid_t pid, const char *controller, char *group, size_t size)
{
	char path[64], line[512];
	cleanup_fclose FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	group[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, controller))
			snprintf(group, size, "%s", line);
}

static bool is_brought_back(void)
{
	char now[512];

	group_of(own.state.workers[0].id.pid, ":cpuset:", now, sizeof(now));
	return strcmp(now, home_group) == 0;
}

START_TEST(processes_that_lost_their_group_come_back)
{
	char above[PROFILE_PATH], pid[16];
	const char *base;
	struct err e;

	two_begin_or_skip();
	begin_lending();
	if (!two_driver()->ops->bring_back) {
		two_end();
		test_skip("cgroup v2 moves no process when CPUs go");
	}
	group_of(own.state.workers[0].id.pid, ":cpuset:", home_group, sizeof(home_group));
	base = strrchr(home_group, ':');
	ck_assert_ptr_nonnull(base);
	snprintf(above, sizeof(above), "/sys/fs/cgroup/cpuset%.*s/cgroup.procs",
		 (int)(strrchr(base, '/') - base - 1), base + 1);
	snprintf(pid, sizeof(pid), "%d", (int)own.state.workers[0].id.pid);
	ck_assert_msg(control_write(AT_FDCWD, above, pid, &e) == 0, "%s", e.msg);
	ck_assert(!is_brought_back());
	ck_assert(own_wait(is_brought_back));
	two_end();
}
END_TEST

OWN_MAIN("lending-faults", 120,
	 test_case("supervisor", a_killed_supervisor_leaves_no_loan,
		   a_killed_supervisor_s_successor_goes_on, a_weight_raised_for_nobody_is_restored,
		   a_loan_by_hand_dies_with_the_supervisor, down_during_a_loan,
		   down_during_a_loan_of_a_dead_supervisor, the_same_profile_again,
		   another_profile_during_a_loan, fewer_slices_during_a_loan),
	 test_case("processes", a_borrower_that_dies_gives_back,
		   a_donor_that_dies_lends_again_when_it_is_back,
		   nothing_is_lent_to_a_jvm_that_starts,
		   nothing_is_lent_until_all_executors_have_registered,
		   without_a_master_loans_go_on),
	 test_case("rest", rest_is_slow, rest_is_garbage, rest_is_huge, rest_is_dense,
		   rest_has_members, rest_is_deep, master_is_dense, rest_is_not_there,
		   rest_that_answers_is_heard, phantom_tasks_do_not_keep_cpus,
		   a_stage_that_begins_revokes),
	 test_case("drift", cpus_written_during_a_loan, weights_written_during_a_loan,
		   processes_that_lost_their_group_come_back, own_nothing_is_left()))
