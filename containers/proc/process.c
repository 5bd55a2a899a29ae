/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/proc/process.h"

#include <errno.h>
#include <fcntl.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

/*
 * "PID (name) S …": the name may hold anything, blanks and parentheses included; fields are counted
 * from its end.
 */
bool proc_stat_parse(const char *line, struct proc_stat *out)
{
	const char *open = strchr(line, '('), *field = strrchr(line, ')');
	uint64_t value, parent = 0, session = 0, pid;
	struct proc_stat s = {0};

	if (!open || !field || field < open || !control_number(line, &pid) || pid > INT32_MAX)
		return false;
	s.pid = (pid_t)pid;
	snprintf(s.name, sizeof(s.name), "%.*s", (int)(field - open - 1), open + 1);
	field++;
	for (unsigned number = 3; number <= 22; number++) {
		uint64_t *sum = number == 4		       ? &parent
				: number == 6		       ? &session
				: number == 14 || number == 15 ? &s.cpu_ticks
				: number == 16 || number == 17 ? &s.waited_ticks
				: number == 22		       ? &s.start_ticks
							       : NULL;

		if (*field++ != ' ' || !*field)
			return false;
		if (number == 3)
			s.state = *field;
		if (sum && !control_number(field, &value))
			return false;
		if (sum)
			*sum += value;
		field += strcspn(field, " ");
	}
	s.parent = (pid_t)parent;
	s.session = (pid_t)session;
	*out = s;
	return true;
}

int proc_stat_read(pid_t pid, struct proc_stat *out)
{
	char line[2048]; /* 52 numbers of at most 20 digits, and a name of 64 bytes */
	int n = proc_read_text(pid, "stat", line, sizeof(line));

	if (n < 0)
		return n == -ENOENT ? -ESRCH : n;
	return proc_stat_parse(line, out) ? 0 : -EBADMSG;
}

bool proc_is_alive(const struct proc_stat *s)
{
	return s->state != 'Z' && s->state != 'X' && s->state != 'x';
}

static int open_file(pid_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int proc_read_text(pid_t pid, const char *file, char *text, size_t size)
{
	cleanup_close int fd = open_file(pid, file);

	return fd < 0 ? -errno : control_reread(fd, text, size);
}

char *proc_read_all(pid_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return control_read_all(AT_FDCWD, path, &(struct err){0});
}

/* The name, which may hold anything, is on a line of its own, with its newlines escaped. */
bool proc_read_status(pid_t pid, const char *key, char *text, size_t size)
{
	char path[64];
	cleanup_fclose FILE *file = NULL;
	cleanup_free char *line = NULL;
	size_t room = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = control_open_lines(AT_FDCWD, path);
	while (file && getline(&line, &room, file) > 0)
		if (!strncmp(line, key, strlen(key)))
			return snprintf(text, size, "%s", line + strlen(key)) < (int)size;
	return false;
}

char *proc_read_words(pid_t pid, const char *file, size_t *size)
{
	cleanup_close int fd = open_file(pid, file);
	cleanup_free char *text = fd < 0 ? NULL : malloc(PROC_TEXT_MAX);
	int length = text ? control_reread_bytes(fd, text, PROC_TEXT_MAX) : -ENOMEM;

	if (length < 0 || (length && text[length - 1] != '\0'))
		return NULL;
	*size = (size_t)length;
	return take_pointer(text);
}

const char *words_next(struct words *w)
{
	const char *word = w->next;
	const char *nul = word < w->end ? memchr(word, '\0', (size_t)(w->end - word)) : NULL;

	w->next = nul ? nul + 1 : w->end;
	return nul ? word : NULL;
}

DIR *proc_list(pid_t pid)
{
	char path[64] = "/proc";

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return opendir(path);
}

pid_t proc_next(DIR *list)
{
	struct dirent *entry;
	uint64_t pid;

	while ((entry = readdir(list)))
		if (control_number(entry->d_name, &pid) && pid && pid <= INT32_MAX)
			return (pid_t)pid;
	return 0;
}
