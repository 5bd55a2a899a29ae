/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/placement.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "decision/base/strings.h"

/* Without these a slice has no walls: CPUs, share of them, memory. cpuacct and io only add. */
static const enum controller required[] = {CONTROLLER_CPUSET, CONTROLLER_CPU, CONTROLLER_MEMORY};
enum { REQUIRED = sizeof(required) / sizeof(required[0]) };

void placement_base(const struct hierarchy *h, char base[2 * LAYOUT_PATH])
{
	char own[LAYOUT_PATH];

	base[0] = '\0';
	if (!h->version)
		return;
	memcpy(own, h->own, sizeof(own));
	cgroup_path_above_cleave(own);
	snprintf(base, 2 * LAYOUT_PATH, "%s%s", h->mount, own);
}

bool placement_has_required(const char *controllers)
{
	for (unsigned i = 0; i < REQUIRED; i++)
		if (!control_has_word(controllers, controller_name(required[i], 2)))
			return false;
	return true;
}

/* Which version all required controllers share; an error where one is missing or they are mixed. */
static int required_version(const struct cgroup_layout *l, int *version, struct err *e)
{
	const struct hierarchy *first = &l->controllers[required[0]];

	for (unsigned i = 0; i < REQUIRED; i++) {
		const struct hierarchy *h = &l->controllers[required[i]];
		const char *name = controller_name(required[i], 2);

		if (h->is_unmounted)
			return err_impossible(
				e,
				"the %s controller is in cgroup v1 (/proc/self/cgroup), whose "
				"hierarchy is not mounted here: run `mount -t cgroup -o %s none DIR` "
				"with a directory of its own, or set backend: affinity in the profile "
				"to go without limits",
				name, name);
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

/* 0: the reason is one of those below. */
static int refuse(const struct placement_facts *f, const char *group, const struct hierarchy *h,
		  struct err *e)
{
	const struct refused what = {group, f->uid, h->is_read_only, h->is_hidden, f->systemd};

	return refusal_judge(&f->rights, &what, e);
}

static int decide_scope(const struct placement_facts *f, struct placement *out, struct err *e)
{
	out->kind = PLACEMENT_SCOPE;
	out->user_manager = f->uid != 0;
	if (f->layout.unified.is_read_only)
		return refuse(f, f->layout.unified.mount, &f->layout.unified, e);
	if (f->uid == 0)
		return 0;
	if (!f->user_manager)
		return err_set(
			e, -EACCES,
			"uid %u has no systemd user manager to make its groups "
			"(/run/user/%u/systemd is missing): run `loginctl enable-linger %u` as "
			"root, or run cleave as root",
			f->uid, f->uid, f->uid);
	if (placement_has_required(f->user_controllers) && f->apart[0])
		return err_set(
			e, -EACCES,
			"uid %u may not move processes from its own group %s%s to its user manager's, "
			"for it may not write to cgroup.procs of %s, above both: start cleave by "
			"`systemd-run --user --scope cleave …`, which puts it there",
			f->uid, f->layout.unified.root, f->layout.unified.own, f->apart);
	if (placement_has_required(f->user_controllers))
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

/*
 * v2 without systemd, or in a given group: only an ancestor-less or empty group may hand controllers
 * to children.
 */
static int decide_below_v2(const struct placement_facts *f, const char *base, struct placement *out,
			   struct err *e)
{
	int r = f->may_write_unified ? 0 : refuse(f, base, &f->layout.unified, e);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < REQUIRED; i++) {
		const char *name = controller_name(required[i], 2);

		if (!control_has_word(f->own_controllers, name) &&
		    f->layout.controllers[required[i]].version == 1)
			return err_impossible(
				e,
				"%s has no %s controller, which is in cgroup v1 here: give "
				"--cgroup-root a name without a leading slash, which becomes a group "
				"in every v1 hierarchy",
				base, name);
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
	if (f->apart[0])
		return err_set(
			e, -EACCES,
			"uid %u may not move processes from its own group %s%s to %s, for it may not "
			"write to cgroup.procs of %s, above both: as root run `echo PID > "
			"%s/shell/cgroup.procs` with the PID of your shell (mkdir %s/shell)",
			f->uid, f->layout.unified.root, f->layout.unified.own, base, f->apart, base,
			base);
	if (!f->root_of_v2 && !f->v2_enabled)
		return err_set(
			e, -EBUSY,
			"%s holds processes, so the kernel does not let it hand controllers to "
			"groups below: run `mkdir %s/shell; for p in $(cat %s/cgroup.procs); do "
			"echo $p > %s/shell/cgroup.procs; done` and start cleave with "
			"--cgroup-root %s",
			base, base, base, base, base);
	if (f->full[0])
		return err_impossible(
			e,
			"%s lets too few groups be made for a cluster: write a greater "
			"number to it, or set backend: affinity in the profile to go "
			"without limits",
			f->full);
	out->kind = PLACEMENT_CGROUP2;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		string_copy(out->base[c], base);
	return 0;
}

static int check_files(const struct placement_facts *f, enum controller c, struct err *e)
{
	const struct hierarchy *h = &f->layout.controllers[c];
	const char *name = controller_name(c, 1);

	if (!f->lacks[c][0] || c == CONTROLLER_CPUACCT)
		return 0;
	if (h->has_no_prefix)
		return err_impossible(
			e,
			"%s is mounted with noprefix at %s, so its files are \"cpus\" and \"mems\" "
			"instead of %s and cpuset.mems: run `umount %s; mount -t cgroup -o cpuset none "
			"%s`, or set backend: affinity in the profile to go without limits",
			name, h->mount, f->lacks[c], h->mount, h->mount);
	return err_impossible(
		e,
		"there is no %s in the cgroup v1 hierarchy %s: this kernel was built "
		"without what slices need; use another one, or set backend: affinity in "
		"the profile to go without limits",
		f->lacks[c], h->mount);
}

static int decide_below_v1(const struct placement_facts *f, const char *name, struct placement *out,
			   struct err *e)
{
	out->kind = PLACEMENT_CGROUP1;
	out->base_is_ours = name != NULL;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		const struct hierarchy *h = &f->layout.controllers[c];
		bool is_needed = c != CONTROLLER_IO && c != CONTROLLER_CPUACCT;
		char base[2 * LAYOUT_PATH];
		int r = 0;

		placement_base(h, base);
		if (!base[0] || h->version != 1)
			continue;
		r = check_files(f, c, e);
		/* A named group may have been made for the caller, but not on what is read-only. */
		if (r == 0 && is_needed && !f->may_write[c] &&
		    (!name || h->is_read_only || (!f->uid && !f->rights.is_mapped)))
			r = refuse(f, base, h, e);
		if (r < 0)
			return r;
		if (!f->may_write[c] && !name && is_needed)
			return err_set(
				e, -EACCES,
				"uid %u may not make groups in %s: run cleave as root, or as "
				"root run `mkdir %s/cleave && chown -R %u %s/cleave` (the same "
				"for cpuset, cpu, cpuacct, memory and blkio)",
				f->uid, base, base, f->uid, base);
		if (!f->may_write[c] && (!name || h->is_read_only))
			continue;
		if (snprintf(out->base[c], sizeof(out->base[c]), "%s%s%s", base, name ? "/" : "",
			     name ? name : "") >= (int)sizeof(out->base[c]))
			return err_set(e, -ENAMETOOLONG, "the group %.100s… below %s is too long",
				       name, base);
	}
	/* Beside v1, which has the walls, v2 is a help that can be missed. */
	if (f->layout.unified.version && !f->layout.unified.is_read_only && !f->full[0] &&
	    (name || f->may_write_unified)) {
		char base[2 * LAYOUT_PATH];

		placement_base(&f->layout.unified, base);
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
	char own[2 * LAYOUT_PATH];
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
		if (f->is_given)
			r = decide_below_v2(f, cgroup_root, &p, e);
		break;
	case ROOT_NAME:
		r = decide_named(f, cgroup_root, &p, e);
		break;
	case ROOT_NONE:
		placement_base(&f->layout.unified, own);
		if (version == 1)
			r = decide_below_v1(f, NULL, &p, e);
		else
			r = f->systemd ? decide_scope(f, &p, e) : decide_below_v2(f, own, &p, e);
		break;
	}
	if (r == 0)
		*out = p;
	return r;
}

int placement_try(const struct placement *p, struct err *e)
{
	bool is_below = p->kind == PLACEMENT_CGROUP1 || p->kind == PLACEMENT_CGROUP2;

	for (enum controller c = 0; is_below && c < CONTROLLER_COUNT; c++) {
		char path[3 * LAYOUT_PATH];

		if (!p->base[c][0] || (c && p->kind == PLACEMENT_CGROUP2))
			continue;
		/* Never the group that clusters have: one might just be using it. */
		snprintf(path, sizeof(path), "%s/cleave", p->base[c]);
		if (!control_exists(AT_FDCWD, p->base[c]))
			string_copy(path, p->base[c]);
		else if (control_exists(AT_FDCWD, path))
			snprintf(path, sizeof(path), "%s/cleave/try-%d", p->base[c], getpid());
		else
			snprintf(path, sizeof(path), "%s/cleave-try-%d", p->base[c], getpid());
		if (mkdir(path, 0755)) {
			err_errno(e, -errno, "cannot make group %s", path);
			return refusal_explain(p->base[c], e);
		}
		rmdir(path);
	}
	return 0;
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
