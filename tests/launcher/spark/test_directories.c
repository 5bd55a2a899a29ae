/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that cannot do what they are for: each on a file system of its own, or one that
 * refuses a call. link: -Wl,--wrap=write -Wl,--wrap=mmap -Wl,--wrap=fcntl -Wl,--wrap=renameat
 * link: -Wl,--wrap=bind -Wl,--wrap=unlinkat
 */

#include "launcher/spark/directories.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/small_disk.h"
#include "tests/launcher/spark_tree.h"

static char top[PROFILE_PATH / 2];

static const char *below(const char *path)
{
	static char full[PROFILE_PATH + 256];

	snprintf(full, sizeof(full), "%s/%s", top, path);
	return full;
}

/* The directories of the tree's cluster, those of the workers' user his. */
static void make_tree(const struct cluster *c)
{
	static const struct {
		const char *path;
		bool is_his;
	} made[] = {
		{"state", false},
		{"state/tree", false},
		{"data", false},
		{"data/tree", false},
		{"data/tree/master", false},
		{"data/tree/master/tmp", true},
		{"data/tree/master/work", true},
		{"data/tree/host", false},
		{"data/tree/host/tmp", true},
		{"data/tree/host/own", false},
		{"data/tree/slice-0", false},
		{"data/tree/slice-0/tmp", true},
		{"data/tree/slice-0/work", true},
		{"data/tree/slice-0/scratch", true},
		{"data/tree/slice-1", false},
		{"data/tree/slice-1/tmp", true},
		{"data/tree/slice-1/work", true},
		{"data/tree/slice-1/scratch", true},
		{"other", false},
		{"other/cleave-tree-slice-0", true},
		{"other/cleave-tree-slice-1", true},
	};

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		const char *path = below(made[i].path);

		ck_assert_msg(mkdir(path, 0755) == 0 || errno == EEXIST, "%s", path);
		chmod(path, made[i].is_his ? 0700 : 0755);
		if (made[i].is_his)
			ck_assert_int_eq(chown(path, c->uid, c->gid), 0);
	}
}

static struct spark_tree *new_tree(void)
{
	struct spark_tree *t;

	snprintf(top, sizeof(top), "%s", test_directory());
	t = spark_tree_new(top);
	if (geteuid() == 0) {
		t->cluster.uid = t->cluster.gid = 65534;
		string_copy(t->cluster.user, "nobody");
	}
	chmod(top, 0755);
	make_tree(&t->cluster);
	return t;
}

static unsigned count_files(const char *path)
{
	cleanup_closedir DIR *list = opendir(path);
	struct dirent *entry;
	unsigned count = 0;

	ck_assert_ptr_nonnull(list);
	while ((entry = readdir(list)))
		count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	return count;
}

/* Whether the workers' user gets to the test's directory at all. */
static bool can_be_reached(const struct spark_tree *t)
{
	struct err ignored;

	return cluster_user_access(&t->cluster, top, X_OK, &ignored) == 0;
}

START_TEST(nothing_of_a_try_stays)
{
	static const char *const looked_at[] = {"state/tree", "data/tree/slice-1/tmp",
						"data/tree/host/own", "data/tree/slice-0/scratch",
						NULL};
	cleanup_free struct spark_tree *t = new_tree();
	struct directory_look look[SPARK_DIRECTORIES];
	struct err e;

	if (!can_be_reached(t))
		test_skip("user %s cannot enter %s", t->cluster.user, top);
	ck_assert_msg(directories_try(&t->all, &e) == 0, "%s", e.msg);
	for (const char *const *path = looked_at; *path; path++)
		ck_assert_msg(count_files(below(*path)) == 0, "%s", *path);
	ck_assert_uint_eq(count_files(below("data/tree")), 4);
	/* Before anything is there: what is nearest above it, and that is not made either. */
	snprintf(t->cluster.state, sizeof(t->cluster.state), "%s/new/state/tree", top);
	snprintf(t->cluster.data, sizeof(t->cluster.data), "%s/other/data/tree", top);
	directories_look(&t->cluster, &t->profile, look);
	ck_assert_str_eq(look[SPARK_STATE].path, top);
	ck_assert_str_eq(look[SPARK_DATA].path, below("other"));
	ck_assert_str_eq(look[SPARK_SCRATCH].path, "");
	ck_assert_msg(look[SPARK_STATE].result == 0, "%s", look[SPARK_STATE].error.msg);
	ck_assert_msg(look[SPARK_DATA].result == 0, "%s", look[SPARK_DATA].error.msg);
	ck_assert_uint_gt(look[SPARK_DATA].bytes, look[SPARK_DATA].free_bytes);
	ck_assert_uint_eq(count_files(top), 3);
	ck_assert_uint_eq(count_files(below("other")), 2);
	/* A memory.scratch.path has to be there. */
	snprintf(t->profile.memory.scratch.path, PROFILE_PATH, "%s/nowhere", top);
	directories_look(&t->cluster, &t->profile, look);
	ck_assert_int_eq(look[SPARK_SCRATCH].result, -ENOENT);
	ck_assert_ptr_nonnull(strstr(look[SPARK_SCRATCH].error.msg, "nowhere"));
}
END_TEST

/* ---- file systems */

enum filling { LEFT_EMPTY, FULL, WITHOUT_INODES, READ_ONLY };

static const struct file_system {
	const char *at; /* below the test's directory */
	unsigned long flags;
	const char *data;
	enum filling filling;
	bool has_scratch;    /* memory.scratch.path is "other" */
	const char *said[3]; /* NULL: it does */
} file_systems[] = {
	{"data/tree", 0, "size=9m", LEFT_EMPTY, false, {NULL}},
	{"data/tree", MS_NOSUID | MS_NODEV, "size=9m,nr_inodes=80", LEFT_EMPTY, false, {NULL}},
	{"data/tree",
	 MS_NOEXEC,
	 "size=9m",
	 LEFT_EMPTY,
	 false,
	 {"/data/tree/host/own is for java.io.tmpdir, where JVMs load native libraries from, but its "
	  "file system at ",
	  "/data/tree (tmpfs) is mounted noexec, which keeps code from being loaded: mount it without "
	  "noexec, or choose another --state-dir (else XDG_STATE_HOME)"}},
	{"data/tree/slice-1/tmp",
	 MS_NOEXEC,
	 "size=9m",
	 LEFT_EMPTY,
	 false,
	 {"/data/tree/slice-1/tmp is for java.io.tmpdir", "is mounted noexec"}},
	{"state/tree", MS_NOEXEC, "size=1m", LEFT_EMPTY, false, {NULL}},
	{"data/tree/slice-1/scratch", MS_NOEXEC, "size=9m", LEFT_EMPTY, false, {NULL}},
	{"other", MS_NOEXEC, "size=9m", LEFT_EMPTY, true, {NULL}},
	{"state/tree",
	 0,
	 "size=1m",
	 READ_ONLY,
	 false,
	 {"/state/tree is for the cluster's state and its control socket, but its file system at ",
	  "is mounted read-only: mount it for writing, or choose another --state-dir (else "
	  "XDG_RUNTIME_DIR)"}},
	{"data/tree/slice-0/work",
	 0,
	 "size=9m",
	 READ_ONLY,
	 false,
	 {"/slice-0/work is for jars and logs of executors", "is mounted read-only"}},
	{"other",
	 0,
	 "size=9m",
	 READ_ONLY,
	 true,
	 {"/other/cleave-tree-slice-0 is for shuffle files", "is mounted read-only",
	  "or choose another memory.scratch.path"}},
	{"other", 0, "size=9m", READ_ONLY, false, {NULL}}, /* nobody uses it */
	{"state/tree",
	 0,
	 "size=64k",
	 FULL,
	 false,
	 {"/state/tree is for", "is full (No space left on device): 0 of 64 KB"}},
	{"data/tree/slice-0/tmp",
	 0,
	 "size=9m",
	 FULL,
	 false,
	 {"/slice-0/tmp is for",
	  "is full (No space left on device): 0 of 9 MB are free: make room, or choose another"}},
	{"data/tree/slice-1/scratch",
	 0,
	 "size=9m,nr_inodes=30",
	 WITHOUT_INODES,
	 false,
	 {"/slice-1/scratch is for shuffle files",
	  "has no inode left of its 30 (No space left on device): remove files, or choose another"}},
	/* How little is too little nobody knows. */
	{"data/tree", 0, "size=100k,nr_inodes=30", LEFT_EMPTY, false, {NULL}},
};

static int try_on(const struct file_system *fs, struct spark_tree *t, struct err *e)
{
	char at[PROFILE_PATH + 256];
	int r;

	snprintf(at, sizeof(at), "%s", below(fs->at));
	ck_assert_msg(mount("tmpfs", at, "tmpfs", fs->flags, fs->data) == 0, "%s: %s", at,
		      strerror(errno));
	make_tree(&t->cluster); /* what the mount hides */
	if (fs->filling == FULL || fs->filling == WITHOUT_INODES)
		small_disk_fill(at, fs->filling == FULL ? SMALL_DISK_SPACE : SMALL_DISK_INODES);
	if (fs->filling == READ_ONLY)
		ck_assert_int_eq(mount(NULL, at, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	t->profile.memory.scratch.path[0] = '\0';
	if (fs->has_scratch)
		snprintf(t->profile.memory.scratch.path, PROFILE_PATH, "%s/other", top);
	r = directories_try(&t->all, e);
	ck_assert_int_eq(umount2(at, MNT_DETACH), 0);
	return r;
}

START_TEST(each_is_tried_for_what_it_is_for)
{
	cleanup_free struct spark_tree *t = new_tree();

	if (!can_be_reached(t))
		test_skip("user %s cannot enter %s", t->cluster.user, top);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		test_skip("no file system can be mounted: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
		const struct file_system *fs = &file_systems[i];
		struct err e = {0};
		int r = try_on(fs, t, &e);

		ck_assert_msg((r < 0) == (fs->said[0] != NULL), "%zu: %d %s", i, r, e.msg);
		for (size_t j = 0; j < 3 && fs->said[j]; j++)
			ck_assert_msg(strstr(e.msg, fs->said[j]), "%zu: %s", i, e.msg);
	}
}
END_TEST

/* ---- file systems that lack something */

/* In trying, this call fails with `error`. */
enum call {
	CALL_NONE,
	CALL_WRITE,
	CALL_MAP_CODE,
	CALL_MAP_FILE,
	CALL_LOCK,
	CALL_RENAME,
	CALL_BIND,
	CALL_REMOVE
};
static enum call failing;
static int error;

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	errno = error;
	return failing == CALL_WRITE && size == 4096 ? -1 : __real_write(fd, bytes, size);
}

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	errno = error;
	return failing == (protection & PROT_EXEC ? CALL_MAP_CODE : CALL_MAP_FILE)
		       ? MAP_FAILED
		       : __real_mmap(at, size, protection, flags, fd, offset);
}

int __real_fcntl(int fd, int command, void *argument);
int __wrap_fcntl(int fd, int command, void *argument);
int __wrap_fcntl(int fd, int command, void *argument)
{
	errno = error;
	return failing == CALL_LOCK && command == F_SETLK ? -1
							  : __real_fcntl(fd, command, argument);
}

int __real_renameat(int from, const char *name, int to, const char *other);
int __wrap_renameat(int from, const char *name, int to, const char *other);
int __wrap_renameat(int from, const char *name, int to, const char *other)
{
	errno = error;
	return failing == CALL_RENAME ? -1 : __real_renameat(from, name, to, other);
}

int __real_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size)
{
	errno = error;
	return failing == CALL_BIND ? -1 : __real_bind(fd, address, size);
}

int __real_unlinkat(int at, const char *name, int flags);
int __wrap_unlinkat(int at, const char *name, int flags);
int __wrap_unlinkat(int at, const char *name, int flags)
{
	int r = __real_unlinkat(at, name, flags);

	errno = failing == CALL_REMOVE ? error : errno;
	return failing == CALL_REMOVE ? -1 : r;
}

START_TEST(a_call_that_is_refused_is_named)
{
	static const struct {
		enum call call;
		int error;
		const char *at, *said;
	} cases[] = {
		{CALL_WRITE, EDQUOT, "/state/tree is for",
		 " grants no more: the disk quota of user 0 is used up (Disk quota exceeded): make room, or raise the quota, or "
		 "choose another --state-dir"},
		{CALL_WRITE, EIO, "/state/tree is for",
		 "write a file: Input/output error: choose another"},
		{CALL_MAP_CODE, EACCES, "/host/own is for java.io.tmpdir",
		 "map code: Permission denied: choose another --state-dir"}, /* as SELinux does */
		{CALL_MAP_FILE, ENODEV, "/slice-0/scratch is for shuffle files",
		 "map a file: No such device: choose another memory.scratch.path, or --state-dir"},
		{CALL_LOCK, ENOLCK, "/state/tree is for",
		 "lock a file: No locks available: choose"},
		{CALL_RENAME, ENOSYS, "/state/tree is for",
		 "rename a file: Function not implemented"},
		{CALL_BIND, EPERM, "/state/tree is for the cluster's state and its control socket",
		 "make a socket: Operation not permitted: choose another --state-dir (else "
		 "XDG_RUNTIME_DIR)"},
		{CALL_REMOVE, EPERM, "/state/tree is for",
		 "remove a file: Operation not permitted"},
	};
	cleanup_free struct spark_tree *t = new_tree();

	t->cluster.user[0] = '\0'; /* here, and not in a child */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = {0};
		char user[16], *number;
		int r;

		failing = cases[i].call;
		error = cases[i].error;
		r = directories_try(&t->all, &e);
		failing = CALL_NONE;
		ck_assert_msg(r == -cases[i].error, "%zu: %d %s", i, r, e.msg);
		ck_assert_msg(strstr(e.msg, cases[i].at), "%zu: %s", i, e.msg);
		/* Whoever runs the tests. */
		snprintf(user, sizeof(user), "user %u ", (unsigned)geteuid());
		ck_assert_msg(strstr(e.msg, user), "%zu: %s", i, e.msg);
		number = strstr(cases[i].said, "user 0 ");
		ck_assert_msg(strstr(e.msg, number ? number + strlen("user 0 ") : cases[i].said),
			      "%zu: %s", i, e.msg);
		ck_assert_uint_eq(count_files(below("state/tree")), 0);
		ck_assert_uint_eq(count_files(below("data/tree/slice-0/scratch")), 0);
	}
}
END_TEST

/* ---- owners */

START_TEST(they_are_tried_as_the_workers_user)
{
	cleanup_free struct spark_tree *t = new_tree();
	struct directory_look look[SPARK_DIRECTORIES];
	struct err e;

	if (geteuid() != 0)
		test_skip("needs root");
	if (!can_be_reached(t))
		test_skip("user %s cannot enter %s", t->cluster.user, top);
	ck_assert_int_eq(chown(below("data/tree/slice-1/work"), 0, 0), 0);
	ck_assert_int_eq(directories_try(&t->all, &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.msg, "/slice-1/work, which is for jars and logs"));
	chmod(below("data/tree/slice-1/work"), 0755);
	ck_assert_int_eq(directories_try(&t->all, &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.msg, "does not let user 65534 make a file: Permission"));
	ck_assert_int_eq(chown(below("data/tree/slice-1/work"), 65534, 65534), 0);
	ck_assert_int_eq(chmod(below("data/tree/slice-0"), 0700), 0);
	ck_assert_int_eq(directories_try(&t->all, &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.msg, "/slice-0/tmp, which is for java.io.tmpdir"));
	/* Where he has no way, before it is made. */
	ck_assert_int_eq(chmod(below("data"), 0700), 0);
	directories_look(&t->cluster, &t->profile, look);
	ck_assert_int_eq(look[SPARK_DATA].result, -EACCES);
	ck_assert_ptr_nonnull(strstr(look[SPARK_DATA].error.msg, "user nobody may not enter"));
}
END_TEST

TEST_MAIN("directories",
	  test_case("tries", nothing_of_a_try_stays, a_call_that_is_refused_is_named,
		    each_is_tried_for_what_it_is_for, they_are_tried_as_the_workers_user))
