/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/archive.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "launcher/spark/room.h"
#include "launcher/system/cache.h"
#include "launcher/system/directory.h"
#include "launcher/system/files.h"

enum {
	JAVA_DYNAMIC = 13, /* JEP 350: -XX:ArchiveClassesAtExit */
	JAVA_MOVES = 20,   /* JDK-8296157: -XX:ArchiveRelocationMode=1 */
	JAVA_AOT = 25,	   /* JEP 514: -XX:AOTCacheOutput */
	FAILED_S = 24 * 60 * 60,
	FAILED_MAX = 1024,
	NAME_BYTES = 64,
	BYTES_MAX = 1 << 30,
	/* Seen: 180 MB, which are there twice for a moment, and 10 MB of data. */
	BYTES_NEEDED = 512 << 20,
};

static const char *const suffixes[] = {[ARCHIVE_DYNAMIC] = "jsa", [ARCHIVE_AOT] = "aot"};

enum archive_kind archive_kind(const struct spark *s)
{
	char base[PROFILE_PATH + 64];

	if (s->image[0]) /* it would have to be made in a container */
		return ARCHIVE_NONE;
	if (s->java_version >= JAVA_AOT)
		return ARCHIVE_AOT;
	/* A dynamic archive lies over the JDK's own, which small run-time images lack. */
	snprintf(base, sizeof(base), "%s/lib/server/classes.jsa", s->java_home);
	return s->java_version >= JAVA_DYNAMIC && access(base, R_OK) == 0 ? ARCHIVE_DYNAMIC
									  : ARCHIVE_NONE;
}

/* ---- finding it */

static void failed_name(uid_t uid, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "uid-%u.failed", (unsigned)uid);
}

/* Why a training failed within the last day; false: none did. */
static bool read_failure(int entry, uid_t uid, char why[FAILED_MAX])
{
	char name[NAME_BYTES];
	struct err ignored;
	struct stat st;
	time_t age;

	failed_name(uid, name);
	if (fstatat(entry, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) ||
	    !cache_is_ours(&st))
		return false;
	age = time(NULL) - st.st_mtim.tv_sec; /* negative: the clock was wrong then, or is now */
	return age >= 0 && age < FAILED_S &&
	       control_read(entry, name, why, FAILED_MAX, &ignored) > 0;
}

/* Whether `name` is that of an archive of this user, and how many bytes it says it has. */
static bool read_name(const char *name, uid_t uid, const char *suffix, uint64_t *bytes)
{
	char expected[NAME_BYTES];
	unsigned long long size;

	if (sscanf(name, "uid-%*u.%llu.", &size) != 1)
		return false;
	snprintf(expected, sizeof(expected), "uid-%u.%llu.%s", (unsigned)uid, size, suffix);
	*bytes = size;
	return strcmp(name, expected) == 0;
}

static int find_in(int entry, const char *directory, uid_t uid, struct archive *out)
{
	int fd = openat(entry, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *file;

	while (list && (file = readdir(list))) {
		struct stat st;

		if (read_name(file->d_name, uid, suffixes[out->kind], &out->bytes) &&
		    fstatat(entry, file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && cache_is_ours(&st) &&
		    (uint64_t)st.st_size == out->bytes &&
		    snprintf(out->path, sizeof(out->path), "%s/%s", directory, file->d_name) <
			    PROFILE_PATH)
			return 0;
	}
	return -ENOENT;
}

/* As archive_find(), the entry open. */
static int look(const struct spark *s, uid_t uid, int entry, const char *directory,
		struct archive *out, struct err *e)
{
	char now[SPARK_FINGERPRINT], why[FAILED_MAX];

	if (spark_fingerprint(s, now, e))
		return e->code;
	if (strcmp(now, s->fingerprint) != 0)
		return err_set(e, -ESTALE,
			       "Spark at %s, or the JDK, has been replaced since the cluster came "
			       "up: run up again",
			       s->home);
	if (find_in(entry, directory, uid, out) == 0)
		return 0;
	if (read_failure(entry, uid, why))
		return err_set(e, -ECANCELED, "%s", why);
	return err_set(e, -ENOENT, "there is no archive in %s yet", directory);
}

/* The cache's entry of this Spark and JDK. */
static int open_entry(const struct spark *s, char directory[PROFILE_PATH], struct err *e)
{
	char path[PROFILE_PATH];
	cleanup_close int entry = cache_open(s->fingerprint, path, e);

	if (entry < 0)
		return entry;
	/* -XX:SharedArchiveFile=BASE:TOP; no words of a command line have control characters. */
	for (const char *c = path; *c; c++)
		if (*c == ':' || iscntrl((unsigned char)*c))
			return err_set(e, -EINVAL,
				       "the cache's path %s has a colon or a control character, "
				       "which java cannot take",
				       path);
	string_copy_n(directory, PROFILE_PATH, path);
	return take_fd(entry);
}

int archive_find(const struct spark *s, uid_t uid, struct archive *out, struct err *e)
{
	struct archive found = {.kind = archive_kind(s), .java_version = s->java_version};
	char directory[PROFILE_PATH];
	cleanup_close int entry = -1;
	int r;

	if (!found.kind)
		return err_set(e, -EOPNOTSUPP,
			       "the JDK %s (%d) has no class data sharing: it needs Java %d or "
			       "newer with lib/server/classes.jsa",
			       s->java, s->java_version, JAVA_DYNAMIC);
	entry = open_entry(s, directory, e);
	if (entry < 0)
		return entry;
	r = look(s, uid, entry, directory, &found, e);
	if (!r)
		*out = found;
	return r;
}

void archive_words(const struct archive *a, struct argv *out)
{
	if (a->kind)
		/* Of another java that a task starts: it inherits them. */
		argv_add(out, "-XX:+IgnoreUnrecognizedVMOptions");
	switch (a->kind) {
	case ARCHIVE_NONE:
		break;
	case ARCHIVE_DYNAMIC:
		argv_addf(out, "-XX:SharedArchiveFile=%s", a->path);
		argv_add(out, "-Xshare:auto");
		argv_add(out, "-Xlog:cds*=off"); /* "does not fit" would go to stdout */
		break;
	case ARCHIVE_AOT:
		argv_addf(out, "-XX:AOTCache=%s", a->path);
		argv_add(out, "-XX:AOTMode=auto");
		argv_add(out, "-Xlog:aot*=off,cds*=off");
		break;
	}
	/*
	 * Since JDK 20 (JDK-8296157) archives are moved to a random address: every page with a
	 * pointer is written, and no longer shared between JVMs.
	 */
	if (a->kind && a->java_version >= JAVA_MOVES) {
		argv_add(out, "-XX:+UnlockDiagnosticVMOptions");
		argv_add(out, "-XX:ArchiveRelocationMode=0");
	}
}

static void put_word(FILE *file, const char *word)
{
	fputc('"', file);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', file);
		fputc(*word, file);
	}
	fputc('"', file);
}

int archive_text(const struct spark_cluster *c, uid_t uid, char separator, char **text,
		 size_t *size, struct err *e)
{
	cleanup_argv struct argv words = {0};
	cleanup_free char *built = NULL;
	struct archive found;
	struct err ignored; /* then there is none */
	size_t length;
	FILE *file;

	if (c->profile->jvm.class_data_sharing &&
	    archive_find(c->spark, uid, &found, &ignored) == 0 &&
	    (uid != c->cluster->uid ||
	     cluster_user_access(c->cluster, found.path, R_OK, &ignored) == 0))
		archive_words(&found, &words);
	file = open_memstream(&built, &length);
	if (!file)
		return err_errno(e, -errno, "no memory for options");
	for (size_t i = 0; i < words.count; i++) {
		if (i)
			fputc(separator, file);
		put_word(file, words.items[i]);
	}
	if (fclose(file) || words.failed)
		return err_set(e, -ENOMEM, "no memory for options");
	*text = take_pointer(built);
	*size = length;
	return 0;
}

/* ---- offering it to daemons and executors */

int archive_offer(const struct spark_cluster *c, struct err *e)
{
	cleanup_free char *text = NULL, *there = NULL;
	char path[PROFILE_PATH];
	struct err ignored;
	size_t size, size_there;
	int r;

	if (cluster_file(c->cluster, SPARK_JVM_OPTIONS, path, e) ||
	    archive_text(c, c->cluster->uid, '\n', &text, &size, e))
		return e->code;
	if (file_read(path, size, &there, &size_there, &ignored) == 0 && size == size_there &&
	    memcmp(text, there, size) == 0)
		return 0;
	r = file_replace(path, text, size, 0644, e);
	/* A full disk: then none, for what is there may name one that was cut. */
	return r && truncate(path, 0) == 0 ? 0 : r;
}

/* ---- making one */

static int lock_entry(int entry, uid_t uid, struct err *e)
{
	char name[NAME_BYTES];
	cleanup_close int fd = -1;

	snprintf(name, sizeof(name), "uid-%u.lock", (unsigned)uid);
	fd = openat(entry, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, -errno, "cannot open %s of the cache", name);
	if (flock(fd, LOCK_EX | LOCK_NB))
		return err_set(e, errno == EWOULDBLOCK ? -EBUSY : -errno,
			       "another process makes the archive");
	return take_fd(fd);
}

static int check_space(const char *directory, struct err *e)
{
	struct statvfs fs;

	if (statvfs(directory, &fs))
		return err_errno(e, -errno, "%s", directory);
	if ((uint64_t)fs.f_bavail * fs.f_frsize < BYTES_NEEDED)
		return err_set(e, -ENOSPC, "%s has less than %d MB free", directory,
			       BYTES_NEEDED >> 20);
	return 0;
}

int archive_begin(const struct spark_cluster *c, struct archive_training *t, struct err *e)
{
	struct archive_training begun = {.entry = -1, .lock = -1};
	struct archive there = {.kind = archive_kind(c->spark)};
	char directory[PROFILE_PATH];
	int r;

	if (!c->profile->jvm.class_data_sharing || !there.kind)
		return err_set(e, -EALREADY, "no archive is wanted");
	if (!c->spark->python[0])
		return err_set(e, -ENOENT, "there is no python3 to train with");
	begun.kind = there.kind;
	begun.entry = open_entry(c->spark, directory, e);
	if (begun.entry < 0)
		return begun.entry;
	r = begun.lock = lock_entry(begun.entry, c->cluster->uid, e);
	/* Behind the lock: who held it may have made it. */
	if (r >= 0)
		r = look(c->spark, c->cluster->uid, begun.entry, directory, &there, e);
	if (r == 0)
		r = err_set(e, -EALREADY, "there is an archive");
	else if (r == -ENOENT)
		r = cluster_user_access(c->cluster, directory, X_OK, e);
	if (!r)
		r = check_space(directory, e);
	if (!r)
		r = check_space(c->cluster->data, e);
	if (!r && snprintf(begun.output, PROFILE_PATH, "%s/train/work/archive", c->cluster->data) >=
			  PROFILE_PATH)
		r = err_errno(e, -ENAMETOOLONG, "%s", c->cluster->data);
	if (!r)
		r = spark_submit_launch(c, &begun.launch, e);
	if (r) {
		archive_end(c, &begun, NULL);
		return r;
	}
	unlink(begun.output); /* of a maker that was killed: not to be taken for this one's */
	*t = begun;
	return 0;
}

/* Open the file that the training wrote, which its user could have replaced by anything. */
static int open_output(const struct spark_cluster *c, const struct archive_training *t,
		       struct stat *st, struct err *e)
{
	cleanup_close int data = cluster_open_data(c->cluster, e), fd = -1;

	if (data < 0)
		return data;
	fd = directory_open_below(data, t->output + strlen(c->cluster->data) + 1, O_RDONLY, e);
	if (fd < 0 || fstat(fd, st))
		return err_errno(e, fd < 0 ? fd : -errno, "the JVM wrote no archive %s", t->output);
	if (!S_ISREG(st->st_mode) || st->st_nlink != 1 || st->st_uid != c->cluster->uid ||
	    st->st_size <= 0 || st->st_size > BYTES_MAX)
		return err_set(e, -EBADMSG, "%s is not what a JVM writes", t->output);
	return take_fd(fd);
}

/* Remove the archives of this user but `keep` (NULL: all), and the word of a failure. */
static void remove_others(int entry, uid_t uid, const char *keep)
{
	int fd = openat(entry, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *list = fd < 0 ? NULL : fdopendir(fd);
	char name[NAME_BYTES];
	struct dirent *file;
	uint64_t bytes;

	while (list && (file = readdir(list)))
		if ((!keep || strcmp(file->d_name, keep) != 0) &&
		    (read_name(file->d_name, uid, suffixes[ARCHIVE_DYNAMIC], &bytes) ||
		     read_name(file->d_name, uid, suffixes[ARCHIVE_AOT], &bytes)))
			unlinkat(entry, file->d_name, 0);
	failed_name(uid, name);
	unlinkat(entry, name, 0);
}

static int copy(int from, int to, off_t size)
{
	while (size > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		size -= n;
	}
	return fchmod(to, 0644) || fsync(to) ? -errno : 0;
}

int archive_publish(const struct spark_cluster *c, const struct archive_training *t, struct err *e)
{
	uid_t uid = c->cluster->uid;
	char name[NAME_BYTES], fresh[NAME_BYTES];
	cleanup_close int from = -1, to = -1;
	struct err ignored; /* it is made: the next start offers it */
	struct stat st;
	int r;

	from = open_output(c, t, &st, e);
	if (from < 0)
		return from;
	snprintf(name, sizeof(name), "uid-%u.%lld.%s", (unsigned)uid, (long long)st.st_size,
		 suffixes[t->kind]);
	snprintf(fresh, sizeof(fresh), "uid-%u.new", (unsigned)uid);
	unlinkat(t->entry, fresh, 0); /* of a maker that was killed: the lock is ours */
	to = openat(t->entry, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = to < 0 ? -errno : copy(from, to, st.st_size);
	if (!r && renameat(t->entry, fresh, t->entry, name))
		r = -errno;
	if (r) {
		unlinkat(t->entry, fresh, 0);
		return err_errno(e, r, "cannot write the archive %s", name);
	}
	remove_others(t->entry, uid, name);
	cache_used(t->entry);
	archive_offer(c, &ignored);
	return 0;
}

void archive_end(const struct spark_cluster *c, struct archive_training *t, const char *why)
{
	char name[NAME_BYTES];

	if (t->output[0])
		unlink(t->output);
	if (why) {
		cleanup_close int fd = -1;

		failed_name(c->cluster->uid, name);
		unlinkat(t->entry, name, 0);
		fd = openat(t->entry, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd >= 0 && dprintf(fd, "%.*s\n", FAILED_MAX - 2, why) < 0)
			unlinkat(t->entry, name, 0);
	}
	if (t->lock >= 0)
		close(take_fd(t->lock));
	if (t->entry >= 0)
		close(take_fd(t->entry));
}
