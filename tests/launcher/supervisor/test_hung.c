/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Daemons that live and do not answer, with real processes, Spark being a fake one: they are seen,
 * named and started again; whoever was stopped himself blames nobody; and daemons that end while an
 * `up` waits for others.
 */

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/fake_orders.h"
#include "tests/launcher/own_cluster.h"

extern const struct command cmd_verify;

/* A third of it is the least that counts, PULSE_LEAST_MS. */
static void answer_soon(void)
{
	strings_add(&own.profile.spark.conf, "spark.network.timeout");
	strings_add(&own.profile.spark.conf, "6s");
	own_write_profile();
}

static pid_t stopped;

static void stop(pid_t pid)
{
	stopped = pid;
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
}

static bool is_degraded(void)
{
	return own_ask_status() == 0 && own.status.phase == PHASE_DEGRADED;
}

static bool is_up_with_another(void)
{
	return own_ask_status() == 0 && own.status.phase == PHASE_UP && own.status.master_pid &&
	       own.status.master_pid != stopped && own.status.alive_workers == 1 &&
	       strcmp(own.status.slices[0].state, "running") == 0 &&
	       own.status.slices[0].worker_pid != stopped;
}

/* ---- seen, named, started again */

START_TEST(a_stopped_master)
{
	pid_t worker;

	own_begin_or_skip();
	answer_soon();
	own_must_come_up(REPLY_STARTED);
	worker = own.state.workers[0].id.pid;
	stop(own.state.master_process.pid);
	ck_assert(own_wait(is_degraded));
	ck_assert_msg(strstr(own.status.why, "master has not answered since 2"), "%s",
		      own.status.why);
	ck_assert(own_wait(is_up_with_another));
	ck_assert_str_eq(own.status.why, "");
	ck_assert_int_eq(own.status.slices[0].worker_pid, worker);
	own_must_come_up(REPLY_UNCHANGED);
	own_end();
}
END_TEST

START_TEST(a_stopped_worker)
{
	pid_t master;

	own_begin_or_skip();
	answer_soon();
	own_must_come_up(REPLY_STARTED);
	master = own.state.master_process.pid;
	stop(own.state.workers[0].id.pid);
	ck_assert(own_wait(is_degraded));
	ck_assert_msg(strstr(own.status.why, "slice-0 has not answered since 2"), "%s",
		      own.status.why);
	ck_assert_str_ne(own.status.slices[0].state, "running");
	ck_assert(own_wait(is_up_with_another));
	ck_assert_uint_eq(own.status.slices[0].restarts, 1);
	ck_assert_int_eq(own.status.master_pid, master);
	own_end();
}
END_TEST

static bool has_another_master(void)
{
	return own_ask_status() == 0 && own.status.master_pid && own.status.master_pid != stopped;
}

/* It answers, and not as a Master; and then as another cluster's. */
START_TEST(what_is_no_answer)
{
	static const char *const answers[] = {
		"<html>",
		"{\"url\":\"spark://127.0.0.1:1\",\"status\":\"ALIVE\",\"aliveworkers\":0,"
		"\"workers\":[]}",
	};

	own_begin_or_skip();
	answer_soon();
	own_must_come_up(REPLY_STARTED);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(own_ask_status(), 0);
		stopped = own.status.master_pid;
		fake_order(own.orders, "json", "%s", answers[i]);
		ck_assert(own_wait(is_degraded));
		fake_unorder(own.orders, "json");
		ck_assert(own_wait(has_another_master));
		ck_assert(own_wait(is_up_with_another));
	}
	own_end();
}
END_TEST

/* What it is degraded for until the next `up` is not forgotten over it. */
START_TEST(a_lasting_reason_stays)
{
	enum reply_result result;
	struct err e;

	own_begin_or_skip();
	answer_soon();
	own_must_come_up(REPLY_STARTED);
	own.profile.spark.start_timeout_ms = 1000;
	fake_order(own.orders, "master", "hang");
	own_set_env("SOMETHING", "else"); /* so that it has to be another process */
	ck_assert_int_lt(own_up(&result, &e), 0);
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.phase, PHASE_DEGRADED);
	ck_assert_msg(strstr(own.status.why, "did not answer within"), "%s", own.status.why);
	stopped = own.status.master_pid; /* it hangs for too long for a young one, too */
	fake_unorder(own.orders, "master");
	ck_assert(own_wait(has_another_master));
	ck_assert_int_eq(own.status.phase, PHASE_DEGRADED);
	ck_assert_msg(strstr(own.status.why, "did not answer within"), "%s", own.status.why);
	own.profile.spark.start_timeout_ms = 15000;
	own_write_profile();
	own_must_come_up(REPLY_CHANGED);
	own_end();
}
END_TEST

/* ---- whoever was stopped himself blames nobody */

START_TEST(a_stopped_supervisor_blames_nobody)
{
	pid_t supervisor, worker;

	own_begin_or_skip();
	answer_soon();
	own_must_come_up(REPLY_STARTED);
	supervisor = own.state.supervisor.pid;
	worker = own.state.workers[0].id.pid;
	stop(supervisor);
	stop(worker);
	stop(own.state.master_process.pid);
	poll(NULL, 0, 4000); /* twice as long as they may be silent */
	ck_assert_int_eq(kill(supervisor, SIGCONT), 0);
	ck_assert_int_eq(kill(worker, SIGCONT), 0);
	ck_assert_int_eq(kill(own.state.master_process.pid, SIGCONT), 0);
	own_must_come_up(REPLY_UNCHANGED);
	ck_assert_int_eq(own.state.workers[0].id.pid, worker);
	ck_assert_uint_eq(own.state.workers[0].restarts, 0);
	own_end();
}
END_TEST

/* ---- `up` over one that does not answer */

static pid_t fork_up(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		enum reply_result result = REPLY_DOWN;
		struct err e;

		_exit(own_up(&result, &e) ? 100 + (int)e.exit : (int)result);
	}
	return pid;
}

static void must_end(pid_t up, int status)
{
	int wait_status;

	ck_assert_int_eq(waitpid(up, &wait_status, 0), up);
	ck_assert(WIFEXITED(wait_status));
	ck_assert_int_eq(WEXITSTATUS(wait_status), status);
}

static bool is_starting(void)
{
	return own_ask_status() == 0 && own.status.phase == PHASE_STARTING;
}

START_TEST(up_waits_for_an_answer)
{
	pid_t pids[2], up;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	pids[0] = own.state.master_process.pid;
	pids[1] = own.state.workers[0].id.pid;
	for (unsigned i = 0; i < 2; i++) {
		stop(pids[i]);
		up = fork_up();
		ck_assert(own_wait(is_starting));
		ck_assert_int_eq(kill(pids[i], SIGCONT), 0);
		must_end(up, REPLY_UNCHANGED);
	}
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.phase, PHASE_UP);
	ck_assert_int_eq(own.status.master_pid, pids[0]);
	ck_assert_int_eq(own.status.slices[0].worker_pid, pids[1]);
	own_end();
}
END_TEST

START_TEST(up_restarts_who_does_not_answer)
{
	own_begin_or_skip();
	answer_soon();
	own_must_come_up(REPLY_STARTED);
	stop(own.state.master_process.pid);
	own_must_come_up(REPLY_CHANGED);
	ck_assert_int_ne(own.state.master_process.pid, stopped);
	stop(own.state.workers[0].id.pid);
	own_must_come_up(REPLY_CHANGED);
	ck_assert_int_ne(own.state.workers[0].id.pid, stopped);
	own_kill_supervisor(); /* and of one that is adopted */
	stop(own.state.workers[0].id.pid);
	own_must_come_up(REPLY_CHANGED);
	ck_assert_int_ne(own.state.workers[0].id.pid, stopped);
	own_end();
}
END_TEST

static void must_not_come_up(const char *why)
{
	enum reply_result result;
	struct err e;

	ck_assert_int_lt(own_up(&result, &e), 0);
	ck_assert_msg(strstr(e.msg, why), "%s", e.msg);
	ck_assert_int_eq(kill(stopped, SIGCONT), 0);
}

START_TEST(up_names_who_does_not_answer)
{
	own_begin_or_skip();
	own.profile.spark.start_timeout_ms = 3000;
	own_write_profile();
	own_must_come_up(REPLY_STARTED);
	stop(own.state.master_process.pid);
	must_not_come_up("master did not answer within spark.start_timeout (3 s)");
	own_must_come_up(REPLY_UNCHANGED);
	stop(own.state.workers[0].id.pid);
	must_not_come_up("slice-0 did not answer within spark.start_timeout (3 s)");
	own_must_come_up(REPLY_UNCHANGED);
	own_end();
}
END_TEST

/* ---- verify */

static void must_verify(int wanted, const char *sentence)
{
	const struct invocation in = {.options.roots = own.options.roots, .operand = own.name};
	cleanup_free char *text = NULL;
	char path[PROFILE_PATH + 16];
	struct err e = {0}, ignored; /* of a text of no bytes */
	int r, out = dup(STDOUT_FILENO);
	size_t size;

	snprintf(path, sizeof(path), "%s/verify.txt", own.top);
	ck_assert_ptr_nonnull(freopen(path, "w", stdout));
	r = cmd_verify.run(&in, &e);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	ck_assert_int_eq(file_read(path, 1 << 20, &text, &size, &ignored), 0);
	ck_assert_msg(r == wanted, "%d, not %d: %s%s", r, wanted, e.msg, text);
	ck_assert_msg(strstr(text, sentence), "%s", text);
}

START_TEST(verify_asks_them)
{
	char sentence[128];

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	must_verify(0, "plan and kernel agree");
	stop(own.state.master_process.pid);
	snprintf(sentence, sizeof(sentence),
		 "the master (pid %d) lives and did not answer within 5 s", (int)stopped);
	must_verify(ERR_DRIFT, sentence);
	ck_assert_int_eq(kill(stopped, SIGCONT), 0);
	stop(own.state.workers[0].id.pid);
	snprintf(sentence, sizeof(sentence),
		 "the worker of slice-0 (pid %d) lives and did not answer within 5 s",
		 (int)stopped);
	must_verify(ERR_DRIFT, sentence);
	ck_assert_int_eq(kill(stopped, SIGCONT), 0);
	own_kill_supervisor(); /* they are asked all the same */
	must_verify(0, "plan and kernel agree");
	ck_assert_int_eq(kill(own.state.workers[0].id.pid, SIGKILL), 0);
	must_verify(ERR_DRIFT, "the worker of slice-0 does not run");
	own_end();
}
END_TEST

/* ---- daemons that end while `up` waits */

/* Both were adopted, so it is a restart; that of the master, which is stopped, keeps `up` waiting. */
START_TEST(what_was_adopted_may_end)
{
	struct process_id master, worker;
	pid_t up;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	for (unsigned i = 0; i < 2; i++) {
		master = own.state.master_process;
		worker = own.state.workers[0].id;
		own_kill_supervisor();
		stop(master.pid);
		up = fork_up();
		ck_assert(own_wait(is_starting));
		ck_assert_int_eq(kill(i ? master.pid : worker.pid, SIGKILL), 0);
		/* What dies only after the master has answered does not change this `up`. */
		while (process_is_alive(i ? &master : &worker))
			poll(NULL, 0, 10);
		kill(master.pid, SIGCONT);
		must_end(up, REPLY_CHANGED);
		ck_assert_int_eq(state_read(&own.cluster, &own.state, &(struct err){0}), 0);
		ck_assert_int_eq(own.state.phase, PHASE_UP);
		ck_assert(process_is_alive(&own.state.master_process));
		ck_assert(process_is_alive(&own.state.workers[0].id));
		ck_assert(!process_is_alive(i ? &master : &worker));
	}
	own_end();
}
END_TEST

OWN_MAIN("hung", 90,
	 test_case("seen", a_stopped_master, a_stopped_worker, what_is_no_answer,
		   a_lasting_reason_stays, a_stopped_supervisor_blames_nobody),
	 test_case("up", up_waits_for_an_answer, up_restarts_who_does_not_answer,
		   up_names_who_does_not_answer, what_was_adopted_may_end),
	 test_case("verify", verify_asks_them, own_nothing_is_left()))
