/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor has to wait for: another cluster's up or down, processes that do not end after
 * SIGKILL. It answers meanwhile, and what it cannot finish it says. A real supervisor with real
 * groups and a fake Spark; the driver's kill() is told to be in vain.
 *
 * link: -Wl,--wrap=driver_open
 */

#include "launcher/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "containers/where/tree.h"
#include "decision/base/cleanup.h"
#include "launcher/system/groups_lock.h"
#include "tests/harness.h"
#include "tests/launcher/own_cluster.h"

/* ---- a kernel that does not end processes */

static const struct driver_ops *real;
static struct driver_ops told;

int __real_driver_open(const struct driver_request *r, struct driver **out, struct err *e);
int __wrap_driver_open(const struct driver_request *r, struct driver **out, struct err *e);

static void vain_file(char path[2 * PROFILE_PATH])
{
	snprintf(path, 2 * PROFILE_PATH, "%s/in-vain", own.top);
}

static int kill_in_vain(struct driver *d, const char *group, unsigned timeout_ms, struct err *e)
{
	char path[2 * PROFILE_PATH];

	vain_file(path);
	if (access(path, F_OK) || strncmp(group, "slice-", 6) != 0)
		return real->kill(d, group, timeout_ms, e);
	poll(NULL, 0, (int)timeout_ms * 2); /* longer than whoever asks meanwhile waits */
	return err_set(e, -ETIMEDOUT, "1 processes of %s are still there after SIGKILL, pid 1",
		       group);
}

int __wrap_driver_open(const struct driver_request *r, struct driver **out, struct err *e)
{
	int result = __real_driver_open(r, out, e);

	if (result)
		return result;
	real = (*out)->ops;
	told = *real;
	told.kill = kill_in_vain;
	(*out)->ops = &told;
	return 0;
}

enum vain { IN_VAIN, AS_USUAL };
static void kills_are(enum vain vain)
{
	char path[2 * PROFILE_PATH];
	int fd;

	vain_file(path);
	if (vain == AS_USUAL) {
		unlink(path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

/* What a failed test left of it goes first. */
#define begin_or_skip()                                                                         \
	do {                                                                                    \
		snprintf(own.top, sizeof(own.top), "%s/t%d", test_directory(), (int)getppid()); \
		kills_are(AS_USUAL);                                                            \
		own_begin_or_skip();                                                            \
	} while (0)

static bool is_backing_off(void)
{
	return own_ask_status() == 0 && own.status.slices[0].restarts == 1 &&
	       !own.status.slices[0].worker_pid;
}

static bool is_running_again(void)
{
	return own_ask_status() == 0 && own.status.slices[0].restarts == 1 &&
	       !strcmp(own.status.slices[0].state, "running");
}

/* Executors of a worker that died do not end for a while: its restart waits, nobody else does. */
START_TEST(a_restart_waits_for_its_group)
{
	begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	kills_are(IN_VAIN);
	ck_assert_int_eq(kill(own.state.workers[0].id.pid, SIGKILL), 0);
	ck_assert(own_wait(is_backing_off));
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(own_ask_status(), 0);
		poll(NULL, 0, 100);
	}
	kills_are(AS_USUAL);
	ck_assert(own_wait(is_running_again));
	own_end();
}
END_TEST

static bool is_going_down(void)
{
	return own_ask_status() == 0 && strstr(own.status.why, "taken down");
}

static pid_t fork_down(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct err e;

		_exit(down_cluster(&own.options, own.name, &e) ? (int)e.exit : 0);
	}
	return pid;
}

static int exit_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* down says what it cannot finish; the next one finishes. With a supervisor, then without. */
START_TEST(down_says_what_does_not_end)
{
	struct err e;
	pid_t down;

	begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	kills_are(IN_VAIN);
	down = fork_down();
	ck_assert(own_wait(is_going_down));
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(own_ask_status(), 0);
		poll(NULL, 0, 100);
	}
	ck_assert_int_eq(exit_of(down), ERR_FAILED);
	ck_assert_int_eq(access(own.cluster.state, F_OK), 0);
	ck_assert_int_lt(down_cluster(&own.options, own.name, &e), 0);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert_msg(strstr(e.msg, "slice-0") && strstr(e.msg, "SIGKILL"), "%s", e.msg);
	kills_are(AS_USUAL);
	own_end();
}
END_TEST

/* The supervisor dies in the middle of it: down goes on by itself. */
START_TEST(down_outlives_its_supervisor)
{
	pid_t down;

	begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	kills_are(IN_VAIN);
	down = fork_down();
	ck_assert(own_wait(is_going_down));
	own_kill_supervisor();
	kills_are(AS_USUAL);
	ck_assert_int_eq(exit_of(down), 0);
	ck_assert_int_ne(access(own.cluster.state, F_OK), 0);
	ck_assert(!process_is_alive(&own.state.master_process));
	own_end();
}
END_TEST

/* A down that does the work itself can be interrupted. */
START_TEST(down_without_a_supervisor_is_interrupted)
{
	pid_t down;

	begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	own_kill_supervisor();
	kills_are(IN_VAIN);
	down = fork_down();
	poll(NULL, 0, 1000);
	kill(down, SIGINT);
	ck_assert_int_eq(exit_of(down), 128 + SIGINT);
	ck_assert_int_eq(access(own.cluster.state, F_OK), 0);
	kills_are(AS_USUAL);
	own_end();
}
END_TEST

/* ---- another cluster's turn */

static struct groups_lock lock = {.fd = -1};

static int take_lock(void)
{
	char name[TREE_NAME];
	struct tree tree;
	pid_t holder;
	struct err e;

	ck_assert_msg(tree_read(NULL, &tree, &e) == 0 && tree_name(&tree, name, &e) == 0, "%s",
		      e.msg);
	return groups_lock_take(name, &lock, &holder, &e);
}

/* A process of any user that locks what it can read of the cgroup tree. */
static pid_t fork_stranger(void)
{
	int ready[2];
	struct tree tree;
	struct err e;
	pid_t pid;
	char c;

	ck_assert_msg(tree_read(NULL, &tree, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd;

		if (setresuid(65534, 65534, 65534))
			_exit(1);
		fd = open(tree.facts.layout.controllers[CONTROLLER_CPUSET].mount,
			  O_RDONLY | O_DIRECTORY);
		if (fd < 0 || flock(fd, LOCK_EX) || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

START_TEST(a_stranger_s_lock_is_nothing)
{
	pid_t stranger;

	begin_or_skip();
	if (geteuid() != 0)
		test_skip("needs root, to be another user");
	stranger = fork_stranger();
	own_must_come_up(REPLY_STARTED);
	own_end();
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
}
END_TEST

/* A status is an answer at once, and says what is waited for. */
static bool is_told_to_wait(void)
{
	cleanup_free char *answer = NULL;
	char who[64];

	snprintf(who, sizeof(who), "(process %d)", (int)getpid());
	return own_ask("{\"cmd\":\"status\"}", &answer) == 0 &&
	       strstr(answer, "waits for another") && strstr(answer, who);
}

START_TEST(a_first_up_waits_for_its_turn)
{
	pid_t up;

	begin_or_skip();
	ck_assert_int_eq(take_lock(), 0);
	up = own_fork_up();
	ck_assert(own_wait(is_told_to_wait));
	groups_lock_release(&lock);
	ck_assert_int_eq(exit_of(up), 0);
	own_end();
}
END_TEST

START_TEST(a_first_up_is_interrupted_before_its_turn)
{
	pid_t up;

	begin_or_skip();
	ck_assert_int_eq(take_lock(), 0);
	up = own_fork_up();
	ck_assert(own_wait(is_told_to_wait));
	kill(up, SIGTERM);
	ck_assert_int_eq(exit_of(up), 128 + SIGTERM);
	for (int i = 0; i < 100 && access(own.cluster.state, F_OK) == 0; i++)
		poll(NULL, 0, 50);
	ck_assert_int_ne(access(own.cluster.state, F_OK), 0);
	ck_assert_int_ne(access(own.cluster.data, F_OK), 0);
	groups_lock_release(&lock);
	own_end();
}
END_TEST

static bool is_up(void)
{
	return own_ask_status() == 0 && own.status.phase == PHASE_UP;
}

/* A cluster that runs goes on meanwhile, and is as it was where the second up gives up. */
START_TEST(a_second_up_waits_for_its_turn)
{
	struct process_id worker;
	pid_t up;

	begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	worker = own.state.workers[0].id;
	ck_assert_int_eq(take_lock(), 0);
	for (int i = 0; i < 2; i++) {
		up = own_fork_up();
		poll(NULL, 0, 500);
		ck_assert(is_up());
		ck_assert_int_eq(waitpid(up, NULL, WNOHANG), 0);
		if (i == 1)
			break;
		kill(up, SIGTERM);
		ck_assert_int_eq(exit_of(up), 128 + SIGTERM);
		ck_assert(is_up());
	}
	groups_lock_release(&lock);
	ck_assert_int_eq(exit_of(up), 0);
	ck_assert(process_is_alive(&worker));
	own_end();
}
END_TEST

START_TEST(down_waits_for_its_turn)
{
	pid_t down;

	begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	ck_assert_int_eq(take_lock(), 0);
	down = fork_down();
	ck_assert(own_wait(is_going_down));
	poll(NULL, 0, 500);
	ck_assert(is_going_down());
	ck_assert_int_eq(waitpid(down, NULL, WNOHANG), 0);
	groups_lock_release(&lock);
	ck_assert_int_eq(exit_of(down), 0);
	own_end();
}
END_TEST

/* What was left of a holder that was killed keeps nobody, and goes with the next one. */
START_TEST(the_lock_of_a_dead_one)
{
	pid_t child;

	begin_or_skip();
	child = fork();
	if (child == 0) {
		if (take_lock())
			_exit(1);
		raise(SIGKILL);
	}
	ck_assert_int_eq(exit_of(child), 128 + SIGKILL);
	own_must_come_up(REPLY_STARTED);
	ck_assert_int_eq(take_lock(), 0);
	ck_assert_int_eq(faccessat(lock.dir, lock.name, F_OK, 0), 0);
	groups_lock_release(&lock);
	own_end();
	ck_assert_int_eq(take_lock(), 0);
	ck_assert_int_eq(dup2(lock.dir, 100), 100);
	groups_lock_release(&lock);
	ck_assert_int_eq(faccessat(100, lock.name, F_OK, 0), -1);
	close(100);
}
END_TEST

OWN_MAIN("waiting", 90,
	 test_case("kill", a_restart_waits_for_its_group, down_says_what_does_not_end,
		   down_outlives_its_supervisor, down_without_a_supervisor_is_interrupted),
	 test_case("lock", a_stranger_s_lock_is_nothing, a_first_up_waits_for_its_turn,
		   a_first_up_is_interrupted_before_its_turn, a_second_up_waits_for_its_turn,
		   down_waits_for_its_turn, the_lock_of_a_dead_one, own_nothing_is_left()))
