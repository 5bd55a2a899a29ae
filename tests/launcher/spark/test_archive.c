/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which archives are taken, offered, made and put into the cache. Disks that are full are told.
 * link: -Wl,--wrap=statvfs,--wrap=sendfile
 */

#include "launcher/spark/archive.h"
#include "launcher/spark/room.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>

#include "decision/base/cleanup.h"
#include "launcher/system/cache.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

enum { SOMEBODY = 12345, BYTES = 5000 };

/* ---- disks */

static const char *full; /* a path with this in it has no room */
static int copy_error;	 /* after the first half */

int __real_statvfs(const char *path, struct statvfs *out);
int __wrap_statvfs(const char *path, struct statvfs *out);
int __wrap_statvfs(const char *path, struct statvfs *out)
{
	int r = __real_statvfs(path, out);

	out->f_frsize = 4096;
	out->f_bavail = full && strstr(path, full) ? 100 : 1 << 20;
	return r;
}

ssize_t __real_sendfile(int to, int from, off_t *offset, size_t size);
ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t size);
ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t size)
{
	if (!copy_error)
		return __real_sendfile(to, from, offset, size);
	if (size == BYTES)
		return __real_sendfile(to, from, offset, BYTES / 2);
	errno = copy_error;
	return -1;
}

/* ---- a Spark, a JDK and a cluster of which nothing runs */

static char top[PROFILE_PATH - 256], entry[PROFILE_PATH];
static struct spark_tree *tree;

static void make_directory(const char *name)
{
	char path[2 * PROFILE_PATH];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	ck_assert_msg(mkdir(path, 0755) == 0, "%s: %s", path, strerror(errno));
}

static void begin(void)
{
	static const char *const directories[] = {
		"state",	   "state/tree",	   "data",	    "data/tree",
		"data/tree/train", "data/tree/train/work", "jdk/lib/server"};
	char home[PROFILE_PATH], jdk[PROFILE_PATH], path[PROFILE_PATH + 64];
	struct err e;

	umask(022);
	snprintf(top, sizeof(top), "%s/test-%d", test_directory(), (int)getpid());
	ck_assert_int_eq(mkdir(top, 0755), 0);
	setenv("XDG_CACHE_HOME", top, 1);
	tree = spark_tree_new(top);
	spark_tree_fake(top, spark_tree_java, home, jdk);
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		make_directory(directories[i]);
	snprintf(path, sizeof(path), "%s/lib/server", jdk);
	spark_tree_program(path, "classes.jsa", "");
	string_copy(tree->spark.home, home);
	snprintf(path, sizeof(path), "%s/bin/java", jdk);
	string_copy(tree->spark.java, path);
	string_copy(tree->spark.java_home, jdk);
	string_copy(tree->spark.python, "/usr/bin/python3");
	tree->spark.java_version = 17;
	ck_assert_int_eq(spark_fingerprint(&tree->spark, tree->spark.fingerprint, &e), 0);
	close(cache_open(tree->spark.fingerprint, entry, &e));
	full = NULL;
	copy_error = 0;
}

static void end(void)
{
	free(tree);
	tree = NULL;
}

static const char *in_entry(const char *name)
{
	static char path[2 * PROFILE_PATH];

	snprintf(path, sizeof(path), "%s/%s", entry, name);
	return path;
}

static const char *output(void)
{
	static char path[2 * PROFILE_PATH];

	snprintf(path, sizeof(path), "%s/data/tree/train/work/archive", top);
	return path;
}

static void put(const char *path, size_t bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0 && fchmod(fd, mode) == 0,
		      "%s: %s", path, strerror(errno));
	close(fd);
}

static const char *name_of(uid_t uid, unsigned bytes, const char *suffix)
{
	static char name[96];

	snprintf(name, sizeof(name), "uid-%u.%u.%s", (unsigned)uid, bytes, suffix);
	return name;
}

static int find(struct err *e)
{
	struct archive found;

	return archive_find(&tree->spark, geteuid(), &found, e);
}

/* Files of the entry but the lock. */
static unsigned count_files(void)
{
	DIR *list = opendir(entry);
	unsigned count = 0;

	for (struct dirent *file; list && (file = readdir(list));)
		count += file->d_name[0] != '.' && !strstr(file->d_name, ".lock");
	closedir(list);
	return count;
}

/* ---- which kind, and its words */

START_TEST(what_a_jdk_can)
{
	char path[PROFILE_PATH + 64];

	begin();
	tree->spark.java_version = 12;
	ck_assert_int_eq(archive_kind(&tree->spark), ARCHIVE_NONE);
	tree->spark.java_version = 13;
	ck_assert_int_eq(archive_kind(&tree->spark), ARCHIVE_DYNAMIC);
	tree->spark.java_version = 24;
	ck_assert_int_eq(archive_kind(&tree->spark), ARCHIVE_DYNAMIC);
	tree->spark.java_version = 25;
	ck_assert_int_eq(archive_kind(&tree->spark), ARCHIVE_AOT);
	tree->spark.java_version = 17;
	snprintf(path, sizeof(path), "%s/jdk/lib/server/classes.jsa", top);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(archive_kind(&tree->spark), ARCHIVE_NONE);
	tree->spark.java_home[0] = '\0'; /* of a state that does not say */
	ck_assert_int_eq(archive_kind(&tree->spark), ARCHIVE_NONE);
	end();
}
END_TEST

START_TEST(without_one_of_the_jdks_own_there_is_none)
{
	struct archive_training t;
	char path[PROFILE_PATH + 64];
	struct err e;

	begin();
	snprintf(path, sizeof(path), "%s/jdk/lib/server/classes.jsa", top);
	ck_assert_int_eq(unlink(path), 0);
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(find(&e), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(e.msg, "lib/server/classes.jsa"));
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -EALREADY);
	end();
}
END_TEST

START_TEST(words_of_each_kind)
{
	struct archive a = {.path = "/c/a.jsa"};
	cleanup_argv struct argv none = {0}, dynamic = {0}, aot = {0}, fixed = {0};

	archive_words(&a, &none);
	ck_assert_uint_eq(none.count, 0);
	a.kind = ARCHIVE_DYNAMIC;
	archive_words(&a, &dynamic);
	ck_assert_uint_eq(dynamic.count, 4);
	ck_assert_str_eq(dynamic.items[0], "-XX:+IgnoreUnrecognizedVMOptions");
	ck_assert_str_eq(dynamic.items[1], "-XX:SharedArchiveFile=/c/a.jsa");
	ck_assert_str_eq(dynamic.items[2], "-Xshare:auto");
	ck_assert(strncmp(dynamic.items[3], "-Xlog:", 6) == 0);
	a.kind = ARCHIVE_AOT;
	archive_words(&a, &aot);
	ck_assert_uint_eq(aot.count, 4);
	ck_assert_str_eq(aot.items[1], "-XX:AOTCache=/c/a.jsa");
	ck_assert_str_eq(aot.items[2], "-XX:AOTMode=auto");
	ck_assert(strncmp(aot.items[3], "-Xlog:", 6) == 0);
	/* It stays where it was made for. */
	a.java_version = 25;
	archive_words(&a, &fixed);
	ck_assert_uint_eq(fixed.count, 6);
	ck_assert_str_eq(fixed.items[5], "-XX:ArchiveRelocationMode=0");
}
END_TEST

/* ---- which are taken */

START_TEST(one_that_is_ours_and_whole_is_found)
{
	struct archive found = {0};
	unsigned before;
	struct err e;

	begin();
	before = test_count_descriptors();
	ck_assert_int_eq(find(&e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.msg, entry));
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(archive_find(&tree->spark, geteuid(), &found, &e), 0);
	ck_assert_str_eq(found.path, in_entry(name_of(geteuid(), BYTES, "jsa")));
	ck_assert_uint_eq(found.bytes, BYTES);
	ck_assert_int_eq(found.kind, ARCHIVE_DYNAMIC);
	/* Another user's workers have none, and another kind of JDK either. */
	ck_assert_int_eq(archive_find(&tree->spark, SOMEBODY, &found, &e), -ENOENT);
	tree->spark.java_version = 25;
	ck_assert_int_eq(find(&e), -ENOENT);
	put(in_entry(name_of(geteuid(), BYTES, "aot")), BYTES, 0600);
	ck_assert_int_eq(find(&e), 0);
	ck_assert_uint_eq(test_count_descriptors(), before);
	end();
}
END_TEST

START_TEST(what_does_not_fit_its_name_is_none)
{
	static const char *const names[] = {
		"uid-.5000.jsa",
		"uid-0.5000",
		"uid-0.5000.jsa.new",
		"uid-0.05000.jsa",
		"uid-0.-5000.jsa",
		"uid-0. 5000.jsa",
		"uid-0x0.5000.jsa",
		"Uid-0.5000.jsa",
		"uid--0.5000.jsa",
		"uid-00.5000.jsa",
		"uid-0.5000.jsa~",
		"uid-0.new",
		"uid-0.5000.aot",
		"uid-12345.5000.jsa",
		"uid-4294967296.5000.jsa",
		"uid-0.99999999999999999999999999999999999999999999999999999999999999.jsa",
	};
	struct archive found;
	struct err e;

	begin();
	put(in_entry("uid-0.5001.jsa"), BYTES, 0644); /* one was cut */
	put(in_entry("uid-0.4999.jsa"), BYTES, 0644);
	put(in_entry("uid-0.0.jsa"), BYTES, 0644);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		put(in_entry(names[i]), BYTES, 0644);
	ck_assert_int_eq(archive_find(&tree->spark, 0, &found, &e), -ENOENT);
	end();
}
END_TEST

START_TEST(what_others_could_have_written_is_none)
{
	char path[2 * PROFILE_PATH], other[2 * PROFILE_PATH];
	struct err e;

	begin();
	snprintf(path, sizeof(path), "%s", in_entry(name_of(geteuid(), BYTES, "jsa")));
	snprintf(other, sizeof(other), "%s/other", top);
	put(path, BYTES, 0664);
	ck_assert_int_eq(find(&e), -ENOENT);
	ck_assert_int_eq(chmod(path, 0646), 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(find(&e), 0);
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	ck_assert_int_eq(unlink(path), 0);
	/* The directory itself. */
	put(path, BYTES, 0644);
	ck_assert_int_eq(chmod(entry, 0775), 0);
	ck_assert_int_eq(find(&e), -EPERM);
	ck_assert_int_eq(chmod(entry, 0755), 0);
	ck_assert_int_eq(find(&e), 0);
	end();
}
END_TEST

START_TEST(one_of_another_user_is_none)
{
	struct err e;

	if (geteuid())
		test_skip("needs root for files of other users");
	begin();
	put(in_entry(name_of(0, BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(chown(in_entry(name_of(0, BYTES, "jsa")), SOMEBODY, SOMEBODY), 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	end();
}
END_TEST

START_TEST(one_of_a_spark_that_was_replaced_is_none)
{
	char path[PROFILE_PATH + 64];
	struct archive_training t;
	struct err e;

	begin();
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(find(&e), 0);
	snprintf(path, sizeof(path), "%s/jars/spark-core_2.13-4.1.0.jar", tree->spark.home);
	ck_assert_int_eq(utimes(path, NULL), 0);
	ck_assert_int_eq(find(&e), -ESTALE);
	ck_assert_ptr_nonnull(strstr(e.msg, "run up again"));
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -ESTALE);
	/* And one that is gone. */
	ck_assert_int_eq(unlink(path), 0);
	string_copy(tree->spark.home, "/nonexistent");
	ck_assert_int_lt(find(&e), 0);
	/* A cluster of a cleave that had no fingerprints. */
	tree->spark.fingerprint[0] = '\0';
	ck_assert_int_lt(find(&e), 0);
	end();
}
END_TEST

START_TEST(a_path_that_java_cannot_take_is_refused)
{
	struct archive_training t;
	char path[PROFILE_PATH];
	struct err e;

	begin();
	snprintf(path, sizeof(path), "%s/a:b:c", top);
	setenv("XDG_CACHE_HOME", path, 1);
	ck_assert_int_eq(find(&e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.msg, "a:b:c"));
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -EINVAL);
	snprintf(path, sizeof(path), "%s/a\nb", top);
	setenv("XDG_CACHE_HOME", path, 1);
	ck_assert_int_eq(find(&e), -EINVAL);
	end();
}
END_TEST

/* ---- a training that failed */

static void put_failure(const char *text, time_t age)
{
	char name[64], path[2 * PROFILE_PATH];
	struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
	struct err e;

	snprintf(name, sizeof(name), "uid-%u.failed", (unsigned)geteuid());
	snprintf(path, sizeof(path), "%s", in_entry(name));
	ck_assert_int_eq(file_replace(path, text, strlen(text), 0644, &e), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(a_failure_is_remembered_for_a_day)
{
	char name[64], long_text[2000];
	struct archive_training t;
	struct err e;

	begin();
	put_failure("it rained\n", 0);
	ck_assert_int_eq(find(&e), -ECANCELED);
	ck_assert_str_eq(e.msg, "it rained");
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -ECANCELED);
	put_failure("it rained\n", 24 * 60 * 60 - 100);
	ck_assert_int_eq(find(&e), -ECANCELED);
	put_failure("it rained\n", 24 * 60 * 60 + 100);
	ck_assert_int_eq(find(&e), -ENOENT);
	put_failure("it will rain\n", -1000);
	ck_assert_int_eq(find(&e), -ENOENT);
	put_failure("", 0); /* the disk was full of it, too */
	ck_assert_int_eq(find(&e), -ENOENT);
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	put_failure(long_text, 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	/* An archive that is there says more. */
	put_failure("it rained\n", 0);
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(find(&e), 0);
	ck_assert_int_eq(unlink(in_entry(name_of(geteuid(), BYTES, "jsa"))), 0);
	/* What nobody of us wrote, or what reading would wait for. */
	snprintf(name, sizeof(name), "uid-%u.failed", (unsigned)geteuid());
	ck_assert_int_eq(chmod(in_entry(name), 0666), 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	ck_assert_int_eq(unlink(in_entry(name)), 0);
	ck_assert_int_eq(mkfifo(in_entry(name), 0644), 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	ck_assert_int_eq(unlink(in_entry(name)), 0);
	ck_assert_int_eq(symlink("/etc/passwd", in_entry(name)), 0);
	ck_assert_int_eq(find(&e), -ENOENT);
	end();
}
END_TEST

/* ---- offering it */

static char *read_offer(void)
{
	char path[PROFILE_PATH + 64], *text;
	struct err e;
	size_t size;

	snprintf(path, sizeof(path), "%s/jvm.options", tree->cluster.state);
	if (file_read(path, 10000, &text, &size, &e))
		ck_abort_msg("%s", e.msg);
	return text;
}

static void must_offer(const char *wanted)
{
	cleanup_free char *text = NULL;
	struct err e;

	ck_assert_msg(archive_offer(&tree->all, &e) == 0, "%s", e.msg);
	text = read_offer();
	ck_assert_str_eq(text, wanted);
}

START_TEST(offered_is_what_there_is)
{
	char wanted[3 * PROFILE_PATH], path[PROFILE_PATH + 64];
	struct stat first, second;

	begin();
	must_offer("");
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES, 0644);
	snprintf(wanted, sizeof(wanted),
		 "\"-XX:+IgnoreUnrecognizedVMOptions\"\n"
		 "\"-XX:SharedArchiveFile=%s\"\n\"-Xshare:auto\"\n\"-Xlog:cds*=off\"",
		 in_entry(name_of(geteuid(), BYTES, "jsa")));
	must_offer(wanted);
	snprintf(path, sizeof(path), "%s/jvm.options", tree->cluster.state);
	ck_assert_int_eq(stat(path, &first), 0);
	ck_assert_uint_eq(first.st_mode & 07777, 0644);
	must_offer(wanted); /* the same: not written again */
	ck_assert_int_eq(stat(path, &second), 0);
	ck_assert_uint_eq(first.st_ino, second.st_ino);
	ck_assert_int_eq(first.st_mtim.tv_nsec, second.st_mtim.tv_nsec);
	tree->profile.jvm.class_data_sharing = false;
	must_offer("");
	tree->profile.jvm.class_data_sharing = true;
	must_offer(wanted);
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES / 2, 0644);
	must_offer("");
	end();
}
END_TEST

START_TEST(a_path_may_have_quotes_and_blanks)
{
	char cache[PROFILE_PATH], wanted[2 * PROFILE_PATH];
	cleanup_free char *text = NULL;
	struct archive found;
	size_t size;
	struct err e;

	begin();
	snprintf(cache, sizeof(cache), "%s/o'brien \"x\" \\n #", top);
	setenv("XDG_CACHE_HOME", cache, 1);
	close(cache_open(tree->spark.fingerprint, entry, &e));
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(archive_find(&tree->spark, geteuid(), &found, &e), 0);
	snprintf(wanted, sizeof(wanted),
		 "\"-XX:+IgnoreUnrecognizedVMOptions\"\n"
		 "\"-XX:SharedArchiveFile=%s/o'brien \\\"x\\\" \\\\n #/cleave/%s/%s\"\n"
		 "\"-Xshare:auto\"\n\"-Xlog:cds*=off\"",
		 top, tree->spark.fingerprint, name_of(geteuid(), BYTES, "jsa"));
	must_offer(wanted);
	/* As Spark reads it: the same with blanks between. */
	for (char *c = wanted; (c = strchr(c, '\n'));)
		*c = ' ';
	ck_assert_int_eq(archive_text(&tree->all, geteuid(), ' ', &text, &size, &e), 0);
	ck_assert_str_eq(text, wanted);
	ck_assert_uint_eq(size, strlen(wanted));
	end();
}
END_TEST

START_TEST(what_workers_cannot_read_is_not_offered)
{
	struct archive found;
	struct err e;

	if (geteuid())
		test_skip("needs root to have workers of another user");
	begin();
	tree->cluster.uid = tree->cluster.gid = SOMEBODY;
	string_copy(tree->cluster.user, "somebody");
	put(in_entry(name_of(SOMEBODY, BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(archive_find(&tree->spark, SOMEBODY, &found, &e), 0);
	must_offer(""); /* the test's directory is closed to him */
	end();
}
END_TEST

/* A disk that is full keeps no words of an archive that was cut. */
START_TEST(an_offer_that_cannot_be_written_is_none)
{
	cleanup_free char *text = NULL;
	char path[PROFILE_PATH + 64];
	struct err e;

	begin();
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(archive_offer(&tree->all, &e), 0);
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES / 2, 0644);
	snprintf(path, sizeof(path), "%s/jvm.options.new", tree->cluster.state);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(archive_offer(&tree->all, &e), 0);
	text = read_offer();
	ck_assert_str_eq(text, "");
	/* A cluster that is gone. */
	string_copy(tree->cluster.state, "/nonexistent/tree");
	ck_assert_int_lt(archive_offer(&tree->all, &e), 0);
	end();
}
END_TEST

/* ---- making one */

START_TEST(a_training_begins_and_ends)
{
	struct archive_training t, second;
	unsigned before;
	struct err e;

	begin();
	put(output(), 10, 0644); /* of a maker that was killed */
	before = test_count_descriptors();
	ck_assert_msg(archive_begin(&tree->all, &t, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(t.output, output());
	ck_assert_int_lt(access(output(), F_OK), 0);
	ck_assert_int_eq(fcntl(t.lock, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(t.entry, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(archive_begin(&tree->all, &second, &e), -EBUSY);
	ck_assert_ptr_nonnull(strstr(e.msg, "another process"));
	put(output(), BYTES, 0644);
	archive_end(&tree->all, &t, NULL);
	ck_assert_int_lt(access(output(), F_OK), 0);
	ck_assert_uint_eq(count_files(), 0);
	ck_assert_uint_eq(test_count_descriptors(), before);
	/* The lock is free, the file of it stays. */
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), 0);
	archive_end(&tree->all, &t, "it\nrained");
	ck_assert_uint_eq(test_count_descriptors(), before);
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -ECANCELED);
	ck_assert_uint_eq(test_count_descriptors(), before);
	end();
}
END_TEST

START_TEST(a_training_that_need_not_be)
{
	struct archive_training t;
	unsigned before;
	struct err e;

	begin();
	before = test_count_descriptors();
	put(in_entry(name_of(geteuid(), BYTES, "jsa")), BYTES, 0644);
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -EALREADY);
	ck_assert_int_eq(unlink(in_entry(name_of(geteuid(), BYTES, "jsa"))), 0);
	tree->profile.jvm.class_data_sharing = false;
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -EALREADY);
	tree->profile.jvm.class_data_sharing = true;
	tree->spark.python[0] = '\0';
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.msg, "python3"));
	ck_assert_uint_eq(test_count_descriptors(), before);
	end();
}
END_TEST

START_TEST(a_training_that_has_no_room)
{
	struct archive_training t;
	unsigned before;
	struct err e;

	begin();
	before = test_count_descriptors();
	full = "/cleave/"; /* the cache */
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(e.msg, entry));
	full = "/data/tree";
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(e.msg, tree->cluster.data));
	ck_assert_uint_eq(test_count_descriptors(), before);
	ck_assert_uint_eq(count_files(), 0); /* tomorrow there may be some */
	full = NULL;
	ck_assert_int_eq(archive_begin(&tree->all, &t, &e), 0);
	archive_end(&tree->all, &t, NULL);
	end();
}
END_TEST

START_TEST(a_lock_that_is_a_link_is_not_followed)
{
	struct archive_training t;
	char name[64], path[2 * PROFILE_PATH];
	struct err e;

	begin();
	snprintf(name, sizeof(name), "uid-%u.lock", (unsigned)geteuid());
	snprintf(path, sizeof(path), "%s/elsewhere", top);
	ck_assert_int_eq(symlink(path, in_entry(name)), 0);
	ck_assert_int_lt(archive_begin(&tree->all, &t, &e), 0);
	ck_assert_int_lt(access(path, F_OK), 0);
	end();
}
END_TEST

/* ---- publishing */

static struct archive_training training;

static void begin_training(void)
{
	struct err e;

	begin();
	ck_assert_msg(archive_begin(&tree->all, &training, &e) == 0, "%s", e.msg);
}

static int publish(struct err *e)
{
	unsigned before = test_count_descriptors();
	int r = archive_publish(&tree->all, &training, e);

	ck_assert_uint_eq(test_count_descriptors(), before);
	return r;
}

static void end_training(void)
{
	archive_end(&tree->all, &training, NULL);
	end();
}

START_TEST(published_is_what_was_written)
{
	struct err e;
	struct stat st;

	begin_training();
	put(in_entry(name_of(geteuid(), 7, "jsa")), 7, 0644); /* an older one's */
	put(in_entry(name_of(geteuid(), 9, "aot")), 9, 0644);
	put(in_entry(name_of(54321, 7, "jsa")), 7, 0644); /* another user's */
	put_failure("it rained\n", 0);
	put(output(), BYTES, 0600);
	ck_assert_msg(publish(&e) == 0, "%s", e.msg);
	ck_assert_int_eq(find(&e), 0);
	ck_assert_int_eq(stat(in_entry(name_of(geteuid(), BYTES, "jsa")), &st), 0);
	ck_assert_uint_eq(st.st_uid, geteuid());
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	ck_assert_uint_eq(count_files(), 2);
	ck_assert_int_eq(access(in_entry(name_of(54321, 7, "jsa")), F_OK), 0);
	{
		cleanup_free char *text = read_offer();

		ck_assert_ptr_nonnull(strstr(text, name_of(geteuid(), BYTES, "jsa")));
	}
	end_training();
	ck_assert_int_lt(access(output(), F_OK), 0);
}
END_TEST

START_TEST(published_where_the_cluster_is_gone)
{
	char path[PROFILE_PATH + 64];
	struct err e;

	begin_training();
	put(output(), BYTES, 0600);
	snprintf(path, sizeof(path), "%s/gone", top);
	ck_assert_int_eq(rename(tree->cluster.state, path), 0);
	ck_assert_msg(publish(&e) == 0, "%s", e.msg);
	ck_assert_int_eq(find(&e), 0);
	end_training();
}
END_TEST

static void must_refuse_output(const char *part)
{
	struct err e;

	ck_assert_int_lt(publish(&e), 0);
	ck_assert_msg(strstr(e.msg, part), "%s", e.msg);
	ck_assert_uint_eq(count_files(), 0);
}

START_TEST(what_no_jvm_writes_is_not_published)
{
	char other[2 * PROFILE_PATH];

	begin_training();
	snprintf(other, sizeof(other), "%s/data/tree/train/work/other", top);
	must_refuse_output("wrote no archive");
	put(output(), 0, 0644);
	must_refuse_output("is not what a JVM writes");
	put(output(), (1u << 30) + 1, 0644);
	must_refuse_output("is not what a JVM writes");
	put(output(), BYTES, 0644);
	ck_assert_int_eq(link(output(), other), 0);
	must_refuse_output("is not what a JVM writes");
	ck_assert_int_eq(unlink(output()), 0);
	ck_assert_int_eq(symlink("other", output()), 0);
	must_refuse_output("wrote no archive");
	ck_assert_int_eq(unlink(output()), 0);
	ck_assert_int_eq(mkfifo(output(), 0644), 0);
	must_refuse_output("is not what a JVM writes");
	ck_assert_int_eq(unlink(output()), 0);
	ck_assert_int_eq(mkdir(output(), 0755), 0);
	must_refuse_output("is not what a JVM writes");
	ck_assert_int_eq(rmdir(output()), 0);
	if (geteuid() == 0) {
		put(output(), BYTES, 0644);
		ck_assert_int_eq(chown(output(), SOMEBODY, SOMEBODY), 0);
		must_refuse_output("is not what a JVM writes");
	}
	end_training();
}
END_TEST

START_TEST(a_copy_that_fails_leaves_nothing)
{
	struct err e;

	begin_training();
	put(output(), BYTES, 0644);
	copy_error = ENOSPC;
	ck_assert_int_eq(publish(&e), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(e.msg, "No space left"));
	ck_assert_uint_eq(count_files(), 0);
	copy_error = 0;
	/* A killed maker's half, and somebody's idea of the same name. */
	put(in_entry("uid-0.new"), 3, 0644);
	ck_assert_int_eq(publish(&e), 0);
	end_training();
}
END_TEST

/* The entry was removed meanwhile: there were too many. */
START_TEST(an_entry_that_is_gone)
{
	char name[64];
	struct err e;

	begin_training();
	put(output(), BYTES, 0644);
	snprintf(name, sizeof(name), "uid-%u.lock", (unsigned)geteuid());
	ck_assert_int_eq(unlink(in_entry(name)), 0);
	ck_assert_int_eq(rmdir(entry), 0);
	ck_assert_int_eq(publish(&e), -ENOENT);
	archive_end(&tree->all, &training, "it rained");
	ck_assert_int_lt(access(entry, F_OK), 0);
	end();
}
END_TEST

/* ---- the command lines */

START_TEST(the_training_is_the_real_command_line)
{
	cleanup_process struct process trained = {0}, trial = {0};
	char word[3 * PROFILE_PATH];
	struct err e;

	begin_training();
	ck_assert_int_eq(spark_training_process(&tree->all, &training, &trained, &e), 0);
	ck_assert(spark_tree_has(&trained.argv, "org.apache.spark.deploy.SparkSubmit"));
	/* What spark-submit executes; of the class path what all begin with. */
	ck_assert_str_eq(trained.argv.items[0], "/jdk/bin/java");
	ck_assert(spark_tree_has(&trained.argv, "--opens"));
	snprintf(word, sizeof(word), "%s/jars/*", tree->spark.home);
	ck_assert(spark_tree_has(&trained.argv, word));
	snprintf(word, sizeof(word), "-XX:ArchiveClassesAtExit=%s", output());
	ck_assert(spark_tree_has(&trained.argv, word));
	snprintf(word, sizeof(word), "%s/training.py", tree->cluster.state);
	ck_assert(spark_tree_has(&trained.argv, word));
	snprintf(word, sizeof(word), "%s/data/tree/train/work", top);
	ck_assert_str_eq(trained.directory, word);
	/* Its executors leave nothing in /tmp either. */
	snprintf(
		word, sizeof(word),
		"spark.executor.extraJavaOptions=-XX:-UsePerfData '-Djava.io.tmpdir=%s/data/tree/train/tmp'",
		top);
	ck_assert(spark_tree_has(&trained.argv, word));
	/* An archive over another one cannot be. */
	ck_assert_ptr_null(argv_value(&trained.env, "JDK_JAVA_OPTIONS"));
	ck_assert_int_eq(spark_trial_process(&tree->all, &training, &trial, &e), 0);
	snprintf(word, sizeof(word), "-XX:SharedArchiveFile=%s", output());
	ck_assert(spark_tree_has(&trial.argv, word));
	ck_assert_str_eq(trial.argv.items[trial.argv.count - 1], "--version");
	end_training();
}
END_TEST

TEST_MAIN("archive",
	  test_case("kind", what_a_jdk_can, without_one_of_the_jdks_own_there_is_none,
		    words_of_each_kind),
	  test_case("find", one_that_is_ours_and_whole_is_found, what_does_not_fit_its_name_is_none,
		    what_others_could_have_written_is_none, one_of_another_user_is_none,
		    one_of_a_spark_that_was_replaced_is_none,
		    a_path_that_java_cannot_take_is_refused, a_failure_is_remembered_for_a_day),
	  test_case("offer", offered_is_what_there_is, a_path_may_have_quotes_and_blanks,
		    what_workers_cannot_read_is_not_offered,
		    an_offer_that_cannot_be_written_is_none),
	  test_case("begin", a_training_begins_and_ends, a_training_that_need_not_be,
		    a_training_that_has_no_room, a_lock_that_is_a_link_is_not_followed),
	  test_case("publish", published_is_what_was_written, published_where_the_cluster_is_gone,
		    what_no_jvm_writes_is_not_published, a_copy_that_fails_leaves_nothing,
		    an_entry_that_is_gone),
	  test_case("words", the_training_is_the_real_command_line))
