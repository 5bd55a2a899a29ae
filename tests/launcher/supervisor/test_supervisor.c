/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor with real processes and real groups, Spark being a fake one: what it does when all
 * is well, and when workers, the master, the supervisor itself or its client die at any moment.
 */

#include "launcher/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/control_line.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/fake_spark.h"
#include "tests/launcher/own_cluster.h"

static bool is_gone(void)
{
	return access(own.cluster.state, F_OK) != 0;
}

/* In which group a process is, by the v1 cpuset or the v2 line; "" if it is dead. */
static void group_of(pid_t pid, char *group, size_t size)
{
	char path[64], line[512];
	cleanup_fclose FILE *f = NULL;

	group[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, own.name) && (strstr(line, ":cpuset:") || !group[0]))
			snprintf(group, size, "%s", strstr(line, own.name));
}

static void assert_group(pid_t pid, const char *wanted)
{
	char group[512], expected[64];

	group_of(pid, group, sizeof(group));
	snprintf(expected, sizeof(expected), "%s/%s\n", own.name, wanted);
	ck_assert_str_eq(group, expected);
}

/* ---- all is well */

START_TEST(up_status_again_down)
{
	pid_t master, worker;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	master = own.state.master_process.pid;
	worker = own.state.workers[0].id.pid;
	assert_group(master, GROUP_HOST);
	assert_group(worker, "slice-0");
	assert_group(own.state.supervisor.pid, GROUP_SUPERVISOR);
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.phase, PHASE_UP);
	ck_assert_uint_eq(own.status.alive_workers, 1);
	ck_assert_str_eq(own.status.slices[0].state, "running");
	ck_assert_int_eq(own.status.slices[0].worker_pid, worker);
	ck_assert(cpuset_is_equal(&own.status.slices[0].cpus, &own.state.plan.slices[0].cpus));
	own_must_come_up(REPLY_UNCHANGED);
	ck_assert_int_eq(own.state.workers[0].id.pid, worker);
	ck_assert_int_eq(own.state.master_process.pid, master);
	own_end();
	ck_assert(!process_is_alive(&own.state.supervisor));
	ck_assert(!process_is_alive(&own.state.master_process));
	ck_assert(!process_is_alive(&own.state.workers[0].id));
	own_end(); /* of none: nothing to do */
}
END_TEST

START_TEST(a_changed_profile_changes_what_differs)
{
	struct process_id worker, master;

	own_begin_or_skip();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		test_skip("one CPU cannot be cut");
	own_must_come_up(REPLY_STARTED);
	worker = own.state.workers[0].id;
	master = own.state.master_process;
	own.profile.partition.slices = 2;
	own_write_profile();
	own_must_come_up(REPLY_CHANGED);
	ck_assert_uint_eq(own.state.plan.slice_count, 2);
	ck_assert(!process_is_alive(&worker)); /* its slice has other memory now */
	ck_assert_int_eq(own.state.master_process.pid, master.pid);
	assert_group(own.state.workers[1].id.pid, "slice-1");
	own.profile.partition.slices = 1;
	own_write_profile();
	worker = own.state.workers[1].id;
	own_must_come_up(REPLY_CHANGED);
	ck_assert(!process_is_alive(&worker));
	own_end();
}
END_TEST

START_TEST(other_words_for_a_worker_restart_it)
{
	struct process_id worker;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	worker = own.state.workers[0].id;
	strings_add(&own.profile.spark.env, "SOMETHING");
	strings_add(&own.profile.spark.env, "else");
	own_write_profile();
	own_must_come_up(REPLY_CHANGED);
	ck_assert(!process_is_alive(&worker));
	ck_assert(process_is_alive(&own.state.workers[0].id));
	own_end();
}
END_TEST

/* Whether `top`/fast-N has a scratch directory of slice 0. */
static bool has_scratch(unsigned n)
{
	char path[PROFILE_PATH + 64];

	snprintf(path, sizeof(path), "%s/fast-%u/cleave-%s-slice-0", own.top, n, own.name);
	return access(path, F_OK) == 0;
}

static void put_scratch(unsigned n)
{
	ck_assert_int_lt(snprintf(own.profile.memory.scratch.path, PROFILE_PATH, "%.*s/fast-%u",
				  PROFILE_PATH / 2, own.top, n),
			 PROFILE_PATH);
	ck_assert(mkdir(own.profile.memory.scratch.path, 0711) == 0 || errno == EEXIST);
	own_write_profile();
}

START_TEST(scratch_moves_and_goes)
{
	char strange[PROFILE_PATH + 64];
	enum reply_result result;
	struct err e;

	own_begin_or_skip();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || geteuid() != 0)
		test_skip("needs two CPUs and root");
	own.profile.partition.slices = 2;
	put_scratch(0);
	own_must_come_up(REPLY_STARTED);
	ck_assert(has_scratch(0));
	put_scratch(1);
	own_must_come_up(REPLY_CHANGED);
	ck_assert(!has_scratch(0) && has_scratch(1));
	put_scratch(2); /* where somebody has made slice 1's: it stays as it is */
	snprintf(strange, sizeof(strange), "%s/fast-2/cleave-%s-slice-1", own.top, own.name);
	ck_assert(mkdir(strange, 0700) == 0 && chown(strange, 65534, 65534) == 0);
	ck_assert_int_lt(own_up(&result, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "is there already: remove it"));
	ck_assert(has_scratch(1) && !has_scratch(2));
	own_end();
	ck_assert(!has_scratch(1));
	ck_assert_int_eq(rmdir(strange), 0);
}
END_TEST

START_TEST(without_cgroups)
{
	struct process_id worker;

	own_begin_or_skip();
	own.profile.backend = BACKEND_AFFINITY;
	own_write_profile();
	own_must_come_up(REPLY_STARTED);
	worker = own.state.workers[0].id;
	own_must_come_up(REPLY_UNCHANGED);
	kill(own.state.supervisor.pid, SIGKILL);
	own_must_come_up(REPLY_UNCHANGED);
	ck_assert_int_eq(own.state.workers[0].id.pid, worker.pid);
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert(cpuset_is_equal(&own.status.slices[0].cpus, &own.state.plan.slices[0].cpus));
	own_end();
	ck_assert(!process_is_alive(&worker));
}
END_TEST

/* ---- somebody else writes to our groups */

static bool is_put_back(void)
{
	return own_ask_status() == 0 &&
	       cpuset_is_equal(&own.status.slices[0].cpus, &own.state.plan.slices[0].cpus);
}

static bool is_degraded(void)
{
	return own_ask_status() == 0 && own.status.phase == PHASE_DEGRADED;
}

START_TEST(drift_is_repaired_three_times)
{
	struct driver_request request = {.cluster = own.name};
	struct cpuset one = {0};
	struct driver *d;
	struct err e;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	if (cpuset_count(&own.state.plan.slices[0].cpus) < 2)
		test_skip("one CPU has nothing to drift to");
	cpuset_add(&one, cpuset_first(&own.state.plan.slices[0].cpus));
	request.location = own.state.location;
	ck_assert_int_eq(driver_open(&request, &d, &e), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(d->ops->set_cpus(d, "slice-0", &one, NULL, &e), 0);
		ck_assert(own_wait(is_put_back));
	}
	ck_assert_int_eq(own.status.phase, PHASE_UP);
	ck_assert_int_eq(d->ops->set_cpus(d, "slice-0", &one, NULL, &e), 0);
	ck_assert(own_wait(is_degraded));
	ck_assert_ptr_nonnull(strstr(own.status.why, "cpuset.cpus of group slice-0"));
	d->ops->close(d);
	own_must_come_up(REPLY_CHANGED);
	ck_assert(own_wait(is_put_back));
	own_end();
}
END_TEST

/* ---- deaths */

static pid_t killed;

static bool worker_is_back(void)
{
	return own_ask_status() == 0 && strcmp(own.status.slices[0].state, "running") == 0 &&
	       own.status.slices[0].worker_pid != killed;
}

START_TEST(a_dead_worker_is_restarted)
{
	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	killed = own.state.workers[0].id.pid;
	ck_assert_int_eq(kill(killed, SIGKILL), 0);
	ck_assert(own_wait(worker_is_back));
	ck_assert_uint_eq(own.status.slices[0].restarts, 1);
	assert_group(own.status.slices[0].worker_pid, "slice-0");
	own_end();
}
END_TEST

static bool master_is_back(void)
{
	return own_ask_status() == 0 && own.status.master_pid && own.status.master_pid != killed &&
	       own.status.alive_workers == 1;
}

START_TEST(a_dead_master_is_restarted)
{
	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	killed = own.state.master_process.pid;
	ck_assert_int_eq(kill(killed, SIGKILL), 0);
	ck_assert(own_wait(master_is_back));
	ck_assert_int_eq(own.status.slices[0].worker_pid, own.state.workers[0].id.pid);
	own_end();
}
END_TEST

START_TEST(what_a_dead_supervisor_left_is_adopted)
{
	struct process_id worker, master;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	worker = own.state.workers[0].id;
	master = own.state.master_process;
	own_kill_supervisor();
	ck_assert(process_is_alive(&worker));
	own_must_come_up(REPLY_UNCHANGED);
	ck_assert_int_eq(own.state.workers[0].id.pid, worker.pid);
	ck_assert_int_eq(own.state.master_process.pid, master.pid);
	kill(worker.pid, SIGKILL); /* not our child any more, and yet it is seen */
	killed = worker.pid;
	ck_assert(own_wait(worker_is_back));
	own_end();
}
END_TEST

START_TEST(down_works_without_a_supervisor)
{
	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	own_kill_supervisor();
	own_end();
	ck_assert(!process_is_alive(&own.state.workers[0].id));
	ck_assert(!process_is_alive(&own.state.master_process));
}
END_TEST

START_TEST(a_lost_state_is_made_anew)
{
	static const char *const files[] = {"state.json", "home.json"};
	struct process_id worker;
	char path[PROFILE_PATH];
	struct err e;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	worker = own.state.workers[0].id;
	own_kill_supervisor();
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(cluster_file(&own.cluster, files[i], path, &e), 0);
		ck_assert_int_eq(unlink(path), 0);
	}
	own.profile.spark.master_port = own.state.master.port;
	own.profile.spark.master_ui_port = own.state.master.ui_port;
	own.profile.spark.first_address = own.state.plan.slices[0].address;
	own_write_profile();
	own_must_come_up(REPLY_UNCHANGED);
	ck_assert_int_eq(own.state.workers[0].id.pid, worker.pid);
	own_end();
}
END_TEST

/* home.json alone proves the home sets; a worker that runs as wanted stays. */
START_TEST(home_sets_outlive_a_lost_state)
{
	cleanup_free char *events = NULL;
	struct process_id worker;
	char path[PROFILE_PATH];
	struct err e;
	size_t size;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	worker = own.state.workers[0].id;
	own_kill_supervisor();
	ck_assert_int_eq(cluster_file(&own.cluster, "state.json", path, &e), 0);
	ck_assert_int_eq(file_replace(path, "{\"schema\":", 10, 0600, &e), 0);
	own_must_come_up(REPLY_UNCHANGED);
	ck_assert_int_eq(own.state.workers[0].id.pid, worker.pid);
	ck_assert_int_eq(cluster_file(&own.cluster, "events.jsonl", path, &e), 0);
	ck_assert_int_eq(file_read(path, 1 << 20, &events, &size, &e), 0);
	ck_assert_ptr_nonnull(strstr(events, "the home sets are those of home.json"));
	own_end();
}
END_TEST

START_TEST(an_unreadable_state_can_be_taken_down)
{
	char path[PROFILE_PATH];
	struct err e;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	own_kill_supervisor();
	ck_assert_int_eq(cluster_file(&own.cluster, "state.json", path, &e), 0);
	ck_assert_int_eq(file_replace(path, "{\"schema\":", 10, 0600, &e), 0);
	own_end();
	ck_assert(!process_is_alive(&own.state.workers[0].id));
}
END_TEST

/* The cluster's own directory in the v1 cpuset hierarchy, or "". */
static void top_group(char *path, size_t size)
{
	char line[512];
	cleanup_fclose FILE *f = NULL;

	path[0] = '\0';
	snprintf(line, sizeof(line), "/proc/%d/cgroup", (int)own.state.workers[0].id.pid);
	f = fopen(line, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *group = strstr(line, ":cpuset:");
		const char *end = strrchr(line, '/');

		if (group && end > group)
			snprintf(path, size, "/sys/fs/cgroup/cpuset%.*s/cgroup.procs",
				 (int)(end - group - 8), group + 8);
	}
}

/*
 * Somebody else's process in the group above the slices': it stays, and so does the group, until he
 * has gone.
 */
START_TEST(a_group_that_cannot_go)
{
	char path[600], pid[32];
	pid_t stranger;
	struct err e;
	int fd;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	top_group(path, sizeof(path));
	own_kill_supervisor();
	stranger = fork();
	if (stranger == 0) {
		pause();
		_exit(0);
	}
	snprintf(pid, sizeof(pid), "%d", (int)stranger);
	if (access(path, W_OK)) {
		kill(stranger, SIGKILL);
		waitpid(stranger, NULL, 0);
		own_end();
		test_skip("needs a machine with a v1 cpuset at /sys/fs/cgroup/cpuset");
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(write(fd, pid, strlen(pid)), (ssize_t)strlen(pid));
	close(fd);
	ck_assert_int_lt(down_cluster(&own.options, own.name, &e), 0);
	ck_assert_msg(strstr(e.msg, own.name), "%s", e.msg);
	ck_assert_int_eq(kill(stranger, SIGKILL), 0); /* still alive: it was not ours */
	waitpid(stranger, NULL, 0);
	own_end();
}
END_TEST

/* ---- a start that fails leaves nothing */

static void must_fail(const char *sentence)
{
	enum reply_result result;
	struct err e;

	ck_assert_int_lt(own_up(&result, &e), 0);
	ck_assert_msg(strstr(e.msg, sentence), "%s", e.msg);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert(own_wait(is_gone));
}

/* What a daemon said is kept for whoever wants to know why. */
static void must_fail_with_log(const char *sentence, const char *log)
{
	char path[PROFILE_PATH * 2];

	must_fail(sentence);
	snprintf(path, sizeof(path), "%s/%s", own.cluster.data, log);
	ck_assert_int_eq(access(path, F_OK), 0);
}

START_TEST(a_worker_that_ends_at_once)
{
	own_begin_or_skip();
	own_set_env("FAKE_WORKER", "exit");
	must_fail_with_log(
		"slice-0 exited with status 3 while the cluster was starting: see its log ",
		"log/slice-0.log");
	own_end();
}
END_TEST

/* Not what a log ends with, but its first error, and of an exception the root. */
START_TEST(a_worker_that_throws)
{
	own_begin_or_skip();
	own_set_env("FAKE_WORKER", "throw");
	must_fail_with_log("slice-0 exited with status 3 while the cluster was starting: "
			   "java.lang.ClassNotFoundException: io.netty.channel.EventLoopGroup: see "
			   "its log ",
			   "log/slice-0.log");
	own_end();
}
END_TEST

/* Its JVM lives on, and can be waited for in vain until spark.start_timeout. */
START_TEST(a_worker_whose_main_thread_is_gone)
{
	own_begin_or_skip();
	own.profile.spark.start_timeout_ms = 3600 * 1000;
	own_set_env("FAKE_WORKER", "lost");
	must_fail("slice-0 will not register: java.lang.UnsupportedOperationException: getSubject "
		  "is not supported: see its log ");
	own_end();
}
END_TEST

START_TEST(a_master_whose_main_thread_is_gone)
{
	own_begin_or_skip();
	own.profile.spark.start_timeout_ms = 3600 * 1000;
	own_set_env("FAKE_MASTER", "lost");
	must_fail("master will not answer: java.lang.UnsupportedOperationException: getSubject is "
		  "not supported: see its log ");
	own_end();
}
END_TEST

START_TEST(a_master_that_ends_at_once)
{
	own_begin_or_skip();
	own_set_env("FAKE_MASTER", "exit");
	must_fail("master exited with status 3");
	own_end();
}
END_TEST

START_TEST(a_worker_that_never_registers)
{
	own_begin_or_skip();
	own.profile.spark.start_timeout_ms = 1500;
	own_set_env("FAKE_WORKER", "hang");
	must_fail("slice-0 did not register within spark.start_timeout (1.5 s)");
	own_end();
}
END_TEST

START_TEST(a_worker_that_listens_everywhere)
{
	own_begin_or_skip();
	own_set_env("FAKE_WORKER", "wild");
	must_fail("listens on 0.0.0.0:");
	own_end();
}
END_TEST

START_TEST(a_port_in_use)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	socklen_t size = sizeof(any);
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	own_begin_or_skip();
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&any, &size);
	own.profile.spark.master_port = ntohs(any.sin_port);
	own_write_profile();
	must_fail("spark.master.port: port ");
}
END_TEST

/* ---- interrupted */

static bool is_starting(void)
{
	return own_ask_status() == 0 && own.status.phase == PHASE_STARTING &&
	       strcmp(own.status.slices[0].state, "starting") == 0;
}

static bool has_no_logs(void)
{
	return access(own.cluster.data, F_OK) != 0;
}

static void interrupt(int signal_number)
{
	struct process_id worker;
	int wait_status;
	pid_t client;

	own_set_env("FAKE_WORKER", "hang");
	client = own_fork_up();
	ck_assert(own_wait(is_starting));
	ck_assert_int_eq(
		process_identify(own.status.slices[0].worker_pid, &worker, &(struct err){0}), 0);
	kill(client, signal_number);
	ck_assert_int_eq(waitpid(client, &wait_status, 0), client);
	ck_assert(WIFSIGNALED(wait_status));
	ck_assert_int_eq(WTERMSIG(wait_status), signal_number);
	/* Asked politely, the client has waited for the end of it. */
	ck_assert(signal_number == SIGKILL ? own_wait(is_gone) : is_gone());
	ck_assert(own_wait(has_no_logs));
	ck_assert(!process_is_alive(&worker));
	own_end();
}

START_TEST(sigterm_undoes)
{
	own_begin_or_skip();
	interrupt(SIGTERM);
}
END_TEST

START_TEST(kill_9_of_the_client_undoes)
{
	own_begin_or_skip();
	interrupt(SIGKILL);
}
END_TEST

START_TEST(a_second_up_names_the_first)
{
	enum reply_result result;
	char pid[32];
	pid_t client;
	struct err e;

	own_begin_or_skip();
	own_set_env("FAKE_WORKER", "hang");
	client = own_fork_up();
	ck_assert(own_wait(is_starting));
	ck_assert_int_lt(own_up(&result, &e), 0);
	snprintf(pid, sizeof(pid), "process %d", (int)client);
	ck_assert_msg(strstr(e.msg, "is being brought up by another up"), "%s", e.msg);
	ck_assert_msg(strstr(e.msg, pid), "%s, and not %s", e.msg, pid);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert_int_eq(own_ask_status(), 0); /* and the first one goes on */
	ck_assert_int_eq(own.status.phase, PHASE_STARTING);
	own_end();
	waitpid(client, NULL, 0);
}
END_TEST

/* A CPU with two owners would be given to both. */
START_TEST(a_plan_that_is_none_is_refused)
{
	struct control_request request = {.command = CONTROL_APPLY};
	cleanup_free struct state *wanted = malloc(sizeof(*wanted));
	cleanup_free char *line = NULL, *answer = NULL;
	struct err e;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	*wanted = own.state;
	wanted->plan.slices[1] = wanted->plan.slices[0];
	wanted->plan.slices[1].id = 1;
	string_copy(wanted->plan.slices[1].name, "slice-1");
	wanted->plan.slice_count = 2;
	request.state = json_table_build(&state_table, wanted, &e);
	ck_assert_msg(request.state && control_request_format(&request, &line, &e) == 0, "%s",
		      e.msg);
	control_request_release(&request);
	ck_assert_int_eq(own_ask(line, &answer), 0);
	ck_assert_msg(strstr(answer, "\"error\"") && strstr(answer, "slice-1"), "%s", answer);
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.phase, PHASE_UP);
	own_end();
}
END_TEST

START_TEST(the_name_of_a_cluster_elsewhere)
{
	char elsewhere[PROFILE_PATH + 16];
	enum reply_result result;
	struct err e;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	snprintf(elsewhere, sizeof(elsewhere), "%s/other", own.top);
	own.options.roots.state_dir = elsewhere;
	ck_assert_int_lt(own_up(&result, &e), 0);
	ck_assert_msg(strstr(e.msg, "runs already from another state directory"), "%s", e.msg);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	own.options.roots.state_dir = own.top;
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_str_eq(own.status.slices[0].state, "running");
	own_end();
}
END_TEST

OWN_MAIN("supervisor", 60,
	 test_case("supervise", up_status_again_down, a_changed_profile_changes_what_differs,
		   other_words_for_a_worker_restart_it, scratch_moves_and_goes,
		   drift_is_repaired_three_times, the_name_of_a_cluster_elsewhere,
		   a_plan_that_is_none_is_refused, without_cgroups),
	 test_case("deaths", a_dead_worker_is_restarted, a_dead_master_is_restarted,
		   what_a_dead_supervisor_left_is_adopted, down_works_without_a_supervisor,
		   a_lost_state_is_made_anew, home_sets_outlive_a_lost_state,
		   an_unreadable_state_can_be_taken_down, a_group_that_cannot_go),
	 test_case("failures", a_worker_that_ends_at_once, a_master_that_ends_at_once,
		   a_worker_that_throws, a_worker_whose_main_thread_is_gone,
		   a_master_whose_main_thread_is_gone, a_worker_that_never_registers,
		   a_worker_that_listens_everywhere, a_port_in_use, sigterm_undoes,
		   kill_9_of_the_client_undoes, a_second_up_names_the_first, own_nothing_is_left()))
