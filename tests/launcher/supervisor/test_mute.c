/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor that is stopped: it lives, and answers nobody. Commands say that, within their time,
 * and can be interrupted.
 */

#include "launcher/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/commands/running.h"
#include "launcher/protocol/control_line.h"
#include "launcher/system/files.h"
#include "launcher/system/lock.h"
#include "tests/harness.h"
#include "tests/launcher/own_cluster.h"

extern const struct command cmd_status, cmd_verify, cmd_rebalance;

static char output[2 * PROFILE_PATH]; /* where a command's stdout goes */

static void stop_supervisor(void)
{
	snprintf(output, sizeof(output), "%s/output", own.top);
	ck_assert_int_eq(kill(own.state.supervisor.pid, SIGSTOP), 0);
}

static void continue_supervisor(void)
{
	ck_assert_int_eq(kill(own.state.supervisor.pid, SIGCONT), 0);
}

/* A command as main() runs it: its exit status, and its error's text at the end of its output. */
static pid_t fork_command(const struct command *c, const struct options *o)
{
	const struct invocation in = {.options = *o, .operand = own.name};
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r;
		struct err e = {0};

		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
			_exit(99);
		r = c->run(&in, &e);
		if (r < 0)
			puts(e.msg);
		fflush(stdout);
		_exit(r < 0 ? (int)e.exit : r);
	}
	return pid;
}

static int exit_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void must_say(const struct command *c, const struct options *o, const char *also)
{
	cleanup_free char *text = NULL;
	char process[64];
	size_t size;
	struct err e;

	ck_assert_int_eq(exit_of(fork_command(c, o)), ERR_FAILED);
	ck_assert_int_eq(file_read(output, 1 << 20, &text, &size, &e), 0);
	snprintf(process, sizeof(process), "(process %d) does not answer",
		 (int)own.state.supervisor.pid);
	ck_assert_msg(strstr(text, process) != NULL, "%s: %s", c->name, text);
	ck_assert_msg(strstr(text, "is dead") == NULL, "%s: %s", c->name, text);
	ck_assert_msg(strstr(text, also) != NULL, "%s: %s", c->name, text);
}

START_TEST(the_lock_names_the_supervisor)
{
	pid_t holder = 0;

	own_begin_or_skip();
	ck_assert(!lock_is_held(&own.cluster, &holder));
	own_must_come_up(REPLY_STARTED);
	ck_assert(lock_is_held(&own.cluster, &holder));
	ck_assert_int_eq(holder, own.state.supervisor.pid);
	own_kill_supervisor();
	ck_assert(!lock_is_held(&own.cluster, &holder));
	own_end();
}
END_TEST

START_TEST(commands_say_that_it_does_not_answer)
{
	struct options json = own.options, mode;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	stop_supervisor();
	json = mode = own.options;
	json.json = true;
	must_say(&cmd_status, &json, "\"state\":\"degraded\"");
	must_say(&cmd_status, &own.options, "degraded");
	must_say(&cmd_verify, &own.options, "");
	mode.reset = true;
	must_say(&cmd_rebalance, &mode, "");
	continue_supervisor();
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.phase, PHASE_UP);
	own_end();
}
END_TEST

/* Its queue of connections is full, too. */
START_TEST(a_full_queue)
{
	enum { MANY = 64 };
	struct sockaddr_un address;
	int fds[MANY];
	struct err e;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	stop_supervisor();
	ck_assert_int_eq(control_address(&own.cluster, &address, &e), 0);
	for (int i = 0; i < MANY; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	must_say(&cmd_status, &own.options, "degraded");
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	continue_supervisor();
	own_end();
}
END_TEST

static pid_t fork_down(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct err e;

		signal(SIGINT, SIG_DFL); /* Check ends the whole test */
		_exit(down_cluster(&own.options, own.name, &e) == -ETIMEDOUT &&
				      strstr(e.msg, "does not answer") && strstr(e.msg, "kill -9")
			      ? 42
			      : 1);
	}
	return pid;
}

static pid_t fork_up(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		enum reply_result result;
		struct err e;

		_exit(own_up(&result, &e) && strstr(e.msg, "does not answer") ? 42 : 1);
	}
	return pid;
}

/* They wait for a while, for the supervisor may only be slow; a signal ends that. */
START_TEST(up_and_down_give_up)
{
	pid_t ups[2], downs[2];

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	stop_supervisor();
	for (int i = 0; i < 2; i++) {
		ups[i] = fork_up();
		downs[i] = fork_down();
	}
	poll(NULL, 0, 2000);
	kill(ups[0], SIGINT);
	kill(downs[0], SIGINT);
	ck_assert_int_eq(exit_of(downs[0]), 128 + SIGINT);
	ck_assert_int_eq(exit_of(ups[0]), 128 + SIGINT);
	ck_assert_int_eq(exit_of(downs[1]), 42);
	ck_assert_int_eq(exit_of(ups[1]), 42);
	ck_assert_int_eq(access(own.cluster.state, F_OK), 0);
	own_kill_supervisor(); /* as they say */
	own_end();
}
END_TEST

/* Who waits for something that takes its time hears that it is still there. */
START_TEST(a_slow_up_is_not_mute)
{
	struct err e;
	enum reply_result result;

	own_begin_or_skip();
	own.profile.spark.start_timeout_ms = 28000; /* longer than the patience with a mute one */
	own_set_env("FAKE_WORKER", "hang");
	ck_assert_int_lt(own_up(&result, &e), 0);
	ck_assert_msg(strstr(e.msg, "did not register"), "%s", e.msg);
	own_end();
}
END_TEST

OWN_MAIN("mute", 120,
	 test_case("mute", the_lock_names_the_supervisor, commands_say_that_it_does_not_answer,
		   a_full_queue, up_and_down_give_up, a_slow_up_is_not_mute, own_nothing_is_left()))
