/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is not of the cluster: processes that somebody has moved into a slice, that call themselves
 * ours, a service manager that has not started us, and a user who only wants to look.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "containers/cgroup/group.h"
#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"
#include "launcher/commands/running.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/fake_spark.h"
#include "tests/launcher/own_cluster.h"

enum { STRANGER = 65534 };

extern const struct command cmd_status, cmd_verify, cmd_plan;

/* ---- processes in a slice */

/* One that nobody of ours has started, in the group of slice 0. */
static pid_t move_in(void)
{
	cleanup_driver struct driver *d = NULL;
	const struct placement *p;
	pid_t pid = fork();
	struct err e;

	if (pid == 0) {
		char program[] = "sleep", time[] = "100";
		char *argv[] = {program, time, NULL}, *envp[] = {NULL};

		execve("/bin/sleep", argv, envp);
		_exit(127);
	}
	for (unsigned turn = 0; turn < 500; turn++) {
		char comm[64];

		if (proc_read_text(pid, "comm", comm, sizeof(comm)) > 0 && !strcmp(comm, "sleep"))
			break;
		poll(NULL, 0, 10);
	}
	ck_assert_msg(running_driver(&own.options, &own.state, &d, &e) == 0, "%s", e.msg);
	p = &((struct cgroup_driver *)d)->placement;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		char path[3 * LAYOUT_PATH], text[16];

		if (!p->base[c][0])
			continue;
		snprintf(path, sizeof(path), "%s/cleave/%s/slice-0/cgroup.procs", p->base[c],
			 own.name);
		snprintf(text, sizeof(text), "%d", pid);
		ck_assert_msg(control_write(AT_FDCWD, path, text, &e) == 0, "%s", e.msg);
	}
	return pid;
}

static bool is_in_slice(pid_t pid)
{
	char text[8192];

	return proc_read_text(pid, "cgroup", text, sizeof(text)) > 0 && strstr(text, "/slice-0");
}

static void end_stranger(pid_t pid)
{
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0); /* it lives */
	ck_assert(!is_in_slice(pid));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static int kept = -1;

static char *said_path(void)
{
	static char path[PROFILE_PATH + 16];

	snprintf(path, sizeof(path), "%s/said", own.top);
	return path;
}

/* From here to said() what goes to `fd` is kept. */
static void listen_to(int fd)
{
	cleanup_close int file = open(said_path(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	fflush(NULL);
	kept = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	ck_assert_int_ge(dup2(file, fd), 0);
}

static char *said(int fd)
{
	static char *text;
	size_t size;
	struct err e;

	fflush(NULL);
	dup2(kept, fd);
	close(kept);
	free(text);
	ck_assert_msg(file_read(said_path(), 1 << 20, &text, &size, &e) == 0, "%s", e.msg);
	return text;
}

static void assert_said(const char *text, pid_t pid)
{
	char who[64];

	snprintf(who, sizeof(who), "process %d (sleep) of user 0", (int)pid);
	ck_assert_msg(strstr(text, who) && strstr(text, "slice-0"), "%s: %s", who, text);
}

/* The last of a test: `down` names him, and he lives. */
static void must_let_go(pid_t pid)
{
	char *text;
	struct err e;
	int r;

	listen_to(STDERR_FILENO);
	r = down_cluster(&own.options, own.name, &e);
	text = said(STDERR_FILENO);
	ck_assert_msg(r == 0, "%s", e.msg);
	assert_said(text, pid);
	end_stranger(pid);
	own_end();
}

/* A command by name, with what it prints. */
static int run(const struct command *c, struct options o, const char *operand, char **text)
{
	const struct invocation in = {.options = o, .operand = operand};
	struct err e;
	int r;

	listen_to(STDOUT_FILENO);
	r = c->run(&in, &e);
	*text = said(STDOUT_FILENO);
	return r;
}

START_TEST(status_and_verify_name_him_and_down_lets_him_go)
{
	struct options o;
	char *text;
	pid_t pid;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	o = own.options;
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_uint_eq(own.status.slices[0].foreign.count, 0);
	pid = move_in();
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_uint_eq(own.status.slices[0].foreign.count, 1);
	ck_assert_int_eq(own.status.slices[0].foreign.items[0].pid, pid);
	ck_assert_int_eq(run(&cmd_status, o, own.name, &text), 0);
	assert_said(text, pid);
	o.json = true;
	ck_assert_int_eq(run(&cmd_status, o, own.name, &text), 0);
	ck_assert_msg(strstr(text, "\"foreign\":[{\"pid\":"), "%s", text);
	o.json = false;
	ck_assert_int_eq(run(&cmd_verify, o, own.name, &text), ERR_DRIFT);
	assert_said(text, pid);
	ck_assert_ptr_null(strstr(text, "supervisor and"));
	ck_assert(is_in_slice(pid));
	must_let_go(pid);
}
END_TEST

START_TEST(down_without_a_supervisor_lets_him_go)
{
	pid_t pid;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	pid = move_in();
	own_kill_supervisor();
	must_let_go(pid);
}
END_TEST

static bool is_restarted(void)
{
	return own_ask_status() == 0 && own.status.slices[0].restarts == 1 &&
	       !strcmp(own.status.slices[0].state, "running");
}

START_TEST(the_restart_of_a_worker_lets_him_go)
{
	cleanup_free char *events = NULL;
	char path[PROFILE_PATH];
	size_t size;
	struct err e;
	pid_t pid;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	pid = move_in();
	kill(own.state.workers[0].id.pid, SIGKILL);
	ck_assert(own_wait(is_restarted));
	ck_assert_int_eq(cluster_file(&own.cluster, "events.jsonl", path, &e), 0);
	ck_assert_int_eq(file_read(path, 1 << 20, &events, &size, &e), 0);
	ck_assert_msg(strstr(events, "\"expel\""), "%s", events);
	assert_said(events, pid);
	end_stranger(pid);
	own_end();
}
END_TEST

/* ---- processes elsewhere */

/* His words are those of our daemons, his environment that of a group's. */
static pid_t start_impostor(void)
{
	char conf[PROFILE_PATH], mark[100], byte;
	char *envp[] = {mark, NULL};
	const char *argv[] = {"sh",
			      "-c",
			      "echo; sleep 60; :",
			      "org.apache.spark.deploy.worker.Worker",
			      "--properties-file",
			      conf,
			      "--host",
			      "127.6.6.6",
			      NULL};
	int out[2];
	pid_t pid;
	struct err e;

	ck_assert_int_eq(cluster_file(&own.cluster, "spark.conf", conf, &e), 0);
	snprintf(mark, sizeof(mark), "CLEAVE_GROUP=%s/slice-0:0:0", own.name);
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

static void walk_past_an_impostor(void)
{
	pid_t pid = start_impostor();

	own_must_come_up(REPLY_STARTED);
	ck_assert_int_ne(own.state.workers[0].id.pid, pid);
	own_kill_supervisor();
	own_must_come_up(REPLY_UNCHANGED);
	own_end();
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0); /* it lives */
	kill(-pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(an_impostor_is_in_nobody_s_way)
{
	own_begin_or_skip();
	walk_past_an_impostor();
}
END_TEST

START_TEST(an_impostor_is_in_nobody_s_way_without_cgroups)
{
	own_begin_or_skip();
	own.profile.backend = BACKEND_AFFINITY;
	own_write_profile();
	walk_past_an_impostor();
}
END_TEST

/* ---- who only looks */

START_TEST(looking_makes_no_groups)
{
	struct driver_request request;
	struct observation *seen = calloc(1, sizeof(*seen));
	struct options o;
	struct driver *d;
	char *text;
	struct err e;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	o = own.options;
	own_kill_supervisor();
	/* As after a reboot: the state is there, what it speaks of is not. */
	request = state_groups(&own.state, NULL);
	ck_assert_int_eq(driver_open(&request, &d, &e), 0);
	ck_assert_int_eq(d->ops->observe(d, seen, &e), 0);
	for (unsigned i = 0; i < seen->count; i++) {
		ck_assert_int_eq(d->ops->kill(d, seen->groups[i].name, 5000, &e), 0);
		ck_assert_msg(d->ops->remove(d, seen->groups[i].name, &e) == 0, "%s", e.msg);
	}
	ck_assert_int_eq(driver_destroy(d, &e), 0);
	free(seen);

	ck_assert_int_eq(run(&cmd_status, o, own.name, &text), 0);
	ck_assert_ptr_nonnull(strstr(text, "degraded"));
	ck_assert_int_eq(run(&cmd_verify, o, own.name, &text), ERR_DRIFT);
	ck_assert_ptr_nonnull(strstr(text, "slice-0 has no group"));
	o.dry_run = true;
	ck_assert_int_eq(run(&cmd_plan, o, own.file, &text), 0);
	request.intent = DRIVER_OBSERVE;
	ck_assert_int_eq(driver_open(&request, &d, &e), -ENOENT);
	own_end();
}
END_TEST

/* ---- a service manager */

START_TEST(a_manager_that_has_not_started_us_hears_nothing)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[64];

	own_begin_or_skip();
	snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/cleave-notify-%d", (int)getpid());
	unlink(a.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setenv("NOTIFY_SOCKET", a.sun_path, 1);
	own_must_come_up(REPLY_STARTED);
	own_end();
	unlink(a.sun_path);
	ck_assert_int_lt(recv(fd, text, sizeof(text), MSG_DONTWAIT), 0);
}
END_TEST

OWN_MAIN("strangers", 60,
	 test_case("inside", status_and_verify_name_him_and_down_lets_him_go,
		   down_without_a_supervisor_lets_him_go, the_restart_of_a_worker_lets_him_go),
	 test_case("outside", an_impostor_is_in_nobody_s_way,
		   an_impostor_is_in_nobody_s_way_without_cgroups, looking_makes_no_groups,
		   a_manager_that_has_not_started_us_hears_nothing, own_nothing_is_left()))
