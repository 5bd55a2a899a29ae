/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel that refuses: every write, open and mkdir of making a cluster and a group fails once, in
 * turn; nothing is left behind, and the next attempt succeeds. Likewise every read of what a tick
 * asks for. And clone3 that is not there.
 * link: -Wl,--wrap=statfs -Wl,--wrap=mkdirat -Wl,--wrap=unlinkat -Wl,--wrap=openat
 * link: -Wl,--wrap=pwrite -Wl,--wrap=cgroup_layout_read -Wl,--wrap=cgroup_mountinfo_read
 * link: -Wl,--wrap=syscall -Wl,--wrap=pread -Wl,--wrap=kill
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "containers/proc/control_file.h"
#include "containers/process/spawn.h"
#include "tests/containers/plain_tree.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static char own_root[64]; /* several runs may be on this machine at once */

static bool fails(void);

static __attribute__((constructor)) void name_root(void)
{
	plain_tree_fails = fails;
	snprintf(own_root, sizeof(own_root), "cleave-test-faults-%d", getpid());
}

static __attribute__((destructor)) void clean(void)
{
	real_clean(own_root);
}

/* The call number `countdown` of any wrapped function fails; 0: none does. */
static unsigned countdown;
static bool reached; /* whether one has failed since */
static int injected;
static int clone3_error; /* of every clone3; 0: the real one */
static bool only_into_cgroup;

static unsigned bare_kills; /* by number, which may be somebody else's by then */

int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number)
{
	bare_kills++;
	return __real_kill(pid, number);
}

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	errno = injected;
	return reached = true;
}

static bool reads_fail_too;

ssize_t __real_pread(int fd, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t size, off_t offset)
{
	return reads_fail_too && fails() ? -1 : __real_pread(fd, bytes, size, offset);
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_clone3 && clone3_error) {
		const struct clone_args *args = (const void *)a;

		if (!only_into_cgroup || args->flags & CLONE_INTO_CGROUP) {
			errno = clone3_error;
			return -1;
		}
	}
	return __real_syscall(number, a, b, c, d, e, f);
}

static unsigned found;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)path;
	(void)st;
	(void)type;
	found += walk->level > 0;
	return 0;
}

static unsigned count_below(const char *path)
{
	found = 0;
	nftw(path, count_one, 16, FTW_PHYS);
	return found;
}

/* Make a cluster with one slice and take it down again. Return 0, or the first error. */
static int whole_life(const struct driver_request *request, struct err *e)
{
	struct group_spec g = {.name = "slice-0", .weight = 200, .memory = {.max_bytes = 64 << 20}};
	struct driver *d;
	int r = driver_open(request, &d, e);

	if (r < 0)
		return r;
	g.nodes = d->nodes;
	cpuset_add(&g.cpus, 0);
	r = d->ops->create(d, &g, e);
	countdown = 0; /* taking down is not what is tested here */
	if (r == 0)
		r = d->ops->remove(d, "slice-0", e);
	driver_destroy(d, &(struct err){0});
	return r;
}

/*
 * Fail one call of a life, then a later one (by random steps of at most `stride`) … until a life
 * needs fewer calls than that. Return how many failed.
 */
static unsigned fail_each(const struct driver_request *request, int error, unsigned stride,
			  bool (*is_clean)(void))
{
	unsigned long long random = test_seed();
	unsigned failed = 0;

	for (unsigned n = 1; n < 1000; n += 1 + (unsigned)(test_random(&random) % stride)) {
		struct err e = {0};
		int r;

		countdown = n;
		reached = false;
		injected = error;
		r = whole_life(request, &e);
		ck_assert_msg(is_clean(), "seed %lu call %u: something was left behind after: %s",
			      test_seed(), n, e.msg);
		ck_assert_msg(r == 0 || e.msg[0], "call %u failed without a sentence", n);
		failed += r < 0;
		countdown = 0;
		if (!reached)
			break; /* the life has fewer calls */
	}
	return failed;
}

static char tree[300];
static bool notes_are_kept; /* of what was enabled: the file system has user.* */
static unsigned bare;	    /* files in the tree before anything was made there */

static bool tree_is_bare(void)
{
	char path[400], text[256];
	struct err e = {0};

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", tree);
	real_do(control_read(AT_FDCWD, path, text, sizeof(text), &e));
	return count_below(tree) == bare && (!notes_are_kept || !text[0]);
}

static bool kernel_is_clean(void)
{
	return !real_tree_has("", own_root);
}

START_TEST(a_v2_tree_is_left_clean)
{
	struct driver_request r = {.cluster = "f", .cgroup_root = tree};

	snprintf(tree, sizeof(tree), "%s/tree", test_directory());
	plain_tree_mount(tree);
	bare = count_below(tree);
	notes_are_kept = !setxattr(tree, "user.cleave.test", "", 0, 0);
	ck_assert_uint_gt(fail_each(&r, ENOSPC, 1, tree_is_bare), 50);
	ck_assert_uint_gt(fail_each(&r, EACCES, 1, tree_is_bare), 50);
	r.backend = BACKEND_DOCKER;
	r.engine_cgroups = "cgroupfs";
	ck_assert_uint_gt(fail_each(&r, EIO, 1, tree_is_bare), 50);
}
END_TEST

START_TEST(the_kernel_is_left_clean)
{
	struct driver_request r = {
		.cluster = "f", .cgroup_root = own_root, .backend = BACKEND_CGROUP};
	struct err e = {0};

	if (geteuid() != 0 || whole_life(&r, &e))
		test_skip("no cgroup v1 here: %s", e.msg);
	/* Making and removing groups takes the kernel milliseconds: not every call in each run. */
	ck_assert_uint_gt(fail_each(&r, ENOSPC, 4, kernel_is_clean), 8);
	r.backend = BACKEND_DOCKER;
	r.engine_cgroups = "cgroupfs";
	ck_assert_uint_gt(fail_each(&r, ENOSPC, 4, kernel_is_clean), 8);
}
END_TEST

/* ---- what a tick reads */

enum tick_op { TICK_USAGE, TICK_LOOK, TICK_ALLOWED, TICK_RUNNABLE, TICK_BRING_BACK, TICK_OPS };

/* Return what the op does; its result must be untouched if it fails. */
static int tick(struct driver *d, enum tick_op op, struct err *e)
{
	struct sample sample = {.at_ns = 1, .processes = 77};
	struct observed_group seen = {.name = "untouched"};
	struct cpuset cpus = {{4}};
	unsigned runnable = 77;
	int r = 0;

	switch (op) {
	case TICK_USAGE:
		r = d->ops->usage(d, "slice-0", &sample, e);
		ck_assert((sample.processes == 77) == (r < 0));
		break;
	case TICK_LOOK:
		r = d->ops->look(d, "slice-0", &seen, e);
		ck_assert(!strcmp(seen.name, "untouched") == (r < 0));
		break;
	case TICK_ALLOWED:
		r = d->ops->allowed(d, &cpus, e);
		ck_assert((cpus.words[0] == 4) == (r < 0));
		break;
	case TICK_RUNNABLE:
		r = d->ops->runnable(d, "slice-0", &runnable, e);
		ck_assert((runnable == 77) == (r < 0));
		break;
	case TICK_BRING_BACK:
		r = d->ops->bring_back(d, "slice-0", e);
		break;
	case TICK_OPS:
		break;
	}
	return r;
}

/* Fail each call of one op in turn, until it needs fewer. Return how many failed the op. */
static unsigned fail_each_call(struct driver *d, enum tick_op op, int error)
{
	unsigned failed = 0;

	for (unsigned n = 1; n < 1000; n++) {
		struct err e = {0};
		int r;

		countdown = n;
		reached = false;
		injected = error;
		r = tick(d, op, &e);
		countdown = 0;
		ck_assert_msg(r >= 0 || e.msg[0], "op %d call %u failed without a sentence", op, n);
		failed += r < 0;
		if (!reached)
			return failed;
		/* One bad read changes nothing for the next tick. */
		ck_assert_msg(tick(d, op, &e) == 0, "op %d after call %u: %s", op, n, e.msg);
	}
	return failed;
}

/* Booted with psi=0 the file of a group says -EOPNOTSUPP: unknown, which is no error. */
static void psi_is_off(struct driver *d)
{
	struct sample before, after;
	struct err e = {0};
	unsigned n = 0;

	real_do(d->ops->usage(d, "slice-0", &before, &e));
	if (!(before.known & SAMPLE_PRESSURE))
		return; /* on this very kernel */
	do {		/* until the read that fails is the one of cpu.pressure */
		real_do(d->ops->usage(d, "slice-0", &after, &e)); /* all is open again */
		ck_assert_uint_eq(after.known, SAMPLE_PRESSURE);
		countdown = ++n;
		injected = EOPNOTSUPP;
	} while ((d->ops->usage(d, "slice-0", &after, &e) < 0 || after.known) && n < 20);
	countdown = 0;
	ck_assert_uint_eq(after.known, 0);
	ck_assert_uint_eq(after.pressure_us, 0);
	ck_assert_uint_eq(after.processes, 1);
	real_do(d->ops->usage(d, "slice-0", &after, &e));
	ck_assert_uint_eq(after.known, 0);
}

START_TEST(a_tick_that_fails_is_only_one_tick)
{
	static const unsigned least[TICK_OPS] = {2, 3, 2, 1,
						 1}; /* calls that it cannot do without */
	struct driver_request r = {
		.cluster = "f", .cgroup_root = own_root, .backend = BACKEND_CGROUP};
	struct group_spec g = {.name = "slice-0", .weight = 200};
	char why[ERR_TEXT];
	struct driver *d = geteuid() ? NULL : real_open(&r, why, sizeof(why));
	struct err e = {0};
	unsigned open_files;
	pid_t pid;

	if (!d || !d->ops->bring_back) {
		if (d)
			driver_destroy(d, &e);
		test_skip("no cgroup v1 here");
	}
	g.nodes = d->nodes;
	cpuset_add(&g.cpus, 0);
	real_do(d->ops->create(d, &g, &e));
	pid = real_spawn(d, "slice-0", "exec sleep 100", -1);
	reads_fail_too = true;
	for (enum tick_op op = 0; op < TICK_OPS; op++)
		real_do(tick(d, op, &e));
	open_files = count_below("/proc/self/fd");
	for (enum tick_op op = 0; op < TICK_OPS; op++) {
		ck_assert_uint_ge(fail_each_call(d, op, EIO), least[op]);
		ck_assert_uint_ge(fail_each_call(d, op, EMFILE), least[op]);
		ck_assert_uint_eq(count_below("/proc/self/fd"), open_files);
	}
	psi_is_off(d);
	reads_fail_too = false;
	real_do(d->ops->kill(d, "slice-0", 5000, &e));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	real_do(d->ops->remove(d, "slice-0", &e));
	real_do(driver_destroy(d, &e));
}
END_TEST

/* A v2 directory for real, without controllers, is enough for clone3. */
static int v2_directory(char *path, size_t size)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct statfs fs;

	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, size, "%s/%s", mounts[i], own_root);
		if (!statfs(mounts[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC &&
		    (!mkdir(path, 0755) || errno == EEXIST))
			return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return -1;
}

static pid_t sleeping_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void put_pids(const char *file, pid_t a, pid_t b)
{
	FILE *f = fopen(file, "we");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "%d\n", a);
	if (b)
		fprintf(f, "%d\n", b);
	ck_assert_int_eq(fclose(f), 0);
}

/*
 * Before Linux 5.14 there is no cgroup.kill: what keeps the scope alive is ended by signal, and
 * never by its bare number. It is in a real group; the scope's files are plain ones.
 */
START_TEST(a_scope_ends_through_a_pidfd)
{
	char location[400], path[256], scope[300], pause_group[320], procs[400];
	struct driver_request r = {.cluster = "f", .location = location};
	pid_t inside, outside;
	struct driver *d;
	struct err e = {0};
	int status, dir = v2_directory(path, sizeof(path));

	if (dir < 0)
		test_skip("no v2 tree in which groups can be made");
	close(dir);
	snprintf(scope, sizeof(scope), "%s/cleave-f.scope", path);
	snprintf(pause_group, sizeof(pause_group), "%s/pause", scope);
	ck_assert(!mkdir(scope, 0755) && !mkdir(pause_group, 0755));
	inside = sleeping_child();
	outside = sleeping_child(); /* the number was its process's once */
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", pause_group);
	put_pids(procs, inside, 0);
	snprintf(tree, sizeof(tree), "%s/tree", test_directory());
	plain_tree_mount(tree);
	snprintf(location, sizeof(location), "scope cpuset=%s", tree);
	real_do(driver_open(&r, &d, &e));
	snprintf(procs, sizeof(procs), "%s/pause/cgroup.procs", tree);
	put_pids(procs, inside, outside);
	bare_kills = 0;
	real_do(driver_destroy(d, &e));
	ck_assert_uint_eq(bare_kills, 0);
	ck_assert_int_eq(waitpid(inside, &status, 0), inside);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(waitpid(outside, &status, WNOHANG), 0);
	kill(outside, SIGKILL);
	ck_assert_int_eq(waitpid(outside, NULL, 0), outside);
	ck_assert(!rmdir(pause_group) && !rmdir(scope) && !rmdir(path));
}
END_TEST

struct joining {
	int dir;
	unsigned calls;
};

static int join(void *context, pid_t child, struct err *e)
{
	struct joining *j = context;
	int fd = openat(j->dir, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);

	j->calls++;
	if (fd < 0 || dprintf(fd, "%d", child) < 0)
		return err_errno(e, -errno, "join");
	close(fd);
	return 0;
}

START_TEST(without_clone3_the_child_joins_before_exec)
{
	static const int errors[] = {ENOSYS, EPERM, EACCES};
	char path[256],
		sh[] = "sh", option[] = "-c",
		script[] =
			"while read l; do case $l in 0::*) echo $l;; esac; done </proc/self/cgroup";
	char *argv[] = {sh, option, script, NULL};
	int dir = v2_directory(path, sizeof(path));

	if (dir < 0)
		test_skip("no v2 tree in which groups can be made");
	for (unsigned i = 0; i < 6; i++) {
		struct joining joining = {dir, 0};
		struct spawn s = {
			.file = "/bin/sh", .argv = argv, .in = -1, .err = -1, .uid = (uid_t)-1};
		struct spawn_into into = {
			.cgroup2 = dir, .join = join, .context = &joining, .wall = WALL_CPUSET};
		int ends[2], pidfd, r;
		char text[256];
		struct err e = {0};
		pid_t pid;
		ssize_t n;

		clone3_error = errors[i % 3];
		only_into_cgroup = i >= 3; /* else there is no clone3 at all: fork */
		ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
		s.out = ends[1];
		r = spawn_process(&s, &into, &pid, &pidfd, &e);
		clone3_error = 0;
		ck_assert_msg(r == 0, "%s", e.msg);
		close(ends[1]);
		n = read(ends[0], text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = '\0';
		ck_assert_msg(strstr(text, own_root), "%s", text);
		ck_assert_uint_eq(joining.calls, 1);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		close(ends[0]);
		close(pidfd);
	}
	/* Another error is one: EMFILE is no reason to start the worker elsewhere. */
	clone3_error = EMFILE;
	only_into_cgroup = false;
	{
		struct spawn s = {.file = "/bin/sh",
				  .argv = argv,
				  .in = -1,
				  .out = -1,
				  .err = -1,
				  .uid = (uid_t)-1};
		struct spawn_into into = {.cgroup2 = dir};
		struct err e = {0};
		pid_t pid;
		int pidfd;

		ck_assert_int_eq(spawn_process(&s, &into, &pid, &pidfd, &e), -EMFILE);
	}
	clone3_error = 0;
	close(dir);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

TEST_MAIN("faults", test_case("refusals", a_v2_tree_is_left_clean, the_kernel_is_left_clean,
			      a_tick_that_fails_is_only_one_tick, a_scope_ends_through_a_pidfd,
			      without_clone3_the_child_joins_before_exec))
