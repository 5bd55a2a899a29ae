/* SPDX-License-Identifier: Apache-2.0 */
/* What a placement is decided from, read below a root directory: placement_facts_…(). */

#include "containers/where/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

static bool is_writable(int root, const char *path)
{
	return faccessat(root, path + 1, W_OK | X_OK, AT_EACCESS) == 0;
}

/* In the base, or in a group `cleave` in it that root has made for the caller. */
static bool may_make_groups(int root, const char *base, int version)
{
	char path[2 * LAYOUT_PATH + 64];

	snprintf(path, sizeof(path), "%s/cleave", base);
	if (version == 1)
		return is_writable(root, base) || is_writable(root, path);
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", base + 1);
	return is_writable(root, base) && faccessat(root, path, W_OK, AT_EACCESS) == 0;
}

static bool is_read_only(int root, const char *path)
{
	cleanup_close int fd = openat(root, path + 1, O_PATH | O_CLOEXEC);
	struct statvfs fs;

	return fd >= 0 && fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_RDONLY;
}

/* Of the group `base`, where groups would be made in v2. */
static void read_v2_facts(int root, const char *base, struct placement_facts *f)
{
	struct hierarchy *v2 = &f->layout.unified;
	char path[2 * LAYOUT_PATH + 64], text[512]; /* names of a dozen controllers */

	v2->is_read_only |= is_read_only(root, base);
	v2->is_hidden = !control_exists(root, base + 1);
	f->may_write_unified = !v2->is_read_only && may_make_groups(root, base, 2);
	snprintf(path, sizeof(path), "%s/cgroup.controllers", base + 1);
	if (control_read(root, path, f->own_controllers, sizeof(f->own_controllers),
			 &(struct err){0}) < 0)
		f->own_controllers[0] = '\0';
	snprintf(path, sizeof(path), "%s/cgroup.type", base + 1);
	f->root_of_v2 = !control_exists(root, path);
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", base + 1);
	f->v2_enabled = control_read(root, path, text, sizeof(text), &(struct err){0}) >= 0 &&
			placement_has_required(text);
	/* cleave, the cluster's, host, supervisor and a slice; an engine's would come below that. */
	if (!refusal_find_full(root, v2->mount, base, 5, 3, f->full, sizeof(f->full)))
		f->full[0] = '\0';
}

/*
 * The files that slices are made of. A recorded tree may be without; every group of v1's that is
 * mounted has `tasks`.
 */
static void read_files(int root, const char *base, enum controller c, char lacks[32])
{
	static const char *const files[CONTROLLER_COUNT][2] = {
		[CONTROLLER_CPUSET] = {"cpuset.cpus", "cpuset.mems"},
		[CONTROLLER_CPU] = {"cpu.shares"},
		[CONTROLLER_CPUACCT] = {"cpuacct.usage"},
		[CONTROLLER_MEMORY] = {"memory.limit_in_bytes"},
	};
	char path[2 * LAYOUT_PATH + 64];

	snprintf(path, sizeof(path), "%s/tasks", base + 1);
	if (!control_exists(root, path))
		return;
	for (unsigned i = 0; i < 2 && files[c][i]; i++) {
		snprintf(path, sizeof(path), "%s/%s", base + 1, files[c][i]);
		if (!lacks[0] && !control_exists(root, path))
			snprintf(lacks, 32, "%s", files[c][i]);
	}
}

int placement_root(const char *cgroup_root, enum root_kind *out, struct err *e)
{
	struct statfs fs;

	if (!cgroup_root || cgroup_root[0] != '/') {
		*out = cgroup_root ? ROOT_NAME : ROOT_NONE;
		return 0;
	}
	if (statfs(cgroup_root, &fs))
		return err_wrong(e, "--cgroup-root %s: %s", cgroup_root, strerror(errno));
	if (fs.f_type == CGROUP_SUPER_MAGIC)
		return err_wrong(
			e,
			"--cgroup-root %s is inside a cgroup v1 mount: give a name without a "
			"leading slash, which becomes a group in every v1 hierarchy",
			cgroup_root);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return err_wrong(
			e,
			"--cgroup-root %s is a directory outside of the cgroup tree: give one in a "
			"mounted cgroup2, or a name without a leading slash where the controllers "
			"are in cgroup v1",
			cgroup_root);
	*out = ROOT_CGROUP2;
	return 0;
}

static void read_rights(int root, struct placement_facts *f)
{
	char base[2 * LAYOUT_PATH];

	rights_read(root, f->uid, &f->rights);
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		struct hierarchy *h = &f->layout.controllers[c];

		placement_base(h, base);
		f->may_write[c] = false;
		f->lacks[c][0] = '\0';
		if (!h->version)
			continue;
		h->is_read_only |= is_read_only(root, base);
		h->is_hidden = !control_exists(root, base + 1);
		f->may_write[c] = !h->is_read_only && may_make_groups(root, base, h->version);
		if (h->version != 1)
			continue;
		if (c == CONTROLLER_CPUSET && h->has_no_prefix)
			string_copy(f->lacks[c], "cpuset.cpus");
		read_files(root, base, c, f->lacks[c]);
	}
	placement_base(&f->layout.unified, base);
	if (base[0])
		read_v2_facts(root, base, f);
}

/* Cut `path` to what it shares with another one, in whole names. */
static void cut_to_common(char *path, const char *other)
{
	size_t same = 0;

	for (size_t i = 0; path[i] && path[i] == other[i]; i++)
		if ((!path[i + 1] || path[i + 1] == '/') && (!other[i + 1] || other[i + 1] == '/'))
			same = i + 1;
	path[same] = '\0';
}

/*
 * Who moves a process, or has one born elsewhere, needs the right to write to cgroup.procs also of
 * the nearest group above both (cgroup-v2.rst, "Delegation Containment").
 */
static void find_apart(int root, const char *path, struct placement_facts *f)
{
	char own[2 * LAYOUT_PATH], file[2 * LAYOUT_PATH + 64];

	f->apart[0] = '\0';
	placement_base(&f->layout.unified, own);
	if (!own[0])
		return;
	cut_to_common(own, path);
	if (!own[0]) /* another mount: nothing can be told by names */
		return;
	snprintf(file, sizeof(file), "%s/cgroup.procs", own + 1);
	if (control_exists(root, file) && faccessat(root, file, W_OK, AT_EACCESS))
		string_copy(f->apart, own);
}

int placement_facts_read(int root, uid_t uid, struct placement_facts *out, struct err *e)
{
	struct placement_facts f = {.uid = uid};
	char path[2 * LAYOUT_PATH];
	int r = cgroup_layout_read(root, &f.layout, e);

	if (r < 0)
		return r;
	f.systemd = control_exists(root, "run/systemd/system");
	snprintf(path, sizeof(path), "run/user/%u/systemd/private", uid);
	f.user_manager = control_exists(root, path);
	if (f.user_manager && f.layout.unified.version) {
		snprintf(path, sizeof(path),
			 "%.*s/user.slice/user-%u.slice/user@%u.service/cgroup.controllers",
			 LAYOUT_PATH, f.layout.unified.mount + 1, uid, uid);
		if (control_read(root, path, f.user_controllers, sizeof(f.user_controllers),
				 &(struct err){0}) < 0)
			f.user_controllers[0] = '\0';
	}
	if (f.user_manager && uid && f.layout.unified.version) {
		placement_manager_group(&f, path);
		find_apart(root, path, &f);
	}
	read_rights(root, &f);
	*out = f;
	return 0;
}

void placement_facts_give(int root, const char *path, struct placement_facts *f)
{
	char file[2 * LAYOUT_PATH + 64], pids[64];

	if (strlen(path) >= 2 * (size_t)LAYOUT_PATH)
		return; /* placement_decide() says so */
	f->is_given = true;
	find_apart(root, path, f);
	f->layout.unified.is_read_only = false;
	read_v2_facts(root, path, f);
	/* Unlike the caller's own it may be without processes, and then it can be enabled. */
	snprintf(file, sizeof(file), "%s/cgroup.procs", path + 1);
	if (control_read(root, file, pids, sizeof(pids), &(struct err){0}) == 0)
		f->v2_enabled = true;
}

int placement_facts_align(int root, struct placement_facts *f, struct err *e)
{
	struct hierarchy *all[CONTROLLER_COUNT + 1];
	char common[2 * LAYOUT_PATH], own[2 * LAYOUT_PATH];
	unsigned count = 0;

	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		if (f->layout.controllers[c].version)
			all[count++] = &f->layout.controllers[c];
	if (f->layout.unified.version)
		all[count++] = &f->layout.unified;
	for (unsigned i = 0; i < count; i++) {
		cgroup_path_above_cleave(all[i]->own);
		snprintf(own, sizeof(own), "%s%s", all[i]->root, all[i]->own);
		if (i == 0)
			memcpy(common, own, sizeof(own));
		cut_to_common(common, own);
	}
	for (unsigned i = 0; i < count; i++) {
		const char *mounted = all[i]->root;
		size_t size = strlen(mounted);

		if (strncmp(common, mounted, size) || (common[size] && common[size] != '/'))
			return err_impossible(
				e,
				"a container engine takes one parent for all cgroup hierarchies, here "
				"%s/cleave, and %s shows only %s: run cleave outside of this container, "
				"or set backend: cgroup in the profile",
				common, all[i]->mount, mounted);
		string_copy(all[i]->own, common + size);
	}
	read_rights(root, f);
	return 0;
}
