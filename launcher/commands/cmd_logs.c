/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/commands/contained.h"
#include "launcher/commands/running.h"
#include "launcher/inputs/inputs.h"
#include "launcher/show/foreign.h"
#include "launcher/system/directory.h"

enum { FILES_MAX = 512, FOLLOW_MS = 250 };

/* The files that hold logs, how much of each was shown, and which one was shown last. */
struct log_file {
	char *path; /* below DATA/NAME */
	ino_t inode;
	off_t shown;
};

struct logs {
	int data; /* DATA/NAME */
	struct log_file files[FILES_MAX];
	unsigned count;
	bool follows;
	const struct log_file *last;
};

static bool is_log(const char *name)
{
	size_t length = strlen(name);

	return strcmp(name, "stdout") == 0 || strcmp(name, "stderr") == 0 ||
	       (length > 4 && strcmp(name + length - 4, ".log") == 0);
}

static void add_file(struct logs *l, const char *path)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->files[i].path && strcmp(l->files[i].path, path) == 0)
			return;
	if (l->count < FILES_MAX)
		l->files[l->count++] = (struct log_file){.path = strdup(path)};
}

/* Of an open directory, `path` below DATA/NAME. Links are not followed. */
static void find(struct logs *l, int directory, const char *path, int depth)
{
	struct dirent **entries;
	int count = depth ? scandirat(directory, ".", &entries, NULL, alphasort) : 0;

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char below[PROFILE_PATH * 2];
		struct stat st;

		if (name[0] != '.' && fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", name) <
			    (int)sizeof(below)) {
			struct err ignored; /* it has gone just now */
			cleanup_close int fd =
				S_ISDIR(st.st_mode)
					? directory_open_below(directory, name,
							       O_RDONLY | O_DIRECTORY, &ignored)
					: -1;

			if (fd >= 0)
				find(l, fd, below, depth - 1);
			else if (S_ISREG(st.st_mode) && is_log(name))
				add_file(l, below);
		}
		free(entries[i]);
	}
	if (count > 0)
		free(entries);
}

/* A hard link may be of a file that only we may read. */
static int open_file(const struct logs *l, const char *path, struct stat *st, struct err *e)
{
	cleanup_close int fd = directory_open_below(l->data, path, O_RDONLY, e);

	if (fd < 0 || fstat(fd, st))
		return fd < 0 ? fd : err_errno(e, -errno, "%s", path);
	return S_ISREG(st->st_mode) && st->st_nlink == 1 ? take_fd(fd) : -ENOENT;
}

static int copy_rest(struct logs *l, struct log_file *f, struct err *e)
{
	struct stat st;
	cleanup_close int fd = open_file(l, f->path, &st, e);
	char bytes[16384 + 1];
	size_t used;
	ssize_t n;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	/* It was emptied, or is another one now, because it had become too long. */
	if (st.st_ino != f->inode || st.st_size < f->shown)
		f->shown = 0;
	f->inode = st.st_ino;
	while ((n = pread(fd, bytes, sizeof(bytes) - 1, f->shown)) > 0) {
		bytes[n] = '\0';
		if (l->last != f)
			printf("%s==> %s <==\n", l->last ? "\n" : "", FOREIGN(f->path));
		l->last = f;
		used = foreign_put_bytes(bytes, (size_t)n, stdout);
		if (used == 0) { /* a character that may still grow to its end */
			if (l->follows)
				break;
			used = (size_t)n;
			foreign_put(bytes, stdout);
		}
		f->shown += (off_t)used;
	}
	return n < 0 ? err_errno(e, -errno, "%s", f->path) : 0;
}

/* `part`: "slice-0", "master"; "": all. Its daemon's log lies apart from what its user writes. */
static void find_part(struct logs *l, const char *part)
{
	char daemon[NAME_MAX_BYTES + 16];
	struct err ignored; /* there is none of it */
	cleanup_close int directory = -1;

	snprintf(daemon, sizeof(daemon), "log/%s.log", part);
	if (*part && faccessat(l->data, daemon, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		add_file(l, daemon);
	directory = *part ? directory_open_below(l->data, part, O_RDONLY | O_DIRECTORY, &ignored)
			  : openat(l->data, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory >= 0)
		find(l, directory, part, 6);
}

static int show_all(struct logs *l, const char *part, struct err *e)
{
	int r = 0;

	find_part(l, part);
	for (unsigned i = 0; !r && i < l->count; i++)
		r = l->files[i].path ? copy_rest(l, &l->files[i], e) : 0;
	if (!r && fflush(stdout))
		r = err_errno(e, -errno, "cannot write standard output");
	return r;
}

/* "0" and "slice-0" are a slice's; logs outlive the state, so the directory decides. */
static int part_of(const struct cluster *c, int data, const char *word,
		   char part[NAME_MAX_BYTES + 1], struct err *e)
{
	unsigned id;

	if (word_slice(word, &id))
		snprintf(part, NAME_MAX_BYTES + 1, "slice-%u", id);
	else if (!profile_name_is_valid(word) || string_copy_n(part, NAME_MAX_BYTES + 1, word))
		return err_wrong(e, "%s is no slice: 0, slice-0 or master are", word);
	if (faccessat(data, part, F_OK, AT_SYMLINK_NOFOLLOW))
		return err_wrong(e, "cluster %s has no logs of %s (%s/%s)", c->name, part, c->data,
				 part);
	return 0;
}

/*
 * Daemons in containers: the files have what those printed that have ended, the engine what the
 * others have. Following one of them is enough; of all, their files and what executors write grow.
 */
static int show_contained(const struct cluster *c, const char *part, bool follows, struct err *e)
{
	cleanup_free struct state *s = NULL;
	struct err ignored; /* after down, or without a readable state: no containers */
	int r = 0;

	if (running_state(c, &s, &ignored) || !s->engine.socket[0])
		return 0;
	for (unsigned i = 0; !r && i <= s->plan.slice_count; i++) {
		const char *name = i ? s->plan.slices[i - 1].name : "master";
		struct spark_cluster spark = state_spark(s);

		if (!spark_is_contained(&spark, i ? name : GROUP_HOST) ||
		    (*part && strcmp(part, name) != 0))
			continue;
		printf("==> container cleave-%s-%s <==\n", FOREIGN(c->name), FOREIGN(name));
		r = fflush(stdout)
			    ? err_errno(e, -errno, "cannot write standard output")
			    : contained_logs(s, name, follows && *part ? LOGS_FOLLOW : LOGS_NOW, e);
	}
	return r;
}

static int run_logs(const struct invocation *in, struct err *e)
{
	cleanup_free struct logs *l = calloc(1, sizeof(*l));
	char part[NAME_MAX_BYTES + 1] = "";
	cleanup_close int data = -1;
	struct cluster c;
	int r = running_cluster(&in->options, NULL, &c, e);

	if (!l)
		return err_set(e, -ENOMEM, "no memory for the list of logs");
	l->follows = in->options.follow;
	if (!r) {
		r = l->data = data = cluster_open_data(&c, e);
		if (r == -ENOENT)
			return err_errno(e, r, "cluster %s has no logs: %s", c.name, c.data);
	}
	if (r >= 0 && in->operand)
		r = part_of(&c, data, in->operand, part, e);
	if (r >= 0)
		r = show_contained(&c, part, in->options.follow, e);
	do
		r = r < 0 ? r : show_all(l, part, e);
	while (!r && in->options.follow && poll(NULL, 0, FOLLOW_MS) == 0);
	for (unsigned i = 0; i < l->count; i++)
		free(l->files[i].path);
	return r;
}

static const struct option options[] = {
	{OPTION_CLUSTER},
	{"follow", NULL, "go on as they grow, until interrupted", OPTION(follow)},
	{0},
};

const struct command cmd_logs = {
	.name = "logs",
	.arguments = "[SLICE]",
	.summary = "Print the logs of master, workers and executors",
	.details =
		"Of all, or of one SLICE (0, slice-0, master). Logs are there after down, until the next up.",
	.options = options,
	.max_operands = 1,
	.run = run_logs,
};
