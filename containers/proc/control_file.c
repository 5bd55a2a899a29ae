/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/proc/control_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "decision/base/cleanup.h"

char *control_path(int dir, const char *path, char text[CONTROL_PATH])
{
	char link[64];
	ssize_t n = 0;

	if (dir != AT_FDCWD && path[0] != '/') {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		n = readlink(link, text, CONTROL_PATH - 1);
		if (n < 0)
			n = 0;
	}
	snprintf(text + n, (size_t)(CONTROL_PATH - n), "%s%s", n > 1 && path[0] ? "/" : "", path);
	return text;
}

int control_reread_record(int fd, char *text, size_t size)
{
	ssize_t n;

	do
		n = pread(fd, text, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return (int)n;
}

int control_reread_bytes(int fd, char *text, size_t size)
{
	size_t used = 0;

	for (;;) {
		ssize_t n = pread(fd, text + used, size - used, (off_t)used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used == size)
			return -EFBIG;
	}
	text[used] = '\0';
	return (int)used;
}

int control_reread(int fd, char *text, size_t size)
{
	int used = control_reread_bytes(fd, text, size);

	while (used > 0 && text[used - 1] == '\n')
		text[--used] = '\0';
	return used;
}

int control_read(int dir, const char *path, char *text, size_t size, struct err *e)
{
	cleanup_close int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	int n = fd < 0 ? -errno : control_reread(fd, text, size);

	if (n < 0)
		return err_errno(e, n, "cannot read %s", CONTROL_NAME(dir, path));
	return n;
}

char *control_read_all(int dir, const char *path, struct err *e)
{
	cleanup_close int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	size_t size = 0, used = 0;
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		if (used + 1 >= size) {
			char *more = realloc(text, size = size ? 2 * size : 4096);

			if (!more) {
				err_errno(e, -ENOMEM, "cannot read %s", CONTROL_NAME(dir, path));
				return NULL;
			}
			text = more;
		}
		do
			n = read(fd, text + used, size - 1 - used);
		while (n < 0 && errno == EINTR);
		used += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 || !text) {
		err_errno(e, -errno, "cannot read %s", CONTROL_NAME(dir, path));
		return NULL;
	}
	text[used] = '\0';
	return take_pointer(text);
}

int control_rewrite(int fd, const char *path, const char *value, struct err *e)
{
	size_t size = strlen(value);
	ssize_t n;

	do
		n = pwrite(fd, value, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(e, -errno, "cannot write \"%.100s\" to %s", value, path);
	if ((size_t)n != size)
		return err_set(e, -EIO, "%s took only %zd of the %zu bytes of \"%.100s\"", path, n,
			       size, value);
	return 0;
}

int control_write(int dir, const char *path, const char *value, struct err *e)
{
	cleanup_close int fd = openat(dir, path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return err_errno(e, -errno, "cannot write \"%.100s\" to %s", value,
				 CONTROL_NAME(dir, path));
	return control_rewrite(fd, CONTROL_NAME(dir, path), value, e);
}

int control_read_cpuset(int dir, const char *path, struct cpuset *out, struct err *e)
{
	char text[CPUSET_TEXT];
	int n = control_read(dir, path, text, sizeof(text), e);

	if (n < 0)
		return n;
	if (cpuset_parse(text, out, e) < 0)
		return err_wrap(e, "%s", CONTROL_NAME(dir, path));
	return 0;
}

bool control_number(const char *text, uint64_t *out)
{
	uint64_t value = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (c == text || (*c && !strchr(" \t\n", *c)))
		return false;
	*out = value;
	return true;
}

int control_read_number(int dir, const char *path, uint64_t *out, struct err *e)
{
	char text[64];
	uint64_t value;
	int n = control_read(dir, path, text, sizeof(text), e);

	if (n < 0)
		return n;
	if (!strcmp(text, "max"))
		value = UINT64_MAX;
	else if (!control_number(text, &value))
		return err_set(e, -EBADMSG, "%s holds \"%s\" where a number should be",
			       CONTROL_NAME(dir, path), text);
	*out = value >= UINT64_C(1) << 62 ? UINT64_MAX : value;
	return 0;
}

uint64_t control_value(const char *text, const char *key, uint64_t missing)
{
	size_t size = strlen(key);
	uint64_t value;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, size) && line[size] == ' ' &&
		    control_number(line + size + 1, &value))
			return value;
	}
	return missing;
}

bool control_has_word(const char *text, const char *word)
{
	size_t size = strlen(word);

	for (const char *c = text; *c; c += strcspn(c, " ,\n")) {
		c += strspn(c, " ,\n");
		if (strcspn(c, " ,\n") == size && !strncmp(c, word, size) && size > 0)
			return true;
	}
	return false;
}

bool control_exists(int dir, const char *path)
{
	return faccessat(dir, path, F_OK, 0) == 0;
}

FILE *control_open_lines(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

DIR *control_list(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !list)
		close(fd);
	return list;
}
