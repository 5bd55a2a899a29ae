/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/containers/plain_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "containers/proc/control_file.h"
#include "containers/where/layout.h"
#include "containers/where/unit.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"
#include "tests/harness.h"

static char root[LAYOUT_PATH]; /* "": none is mounted */
bool (*plain_tree_fails)(void);

/* With its controller ("": none needed), and what it holds at first. */
static const char *const files[][3] = {
	{"cgroup.type", "", "domain\n"},
	{"cgroup.procs", "", ""},
	{"cgroup.threads", "", ""},
	{"cgroup.subtree_control", "", "\n"},
	{"cgroup.events", "", "populated 0\nfrozen 0\n"},
	{"cpuset.cpus", "cpuset", ""},
	{"cpuset.mems", "cpuset", ""},
	{"cpu.weight", "cpu", "100\n"},
	{"cpu.stat", "", "usage_usec 0\n"},
	{"memory.current", "memory", "0\n"},
	{"memory.max", "memory", "max\n"},
	{"memory.high", "memory", "max\n"},
	{"memory.low", "memory", "0\n"},
	{"memory.swap.max", "memory", "max\n"},
	{"memory.oom.group", "memory", "0\n"},
	{"memory.events", "memory", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"},
	{"memory.numa_stat", "memory", ""},
	{"io.max", "io", ""},
};
enum { FILES = sizeof(files) / sizeof(files[0]) };

/* Tests that do not wrap have no real ones. */
#define WEAK __attribute__((weak))
int __real_statfs(const char *path, struct statfs *out) WEAK;
int __wrap_statfs(const char *path, struct statfs *out) WEAK; /* or the test's own */
int __real_mkdirat(int dir, const char *path, mode_t mode) WEAK;
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int __real_unlinkat(int dir, const char *path, int flags) WEAK;
int __wrap_unlinkat(int dir, const char *path, int flags);
int __real_openat(int dir, const char *path, int flags, mode_t mode) WEAK;
int __wrap_openat(int dir, const char *path, int flags, mode_t mode);
ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset) WEAK;
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
int __real_cgroup_layout_read(int dir, struct cgroup_layout *out, struct err *e) WEAK;
int __wrap_cgroup_layout_read(int dir, struct cgroup_layout *out, struct err *e);
char *__real_cgroup_mountinfo_read(int dir, struct err *e) WEAK;
char *__wrap_cgroup_mountinfo_read(int dir, struct err *e);

static bool is_inside(const char *path)
{
	size_t size = strlen(root);

	return root[0] && !strncmp(path, root, size) && (path[size] == '/' || !path[size]);
}

static bool ends_with(const char *path, const char *file)
{
	size_t n = strlen(path), size = strlen(file);

	return n >= size && !strcmp(path + n - size, file);
}

enum { FULL = 2 * CONTROL_PATH };

static char *join(const char *group, const char *file, char path[FULL])
{
	snprintf(path, FULL, "%.*s/%s", CONTROL_PATH, group, file);
	return path;
}

/* Not by openat(), which may be told to fail. */
static void read_file(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
}

static void make_file(const char *group, const char *file, const char *text)
{
	char path[FULL];
	FILE *f = fopen(join(group, file, path), "we");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

void plain_tree_mount(const char *path)
{
	char online[CPUSET_TEXT], nodes[CPUSET_TEXT] = "0";

	string_copy(root, path);
	if (mkdir(root, 0755) && errno == EEXIST)
		return;
	ck_assert_int_ge(control_read(AT_FDCWD, "/sys/devices/system/cpu/online", online,
				      sizeof(online), &(struct err){0}),
			 0);
	control_read(AT_FDCWD, "/sys/devices/system/node/has_memory", nodes, sizeof(nodes),
		     &(struct err){0});
	make_file(root, "cgroup.controllers", "cpuset cpu io memory\n");
	make_file(root, "cgroup.subtree_control", "\n");
	make_file(root, "cgroup.procs", "");
	make_file(root, "cpuset.cpus.effective", online);
	make_file(root, "cpuset.mems.effective", nodes);
}

/* What the kernel shows in a new group. */
static void populate(const char *group)
{
	char enabled[256], path[FULL], cluster[NAME_MAX_BYTES + 1], name[NAME_MAX_BYTES + 1];
	const char *last = strrchr(group, '/') + 1;
	bool is_slice = unit_parse(last, cluster, name) ? name[0] : group_name_is_ours(last);

	read_file(join(group, "../cgroup.subtree_control", path), enabled, sizeof(enabled));
	make_file(group, "cgroup.controllers", enabled);
	for (unsigned i = 0; i < FILES; i++)
		if (!files[i][1][0] || control_has_word(enabled, files[i][1]))
			make_file(group, files[i][0], files[i][2]);
	/*
	 * A slice has what is asked for; the groups above slices, where nothing is, their parent's.
	 */
	for (unsigned i = 0; i < 2; i++) {
		const char *to = i ? "../cpuset.mems.effective" : "../cpuset.cpus.effective";

		join(group, to + strlen("../"), path);
		if (is_slice)
			to = i ? "cpuset.mems" : "cpuset.cpus";
		ck_assert_int_eq(symlink(to, path), 0);
	}
}

/* Its files go with a group, unless there is another group or a process in it. */
static int depopulate(const char *group)
{
	cleanup_closedir DIR *list = opendir(group);
	char path[FULL], text[8];
	struct dirent *entry;

	if (!list)
		return -1;
	read_file(join(group, "cgroup.procs", path), text, sizeof(text));
	errno = EBUSY;
	if (text[0])
		return -1;
	while ((entry = readdir(list)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			return -1;
	rewinddir(list);
	while ((entry = readdir(list)))
		if (entry->d_type != DT_DIR)
			unlink(join(group, entry->d_name, path));
	return 0;
}

int __wrap_statfs(const char *path, struct statfs *out)
{
	if (!is_inside(path))
		return __real_statfs(path, out);
	*out = (struct statfs){.f_type = CGROUP2_SUPER_MAGIC};
	return access(path, F_OK);
}

int __wrap_mkdirat(int dir, const char *path, mode_t mode)
{
	char full[CONTROL_PATH];
	int r = plain_tree_fails && plain_tree_fails() ? -1 : __real_mkdirat(dir, path, mode);

	if (r == 0 && is_inside(control_path(dir, path, full)))
		populate(full);
	return r;
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	char full[CONTROL_PATH];

	if (flags & AT_REMOVEDIR && is_inside(control_path(dir, path, full)) && depopulate(full))
		return -1;
	return __real_unlinkat(dir, path, flags);
}

/* What is written to subtree_control adds to it, or takes away. */
int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	char full[CONTROL_PATH];

	if (plain_tree_fails && plain_tree_fails())
		return -1;
	if ((ends_with(path, "cgroup.subtree_control") || ends_with(path, "/cpuset.cpus")) &&
	    is_inside(control_path(dir, path, full)))
		flags &= ~O_TRUNC;
	return __real_openat(dir, path, flags, mode);
}

/* A set that is there, of a group that has processes. */
static bool is_kept(const char *cpus)
{
	char group[CONTROL_PATH], path[FULL], text[256];

	snprintf(group, sizeof(group), "%.*s", (int)(strrchr(cpus, '/') - cpus), cpus);
	read_file(join(group, "cgroup.events", path), text, sizeof(text));
	if (!strstr(text, "populated 1"))
		return false;
	read_file(cpus, text, sizeof(text));
	return text[strspn(text, "\n")] != '\0';
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	char path[CONTROL_PATH], before[256] = "", after[512] = "", word[64];
	bool is_list;

	if (plain_tree_fails && plain_tree_fails())
		return -1;
	control_path(fd, "", path);
	if (!is_inside(path))
		return __real_pwrite(fd, bytes, size, offset);
	if (*(const char *)bytes == '\n' && ends_with(path, "/cpuset.cpus") && is_kept(path)) {
		errno = ENOSPC;
		return -1;
	}
	is_list = ends_with(path, "/cgroup.subtree_control");
	if (is_list)
		read_file(path, before, sizeof(before));
	if (ftruncate(fd, 0))
		return -1;
	if (!is_list)
		return __real_pwrite(fd, bytes, size, offset);
	snprintf(word, sizeof(word), "%.*s", (int)size - 1, (const char *)bytes + 1);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const names[] = {"cpuset", "cpu", "io", "memory"};
		bool is_meant = !strcmp(names[i], word);

		if (is_meant ? *(const char *)bytes == '+' : control_has_word(before, names[i]))
			snprintf(after + strlen(after), sizeof(after) - strlen(after), "%s ",
				 names[i]);
	}
	return __real_pwrite(fd, after, strlen(after), 0) == (ssize_t)strlen(after) ? (ssize_t)size
										    : -1;
}

int __wrap_cgroup_layout_read(int dir, struct cgroup_layout *out, struct err *e)
{
	struct cgroup_layout layout = {.unified = {.version = 2}};

	if (!root[0])
		return __real_cgroup_layout_read(dir, out, e);
	string_copy(layout.unified.mount, root);
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		layout.controllers[c] = layout.unified;
	*out = layout;
	return 0;
}

char *__wrap_cgroup_mountinfo_read(int dir, struct err *e)
{
	char *text;

	if (!root[0])
		return __real_cgroup_mountinfo_read(dir, e);
	ck_assert_int_gt(asprintf(&text,
				  "1 0 0:1 / / rw - ext4 /dev/a rw\n"
				  "2 1 0:2 /machine %s rw - cgroup2 none rw\n",
				  root),
			 0);
	return text;
}
