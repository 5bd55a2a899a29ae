/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that somebody has moved into a group by hand, on the real kernel with cgroup v1: they
 * are told from ours, and leave the group alive.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containers/cgroup/group.h"
#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static char own_root[64]; /* several runs may be on this machine at once */

static __attribute__((constructor)) void name_root(void)
{
	snprintf(own_root, sizeof(own_root), "cleave-test-str-%d", getpid());
}

static __attribute__((destructor)) void clean(void)
{
	real_clean(own_root);
}

static struct driver *open_here(char why[ERR_TEXT])
{
	struct driver_request r = {
		.cluster = "t", .cgroup_root = own_root, .backend = BACKEND_CGROUP};
	struct driver *d = NULL;
	struct group_spec g;
	struct err e;

	snprintf(why, ERR_TEXT, "not root");
	if (geteuid() == 0)
		d = real_open(&r, why, ERR_TEXT);
	if (d) {
		g = real_group(d, "slice-0", "0");
		ck_assert_msg(d->ops->create(d, &g, &e) == 0, "%s", e.msg);
	}
	return d;
}

#define OPEN_OR_SKIP(d)                     \
	struct err e = {0};                 \
	char why_[ERR_TEXT];                \
	struct driver *d = open_here(why_); \
	if (!d)                             \
	test_skip("no cgroup v1 here: %s", why_)

static void end(struct driver *d)
{
	struct err e;

	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}

static bool is_in_slice(pid_t pid)
{
	char text[8192];

	return proc_read_text(pid, "cgroup", text, sizeof(text)) > 0 && strstr(text, "/slice-0");
}

static void await_program(pid_t pid, const char *name)
{
	for (unsigned turn = 0; turn < 500; turn++) {
		char comm[64];

		if (proc_read_text(pid, "comm", comm, sizeof(comm)) > 0 && !strcmp(comm, name))
			break;
		poll(NULL, 0, 10);
	}
}

/* Put a process into the group in hierarchies first … last, v2's being the last. */
static void put_in(struct driver *d, pid_t pid, unsigned first, unsigned last)
{
	const struct placement *p = &((struct cgroup_driver *)d)->placement;
	struct err e;

	for (unsigned c = first; c <= last; c++) {
		const char *base = c < CONTROLLER_COUNT ? p->base[c] : p->unified;
		char path[3 * LAYOUT_PATH], text[16];

		if (!base[0])
			continue;
		snprintf(path, sizeof(path), "%s/cleave/t/slice-0/cgroup.procs", base);
		snprintf(text, sizeof(text), "%d", pid);
		real_do(control_write(AT_FDCWD, path, text, &e));
	}
}

/* A process that we know nothing of, moved in by hand. */
static pid_t move_in(struct driver *d, unsigned first, unsigned last)
{
	pid_t pid = fork();

	if (pid == 0) {
		char program[] = "sleep", time[] = "100";
		char *argv[] = {program, time, NULL}, *envp[] = {NULL};

		execve("/bin/sleep", argv, envp);
		_exit(127);
	}
	await_program(pid, "sleep");
	put_in(d, pid, first, last);
	return pid;
}

static void end_stranger(pid_t pid)
{
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0); /* it lives */
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(who_was_moved_in_is_named)
{
	struct strangers s;
	pid_t pid, ours;
	OPEN_OR_SKIP(d);

	ours = real_spawn(d, "slice-0", "sleep 100; :", -1);
	real_do(d->ops->strangers(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.count, 0);
	pid = move_in(d, 0, CONTROLLER_COUNT);
	real_do(d->ops->strangers(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.count, 1);
	ck_assert_int_eq(s.items[0].pid, pid);
	ck_assert_uint_eq(s.items[0].uid, 0);
	ck_assert_str_eq(s.items[0].name, "sleep");
	ck_assert(is_in_slice(pid)); /* showing moves nobody */
	end_stranger(pid);
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	waitpid(ours, NULL, 0);
	end(d);
}
END_TEST

START_TEST(who_was_moved_in_is_moved_out_alive)
{
	struct strangers s;
	pid_t pid, ours;
	OPEN_OR_SKIP(d);

	ours = real_spawn(d, "slice-0", "sleep 100; :", -1);
	pid = move_in(d, 0, CONTROLLER_COUNT);
	real_do(d->ops->expel(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.count, 1);
	ck_assert(!s.items[0].stays);
	ck_assert(!is_in_slice(pid));
	ck_assert(is_in_slice(ours));
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	waitpid(ours, NULL, 0);
	end_stranger(pid);
	end(d);
}
END_TEST

/* Who is born in a slice and hides it (env -i setsid) does not get out of its walls like that. */
START_TEST(the_workers_user_hides_nobody)
{
	struct strangers s;
	pid_t pid;
	OPEN_OR_SKIP(d);

	((struct cgroup_driver *)d)->users.workers = 65534;
	pid = fork();
	if (pid == 0) {
		char program[] = "sleep", time[] = "100";
		char *argv[] = {program, time, NULL}, *envp[] = {NULL};

		while (!is_in_slice(getpid()))
			poll(NULL, 0, 1);
		if (setsid() < 0 || setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			_exit(126);
		execve("/bin/sleep", argv, envp);
		_exit(127);
	}
	put_in(d, pid, 0, CONTROLLER_COUNT);
	await_program(pid, "sleep");
	real_do(d->ops->expel(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.count, 1);
	ck_assert_int_eq(s.items[0].pid, pid);
	ck_assert(s.items[0].stays);
	ck_assert(is_in_slice(pid));
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	end(d);
}
END_TEST

/* In v1 hierarchies are separate: one that is in one of them alone keeps the
 * group from going, too. */
START_TEST(one_hierarchy_is_enough)
{
	struct strangers s;
	pid_t pids[2];
	OPEN_OR_SKIP(d);

	pids[0] = move_in(d, CONTROLLER_MEMORY, CONTROLLER_MEMORY);
	pids[1] = move_in(d, CONTROLLER_COUNT, CONTROLLER_COUNT);
	real_do(d->ops->strangers(d, "slice-0", &s, &e));
	ck_assert_uint_ge(s.count, 1);
	real_do(d->ops->expel(d, "slice-0", &s, &e));
	ck_assert(!s.items[0].stays);
	ck_assert(!is_in_slice(pids[0]));
	ck_assert(!is_in_slice(pids[1]));
	end(d);
	end_stranger(pids[0]);
	end_stranger(pids[1]);
}
END_TEST

START_TEST(more_than_are_listed_are_moved_out)
{
	struct strangers s;
	pid_t pids[STRANGERS_LISTED + 3];
	OPEN_OR_SKIP(d);

	for (unsigned i = 0; i < STRANGERS_LISTED + 3; i++)
		pids[i] = move_in(d, 0, CONTROLLER_COUNT);
	real_do(d->ops->expel(d, "slice-0", &s, &e));
	ck_assert_uint_eq(s.count, STRANGERS_LISTED + 3);
	ck_assert_uint_eq(s.listed, STRANGERS_LISTED);
	end(d);
	for (unsigned i = 0; i < STRANGERS_LISTED + 3; i++)
		end_stranger(pids[i]);
}
END_TEST

/*
 * What a process of ours has started is ours, also where it was given no environment: by its parent
 * in the group, and where it has none there by the leader of its session.
 */
START_TEST(descendants_without_a_mark_are_ours)
{
	char shell[] = "sh", option[] = "-c";
	char script[] = "env -i sleep 100 & (env -i sleep 100 &) ; echo; wait; :";
	char *argv[] = {shell, option, script, NULL}, path[] = "PATH=/usr/bin:/bin";
	char *envp[] = {path, NULL};
	struct strangers s;
	pid_t pid, pids[8];
	int out[2], fd, count = 0;
	OPEN_OR_SKIP(d);

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans are ours, and not in the group */
	real_do(d->ops->spawn(d,
			      &(struct spawn){.group = "slice-0",
					      .file = "/bin/sh",
					      .argv = argv,
					      .envp = envp,
					      .in = -1,
					      .out = out[1],
					      .err = 2,
					      .uid = (uid_t)-1,
					      .new_session = true},
			      &pid, &fd, &e));
	close(fd);
	real_wait_byte(out[0]);
	for (unsigned turn = 0; turn < 500 && count < 3; turn++) {
		count = d->ops->pids(d, "slice-0", pids, 8, &e);
		poll(NULL, 0, 10);
	}
	real_do(d->ops->strangers(d, "slice-0", &s, &e));
	ck_assert_msg(s.count == 0, "pid %d (%s)", s.items[0].pid, s.items[0].name);
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	while (waitpid(-1, NULL, 0) > 0)
		;
	end(d);
}
END_TEST

TEST_MAIN("strangers",
	  test_case("strangers", who_was_moved_in_is_named, who_was_moved_in_is_moved_out_alive,
		    the_workers_user_hides_nobody, one_hierarchy_is_enough,
		    more_than_are_listed_are_moved_out, descendants_without_a_mark_are_ours))
