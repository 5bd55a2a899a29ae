/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "containers/proc/control_file.h"
#include "decision/base/strings.h"

/* Without these a slice has no walls: CPUs, share of them, memory. cpuacct and io only add. */
static const enum controller required[] = {CONTROLLER_CPUSET, CONTROLLER_CPU, CONTROLLER_MEMORY};
enum { REQUIRED = sizeof(required) / sizeof(required[0]) };

/* Where our groups begin in one hierarchy. */
static void base_of(const struct hierarchy *h, char base[2 * LAYOUT_PATH])
{
	char own[LAYOUT_PATH];

	base[0] = '\0';
	if (!h->version)
		return;
	memcpy(own, h->own, sizeof(own));
	cgroup_path_above_cleave(own);
	snprintf(base, 2 * LAYOUT_PATH, "%s%s", h->mount, own);
}

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

static bool has_all_required(const char *controllers)
{
	for (unsigned i = 0; i < REQUIRED; i++)
		if (!control_has_word(controllers, controller_name(required[i], 2)))
			return false;
	return true;
}

static void read_v2_facts(int root, struct placement_facts *f)
{
	char base[2 * LAYOUT_PATH], path[2 * LAYOUT_PATH + 64], text[512];

	base_of(&f->layout.unified, base);
	f->may_write_unified = may_make_groups(root, base, 2);
	snprintf(path, sizeof(path), "%s/cgroup.controllers", base + 1);
	if (control_read(root, path, f->own_controllers, sizeof(f->own_controllers),
			 &(struct err){0}) < 0)
		f->own_controllers[0] = '\0';
	snprintf(path, sizeof(path), "%s/cgroup.type", base + 1);
	f->root_of_v2 = !control_exists(root, path);
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", base + 1);
	f->v2_enabled = control_read(root, path, text, sizeof(text), &(struct err){0}) >= 0 &&
			has_all_required(text);
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
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		const struct hierarchy *h = &f->layout.controllers[c];
		char base[2 * LAYOUT_PATH];

		base_of(h, base);
		f->may_write[c] = h->version && may_make_groups(root, base, h->version);
	}
	if (f->layout.unified.version)
		read_v2_facts(root, f);
}

int placement_facts_read(int root, uid_t uid, struct placement_facts *out, struct err *e)
{
	struct placement_facts f = {.uid = uid};
	char path[LAYOUT_PATH + 128];
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
	read_rights(root, &f);
	*out = f;
	return 0;
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

/* Which version all required controllers share; an error where one is missing or they are mixed. */
static int required_version(const struct cgroup_layout *l, int *version, struct err *e)
{
	const struct hierarchy *first = &l->controllers[required[0]];

	for (unsigned i = 0; i < REQUIRED; i++) {
		const struct hierarchy *h = &l->controllers[required[i]];
		const char *name = controller_name(required[i], 2);

		if (!h->version && !l->unified.version)
			return err_impossible(
				e,
				"no %s controller is mounted here (/proc/self/mountinfo): mount "
				"cgroup2 at /sys/fs/cgroup (mount -t cgroup2 none /sys/fs/cgroup), or "
				"set backend: affinity in the profile to go without limits",
				name);
		if (!h->version)
			return err_impossible(
				e,
				"this kernel has no %s controller (%s/cgroup.controllers): boot "
				"without cgroup_disable=%s, or set backend: affinity in the profile to "
				"go without limits",
				name, l->unified.mount, name);
		if (h->version != first->version)
			return err_impossible(
				e,
				"cpuset is in cgroup v%d but %s in v%d: boot with cgroup_no_v1=all or "
				"without cgroup_no_v1, so that both are in one version",
				first->version, name, h->version);
	}
	*version = first->version;
	return 0;
}

static int decide_scope(const struct placement_facts *f, struct placement *out, struct err *e)
{
	out->kind = PLACEMENT_SCOPE;
	out->user_manager = f->uid != 0;
	if (f->uid == 0)
		return 0;
	if (!f->user_manager)
		return err_set(
			e, -EACCES,
			"uid %u has no systemd user manager to make its groups "
			"(/run/user/%u/systemd is missing): run `loginctl enable-linger %u` as "
			"root, or run cleave as root",
			f->uid, f->uid, f->uid);
	if (has_all_required(f->user_controllers))
		return 0;
	return err_set(
		e, -EACCES,
		"systemd gives uid %u only the controllers \"%s\", and slices need cpuset, cpu and "
		"memory: as root write \"[Service]\\nDelegate=cpu cpuset io memory pids\" to "
		"/etc/systemd/system/user@.service.d/delegate.conf, run `systemctl daemon-reload` "
		"and log in again (cleave then uses `systemd-run --user --scope -p Delegate=yes`)",
		f->uid, f->user_controllers);
}

void placement_manager_group(const struct placement_facts *f, char path[2 * LAYOUT_PATH])
{
	const char *mount = f->layout.unified.mount;

	if (f->uid)
		snprintf(path, 2 * LAYOUT_PATH,
			 "%s/user.slice/user-%u.slice/user@%u.service/app.slice", mount, f->uid,
			 f->uid);
	else
		snprintf(path, 2 * LAYOUT_PATH, "%s/system.slice", mount);
}

/* What the engine is told as the parent has to be a unit, of the manager that it asks itself. */
static int decide_slices(const struct placement_facts *f, enum root_kind root, int version,
			 struct placement *out, struct err *e)
{
	char base[2 * LAYOUT_PATH];
	int r;

	if (root != ROOT_NONE || version == 1 || !f->systemd)
		return err_impossible(
			e,
			"the container engine makes groups by its cgroup driver \"systemd\", "
			"which has no place %s: start it with --exec-opt "
			"native.cgroupdriver=cgroupfs, or set backend: cgroup in the profile",
			root != ROOT_NONE ? "below --cgroup-root"
			: version == 1	  ? "in cgroup v1"
					  : "where systemd is not running");
	r = decide_scope(f, out, e);
	if (r < 0)
		return r;
	out->kind = PLACEMENT_SLICES;
	placement_manager_group(f, base);
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		string_copy(out->base[c], base);
	return 0;
}

/* v2 without systemd: only an ancestor-less or empty group may hand controllers to children. */
static int decide_below_v2(const struct placement_facts *f, struct placement *out, struct err *e)
{
	char base[2 * LAYOUT_PATH];

	base_of(&f->layout.unified, base);
	for (unsigned i = 0; i < REQUIRED; i++) {
		const char *name = controller_name(required[i], 2);

		if (!control_has_word(f->own_controllers, name))
			return err_impossible(
				e,
				"the group %s was not given the %s controller: run `echo +%s > "
				"…/cgroup.subtree_control` in every group above it, or set backend: "
				"affinity in the profile to go without limits",
				base, name, name);
	}
	if (!f->may_write_unified)
		return err_set(
			e, -EACCES,
			"uid %u may not make groups in %s: run cleave as root, or as root run "
			"`cd %s; echo +cpuset +cpu +memory > cgroup.subtree_control; mkdir -p "
			"user/shell; chown -R %u user; echo PID > user/shell/cgroup.procs` with "
			"the PID of your shell, and start cleave with --cgroup-root %s/user",
			f->uid, base, base, f->uid, base);
	if (!f->root_of_v2 && !f->v2_enabled)
		return err_set(
			e, -EBUSY,
			"%s holds processes, so the kernel does not let it hand controllers to "
			"groups below: run `mkdir %s/shell; for p in $(cat %s/cgroup.procs); do "
			"echo $p > %s/shell/cgroup.procs; done` and start cleave with "
			"--cgroup-root %s",
			base, base, base, base, base);
	out->kind = PLACEMENT_CGROUP2;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		string_copy(out->base[c], base);
	return 0;
}

static int decide_below_v1(const struct placement_facts *f, const char *name, struct placement *out,
			   struct err *e)
{
	out->kind = PLACEMENT_CGROUP1;
	out->base_is_ours = name != NULL;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		char base[2 * LAYOUT_PATH];

		base_of(&f->layout.controllers[c], base);
		if (!base[0] || f->layout.controllers[c].version != 1)
			continue;
		if (!f->may_write[c] && !name && c != CONTROLLER_IO && c != CONTROLLER_CPUACCT)
			return err_set(
				e, -EACCES,
				"uid %u may not make groups in %s: run cleave as root, or as "
				"root run `mkdir %s/cleave && chown -R %u %s/cleave` (the same "
				"for cpuset, cpu, cpuacct, memory and blkio)",
				f->uid, base, base, f->uid, base);
		if (!f->may_write[c] && !name) /* a named group may have been made for the caller */
			continue;
		if (snprintf(out->base[c], sizeof(out->base[c]), "%s%s%s", base, name ? "/" : "",
			     name ? name : "") >= (int)sizeof(out->base[c]))
			return err_set(e, -ENAMETOOLONG, "the group %.100s… below %s is too long",
				       name, base);
	}
	if (f->layout.unified.version && (name || f->may_write_unified)) {
		char base[2 * LAYOUT_PATH];

		base_of(&f->layout.unified, base);
		if (snprintf(out->unified, sizeof(out->unified), "%s%s%s", base, name ? "/" : "",
			     name ? name : "") >= (int)sizeof(out->unified))
			out->unified[0] = '\0';
	}
	return 0;
}

/* --cgroup-root NAME: a group of that name in every v1 hierarchy. */
static int decide_named(const struct placement_facts *f, const char *name, struct placement *out,
			struct err *e)
{
	const struct hierarchy *v2 = &f->layout.unified;

	if (strstr(name, "..") || strchr(name, '\n') || !name[0])
		return err_wrong(e, "--cgroup-root \"%s\" is no name of a group", name);
	if (f->layout.controllers[CONTROLLER_CPUSET].version != 1)
		return err_wrong(
			e,
			"--cgroup-root %s names a group in cgroup v1, and cpuset is not in "
			"v1 here: give a directory below %s",
			name, v2->version ? v2->mount : "a mounted cgroup2");
	return decide_below_v1(f, name, out, e);
}

int placement_decide(const struct placement_facts *f, enum backend backend, const char *engine,
		     enum root_kind root, const char *cgroup_root, struct placement *out,
		     struct err *e)
{
	struct placement p = {.kind = PLACEMENT_AFFINITY};
	int version = 0, r = 0;

	if (backend == BACKEND_AFFINITY) {
		*out = p;
		return 0;
	}
	if (backend == BACKEND_DOCKER && !engine)
		return err_set(e, -EINVAL, "nobody has asked the engine for its cgroup driver");
	if (engine && strcmp(engine, "cgroupfs") != 0 && strcmp(engine, "systemd") != 0)
		return err_impossible(
			e,
			"the container engine makes groups by its cgroup driver "
			"\"%.32s\", which has no place in slices: start it with "
			"--exec-opt native.cgroupdriver=cgroupfs, or set backend: cgroup "
			"in the profile",
			engine);
	if (engine)
		string_copy(p.engine, engine);
	if (root != ROOT_CGROUP2)
		r = required_version(&f->layout, &version, e);
	if (r < 0)
		return r;
	if (engine && !strcmp(engine, "systemd")) {
		r = decide_slices(f, root, version, &p, e);
		if (r == 0)
			*out = p;
		return r;
	}
	switch (root) {
	case ROOT_CGROUP2:
		p.kind = PLACEMENT_CGROUP2;
		for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
			if (string_copy(p.base[c], cgroup_root))
				return err_wrong(e, "--cgroup-root %.100s… has %zu bytes, %d fit",
						 cgroup_root, strlen(cgroup_root),
						 2 * LAYOUT_PATH - 1);
		break;
	case ROOT_NAME:
		r = decide_named(f, cgroup_root, &p, e);
		break;
	case ROOT_NONE:
		if (version == 1)
			r = decide_below_v1(f, NULL, &p, e);
		else
			r = f->systemd ? decide_scope(f, &p, e) : decide_below_v2(f, &p, e);
		break;
	}
	if (r == 0)
		*out = p;
	return r;
}

void placement_scope_command(const char *cluster, bool user_manager, struct scope_command *out)
{
	unsigned n = 0;

	snprintf(out->unit, sizeof(out->unit), "cleave-%s.scope", cluster);
	snprintf(out->unit_option, sizeof(out->unit_option), "--unit=%s", out->unit);
	out->argv[n++] = "systemd-run";
	if (user_manager)
		out->argv[n++] = "--user";
	out->argv[n++] = "--scope";
	out->argv[n++] = "--quiet";
	out->argv[n++] = "--collect"; /* a failed scope must not block its name */
	out->argv[n++] = out->unit_option;
	out->argv[n++] = "--description=slices of cleave";
	out->argv[n++] = "-p";
	out->argv[n++] = "Delegate=yes";
	out->argv[n++] = "--";
	out->argv[n++] = "sleep";
	out->argv[n++] = "infinity";
	out->argv[n] = NULL;
}
