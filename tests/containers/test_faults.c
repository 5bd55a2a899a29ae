/*
 * A kernel that refuses: every write, open and mkdir of making a cluster and a group fails once, in
 * turn; nothing is left behind, and the next attempt succeeds. And clone3 that is not there.
 * link: -Wl,--wrap=pwrite -Wl,--wrap=mkdirat -Wl,--wrap=openat -Wl,--wrap=syscall
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "containers/spawn.h"
#include "tests/containers/real.h"
#include "tests/harness.h"

static char own_root[64]; /* several runs may be on this machine at once */

static __attribute__((constructor)) void name_root(void)
{
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

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	errno = injected;
	return reached = true;
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	return fails() ? -1 : __real_pwrite(fd, bytes, size, offset);
}

int __real_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_mkdirat(int dir, const char *path, mode_t mode)
{
	return fails() ? -1 : __real_mkdirat(dir, path, mode);
}

int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	return fails() ? -1 : __real_openat(dir, path, flags, mode);
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
static int whole_life(const struct driver_request *r, struct err *e)
{
	struct group_spec g = {.name = "slice-0", .weight = 200, .memory = {.max_bytes = 64 << 20}};
	struct driver *d;
	int rc = driver_open(r, &d, e);

	if (rc < 0)
		return rc;
	g.nodes = d->nodes;
	cpuset_add(&g.cpus, 0);
	rc = d->ops->create(d, &g, e);
	countdown = 0; /* taking down is not what is tested here */
	if (rc == 0)
		rc = d->ops->remove(d, "slice-0", e);
	driver_destroy(d, &(struct err){0});
	return rc;
}

/*
 * Fail one call of a life, then a later one (by random steps of at most `stride`) … until a life
 * needs fewer calls than that. Return how many failed.
 */
static unsigned fail_each(const struct driver_request *r, int error, unsigned stride,
			  bool (*is_clean)(void))
{
	unsigned long long random = test_seed();
	unsigned failed = 0;

	for (unsigned n = 1; n < 1000; n += 1 + (unsigned)(test_random(&random) % stride)) {
		struct err e = {0};
		int rc;

		countdown = n;
		reached = false;
		injected = error;
		rc = whole_life(r, &e);
		ck_assert_msg(is_clean(), "seed %lu call %u: something was left behind after: %s",
			      test_seed(), n, e.msg);
		ck_assert_msg(rc == 0 || e.msg[0], "call %u failed without a sentence", n);
		failed += rc < 0;
		countdown = 0;
		if (!reached)
			break; /* the life has fewer calls */
	}
	return failed;
}

static char tree[300];

static bool tree_is_empty(void)
{
	return count_below(tree) == 0;
}

static bool kernel_is_clean(void)
{
	return !real_tree_has("", own_root);
}

START_TEST(a_plain_directory_is_left_empty)
{
	struct driver_request r = {.cluster = "f", .cgroup_root = tree};

	snprintf(tree, sizeof(tree), "%s/tree", test_directory());
	mkdir(tree, 0755);
	ck_assert_uint_gt(fail_each(&r, ENOSPC, 1, tree_is_empty), 50);
	ck_assert_uint_gt(fail_each(&r, EACCES, 1, tree_is_empty), 50);
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
		int ends[2], pidfd, rc;
		char text[256];
		struct err e = {0};
		pid_t pid;
		ssize_t n;

		clone3_error = errors[i % 3];
		only_into_cgroup = i >= 3; /* else there is no clone3 at all: fork */
		ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
		s.out = ends[1];
		rc = spawn_process(&s, &into, &pid, &pidfd, &e);
		clone3_error = 0;
		ck_assert_msg(rc == 0, "%s", e.msg);
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

TEST_MAIN("faults", test_case("refusals", a_plain_directory_is_left_empty, the_kernel_is_left_clean,
			      without_clone3_the_child_joins_before_exec))
