/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/commands/running.h"
#include "launcher/inputs/inputs.h"

enum { FILES_MAX = 512, FOLLOW_MS = 250 };

/* The files that hold logs, how much of each was shown, and which one was shown last. */
struct log_file {
	char *path;
	off_t shown;
};

struct logs {
	const char *data; /* DATA/NAME, left out of headings */
	struct log_file files[FILES_MAX];
	unsigned count;
	const struct log_file *last;
};

static bool is_log(const char *name)
{
	size_t length = strlen(name);

	return strcmp(name, "stdout") == 0 || strcmp(name, "stderr") == 0 ||
	       (length > 4 && strcmp(name + length - 4, ".log") == 0);
}

/* A worker's log, stdout and stderr of each executor below. Links are not followed. */
static void logs_find(struct logs *l, const char *directory, int depth)
{
	struct dirent **entries;
	int count = depth ? scandir(directory, &entries, NULL, alphasort) : 0;

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[PROFILE_PATH * 2];
		unsigned known = 0;
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", directory, name);
		while (known < l->count && strcmp(l->files[known].path, path) != 0)
			known++;
		if (name[0] != '.' && lstat(path, &st) == 0) {
			if (S_ISDIR(st.st_mode))
				logs_find(l, path, depth - 1);
			else if (S_ISREG(st.st_mode) && is_log(name) && known == l->count &&
				 l->count < FILES_MAX)
				l->files[l->count++] = (struct log_file){.path = strdup(path)};
		}
		free(entries[i]);
	}
	if (count > 0)
		free(entries);
}

static int copy_rest(struct logs *l, struct log_file *f, struct err *e)
{
	cleanup_close int fd =
		open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	char bytes[16384];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "%s", f->path);
	while ((n = pread(fd, bytes, sizeof(bytes), f->shown)) > 0) {
		if (l->last != f)
			printf("%s==> %s <==\n", l->last ? "\n" : "",
			       f->path + strlen(l->data) + 1);
		l->last = f;
		fwrite(bytes, 1, (size_t)n, stdout);
		f->shown += n;
	}
	return n < 0 ? err_errno(e, -errno, "%s", f->path) : 0;
}

static int show_all(struct logs *l, const char *part, struct err *e)
{
	char directory[PROFILE_PATH * 2];
	int r = 0;

	snprintf(directory, sizeof(directory), "%s%s%s", l->data, *part ? "/" : "", part);
	logs_find(l, directory, 6);
	for (unsigned i = 0; !r && i < l->count; i++)
		r = l->files[i].path ? copy_rest(l, &l->files[i], e) : 0;
	if (!r && fflush(stdout))
		r = err_errno(e, -errno, "cannot write standard output");
	return r;
}

/* "0" and "slice-0" are a slice's; logs outlive the state, so the directory decides. */
static int part_of(const struct cluster *c, const char *word, char part[NAME_MAX_BYTES + 1],
		   struct err *e)
{
	char path[PROFILE_PATH * 2];
	unsigned id;

	if (word_slice(word, &id))
		snprintf(part, NAME_MAX_BYTES + 1, "slice-%u", id);
	else if (!profile_name_is_valid(word) || string_copy_n(part, NAME_MAX_BYTES + 1, word))
		return err_wrong(e, "%s is no slice: 0, slice-0 or master are", word);
	snprintf(path, sizeof(path), "%s/%s", c->data, part);
	if (access(path, F_OK))
		return err_wrong(e, "cluster %s has no logs of %s (%s)", c->name, part, path);
	return 0;
}

static int run_logs(const struct invocation *in, struct err *e)
{
	cleanup_free struct logs *l = calloc(1, sizeof(*l));
	char part[NAME_MAX_BYTES + 1] = "";
	struct cluster c;
	int r = running_cluster(&in->options, NULL, &c, e);

	if (!r && access(c.data, F_OK))
		r = err_errno(e, -errno, "cluster %s has no logs: %s", c.name, c.data);
	if (!r && in->operand)
		r = part_of(&c, in->operand, part, e);
	if (!l)
		return err_set(e, -ENOMEM, "no memory for the list of logs");
	l->data = c.data;
	do
		r = r ? r : show_all(l, part, e);
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
