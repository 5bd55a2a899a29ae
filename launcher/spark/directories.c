/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include "decision/base/cleanup.h"
#include "decision/base/size_text.h"
#include "launcher/spark/room.h"
#include "launcher/system/directory.h"

/*
 * What is done in one. Files are made, written, locked (as Spark's Utils.fetchFile does, our own by
 * flock(2)), renamed and removed in each; shuffle files of some MB are mapped.
 */
enum use { USE_FILES = 0, USE_CODE = 1, USE_SOCKET = 2, USE_MAPS = 4 };

/* What a directory is for, and what names another one. */
struct purpose {
	unsigned uses;
	const char *what, *setting;
};

static const char state_setting[] = "--state-dir (else XDG_RUNTIME_DIR)",
		  data_setting[] = "--state-dir (else XDG_STATE_HOME)";

static const struct purpose of_state = {USE_SOCKET, "the cluster's state and its control socket",
					state_setting},
			    of_data = {USE_FILES, "the cluster's logs", data_setting},
			    of_tmp = {USE_CODE,
				      "java.io.tmpdir, where JVMs load native libraries from",
				      data_setting},
			    of_work = {USE_FILES, "jars and logs of executors", data_setting},
			    of_scratch = {USE_MAPS, "shuffle files",
					  "memory.scratch.path, or --state-dir"},
			    of_scratch_top = {USE_MAPS, "shuffle files", "memory.scratch.path"},
			    /* Before they are made. */
	of_all_data = {USE_CODE,
		       "logs, work and java.io.tmpdir, where JVMs load native libraries from",
		       data_setting};

/* ---- why not */

struct mounted {
	char point[PROFILE_PATH], type[64]; /* as mountinfo has them; "": not known */
};

static void find_mount(int fd, struct mounted *out)
{
	cleanup_free char *text = NULL;
	cleanup_fclose FILE *file = NULL;
	size_t size = 0;
	struct statx st;

	*out = (struct mounted){0};
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) || !(st.stx_mask & STATX_MNT_ID))
		return;
	file = fopen("/proc/self/mountinfo", "re");
	while (file && getline(&text, &size, file) > 0) {
		unsigned long long id;
		const char *dash = strstr(text, " - ");
		char point[sizeof(out->point)];

		/* proc(5): id, parent, major:minor, root, mount point … - type. */
		if (!dash || sscanf(text, "%llu %*u %*s %*s %1023s", &id, point) != 2 ||
		    id != st.stx_mnt_id)
			continue;
		string_copy(out->point, point);
		sscanf(dash + 3, "%63s", out->type);
	}
}

/* What a failure means here, and what is to be done, beside another directory. */
static void explain(int fd, int error, const char *step, char why[ERR_TEXT], const char **fix)
{
	struct statvfs fs = {0};

	*fix = "";
	fstatvfs(fd, &fs);
	if (error == EROFS) {
		snprintf(why, ERR_TEXT, "is mounted read-only");
		*fix = "mount it for writing";
	} else if (error == EPERM && fs.f_flag & ST_NOEXEC) {
		snprintf(why, ERR_TEXT, "is mounted noexec, which keeps code from being loaded");
		*fix = "mount it without noexec";
	} else if (error == ENOSPC && fs.f_files && !fs.f_favail) {
		snprintf(why, ERR_TEXT, "has no inode left of its %llu (%s)",
			 (unsigned long long)fs.f_files, strerror(error));
		*fix = "remove files";
	} else if (error == ENOSPC) {
		snprintf(why, ERR_TEXT, "is full (%s): %s of %s are free", strerror(error),
			 SIZE_STRING((uint64_t)fs.f_bavail * fs.f_frsize),
			 SIZE_STRING((uint64_t)fs.f_blocks * fs.f_frsize));
		*fix = "make room";
	} else if (error == EDQUOT) {
		snprintf(why, ERR_TEXT, "grants no more: the disk quota of user %u is used up (%s)",
			 (unsigned)geteuid(), strerror(error));
		*fix = "make room, or raise the quota";
	} else {
		snprintf(why, ERR_TEXT, "does not let user %u %s: %s", (unsigned)geteuid(), step,
			 strerror(error));
	}
}

static int refuse(int fd, const char *path, const struct purpose *p, const char *step, int error,
		  struct err *e)
{
	char why[ERR_TEXT];
	struct mounted on;
	const char *fix;

	find_mount(fd, &on);
	explain(fd, error, step, why, &fix);
	return err_set(
		e, -error,
		"%.500s is for %s, but its file system%s%.200s%s%s%s %.300s: %s%schoose another %s",
		path, p->what, on.point[0] ? " at " : "", on.point, on.type[0] ? " (" : "", on.type,
		on.type[0] ? ")" : "", why, fix, *fix ? ", or " : "", p->setting);
}

/* ---- trying */

enum { TRIED_BYTES = 4096 };

/* A name that nobody has: `kind` tells ours from each other. */
static void make_name(char kind, char name[32])
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint64_t)getpid();
	snprintf(name, 32, ".cleave-%c%016llx", kind, (unsigned long long)number);
}

/* Which step fails, with errno; NULL: none. */
static const char *try_file(int at, const char *name, const char *other, unsigned uses)
{
	cleanup_free char *bytes = malloc(TRIED_BYTES);
	cleanup_close int fd = -1;
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	void *code, *map;

	if (!bytes)
		return "have memory";
	memset(bytes, 'x', TRIED_BYTES);
	fd = openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return "make a file";
	for (size_t done = 0; done < TRIED_BYTES;) {
		ssize_t n = write(fd, bytes + done, TRIED_BYTES - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : ENOSPC;
			return "write a file";
		}
		done += (size_t)n;
	}
	if (uses & USE_CODE) {
		code = mmap(NULL, TRIED_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		if (code == MAP_FAILED)
			return "map code";
		munmap(code, TRIED_BYTES);
	}
	if (uses & USE_MAPS) {
		map = mmap(NULL, TRIED_BYTES, PROT_READ, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			return "map a file";
		munmap(map, TRIED_BYTES);
	}
	if (fcntl(fd, F_SETLK, &whole) || (uses & USE_SOCKET && flock(fd, LOCK_EX | LOCK_NB)))
		return "lock a file";
	/* On a network, only now it may be known that there is no room. */
	if (close(take_fd(fd)))
		return "write a file";
	return renameat(at, name, at, other) ? "rename a file" : NULL;
}

/* By its descriptor, for a path may be longer than a socket's. */
static const char *try_socket(int at, const char *name)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", at, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return "make a socket";
	return NULL;
}

static int try_open(int at, const char *path, const struct purpose *p, struct err *e)
{
	char name[32], other[32], socket_name[32];
	const char *failed;
	int error;

	make_name('a', name);
	make_name('b', other);
	make_name('s', socket_name);
	failed = try_file(at, name, other, p->uses);
	if (!failed && p->uses & USE_SOCKET)
		failed = try_socket(at, socket_name);
	error = errno;
	unlinkat(at, name, 0);
	unlinkat(at, socket_name, 0);
	if (unlinkat(at, other, 0) && !failed) {
		failed = "remove a file";
		error = errno;
	}
	return failed ? refuse(at, path, p, failed, error, e) : 0;
}

static int try_path(const char *path, const struct purpose *p, struct err *e)
{
	cleanup_close int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return at < 0 ? err_errno(e, -errno, "%s, which is for %s", path, p->what)
		      : try_open(at, path, p, e);
}

/* ---- of a cluster */

static int try_below(const struct spark_cluster *c, const char *part, const char *name,
		     const struct purpose *p, struct err *e)
{
	char path[PROFILE_PATH];

	return spark_data_path(c->cluster, path, e, "%s/%s", part, name) ? e->code
									 : try_path(path, p, e);
}

/* Those of the workers' user, as him. */
static int try_his(void *context, struct err *e)
{
	const struct spark_cluster *c = context;
	char path[PROFILE_PATH];

	if (try_below(c, "master", "tmp", &of_tmp, e) ||
	    try_below(c, "master", "work", &of_work, e) || try_below(c, "host", "tmp", &of_tmp, e))
		return e->code;
	for (unsigned i = 0; i < c->plan->slice_count; i++) {
		const char *slice = c->plan->slices[i].name;
		bool is_own = !c->profile->memory.scratch.path[0];

		if (try_below(c, slice, "tmp", &of_tmp, e) ||
		    try_below(c, slice, "work", &of_work, e) || spark_scratch(c, i, path, e) ||
		    try_path(path, is_own ? &of_scratch : &of_scratch_top, e))
			return e->code;
	}
	return 0;
}

int directories_try(const struct spark_cluster *c, struct err *e)
{
	struct spark_cluster copy = *c;

	if (try_path(c->cluster->state, &of_state, e) || try_path(c->cluster->data, &of_data, e) ||
	    try_below(c, "host", SPARK_OWN_TMP, &of_tmp, e))
		return e->code;
	return cluster_as_user(c->cluster, try_his, &copy, e);
}

int directories_try_one(const char *path, struct err *e)
{
	return try_path(path, &of_all_data, e);
}

/* ---- before there is one */

struct trial {
	const char *path;
	const struct purpose *purpose;
};

static int run_trial(void *context, struct err *e)
{
	const struct trial *t = context;

	return try_path(t->path, t->purpose, e);
}

/* What is ours, by its way; where names of it are still to be made, a sticky one will do. */
static int try_own(const char *path, enum directory_use use, const struct purpose *p, struct err *e)
{
	cleanup_close int at = directory_open(path, use, e);

	return at < 0 ? at : try_open(at, path, p, e);
}

/* memory.scratch.path: what is made in a user's own directory is made with his rights only. */
static int try_top(const struct cluster *c, const char *path, struct err *e)
{
	struct trial trial = {path, &of_scratch_top};
	struct stat st;
	int r = try_own(path, DIRECTORY_SHARED, &of_scratch_top, e);

	if (r == -EPERM && c->user[0] && stat(path, &st) == 0 && st.st_uid == c->uid)
		return cluster_as_user(c, run_trial, &trial, e);
	return r;
}

static void look(const struct cluster *c, const char *path, const struct purpose *p,
		 struct directory_look *out)
{
	enum directory_use use = DIRECTORY_OWN;
	struct statvfs fs;
	struct stat st;
	char *slash;

	string_copy(out->path, path);
	while (p != &of_scratch_top && out->path[1] && stat(out->path, &st) && errno == ENOENT) {
		slash = strrchr(out->path, '/');
		slash[slash == out->path] = '\0';
		use = DIRECTORY_SHARED;
	}
	out->result = cluster_user_access(c, out->path, X_OK, &out->error);
	if (!out->result && p == &of_scratch_top)
		out->result = try_top(c, out->path, &out->error);
	else if (!out->result)
		out->result = try_own(out->path, use, p, &out->error);
	if (statvfs(out->path, &fs))
		return;
	out->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	out->bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	out->free_files = fs.f_favail;
	out->files = fs.f_files;
}

void directories_look(const struct cluster *c, const struct profile *p,
		      struct directory_look out[SPARK_DIRECTORIES])
{
	memset(out, 0, SPARK_DIRECTORIES * sizeof(out[0]));
	look(c, c->state, &of_state, &out[SPARK_STATE]);
	look(c, c->data, &of_all_data, &out[SPARK_DATA]);
	if (p->memory.scratch.path[0])
		look(c, p->memory.scratch.path, &of_scratch_top, &out[SPARK_SCRATCH]);
}
