/* SPDX-License-Identifier: Apache-2.0 */
/* A supervisor whose files cannot be written, or grow: a disk that is full, or has no inode left. */

#include "launcher/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "launcher/system/rotate.h"
#include "tests/harness.h"
#include "tests/launcher/own_cluster.h"
#include "tests/launcher/small_disk.h"

static char disk[2 * PROFILE_PATH]; /* where STATE is */

/* The test's cluster with its state on a small disk of its own. */
#define begin_on_small_disk(options)                               \
	do {                                                       \
		struct err no;                                     \
		own_begin_or_skip();                               \
		snprintf(disk, sizeof(disk), "%s/state", own.top); \
		mkdir(disk, 0711);                                 \
		if (small_disk_mount(disk, options, &no))          \
			test_skip("%s", no.msg);                   \
	} while (0)

/* ---- a save that fails */

/* How many events of the cluster are `what`. */
static unsigned count_events(const char *what)
{
	cleanup_free char *text = NULL;
	char path[PROFILE_PATH], wanted[64];
	unsigned count = 0;
	size_t size;
	struct err e;

	ck_assert_int_eq(cluster_file(&own.cluster, "events.jsonl", path, &e), 0);
	ck_assert_int_eq(file_read(path, 16 << 20, &text, &size, &e), 0);
	snprintf(wanted, sizeof(wanted), "\"what\":\"%s\"", what);
	for (const char *at = text; (at = strstr(at, wanted)); at++)
		count++;
	return count;
}

static bool is_unsaved(void)
{
	return own_ask_status() == 0 && own.status.unsaved[0];
}

static bool is_saved(void)
{
	return own_ask_status() == 0 && !own.status.unsaved[0];
}

/* It is tried again, less and less often, told once, and shown for as long as it lasts. */
START_TEST(a_state_that_cannot_be_saved)
{
	cleanup_free struct state *read = calloc(1, sizeof(*read));
	char path[PROFILE_PATH];
	struct err e;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	ck_assert_int_eq(cluster_file(&own.cluster, "state.json.new", path, &e), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(kill(own.state.workers[0].id.pid, SIGKILL), 0);
	ck_assert(own_wait(is_unsaved));
	ck_assert_ptr_nonnull(strstr(own.status.unsaved, "state.json cannot be written"));
	for (int i = 0; i < 25; i++) { /* each question is some turns of the loop */
		ck_assert(is_unsaved());
		poll(NULL, 0, 100);
	}
	ck_assert_uint_eq(count_events("save-failed"), 1);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert(own_wait(is_saved));
	ck_assert_uint_eq(count_events("save-failed"), 1);
	ck_assert_uint_eq(count_events("saved"), 1);
	ck_assert_int_eq(state_read(&own.cluster, read, &e), 0);
	ck_assert_uint_eq(read->workers[0].restarts, 1);
	own_end();
}
END_TEST

/* ---- logs that grow */

extern const struct command cmd_logs;

static char log_path[2 * PROFILE_PATH], old_path[2 * PROFILE_PATH + 8];

static void write_log(const char *text)
{
	cleanup_close int fd = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Where the worker's is, as the process has it open. */
static int daemon_log(char *path, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/1", (int)own.state.workers[0].id.pid);
	n = readlink(link, path, size - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	return 0;
}

static bool is_begun_anew(void)
{
	struct stat st;

	return access(old_path, F_OK) == 0 && stat(log_path, &st) == 0 && st.st_size < 1 << 20;
}

static pid_t fork_follower(const char *output)
{
	const struct invocation in = {
		.options = {.roots = own.options.roots, .cluster = own.name, .follow = true}};
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(output, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		struct err e;

		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
			_exit(99);
		cmd_logs.run(&in, &e);
		_exit(1);
	}
	return pid;
}

static const char *awaited;

static bool is_shown(void)
{
	cleanup_free char *text = NULL;
	char path[2 * PROFILE_PATH];
	size_t size;
	struct err e;

	snprintf(path, sizeof(path), "%s/followed", own.top);
	return file_read(path, 64 << 20, &text, &size, &e) == 0 &&
	       memmem(text, size, awaited, strlen(awaited)) != NULL;
}

/* A daemon's and the supervisor's own; whoever follows them sees what comes next. */
START_TEST(logs_do_not_grow_for_ever)
{
	char path[2 * PROFILE_PATH];
	pid_t follower;

	own_begin_or_skip();
	own_must_come_up(REPLY_STARTED);
	snprintf(path, sizeof(path), "%s/followed", own.top);
	snprintf(log_path, sizeof(log_path), "%s/supervisor.log", own.cluster.data);
	snprintf(old_path, sizeof(old_path), "%s.1", log_path);
	follower = fork_follower(path);
	write_log(awaited = "before it was full, and longer than what comes then");
	ck_assert(own_wait(is_shown));
	ck_assert_int_eq(truncate(log_path, ROTATE_MAX_BYTES), 0);
	ck_assert(own_wait(is_begun_anew));
	write_log(awaited = "after it began anew");
	ck_assert(own_wait(is_shown));
	kill(follower, SIGKILL);
	waitpid(follower, NULL, 0);
	ck_assert_int_eq(daemon_log(log_path, sizeof(log_path)), 0);
	snprintf(old_path, sizeof(old_path), "%s.1", log_path);
	ck_assert_int_eq(truncate(log_path, ROTATE_MAX_BYTES), 0);
	ck_assert(own_wait(is_begun_anew));
	ck_assert_uint_eq(count_events("log-begun"), 2);
	own_end();
}
END_TEST

/* ---- a disk that is full */

static void must_be_refused(void)
{
	enum reply_result result;
	struct err e;

	ck_assert_int_ne(own_up(&result, &e), 0);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert_msg(strstr(e.msg, strerror(ENOSPC)) != NULL, "%s", e.msg);
	ck_assert_ptr_null(strchr(e.msg, '\n'));
	ck_assert_msg(access(own.cluster.state, F_OK) != 0, "%s", e.msg);
	ck_assert_msg(access(own.cluster.data, F_OK) != 0, "%s", e.msg);
}

static bool has_file(const char *name)
{
	return cluster_has_file(&own.cluster, name);
}

static void full_from_beginning_to_end(enum small_disk_what what)
{
	char why[ERR_TEXT];

	small_disk_fill(disk, what);
	must_be_refused();
	ck_assert_msg(own_is_usable(why), "%s", why);
	small_disk_free(disk);
	own_must_come_up(REPLY_STARTED);
	small_disk_fill(disk, what);
	ck_assert_int_eq(own_ask_status(), 0);
	ck_assert_int_eq(own.status.phase, PHASE_UP);
	ck_assert_int_eq(kill(own.state.workers[0].id.pid, SIGKILL), 0);
	ck_assert(own_wait(is_unsaved));
	ck_assert(!has_file("state.json.new"));
	ck_assert(has_file("state.json"));
	small_disk_free(disk);
	ck_assert(own_wait(is_saved));
	small_disk_fill(disk, what);
	own_kill_supervisor();
	own_end(); /* without a supervisor, on a full disk */
	small_disk_free(disk);
	own_must_come_up(REPLY_STARTED);
	small_disk_fill(disk, what);
	own_end();
}

START_TEST(no_space)
{
	begin_on_small_disk("size=256k");
	full_from_beginning_to_end(SMALL_DISK_SPACE);
}
END_TEST

START_TEST(no_inodes)
{
	begin_on_small_disk("size=4m,nr_inodes=40");
	full_from_beginning_to_end(SMALL_DISK_INODES);
}
END_TEST

OWN_MAIN("full_disk", 120,
	 test_case("full_disk", a_state_that_cannot_be_saved, logs_do_not_grow_for_ever, no_space,
		   no_inodes, own_nothing_is_left()))
